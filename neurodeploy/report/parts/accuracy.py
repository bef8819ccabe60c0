"""Accuracy: of the torch model, of the integers, and on which samples each was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurodeploy.accuracy import Accuracy
from neurodeploy.report.check import Card
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.parts.part import Part, template
from neurodeploy.report.words import between, percent
from neurodeploy.results.outcome import LoweringCheck
from neurodeploy.results.tested import Tested


@dataclass(frozen=True)
class Row:
    """One network on some samples. is_integer : run as the chip computes, sample by sample."""

    network: str
    accuracy: Accuracy
    tested: Tested
    is_integer: bool = False


@dataclass(frozen=True)
class Content:
    """rows : what was measured. manner : sentences on how verify ran the samples."""

    rows: tuple[Row, ...]
    lowering: LoweringCheck | None
    manner: tuple[str, ...]


def content(evidence: Evidence) -> Content:
    """Collect every accuracy with its samples."""
    result = evidence.result
    rows = tuple(_trained(evidence))
    verified = _verified(evidence, rows)
    return Content(
        rows=rows if verified is None else (*rows, verified),
        lowering=None if result is None else result.lowering,
        manner=tuple(_manner(evidence)),
    )


def _trained(evidence: Evidence) -> Iterator[Row]:
    result, tested = evidence.result, evidence.trained_on
    if result is None or tested is None:
        return
    found = result.accuracy
    if found.test_trained is not None:
        yield Row("Torch model, eval mode", found.test_trained, tested)
    if found.test_integer is not None:
        yield Row("Integer network", found.test_integer, tested, is_integer=True)
    if result.stream is not None:
        streamed = result.data.tested("test", result.stream.samples)
        yield Row("Integer network, pipelined stream", result.stream.accuracy, streamed)


def _verified(evidence: Evidence, rows: Sequence[Row]) -> Row | None:
    """Return what verify measured, None where training measured the very same."""
    verify, tested = evidence.verify, evidence.verified_on
    if verify is None or tested is None:
        return None
    for row in rows:
        same = row.is_integer and tested.same_samples(row.tested)
        if same and row.accuracy == verify.accuracy:
            return None
    name = "Integer network" if not rows else "Integer network, verified"
    return Row(name, verify.accuracy, tested, is_integer=True)


def _manner(evidence: Evidence) -> Iterator[str]:
    verify = evidence.verify
    if verify is None:
        return
    yield from (f"{verify.data.name}: {note}" for note in verify.data.notes)
    if sentence := verify.run.sentence():
        yield f"How verify ran the samples: {sentence}"
    if verify.run.answers_differing is not None:
        yield (
            f"{verify.run.answers_differing:,} of {verify.accuracy.samples:,} answers differ from "
            "those of aligned samples, which a chip does not give"
        )
    if verify.undecided is not None and (sentence := verify.undecided.sentence()):
        yield sentence


def cards(content: Content) -> Sequence[Card]:
    """Accuracy of the integers, and what lowering lost."""
    found = [_card(row) for row in content.rows if row.is_integer]
    lost = content.lowering
    if lost is not None:
        tested = content.rows[0].tested.short if content.rows else f"{lost.samples:,} samples"
        detail = f"and {lost.spike_differences:,} spikes; {tested}"
        found.append(
            Card("Lost from torch to integers", f"{lost.score_differences:,} scores", detail)
        )
    return found


def _card(row: Row) -> Card:
    """Return the accuracy of a row, which is none where every sample ties."""
    label, entry = "Accuracy of the integers", row.accuracy
    if entry.ties == entry.samples:
        return Card(label, "none", f"no sample is decided, all tie; {row.tested.short}", "bad")
    return Card(label, percent(entry.rate), f"{between(entry)}; {row.tested.short}")


def json(content: Content) -> Mapping[str, Any]:
    """Keep the entries of report.json, with the samples of each row beside them."""
    by_name = {row.network: row for row in content.rows}
    trained = by_name.get("Torch model, eval mode")
    integer = next((row for row in content.rows if row.is_integer), None)
    return {
        "accuracy": {
            "trained": trained and trained.accuracy,
            "integer": integer and integer.accuracy,
            "lowering": content.lowering,
            "data": integer and integer.tested,
            "rows": content.rows,
            "manner": content.manner,
        }
    }


PART = Part(content, template("accuracy"), cards=cards, json=json)
