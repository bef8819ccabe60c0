"""Attacks without gradients: the engine answers whole batches of proposals.

A proposal is taken where the margin between the label and the best other class does not grow:
scores are whole numbers, and steps along a plateau are what leaves it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurodeploy.attack.attack import Attack, Catch, Field, margins
from neurodeploy.attack.chance import stream, uniforms
from neurodeploy.attack.space import Grid, Rows

Shape = tuple[int, ...]

SHRINKING = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Queries out of 10 000 after which Square halves the share of values that it changes."""
SHARE = 0.8
"""Share of the values in the first square."""


@dataclass(frozen=True)
class Climb(Attack):
    """Base: proposals one after another, each from the best so far. queries : answers asked for."""

    queries: int = 1000

    @property
    def name(self) -> str:
        return f"{self.kind} {self.queries}"

    def run(self, field: Field) -> Grid:
        catch = Catch(field)
        rows = catch.rows
        best = self.first(field, rows)
        margin = self._asked(field, catch, best, rows)
        for query in range(1, self.queries):
            standing = margin > 0
            if not standing.all():
                rows, best, margin = rows[standing], best[standing], margin[standing]
            if not len(rows):
                break
            x = self.propose(field, rows, best, query)
            found = self._asked(field, catch, x, rows)
            taken = found <= margin
            best[taken], margin[taken] = x[taken], found[taken]
        return catch.x

    @staticmethod
    def _asked(field: Field, catch: Catch, x: Grid, rows: Rows) -> NDArray[np.int64]:
        scores = field.answer(x, rows)
        catch.see(x, rows, scores)
        return margins(scores, field.labels[rows])

    def first(self, field: Field, rows: Rows) -> Grid:
        """Return the first proposal."""
        raise NotImplementedError

    def propose(self, field: Field, rows: Rows, best: Grid, query: int) -> Grid:
        """Return the next proposal, from the best one so far."""
        raise NotImplementedError


@dataclass(frozen=True)
class Square(Climb):
    """Squares of values are set to an end of the budget, smaller and smaller ones.

    Starts with stripes along the rows. Data that are no image count as one of a single row; a flat
    datum whose size is a square counts as that square.

    Source: Andriushchenko et al., ECCV 2020, arXiv:1912.00049, algorithms 1 and 2.
    """

    kind: ClassVar[str] = "square"

    def first(self, field: Field, rows: Rows) -> Grid:
        channels, height, width = plane(field.space.clean.shape[1:])
        draws = uniforms(field.seed, field.numbers[rows], channels * width, stream("square"))
        up = (draws < 0.5).reshape(len(rows), channels, 1, width)
        up = np.broadcast_to(up, (len(rows), channels, height, width))
        return _ends(field, rows, up.reshape(len(rows), *field.space.clean.shape[1:]))

    def propose(self, field: Field, rows: Rows, best: Grid, query: int) -> Grid:
        channels, height, width = plane(best.shape[1:])
        share = shrunk(query, self.queries)
        tall, wide = window(share, height, width)
        draws = uniforms(field.seed, field.numbers[rows], 2 + channels, stream("square"), query)
        top = np.floor(draws[:, 0] * (height - tall + 1)).astype(np.int64)[:, None]
        left = np.floor(draws[:, 1] * (width - wide + 1)).astype(np.int64)[:, None]
        line, column = np.arange(height), np.arange(width)
        inside = ((line >= top) & (line < top + tall))[:, None, :, None]
        inside = inside & ((column >= left) & (column < left + wide))[:, None, None, :]
        up = (draws[:, 2:] < 0.5)[:, :, None, None]
        low, high = (
            end[rows].reshape(len(rows), channels, height, width)
            for end in (field.space.low, field.space.high)
        )
        image = best.reshape(low.shape)
        return np.where(inside, np.where(up, high, low), image).reshape(best.shape)


@dataclass(frozen=True)
class RandomSearch(Climb):
    """A tenth of the values, at least one, is set to random ends of the budget."""

    kind: ClassVar[str] = "random-search"

    def first(self, field: Field, rows: Rows) -> Grid:
        return _ends(field, rows, _coins(field, rows, "random-search", 0) < 0.5)

    def propose(self, field: Field, rows: Rows, best: Grid, query: int) -> Grid:
        draws = _coins(field, rows, "random-search", query)
        size = draws[0].size
        chosen = draws < max(0.1, 1.0 / size)
        up = draws < max(0.1, 1.0 / size) / 2
        return np.where(chosen, _ends(field, rows, up), best)


@dataclass(frozen=True)
class Noise(Climb):
    """Random ends of the budget, each query anew: the yardstick that an attack has to beat."""

    queries: int = 1

    kind: ClassVar[str] = "noise"
    iterated: ClassVar[bool] = False
    sign_only: ClassVar[bool] = True

    def first(self, field: Field, rows: Rows) -> Grid:
        return _ends(field, rows, _coins(field, rows, "noise", 0) < 0.5)

    def propose(self, field: Field, rows: Rows, best: Grid, query: int) -> Grid:
        return _ends(field, rows, _coins(field, rows, "noise", query) < 0.5)


