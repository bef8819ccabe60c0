"""A placement as text that reads well at 80 columns."""

from __future__ import annotations

import io
from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from neurodeploy.placement.fabric import RESOURCES
from neurodeploy.placement.record import LayerCores, Placement


class Printed(str):
    """Text that shows itself, not its quotes, at an interactive prompt."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def text(placement: Placement, width: int = 80) -> str:
    """Return the placement as plain text of at most ``width`` columns."""
    console = Console(file=io.StringIO(), width=width, color_system=None, record=True)
    console.print(renderable(placement))
    lines = console.export_text().splitlines()
    return Printed("\n".join(line.rstrip() for line in lines))


def renderable(placement: Placement) -> RenderableType:
    """Return the placement for a rich console."""
    head = Text(headline(placement), style="bold")
    lines = [f"  {line}" for line in details(placement)]
    notes = [Text(f" - {note}") for note in placement.notes]
    return Group(head, *(Text(line) for line in lines), _layers(placement), *notes)


def headline(placement: Placement) -> str:
    """Return cores and chips in one sentence."""
    count = len(placement.cores)
    cores = f"{count:,} {'core' if count == 1 else 'cores'}"
    chips = f"{placement.chips} chip" + ("s" if placement.chips > 1 else "")
    room = f" of {placement.chip_cores:,} cores" if placement.chip_cores else ""
    return f"{placement.profile}: {cores} on {chips}{room}, {placement.method} placement"


def details(placement: Placement) -> Iterator[str]:
    """Yield bound and gap, utilisation, messages and hops."""
    yield (
        f"at least {placement.bound:,} cores within the limits; gap {placement.gap:.1%}; "
        f"mean utilisation {placement.utilisation:.0%}"
    )
    yield f"{placement.messages:,} pairs of a sending neuron and a core that it reaches"
    if placement.hops is not None and placement.hops_naive is not None:
        yield (
            f"{placement.hops:.2f} links per message, {placement.hops_naive:.2f} with the cores "
            "numbered row by row"
        )


def limit_of(layer: LayerCores) -> str:
    """Return the limit that asks for most cores in words."""
    return RESOURCES[layer.binding] if layer.binding else "one core holds it"


def _layers(placement: Placement) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 0))
    table.add_column("Population")
    for column in ("Neurons", "Cores", "Bound", "Most on one", "Use"):
        table.add_column(column, justify="right")
    table.add_column("Limit")
    for layer in placement.layers:
        cores = f"{layer.cores:,}" + (f" ({layer.shared} shared)" if layer.shared else "")
        table.add_row(
            layer.population,
            f"{layer.neurons:,}",
            cores,
            f"{layer.bound:,}",
            f"{layer.most:,}",
            f"{layer.utilisation:.0%}",
            limit_of(layer),
        )
    return table
