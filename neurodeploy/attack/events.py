"""Attacks on binary columns: events are flipped, put in, taken out or moved in time.

Candidates come from the gradient of the margin, or at random where there is none; the engine
chooses among them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurodeploy.attack.attack import Attack, Catch, Field, Oracle, margins
from neurodeploy.attack.backward import Adaptive, Backward
from neurodeploy.attack.chance import stream, uniforms
from neurodeploy.attack.space import Grid, Rows, Space
from neurodeploy.data.presentation import Presentation
from neurodeploy.errors import OptionError

MODES = ("flip", "insert", "delete")


@dataclass(frozen=True, eq=False)
class Events(Space):
    """Columns of 0 and 1 and what may become of them.

    flips : largest number of events that appear or vanish. shift : largest number of steps by
    which an event moves, at most one event in a cell. One of the two is 0.
    """

    flips: int = 0
    shift: int = 0

    @classmethod
    def of(cls, data: Presentation, flips: int = 0, shift: int = 0) -> Events:
        """Return the events of ``data``. Raises OptionError for data that are no binary columns."""
        if not data.encoder.identity or data.graded:
            raise OptionError(
                "flips and shifts are budgets of binary columns, these data have a budget eps"
            )
        clean = (data.x != 0).astype(np.int32)
        zero = np.zeros_like(clean)
        return cls(data, data, clean, zero, zero + 1, flips, shift)

    @property
    def free(self) -> NDArray[np.bool_]:
        """Which cells hold data, ``(samples, T, 1)``: not those behind the end of a sample."""
        steps = np.arange(self.clean.shape[1])[None, :, None]
        lengths = self.data.split.lengths
        ends = np.full(len(self), len(steps[0])) if lengths is None else lengths
        return np.asarray(steps < ends[:, None, None])


def flipped(clean: NDArray[Any], x: NDArray[Any]) -> NDArray[np.int64]:
    """Return the number of cells in which events appeared or vanished, ``(samples,)``."""
    changed = (clean != 0) != (x != 0)
    return np.asarray(changed.reshape(len(x), -1).sum(1))


def moved(clean: NDArray[Any], x: NDArray[Any]) -> NDArray[np.int64]:
    """Return the largest shift that turns the events of each line into others, ``(samples,)``.

    Events of one line are matched in their order, which makes the largest shift the smallest;
    -1 where a line has another number of events.
    """
    found = np.zeros(len(x), np.int64)
    for row in range(len(x)):
        was = clean[row].reshape(len(clean[row]), -1) != 0
        now = x[row].reshape(len(x[row]), -1) != 0
        if (was.sum(0) != now.sum(0)).any():
            found[row] = -1
            continue
        before, after = np.nonzero(was.T)[1], np.nonzero(now.T)[1]
        found[row] = int(np.abs(before - after).max(initial=0))
    return found


@dataclass(frozen=True)
class EventAttack(Attack):
    """Base. guided : whether candidates come from the gradient where there is one."""

    backward: Backward = field(default_factory=Adaptive)
    guided: bool = True

    def guide(self, field: Field) -> Oracle | None:
        """Return what gives gradients, None where candidates are drawn at random."""
        if not self.guided or field.slopes is None:
            return None
        return field.oracle("margin", self.backward)


@dataclass(frozen=True)
class Flips(EventAttack):
    """One event after another, each the best of some candidates.

    mode : flip, or only insert or delete. candidates : that the engine tries for each event. beam :
    how many of the best changed samples are gone on with; 1 is greedy.
    """

    mode: str = "flip"
    candidates: int = 8
    beam: int = 1

    kind: ClassVar[str] = "flips"

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise OptionError(f"mode is {self.mode!r}, expected one of {', '.join(MODES)}")

    @property
    def name(self) -> str:
        guide = "" if self.guided else " random"
        return f"{self.mode} beam {self.beam}{guide}"

    def run(self, field: Field) -> Grid:
        space = _events(field)
        catch, oracle = Catch(field), self.guide(field)
        rows, fronts = catch.rows, space.clean[:, None]
        for turn in range(space.flips):
            if not len(rows):
                break
            rows, fronts = self._deeper(field, catch, oracle, rows, fronts, turn)
        return catch.x

    def _deeper(
        self,
        field: Field,
        catch: Catch,
        oracle: Oracle | None,
        rows: Rows,
        fronts: Grid,
        turn: int,
    ) -> tuple[Rows, Grid]:
        """Change one more event of each front, ``(rows, beam, T, ...)``; return what stands."""
        width, shape = fronts.shape[1], fronts.shape[2:]
        own = np.repeat(rows, width)
        x = fronts.reshape(-1, *shape)
        cells, allowed = self._cells(field, oracle, x, own, turn)
        trials = np.repeat(x[:, None], cells.shape[1], axis=1).reshape(len(x), cells.shape[1], -1)
        before = np.take_along_axis(trials, cells[:, :, None], axis=2)
        after = np.where(allowed[:, :, None], 1 - before, before)
        np.put_along_axis(trials, cells[:, :, None], after, axis=2)
        flat, owner = trials.reshape(-1, *shape), np.repeat(own, cells.shape[1])
        scores = field.answer(flat, owner)
        catch.see(flat, owner, scores)
        found = margins(scores, field.labels[owner]).reshape(len(rows), -1)
        order = np.argsort(found, axis=1, kind="stable")[:, : self.beam]
        every = flat.reshape(len(rows), -1, *shape)
        kept = np.stack([every[k][order[k]] for k in range(len(rows))])
        standing = catch.standing[rows]
        return rows[standing], kept[standing]

    def _cells(
        self, field: Field, oracle: Oracle | None, x: Grid, own: Rows, turn: int
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the flat numbers of the cells to try, and which of them may be, by rows of x."""
        space = _events(field)
        flat = x.reshape(len(x), x.shape[1], -1)
        allowed = np.broadcast_to(space.free[own], flat.shape) & (
            flat == space.clean[own].reshape(flat.shape)
        )
        if self.mode != "flip":
            allowed = allowed & (flat == (self.mode == "delete"))
        if oracle is None:
            worth = _draws(field, own, self.name, flat[0].size, turn).reshape(flat.shape)
        else:
            worth = oracle(x, own).gradient.reshape(flat.shape) * (1.0 - 2.0 * flat)
        gain = np.where(allowed, worth, -np.inf).reshape(len(x), -1)
        cells = np.argsort(-gain, axis=1, kind="stable")[:, : self.candidates]
        return cells, np.take_along_axis(gain, cells, axis=1) > -np.inf


