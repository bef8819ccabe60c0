"""Boxes of several populations on one core, where the chip allows that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from neurodeploy.placement.box import Box
from neurodeploy.placement.fabric import Fabric


@dataclass(frozen=True)
class Piece:
    """One box and what it takes of every limited resource."""

    population: str
    box: Box
    needs: Mapping[str, int]

    def fullness(self, fabric: Fabric) -> float:
        """Return how far it fills a core, by the limit that it fills most."""
        return max(need / fabric.limits[name] for name, need in self.needs.items())


def packed(pieces: Sequence[Piece], fabric: Fabric, in_turn: bool = False) -> list[list[Piece]]:
    """Return the pieces by core, cores in the order of their first piece.

    Apart where the chip keeps populations apart; else by first fit, the fullest piece first, or
    with ``in_turn`` each on the core of the one before it while that has room. What pieces of one
    core need adds up: sources that they share are counted for each.
    """
    if fabric.alone:
        return [[piece] for piece in pieces]
    order = list(range(len(pieces)))
    if not in_turn:
        order.sort(key=lambda number: (-pieces[number].fullness(fabric), number))
    names = list(fabric.limits)
    limit = np.array([fabric.limits[name] for name in names], np.int64)
    used = np.zeros((len(pieces), len(names)), np.int64)
    cores: list[list[int]] = []
    for number in order:
        need = np.array([pieces[number].needs[name] for name in names], np.int64)
        first = max(len(cores) - 1, 0) if in_turn else 0
        fits = np.all(used[first : len(cores)] + need <= limit, axis=1)
        place = first + int(np.argmax(fits)) if fits.any() else len(cores)
        if place == len(cores):
            cores.append([])
        cores[place].append(number)
        used[place] += need
    ordered = sorted((sorted(held) for held in cores), key=lambda held: held[0])
    return [[pieces[number] for number in held] for held in ordered]
