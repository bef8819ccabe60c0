"""``neurodeploy map``: exit codes, what is printed, what is written, and every bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy import container

MINE = (
    'extends = "loihi2"\n[identity]\nname = "mine"\n[limits]\nfan_in_per_neuron_max = '
    '{ value = 4, grade = "vendor", source = "sheet" }\n[citations]\nsheet = "Sheet"\n'
)


def test_it_fits(files: Path, cli: Any) -> None:
    code, out, err = cli("map", "p.h5", "--profile", "loihi2")
    assert (code, err) == (0, "")
    assert out.startswith("fits loihi2, version 1, status bounds\n")
    assert "on 1 chip of 128 cores" in out
    assert "not checked, loihi2 states no limit: " in out


def test_it_does_not_fit_and_says_why(files: Path, cli: Any) -> None:
    (files / "mine.toml").write_text(MINE)
    code, out, err = cli("map", "p.h5", "--profile", "mine.toml")
    assert (code, err) == (1, "")
    assert out.startswith("does not fit mine, version 1, status bounds\n  1 limit is exceeded\n")
    said = " ".join(out.split())
    assert "population out: a neuron listens to 5 sources, mine takes 4" in said
    assert "more cores do not help; repair: prune" in said
    assert "what they cost in accuracy is measured with --data D" in said


def test_the_repaired_program_is_written(files: Path, cli: Any) -> None:
    (files / "mine.toml").write_text(MINE)
    code, out, err = cli("map", "p.h5", "--profile", "mine.toml", "--repair", "--out", "new.h5")
    assert (code, err) == (0, "")
    program = container.read(files / "new.h5")
    assert out.endswith(f"new.h5: written, digest {program.digest}\n")
    assert cli("map", "new.h5", "--profile", "mine.toml")[0] == 0
    assert container.read(files / "p.h5") != program


def test_nothing_is_written_where_no_repair_helps(files: Path, cli: Any) -> None:
    code, out, err = cli("map", "p.h5", "--profile", "xylo_audio2", "--repair", "--out", "new.h5")
    assert (code, err) == (0, "")  # it fits as it is, and is written as it is
    three = MINE.replace("fan_in_per_neuron_max", "outputs_max").replace("value = 4", "value = 2")
    (files / "mine.toml").write_text(three)
    code, out, err = cli("map", "p.h5", "--profile", "mine.toml", "--repair", "--out", "no.h5")
    assert (code, err) == (1, "")
    assert out.endswith("no.h5: not written, no repair makes the program fit mine\n")
    assert not (files / "no.h5").exists()


def test_the_cost_of_a_repair_is_measured(files: Path, cli: Any) -> None:
    (files / "mine.toml").write_text(MINE)
    rng = np.random.default_rng(8)
    x, y = rng.integers(0, 2, (30, 10, 4)), rng.integers(0, 3, 30)
    np.savez(files / "d.npz", x=x, y=y, x_test=x[:9], y_test=y[:9])
    code, out, err = cli("map", "p.h5", "--profile", "mine.toml", "--data", "d.npz")
    assert (code, err) == (1, "")
    assert "of 9 samples of d.npz, part test" in " ".join(out.split())
    assert "of 9 answers differ" in out
    code, out, err = cli(
        "map", "p.h5", "--profile", "mine.toml", "--data", "d.npz", "--part", "train", "--json"
    )
    (entry,) = json.loads(out)["profiles"]
    assert entry["measured"]["data"]["part"] == "train"
    assert entry["measured"]["costs"][0]["repair"] == "prune"


def test_chips_side_by_side(files: Path, cli: Any) -> None:
    code, out, err = cli("map", "p.h5", "--profile", "loihi1,akida")
    assert (code, err) == (1, "")
    assert "fits: loihi1\n" in out
    assert max(len(line.rstrip()) for line in out.splitlines()) <= 80
    code, out, err = cli("map", "p.h5", "--profile", "all")
    said = " ".join(out.split())
    assert "left out: profile generic_45nm: is of arithmetic in 45 nm, not a chip" in said
    content = json.loads(cli("map", "p.h5", "--profile", "all", "--json")[1])
    assert len(content["profiles"]) + len(content["left_out"]) == 11


def test_a_program_that_fits_nowhere(files: Path, cli: Any) -> None:
    wide = nd.Program(
        (nd.Input("x", 2),),
        (nd.Population("a", 2, nd.SigmaDelta(-1)),),
        (nd.Connection("x", "a", nd.Dense([[900, -3], [5, 5]])),),
        nd.Readout("a"),
    )
    container.write(wide, files / "w.h5")
    code, out, err = cli("map", "w.h5", "--profile", "loihi1,loihi2,akida")
    assert (code, err) == (1, "")
    assert "fits: none of them\n" in out


def test_too_slow_is_a_no(files: Path, cli: Any) -> None:
    metadata = {"encoder.steps": 10}
    program = container.read(files / "p.h5")
    container.write(
        nd.Program(
            program.inputs, program.populations, program.connections, program.readout, metadata
        ),
        files / "timed.h5",
    )
    code, out, err = cli("map", "timed.h5", "--profile", "loihi1", "--period-us", "100")
    assert (code, err) == (1, "")
    assert "real time: too slow for one input every 100 us" in out
    code, out, err = cli("map", "timed.h5", "--profile", "loihi1", "--period-us", "1e9")
    assert (code, err) == (0, "")
    assert "real time: done in time for" in out


BAD = {
    "no chip": (
        ("--profile", "generic_45nm"),
        "profile generic_45nm: is of arithmetic in 45 nm, not a chip, nothing can be mapped to it",
    ),
    "no limit": (
        ("--profile", "spinnaker2"),
        (
            "profile spinnaker2: states no limit that a program could exceed, so that nothing can "
            "be said of what fits"
        ),
    ),
    "a limit that is not stated": (
        ("--profile", "akida", "--only", "fan_in"),
        (
            "profile akida: rule fan_in needs limits.fan_in_per_neuron_max or "
            "limits.in_axons_per_core_max, which it does not state"
        ),
    ),
    "unknown chip": (
        ("--profile", "lohi1"),
        (
            "profile 'lohi1' is not shipped, did you mean 'loihi1'? (a file of your own is given "
            "by its path, ending in .toml)"
        ),
    ),
    "a circle": (
        ("--profile", "a.toml"),
        "a.toml: extends goes in a circle, a.toml extends a.toml",
    ),
    "repair without a file": (
        ("--profile", "loihi1", "--repair"),
        "--repair and --out FILE go together",
    ),
    "a file without repair": (
        ("--profile", "loihi1", "--out", "x.h5"),
        "--repair and --out FILE go together",
    ),
    "repair for two chips": (
        ("--profile", "loihi1,loihi2", "--repair", "--out", "x.h5"),
        "--repair mends for one profile, 2 are given",
    ),
    "part without data": (
        ("--profile", "loihi1", "--part", "test"),
        "--part, --samples and --encoder go with --data",
    ),
    "period": (
        ("--profile", "loihi1", "--period-us", "0"),
        "period is 0 us, expected a positive number",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line(name: str, files: Path, cli: Any) -> None:
    arguments, message = BAD[name]
    (files / "a.toml").write_text('extends = "a.toml"\n[identity]\nname = "a"\n')
    code, out, err = cli("map", "p.h5", *arguments)
    assert (code, out, err) == (2, "", f"neurodeploy map: {message}\n")
    assert not (files / "x.h5").exists()
