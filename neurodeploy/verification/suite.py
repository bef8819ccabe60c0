"""All verdicts on one network and data set, as the content of ``verify.json``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.answers import RunChoice
from neurodeploy.atomic import replacing
from neurodeploy.data.presentation import Presentation
from neurodeploy.errors import OptionError
from neurodeploy.program import Program
from neurodeploy.run_folder import FORMAT, versions
from neurodeploy.trace import Activity
from neurodeploy.verification.activity import measure, summary
from neurodeploy.verification.headroom import headroom
from neurodeploy.verification.mppd import mppd
from neurodeploy.verification.noise import SEED, SIGMAS, noise_accuracy
from neurodeploy.verification.sample import Sample

SUITES = ("noise", "overflow")
MPPD_SIGMA = 0.1


def verify(
    program: Program,
    data: Presentation,
    *,
    name: str,
    part: str = "test",
    suites: Sequence[str] = SUITES,
    sigmas: Sequence[float] = SIGMAS,
    seed: int = SEED,
    run: RunChoice | None = None,
) -> tuple[dict[str, Any], Activity]:
    """Run the suites; return the content of ``verify.json`` and the counts of the clean run.

    name, part : of the data set. suites : ``"noise"`` (accuracy under noise, MPPD) and
    ``"overflow"`` (headroom of u and v); activity and accuracy are always measured. run : how
    samples are run, see `neurodeploy.answers.settle`.

    Raises OptionError for a suite that does not exist.
    """
    for suite in suites:
        if suite not in SUITES:
            raise OptionError(f"suite is {suite!r}, expected some of {', '.join(SUITES)}")
    began = time.perf_counter()
    found = measure(program, data, run=run, contrast=True)
    result: dict[str, Any] = {
        "format": FORMAT,
        "digest": program.digest,
        "data": {"name": name, "part": part, "samples": len(data), "place": data.place},
        "run": {**found.recipe.to_dict(), "answers_differing": found.differing},
        "accuracy": found.accuracy.to_dict(),
        "undecided": found.undecided.to_dict(),
        "activity": summary(program, found.activity),
        "seeds": {"noise": seed},
    }
    if "noise" in suites:
        result["noise"] = noise_accuracy(program, data, sigmas=sigmas, seed=seed, run=run).to_dict()
        result["mppd"] = mppd(program, data, sigma=MPPD_SIGMA, seed=seed, run=run).to_dict()
    if "overflow" in suites:
        options = found.recipe.from_rest()
        result["headroom"] = [entry.to_dict() for entry in headroom(program, data, run=options)]
    result["versions"] = versions()
    result["seconds"] = time.perf_counter() - began
    return result, found.activity


def write_sample(sample: Sample, digest: str, path: Path) -> None:
    """Store ``sample`` as the ``sample.npz`` of a run folder."""
    arrays: dict[str, Any] = {
        "digest": np.array(digest),
        "row": np.array(sample.row),
        "label": np.array(sample.label),
        "predicted": np.array(sample.predicted),
        "scores": sample.scores,
        "columns": sample.columns,
    }
    for k, layer in enumerate(sample.layers):
        arrays[f"layer{k}_s"] = layer.spikes
        arrays[f"layer{k}_neurons"] = layer.neurons
        arrays[f"layer{k}_v"] = layer.v
        if layer.threshold is not None:
            arrays[f"layer{k}_threshold"] = layer.threshold
    image = BytesIO()
    np.savez_compressed(image, **arrays)
    with replacing(path) as file:
        file.write(image.getvalue())
