"""A neuron and a synapse from outside: they run where they are known, and are refused by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import toys
from toys import Bucket, Diagonal

import neurodeploy as nd
from neurodeploy import container
from neurodeploy.cli import app
from neurodeploy.cli.failures import run
from neurodeploy.errors import NeurodeployError, ProgramError
from neurodeploy.program import Connection, Input, Population, Program, Readout
from neurodeploy.sim.compare import compare, compare_traces, plan_of
from neurodeploy.summary import summarise
from neurodeploy.synapse import Dense
from neurodeploy.trace import Trace

DATA = np.random.default_rng(5).integers(0, 2, (4, 12, 3))
WEIGHT = (5, -3, 0)


@pytest.fixture(autouse=True)
def toys_are_known() -> Iterator[None]:
    with toys.known():
        yield


def by_hand(weight: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return s and level of population a, each ``(steps, 3)``, one sample."""
    level, spikes, levels = [0] * 3, [], []
    for column in x:
        kept = (int(value * (4096 - 100) / 4096) for value in level)
        level = [value + int(row @ column) for value, row in zip(kept, weight, strict=True)]
        fired = [value >= 12 for value in level]
        level = [0 if f else value for f, value in zip(fired, level, strict=True)]
        spikes.append(fired)
        levels.append(level)
    return np.array(spikes), np.array(levels)


@pytest.mark.parametrize("synapse", [None, Diagonal(WEIGHT)], ids=["dense", "diagonal"])
def test_toys_run_in_the_reference(synapse: Diagonal | None) -> None:
    weight = np.arange(1, 10).reshape(3, 3) if synapse is None else np.diag(WEIGHT)
    trace = nd.simulate(toys.network(synapse), DATA, engine="reference", record=("s", "level"))
    for sample in range(len(DATA)):
        spikes, levels = by_hand(weight, DATA[sample])
        np.testing.assert_array_equal(trace["a"].s[sample], spikes)
        np.testing.assert_array_equal(trace["a"].level[sample], levels)
    assert trace["a"].s.any() and "level" in trace["b"].arrays


def test_a_reset_brings_a_toy_back_to_its_start() -> None:
    options = {"engine": "reference", "record": ("level",)}
    stream = DATA.reshape(-1, 3)
    long = nd.simulate(toys.network(), stream, reset_interval=12, **options)["a"].level
    np.testing.assert_array_equal(
        long.reshape(4, 12, 3), nd.simulate(toys.network(), DATA, **options)["a"].level
    )


def test_toys_are_stored(tmp_path: Path) -> None:
    program = toys.network(Diagonal(WEIGHT))
    container.write(program, tmp_path / "toy.h5")
    assert container.read(tmp_path / "toy.h5") == program


def test_toys_are_compared() -> None:
    program = toys.network(Diagonal(WEIGHT))
    options = {"engine": "reference", "record": ("s", "level")}
    trace = nd.simulate(program, DATA, **options)
    layers = {name: {k: v.copy() for k, v in trace[name].arrays.items()} for name in ("a", "b")}
    layers["a"]["level"][2, 7, 1] += 1
    other = Trace(layers, trace.activity)
    found = compare_traces(plan_of(program, **options), {"reference": trace, "other": other})
    assert found.differing == 1 and found.first is not None
    assert (found.first.population, found.first.variable, found.first.index) == ("a", "level", (1,))
    assert found.first.rule == "level: B1: level = level * leak + a"
    assert found.first.parameters == {"leak": 100, "rim": 12}
    assert found.first.causes[-1] == "current of x->a: a = wrap32(weight * m)"


def test_toys_are_inspected() -> None:
    summary = summarise(toys.network(Diagonal(WEIGHT)))
    assert summary.populations[0].parameters == {"leak": (100, 100), "rim": (12, 12)}
    assert summary.populations[0].units == {"leak": "1/4096 of level a step", "rim": "1 in level"}
    assert (summary.connections[0].taps, summary.connections[0].nonzero) == (3, 2)


def test_toys_are_priced() -> None:
    program = toys.network(Diagonal(WEIGHT))
    activity = nd.simulate(program, DATA, engine="reference").activity
    assert activity.synops_taps["x->a"].tolist() == np.count_nonzero(DATA, axis=(1, 2)).tolist()
    report = nd.estimate_energy(program, activity, nd.load_profile("loihi1"))
    assert report.to_dict()["samples"] == len(DATA)


