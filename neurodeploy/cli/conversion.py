"""The conversion report on a terminal: what `convert --check` found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurodeploy.cli.datasets import DataFlags, presented
from neurodeploy.cli.output import amount, columns, console

if TYPE_CHECKING:
    from neurodeploy.accuracy import Accuracy
    from neurodeploy.conversion.agreement import Agreement
    from neurodeploy.converters.float_network import FloatNetwork
    from neurodeploy.program import Program


def compared(network: FloatNetwork, program: Program, name: str, taken: DataFlags) -> Agreement:
    """Return how ``program`` agrees with its source on a data set."""
    from neurodeploy.conversion.agreement import agreement

    samples = presented(program, name, taken, None)
    return agreement(network, program, samples.data, samples.data.y)


def without_overflow(
    program: Program, name: str | None, taken: DataFlags
) -> tuple[Program, tuple[str, ...]]:
    """Return the rescaled program, and what is to be said of it: changes, and accuracy on data."""
    from neurodeploy.conversion.rescale import compared as measured
    from neurodeploy.conversion.rescale import rescaled

    found = rescaled(program)
    if not found.changes:
        return program, ("no input can make a state overflow, nothing was rescaled",)
    lines = [
        f"{change.population}: scaled by {change.factor:.4g}, weights take {change.levels} values"
        for change in found.changes
    ]
    if name is not None:
        samples = presented(program, name, taken, None)
        both = measured(program, found.program, samples.data)
        lines.append(
            f"accuracy {_told(both.before)} before, {_told(both.after)} after; "
            f"{both.differing:,} of {both.before.samples:,} answers differ"
        )
    return found.program, tuple(lines)


def show(found: Agreement) -> None:
    """Print layers, accuracy, the first difference and what to change."""
    out = console()
    table = columns("population", "source", "program", "differ", "agreement", right=_NUMBERS)
    for layer in found.layers:
        table.add_row(
            layer.population,
            f"{layer.source_spikes:,}",
            f"{layer.program_spikes:,}",
            f"{layer.differing:,}",
            f"{layer.agreement:.3%}",
        )
    out.print(f"spikes of source and program on {amount(found.samples, 'sample')}")
    out.print(table)
    if found.before is not None and found.after is not None:
        out.print(f"accuracy {_told(found.before)} before, {_told(found.after)} after")
    for line in _remarks(found):
        out.print(line, markup=False)


_NUMBERS = ("source", "program", "differ", "agreement")


def _told(accuracy: Accuracy) -> str:
    low, high = accuracy.interval
    return f"{accuracy.rate:.1%} ({low:.1%} to {high:.1%})"


def _remarks(found: Agreement) -> list[str]:
    lines = []
    if (first := found.first) is not None:
        verb = "only the source" if first.source_spiked else "only the program"
        lines.append(
            f"first difference: {first.population} {list(first.index)}, sample {first.sample}, "
            f"step {first.step}: {verb} spikes, {abs(first.margin):.3%} of the threshold "
            f"{'above' if first.margin > 0 else 'below'} it in the source"
        )
        if first.cause is not None:
            lines.append(f"made by rounding: {first.cause}")
    if found.causes is not None:
        parts = ", ".join(f"{name} {count:,}" for name, count in found.causes.items())
        lines.append(f"spikes that each rounding alone changes: {parts}")
    return lines + ([found.advice] if found.advice else [])
