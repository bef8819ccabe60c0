"""Headroom: how far the 24-bit states stay from overflow, and what overflowed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurodeploy.report.check import Card, Check
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.parts.part import Part, template
from neurodeploy.report.records.tested import Tested
from neurodeploy.report.records.verification import LayerHeadroom
from neurodeploy.report.svg import Bar, Figure, Linear, Row, bars
from neurodeploy.report.words import amount

STATE_BITS = 23
MARGIN_BITS = 1.0
"""Headroom below which a layer without a proof is near overflow: half of the range was used."""


@dataclass(frozen=True)
class Population:
    """Overflow of one population of any model, over all samples.

    u_wraps, v_saturations : neuron-steps; None where they were not counted. measured : its
    headroom, None where that is not measured. from_rest : whether every sample that was run began
    from rest; in a stream that a reset does not clear whole, a bound from rest proves nothing.
    """

    name: str
    neuron: str
    u_wraps: int | None
    v_saturations: int | None
    measured: LayerHeadroom | None
    from_rest: bool = True

    @property
    def overflows(self) -> int:
        """Neuron-steps that left the range, as far as they were counted."""
        return (self.u_wraps or 0) + (self.v_saturations or 0)

    @property
    def counted(self) -> bool:
        """Whether both overflows were counted."""
        return self.u_wraps is not None and self.v_saturations is not None

    @property
    def least_bits(self) -> float | None:
        """The smaller headroom of u and v in bits."""
        return None if self.measured is None else min(self.measured.u_bits, self.measured.v_bits)

    @property
    def proven(self) -> bool:
        """Whether overflow is ruled out within one sample from rest."""
        return self.measured is not None and self.measured.proven

    @property
    def near(self) -> bool:
        """Whether a state came within `MARGIN_BITS` of overflow, and nothing rules it out."""
        ruled_out = self.proven and self.from_rest
        return not ruled_out and self.least_bits is not None and self.least_bits < MARGIN_BITS

    @property
    def words(self) -> str:
        """What overflowed, in words."""
        parts = []
        if self.u_wraps:
            parts.append(amount(self.u_wraps, "wrap"))
        if self.v_saturations:
            parts.append(amount(self.v_saturations, "saturation"))
        if parts:
            return ", ".join(parts)
        if self.proven:
            return "impossible" if self.from_rest else "none seen, impossible from rest"
        if not self.counted:
            return "not counted"
        return f"none seen, {self.least_bits:.1f} bits left" if self.near else "none seen"


@dataclass(frozen=True)
class Content:
    """Every population in order. steps : of a sample, within which ``impossible`` holds."""

    populations: tuple[Population, ...]
    tested: Tested
    steps: int
    was_measured: bool

    @property
    def layers(self) -> tuple[LayerHeadroom, ...]:
        """Those whose headroom was measured."""
        return tuple(p.measured for p in self.populations if p.measured is not None)

    @property
    def after_reset(self) -> tuple[str, ...]:
        """Populations of which v could be seen after its reset only."""
        return tuple(layer.population for layer in self.layers if not layer.v_before_reset)


def content(evidence: Evidence) -> Content | None:
    """Collect headroom and overflow counts; None where verify was not run."""
    verify, tested = evidence.verify, evidence.verified_on
    if verify is None or tested is None:
        return None
    measured = {layer.population: layer for layer in verify.headroom or ()}
    counts = {layer.name: layer for layer in verify.activity.layers if not layer.input}
    from_rest = verify.run.timing == "aligned" or verify.run.holds
    populations = []
    for population in evidence.program.populations:
        own, count = measured.get(population.name), counts.get(population.name)
        seen = [entry for entry in (own, count) if entry is not None]
        populations.append(
            Population(
                name=population.name,
                neuron=type(population.neuron).__name__,
                u_wraps=_most(entry.u_wraps for entry in seen),
                v_saturations=_most(entry.v_saturations for entry in seen),
                measured=own,
                from_rest=from_rest,
            )
        )
    steps, was_measured = verify.activity.steps, verify.headroom is not None
    return Content(tuple(populations), tested, steps, was_measured)


def _most(counts: Iterable[int | None]) -> int | None:
    """Return the largest count of the same thing in several runs; None where none is known."""
    return max((count for count in counts if count is not None), default=None)


def checks(evidence: Evidence) -> Sequence[Check]:
    """Whether u or v left the 24-bit range, of every population."""
    name, found = "Overflow of u and v", content(evidence)
    if found is None:
        return (Check(name, "none", "not measured; run neurodeploy verify", False),)
    state, word, text = _judged(found)
    return (Check(name, state, f"{text} ({found.tested.short})", False, word),)


def _judged(found: Content) -> tuple[str, str, str]:
    """Return state, word and text of the check."""
    over = [p for p in found.populations if p.overflows]
    if over:
        named = "; ".join(f"{p.name}: {p.words}" for p in over)
        return "bad", "", f"left the 24-bit range, as the chip would: {named}"
    missing = [p.name for p in found.populations if not p.counted]
    if missing:
        return "open", "", f"not counted for {', '.join(missing)}; run neurodeploy verify again"
    if not found.was_measured:
        text = "none on the data; headroom not measured, run neurodeploy verify --suite overflow"
        return "none", "counted", text
    near = [p for p in found.populations if p.near]
    if near:
        named = ", ".join(f"{p.name} came within {p.least_bits:.1f} bits" for p in near)
        return (
            "open",
            "near",
            f"none on the data, but {named} of overflow, and no bound rules it out",
        )
    return "good", "", f"none on the data; {_proof(found)}"


def _proof(found: Content) -> str:
    proven = sum(p.proven for p in found.populations)
    text = (
        f"impossible for {proven} of {amount(len(found.populations), 'layer')} within "
        f"{amount(found.steps, 'step')} from rest, inputs in the same range"
    )
    if all(p.from_rest for p in found.populations):
        return text
    return f"{text}; in the stream that was run, samples do not begin from rest"


def figures(content: Content) -> Mapping[str, Figure]:
    """Bits of headroom of every layer that was measured."""
    if not content.layers:
        return {}
    rows = tuple(Row(layer.population, tuple(_bars(layer))) for layer in content.layers)
    caption = "Bits of headroom per layer"
    told = "; ".join(
        f"{layer.population}: u {layer.u_bits:.1f}, v {layer.v_bits:.1f}"
        for layer in content.layers
    )
    title = "bits of headroom below 2\N{SUPERSCRIPT TWO}\N{SUPERSCRIPT THREE}"
    drawing = bars(rows, Linear(0, STATE_BITS), title, caption, told)
    beyond = [
        layer.population
        for layer in content.layers
        if layer.v_bound_bits is not None and layer.v_bound_bits < 0
    ]
    legend = [("u, on the data", "c0"), ("v, on the data", "c2")]
    if any((layer.v_bound_bits or -1) >= 0 for layer in content.layers):
        legend.append(("v, for any input: bound", "c1"))
    note = f"The bound of v lies beyond 2²³ and is not drawn: {', '.join(beyond)}."
    figure = Figure(
        caption, told, drawing, content.tested.label, tuple(legend), note if beyond else ""
    )
    return {"headroom": figure}


def _bars(layer: LayerHeadroom) -> Iterator[Bar]:
    yield Bar(layer.u_bits, f"u {layer.u_bits:.1f}", "c0")
    bound = layer.v_bound_bits if (layer.v_bound_bits or -1) >= 0 else None
    told = "" if bound is None else f"{layer.population}: v at least {bound:.1f} for any input"
    yield Bar(layer.v_bits, f"v {layer.v_bits:.1f}", "c2", bound, told)


def cards(content: Content) -> Sequence[Card]:
    """Overflows where there are some, else the least headroom."""
    over = [p for p in content.populations if p.overflows]
    if over:
        total = sum(p.overflows for p in over)
        names = ", ".join(p.name for p in over)
        return (Card("Overflows of u, v", f"{total:,}", f"{names}; {content.tested.short}", "bad"),)
    bits = [p.least_bits for p in content.populations if p.least_bits is not None]
    if not bits:
        return ()
    state = "open" if any(p.near for p in content.populations) else ""
    detail = f"before 24-bit overflow; {content.tested.short}"
    return (Card("Least headroom of u, v", f"{min(bits):.1f} bits", detail, state),)


def json(content: Content | None) -> Mapping[str, Any]:
    """Headroom as measured, and overflow of every population."""
    if content is None:
        return {"headroom": None, "overflow": None}
    overflow = [
        {"population": p.name, "u_wraps": p.u_wraps, "v_saturations": p.v_saturations}
        for p in content.populations
    ]
    return {"headroom": content.layers if content.was_measured else None, "overflow": overflow}


PART = Part(content, template("headroom"), figures, cards, checks, json)