def test_toys_go_through_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    container.write(toys.network(), tmp_path / "toy.h5")
    np.save(tmp_path / "x.npy", DATA)
    files = [str(tmp_path / "toy.h5"), "--input", str(tmp_path / "x.npy")]
    assert run(app, ["inspect", files[0]]) == 0
    shown = capsys.readouterr().out
    assert "Bucket" in shown and "leak 100, rim 12" in shown
    assert run(app, ["inspect", files[0], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["populations"][0]["neuron"] == "Bucket"
    output = ["--output", str(tmp_path / "trace.npz")]
    record = ["--record", "s,level"]
    assert run(app, ["simulate", *files, *output, *record, "--engine", "reference"]) == 0
    with np.load(tmp_path / "trace.npz") as arrays:
        assert {"layer0_level", "layer1_level"} <= set(arrays)
    capsys.readouterr()
    assert run(app, ["simulate", *files, *output]) == 2
    assert capsys.readouterr().err.strip() == (
        "neurodeploy simulate: population a: engine 'native' has no Bucket neurons; "
        "use engine 'reference'"
    )


def test_toys_are_verified_and_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program, folder = str(tmp_path / "toy.h5"), str(tmp_path / "run")
    container.write(toys.network(Diagonal(WEIGHT)), program)
    np.savez(tmp_path / "d.npz", x=np.tile(DATA, (10, 1, 1)), y=np.arange(10 * len(DATA)) % 3)
    options = ["--data", str(tmp_path / "d.npz"), "--engine", "reference"]
    assert run(app, ["verify", program, *options, "--suite", "noise", "--out", folder]) == 0
    assert run(app, ["energy", program, *options, "--profile", "loihi1"]) == 0
    assert run(app, ["report", folder]) == 0
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert [p["neuron"] for p in report["program"]["populations"]] == ["Bucket", "Bucket"]
    assert report["program"]["populations"][0]["parameters"] == {
        "leak": [100, 100],
        "rim": [12, 12],
    }
    assert "Traceback" not in capsys.readouterr().err


NATIVE = {"engine": "native"}
LAVA = {"engine": "lava", "timing": "pipelined", "weights": "lava"}
REFUSALS = {
    "native": (NATIVE, "use engine 'reference'"),
    "lava": (LAVA, "use engine 'native' or 'reference'"),
}


def plain(synapse: Diagonal) -> Program:
    """Return a network whose neurons every engine has."""
    return Program(
        (Input("x", (3,)),),
        (Population("a", (3,), nd.CubaLif(4096, 0, 3)),),
        (Connection("x", "a", synapse),),
        Readout("a"),
    )


@pytest.mark.parametrize(("options", "advice"), REFUSALS.values(), ids=REFUSALS)
def test_engines_refuse_toys_by_name(options: dict[str, str], advice: str) -> None:
    engine = options["engine"]
    with pytest.raises(NeurodeployError) as error:
        nd.simulate(toys.network(), DATA, **options)
    assert str(error.value) == f"population a: engine {engine!r} has no Bucket neurons; {advice}"
    with pytest.raises(NeurodeployError) as error:
        nd.simulate(plain(Diagonal(WEIGHT)), DATA, **options)
    assert str(error.value) == (
        f"connection x->a: engine {engine!r} has no Diagonal synapses; {advice}"
    )


def test_a_comparison_with_an_engine_that_lacks_a_toy_says_so() -> None:
    with pytest.raises(NeurodeployError, match="population a: engine 'native' has no Bucket"):
        compare(toys.network(), DATA, ("reference", "native"))


def test_netx_refuses_toys_by_name(tmp_path: Path) -> None:
    with pytest.raises(NeurodeployError, match=r"^.*population a: .*Bucket"):
        nd.save(toys.network(), tmp_path / "toy.net")
    with pytest.raises(NeurodeployError, match=r"^.*(connection|population).*Diagonal"):
        nd.save(plain(Diagonal(WEIGHT)), tmp_path / "toy.net")
    assert list(tmp_path.iterdir()) == []


def test_the_twin_refuses_toys_by_name() -> None:
    pytest.importorskip("torch")
    with pytest.raises(NeurodeployError, match=r"^population a: Bucket has no surrogate gradient"):
        nd.to_torch(toys.network())
    with pytest.raises(NeurodeployError, match=r"^connection x->a: .*Diagonal"):
        nd.to_torch(plain(Diagonal(WEIGHT)))


def test_a_field_without_a_role_is_refused() -> None:
    class Leaky(Bucket):
        roles: ClassVar = {"leak": Bucket.roles["leak"]}

    with pytest.raises(ProgramError, match=r"^population a: Leaky: field rim has no role$"):
        Population("a", (3,), Leaky(1, 2))


class Stranger(Bucket):
    """A model that is in no table at all."""


class Distant(Diagonal):
    """A synapse that is in no table at all."""


def test_what_is_in_no_table_is_named() -> None:
    program = Program(
        (Input("x", (3,)),),
        (Population("a", (3,), Stranger(1, 2)),),
        (Connection("x", "a", Dense(np.eye(3, dtype=int))),),
        Readout("a"),
    )
    with pytest.raises(NeurodeployError, match=r"^population a: no dynamics for Stranger$"):
        nd.simulate(program, DATA, engine="reference")
    with pytest.raises(NeurodeployError, match=r"^connection x->a: no currents for Distant$"):
        nd.simulate(plain(Distant(WEIGHT)), DATA, engine="reference")
    with pytest.raises(NeurodeployError, match=r"^connection x->a: no fan-out for Distant$"):
        summarise(plain(Distant(WEIGHT)))
