"""``neurodeploy train``: from a configuration to an integer network."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurodeploy.cli import failures
from neurodeploy.cli.options import AsJson
from neurodeploy.cli.output import console, facts, print_json
from neurodeploy.errors import EngineError

if TYPE_CHECKING:
    from neurodeploy.accuracy import Accuracy
    from neurodeploy.runs.training import TrainedRun


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="What to train, and how.")],
    out: Annotated[
        Path, typer.Option(metavar="RUN", help="Folder for checkpoints, metrics and the result.")
    ],
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on from the checkpoint in RUN, to the identical result."),
    ] = False,
    json: AsJson = False,
) -> int:
    """Train a network and lower it to integers, without loss."""
    if find_spec("torch") is None:
        raise EngineError(
            "training needs torch, which is not installed; pip install neurodeploy[train]"
        )
    from neurodeploy.runs.training import train as run
    from neurodeploy.train.config import read_text
    from neurodeploy.train.progress import ConsoleReporter, Silent

    reporter = Silent() if json else ConsoleReporter()
    done = run(read_text(config), out, where=str(config), resume=resume, reporter=reporter)
    if json:
        print_json(done.outcome.to_dict())
    else:
        _show(done)
    return failures.GOOD if done.outcome.exact else failures.NO


def _show(done: TrainedRun) -> None:
    found = done.outcome
    lowering, stream, epochs = found.lowering, found.stream, found.epochs
    rows: dict[str, object] = {
        "test accuracy": f"{_percent(found.accuracy.test_integer)} as integers, "
        f"{_percent(found.accuracy.test_trained)} as trained",
        "lowering": f"{lowering.spike_differences} spikes differ on {lowering.samples} samples "
        f"({lowering.engine} engine)",
    }
    if stream is not None:
        rows["pipelined stream"] = (
            f"{stream.samples_different} of {stream.samples} samples differ, reset every "
            f"{stream.reset_interval} steps, offset {stream.reset_offset}"
        )
    if found.timing is not None:
        rows["timing"] = found.timing.reason
    rows["epochs"] = f"{epochs.epochs}, best {epochs.best_epoch}, {epochs.seconds_mean:.1f} s each"
    rows["program"] = done.folder / "program.h5"
    console().print(facts(rows))


def _percent(accuracy: Accuracy | None) -> str:
    if accuracy is None:
        return "not measured"
    low, high = accuracy.interval
    return f"{100 * accuracy.rate:.2f} % ({100 * low:.1f} to {100 * high:.1f})"