@dataclass(frozen=True)
class Boundary(Attack):
    """Decisions only: from a datum that is answered wrongly, nearer and nearer to the clean one.

    A pattern anywhere in the range is clipped to ``clean -+ d``; d is halved towards the budget as
    long as the answer stays wrong. Then a tenth of the pattern is drawn anew at each query, and d
    tried at nine tenths.

    Source: in the manner of Brendel et al., ICLR 2018, arXiv:1712.04248, for the largest norm.
    """

    queries: int = 1000

    kind: ClassVar[str] = "boundary"

    @property
    def name(self) -> str:
        return f"{self.kind} {self.queries}"

    def run(self, field: Field) -> Grid:
        catch = Catch(field)
        rows = catch.rows
        space = field.space
        span = space.most - space.least
        pattern = np.where(_coins(field, rows, "boundary", 0) < 0.5, space.least, space.most)
        reach = np.full(len(rows), 2 * span)
        for query in range(1, self.queries + 1):
            draws = _coins(field, rows, "boundary", query)
            fresh = np.where(draws < 0.05, space.least, space.most)
            lost_yet = (reach <= span).reshape(-1, *[1] * (pattern.ndim - 1))
            redrawn = draws < np.where(lost_yet, 0.1, 1.0)
            fresh = np.where(lost_yet, fresh, np.where(draws < 0.5, space.least, space.most))
            trial = np.where(redrawn, fresh, pattern)
            aim = np.where(reach > span, span, np.maximum(space.radius, reach * 9 // 10))
            near = aim.reshape(-1, *[1] * (pattern.ndim - 1))
            clean = space.clean[rows]
            x = np.clip(trial, clean - near, clean + near)
            inside = aim <= space.radius
            x = np.where(
                inside.reshape(near.shape), np.clip(x, space.low[rows], space.high[rows]), x
            ).astype(np.int32)
            scores = field.answer(x, rows)
            wrong = margins(scores, field.labels[rows]) <= 0
            pattern[wrong], reach[wrong] = trial[wrong], aim[wrong]
            fell = wrong & inside
            if fell.any():
                catch.see(x[fell], rows[fell], scores[fell])
                rows, pattern, reach = rows[~fell], pattern[~fell], reach[~fell]
            if not len(rows):
                break
        return catch.x


@dataclass(frozen=True)
class Exhaustive(Attack):
    """Every datum within the budget, where there are at most ``limit`` of them: nothing is missed.

    Samples with more are left alone.
    """

    limit: int = 4096

    kind: ClassVar[str] = "exhaustive"

    def run(self, field: Field) -> Grid:
        catch = Catch(field)
        shape = field.space.clean.shape[1:]
        for row in range(len(field)):
            low, high = field.space.low[row].reshape(-1), field.space.high[row].reshape(-1)
            free = np.flatnonzero(high > low)
            if np.log(high[free] - low[free] + 1.0).sum() > np.log(self.limit) + 1e-9:
                continue
            ranges = [range(int(low[k]), int(high[k]) + 1) for k in free]
            choices = np.array(list(product(*ranges)), np.int32).reshape(-1, len(free))
            x = np.repeat(low[None], len(choices), axis=0)
            x[:, free] = choices
            rows = np.full(len(x), row)
            x = x.reshape(-1, *shape)
            catch.see(x, rows, field.answer(x, rows))
        return catch.x


def plane(shape: Shape) -> tuple[int, int, int]:
    """Return (channels, height, width) under which a datum of ``shape`` is looked at."""
    size = int(np.prod(shape, dtype=np.int64))
    if len(shape) >= 2:
        return size // max(1, shape[-2] * shape[-1]), shape[-2], shape[-1]
    side = int(np.sqrt(size) + 0.5)
    return (1, side, side) if side * side == size else (1, 1, size)


def shrunk(query: int, queries: int) -> float:
    """Return the share of the values that the square of a query covers."""
    at = int(query / queries * 10_000)
    return float(SHARE / 2 ** sum(at > mark for mark in SHRINKING))


def window(share: float, height: int, width: int) -> tuple[int, int]:
    """Return the height and width of a square of that share: sides of ``round(sqrt(share H W))``.

    Where one side of the image is shorter, the other side makes up for it.
    """
    area = share * height * width
    side = max(1, round(float(np.sqrt(area))))
    if side <= min(height, width):
        return side, side
    if height < width:
        return height, min(width, max(1, round(area / height)))
    return min(height, max(1, round(area / width))), width


def _ends(field: Field, rows: Rows, up: NDArray[np.bool_]) -> Grid:
    return np.where(up, field.space.high[rows], field.space.low[rows])


def _coins(field: Field, rows: Rows, name: str, turn: int) -> NDArray[np.float64]:
    shape = field.space.clean.shape[1:]
    count = int(np.prod(shape, dtype=np.int64))
    draws: NDArray[Any] = uniforms(field.seed, field.numbers[rows], count, stream(name), turn)
    return draws.reshape(len(rows), *shape)
