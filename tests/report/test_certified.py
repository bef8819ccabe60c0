"""Certificates on the page."""

from __future__ import annotations

from typing import Any

import pytest
from report.folders import digits_program, measurements

from neurodeploy.errors import FormatError
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.parts.certified import PART


def row(eps: float, certified: float, **changes: Any) -> dict[str, Any]:
    """A row of the suite, 90 % clean, 15 % falsified."""
    methods = {"interval": 0.0, "segment": certified, "linear": 0.0, "complete": 0.15}
    shares = {"clean": 0.9, "certified": certified, "falsified": 0.15, "open": 0.85 - certified}
    return {"eps": eps, "steps": 1, **shares, "n": 60, "by_method": methods, **changes}


def evidence(tmp_path: Any, **changes: Any) -> Evidence:
    return Evidence(tmp_path, digits_program(), verify=measurements(**changes))


def test_without_certificates_the_part_is_left_out(tmp_path: Any) -> None:
    assert PART.content(evidence(tmp_path)) is None
    assert PART.content(Evidence(tmp_path, digits_program())) is None


def test_budgets_rise_and_methods_that_decided_nothing_are_left_out(tmp_path: Any) -> None:
    content = PART.content(evidence(tmp_path, certify=[row(32, 0.4), row(16, 0.7)]))
    assert [entry.eps for entry in content.rows] == [16, 32]
    assert content.methods == ("segment", "complete")
    figure = PART.figures(content)["certified"]
    told = ("16: 70.0 % certified, 15.0 % open", "32: 40.0 % certified, 45.0 % open")
    assert figure.description == "; ".join(told)
    (card,) = PART.cards(content)
    assert (card.label, card.value) == ("Certified at 16/255", "70.0 %")


def test_a_row_that_lacks_a_share_is_named(tmp_path: Any) -> None:
    damaged = row(16, 0.7)
    del damaged["certified"]
    with pytest.raises(FormatError, match=r"certify\.0\.certified is missing"):
        evidence(tmp_path, certify=[damaged])
