"""The worst few flipped bits of a network's weights: exact for one, searched for more.

A search knows the deployed integers only: it injects candidates and counts. `by_gradient` ranks
bits by the surrogate gradient of the loss instead, as attacks on float networks do, to compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from neurodeploy.accuracy import predictions
from neurodeploy.answers.faulty import scored
from neurodeploy.answers.recipe import Recipe
from neurodeploy.program import Program
from neurodeploy.sim import simulate
from neurodeploy.sim.faults import LOIHI, Encoding, Fault, WeightFlip, faulty_program
from neurodeploy.sim.faults.changed import weight_format
from neurodeploy.twin import to_torch

Faults = tuple[Fault, ...]


@dataclass(frozen=True)
class Target:
    """Who is attacked. columns : integers ``(samples, T, *input_shape)``. labels : ``(samples,)``.

    encoding : in whose words bits flip.
    """

    program: Program
    recipe: Recipe
    columns: NDArray[Any]
    labels: NDArray[np.int64]
    encoding: Encoding = LOIHI


@dataclass(frozen=True)
class Damage:
    """Flips, and what they do. wrong : samples not answered right under them. margin : mean over
    the samples of the label's score less the best other one.
    """

    flips: Faults
    wrong: int
    margin: float

    @property
    def order(self) -> tuple[int, float]:
        """Sorts the worst first: most wrong answers, then the smallest margin."""
        return -self.wrong, self.margin


@dataclass(frozen=True)
class Effect:
    """What one fault does to the sample that it hurts most, of those it loses if it loses any.

    before, after : the class answered, -1 for a tie. margin_before, margin_after : the label's
    score less the best other one. spikes_before, spikes_after : of all populations.
    """

    fault: str
    wrong: int
    sample: int
    label: int
    before: int
    after: int
    margin_before: int
    margin_after: int
    spikes_before: int
    spikes_after: int


def single_flips(program: Program, encoding: Encoding = LOIHI) -> list[WeightFlip]:
    """Return every flip of one bit of one stored weight."""
    found = []
    for number, name in enumerate(program.connection_names):
        rows = program.connections[number].synapse.rows
        if rows is None:
            continue
        bits = weight_format(program, number, encoding).bits
        found += [
            WeightFlip(name, index, (bit,), encoding)
            for index in range(rows.size)
            for bit in range(bits)
        ]
    return found


def damages(target: Target, injections: Sequence[Faults]) -> list[Damage]:
    """Return what each of ``injections`` does to all samples, in their order."""
    labels, samples = target.labels, len(target.labels)
    found: list[Damage] = []
    for _, scores in scored(target.program, target.recipe, target.columns, injections):
        own = scores.reshape(-1, samples, scores.shape[1])
        margins = margins_of(own, labels)
        for margin in margins:
            flips = injections[len(found)]
            found.append(Damage(flips, int((margin <= 0).sum()), float(margin.mean())))
    return found


def margins_of(scores: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the label's score less the best other one; a sample is right where it is above 0.

    scores : ``(..., samples, classes)``.
    """
    index = np.broadcast_to(labels[:, None], (*scores.shape[:-1], 1))
    own = np.take_along_axis(scores, index, -1)[..., 0]
    others = scores.copy()
    np.put_along_axis(others, index, np.iinfo(np.int64).min // 2, -1)
    return np.asarray(own - others.max(axis=-1))


def worst_single(target: Target, candidates: Sequence[WeightFlip]) -> list[Damage]:
    """Return what every candidate does alone, the worst first: exact for one flip."""
    return sorted(damages(target, [(flip,) for flip in candidates]), key=lambda one: one.order)


def beam(
    target: Target, candidates: Sequence[WeightFlip], count: int, width: int = 1
) -> list[Damage]:
    """Return the worst sets found of 1 to ``count`` flips; of width 1 this is the greedy search.

    The ``width`` worst sets of k flips are joined with every candidate, and the worst of those
    kept; the same set in another order counts once.
    """
    kept: list[Damage] = [Damage((), 0, 0.0)]
    found = []
    for _ in range(count):
        tried: dict[frozenset[Fault], Faults] = {}
        for one in kept:
            for flip in candidates:
                if flip not in one.flips:
                    tried.setdefault(frozenset((*one.flips, flip)), (*one.flips, flip))
        kept = sorted(damages(target, list(tried.values())), key=lambda one: one.order)[:width]
        found.append(kept[0])
    return found


def by_gradient(target: Target, count: int, *, progressive: bool = True) -> list[Damage]:
    """Return 1 to ``count`` flips chosen by ``gradient * change``, and what they do.

    gradient : of the summed cross-entropy of scores, through the surrogate of `to_torch`, at the
    integers. progressive : taken anew after every flip, else once, and the best ``count`` taken.

    Source: Rakin et al., ICCV 2019, arXiv:1903.12269 (progressive bit search), without its trials.
    """
    chosen: list[WeightFlip] = []
    sets: list[Faults] = []
    for _ in range(count if progressive else 1):
        ranked = _ranked(target, chosen, 1 if progressive else count)
        for flip in ranked:
            chosen.append(flip)
            sets.append(tuple(chosen))
    return damages(target, sets)


def _ranked(target: Target, chosen: Sequence[WeightFlip], count: int) -> list[WeightFlip]:
    """Return the flips that raise the loss most to first order, with ``chosen`` done already."""
    program = faulty_program(target.program, chosen)
    options = {k: v for k, v in target.recipe.options().items() if k not in ("engine", "threads")}
    module = to_torch(program, **options)
    names = program.connection_names
    weighted = [n for n in range(len(names)) if program.connections[n].synapse.has_weight]
    weights = [module.connections[n].weight for n in weighted]
    for weight in weights:
        weight.requires_grad_()
    run = module(torch.from_numpy(np.asarray(target.columns, np.float32)))
    labels = torch.from_numpy(target.labels)
    functional.cross_entropy(run.logits, labels, reduction="sum").backward()  # type: ignore[no-untyped-call]
    flips: list[tuple[float, WeightFlip]] = []
    for number, weight in zip(weighted, weights, strict=True):
        gains = _gains(target, program, number, weight)
        bits = gains.shape[1]
        for place in np.argsort(-gains, axis=None, kind="stable")[: count + len(chosen)]:
            index, bit = divmod(int(place), bits)
            flip = WeightFlip(names[number], index, (bit,), target.encoding)
            if flip not in chosen:
                flips.append((float(gains[index, bit]), flip))
    flips.sort(key=lambda one: -one[0])
    return [flip for _, flip in flips[:count]]


def _gains(target: Target, program: Program, number: int, weight: Any) -> NDArray[np.float64]:
    """Return gradient times change of every bit of every weight, ``(weights, bits)``."""
    form = weight_format(target.program, number, target.encoding)
    values = np.asarray(program.connections[number].synapse.rows).reshape(-1)
    changes = {
        int(v): [form.flipped(int(v), (bit,)) - int(v) for bit in range(form.bits)]
        for v in np.unique(values)
    }
    moves = np.array([changes[int(v)] for v in values], np.float64)
    slope = np.asarray(weight.grad.detach().double().cpu().numpy()).reshape(-1, 1)
    return slope * moves


def effects(target: Target, worst: Sequence[Damage]) -> list[Effect]:
    """Return what each of the faults does to one sample."""
    found = []
    recipe, labels = target.recipe, target.labels
    clean = next(iter(scored(target.program, recipe, target.columns, [()])))[1]
    before = margins_of(clean, labels)
    for one in worst:
        scores = next(iter(scored(target.program, recipe, target.columns, [one.flips])))[1]
        after = margins_of(scores, labels)
        lost = np.flatnonzero((before > 0) & (after <= 0))
        among = lost if len(lost) else np.arange(len(labels))
        sample = int(among[np.argmin((after - before)[among])])
        spikes = [_spikes(target, sample, flips) for flips in ((), one.flips)]
        found.append(
            Effect(
                " and ".join(fault.text for fault in one.flips), one.wrong, sample,
                int(labels[sample]), int(predictions(clean)[sample]),
                int(predictions(scores)[sample]), int(before[sample]), int(after[sample]),
                *spikes,
            )
        )  # fmt: skip
    return found


def _spikes(target: Target, sample: int, faults: Faults) -> int:
    own = target.columns[sample : sample + 1]
    trace = simulate(target.program, own, faults=[faults], record=(), **target.recipe.options())
    return sum(int(count.sum()) for count in trace.activity.spikes.values())
