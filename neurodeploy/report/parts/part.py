"""A part of the page: its content, figures and template, and what it tells the top of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from neurodeploy.report.check import Card, Check
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.svg import Figure
from neurodeploy.run_folder import plain


def _no_figures(content: Any) -> Mapping[str, Figure]:
    return {}


def _no_cards(content: Any) -> Sequence[Card]:
    return ()


def _no_checks(evidence: Evidence) -> Sequence[Check]:
    return ()


@dataclass(frozen=True)
class Part:
    """One part of the page, under its name in `neurodeploy.report.parts.PARTS`.

    content : what the part shows, a frozen record made from the evidence; None to leave it out.
    template : Jinja2 text of the inside of a section, with a heading of the id ``h-NAME``; it sees
        ``name``, ``content``, ``figures`` by name, and the macros and filters of the page.
    figures, cards : of the content. checks : of the evidence, also where there is no content.
    json : entries of ``report.json``; by default the content under the part's name.
    """

    content: Callable[[Evidence], Any]
    template: str
    figures: Callable[[Any], Mapping[str, Figure]] = _no_figures
    cards: Callable[[Any], Sequence[Card]] = _no_cards
    checks: Callable[[Evidence], Sequence[Check]] = _no_checks
    json: Callable[[Any], Mapping[str, Any]] | None = None

    def entries(self, name: str, content: Any) -> dict[str, Any]:
        """Return what the part adds to ``report.json``; content may be None."""
        found = {name: content} if self.json is None else self.json(content)
        return {key: plain(value) for key, value in found.items()}


def template(name: str) -> str:
    """Return the text of a template that lies beside the parts."""
    place = resources.files("neurodeploy.report.parts").joinpath(f"{name}.html.j2")
    return place.read_text(encoding="utf-8")
