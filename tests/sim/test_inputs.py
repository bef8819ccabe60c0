"""Data and options are checked before anything runs; each message names value and limit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.errors import InputError, OptionError


def program(*extra: nd.Input, shape: tuple[int, ...] = (3,)) -> nd.Program:
    size = int(np.prod(shape))
    inputs = (nd.Input("x", shape), *extra)
    connections = [nd.Connection("x", "n", nd.Dense(np.ones((2, size), int)))]
    connections += [nd.Connection(e.name, "n", nd.Dense(np.ones((2, e.size), int))) for e in extra]
    return nd.Program(
        inputs, (nd.Population("n", (2,), nd.CubaLif(1, 1, 1)),), connections, nd.Readout("n")
    )


@pytest.mark.parametrize(
    "dtype", [bool, np.uint8, np.int8, np.int16, np.uint16, np.int32, np.int64, np.uint64]
)
def test_integers_of_every_kind_are_taken(dtype: type) -> None:
    data = np.array([[1, 0, 1], [0, 1, 1]]).astype(dtype)
    trace = nd.simulate(program(), data, engine="reference", record="u")
    assert trace["n"].u[0, 0] == 128


def test_strided_data_and_lists_are_taken() -> None:
    data = np.arange(12).reshape(3, 4)[:, ::2][:2]
    taken = nd.simulate(program(shape=(2,)), data, engine="reference").activity
    assert taken.input_events["x"].tolist() == [3]
    assert nd.simulate(program(), [[1, 0, 1]], engine="reference").activity.steps == 1


def test_maps_may_be_given_flat() -> None:
    maps = program(shape=(1, 2, 3))
    data = np.arange(24).reshape(4, 1, 2, 3) % 2
    shaped = nd.simulate(maps, data, engine="reference", record="u")
    flat = nd.simulate(maps, data.reshape(4, 6), engine="reference", record="u")
    batch = nd.simulate(maps, data.reshape(2, 2, 6), engine="reference", record="u")
    assert np.array_equal(shaped["n"].u, flat["n"].u)
    assert batch["n"].u.shape == (2, 2, 2)


BAD_DATA: list[tuple[Any, str]] = [
    (np.ones((2, 3)), "input x: has dtype float64, expected integers; convert with np.rint"),
    (np.full((2, 3), np.nan), "input x: has dtype float64"),
    (np.ones((2, 3), complex), "input x: has dtype complex128, expected integers or bool"),
    ([["a", "b", "c"]], "input x: has dtype <U1, expected integers or bool"),
    ([[1, 2], [3]], "input x: is not a regular array"),
    (np.ones(3, int), r"input x: has shape \(3,\), expected \(steps, 3\) or \(batch, steps, 3\)"),
    (np.ones((2, 4), int), r"input x: has shape \(2, 4\), expected \(steps, 3\)"),
    (np.ones((1, 1, 2, 3), int), r"input x: has shape \(1, 1, 2, 3\)"),
    (np.full((2, 3), 2**31), "input x: holds 2147483648, allowed are -2147483648 to 2147483647"),
    (np.zeros((0, 2, 3), int), "the batch is empty, expected at least one sample"),
    ({"y": [[1, 1, 1]]}, "data is given for y, the program has inputs x"),
]


@pytest.mark.parametrize(("data", "message"), BAD_DATA, ids=[m[:50] for _, m in BAD_DATA])
def test_bad_data_are_refused_in_one_line(data: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}") as caught:
        nd.simulate(program(), data, engine="reference")
    assert "\n" not in str(caught.value)


def test_several_inputs_need_a_mapping_with_equal_leading_axes() -> None:
    two = program(nd.Input("y", (2,)))
    with pytest.raises(InputError, match="the program has inputs x, y; give a mapping by name"):
        nd.simulate(two, [[1, 1, 1]], engine="reference")
    with pytest.raises(InputError, match="inputs differ in their leading axes"):
        nd.simulate(two, {"x": np.ones((4, 3), int), "y": np.ones((5, 2), int)}, engine="reference")
    trace = nd.simulate(
        two, {"y": np.ones((4, 2), int), "x": np.ones((4, 3), int)}, engine="reference"
    )
    assert trace.activity.input_events["y"].tolist() == [8]


BAD_OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"engine": "gpu"}, "engine is 'gpu', expected one of native, reference, lava"),
    ({"timing": "late"}, "timing is 'late', expected one of aligned, pipelined"),
    ({"weights": "float"}, "weights is 'float', expected one of exact, lava"),
    ({"steps": -1}, "steps is -1, allowed are 0 to 2147483647"),
    ({"steps": 2.0}, "steps is 2.0, expected a whole number"),
    ({"steps": True}, "steps is True, expected a whole number"),
    ({"reset_interval": 0}, "reset_interval is 0, allowed are 1 to"),
    ({"reset_offset": None}, "reset_offset is None, expected a whole number"),
    ({"input_bits": 40}, "input_bits is 40, allowed are 0 to 32"),
    ({"threads": 0}, "threads is 0, allowed are 1 to"),
    ({"record": "s,w"}, "record: no variable 'w', known are s, u, v"),
    ({"record": {"m": "s"}}, "record: no population 'm', there are n"),
    ({"engine": "lava"}, "engine 'lava' runs pipelined only; use timing 'pipelined'"),
]


@pytest.mark.parametrize(("options", "message"), BAD_OPTIONS, ids=[m for _, m in BAD_OPTIONS])
def test_bad_options_are_refused_in_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=f"^{message}"):
        nd.simulate(program(), [[1, 1, 1]], **({"engine": "reference"} | options))


def test_names_that_a_population_lacks_are_absent_and_the_read_out_is_always_there() -> None:
    mixed = nd.Program(
        (nd.Input("x", (2,)),),
        (nd.Population("a", (2,), nd.SigmaDelta()), nd.Population("b", (2,), nd.CubaLif(1, 1, 1))),
        (nd.Connection("x", "a", nd.Dense(np.ones((2, 2), int))),
         nd.Connection("a", "b", nd.Dense(np.ones((2, 2), int)))),
        nd.Readout("b", "v"),
    )  # fmt: skip
    trace = nd.simulate(mixed, [[1, 1]], engine="reference", record="u,sigma")
    assert set(trace.flat()) == {"layer0_sigma", "layer1_u", "layer1_v"}
    chosen = nd.simulate(mixed, [[1, 1]], engine="reference", record={"a": ["s"]})
    assert set(chosen.flat()) == {"layer0_s", "layer1_v"}
