"""Samples in a stream give what one long simulation of the same stream gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from generate import random_program
from numpy.typing import NDArray

import neurodeploy as nd
from neurodeploy.answers import Piece, Recipe, RunChoice, Runner, settle
from neurodeploy.answers.runner import as_samples, differing_answers, fitted
from neurodeploy.equivalence import arrivals
from neurodeploy.errors import OptionError

RECORD = ("s", "u", "v", "sigma")
PIPELINED = RunChoice(engine="reference", timing="pipelined")


def single_input(seed: int) -> nd.Program | None:
    program = random_program(np.random.default_rng(seed))
    return program if len(program.inputs) == 1 else None


def columns(program: nd.Program, samples: int, steps: int, seed: int = 0) -> NDArray[Any]:
    node = program.inputs[0]
    high = 100 if node.message_bits else 2
    return np.random.default_rng(seed).integers(0, high, (samples, steps, *node.shape))


def whole_stream(program: nd.Program, recipe: Recipe, x: NDArray[Any]) -> nd.Trace:
    """Run all samples in one call, with room for the last answer to come out."""
    reach = max(arrival.lead for arrival in arrivals(program).values())
    return nd.simulate(
        program,
        x.reshape(-1, *x.shape[2:]),
        **recipe.options(),
        steps=x.shape[0] * x.shape[1] + reach,
        record=RECORD,
    )


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_stream_in_pieces_is_the_stream(size: int) -> None:
    """Whatever the number of samples taken at a time, for programs of every kind."""
    tried = 0
    for seed in range(60):
        program = single_input(seed)
        if program is None:
            continue
        tried += 1
        x = columns(program, 5, 4, seed)
        recipe = settle(program, 4, PIPELINED)
        trace = whole_stream(program, recipe, x)
        pieces = list(Runner(program, recipe, RECORD).run(as_samples(x), size))
        assert [piece.rows.start for piece in pieces] == list(range(0, 5, size))
        check_pieces(program, pieces, trace, x)
    assert tried > 20


def check_pieces(
    program: nd.Program, pieces: list[Piece], trace: nd.Trace, x: NDArray[Any]
) -> None:
    leads = arrivals(program)
    for name in program.names:
        for variable, array in trace[name].arrays.items():
            lead = leads[name].lead
            expected = array[lead : lead + x.shape[0] * x.shape[1]]
            own = np.concatenate([piece.arrays[name][variable] for piece in pieces])
            assert np.array_equal(own.reshape(expected.shape), expected), (name, variable)
    spikes = np.concatenate([piece.activity.spikes[program.names[-1]] for piece in pieces])
    slots = trace[program.names[-1]].arrays["s"][: x.shape[0] * x.shape[1]]
    assert np.array_equal(spikes, np.count_nonzero(slots.reshape(len(x), -1), axis=1))


def test_native_and_reference_give_the_same_pieces() -> None:
    for seed in range(12):
        program = single_input(seed)
        if program is None:
            continue
        x = columns(program, 4, 5, seed)
        scores = [
            [piece.scores for piece in Runner(program, settle(program, 5, run)).run(as_samples(x))]
            for run in (PIPELINED, replace(PIPELINED, engine="native"))
        ]
        assert np.array_equal(*(np.concatenate(found) for found in scores))


def test_scores_sum_the_window_and_the_pool() -> None:
    program = nd.Program(
        inputs=(nd.Input("x", (4,), 8),),
        populations=(nd.Population("o", (4,), nd.Integrator(4096, 4096)),),
        connections=(nd.Connection("x", "o", nd.Dense(np.eye(4, dtype=np.int32))),),
        readout=nd.Readout("o", "v", window=2, pool=2),
    )
    x = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    for timing in ("aligned", "pipelined"):
        recipe = settle(program, 3, RunChoice(timing=timing))
        (piece,) = Runner(program, recipe).run(as_samples(x))
        kept = 64 * x[:, -2:].sum(axis=1)
        assert piece.scores.tolist() == kept.reshape(2, 2, 2).sum(axis=2).tolist()


def test_columns_are_cut_or_padded() -> None:
    x = np.ones((2, 3, 4), np.int32)
    assert fitted(x, 2).shape == (2, 2, 4)
    padded = fitted(x, 5)
    assert padded.shape == (2, 5, 4) and padded[:, 3:].sum() == 0 and padded.sum() == x.sum()


def recurrent() -> nd.Program:
    rng = np.random.default_rng(1)
    return nd.Program(
        inputs=(nd.Input("x", (6,)),),
        populations=(nd.Population("a", (5,), nd.CubaLif(1000, 200, 120)),),
        connections=(
            nd.Connection("x", "a", nd.Dense(rng.integers(-40, 90, (5, 6)))),
            nd.Connection("a", "a", nd.Dense(rng.integers(-40, 90, (5, 5))), feedback=True),
        ),
        readout=nd.Readout("a"),
    )


def test_the_program_decides_where_nothing_was_chosen() -> None:
    recipe = settle(recurrent(), 7)
    assert (recipe.timing, recipe.reset_interval, recipe.reset_offset) == ("pipelined", 7, 1)
    assert recipe.decided and not recipe.holds
    assert recipe.sentence() == (
        "one pipelined stream, reset every 7 columns (offset 1): a is recurrent: currents in "
        "flight survive a reset"
    )
    plain = replace(recurrent(), connections=recurrent().connections[:1])
    assert settle(plain, 7).timing == "aligned"
    assert settle(plain, 7).sentence().startswith("aligned, each sample from rest, as on the chip")


def test_the_user_decides_where_something_was_chosen() -> None:
    aligned = settle(recurrent(), 7, RunChoice(timing="aligned"))
    assert not aligned.decided and aligned.reset_interval is None
    assert "which is not what a chip runs" in aligned.sentence()
    never = settle(recurrent(), 7, RunChoice(reset_interval=-1, reset_offset=3, steps=9))
    assert (never.reset_interval, never.reset_offset, never.steps) == (None, 3, 9)
    assert never.sentence().startswith("one pipelined stream, never reset")


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (RunChoice(engine="lava"), "engine 'lava' runs a single stream and counts no samples"),
        (RunChoice(steps=0), "steps is 0, a sample needs 1 or more"),
    ],
)
def test_what_cannot_be_run_is_refused(choice: RunChoice, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        settle(recurrent(), 7, choice)


def test_answers_that_aligned_time_gives_otherwise_are_counted() -> None:
    program, x = recurrent(), columns(recurrent(), 40, 6)
    recipe = settle(program, 6)
    stream = np.concatenate([p.predicted for p in Runner(program, recipe).run(as_samples(x))])
    aligned = settle(program, 6, RunChoice(timing="aligned"))
    others = np.concatenate([p.predicted for p in Runner(program, aligned).run(as_samples(x))])
    expected = int((stream != others).sum())
    assert expected > 0
    assert differing_answers(program, recipe, as_samples(x), stream) == expected
