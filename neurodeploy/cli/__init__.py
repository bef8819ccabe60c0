"""The command line: one module per verb, listed in the order in which a user needs them.

A verb returns its exit code: 0 done and good, 1 the answer is no. Bad input or usage is one line
on stderr and 2, an interruption 130; `neurodeploy.cli.failures` sees to that. Verbs import what is
heavy when they run, so that ``--help`` stays quick.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from neurodeploy.cli.check import check
from neurodeploy.cli.compare import compare
from neurodeploy.cli.convert import convert
from neurodeploy.cli.demo import demo
from neurodeploy.cli.diff import diff
from neurodeploy.cli.doctor import doctor
from neurodeploy.cli.energy import energy
from neurodeploy.cli.failures import VerbGroup, run
from neurodeploy.cli.inspect import inspect
from neurodeploy.cli.map import map_
from neurodeploy.cli.profiles import profiles
from neurodeploy.cli.report import report
from neurodeploy.cli.simulate import simulate
from neurodeploy.cli.train import train
from neurodeploy.cli.verify import verify

VERBS = (
    demo,
    train,
    convert,
    inspect,
    simulate,
    compare,
    verify,
    check,
    map_,
    energy,
    report,
    diff,
    profiles,
    doctor,
)

app = typer.Typer(
    name="neurodeploy",
    cls=VerbGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verb in VERBS:
    app.command(verb.__name__.rstrip("_"))(verb)


def _print_version(wanted: bool) -> None:
    if wanted:
        from neurodeploy import __version__

        print(__version__)
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and stop."
        ),
    ] = False,
) -> None:
    """Train, verify and deploy spiking networks on Loihi-style chips, bit for bit."""


def main() -> None:
    """Run the command line and end the process with its exit code."""
    sys.exit(run(app, sys.argv[1:]))
