"""``neurodeploy compare``: the same run in several engines, and where they first part."""

from __future__ import annotations

from typing import Annotated

import typer

from neurodeploy.cli import failures
from neurodeploy.cli.arrays import by_name, read_input
from neurodeploy.cli.datasets import OutFolder, check_folder, claim_folder
from neurodeploy.cli.expansion import expanded
from neurodeploy.cli.options import (
    AsJson,
    InputDrive,
    InputFile,
    InputShape,
    NumLayers,
    ProgramFile,
    Record,
    SkipLayers,
)
from neurodeploy.cli.output import console, print_json
from neurodeploy.cli.programs import read_program
from neurodeploy.cli.run_flags import NO_FLAGS, RunFlags


@expanded
def compare(
    program: ProgramFile,
    input_file: InputFile,
    engines: Annotated[
        str, typer.Option(metavar="A,B,...", help="Two or more of native, reference and lava.")
    ] = "native,reference",
    out: OutFolder = None,
    json: AsJson = False,
    run_flags: RunFlags = NO_FLAGS,
    record: Record = None,
    num_layers: NumLayers = None,
    skip_layers: SkipLayers = 0,
    input_drive: InputDrive = None,
    input_shape: InputShape = None,
) -> int:
    """Run several engines and show where they first differ."""
    from neurodeploy.run_folder import add_comparison
    from neurodeploy.sim.compare import compare as compare_engines
    from neurodeploy.sim.options import VARIABLES

    network = read_program(
        program,
        num_layers=num_layers,
        skip_layers=skip_layers,
        input_drive=input_drive,
        input_shape=input_shape,
    )
    check_folder(network, out)
    names = engines.split(",")
    comparison = compare_engines(
        network,
        by_name(network, read_input(input_file, network, run_flags.steps)),
        names,
        record=VARIABLES if record is None else record,
        **run_flags.options(lava="lava" in names),
    )
    if out is not None:
        claim_folder(network, out)
        source = {"name": input_file.name, "samples": comparison.samples}
        add_comparison(out, {**comparison.to_dict(), "data": source})
    if json:
        print_json(comparison.to_dict())
    else:
        from neurodeploy.sim.compare_view import render

        console().print(render(comparison))
    return failures.GOOD if comparison.equal else failures.NO
