"""Doing the work of a suite: block after block, in this process or spread over several.

The lines are written to the journal in the order of the data, whatever the number of processes,
as each block is done. A run that goes on takes the blocks whose lines are all there and does the
others, so that the file is that of an uninterrupted run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy import journal
from neurodeploy.errors import EngineError, OptionError
from neurodeploy.run_folder import as_record, plain
from neurodeploy.verification.suites import Subject, Suite, Verdict

FOLDER = "verify"
"""Folder of the journals within a run folder."""
CONNECT_SECONDS = 10
"""How long a Dask scheduler may take to answer."""

Report = Callable[[str, int, int], None]
"""``report(suite, samples done, samples in all)``, called as blocks are done."""
Block = tuple[list[Any], NDArray[Any] | None]


@dataclass(frozen=True)
class Spread:
    """Where blocks are worked on. jobs : processes here. scheduler : address of a Dask scheduler.

    Raises OptionError for fewer than one process, and for both at a time.
    """

    jobs: int = 1
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise OptionError(f"jobs is {self.jobs}, expected 1 or more")
        if self.jobs > 1 and self.scheduler is not None:
            raise OptionError("jobs and scheduler exclude each other: Dask knows its workers")

    @property
    def alone(self) -> bool:
        """Whether this process does all the work."""
        return self.jobs == 1 and self.scheduler is None


@dataclass(frozen=True)
class Keeping:
    """Where a journal is kept. folder : of the run. resume : go on with what is there."""

    folder: Path
    resume: bool = False


def conduct(
    suite: Suite,
    subject: Subject,
    *,
    keeping: Keeping | None = None,
    spread: Spread | None = None,
    report: Report | None = None,
) -> Verdict:
    """Do the work of ``suite`` on ``subject`` and return what it found.

    Raises what `Suite.check` raises before any work is done, and what `journal.opened` raises.
    """
    suite.check(subject)
    if suite.line is None:
        return Verdict(suite, tuple(suite.rows(subject, ())), ())
    kind = suite.payload(subject)
    with _journal(suite, subject, keeping, kind) as book:
        blocks = _blocks(suite, subject)
        done = _whole_blocks(suite, subject, blocks, len(book.lines))
        start = blocks[done].start if done < len(blocks) else len(subject.data)
        book.keep(start * suite.per_sample(subject), kind.itemsize if kind else 0)
        if report is not None:
            report(suite.name, start, len(subject.data))
        todo = blocks[done:]
        results = _worked(suite, subject, todo, spread or Spread())
        for rows, (lines, payload) in zip(todo, results, strict=True):
            book.append([plain(line) for line in lines], payload)
            if report is not None:
                report(suite.name, rows.stop, len(subject.data))
        found = [as_record(suite.line, line, str(book.path)) for line in book.lines]
    if keeping is not None:
        stored = journal.payload(book.path, kind) if kind else np.empty(0)
        suite.finish(subject, found, stored, keeping.folder / FOLDER)
        book.path.with_suffix(".part").unlink(missing_ok=True)
    return Verdict(suite, tuple(suite.rows(subject, found)), tuple(found))


class _InMemory:
    """A journal that is not kept."""

    path = Path("lines")

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def __enter__(self) -> _InMemory:
        return self

    def __exit__(self, *_: object) -> None: ...

    def keep(self, count: int, record_bytes: int = 0) -> None:
        """Nothing was there before."""

    def append(self, lines: Sequence[dict[str, Any]], payload: NDArray[Any] | None = None) -> None:
        """Take in some lines."""
        self.lines += lines


def _journal(
    suite: Suite, subject: Subject, keeping: Keeping | None, kind: np.dtype[Any] | None
) -> journal.Journal | _InMemory:
    if keeping is None:
        return _InMemory()
    settings = {
        **suite.settings(),
        "data": {"name": subject.name, "part": subject.part, "samples": len(subject.data)},
        "run": subject.recipe.to_dict(),
    }
    head = journal.Head(suite.name, subject.program.digest, subject.data.digest, settings)
    path = keeping.folder / FOLDER / f"{suite.name}.jsonl"
    return journal.opened(path, head, resume=keeping.resume, payload=kind)


def _blocks(suite: Suite, subject: Subject) -> list[slice]:
    total = len(subject.data)
    size = total if subject.recipe.streamed else max(1, suite.block(subject))
    return [slice(start, min(start + size, total)) for start in range(0, total, size)]


def _whole_blocks(suite: Suite, subject: Subject, blocks: Sequence[slice], lines: int) -> int:
    """Return how many blocks have all of their lines among the first ``lines``."""
    samples = lines // suite.per_sample(subject)
    return sum(block.stop <= samples for block in blocks)


def _worked(
    suite: Suite, subject: Subject, blocks: Sequence[slice], spread: Spread
) -> Iterator[Block]:
    """Yield the results of ``blocks`` in their order."""
    if spread.alone or len(blocks) < 2:
        yield from (work(suite, subject, rows) for rows in blocks)
        return
    import joblib

    lone = replace(subject, recipe=replace(subject.recipe, threads=_threads(spread)))
    with _backend(spread):
        parallel = joblib.Parallel(return_as="generator")
        yield from parallel(joblib.delayed(work)(suite, lone, rows) for rows in blocks)


def work(suite: Suite, subject: Subject, rows: slice) -> Block:
    """Return the lines of one block, and the records beside them."""
    pairs = list(suite.work(subject, rows))
    kind = suite.payload(subject)
    records = None if kind is None else np.array([record for _, record in pairs], kind)
    return [line for line, _ in pairs], records


def _threads(spread: Spread) -> int:
    """Return the threads of one process: together they take the cores there are."""
    return 1 if spread.scheduler else max(1, (os.cpu_count() or 1) // spread.jobs)


@contextmanager
def _backend(spread: Spread) -> Iterator[None]:
    import joblib

    if spread.scheduler is None:
        with joblib.parallel_config(backend="loky", n_jobs=spread.jobs):
            yield
        return
    with _client(spread.scheduler), joblib.parallel_config(backend="dask"):
        yield


@contextmanager
def _client(address: str) -> Iterator[Any]:
    """Connect to a Dask scheduler. Raises EngineError when it does not answer."""
    try:
        from distributed import Client
    except ImportError as error:
        raise EngineError(
            "scheduler: Dask is not installed; pip install 'neurodeploy[dask]'"
        ) from error
    connect: Any = Client  # untyped
    try:
        client = connect(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError, TypeError) as error:
        raise EngineError(
            f"scheduler: {address} does not answer within {CONNECT_SECONDS} s: "
            f"{' '.join(str(error).split())[:120]}"
        ) from error
    with client:
        yield client
