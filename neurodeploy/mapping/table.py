"""A map report as a terminal shows it, at 80 columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from neurodeploy.mapping.record import Finding, LinkBudget, MapReport, RealTime, Span
from neurodeploy.program import Program
from neurodeploy.rules import limit_rules

SHOWN = 8
"""Most violations of one rule that are written out."""


def rendered(program: Program, report: MapReport) -> RenderableType:
    """Return the report of one chip."""
    from neurodeploy.placement.table import renderable

    parts: list[RenderableType] = [_head(report), *_lines(_verdict(report), "  ")]
    if report.findings:
        parts += ["", *(_finding(finding) for finding in _first(report.findings))]
        parts += _more(report.findings)
    if report.repaired.steps:
        parts += ["", *_repairs(report)]
    if report.placement is not None:
        parts += ["", renderable(report.placement)]
    if report.uses:
        parts += ["", _uses(report)]
    parts += ["", *_lines(_link(report.link), "")]
    if report.real_time is not None:
        parts += _lines([_timed(report.real_time)], "")
    if report.unchecked:
        parts += _lines(
            [f"not checked, {report.profile} states no limit: {', '.join(report.unchecked)}"], ""
        )
    parts += _lines(report.notes, "note: ")
    return Group(*parts)


def _lines(lines: Iterable[str], mark: str) -> list[RenderableType]:
    return [Text(f"{mark}{line}") for line in lines]


def _head(report: MapReport) -> Text:
    fits = "fits" if report.fits else "does not fit"
    style = "bold green" if report.fits else "bold red"
    kind = f"{report.profile}, version {report.profile_version}, status {report.status}"
    text = Text(f"{fits} ", style=style)
    return text.append(kind, style="bold")


def _verdict(report: MapReport) -> list[str]:
    lines = []
    if report.findings:
        count = len(report.findings)
        lines.append(f"{count} {'limit is' if count == 1 else 'limits are'} exceeded")
    if report.unplaced:
        when = "after the repairs, " if report.findings else ""
        lines.append(f"{when}no placement: {report.unplaced}")
    if report.unknown:
        lines.append(f"cores: {report.unknown}")
    if report.placement is None and report.chips is not None and report.chips > 1:
        lines.append(f"at least {report.chips} chips")
    return lines


def _first(findings: Sequence[Finding]) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for finding in findings:
        rule = finding.violation.rule
        seen[rule] = seen.get(rule, 0) + 1
        if seen[rule] <= SHOWN:
            yield finding


def _more(findings: Sequence[Finding]) -> list[RenderableType]:
    rules = [finding.violation.rule for finding in findings]
    left = {rule: rules.count(rule) - SHOWN for rule in dict.fromkeys(rules)}
    return [
        Text(f"  and {count} more of {rule}; --json lists all")
        for rule, count in left.items()
        if count > 0
    ]


def _finding(finding: Finding) -> RenderableType:
    violation = finding.violation
    if finding.mended:
        way = f"repair: {', '.join(finding.repairs) or 'comes with the others'}"
    elif finding.refused:
        way = "; ".join(f"{name}: {why}" for name, why in finding.refused)
    else:
        way = "no repair"
    cores = "more cores would help" if violation.more_cores_help else "more cores do not help"
    body = Text(f"{violation.where}: {violation.text}\n{cores}; {way}")
    line = Table.grid(padding=(0, 1))
    line.add_row(Text("  !", style="red"), Text(violation.rule, style="bold"), body)
    return line


def _repairs(report: MapReport) -> Iterator[RenderableType]:
    repaired = report.repaired
    if report.fits_repaired:
        answer = "it answers as before" if repaired.exact else "its answers may change"
        yield Text(f"after these repairs it fits, and {answer}:", style="bold")
    else:
        yield Text("these repairs are possible, but do not make it fit:", style="bold")
    costs = {} if report.measured is None else dict(enumerate(report.measured.costs))
    if report.measured is not None:
        measured = report.measured
        part = f", part {measured.data.part}" if measured.data.part else ""
        yield Text(
            f"  as it is: {measured.rate:.1%} of {measured.samples:,} samples of "
            f"{measured.data.name}{part}"
        )
    for number, step in enumerate(repaired.steps):
        for change in step.changes[:SHOWN]:
            yield Padding(Text(f"{step.repair}: {change}"), (0, 0, 0, 2))
        if len(step.changes) > SHOWN:
            yield Text(f"  {step.repair}: and {len(step.changes) - SHOWN} more")
        if number in costs:
            cost = costs[number]
            yield Text(
                f"    then {cost.rate:.1%}, {cost.differing:,} of {cost.samples:,} answers differ",
                style="bold",
            )
    if report.measured is None and not repaired.exact:
        yield Text("  what they cost in accuracy is measured with --data D")


def _uses(report: MapReport) -> RenderableType:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("limit", "used", "allowed", "", "by", "grade"):
        right = name in ("used", "allowed", "")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for entry in report.uses:
        use = entry.use
        ratio = use.ratio or 0.0
        share = f"{ratio:.0%}" if ratio < float("inf") else "-"
        table.add_row(
            use.key.partition(".")[2].removesuffix("_max"),
            f"{use.used:,}",
            f"{use.allowed:,}",
            Text(share, style="red" if use.exceeds else ""),
            use.where.rpartition(" ")[2],
            entry.grade,
        )
    return table


def _link(link: LinkBudget) -> list[str]:
    per_step = f"{link.values_mean:,.1f} a step on average, {link.values_max:,} at most"
    lines = [f"input: {per_step} ({link.basis}); {link.read:,} values are read a step"]
    for span, what in (
        (link.injected_us, "sent as events"),
        (link.bias_us, "written as one image of biases"),
        (link.read_us, "reading"),
    ):
        if span is not None:
            lines.append(f"{what}: {microseconds(span)} an inference over the link")
    if link.input_us is None:
        lines.append(f"time of the link: unknown, {link.reasons['injected_us']}")
    return lines


def _timed(found: RealTime) -> str:
    period = f"one input every {found.period_us:,.6g} us"
    if found.verdict == "refused":
        return f"real time: no answer for {period}, {found.bound}"
    words = {"yes": "done in time", "no": "too slow", "open": "open, the ends disagree"}
    takes = "" if found.inference_us is None else f", takes {microseconds(found.inference_us)}"
    return f"real time: {words[found.verdict]} for {period}{takes}; longest: {found.bound}"


def microseconds(span: Span) -> str:
    """Return ``mid (low to high) us``, or one value."""
    if span.low == span.high:
        return f"{span.mid:,.4g} us"
    return f"{span.mid:,.4g} ({span.low:,.4g} to {span.high:,.4g}) us"


def side_by_side(program: Program, reports: Sequence[MapReport]) -> RenderableType:
    """Return chips side by side, and whom the program fits."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    measured = any(report.measured is not None for report in reports)
    last = ["accuracy"] * measured
    names = ("chip", "fits", "cores", "chips", "rules", "exceeded", "repaired", *last)
    for name in names:
        wraps = name in ("exceeded", "repaired")
        right = name in ("cores", "chips", "rules", "accuracy")
        table.add_column(
            name, justify="right" if right else "left", no_wrap=not wraps, overflow="fold"
        )
    for report in reports:
        table.add_row(*_row(report, measured))
    return Group(table, "", *_lines(_summary(reports), ""))


