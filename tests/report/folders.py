"""Run folders for the tests of the report: a small network on digits, and hand-written outcomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import neurodeploy as nd
from neurodeploy import container
from neurodeploy.answers import RunChoice
from neurodeploy.data import load_data
from neurodeploy.data.presentation import present
from neurodeploy.encode import Direct
from neurodeploy.energy import estimate_energy
from neurodeploy.profile import load_profile
from neurodeploy.run_folder import COMPARE, ENERGY, PROGRAM, RESULT, SAMPLE, VERIFY, write_json
from neurodeploy.verification.sample import record_sample, write_sample
from neurodeploy.verification.verify import DEFAULT_SUITES, chosen, subject_of, verify

ENGINE = RunChoice(engine="reference")


def digits_program() -> nd.Program:
    """A spiking copy of each pixel pair, then one integrator per class with centred class means."""
    data = load_data("digits").train
    x = data.x.reshape(len(data), -1).astype(float)
    means = np.stack([x[data.y == k].mean(axis=0) for k in range(10)]) - x.mean(axis=0)
    encoder = Direct(steps=6, peak=16, levels=16)
    lif = nd.CubaLif(current_decay=4096, voltage_decay=0, threshold=16)
    return nd.Program(
        inputs=(nd.Input("input", (1, 8, 8), encoder.message_bits),),
        populations=(
            nd.Population("pixels", 64, lif),
            nd.Population("classes", 10, nd.Integrator(4096, 0)),
        ),
        connections=(
            nd.Connection("input", "pixels", nd.Dense(np.eye(64, dtype=int))),
            nd.Connection("pixels", "classes", nd.Dense(np.rint(8 * means).astype(int))),
        ),
        readout=nd.Readout("classes", "v"),
        metadata=encoder.metadata(),
    )


def comparison(program: nd.Program, engines: tuple[str, ...], **changes: Any) -> dict[str, Any]:
    """What `neurodeploy compare --json` writes, in the parts that a report reads."""
    return {
        "digest": program.digest,
        "engines": list(engines),
        "samples": 3,
        "steps": 6,
        "options": {"timing": "aligned", "weights": "exact", "reset_interval": None},
        "equal": True,
        "compared": 1234,
        "differing": 0,
        "first": None,
        **changes,
    }


def accuracy(correct: int = 90, samples: int = 100) -> dict[str, Any]:
    return nd.accuracy.Accuracy(correct, 0, samples).to_dict()


def result(program: nd.Program, **changes: Any) -> dict[str, Any]:
    """A result.json of training."""
    return {
        "format": 1,
        "name": "digits <test>",
        "seed": 7,
        "config_sha256": "c" * 64,
        "program_sha256": program.digest,
        "weights_sha256": "f" * 64,
        "data": {"name": "digits", "split_seed": 2024},
        "encoder": {"encoder": "direct"},
        "accuracy": {
            "validation_trained": accuracy(),
            "test_trained": accuracy(),
            "test_integer": accuracy(),
        },
        "lowering": {
            "engine": "reference",
            "samples": 100,
            "spike_differences": 0,
            "score_differences": 0,
        },
        "stream": {
            "samples": 100,
            "columns": 600,
            "reset_interval": 6,
            "reset_offset": 1,
            "engine": "reference",
            "spike_differences": 0,
            "samples_different": 0,
            "busy_samples": 0,
            "accuracy": accuracy(),
            "identical": True,
        },
        "timing": {"rule": "theorem", "needs_reset": False, "reason": "feed-forward"},
        "layers": [],
        "epochs": {"epochs": 2, "best_epoch": 1, "seconds": [1.0, 1.0], "seconds_mean": 1.0},
        "versions": {"neurodeploy": "0.1.0"},
        **changes,
    }


def program_folder(folder: Path, program: nd.Program) -> Path:
    """A folder that holds a program and nothing else."""
    folder.mkdir()
    container.write(program, folder / PROGRAM)
    return folder


def full_folder(folder: Path, program: nd.Program) -> Path:
    """A folder with every file that a report reads."""
    program_folder(folder, program)
    test = load_data("digits").test
    data = present(program, test).first(60)
    subject = subject_of(program, data, name="digits", of=len(test), run=ENGINE)
    found = verify(subject, chosen(DEFAULT_SUITES))
    write_json(folder / VERIFY, found.to_dict())
    sample = record_sample(program, data, 2, recipe=subject.recipe)
    write_sample(sample, program.digest, folder / SAMPLE)
    profiles: list[dict[str, Any]] = [
        {"profile": name, "report": estimate_energy(program, found.activity, profile).to_dict()}
        for name in ("loihi1", "loihi2")
        for profile in [load_profile(name)]
    ]
    profiles.append({"profile": "other", "refused": "no constant is known"})
    write_json(folder / ENERGY, {"format": 1, "digest": program.digest, "profiles": profiles})
    entry = comparison(program, ("reference", "native", "lava"))
    write_json(folder / COMPARE, {"comparisons": [entry]})
    write_json(folder / RESULT, result(program))
    rows = [
        {"epoch": k, "loss": 1 / k, "validation_accuracy": 0.9, "learning_rate": 0.1, "seconds": 1}
        for k in (1, 2)
    ]
    lines = "".join(f"{row}\n".replace("'", '"') for row in rows)
    (folder / "metrics.jsonl").write_text(lines)
    return folder
