"""Records travel: they pickle, copy and cross processes, and stay what they are."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass, fields
from typing import Any

import joblib
import numpy as np
import pytest
from generate import random_input, random_program
from hypothesis import given, settings
from hypothesis import strategies as st

import neurodeploy as nd
from neurodeploy.accuracy import Accuracy
from neurodeploy.errors import OptionError
from neurodeploy.profile import profile_names
from neurodeploy.record import Record, digest
from neurodeploy.sim.compare import compare
from neurodeploy.sim.options import RunOptions
from neurodeploy.summary import summarise
from neurodeploy.trace import COUNT_NAMES


def travelled(value: Any) -> Any:
    """Return ``value`` as another process gets it."""
    return pickle.loads(pickle.dumps(value))


def arrays(record: Record) -> list[np.ndarray[Any, Any]]:
    """Return every array in ``record`` and the records in it."""
    found = []
    for value in (getattr(record, entry.name) for entry in fields(record)):
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, np.ndarray):
                found.append(item)
            elif isinstance(item, Record):
                found += arrays(item)
    return found


def spiking(seed: int = 3, *, batch: int | None = 2) -> tuple[nd.Program, Any, nd.Trace]:
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    x = random_input(rng, program, 12, batch)
    return program, x, nd.simulate(program, x, record=("s", "u", "v", "act", "sigma", "re", "im"))


@given(st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_program_pickles_with_digest_metadata_and_read_only_arrays(seed: int) -> None:
    drawn = random_program(np.random.default_rng(seed), extreme=seed % 2 == 0)
    program = nd.Program(
        drawn.inputs, drawn.populations, drawn.connections, drawn.readout, {"a": 1, "b": "x"}
    )
    program.connection_names, program.names, program.digest  # noqa: B018  what is kept stays behind
    again = travelled(program)
    assert again is not program
    assert again == program
    assert again.digest == program.digest
    assert again.metadata == program.metadata
    assert again.names == program.names
    assert again.connection_names == program.connection_names
    assert len(arrays(again)) == len(arrays(program)) > 0
    assert not any(array.flags.writeable for array in arrays(again))


def test_pickle_holds_fields_alone() -> None:
    program, _, _ = spiking()
    assert set(program.__getstate__()) == {entry.name for entry in fields(program)}


def test_copies_of_a_record_are_the_record() -> None:
    program, _, _ = spiking()
    assert copy.copy(program) is program
    assert copy.deepcopy({"p": program})["p"] is program


def test_metadata_cannot_be_changed() -> None:
    program = spiking()[0]
    with pytest.raises(TypeError, match="does not support item assignment"):
        program.metadata["a"] = 1  # type: ignore[index]


@pytest.mark.parametrize("other", [travelled, copy.deepcopy], ids=["pickle", "deepcopy"])
@pytest.mark.parametrize("batch", [None, 3])
def test_trace_travels_with_its_activity(other: Any, batch: int | None) -> None:
    _, _, trace = spiking(batch=batch)
    again = other(trace)
    assert list(again) == list(trace)
    assert again.flat().keys() == trace.flat().keys()
    for name, array in trace.flat().items():
        assert again.flat()[name].dtype == array.dtype
        np.testing.assert_array_equal(again.flat()[name], array)
    assert again.activity == trace.activity
    for name in COUNT_NAMES:
        table = getattr(again.activity, name)
        assert all(not counts.flags.writeable for counts in table.values())
        with pytest.raises(TypeError):
            table["x"] = 1


def test_layer_of_a_trace_travels() -> None:
    _, _, trace = spiking()
    layer = travelled(trace[0])
    assert layer.name == trace[0].name
    np.testing.assert_array_equal(layer.s, trace[0].s)
    with pytest.raises(AttributeError, match="was not recorded"):
        _ = layer.nothing


def test_unseen_trace_travels() -> None:
    """Nobody asked for its layers or counts before it was sent."""
    program, x, trace = spiking()
    fresh = travelled(nd.simulate(program, x))
    assert fresh.activity == trace.activity
    np.testing.assert_array_equal(fresh[-1].s, trace[-1].s)


@pytest.mark.parametrize("other", [travelled, copy.deepcopy], ids=["pickle", "deepcopy"])
@pytest.mark.parametrize("name", profile_names())
def test_profile_and_energy_report_travel(other: Any, name: str) -> None:
    profile = nd.load_profile(name)
    assert other(profile) == profile
    program, _, trace = spiking()
    if profile.identity.status == "estimates":
        report = nd.estimate_energy(program, trace.activity, profile)
        assert other(report) == report


@pytest.mark.parametrize("other", [travelled, copy.deepcopy], ids=["pickle", "deepcopy"])
@pytest.mark.parametrize("record", ["s,v", ("s",), ["s", "v"], {"layer0": ["s"], "layer1": "v"}])
def test_options_travel_and_keep_no_list_of_the_caller(other: Any, record: Any) -> None:
    options = RunOptions(record=record, steps=3, threads=2)
    assert other(options) == options
    assert hash(other(options)) == hash(options)
    if isinstance(record, list):
        record.clear()
        assert options.record == ("s", "v")
        record += ["s", "v"]


def test_record_that_is_no_name_is_refused() -> None:
    with pytest.raises(OptionError, match=r"^record is 5, expected names of variables$"):
        RunOptions(record=5)  # type: ignore[arg-type]


def test_summary_comparison_and_accuracy_travel() -> None:
    program, x, trace = spiking()
    comparison = compare(program, x, engines=("native", "reference"))
    accuracy = Accuracy(3, 1, 5)
    for record in (summarise(program), comparison, accuracy):
        assert travelled(record) == record == copy.deepcopy(record)
    assert trace.activity == travelled(trace.activity) == copy.deepcopy(trace.activity)


def test_program_sent_to_other_processes_simulates_the_same() -> None:
    """Weights beyond a megabyte arrive as a memory map of the pool's."""
    rng = np.random.default_rng(0)
    wide = nd.Program(
        (nd.Input("x", (700,)),),
        (nd.Population("p", (600,), nd.CubaLif(1024, 512, 200)),),
        (nd.Connection("x", "p", nd.Dense(rng.integers(-60, 64, (600, 700)))),),
        nd.Readout("p"),
        {"seed": 1},
    )
    cases = [(wide, rng.integers(0, 2, (2, 8, 700)))]
    cases += [spiking(seed)[:2] for seed in range(3)]
    expected = [nd.simulate(program, x, record=("s", "v")) for program, x in cases]
    pool = joblib.Parallel(n_jobs=2, backend="loky")
    found = pool(
        joblib.delayed(nd.simulate)(program, x, record=("s", "v"), threads=1)
        for program, x in cases
    )
    for mine, theirs in zip(expected, found, strict=True):
        assert mine.activity == theirs.activity
        for name, array in mine.flat().items():
            np.testing.assert_array_equal(theirs.flat()[name], array)


@dataclass(frozen=True, eq=False)
class Toy(Record):
    """A record of a kind of value that has no canonical bytes."""

    value: Any


@pytest.mark.parametrize("value", [np.zeros(2), np.array([2**40]), np.array([True]), [1], {1: 2}])
def test_value_without_canonical_bytes_has_no_digest(value: Any) -> None:
    """A float array would be truncated, and two networks then share a digest."""
    with pytest.raises(TypeError, match="has no canonical bytes"):
        digest(Toy(value))
