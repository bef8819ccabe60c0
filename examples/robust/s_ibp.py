"""Certified errors of a network trained by S-IBP or S-CROWN, as the publication counts them.

    python examples/robust/s_ibp.py RUN --samples 1000 --out FILE.json

For each test image the random numbers of the rate code are drawn once; within eps a pixel's spikes
lie between those of its ends for these numbers. Bounds of the first columns (T' of the training) by
both methods, in floats beside the steps of the twin; a tie is a failure. The accuracies are those
of the integers, over all steps and over the first T'.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from neurodeploy.accuracy import Accuracy, predictions
from neurodeploy.atomic import replacing
from neurodeploy.train.checkpoint import read_checkpoint
from neurodeploy.train.config import read_config
from neurodeploy.train.interval_loss import bound_held
from neurodeploy.train.run import prepare


def measured(run: Path, samples: int) -> dict[str, Any]:
    """Return accuracies and certified errors on the first test images."""
    config = read_config(run / "config.toml")
    feed, network = prepare(config)
    kept = read_checkpoint(run, config.digest)
    spec = config.interval
    if kept is None or spec is None or spec.columns is None:
        raise SystemExit(f"{run}: holds no run that was trained with bounds of the first columns")
    network.load_state_dict(kept.best_model)
    part = feed.data.test.first(samples)
    held = {
        method: bound_held(network, feed, part, spec.model_copy(update={"method": method}))
        for method in ("s-ibp", "s-crown")
    }
    with torch.no_grad():
        first = network.eval()(feed.batch(part)[: spec.columns], spec.columns)
    few = Accuracy.of(predictions(network.scores(first)), part.y)
    return {
        "eps": spec.eps,
        "columns": spec.columns,
        "samples": len(part),
        "accuracy_of_first_columns": few.rate,
        "certified_error": {method: 1 - share for method, share in held.items()},
    }


def main() -> None:
    """Measure a run and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--command", nargs="*", default=[], dest="commands")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    result = json.loads((options.run / "result.json").read_text())
    copied = ("name", "seed", "config_sha256", "program_sha256", "data", "accuracy", "lowering")
    content = {
        "commands": options.commands,
        "training": {name: result[name] for name in copied},
        "certified": measured(options.run, options.samples),
    }
    with replacing(options.out) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())
    print(json.dumps(content["certified"]))


if __name__ == "__main__":
    main()
