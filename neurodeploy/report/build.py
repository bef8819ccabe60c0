"""From a run folder to a report: the verdict and the content of every part, page and JSON alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from neurodeploy.energy.report import NOT_MEASURED
from neurodeploy.report.check import Card
from neurodeploy.report.evidence import Evidence, read_evidence
from neurodeploy.report.parts import PARTS, Part
from neurodeploy.report.verdict import Verdict, verdict
from neurodeploy.run_folder import FORMAT


@dataclass(frozen=True)
class Piece:
    """One part and what it has to show, None where it has nothing."""

    name: str
    part: Part
    content: Any


@dataclass(frozen=True)
class Report:
    """Everything that is known about the network in a run folder.

    generated : when, ISO 8601 in UTC. labels : data, part and size behind the results.
    """

    title: str
    generated: str
    populations: int
    neurons: int
    digest: str
    labels: tuple[str, ...]
    verdict: Verdict
    ignored: tuple[str, ...]
    pieces: tuple[Piece, ...]
    statement: str = NOT_MEASURED

    @property
    def cards(self) -> tuple[Card, ...]:
        """The key figures of all parts in page order."""
        return tuple(
            card
            for piece in self.pieces
            if piece.content is not None
            for card in piece.part.cards(piece.content)
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the content of ``report.json``: the entries of every part beside the verdict."""
        found: dict[str, Any] = {
            "format": FORMAT,
            "title": self.title,
            "generated": self.generated,
            "statement": self.statement,
            "data": list(self.labels),
            "verdict": self.verdict.to_dict(),
            "ignored": list(self.ignored),
        }
        for piece in self.pieces:
            found |= piece.part.entries(piece.name, piece.content)
        return found


def build_report(folder: str | Path) -> Report:
    """Return everything that is known about the network in ``folder``.

    Raises FormatError when the folder holds no program, or a file that is damaged or too new.
    """
    evidence = read_evidence(Path(folder))
    program = evidence.program
    return Report(
        title=evidence.title,
        generated=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        populations=len(program.populations),
        neurons=program.neurons,
        digest=program.digest,
        labels=_labels(evidence),
        verdict=verdict(evidence),
        ignored=evidence.ignored,
        pieces=tuple(Piece(name, part, part.content(evidence)) for name, part in PARTS.items()),
    )


def _labels(evidence: Evidence) -> tuple[str, ...]:
    """Return on what the results were measured, each once."""
    energy = evidence.energy.data if evidence.energy is not None else None
    found = (evidence.trained_on, evidence.verified_on, energy and evidence.labelled(energy))
    return tuple(dict.fromkeys(tested.label for tested in found if tested is not None))
