"""Cores: where the network goes on each chip, and what every core does there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurodeploy.placement import Core, CoreLoad, LoadSummary, Placement
from neurodeploy.placement.fabric import RESOURCES
from neurodeploy.placement.table import limit_of
from neurodeploy.report.check import Card, Check
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.parts.part import Part, template
from neurodeploy.report.svg import Cell, Figure, Grid, chip
from neurodeploy.report.svg.element import COLOURS
from neurodeploy.report.words import amount, count
from neurodeploy.results.placement import ChipPlacement
from neurodeploy.run_folder import plain

DRAWN = 4
"""Most chips that are drawn of one placement."""
LISTED = 8
"""Most cores in the table of the busiest ones."""


@dataclass(frozen=True)
class Busy:
    """A row of the table of the busiest cores."""

    core: Core
    populations: str
    load: CoreLoad
    limit: str


@dataclass(frozen=True)
class View:
    """One chip. limits : of each population in words. busiest : cores with most work first.

    step_us : low, mid and high of the cores and messages of a step, "" where that is unknown.
    """

    chip: ChipPlacement
    limits: tuple[str, ...]
    busiest: tuple[Busy, ...]
    step_us: str

    @property
    def placement(self) -> Placement | None:
        """Where the network goes, None where it does not fit."""
        return self.chip.placement


@dataclass(frozen=True)
class Content:
    """The chips, and on what the loads were counted."""

    views: tuple[View, ...]
    label: str
    short: str


def content(evidence: Evidence) -> Content | None:
    """Take the placements."""
    found = evidence.placements
    if found is None or not found.chips:
        return None
    if found.data is None:
        return Content(tuple(map(_view, found.chips)), "no data were run", "no data")
    tested = evidence.labelled(found.data)
    return Content(tuple(map(_view, found.chips)), tested.label, tested.short)


def _view(chip: ChipPlacement) -> View:
    if chip.placement is None:
        return View(chip, (), (), "")
    limits = tuple(limit_of(layer) for layer in chip.placement.layers)
    return View(chip, limits, tuple(_busiest(chip.placement, chip.load)), _step_us(chip.load))


def _busiest(placement: Placement, load: LoadSummary | None) -> Iterator[Busy]:
    if load is None:
        return
    cores = {core.index: core for core in placement.cores}
    held = _populations(placement)

    def work(entry: CoreLoad) -> float:
        return entry.synops if entry.busy_ns is None else entry.busy_ns

    for entry in sorted(load.cores, key=lambda entry: (-work(entry), entry.index))[:LISTED]:
        core = cores[entry.index]
        limit = f"{core.utilisation:.0%} of {RESOURCES[core.binding]}"
        yield Busy(core, ", ".join(held[entry.index]), entry, limit)


def _populations(placement: Placement) -> dict[int, list[str]]:
    held: dict[int, list[str]] = {core.index: [] for core in placement.cores}
    for piece in placement.slices:
        if piece.population not in held[piece.core]:
            held[piece.core].append(piece.population)
    return held


def _step_us(load: LoadSummary | None) -> str:
    if load is None or load.cores_us is None or load.network_us is None:
        return ""
    ends = [(a + b) / load.steps for a, b in zip(load.cores_us, load.network_us, strict=True)]
    return f"{ends[1]:.3g} ({ends[0]:.3g} to {ends[2]:.3g}) \N{MICRO SIGN}s"


def checks(evidence: Evidence) -> Sequence[Check]:
    """Whether the network can be placed; never a passed check: no maker's compiler was run."""
    found = content(evidence)
    if found is None:
        return ()
    fitting = [view for view in found.views if view.placement is not None and not view.chip.rules]
    placed = [view.placement for view in fitting if view.placement is not None]
    refused = [view.chip.profile for view in found.views if view not in fitting]
    parts = [f"{p.profile} {amount(len(p.cores), 'core')}" for p in placed]
    parts += [f"not on {', '.join(refused)}"] if refused else []
    word = "placed" if placed else "refused"
    return (Check("Cores", "none", "; ".join(parts), False, word),)


def cards(content: Content) -> Sequence[Card]:
    """Cores of every chip that holds the network, or how many of its limits are exceeded."""
    return tuple(_card(view.chip) for view in content.views)


def _card(chip: ChipPlacement) -> Card:
    name = f"Cores, {chip.profile}"
    if chip.rules:
        return Card(name, "does not fit", f"{amount(len(chip.rules), 'limit')} exceeded")
    placement = chip.placement
    if placement is None:
        return Card(name, "does not fit", "no placement on cores")
    detail = f"at least {placement.bound:,}; {amount(placement.chips, 'chip')}"
    return Card(name, f"{len(placement.cores):,}", detail)


