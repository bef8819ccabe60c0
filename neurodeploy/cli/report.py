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
    from neurodeploy.report import write_report
    from neurodeploy.run_folder import REPORT_JSON, read_json

    path = write_report(run)
    content = read_json(run / REPORT_JSON) or {}
    if json:
        print_json(content)
        return
    verdict = content["verdict"]
    print(f"{verdict['headline']} ({verdict['level']})")
    for check in verdict["checks"]:
        print(f"  {check['word']:<9} {check['name']}: {check['text']}")
    print(content["statement"])
    print(path)
