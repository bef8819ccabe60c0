"""The part faults: rows, the map of critical bits, and the worst faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from report.folders import digits_program, measurements, program_folder

import neurodeploy as nd
from neurodeploy.report import PARTS, build_report, render
from neurodeploy.report.evidence import Evidence
from neurodeploy.run_folder import VERIFY, write_json


def row(site: str, **changes: Any) -> dict[str, Any]:
    counts = {"kind": "bit flip", "injections": 96, "of": 57344, "critical": 3, "n": 60}
    shares = {"critical_low": 0.0, "critical_high": 0.1, "clean": 0.95, "changed": 0.1}
    rate = {"rate": 0.9, "low": 0.8, "high": 0.95, "by_bit": [], "worst": []}
    return {"site": site, **counts, **shares, **rate, **changes}


def bit(site: str, number: int, lost: float) -> dict[str, Any]:
    return {"site": site, "bit": number, "injections": 12, "critical": 1, "lost": lost}


FOUND = {
    "rows": [row("a weight"), row("a bias", of=None, kind="bit rate 0.1")],
    "bits": [bit("a weight", 2, 0.5), bit("a weight", 0, 0.0)],
    "worst": [{"fault": "a weight 7 bit 2", "lost": 30}],
    "left_out": ["not tried: a threshold: value -1 has no 17-bit magnitude word"],
}


def evidence(**changes: Any) -> Evidence:
    return Evidence(Path("run"), digits_program(), verify=measurements(**changes))


def test_bits_stand_by_site_with_gaps_where_none_was_tried() -> None:
    content = PARTS["faults"].content(evidence(faults=FOUND))
    (bits,) = content.by_site.values()
    assert [one and one.lost for one in bits] == [0.0, None, 0.5]
    assert content.widest == 3


def test_the_card_names_the_worst_fault() -> None:
    part = PARTS["faults"]
    (card,) = part.cards(part.content(evidence(faults=FOUND)))
    assert "50.0" in card.value
    assert "a weight 7 bit 2" in card.detail
    (none,) = part.cards(part.content(evidence(faults={**FOUND, "worst": []})))
    assert none.value == "none"


def test_without_the_suite_there_is_no_part() -> None:
    assert PARTS["faults"].content(evidence()) is None
    assert PARTS["faults"].entries("faults", None) == {"faults": None}


@pytest.mark.parametrize("only", [None, ("pixels neuron",)])
def test_what_verify_leaves_is_shown(tmp_path: Path, only: tuple[str, ...] | None) -> None:
    program = digits_program()
    folder = program_folder(tmp_path / "run", program)
    suite = nd.Fault(margin=0.5, draws=1, only=only)
    found = nd.verify(program, "digits", (suite,), samples=4)
    write_json(folder / VERIFY, found.to_dict())
    report = build_report(folder)
    rows = report.to_dict()["faults"]["rows"]
    assert [entry["site"] for entry in rows] == [one.site for one in found["fault"].rows]
    page = render(report)
    assert ("Samples lost by site and bit" in page) == (only is None)
    assert found["fault"].rows[0].site.replace(">", "&gt;") in page
