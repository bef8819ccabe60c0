"""An energy estimate as text that reads well at 80 columns."""

from __future__ import annotations

import io
from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from neurodeploy.energy.report import EnergyReport, Interval, PlacedCost, Term, WorstCase
from neurodeploy.energy.units import digits, energy, energy_ends, energy_range, time_range
from neurodeploy.energy.workload import Workload


class Printed(str):
    """Text that shows itself, not its quotes, at an interactive prompt."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def text(report: EnergyReport, width: int = 80) -> str:
    """Return the report as plain text of at most ``width`` columns."""
    console = Console(file=io.StringIO(), width=width, color_system=None, record=True)
    console.print(renderable(report))
    lines = console.export_text().splitlines()
    return Printed("\n".join(line.rstrip() for line in lines))


def renderable(report: EnergyReport) -> RenderableType:
    """Return the report for a rich console."""
    parts: list[RenderableType] = [
        _headline(report),
        _terms(report.terms),
        _lines(f"By population, {layers_hold(report)}", list(_layers(report))),
        _lines("Left out", _exclusions(report)),
        _lines("Basis", list(_basis(report))),
        _lines("What would narrow it", list(report.narrowing)),
        _lines("Caveats", list(report.warnings)),
    ]
    if report.validation:
        parts += [_validation(report), *_null_models(report)]
    parts.append(Text(report.statement))
    return Group(*parts)


def _headline(report: EnergyReport) -> RenderableType:
    """Return the parts, each on its own, before the sum."""
    spread = report.headline_pj
    name = report.quantity[0].upper() + report.quantity[1:]
    head = Text(f"{name} on {report.profile}: ", style="bold")
    head.append(energy_range(spread.mean) + (", bounds only" if report.bounds_only else ""))
    found = (*parts_of(report), samples_of(report), worst_of(report), *ceilings_of(report))
    lines = [f"  {line}" for line in found]
    return Group(head, *(Text(line) for line in lines))


def parts_of(report: EnergyReport) -> Iterator[str]:
    """Yield network, host and static energy, and what dominates."""
    parts = report.parts
    if parts is None:
        return
    for name, interval in (
        ("network", parts.network),
        ("host and barrier", parts.host),
        ("static", parts.static),
    ):
        yield f"{name}: {'not priced' if interval is None else energy_range(interval)}"
    if report.dominant:
        yield f"largest: {report.dominant}"


def samples_of(report: EnergyReport) -> str:
    """Return what the mean is of, and the spread of single samples."""
    spread = report.headline_pj
    low, high = spread.minimum.mid, spread.maximum.mid
    ends = (
        f"{energy(spread.minimum.low)} to {energy(spread.maximum.high)}"
        if low is None or high is None
        else f"{energy(low)} to {energy(high)} at mid constants"
    )
    return f"mean of {report.samples} samples of {report.steps} steps; per sample {ends}"


def worst_of(report: EnergyReport) -> str:
    """Return the worst case, of the same quantity as the headline where it has one."""
    return f"if every input and neuron fired in every step: {most_of(report, report.worst_case)}"


def most_of(report: EnergyReport, worst: WorstCase) -> str:
    """Return what a worst case costs: the network alone, and what the headline speaks of."""
    alone = "" if worst.network_pj is None else f"network at most {energy(worst.network_pj.high)}, "
    if report.total_pj is not None and worst.total_pj is not None:
        return f"{alone}at most {energy(worst.total_pj.high)} with host and static part"
    return f"{alone}dynamic part at most {energy(worst.dynamic_pj.high)}"


def ceilings_of(report: EnergyReport) -> Iterator[str]:
    """Yield what certificates leave possible, of the same quantity as the worst case."""
    for ceiling in report.ceilings:
        yield f"{ceiling.basis}: {most_of(report, ceiling)}"


def workload_lines(found: Workload) -> RenderableType:
    """Return the counts in NeuroBench's terms, for a console."""
    return _lines(
        "Whatever the chip, in NeuroBench's terms, per sample",
        [
            f"effective operations: {found.effective_acs:,.0f} accumulates, "
            f"{found.effective_macs:,.0f} multiply-accumulates, of {found.dense:,} dense",
            f"sparsity: connections {found.connection_sparsity:.1%}, "
            f"activations {found.activation_sparsity:.1%}",
            f"footprint: {found.parameters:,} parameters in {found.stored_bits:,} bits",
        ],
    )


def layers_hold(report: EnergyReport) -> str:
    """Return what the figures of single populations hold."""
    return "network only" if report.placed is None else "network without messages"


def _layers(report: EnergyReport) -> Iterator[str]:
    for layer in report.layers:
        yield (
            f"{layer.name}: {energy_range(layer.energy_pj)}; {layer.synops:,.0f} synops, "
            f"{layer.updates:,.0f} updates, {layer.spikes:,.0f} spikes"
        )


