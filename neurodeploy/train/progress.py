"""Progress of a run: a bar with the time left on a terminal, plain lines otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


class Reporter(Protocol):
    """Is told what happens during a run."""

    def start(self, epochs: int, steps: int, done: int) -> None:
        """A run of ``epochs`` epochs of ``steps`` steps begins after ``done`` epochs."""
        ...

    def step(self, epoch: int, loss: float) -> None:
        """One step of ``epoch`` is done."""
        ...

    def epoch(self, row: Mapping[str, Any], epochs: int) -> None:
        """One epoch is done; ``row`` is its line of metrics."""
        ...

    def say(self, text: str) -> None:
        """Print one line."""
        ...

    def stop(self) -> None:
        """The run ended, well or not."""
        ...


class Silent:
    """Reports nothing."""

    def start(self, epochs: int, steps: int, done: int) -> None: ...

    def step(self, epoch: int, loss: float) -> None: ...

    def epoch(self, row: Mapping[str, Any], epochs: int) -> None: ...

    def say(self, text: str) -> None: ...

    def stop(self) -> None: ...


class ConsoleReporter:
    """Reports to a rich console: a bar where that is a terminal, one line per epoch always."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self._bar: Progress | None = None
        self._task: Any = None

    def start(self, epochs: int, steps: int, done: int) -> None:
        if not self.console.is_terminal:
            return
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(),
            TextColumn("loss {task.fields[loss]:.3f}"),
            console=self.console,
            transient=True,
        )
        self._bar.start()
        self._task = self._bar.add_task(
            "training", total=epochs * steps, completed=done * steps, loss=0.0
        )

    def step(self, epoch: int, loss: float) -> None:
        if self._bar is not None:
            self._bar.update(self._task, advance=1, loss=loss, description=f"epoch {epoch}")

    def epoch(self, row: Mapping[str, Any], epochs: int) -> None:
        held = row.get("validation_held")
        bounds = "" if held is None else f"bounds hold {100 * held:.2f} %  "
        self.say(
            f"epoch {row['epoch']}/{epochs}  loss {row['loss']:.4f}  "
            f"validation {100 * row['validation_accuracy']:.2f} %  {bounds}{row['seconds']:.1f} s"
        )

    def say(self, text: str) -> None:
        self.console.print(text, highlight=False, soft_wrap=True, markup=False)

    def stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
