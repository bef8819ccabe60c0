"""Attacks: what is left of the accuracy within a budget, by which attack, and what fooled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.report.check import Card
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.parts.part import Part, template
from neurodeploy.report.svg import Figure, Linear, Plot, picture
from neurodeploy.report.words import percent
from neurodeploy.results.attack import Attacked, BudgetRow, Fooled
from neurodeploy.results.tested import Tested

SHOWN = 6
"""Most fooled samples that are drawn."""
LARGEST = 64
"""Longest side of a datum that is drawn."""


@dataclass(frozen=True)
class Pair:
    """A sample that fell, and its clean twin, as tables of values."""

    sample: int
    label: int
    predicted: int
    budget: str
    attack: str
    clean: NDArray[Any]
    x: NDArray[Any]

    @property
    def caption(self) -> str:
        """What is seen."""
        answer = f"answered {self.predicted}" if self.predicted >= 0 else "answered with a tie"
        return f"Sample {self.sample}, a {self.label}, {answer} at {self.budget}"


@dataclass(frozen=True)
class Content:
    """rows : one for each budget. pairs : samples that fell at the smallest budget they fell at."""

    attacked: Attacked
    tested: Tested
    pairs: tuple[Pair, ...]

    @property
    def rows(self) -> tuple[BudgetRow, ...]:
        """One for each budget."""
        return self.attacked.summary

    @property
    def source(self) -> str:
        """What stands at every number."""
        return f"{self.tested.label}; attack seed {self.attacked.settings.seed}"

    @property
    def how(self) -> str:
        """How hard it was tried."""
        names = self.attacked.settings.attacks
        return f"strength {self.attacked.settings.strength}" if names is None else "chosen attacks"

    @property
    def names(self) -> tuple[str, ...]:
        """Every attack, in its order."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.by_attack))

    @property
    def suspicious(self) -> tuple[str, ...]:
        """Signs that say something."""
        return tuple(
            f"{row.text}: {sign.name}: {sign.text}"
            for row in self.rows
            for sign in row.masking
            if sign.suspicious
        )


def content(evidence: Evidence) -> Content | None:
    """Collect what the suite attack left."""
    verify, tested = evidence.verify, evidence.verified_on
    if verify is None or tested is None or verify.suites.attack is None:
        return None
    attacked = verify.suites.attack
    pairs = () if evidence.fooled is None else tuple(_pairs(evidence.fooled, attacked.summary))
    return Content(attacked, tested, pairs)


def _pairs(fooled: Fooled, rows: Sequence[BudgetRow]) -> Iterator[Pair]:
    left = SHOWN
    shown = set[int]()
    for number, row in enumerate(rows):
        for k in np.flatnonzero(fooled.fooled[number]):
            clean, x = _table(fooled.clean[k]), _table(fooled.x[number, k])
            if not left or max(clean.shape) > LARGEST:
                return
            if int(k) not in shown:
                shown.add(int(k))
                left -= 1
                yield Pair(
                    int(fooled.sample[k]),
                    int(fooled.label[k]),
                    int(fooled.predicted[number, k]),
                    row.text,
                    str(fooled.attack[number, k]),
                    clean,
                    x,
                )


def _table(datum: NDArray[Any]) -> NDArray[np.int64]:
    """Return a datum as rows and columns: channels are added up, a flat square becomes one."""
    wide = datum.astype(np.int64)
    if wide.ndim > 2:
        return np.asarray(wide.reshape(-1, *wide.shape[-2:]).sum(0))
    if wide.ndim == 2:
        return wide
    side = round(wide.size**0.5)
    return wide.reshape(side, side) if side * side == wide.size else wide.reshape(1, -1)


def figures(content: Content) -> Mapping[str, Figure]:
    """Accuracy against budget for each unit, and the samples that fell."""
    found = {}
    for unit in dict.fromkeys(row.unit for row in content.rows):
        rows = [row for row in content.rows if row.unit == unit]
        found[f"attack-{unit}"] = _accuracy(content, unit, rows)
    for number, pair in enumerate(content.pairs):
        found[f"fooled-{number}"] = _drawn(pair)
    return found


def _accuracy(content: Content, unit: str, rows: Sequence[BudgetRow]) -> Figure:
    rows = sorted(rows, key=lambda row: row.eps)
    x = [row.eps for row in rows]
    title = {"eps": "budget, 1/255 of the peak", "flips": "events flipped", "shift": "steps moved"}
    plot = Plot(250, Linear(0.0, max(x)), Linear(0.0, 100.0), title[unit], "accuracy, %")
    clean = 100 * rows[0].clean
    plot.line([0.0, max(x)], [clean, clean], "c1", "dashed")
    for row in rows:
        plot.error_bar(row.eps, 100 * row.low, 100 * row.high, "c0")
    plot.line([0.0, *x], [clean, *(100 * row.robust for row in rows)], "c0")
    tips = [f"{row.text}: {percent(row.robust)}, {row.strongest[0]}" for row in rows]
    plot.points(x, [100 * row.robust for row in rows], "c0", tips)
    caption = "Accuracy under attack against the budget, with 95 % intervals"
    told = "; ".join(tips)
    legend = (("worst case of all attacks", "c0"), ("without attack", "c1"))
    drawing = plot.markup(caption, f"{told}. The table below holds the values.")
    return Figure(caption, told, drawing, content.source, legend)


def _drawn(pair: Pair) -> Figure:
    gap = np.zeros((len(pair.clean), 1), np.int64)
    drawn = np.concatenate([pair.clean, gap, pair.x, gap, pair.x - pair.clean], axis=1)
    told = f"clean, attacked by {pair.attack}, and the difference"
    return Figure(pair.caption, told, picture(drawn, pair.caption, told), "", note=told)


def cards(content: Content) -> Sequence[Card]:
    """Robust accuracy at the smallest budget."""
    row = content.rows[0]
    state = "open" if content.suspicious else ""
    detail = f"{percent(row.low)} to {percent(row.high)}; {content.tested.short}, {content.how}"
    return (Card(f"Under attack of {row.text}", percent(row.robust), detail, state),)


def json(content: Content | None) -> Mapping[str, Any]:
    """The rows as they stand in verify.json."""
    return {"attack": content and content.attacked}


PART = Part(content, template("attack"), figures, cards, json=json)
