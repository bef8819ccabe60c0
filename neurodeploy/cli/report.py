"""``neurodeploy report``: one page about one network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neurodeploy.cli.options import AsJson
from neurodeploy.cli.output import print_json


def report(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="A run folder, of train, verify or demo.")
    ],
    json: AsJson = False,
) -> None:
    """Write report.html and report.json from what a run folder holds."""
    from neurodeploy.report import build_report, write_report

    found = build_report(run)
    path = write_report(run, found)
    if json:
        print_json(found.to_dict())
        return
    print(f"{found.verdict.headline} ({found.verdict.level})")
    for check in found.verdict.to_dict()["checks"]:
        print(f"  {check['word']:<9} {check['name']}: {check['text']}")
    print(found.statement)
    print(path)
