"""``neurodeploy inspect``: what a program holds."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neurodeploy.cli.options import AsJson, ProgramFile
from neurodeploy.cli.output import (
    amount,
    columns,
    console,
    extent,
    facts,
    notes,
    print_json,
    shape,
    wrapped,
)
from neurodeploy.cli.reading import Reading, reads_program
from neurodeploy.errors import NeurodeployWarning

if TYPE_CHECKING:
    from rich.console import RenderableType

    from neurodeploy.summary import ConnectionSummary, CurrentBound, PopulationSummary, Summary


SHORT_NAMES = {"current_decay": "u decay", "voltage_decay": "v decay"}
LONGEST_VALUE = 60
"""Characters of a metadata value that a terminal shows."""


@reads_program
def inspect(program: ProgramFile, json: AsJson = False, *, reading: Reading) -> None:
    """Show layers, weight bits, sizes and what to watch out for.

    u / 2^23 is the largest |u| that the weights allow, from 1 on u may wrap; bits are those that
    the weights need once the power of two that divides them all is taken out.
    """
    from neurodeploy.summary import summarise

    for said_below in (".*act otherwise than stored", r".*: \d+ findings?: "):
        warnings.filterwarnings("ignore", said_below, NeurodeployWarning)
    network = reading.program(program)
    summary = summarise(network)
    if json:
        print_json({"file": program, **summary.to_dict()})
    else:
        console().print(rendered(summary))


def rendered(summary: Summary) -> RenderableType:
    """Return what a terminal shows of ``summary``."""
    from rich.console import Group
    from rich.text import Text

    if summary.findings:
        title = Text(amount(len(summary.findings), "finding"), style="bold yellow")
        findings = Group(title, notes(summary.findings, "yellow"))
    else:
        findings = Group(Text("no findings", style="green"))
    tables = (_populations(summary), _connections(summary))
    return Group(facts(_head(summary)), "", tables[0], "", tables[1], "", findings)


def _head(summary: Summary) -> dict[str, object]:
    from rich.filesize import decimal

    inputs = (
        f"{node['name']} {shape(node['shape'])}, "
        + (f"{node['message_bits']}-bit values" if node["message_bits"] else "binary events")
        for node in summary.inputs
    )
    rows: dict[str, object] = {
        "digest": summary.digest,
        "input": "; ".join(inputs),
        "readout": _read(summary.readout),
        "size": f"{amount(summary.neurons, 'neuron')}, {amount(summary.taps, 'synapse')} "
        f"({summary.nonzero:,} nonzero), {decimal(summary.bytes)} in memory",
    }
    if summary.metadata:
        items = (f"{key} = {_short(value)}" for key, value in summary.metadata.items())
        rows["metadata"] = ", ".join(items)
    return rows


def _read(readout: Mapping[str, Any]) -> str:
    """Say what is classified with."""
    window, pool = readout["window"], readout["pool"]
    when = f"the last {amount(window, 'step')}" if window else "all steps"
    pooled = f"sums over {pool} neurons a class of " if pool > 1 else ""
    return f"{pooled}{readout['variable']} of {readout['population']} over {when}"


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."


def _populations(summary: Summary) -> RenderableType:
    names = ("k", "population", "shape", "neuron", "u / 2^23", "parameters")
    long = wrapped("population", (entry.name for entry in summary.populations))
    table = columns(*names, right=("k",), text=(*long, "parameters"))
    for entry in summary.populations:
        table.add_row(
            str(entry.number),
            entry.name,
            shape(entry.shape),
            entry.neuron,
            "" if entry.current is None else _bound(entry.current),
            _parameters(entry),
        )
    return table


def _bound(current: CurrentBound) -> str:
    """Say how far the weights let |u| go, as a part of 2^23; from 1 on it may wrap."""
    if current.ratio is None:
        return f"1 at step {current.safe_steps}"
    if current.safe_message is not None:
        return f"1 at x {current.safe_message:,}"
    return f"{current.ratio:.2g}"


def _parameters(entry: PopulationSummary) -> str:
    """List the parameters, without those that do nothing."""
    parts = []
    for name, value in entry.parameters.items():
        if value in ((0, 0), "zero") and name in ("bias", "initial", "reset"):
            continue
        text = value if isinstance(value, str) else extent(int(value[0]), int(value[1]))
        parts.append(f"{SHORT_NAMES.get(name, name.replace('_', ' '))} {text}")
    return ", ".join(parts)


def _connections(summary: Summary) -> RenderableType:
    delayed = any(entry.delay for entry in summary.connections)
    numbers = ("weights", "values", "zero", "bits", *(["delay"] if delayed else []), "synapses")
    long = wrapped("connection", (entry.name for entry in summary.connections))
    table = columns("connection", "synapse", *numbers, right=numbers, text=(*long, "synapse"))
    for entry in summary.connections:
        delay = [extent(*entry.delay) if entry.delay else ""] if delayed else []
        table.add_row(entry.name, _synapse(entry), *_weights(entry), *delay, f"{entry.taps:,}")
    return table


def _synapse(entry: ConnectionSummary) -> str:
    parts = [f"{entry.synapse} {shape(entry.shape)}".strip()]
    parts += [entry.geometry] if entry.geometry else []
    parts += ["feedback"] if entry.feedback else []
    parts += [f"group {entry.group}"] if entry.group else []
    return ", ".join(parts)


def _weights(entry: ConnectionSummary) -> list[str]:
    """Extremes with the step between values, distinct values, share of zeros, bits."""
    use = entry.weights
    if use is None:
        return [""] * 4
    step = f" by {use.step}" if use.step > 1 else ""
    zeros = f"{use.zeros / use.count:.0%}"
    return [extent(use.low, use.high) + step, str(use.distinct), zeros, str(use.bits)]
