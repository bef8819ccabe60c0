"""Run folders for the tests of the report: a small network on digits, and hand-written outcomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from placement.chips import chip

import neurodeploy as nd
from neurodeploy import container
from neurodeploy.answers import RunChoice
from neurodeploy.data import load_data
from neurodeploy.data.presentation import present
from neurodeploy.encode import Direct
from neurodeploy.energy import estimate_energy
from neurodeploy.profile import load_profile
from neurodeploy.results.comparison import Compared
from neurodeploy.results.outcome import Outcome
from neurodeploy.results.placement import ChipPlacement
from neurodeploy.results.verification import Measurements
from neurodeploy.run_folder import (
    COMPARE,
    ENERGY,
    PLACEMENT,
    PROGRAM,
    RESULT,
    SAMPLE,
    VERIFY,
    as_record,
    write_json,
)
from neurodeploy.verification.sample import record_sample, write_sample
from neurodeploy.verification.suites import Flags
from neurodeploy.verification.verdicts import DEFAULT_SUITES, ask, chosen, subject_of

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


def placements(program: nd.Program, x: Any, data: dict[str, Any]) -> dict[str, Any]:
    """What `neurodeploy energy --placed` writes: two chips hold the program, one does not.

    One chip has a mesh and times, the other is spread over several chips.
    """
    small = chip(neurons_per_core_max=12, cores_per_chip=4)
    trace = nd.simulate(program, x, engine="reference")
    chips = []
    for profile in (load_profile("loihi1"), small):
        placement = nd.place(program, profile)
        load = nd.core_load(program, placement, profile, x, trace).summary()
        chips.append(ChipPlacement(profile.name, placement, load).to_dict())
    chips.append(ChipPlacement("other", refused="one neuron is too much").to_dict())
    return {"format": 1, "digest": program.digest, "data": data, "chips": chips}


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
        "data": {
            "name": "digits",
            "split_seed": 2024,
            "samples": {"train": 1295, "validation": 143, "test": 359},
        },
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


def compared(program: nd.Program, *engines: str, **changes: Any) -> Compared:
    """One comparison as a record."""
    return as_record(Compared, comparison(program, engines, **changes), "compare.json")


def outcome(program: nd.Program, **changes: Any) -> Outcome:
    """A result.json as a record."""
    return as_record(Outcome, result(program, **changes), "result.json")


def layer(name: str, **changes: Any) -> dict[str, Any]:
    """The counts of one layer in verify.json."""
    counts = {"neurons": 64, "events": 1.0, "events_min": 1, "events_max": 1, "rate": 0.1}
    more = {"updates": 64, "u_wraps": 0, "v_saturations": 0}
    return {"name": name, "input": False, **counts, **more, **changes}


def state_row(population: str, state: str, **changes: Any) -> dict[str, Any]:
    """One state in verify.json."""
    return {
        "population": population,
        "state": state,
        "bound": 1 << 21,
        "observed": 1 << 20,
        "limit": 1 << 23 if state == "u" else (1 << 23) - 1,
        "overflows": 0,
        "verdict": "impossible",
        "assumes": "from rest, 6 steps, inputs 0 to 16",
        **changes,
    }


def headroom(name: str, **changes: Any) -> dict[str, Any]:
    """The headroom of one layer in verify.json."""
    return {
        "population": name,
        "u_largest": 1 << 20,
        "v_largest": 1 << 20,
        "u_bound": 1 << 21,
        "v_bound": 1 << 21,
        "u_wraps": 0,
        "v_saturations": 0,
        "v_before_reset": True,
        "u_bits": 3.0,
        "v_bits": 3.0,
        "u_bound_bits": 2.0,
        "v_bound_bits": 2.0,
        "proven": True,
        **changes,
    }


def measurements(**changes: Any) -> Measurements:
    """A verify.json of `digits_program`, 60 samples, as a record."""
    layers = [layer("pixels"), layer("classes", neurons=10)]
    content = {
        "data": {"name": "digits", "part": "test", "samples": 60, "of": 359},
        "accuracy": accuracy(54, 60),
        "activity": {"steps": 6, "samples": 60, "layers": layers},
        "headroom": [headroom("pixels"), headroom("classes")],
        "overflow": [
            state_row("pixels", "u"),
            state_row("pixels", "v"),
            state_row("classes", "v", verdict="never"),
        ],
        **changes,
    }
    return as_record(Measurements, content, "verify.json")


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
    suites = chosen((*DEFAULT_SUITES, "certify"), Flags(eps=(16.0, 32.0)))
    found = ask(subject, suites)
    write_json(folder / VERIFY, found.to_dict())
    sample = record_sample(program, data, 2, recipe=subject.recipe)
    write_sample(sample, program.digest, subject.shown, folder / SAMPLE)
    profiles: list[dict[str, Any]] = [
        {"profile": name, "report": estimate_energy(program, found.activity, profile).to_dict()}
        for name in ("loihi1", "loihi2")
        for profile in [load_profile(name)]
    ]
    profiles.append({"profile": "other", "refused": "no constant is known"})
    data_run = {"name": "digits", "part": "test", "samples": 60}
    energies = {"format": 1, "digest": program.digest, "data": data_run, "profiles": profiles}
    write_json(folder / ENERGY, energies)
    write_json(folder / PLACEMENT, placements(program, data.columns(slice(0, 8)), data_run))
    entry = comparison(program, ("reference", "native", "lava"), data={"name": "x.npy"})
    write_json(folder / COMPARE, {"comparisons": [entry]})
    write_json(folder / RESULT, result(program))
    rows = [
        {"epoch": k, "loss": 1 / k, "validation_accuracy": 0.9, "learning_rate": 0.1, "seconds": 1}
        for k in (1, 2)
    ]
    lines = "".join(f"{row}\n".replace("'", '"') for row in rows)
    (folder / "metrics.jsonl").write_text(lines)
    return folder