def _terms(terms: tuple[Term, ...]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 0))
    table.add_column("Term")
    table.add_column("Count", justify="right")
    table.add_column("Constant", justify="right")
    table.add_column("Energy", justify="right")
    table.add_column("Interval", justify="right")
    table.add_column("Grade")
    for term in terms:
        count = f"{term.count_mean:,.0f}" + (" us" if term.count_unit == "us" else "")
        mid, ends = term.energy_pj.mid, energy_ends(term.energy_pj)
        middle = "" if mid is None else energy(mid)
        table.add_row(term.name, count, _constant(term), middle, ends, term.grade)
    return table


def _constant(term: Term) -> str:
    unit, factor = ("uJ", 1e-3) if term.unit == "nJ" else (term.unit, 1.0)
    interval = term.constant.scaled(factor)
    ends = digits(interval.high) if interval.low == interval.high else _dashed(interval)
    return f"{ends} {unit}"


def _dashed(interval: Interval) -> str:
    return f"{digits(interval.low)}-{digits(interval.high)}"


def _exclusions(report: EnergyReport) -> list[str]:
    """Return one line per reason, naming the terms that it covers."""
    reasons: dict[str, list[str]] = {}
    for excluded in report.excluded:
        reasons.setdefault(excluded.reason, []).append(excluded.name)
    return [f"{', '.join(names)}: {reason}" for reason, names in reasons.items()]


def _basis(report: EnergyReport) -> Iterator[str]:
    yield (
        f"profile {report.profile}, version {report.profile_version}, status {report.status}; "
        f"program {report.digest[:12]}"
    )
    yield f"synaptic operations counted as {report.count_convention}"
    if report.inference:
        yield f"one inference: {report.inference}"
    if report.joint_constraint:
        yield (
            f"measured totals ({report.joint_constraint}) bound the constants together: low and "
            "high are the least and the most that any constants allow which agree with all of them"
        )
    if report.duration is not None:
        yield (
            f"time of an inference {time_range(report.duration.inference_us)}, bounded by "
            f"{report.duration.bounded_by}"
        )
    else:
        yield f"time of an inference: unknown, {report.time_reason}"
    if report.placed is not None:
        yield from placed_of(report.placed)
    if report.static_pj is not None:
        yield f"static power of {report.static_scope}; baseline: {report.baseline}"


def placed_of(placed: PlacedCost) -> Iterator[str]:
    """Yield what the placement says of time and of standing power."""
    yield (
        f"placed on {placed.cores:,} cores, {placed.tiles:,} tiles, {placed.chips} "
        f"{'chip' if placed.chips == 1 else 'chips'}: messages and links are exact"
    )
    if placed.cores_us is not None:
        more = ""
        if placed.network_us is not None:
            more = f", the farthest messages {time_range(placed.network_us)}"
        yield f"per inference the busiest cores take {time_range(placed.cores_us)}{more}"
    if placed.first_us is not None:
        yield (
            f"first answer after {time_range(placed.first_us)}, {placed.fill_steps} steps to fill "
            "the pipeline included"
        )
    for name, chip, core in (
        ("static", placed.static_chip_pj, placed.static_core_pj),
        ("host", placed.host_chip_pj, placed.host_core_pj),
    ):
        if chip is not None and core is not None:
            yield (
                f"{name} energy per chip {energy_range(chip)}, even share of a core in use "
                f"{energy_range(core)}"
            )


def _lines(title: str, lines: list[str]) -> RenderableType:
    if not lines:
        return Text("")
    body = [_bullet(line) for line in lines]
    return Group(Text(title, style="bold"), *body, Text(""))


def _bullet(line: str) -> RenderableType:
    row = Table.grid(padding=(0, 1))
    row.add_row(" -", Text(line))
    return row


def _validation(report: EnergyReport) -> RenderableType:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 0))
    for column in ("Measured case", "Quantity"):
        table.add_column(column)
    for column in ("Measured", "Predicted", "Error"):
        table.add_column(column, justify="right")
    table.add_column("Role")
    for case in report.validation:
        middle = "" if case.predicted.mid is None else f"{digits(case.predicted.mid)} "
        table.add_row(
            case.case,
            case.quantity,
            digits(case.measured),
            f"{middle}({_dashed(case.predicted)})",
            "within" if case.error is None and case.contained else _percent(case.error, "outside"),
            case.role,
        )
    return table


def _percent(share: float | None, absent: str = "") -> str:
    return absent if share is None else f"{share:+.1%}"


def _null_models(report: EnergyReport) -> Iterator[RenderableType]:
    """Say how the predictions were made, and what models that know nothing would have said."""
    lines = [
        "predicted now, by the code above; the measured step time is given. Where the activity "
        "was not published, low is a silent network and high one in which every neuron fires"
    ]
    for case in report.validation:
        if case.role == "calibration" or case.skill_constant is None:
            continue
        line = "" if case.skill_line is None else f", {case.skill_line:.2f} over the line"
        idle = case.error_above_idle
        above = "" if idle is None else f"; {_percent(idle)} of what is above idle and awake host"
        free = case.error_untimed
        untimed = "" if free is None else f"; {_percent(free)} without the step time"
        lines.append(
            f"{case.case}, {case.quantity}: skill {case.skill_constant:.2f} over the mean of the "
            f"calibration rows{line}{above}{untimed}"
        )
    yield _lines("How these were predicted", lines)
