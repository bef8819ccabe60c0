"""Placing a program on the cores of a chip: in as few as possible, then with short ways.

1. Every population is cut into boxes that fit (`cut`). How many cores a neuron reaches follows from
   the cuts of its targets and asks for output axons in turn, so cutting is repeated until it rests.
2. Boxes are packed: one core each where the chip keeps populations apart, else by first fit, the
   box that fills its core most first.
3. Cores are numbered along the network, chip by chip, and exchanged on the mesh of each chip for
   fewer links (`seats`).

Everything is deterministic. The naive placement beside it is what a first program would do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurodeploy.errors import OptionError, PlacementError
from neurodeploy.placement.assign import assigned
from neurodeploy.placement.bound import bounds, one_core_each
from neurodeploy.placement.box import Box, Maps
from neurodeploy.placement.cut import Cut, fewest, first_fit, full, part_of, room
from neurodeploy.placement.fabric import Fabric, fabric
from neurodeploy.placement.layer import Layer, layers
from neurodeploy.placement.pack import Piece, packed
from neurodeploy.placement.reach import links
from neurodeploy.placement.record import Placement
from neurodeploy.placement.seats import recorded
from neurodeploy.program import Program

if TYPE_CHECKING:
    from neurodeploy.profile import ChipProfile

METHODS = ("optimised", "naive")
ROUNDS = 50
"""Most repetitions of cutting; each of them cuts finer."""
SHARES = (0.5, 0.25)
TRIED = 400_000
"""Neurons that are placed in the search for a better packing, all trials together."""
STEP = 1.02
"""At least so much more output axons per neuron are reckoned with after a cut that has too many."""


def place(program: Program, profile: ChipProfile, *, method: str = "optimised") -> Placement:
    """Return the placement of ``program`` on the chip of ``profile``.

    method : ``"optimised"``, or ``"naive"``, which takes at least as many cores.

    Raises PlacementError where a population fits no core however it is cut, or where there are too
    few cores; ProfileError where the profile does not say what a core holds; OptionError for
    another method.
    """
    if method not in METHODS:
        raise OptionError(f"method is {method!r}, expected one of {', '.join(METHODS)}")
    chip, demand = fabric(profile), layers(program)
    _check_fan_in(demand, chip)
    if chip.own:
        places = assigned(demand, chip)
        held = [
            _pieces(demand[name], [Box((0, 0, 0), demand[name].maps)], chip, 0.0) for name in places
        ]
        seats = np.array([places[piece.population] for (piece,) in held], np.int64)
        return recorded(program, profile, chip, demand, held, method, one_core_each(demand), seats)
    least = bounds(program, demand, chip)
    held = _cut_and_packed(program, demand, chip, dict.fromkeys(demand, first_fit), in_turn=True)
    if method == "optimised":
        held = min(_searched(program, demand, chip, least.total), held, key=len)
    return recorded(program, profile, chip, demand, held, method, least)


def _searched(
    program: Program, demand: Mapping[str, Layer], chip: Fabric, bound: int
) -> list[list[Piece]]:
    """Return the packing into fewest cores that was found.

    All layers in as few boxes as possible. Where cores are shared, also flat ones in full boxes and
    a rest; where that is above the bound, one core filled after the other, and layers in turn, the
    largest first, in boxes of a half or a quarter of the largest one, kept where it saves a core.
    """
    if chip.alone:
        return _cut_and_packed(program, demand, chip, dict.fromkeys(demand, fewest))
    whole: tuple[Cut, ...] = (fewest, full)
    trials = [dict.fromkeys(demand, cut) for cut in whole]
    found = [_cut_and_packed(program, demand, chip, cuts) for cuts in trials]
    best = min(found, key=len)
    cuts = trials[found.index(best)]
    if len(best) > bound:
        best = min(best, _filled(program, demand, chip), key=len)
    left = TRIED // program.neurons
    for name in sorted(demand, key=lambda name: -demand[name].size):
        for share in SHARES:
            if len(best) <= bound or left < 1:
                return best
            left -= 1
            finer = {**cuts, name: part_of(share, cuts[name])}
            trial = _cut_and_packed(program, demand, chip, finer)
            if len(trial) < len(best):
                best, cuts = trial, finer
                break
    return best


def _check_fan_in(demand: Mapping[str, Layer], chip: Fabric) -> None:
    """Raise PlacementError for a neuron that listens to more sources than one can."""
    for layer in demand.values():
        if chip.fan_in is not None and layer.fan_in > chip.fan_in:
            raise PlacementError(
                f"population {layer.name}: a neuron listens to {layer.fan_in:,} sources, one of "
                f"{chip.name} to {chip.fan_in:,}; more cores do not help, prune its weights or "
                "put a layer between"
            )


def _cut_and_packed(
    program: Program,
    demand: Mapping[str, Layer],
    chip: Fabric,
    cuts: Mapping[str, Cut],
    in_turn: bool = False,
) -> list[list[Piece]]:
    """Return the pieces of every core: every layer cut, then packed."""

    def layout(fans: Mapping[str, float]) -> list[list[Piece]]:
        pieces = [
            piece
            for name, layer in demand.items()
            for piece in _pieces(layer, cuts[name](layer, chip, fans[name]), chip, fans[name])
        ]
        return packed(pieces, chip, in_turn)

    return _rested(program, demand, chip, layout)


def _filled(program: Program, demand: Mapping[str, Layer], chip: Fabric) -> list[list[Piece]]:
    """Return the pieces of every core: one core filled after the other, flat layers cut to fit."""

    def layout(fans: Mapping[str, float]) -> list[list[Piece]]:
        held: list[list[Piece]] = []
        for name, layer in demand.items():
            if len(layer.shape) == 3:
                boxes = fewest(layer, chip, fans[name])
                pieces = _pieces(layer, boxes, chip, fans[name])
                held += packed([*(held.pop() if held else []), *pieces], chip, in_turn=True)
                continue
            fitting = room(layer, chip, fans[name]).most
            start = 0
            while start < layer.size:
                rest = min(fitting, layer.size - start)
                size = _fitting(layer, chip, fans[name], rest, held[-1]) if held else 0
                if not size:
                    held.append([])
                    size = rest
                box = Box((start, 0, 0), (start + size, 1, 1))
                held[-1] += _pieces(layer, [box], chip, fans[name])
                start += size
        return held

    return _rested(program, demand, chip, layout)


def _fitting(layer: Layer, chip: Fabric, fan_out: float, most: int, held: list[Piece]) -> int:
    """Return how many neurons of a flat layer fit beside the pieces of a core, ``most`` at most."""
    count, one = np.arange(1, most + 1)[:, None, None], np.ones((1, 1, 1), np.int64)
    fits = np.ones(count.shape, bool)
    for name, need in layer.needs(chip, count, one, one, fan_out).items():
        taken = sum(piece.needs[name] for piece in held)
        fits &= need + taken <= chip.limits[name]
    return int(fits.sum())


def _rested(
    program: Program,
    demand: Mapping[str, Layer],
    chip: Fabric,
    layout: Callable[[Mapping[str, float]], list[list[Piece]]],
) -> list[list[Piece]]:
    """Return the layout, repeated until no core has more output axons than it can."""
    fans = dict.fromkeys(demand, 0.0)
    for _ in range(ROUNDS):
        held = layout(fans)
        if "out_axons" not in chip.limits and chip.fan_out_cores is None:
            return held
        raised = _raised(program, held, chip, fans)
        if raised == fans:
            return held
        fans = raised
    raise PlacementError(
        f"the cuts do not come to rest after {ROUNDS} rounds, neurons reach up to "
        f"{max(fans.values()):.0f} cores of {chip.name}; use fewer, larger layers"
    )


def _raised(
    program: Program, held: Sequence[Sequence[Piece]], chip: Fabric, fans: Mapping[str, float]
) -> dict[str, float]:
    """Return the output axons per neuron to reckon with, more where a core has too many of them.

    Raises PlacementError where one neuron reaches more cores than it can send to.
    """
    cores = [[(piece.population, piece.box) for piece in pieces] for pieces in held]
    found = links(program, cores, chip.multicast)
    raised = dict(fans)
    for name, times in found.times.items():
        if chip.fan_out_cores is not None and times.max() > chip.fan_out_cores:
            raise PlacementError(
                f"population {name}: a neuron reaches {times.max()} cores, one of {chip.name} "
                f"sends to {chip.fan_out_cores}; more cores do not help, use smaller target layers"
            )
    limit = chip.limits.get("out_axons")
    for k, pieces in enumerate(held):
        if limit is None or found.leaving[k] <= limit:
            continue
        for piece in pieces:
            here = float(found.times[piece.population][piece.box.slices].mean())
            name = piece.population
            raised[name] = max(raised[name], fans[name] * STEP, here)
    return raised


def _pieces(layer: Layer, boxes: Sequence[Box], chip: Fabric, fan_out: float) -> list[Piece]:
    """Return the boxes with what they need, which hangs on their extent alone."""
    known: dict[Maps, Mapping[str, int]] = {}
    for extent in {box.extent for box in boxes}:
        c, h, w = (np.full((1, 1, 1), length, np.int64) for length in extent)
        needs = layer.needs(chip, c, h, w, fan_out)
        known[extent] = {name: int(np.max(need)) for name, need in needs.items()}
    return [Piece(layer.name, box, known[box.extent]) for box in boxes]
