"""Data against the message bits that an input declares: one warning, with a count."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.errors import NeurodeployWarning
from neurodeploy.sim import messages
from neurodeploy.sim.messages import MessageWatch


def program(bits: int, *, direct: bool = False) -> nd.Program:
    synapse = nd.Direct() if direct else nd.Dense(2 * np.eye(3, dtype=int))
    return nd.Program(
        (nd.Input("x", 3, bits),),
        (nd.Population("y", 3, nd.CubaLif(4096, 4096, 1)),),
        (nd.Connection("x", "y", synapse),),
        nd.Readout("y", "u"),
    )


def data(*values: int, dtype: Any = np.int32) -> np.ndarray[Any, Any]:
    x = np.zeros((1, 4, 3), dtype)
    x.reshape(-1)[: len(values)] = values
    return x


BINARY = {
    "counts": ((1, 3, 6, 0), "2 of 12 values are neither 0 nor 1 (3 to 6)", 3),
    "negative": ((1, -1), "1 of 12 values are neither 0 nor 1 (-1)", 1),
    "both": ((-9, 2), "2 of 12 values are neither 0 nor 1 (-9 to 2)", 4),
}


@pytest.mark.parametrize(("values", "found", "needed"), BINARY.values(), ids=BINARY)
@pytest.mark.parametrize("engine", ["native", "reference"])
def test_counts_into_a_binary_input_are_said(
    engine: str, values: tuple[int, ...], found: str, needed: int
) -> None:
    with pytest.warns(NeurodeployWarning) as caught:
        nd.simulate(program(0), data(*values), engine=engine)
    assert [str(w.message) for w in caught] == [
        f"input x: {found}, and each counts as one event, since the input is binary; if values "
        f"are to count, give input_bits={needed}"
    ]


BEYOND = {
    "one": ((15, 300), "1 of 12 values exceed its 4 message bits (300, expected -15 to 15)", 9),
    "negative": ((-15, -16), "1 of 12 values exceed its 4 message bits (-16, expected", 5),
    "several": ((-99, 16, 3), "2 of 12 values exceed its 4 message bits (-99 to 16, expected", 7),
}


@pytest.mark.parametrize(("values", "found", "needed"), BEYOND.values(), ids=BEYOND)
def test_values_beyond_the_declared_bits_are_said(
    values: tuple[int, ...], found: str, needed: int
) -> None:
    with pytest.warns(NeurodeployWarning) as caught:
        trace = nd.simulate(program(4), data(*values))
    (message,) = [str(w.message) for w in caught]
    assert message.startswith(f"input x: {found}")
    assert message.endswith(f"and are used as they are; declare {needed} bits, or scale the data")
    assert trace["y"].u[0].reshape(-1)[: len(values)].tolist() == [128 * v for v in values]


def test_small_values_of_8_bits_are_said() -> None:
    with pytest.warns(NeurodeployWarning, match=r"^input x: 1 of 12 values exceed its 4 message"):
        nd.simulate(program(4), data(200, dtype=np.uint8))
    with pytest.warns(NeurodeployWarning, match=r"^input x: 1 of 12 values are neither 0 nor 1"):
        nd.simulate(program(0), data(2, dtype=np.uint8))


FINE = {
    "zeros and ones": (0, {}, data(1, 0, 1)),
    "bytes": (0, {}, data(1, 0, 1, dtype=np.uint8)),
    "flags": (0, {}, data(1, 0, 1, dtype=bool)),
    "bits given": (0, {"input_bits": 3}, data(7, -7)),
    "made binary with ones": (8, {"input_bits": 0}, data(1, 1)),
    "ends of the range": (4, {}, data(15, -15)),
    "bytes in 8 bits": (8, {}, data(255, dtype=np.uint8)),
    "any value in 31 bits": (31, {}, data(2**31 - 1, -(2**31))),
    "any value in 32 bits": (32, {}, data(2**31 - 1, -(2**31))),
    "no steps": (0, {}, data()[:, :0]),
    "cut off": (0, {"steps": 1}, data(1, 1, 1, 5)),
}


@pytest.mark.parametrize(("bits", "options", "x"), FINE.values(), ids=FINE)
def test_nothing_is_said_of_values_that_fit(
    bits: int, options: dict[str, Any], x: np.ndarray[Any, Any]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nd.simulate(program(bits), x, **options)


@pytest.mark.parametrize("bits", [0, 4])
def test_nothing_is_said_where_values_go_straight_to_neurons(bits: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nd.simulate(program(bits, direct=True), data(300, -5))


def test_option_says_what_is_binary() -> None:
    with pytest.warns(NeurodeployWarning, match="1 of 12 values are neither 0 nor 1"):
        nd.simulate(program(8), data(5), input_bits=0)


def test_simulator_warns_once_and_at_the_line_of_its_user() -> None:
    simulator = nd.compile(program(0))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for value in (1, 2, 3, 4):
            simulator.run(data(value)[0])
    (found,) = caught
    assert "1 of 12 values are neither 0 nor 1 (2)" in str(found.message)
    assert found.filename == __file__


def test_every_input_is_looked_at() -> None:
    watch = MessageWatch(["a", "b", "c"], [0, None, 4])
    arrays = [
        np.array([[[2]]], np.int32),
        np.array([[[99]]], np.int32),
        np.array([[[16]]], np.int32),
    ]
    with pytest.warns(NeurodeployWarning) as caught:
        watch.look(arrays)
    assert [str(w.message).split(":")[0] for w in caught] == ["input a", "input c"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        watch.look(arrays)


def test_first_run_is_looked_at_whole_however_large() -> None:
    x = np.zeros((1, 1, 4 * messages.LOOKED), np.uint8)
    x[0, 0, messages.LOOKED + 7] = 3
    with pytest.warns(NeurodeployWarning, match="1 of 262144 values"):
        MessageWatch(["x"], [0]).look([x])


@pytest.mark.parametrize("dtype", [np.uint8, np.int32])
def test_later_runs_are_looked_at_in_parts_that_reach_both_ends(dtype: Any) -> None:
    good = np.zeros((1, 1, 4 * messages.LOOKED), dtype)
    for at in (0, -1, 2 * messages.LOOKED // 3 * 2):
        watch = MessageWatch(["x"], [0])
        watch.look([good])
        bad = good.copy()
        bad[0, 0, at] = 2
        bad[0, 0, good.size // 3 :: 97] = 2 if at > 0 else 0
        with pytest.warns(NeurodeployWarning):
            watch.look([bad])


def test_small_runs_are_looked_at_now_and_then() -> None:
    watch = MessageWatch(["x"], [0])
    good, bad = np.ones((1, 1, 5), np.int32), np.full((1, 1, 5), 2, np.int32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(messages.FIRST):
            watch.look([good])
        for _ in range(messages.FIRST + 1, messages.EVERY):
            watch.look([bad])
    with pytest.warns(NeurodeployWarning):
        watch.look([bad])
