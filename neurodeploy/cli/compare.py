"""``neurodeploy compare``: the same run in several engines, and where they first part."""

from __future__ import annotations

from typing import Annotated

import typer

from neurodeploy.cli import failures
from neurodeploy.cli.arrays import by_name, read_input
from neurodeploy.cli.datasets import OutFolder, check_folder, claim_folder
from neurodeploy.cli.options import (
    AsJson,
    InputFile,
    ProgramFile,
    Record,
)
from neurodeploy.cli.output import console, print_json
from neurodeploy.cli.reading import Reading, reads_program
from neurodeploy.cli.run_flags import RunFlags, runs_program


@reads_program
@runs_program
def compare(
    program: ProgramFile,
    input_file: InputFile,
    engines: Annotated[
        str, typer.Option(metavar="A,B,...", help="Two or more of native, reference and lava.")
    ] = "native,reference",
    out: OutFolder = None,
    json: AsJson = False,
    record: Record = None,
    *,
    flags: RunFlags,
    reading: Reading,
) -> int:
    """Run several engines and show where they first differ."""
    from neurodeploy.results.comparison import NewComparison, keep_comparison
    from neurodeploy.sim.compare import compare as compare_engines

    network = reading.program(program)
    check_folder(network, out)
    names = engines.split(",")
    comparison = compare_engines(
        network,
        by_name(network, read_input(input_file, network, flags.steps)),
        names,
        record=record,
        **flags.options(lava="lava" in names),
    )
    if out is not None:
        claim_folder(network, out)
        keep_comparison(out, NewComparison(comparison, input_file.name, comparison.samples))
    if json:
        print_json(comparison.to_dict())
    else:
        from neurodeploy.sim.compare_view import render

        console().print(render(comparison))
    return failures.GOOD if comparison.equal else failures.NO
