"""A Comparison for a terminal: verdict, engines, populations, and the first divergence."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from neurodeploy.sim.compare import Comparison, Divergence


def render(comparison: Comparison) -> RenderableType:
    """Return what a terminal shows of ``comparison``."""
    parts: list[RenderableType] = [_verdict(comparison), _options(comparison), Text()]
    parts += [_engines(comparison), Text(), _populations(comparison)]
    parts += [
        Text(f"activity of {engine} differs: {', '.join(entries)}", style="red")
        for engine, entries in comparison.activity.items()
        if entries
    ]
    if comparison.first is not None:
        parts += [Text(), _divergence(comparison.first, comparison)]
    return Group(*parts)


def _verdict(comparison: Comparison) -> Text:
    engines = ", ".join(comparison.engines)
    size = (
        f"{comparison.compared:,} values of {comparison.neurons:,} neurons over "
        f"{comparison.steps} steps, {_samples(comparison.samples)}"
    )
    if comparison.equal:
        return Text.assemble(("equal", "bold green"), f": {engines}; {size}")
    return Text.assemble(
        ("different", "bold red"), f": {engines}; {comparison.differing:,} of {size}"
    )


def _samples(count: int) -> str:
    return "1 sample" if count == 1 else f"{count:,} samples"


def _engines(comparison: Comparison) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("engine", "seconds", "not observable"):
        table.add_column(name, justify="right" if name == "seconds" else "left")
    for engine in comparison.engines:
        seconds = comparison.seconds.get(engine)
        table.add_row(
            engine,
            "-" if seconds is None else f"{seconds:.3f}",
            ", ".join(comparison.unobserved[engine]) or "-",
        )
    return table


def _options(comparison: Comparison) -> Text:
    options = {name: value for name, value in comparison.options.items() if value is not None}
    if "reset_interval" not in options:
        options.pop("reset_offset", None)
    text = ", ".join(f"{name} {value}" for name, value in options.items())
    return Text(f"{text}; program {comparison.digest[:12]}", style="dim")


def _populations(comparison: Comparison) -> Table:
    others = comparison.engines[1:]
    table = Table(box=None, pad_edge=False)
    table.add_column("k", justify="right")
    for name in ("population", "variable"):
        table.add_column(name)
    table.add_column("values", justify="right")
    for engine in others:
        table.add_column(f"differ in {engine}", justify="right")
    previous = None
    for entry in comparison.variables:
        new = entry.population != previous
        previous = entry.population
        table.add_row(
            str(entry.number) if new else "",
            entry.population if new else "",
            entry.variable,
            f"{entry.compared:,}",
            *(_count(entry.differing[engine]) for engine in others),
        )
    return table


def _count(value: int) -> Text:
    return Text(f"{value:,}", style="red" if value else "green")


def _divergence(first: Divergence, comparison: Comparison) -> Group:
    place = f"column {first.column} (Lava's t = {first.step})"
    if comparison.samples > 1:
        place = f"sample {first.sample}, {place}"
    index = ", ".join(str(i) for i in first.index)
    head = Text.assemble(
        ("first divergence", "bold red"),
        f": population {first.number} ({first.population}), {first.variable}[{index}], {place}",
    )
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column()
    for engine, value in first.values.items():
        table.add_row(f"{first.variable} in {engine}", f"{value:,}")
    table.add_row("also differ", ", ".join(first.also) or "no other variable of this cell")
    table.add_row("cells", f"{first.cells[0]:,} of {first.cells[1]:,} in this column")
    table.add_row("one column before", _pairs(first.previous) or "nothing, this is the first")
    table.add_row("parameters", _pairs(first.parameters) or "none")
    table.add_row("rule", Text(first.rule))
    for k, cause in enumerate(first.causes):
        table.add_row("see" if k == 0 else "", Text(cause))
    return Group(head, table)


def _pairs(values: object) -> str:
    items = dict(values).items() if values else ()  # type: ignore[call-overload]
    return ", ".join(f"{name} = {value}" for name, value in items)