def figures(content: Content) -> Mapping[str, Figure]:
    """Every chip three times: by population, by load, by messages."""
    result: dict[str, Figure] = {}
    for view in content.views:
        placement, load = view.placement, view.chip.load
        if placement is None:
            continue
        for number in range(min(placement.chips, DRAWN)):
            key = f"{placement.profile}-{number}"
            result[f"cores-{key}"] = _by_population(placement, number)
            if load is not None:
                result[f"load-{key}"] = _shaded(placement, load, number, content.label, *SYNOPS)
                result[f"traffic-{key}"] = _shaded(placement, load, number, content.label, *SENT)
    return result


Value = Callable[[CoreLoad], float]
SYNOPS: tuple[str, str, str, Value] = (
    "Synaptic operations per step",
    "synaptic operations per step",
    "c0",
    lambda core: core.synops,
)
SENT: tuple[str, str, str, Value] = (
    "Messages sent per step",
    "messages sent per step",
    "c1",
    lambda core: core.axons_out,
)


def _by_population(placement: Placement, number: int) -> Figure:
    names = [layer.population for layer in placement.layers]
    colours = {name: COLOURS[k % len(COLOURS)] for k, name in enumerate(names)}
    numbers = {name: str(k + 1) for k, name in enumerate(names)}
    held = _populations(placement)
    cells = {}
    for core, place in _on(placement, number):
        first, *more = held[core.index]
        use = f"{core.utilisation:.0%} of {RESOURCES[core.binding]}"
        told = f"core {place}: {', '.join(held[core.index])}; {use}"
        cells[place] = Cell(colours[first], numbers[first] + ("+" if more else ""), told)
    caption = f"{_named(placement, number)} by population"
    told = "; ".join(
        f"{layer.population} {amount(layer.cores, 'core')}" for layer in placement.layers
    )
    used = {name for core, _ in _on(placement, number) for name in held[core.index]}
    legend = tuple((f"{numbers[n]} {n}", colours[n]) for n in names if n in used)
    notes = []
    if any(cell.text.endswith("+") for cell in cells.values()):
        notes.append("A plus: other populations are on the core as well.")
    if number == DRAWN - 1 and placement.chips > DRAWN:
        notes.append(f"{amount(placement.chips - DRAWN, 'chip')} more not drawn.")
    drawing = chip(_grid(placement), cells, caption, told)
    return Figure(caption, told, drawing, legend=legend, note=" ".join(notes))


def _shaded(
    placement: Placement,
    load: LoadSummary,
    number: int,
    label: str,
    title: str,
    unit: str,
    colour: str,
    value: Value,
) -> Figure:
    loads = {entry.index: value(entry) for entry in load.cores}
    most = max(loads.values(), default=0.0) or 1.0
    cells = {
        place: Cell(
            colour,
            "",
            f"core {place}: {count(loads[core.index])} {unit}",
            max(loads[core.index] / most, 0.06),
        )
        for core, place in _on(placement, number)
    }
    caption = f"{title}, {_named(placement, number)}"
    here = sorted((loads[core.index] for core, _ in _on(placement, number)), reverse=True)
    told = f"from {count(here[-1])} to {count(here[0])} {unit} and core" if here else "none"
    drawing = chip(_grid(placement), cells, caption, told)
    return Figure(caption, told, drawing, label, note=f"Darkest: {count(most)}.")


def _named(placement: Placement, number: int) -> str:
    name = placement.profile
    return name if placement.chips == 1 else f"{name}, chip {number + 1} of {placement.chips}"


def _grid(placement: Placement) -> Grid:
    cores = placement.chip_cores or max(core.index for core in placement.cores) + 1
    return Grid.of(cores, placement.mesh, placement.cores_per_tile)


def _on(placement: Placement, number: int) -> Iterator[tuple[Core, int]]:
    """Yield the cores of one chip with their places on it."""
    per_chip = placement.chip_cores or 0
    for core in placement.cores:
        if core.chip == number:
            yield core, core.index - number * per_chip


def json(content: Content | None) -> Mapping[str, Any]:
    """A list of chips, each with its placement and load or the reason of its refusal."""
    views = () if content is None else content.views
    return {"cores": [plain(view.chip) for view in views]}


PART = Part(content, template("cores"), figures, cards, checks, json)
