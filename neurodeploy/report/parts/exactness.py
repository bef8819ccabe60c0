"""Exactness: which engines agreed, on what, and what was lost on the way from the torch model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurodeploy.report.check import Check
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.levels import level
from neurodeploy.report.parts.part import Part, template
from neurodeploy.report.words import amount, listed
from neurodeploy.results.comparison import Compared
from neurodeploy.results.outcome import StreamCheck, TimingRule

COMPARE = "neurodeploy compare PROGRAM --input X.npy --out RUN"


@dataclass(frozen=True)
class Content:
    """comparisons : of engines. labels : on what each ran. timing : None where not known."""

    comparisons: tuple[Compared, ...]
    labels: tuple[str, ...]
    stream: StreamCheck | None
    timing: TimingRule | None
    advice: str = COMPARE


def content(evidence: Evidence) -> Content:
    """Collect the comparisons."""
    metadata = evidence.program.metadata
    timing = None
    if "timing.rule" in metadata:
        timing = TimingRule(
            str(metadata["timing.rule"]),
            bool(metadata["timing.needs_reset"]),
            str(metadata["timing.reason"]),
        )
    return Content(
        comparisons=evidence.comparisons,
        labels=tuple(_label(evidence, entry) for entry in evidence.comparisons),
        stream=None if evidence.result is None else evidence.result.stream,
        timing=timing,
    )


def _label(evidence: Evidence, entry: Compared) -> str:
    """Say on what a comparison ran."""
    if entry.data is None:
        return "input not recorded"
    return evidence.labelled(entry.data).short


def checks(evidence: Evidence) -> Sequence[Check]:
    """Lowering, the pipelined stream, and the engines."""
    return (_lowering(evidence), _stream(evidence), _engines(evidence))


def _lowering(evidence: Evidence) -> Check:
    name = "Torch model and integer network"
    result, tested = evidence.result, evidence.trained_on
    if result is None or tested is None:
        return Check(name, "none", "not trained here, there is no torch model to compare", False)
    found = result.lowering
    spikes, scores = found.spike_differences, found.score_differences
    text = (
        f"{scores:,} scores and {spikes:,} spikes differ on {tested.short} (engine {found.engine})"
    )
    return Check(name, "good" if spikes == scores == 0 else "bad", text)


def _stream(evidence: Evidence) -> Check:
    name = "Pipelined stream, as on the chip"
    result = evidence.result
    if result is None or result.stream is None:
        return Check(name, "none", "not run", False)
    found = result.stream
    label = result.data.tested("test", found.samples).short
    text = (
        f"{found.samples_different:,} of {found.samples:,} samples differ in one stream with "
        f"reset interval {found.reset_interval}, offset {found.reset_offset}; {label} "
        f"(engine {found.engine})"
    )
    if found.identical:
        return Check(name, "good", text)
    return Check(name, "bad", f"{text}; {result.timing.reason}" if result.timing else text)


def _engines(evidence: Evidence) -> Check:
    name, comparisons = "Engines", evidence.comparisons
    if not comparisons:
        return Check(name, "open", f"not compared; run {COMPARE}")
    unequal = [entry for entry in comparisons if not entry.equal]
    if unequal:
        return Check(name, "bad", _where(unequal[0]))
    parts = [
        f"{listed(entry.engines)} identical in {entry.compared:,} values ({_extent(entry)}; "
        f"{_label(evidence, entry)})"
        for entry in comparisons
    ]
    reached = level(comparisons)
    return Check(name, "open" if reached == "not compared" else "good", "; ".join(parts))


def _extent(entry: Compared) -> str:
    """Say what was run: samples one by one, or that many in one stream."""
    if entry.streamed_samples:
        return f"{amount(entry.streamed_samples, 'sample')} in one stream of {entry.steps} steps"
    return f"{amount(entry.samples, 'sample')} of {entry.steps} steps"


def _where(entry: Compared) -> str:
    first = entry.first
    if first is None:
        return f"{listed(entry.engines)} differ in their activity counts"
    values = ", ".join(f"{name} {value}" for name, value in first.values.items())
    return (
        f"{entry.differing:,} values differ, first in {first.population}.{first.variable} "
        f"at step {first.step}, index {first.index}: {values}"
    )


def json(content: Content) -> Mapping[str, Any]:
    """Comparisons, stream and timing as three entries."""
    return {
        "comparisons": content.comparisons,
        "stream": content.stream,
        "timing": content.timing,
    }


PART = Part(content, template("exactness"), checks=checks, json=json)
