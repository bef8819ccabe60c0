"""Options that several verbs share. Their values are checked where they are used, not here."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

Verb = Callable[..., Any]


def whole(text: str | int) -> int:
    """Return ``text`` as an int, or tell typer what is wrong with it."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a whole number") from None


RUN_PANEL = "Run options"
"""Heading of the options of a run in --help."""

ProgramFile = Annotated[
    Path, typer.Argument(metavar="PROGRAM", help="A program.h5 or NetX file, known by content.")
]
InputFile = Annotated[
    Path,
    typer.Option(
        "--input",
        metavar="X.npy",
        help="Integers (steps, *shape) or (batch, steps, *shape), C,H,W order; an .npz may hold "
        "one array, or one for each input by name.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print machine-readable output only.")]

Engine = Annotated[
    str,
    typer.Option(
        metavar="native|reference|lava", help="What runs the program.", rich_help_panel=RUN_PANEL
    ),
]
JudgingEngine = Annotated[
    str,
    typer.Option(
        metavar="native|reference",
        help="What runs the program; whether Lava agrees is seen with compare.",
        rich_help_panel=RUN_PANEL,
    ),
]
Record = Annotated[
    str | None,
    typer.Option(
        metavar="s,u,v,...",
        help="Variables to record, for every population that has them. "
        "Default: s, all when comparing.",
        rich_help_panel=RUN_PANEL,
    ),
]


def in_place_of(
    keyword: str, parameters: Sequence[inspect.Parameter], made: Callable[[dict[str, Any]], Any]
) -> Callable[[Verb], Verb]:
    """Return a decorator that gives a verb ``parameters`` in place of its one ``keyword``.

    made : the value of the keyword, from the values of the parameters by name.
    """

    def decorate(verb: Verb) -> Verb:
        signature = inspect.signature(verb, eval_str=True)
        own = [p for p in signature.parameters.values() if p.name != keyword]

        @functools.wraps(verb)
        def command(**values: Any) -> Any:
            given = {p.name: values.pop(p.name) for p in parameters}
            return verb(**values, **{keyword: made(given)})

        merged = [p.replace(kind=p.KEYWORD_ONLY) for p in (*own, *parameters)]
        command.__signature__ = signature.replace(parameters=merged)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in merged}
        return command

    return decorate


def parameter(name: str, kind: Any, panel: str, metavar: str, text: str) -> inspect.Parameter:
    """Return the option ``--name`` of a verb; left out it is None."""
    flag = f"--{name.replace('_', '-')}"
    option = typer.Option(
        flag,
        metavar=metavar,
        help=text,
        rich_help_panel=panel,
        parser=whole if kind is int else None,
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, option],
    )
