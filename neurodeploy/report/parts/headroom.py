"""Headroom: how far the states stay from overflow, and what overflowed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurodeploy.report.check import Card, Check
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.parts.part import Part, template
from neurodeploy.report.svg import Bar, Figure, Linear, Row, bars
from neurodeploy.report.words import amount
from neurodeploy.results.tested import Tested
from neurodeploy.results.verification import (
    LayerHeadroom,
    Measurements,
    StateRow,
)

MARGIN_BITS = 1.0
"""Headroom below which a state without a proof is near overflow: half of its range was used."""
RULED_OUT = ("impossible", "never")
COLOURS = {"u": "c0", "v": "c2", "re": "c3", "im": "c4", "act": "c3", "sigma": "c4"}
"""Colour of each state, no two alike in a model; of any other ``grey``."""


@dataclass(frozen=True)
class Population:
    """Overflow of one population of any model, over all samples.

    u_wraps, v_saturations : neuron-steps, v being re and im as well; None where they were not
    counted. states : measured and bounded, empty where they were not. from_rest : whether every
    sample that was run began from rest; in a stream that a reset does not clear whole, a bound
    from rest proves nothing.
    """

    name: str
    neuron: str
    u_wraps: int | None
    v_saturations: int | None
    states: tuple[StateRow, ...] = ()
    from_rest: bool = True

    @property
    def overflows(self) -> int:
        """Neuron-steps that left the range, as far as they were counted."""
        others = sum(row.overflows or 0 for row in self.states if row.state not in COLOURS)
        return (self.u_wraps or 0) + (self.v_saturations or 0) + others

    @property
    def counted(self) -> bool:
        """Whether every overflow was counted, or is ruled out."""
        unseen = any(row.overflows is None and row.verdict == "possible" for row in self.states)
        return self.u_wraps is not None and self.v_saturations is not None and not unseen

    @property
    def proven(self) -> bool:
        """Whether overflow is ruled out under what the bounds assume."""
        return bool(self.states) and all(row.verdict in RULED_OUT for row in self.states)

    @property
    def never(self) -> bool:
        """Whether overflow is ruled out in any number of steps."""
        return bool(self.states) and all(row.verdict == "never" for row in self.states)

    def is_near(self, row: StateRow) -> bool:
        """Whether a state came within `MARGIN_BITS` of overflow, and nothing rules it out."""
        ruled_out = row.verdict == "never" or (row.verdict == "impossible" and self.from_rest)
        return not ruled_out and row.bits_left is not None and row.bits_left < MARGIN_BITS

    @property
    def near_bits(self) -> float | None:
        """The least headroom of the states that are near, None where none is."""
        near = [row.bits_left for row in self.states if self.is_near(row)]
        return min((bits for bits in near if bits is not None), default=None)

    @property
    def words(self) -> str:
        """What overflowed, in words."""
        parts = []
        if self.u_wraps:
            parts.append(amount(self.u_wraps, "wrap"))
        if self.v_saturations:
            parts.append(amount(self.v_saturations, "saturation"))
        return ", ".join(parts) or f"{self.overflows:,} overflows"

    @property
    def more_in_run(self) -> bool:
        """Whether the run of all samples overflowed more often than single samples from rest."""
        return self.overflows > sum(
            max((row.overflows or 0 for row in self.states if row.state in names), default=0)
            for names in (("u",), ("v", "re", "im"))
        )

    def verdict(self, row: StateRow) -> str:
        """Return what the table says of a state."""
        if row.overflows:
            return f"seen, {row.overflows:,}"
        if row.verdict == "possible":
            return "not counted" if row.overflows is None else "none seen"
        return row.verdict

    def tone(self, row: StateRow) -> str:
        """Return the colour of what the table says of a state."""
        if row.overflows:
            return "bad"
        uncounted = row.overflows is None and row.verdict == "possible"
        return "open" if uncounted or self.is_near(row) else ""


@dataclass(frozen=True)
class Content:
    """Every population in order. steps : of a sample. layers : as verify.json holds them.

    was_measured : whether headroom was, not the counts alone.
    """

    populations: tuple[Population, ...]
    tested: Tested
    steps: int
    was_measured: bool
    layers: tuple[LayerHeadroom, ...] | None
    assumes: str

    @property
    def rows(self) -> tuple[StateRow, ...]:
        """All states."""
        return tuple(row for population in self.populations for row in population.states)

    @property
    def of_single_samples(self) -> bool:
        """Whether the bounds hold for samples that begin from rest alone."""
        return not self.assumes.startswith("in any number of steps")

    @property
    def after_reset(self) -> tuple[str, ...]:
        """Populations of which v could be seen after its reset only."""
        return tuple(x.population for x in self.layers or () if x.v_before_reset is False)

    @property
    def before_reset(self) -> bool:
        """Whether there is a v, and every one was taken before its reset."""
        return bool(self.layers) and not self.after_reset


def content(evidence: Evidence) -> Content | None:
    """Collect headroom and overflow counts; None where verify was not run."""
    verify, tested = evidence.verify, evidence.verified_on
    if verify is None or tested is None:
        return None
    rows = verify.states or ()
    return Content(
        populations=tuple(
            _population(p.name, type(p.neuron).__name__, verify, rows)
            for p in evidence.program.populations
        ),
        tested=tested,
        steps=verify.activity.steps,
        was_measured=verify.states is not None,
        layers=verify.headroom,
        assumes=rows[0].assumes if rows else "",
    )


def _population(
    name: str, neuron: str, verify: Measurements, rows: Sequence[StateRow]
) -> Population:
    states = tuple(row for row in rows if row.population == name)
    counts = [x for x in verify.activity.layers if x.name == name and not x.input]
    return Population(
        name=name,
        neuron=neuron,
        u_wraps=_most(
            [*(x.u_wraps for x in counts), *(r.overflows for r in states if r.state == "u")]
        ),
        v_saturations=_most(
            [
                *(x.v_saturations for x in counts),
                *(r.overflows for r in states if r.state in ("v", "re", "im")),
            ]
        ),
        states=states,
        from_rest=verify.run.from_rest,
    )


def _most(counts: Iterable[int | None]) -> int | None:
    """Return the largest count of the same thing in several runs; None where none is known."""
    return max((count for count in counts if count is not None), default=None)


def checks(evidence: Evidence) -> Sequence[Check]:
    """Whether a state left its range, of every population."""
    name, found = "Overflow of states", content(evidence)
    if found is None:
        return (Check(name, "none", "not measured; run neurodeploy verify", False),)
    state, word, text = _judged(found)
    return (Check(name, state, f"{text} ({found.tested.short})", False, word),)


def _judged(found: Content) -> tuple[str, str, str]:
    """Return state, word and text of the check."""
    over = [p for p in found.populations if p.overflows]
    if over:
        named = "; ".join(f"{p.name}: {p.words}" for p in over)
        return "bad", "", f"left the range of their states, as the chip would: {named}"
    missing = [p.name for p in found.populations if not p.counted]
    if missing:
        return "open", "", f"not counted for {', '.join(missing)}, and no bound rules it out"
    if not found.was_measured:
        text = "none on the data; headroom not measured, run neurodeploy verify --suite overflow"
        return "none", "counted", text
    near = [
        f"{p.name} came within {p.near_bits:.1f} bits"
        for p in found.populations
        if p.near_bits is not None
    ]
    if near:
        text = f"none on the data, but {', '.join(near)} of overflow, and no bound rules it out"
        return "open", "near", text
    return "good", "", f"none on the data; {_proof(found)}"


def _proof(found: Content) -> str:
    """Say what is ruled out, and for how long."""
    proven = sum(p.proven for p in found.populations)
    ever = sum(p.never for p in found.populations)
    text = f"impossible for {proven} of {amount(len(found.populations), 'layer')}"
    if proven:
        text += f" ({found.assumes})"
    if not found.of_single_samples:
        return text
    if proven:
        text += f", for {ever} of them in any number of steps"
    if all(p.from_rest for p in found.populations):
        return text
    return f"{text}; in the stream that was run, samples do not begin from rest"


def figures(content: Content) -> Mapping[str, Figure]:
    """Bits of headroom of every state that was seen."""
    seen = [
        (p.name, [row for row in p.states if row.bits_left is not None])
        for p in content.populations
    ]
    rows = [Row(name, tuple(map(_bar, states))) for name, states in seen if states]
    if not rows:
        return {}
    caption = "Bits of headroom of every layer and state"
    told = "; ".join(f"{row.name}: {', '.join(bar.text for bar in row.bars)}" for row in rows)
    most = max(row.bits(0) for row in content.rows)
    title = "bits of headroom below the limit of the state"
    drawing = bars(rows, Linear(0, most), title, caption, told)
    note = ", ".join(_beyond(content))
    figure = Figure(
        caption,
        told,
        drawing,
        content.tested.label,
        tuple(_legend(content)),
        f"Bounds beyond the limit are not drawn: {note}." if note else "",
    )
    return {"headroom": figure}


def _bar(row: StateRow) -> Bar:
    left, bound = row.bits_left or 0.0, row.bound_bits
    colour = COLOURS.get(row.state, "grey")
    text = f"{row.state} {left:.1f}"
    if bound is None or bound < 0:
        return Bar(left, text, colour)
    told = f"{row.population}: {row.state} at least {bound:.1f} for any input"
    return Bar(left, text, colour, bound, told)


def _beyond(content: Content) -> Iterator[str]:
    for row in content.rows:
        if row.bound_bits is not None and row.bound_bits < 0:
            yield f"{row.state} of {row.population}"


def _legend(content: Content) -> Iterator[tuple[str, str]]:
    shown = dict.fromkeys(row.state for row in content.rows if row.bits_left is not None)
    for state in shown:
        yield f"{state}, on the data", COLOURS.get(state, "grey")
    if any(row.bound_bits is not None and row.bound_bits >= 0 for row in content.rows):
        yield "bound, for any input", "c1"


def cards(content: Content) -> Sequence[Card]:
    """Overflows where there are some, else the least headroom."""
    over = [p for p in content.populations if p.overflows]
    if over:
        total = sum(p.overflows for p in over)
        names = ", ".join(p.name for p in over)
        detail = f"{names}; {content.tested.short}"
        return (Card("Overflows of states", f"{total:,}", detail, "bad"),)
    bits = [row.bits_left for row in content.rows if row.bits_left is not None]
    if not bits:
        return ()
    state = "open" if any(p.near_bits is not None for p in content.populations) else ""
    detail = f"before a state overflows; {content.tested.short}"
    return (Card("Least headroom", f"{min(bits):.1f} bits", detail, state),)


def json(content: Content | None) -> Mapping[str, Any]:
    """Headroom of the CUBA family as verify left it, and every state of every population."""
    if content is None or not content.was_measured:
        return {"headroom": None, "overflow": None}
    return {"headroom": content.layers, "overflow": content.rows}


PART = Part(content, template("headroom"), figures, cards, checks, json)