@dataclass(frozen=True)
class Shifts(EventAttack):
    """Events move in time, at each turn all those whose move raises the loss, the best first.

    turns : rounds, each with a new gradient.

    Source: in the manner of spike retiming, arXiv:2602.03284, budget of the largest shift.
    """

    turns: int = 20

    kind: ClassVar[str] = "shifts"

    @property
    def name(self) -> str:
        return f"shift {self.turns}" if self.guided else f"shift {self.turns} random"

    def run(self, field: Field) -> Grid:
        space = _events(field)
        catch, oracle = Catch(field), self.guide(field)
        trains = {int(row): _Train(space, int(row)) for row in catch.rows}
        for turn in range(self.turns):
            rows = catch.rows
            if not len(rows):
                break
            x = np.stack([trains[int(row)].x for row in rows])
            size = x[0].size
            if oracle is None:
                gain = _draws(field, rows, self.name, size, turn)
            else:
                gain = oracle(x, rows).gradient.astype(np.float64)
            for row, one in zip(rows, gain.reshape(len(rows), x.shape[1], -1), strict=True):
                trains[int(row)].move(one, from_home=oracle is None)
            x = np.stack([trains[int(row)].x for row in rows])
            catch.see(x, rows, field.answer(x, rows))
        return catch.x


class _Train:
    """The events of one sample and where they have moved to."""

    def __init__(self, space: Events, row: int) -> None:
        self.shape = space.clean.shape[1:]
        self.shift = space.shift
        self.end = int(space.free[row].sum())
        cells = space.clean[row].reshape(self.shape[0], -1)
        self.home, self.line = (axis.astype(np.int64) for axis in np.nonzero(cells))
        self.at = self.home.copy()
        self.taken = cells != 0

    @property
    def x(self) -> Grid:
        """The columns, ``(T, *shape)``."""
        return np.asarray(self.taken.reshape(self.shape), np.int32)

    def move(self, worth: NDArray[np.float64], from_home: bool) -> None:
        """Move events to where ``worth`` ``(T, N)`` is larger, the largest gain first."""
        if not len(self.home):
            return
        offsets = np.arange(-self.shift, self.shift + 1)
        to = self.home[:, None] + offsets
        inside = (to >= 0) & (to < self.end)
        to = np.clip(to, 0, self.end - 1)
        gain = worth[to, self.line[:, None]] - worth[self.at, self.line][:, None]
        gain = np.where(inside & (to != self.at[:, None]), gain, 0.0).reshape(-1)
        order = np.argsort(-gain, kind="stable")
        settled = np.zeros(len(self.home), np.bool_)
        for number in order[gain[order] > 0]:
            event, slot = divmod(int(number), len(offsets))
            step, line = int(to[event, slot]), int(self.line[event])
            if not settled[event] and not self.taken[step, line]:
                self.taken[int(self.at[event]), line] = False
                self.taken[step, line] = True
                self.at[event] = step
                settled[event] = True


@dataclass(frozen=True)
class EventNoise(Attack):
    """As many random flips, or moves of every event, as the budget allows: the yardstick."""

    kind: ClassVar[str] = "noise"
    iterated: ClassVar[bool] = False
    sign_only: ClassVar[bool] = True

    def run(self, field: Field) -> Grid:
        space = _events(field)
        if space.shift:
            return Shifts(guided=False, turns=1).run(field)
        catch = Catch(field)
        rows = catch.rows
        flat = space.clean.reshape(len(field), -1).copy()
        draws = _draws(field, rows, "event noise", flat.shape[1], 0)
        cells = (*space.clean.shape[:2], flat.shape[1] // space.clean.shape[1])
        free = np.broadcast_to(space.free, cells)
        draws = np.where(free.reshape(flat.shape), draws, 2.0)
        chosen = np.argsort(draws, axis=1, kind="stable")[:, : space.flips]
        held = np.take_along_axis(flat, chosen, axis=1)
        open_cells = np.take_along_axis(draws, chosen, axis=1) < 1
        np.put_along_axis(flat, chosen, np.where(open_cells, 1 - held, held), axis=1)
        x = flat.reshape(space.clean.shape)
        catch.see(x, rows, field.answer(x, rows))
        return catch.x


def _events(field: Field) -> Events:
    if not isinstance(field.space, Events):
        raise OptionError("event attacks need binary columns, expected a budget of flips or shifts")
    return field.space


def _draws(field: Field, rows: Rows, name: str, count: int, turn: int) -> NDArray[np.float64]:
    return uniforms(field.seed, field.numbers[rows], count, stream(name), turn)
