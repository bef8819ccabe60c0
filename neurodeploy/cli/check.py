"""``neurodeploy check``: the independent checker of certificates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurodeploy.cli import failures
from neurodeploy.cli.options import AsJson, ProgramFile
from neurodeploy.cli.output import console, print_json
from neurodeploy.cli.reading import Reading, reads_program
from neurodeploy.data import DATA_HELP
from neurodeploy.errors import DataError

if TYPE_CHECKING:
    from neurodeploy.certificates.claims import Claims

SHOWN = 10
"""Most problems that a terminal shows."""


@reads_program
def check(
    certificates: Annotated[
        Path, typer.Argument(metavar="CERTIFICATES", help="What verify --suite certify wrote.")
    ],
    program: ProgramFile,
    data: Annotated[
        str | None,
        typer.Option(metavar="D", help=f"See that they speak of these data. {DATA_HELP}"),
    ] = None,
    json: AsJson = False,
    *,
    reading: Reading,
) -> int:
    """Derive every certificate again, without the prover; 1 where one does not hold."""
    from neurodeploy.certificates.check import check as problems_of
    from neurodeploy.certificates.file import read

    claims = read(certificates)
    network = reading.program(program)
    if data is not None:
        compare(claims, data)
    problems = list(problems_of(claims, network))
    if json:
        found = [vars(problem) for problem in problems]
        print_json({"claims": counts(claims), "problems": found, "holds": not problems})
    else:
        for problem in problems[:SHOWN]:
            print(f"sample {problem.sample}, {problem.budget} steps: {problem.what}")
        if len(problems) > SHOWN:
            print(f"and {len(problems) - SHOWN:,} more")
        console().print(_sentence(claims, len(problems)))
    return failures.NO if problems else failures.GOOD


def counts(claims: Claims) -> dict[str, int]:
    """Return how many claims of each verdict there are."""
    from neurodeploy.certificates.claims import VERDICTS

    return {name: int((claims.verdict == n).sum()) for n, name in enumerate(VERDICTS)}


def compare(claims: Claims, name: str) -> None:
    """Raise DataError unless data and labels are those of the data set ``name``."""
    from neurodeploy.data import load_data

    every = load_data(name).part("all")
    place = {int(number): row for row, number in enumerate(every.index)}
    for row, sample in enumerate(claims.sample.tolist()):
        at = place.get(sample)
        if at is None:
            raise DataError(f"{name}: has no sample {sample}, which a certificate speaks of")
        same = every.x[at].shape == claims.x[row].shape and (every.x[at] == claims.x[row]).all()
        if not same or every.y[at] != claims.label[row]:
            raise DataError(f"{name}: sample {sample} is not the one that a certificate speaks of")


def _sentence(claims: Claims, problems: int) -> str:
    found = counts(claims)
    total = f"{found['certified']:,} certified, {found['falsified']:,} falsified"
    if problems:
        return f"{problems:,} claims do not hold, of {total}"
    return f"all claims hold: {total}; {found['open']:,} open"
