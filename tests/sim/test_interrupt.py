"""Ctrl-C in the middle of a run leaves a stream where it was."""

from __future__ import annotations

import signal
from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.sim import reference

RNG = np.random.default_rng(0)
PROGRAM = nd.Program(
    (nd.Input("x", (6,)),),
    (
        nd.Population("a", (20,), nd.CubaLif(500, 300, 60, initial=700)),
        nd.Population("b", (5,), nd.CubaLif(500, 300, 60)),
    ),
    (
        nd.Connection("x", "a", nd.Dense(RNG.integers(-60, 99, (20, 6)))),
        nd.Connection("a", "a", nd.Dense(RNG.integers(-60, 99, (20, 20))), feedback=True),
        nd.Connection("a", "b", nd.Dense(RNG.integers(-60, 99, (5, 20)), np.full((5, 1), 3))),
    ),
    nd.Readout("b"),
)
DATA = RNG.integers(0, 2, (18, 6), np.uint8)


@pytest.mark.parametrize("at", [0, 1, 7, 17])
def test_a_reference_stream_stays_where_it_was(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """A real signal arrives while the population of update ``at`` of nine columns is computed."""
    stream = nd.compile(PROGRAM, engine="reference", timing="pipelined", record=("s", "u", "v"))
    whole = nd.compile(PROGRAM, engine="reference", timing="pipelined", record=("s", "u", "v"))
    expected = whole.run(DATA).flat()
    stream.run(DATA[:9])
    calls = 0

    def interrupted(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == at + 1:
            signal.raise_signal(signal.SIGINT)
        return update(*arguments)

    update = reference.update
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(reference, "update", interrupted)
            with pytest.raises(KeyboardInterrupt):
                stream.run(DATA[9:])
    finally:
        signal.signal(signal.SIGINT, previous)
    again = stream.run(DATA[9:])
    for name, array in expected.items():
        assert np.array_equal(again.flat()[name], array[9:]), name
