"""``neurodeploy demo``: the main job from end to end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neurodeploy.cli import failures


def demo(
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the run and its report.")
    ] = Path("demo"),
) -> int:
    """Train, export, compare, try, cost and show a network on handwritten digits."""
    from neurodeploy.demo import Demo

    lines, page, good = Demo(out, _say, _reporter()).run()
    print()
    for line in lines:
        print(line)
    print(page)
    return failures.GOOD if good else failures.NO


def _say(line: str) -> None:
    print(line, flush=True)


def _reporter() -> object:
    """Return what shows the progress of training, None without torch."""
    try:
        from neurodeploy.train.progress import ConsoleReporter
    except ImportError:
        return None
    return ConsoleReporter()
