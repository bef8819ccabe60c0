"""An energy estimate as text that reads well at 80 columns."""

from __future__ import annotations

import io
from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from neurodeploy.energy.report import EnergyReport, Interval, Term
from neurodeploy.energy.units import digits, energy, energy_ends, energy_range, time_range


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
        _lines("Left out", _exclusions(report)),
        _lines("Basis", list(_basis(report))),
    ]
    if report.warnings:
        parts.append(_lines("Caveats", list(report.warnings)))
    if report.validation:
        parts.append(_validation(report))
    parts.append(Text(report.statement))
    return Group(*parts)


def _headline(report: EnergyReport) -> RenderableType:
    spread = report.headline_pj
    name = report.quantity[0].upper() + report.quantity[1:]
    head = Text(f"{name} on {report.profile}: ", style="bold")
    head.append(energy_range(spread.mean))
    lines = [
        f"mean of {report.samples} samples of {report.steps} steps; per sample "
        f"{energy(spread.minimum.mid)} to {energy(spread.maximum.mid)} at mid constants",
        f"if every input and neuron fired in every step: dynamic part at most "
        f"{energy(report.worst_case.dynamic_pj.high)}",
    ]
    return Group(head, *(Text(f"  {line}") for line in lines))


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
        middle, ends = energy(term.energy_pj.mid), energy_ends(term.energy_pj)
        table.add_row(term.name, count, _constant(term), middle, ends, term.grade)
    return table


def _constant(term: Term) -> str:
    unit, factor = ("uJ", 1e-3) if term.unit == "nJ" else (term.unit, 1.0)
    interval = term.constant.scaled(factor)
    ends = digits(interval.mid) if interval.low == interval.high else _dashed(interval)
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
    if report.joint_constraint:
        yield (
            f"fitted constants share one measured total ({report.joint_constraint}): their highs "
            "exclude each other, the sum is bounded as a whole"
        )
    if report.duration is not None:
        yield (
            f"time of an inference {time_range(report.duration.inference_us)}, bounded by "
            f"{report.duration.bounded_by}"
        )
    else:
        yield f"time of an inference: unknown, {report.time_reason}"
    if report.static_pj is not None:
        yield f"static power of {report.static_scope}; baseline: {report.baseline}"


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
    for column in ("Measured", "Predicted", "Mid error"):
        table.add_column(column, justify="right")
    table.add_column("Role")
    for case in report.validation:
        predicted = f"{digits(case.predicted.mid)} ({_dashed(case.predicted)})"
        table.add_row(
            case.case,
            case.quantity,
            digits(case.measured),
            predicted,
            f"{case.error:+.1%}",
            case.role,
        )
    return table
