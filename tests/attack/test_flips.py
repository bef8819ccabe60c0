"""The worst few flips: exact for one, no worse than greedy with a beam, and what each does."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

import neurodeploy as nd
from neurodeploy.answers import settle
from neurodeploy.attack.flips import (
    Target,
    beam,
    by_gradient,
    damages,
    effects,
    single_flips,
    worst_single,
)
from neurodeploy.sim.faults import faulty_program


@pytest.fixture(scope="module")
def target() -> Target:
    rng = np.random.default_rng(3)
    program = nd.Program(
        (nd.Input("x", (3,), 4),),
        (
            nd.Population("h", (3,), nd.CubaLif(4096, 300, 60)),
            nd.Population("y", (2,), nd.Integrator(4096, 300)),
        ),
        (
            nd.Connection("x", "h", nd.Dense(np.array([[20, -4, 2], [-6, 24, 0], [2, 2, 12]]))),
            nd.Connection("h", "y", nd.Dense(np.array([[8, -6, 2], [-6, 8, 2]]))),
        ),
        nd.Readout("y", "v"),
    )
    labels = np.arange(10) % 2
    x = np.zeros((10, 3, 3), np.int32)
    x[np.arange(10), :, labels] = 3 + rng.integers(0, 6, (10, 1))
    return Target(program, replace(settle(program, 3), threads=1), x, labels.astype(np.int64))


def wrong(target: Target, faults: tuple[nd.sim.faults.Fault, ...]) -> int:
    """Count wrong answers and ties of the Program with those words, by the reference."""
    program = faulty_program(target.program, faults)
    score = nd.simulate(program, target.columns, engine="reference")["y"].v.sum(axis=1)
    own = score[np.arange(10), target.labels]
    return int((own <= score[np.arange(10), 1 - target.labels]).sum())


def test_every_single_flip_is_tried_and_the_worst_comes_first(target: Target) -> None:
    flips = single_flips(target.program)
    assert len(flips) == 9 * 5 + 6 * 4
    found = worst_single(target, flips)
    assert len(found) == len(flips)
    assert found == sorted(found, key=lambda one: one.order)
    assert {one.flips: one.wrong for one in found} == {(f,): wrong(target, (f,)) for f in flips}
    assert found[0].wrong > damages(target, [()])[0].wrong == 0


def test_a_wide_beam_finds_the_worst_pair_and_the_greedy_search_no_worse_a_single(
    target: Target,
) -> None:
    flips = [one.flips[0] for one in worst_single(target, single_flips(target.program))[:12]]
    pairs = damages(target, list(itertools.combinations(flips, 2)))
    worst = min(pairs, key=lambda one: one.order)
    wide, greedy = beam(target, flips, 2, width=len(flips)), beam(target, flips, 2)
    assert wide[1].order == worst.order
    assert wide[1].wrong == wrong(target, wide[1].flips)
    assert greedy[0] == wide[0]
    assert greedy[1].order >= wide[1].order


def test_gradients_rank_bits_whose_damage_is_counted_on_the_integers(target: Target) -> None:
    found = by_gradient(target, 3)
    assert [len(one.flips) for one in found] == [1, 2, 3]
    assert len(set(found[2].flips)) == 3
    assert [one.wrong for one in found] == [wrong(target, one.flips) for one in found]
    once = by_gradient(target, 3, progressive=False)
    assert once[0] == found[0]
    exact = worst_single(target, single_flips(target.program))[0]
    assert exact.order <= found[0].order


def test_an_effect_tells_one_sample_before_and_after(target: Target) -> None:
    worst = worst_single(target, single_flips(target.program))[0]
    (effect,) = effects(target, [worst])
    assert effect.fault == worst.flips[0].text
    assert effect.before == effect.label == target.labels[effect.sample]
    assert effect.after != effect.label
    assert effect.margin_before > 0 >= effect.margin_after
    own = target.columns[effect.sample]
    trace = nd.simulate(faulty_program(target.program, worst.flips), own)
    assert effect.spikes_after == int(trace["h"].s.sum())
