"""``neurodeploy compare``: the same run in several engines, and where they first part."""

from __future__ import annotations

from typing import Annotated

import typer

from neurodeploy.cli import failures
from neurodeploy.cli.arrays import by_name, read_input
from neurodeploy.cli.options import (
    AsJson,
    InputBits,
    InputDrive,
    InputFile,
    InputShape,
    NumLayers,
    ProgramFile,
    Record,
    ResetInterval,
    ResetOffset,
    SkipLayers,
    Steps,
    Threads,
    Timing,
    Weights,
)
from neurodeploy.cli.output import console, print_json
from neurodeploy.cli.programs import read_program


def compare(
    program: ProgramFile,
    input_file: InputFile,
    engines: Annotated[
        str, typer.Option(metavar="A,B,...", help="Two or more of native, reference and lava.")
    ] = "native,reference",
    json: AsJson = False,
    timing: Timing = None,
    weights: Weights = None,
    steps: Steps = None,
    reset_interval: ResetInterval = None,
    reset_offset: ResetOffset = 0,
    input_bits: InputBits = None,
    record: Record = None,
    threads: Threads = None,
    num_layers: NumLayers = None,
    skip_layers: SkipLayers = 0,
    input_drive: InputDrive = None,
    input_shape: InputShape = None,
) -> int:
    """Run several engines and show where they first differ."""
    from neurodeploy.sim.compare import compare as compare_engines
    from neurodeploy.sim.options import VARIABLES

    network = read_program(
        program,
        num_layers=num_layers,
        skip_layers=skip_layers,
        input_drive=input_drive,
        input_shape=input_shape,
    )
    comparison = compare_engines(
        network,
        by_name(network, read_input(input_file, network, steps)),
        engines.split(","),
        timing=timing,
        weights=weights,
        reset_interval=None if reset_interval == -1 else reset_interval,
        reset_offset=reset_offset,
        input_bits=input_bits,
        record=VARIABLES if record is None else record,
        threads=threads,
    )
    if json:
        print_json(comparison.to_dict())
    else:
        from neurodeploy.sim.compare_view import render

        console().print(render(comparison))
    return failures.GOOD if comparison.equal else failures.NO
