"""``neurodeploy train``: from a configuration to an integer network."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neurodeploy.cli import failures
from neurodeploy.cli.options import AsJson
from neurodeploy.cli.output import console, facts, print_json
from neurodeploy.errors import EngineError

if TYPE_CHECKING:
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
        print_json(done.result)
    else:
        _show(done)
    exact = not any(done.result["lowering"][key] for key in _DIFFERENCES)
    return failures.GOOD if exact else failures.NO


_DIFFERENCES = ("spike_differences", "score_differences")


def _show(done: TrainedRun) -> None:
    result = done.result
    out, epochs = console(), result["epochs"]
    integer, trained = result["accuracy"]["test_integer"], result["accuracy"]["test_trained"]
    lowering, stream = result["lowering"], result["stream"]
    out.print(
        facts(
            {
                "test accuracy": f"{_percent(integer)} as integers, {_percent(trained)} as trained",
                "lowering": f"{lowering['spike_differences']} spikes differ on "
                f"{lowering['samples']} samples ({lowering['engine']} engine)",
                "pipelined stream": f"{stream['samples_different']} of {stream['samples']} samples "
                f"differ, reset every {stream['reset_interval']} steps, offset "
                f"{stream['reset_offset']}",
                "timing": result["timing"]["reason"],
                "epochs": f"{epochs['epochs']}, best {epochs['best_epoch']}, "
                f"{epochs['seconds_mean']:.1f} s each",
                "program": done.folder / "program.h5",
            }
        )
    )


def _percent(accuracy: dict[str, Any]) -> str:
    low, high = 100 * accuracy["low"], 100 * accuracy["high"]
    return f"{100 * accuracy['rate']:.2f} % ({low:.1f} to {high:.1f})"
