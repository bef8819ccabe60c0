"""The attack of HoSNN's evaluation on a trained run, in its own form and in the strict one.

    python examples/robust/published_attack.py RUN --eps 8 --samples 1000 --strong 100 --out FILE

PGD with 7 steps of a third of the budget, cross-entropy, gradients through all of the dynamics of
the deployed integers (the moving threshold included), graded on the integers:

    per step    each step of the sample has a perturbation of its own, as in the publication's code
    static      one image for all steps, which is what a camera could be shown
    strong      the strength ``strong`` of ``neurodeploy verify``, static, on fewer samples
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import neurodeploy as nd
from neurodeploy.atomic import replacing
from neurodeploy.attack.backward import Surrogate
from neurodeploy.attack.gradient import Pgd
from neurodeploy.data import Presentation, load_data
from neurodeploy.encode import Columns
from neurodeploy.train.config import read_config
from neurodeploy.train.feed import build_encoder

COPIED = ("name", "seed", "config_sha256", "program_sha256", "data", "accuracy", "lowering")


def presented(run: Path, samples: int) -> tuple[Presentation, Presentation]:
    """Return the first test samples as still data, and with every step a datum of its own."""
    config = read_config(run / "config.toml")
    data = load_data(config.data.name)
    encoder = build_encoder(config.encoder, data)
    program = nd.load(run / "program.h5")
    part = data.part("test").first(samples)
    still = Presentation(part, encoder, data.domain, program.inputs[0].shape)
    columns = encoder.encode(part.x, part.index, part.lengths, 0)
    series = replace(part, x=np.ascontiguousarray(columns, np.int32))
    shown = Columns(steps=encoder.columns, peak=data.peak)
    return still, Presentation(series, shown, data.domain, program.inputs[0].shape)


def attacked(run: Path, eps: float, samples: int, strong: int) -> dict[str, Any]:
    """Return the rows of the three attacks."""
    program = nd.load(run / "program.h5")
    still, series = presented(run, samples)
    seven = (Pgd("ce", Surrogate("fast_sigmoid"), steps=7),)
    asked = {
        "static": (still, nd.Attack(eps=(eps,), attacks=seven)),
        "per step": (series, nd.Attack(eps=(eps,), attacks=seven)),
    }
    if strong:
        asked["strong"] = (still.first(strong), nd.Attack(eps=(eps,), strength="strong"))
    rows = {}
    for name, (shown, suite) in asked.items():
        row = nd.verify(program, shown, [suite])["attack"].rows[0]
        kept = ("eps", "clean", "robust", "low", "high", "n", "by_attack")
        rows[name] = {key: getattr(row, key) for key in kept}
        print(f"{run.name}, {name}: clean {row.clean:.1%}, robust {row.robust:.1%} of {row.n}")
    return rows


def main() -> None:
    """Attack a run and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--eps", type=float, default=8.0)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--strong", type=int, default=100, help="samples of strong, 0 for none")
    parser.add_argument("--command", nargs="*", default=[], dest="commands")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    result = json.loads((options.run / "result.json").read_text())
    content = {
        "commands": options.commands,
        "training": {name: result[name] for name in COPIED},
        "attack": attacked(options.run, options.eps, options.samples, options.strong),
    }
    with replacing(options.out) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