def _row(report: MapReport, measured: bool) -> Iterator[RenderableType]:
    yield report.profile
    yield Text("yes", style="green") if report.fits else Text("no", style="red")
    yield "" if report.placement is None else f"{len(report.placement.cores):,}"
    yield "" if report.chips is None else f"{report.chips:,}"
    yield f"{len(limit_rules()) - len(report.unchecked)}/{len(limit_rules())}"
    rules = list(dict.fromkeys(finding.violation.rule for finding in report.findings))
    yield ", ".join(rules) or ("no placement" if report.unplaced else "")
    steps = list(dict.fromkeys(step.repair for step in report.repaired.steps))
    if report.fits:
        yield ""
    elif report.fits_repaired:
        exact = ", exactly" if report.repaired.exact else ""
        yield f"fits{exact}: {', '.join(steps)}"
    else:
        yield "does not fit"
    if measured:
        yield _accuracy(report)


def _accuracy(report: MapReport) -> str:
    if report.measured is None:
        return ""
    after = report.measured.costs[-1].rate if report.measured.costs else report.measured.rate
    return f"{after:.1%}"


def _summary(reports: Sequence[MapReport]) -> Iterator[str]:
    fits = [report.profile for report in reports if report.fits]
    mended = [r.profile for r in reports if not r.fits and r.fits_repaired]
    yield f"fits: {', '.join(fits) or 'none of them'}"
    if mended:
        yield f"fits after repairs: {', '.join(mended)}"
    yield "rules: so many are checked, of the others a profile states no limit"
