"""How far long work is: a bar with the time left on a terminal, plain lines otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LINE_SECONDS = 10.0
"""Time between lines where there is no terminal."""

Report = Callable[[str, int, int], None]
"""``report(what, done, in all)``."""


@contextmanager
def progress(noun: str) -> Iterator[Report]:
    """Yield a function that is told how many of ``noun`` are done, and shows it on stderr."""
    if not sys.stderr.isatty():
        yield _lines(noun)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    layout = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*layout, console=Console(stderr=True), transient=True) as shown:
        tasks = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = shown.add_task(f"{what}: {noun}", total=total)
            shown.update(tasks[what], completed=done)

        yield report


def _lines(noun: str) -> Report:
    last = time.monotonic()

    def report(what: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= LINE_SECONDS and done < total:
            last = time.monotonic()
            print(f"{what}: {done:,} of {total:,} {noun}", file=sys.stderr, flush=True)

    return report
