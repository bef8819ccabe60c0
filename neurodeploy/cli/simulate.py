"""``neurodeploy simulate``: run a program and keep what it did."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neurodeploy.cli.arrays import read_input
from neurodeploy.cli.options import (
    AsJson,
    Engine,
    InputFile,
    ProgramFile,
    Record,
)
from neurodeploy.cli.output import amount, columns, console, print_json, shape, wrapped
from neurodeploy.cli.reading import Reading, reads_program
from neurodeploy.cli.run_flags import RunFlags, runs_program

if TYPE_CHECKING:
    from rich.console import RenderableType

    from neurodeploy.program import Program
    from neurodeploy.trace import Trace


@reads_program
@runs_program
def simulate(
    program: ProgramFile,
    input_file: InputFile,
    output: Annotated[
        Path,
        typer.Option(
            metavar="TRACE.npz", help="Arrays layer{k}_s, layer{k}_u, ... for population k."
        ),
    ],
    json: AsJson = False,
    engine: Engine = "native",
    record: Record = None,
    *,
    flags: RunFlags,
    reading: Reading,
) -> None:
    """Run a program on data and write what it did."""
    from neurodeploy.cli.running import run

    network = reading.program(program)
    trace, seconds = run(
        network,
        read_input(input_file, network, flags.steps),
        engine=engine,
        record="s" if record is None else record,
        **flags.options(lava=engine == "lava"),
    )
    write_trace(trace, output)
    if json:
        print_json(_facts(network, trace, output, seconds))
    else:
        _show(network, trace, output, seconds)


def write_trace(trace: Trace, path: Path) -> None:
    """Write `Trace.flat` as an .npz, whole or not at all, a part of an array at a time."""
    from neurodeploy.atomic import replacing
    from neurodeploy.recording import write_npz

    with replacing(path) as file:
        write_npz(file, trace.recorded())


def _facts(program: Program, trace: Trace, output: Path, seconds: float) -> dict[str, Any]:
    return {
        "output": output,
        "digest": program.digest,
        "seconds": round(seconds, 6),
        "samples": trace.activity.samples,
        "steps": trace.activity.steps,
        "arrays": {name: list(values.shape) for name, values in trace.recorded().items()},
        "activity": trace.activity.totals(),
    }


def _show(program: Program, trace: Trace, output: Path, seconds: float) -> None:
    activity, out = trace.activity, console()
    out.print(
        f"{amount(activity.samples, 'sample')}, {amount(activity.steps, 'step')}, "
        f"{amount(program.neurons, 'neuron')} in {seconds:.3f} s"
    )
    out.print(_activity(program, trace))
    out.print(f"{output}: {', '.join(trace.recorded())}", markup=False)


def _activity(program: Program, trace: Trace) -> RenderableType:
    """One row per population; rate is in spikes per neuron and step."""
    counts = trace.activity.totals()
    numbers = ("spikes", "rate", "synops", "u wraps", "v saturated")
    long = wrapped("population", program.names)
    table = columns("k", "population", "shape", *numbers, right=("k", *numbers), text=long)
    for number, population in enumerate(program.populations):
        name = population.name
        incoming = [
            key
            for key, connection in zip(program.connection_names, program.connections, strict=True)
            if connection.target == name
        ]
        table.add_row(
            str(number),
            name,
            shape(population.shape),
            f"{counts['spikes'][name]:,}",
            f"{counts['spikes'][name] / max(counts['updates'][name], 1):.4f}",
            f"{sum(counts['synops_taps'][key] for key in incoming):,}",
            _seen(counts["u_wraps"][name]),
            _seen(counts["v_saturations"][name]),
        )
    return table


def _seen(count: int) -> str:
    """Return a count, or a dash where the engine cannot see it."""
    from neurodeploy.trace import NOT_OBSERVABLE

    return "-" if count == NOT_OBSERVABLE else f"{count:,}"
