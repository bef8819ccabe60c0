"""The figures of one sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from neurodeploy.report.parts.sample_view import LayerView, SampleView
from neurodeploy.report.svg import Band, Figure, Linear, Plot, picture, raster, steps_scale
from neurodeploy.report.svg.element import COLOURS
from neurodeploy.report.words import amount

UNIT = 64
"""Value in v of one unit of a mantissa, where there is no threshold to measure by."""


def sample_figures(sample: SampleView) -> Mapping[str, Figure]:
    """Input, raster, and one drawing of membranes for each layer that has some."""
    found = {"input": _input(sample)}
    if any(layer.sends for layer in sample.layers):
        found["raster"] = _raster(sample)
    for layer in sample.layers:
        if layer.membrane.v:
            found[f"membrane-{layer.name}"] = _membrane(layer, sample.source)
    return found


def _input(sample: SampleView) -> Figure:
    view = sample.input
    values = np.array(view.values)
    if view.kind == "image":
        over = "steps" if view.of == 1 else f"steps and {view.of} channels"
        caption = f"Input, summed over the {over}"
        told = f"{values.shape[0]} by {values.shape[1]}, {values.min()} to {values.max()}"
        return Figure(caption, told, picture(values, caption, told), sample.source)
    caption, told = "Input by step", f"values {values.min()} to {values.max()}"
    drawing = picture(values.T, caption, told, over_steps=True)
    note = _part(len(view.neurons), view.of, "channels")
    return Figure(caption, told, drawing, sample.source, note=note)


def _raster(sample: SampleView) -> Figure:
    sending = [layer for layer in sample.layers if layer.sends]
    bands = [Band(f"{layer.name}, {_extent(layer)}", tuple(_rows(layer))) for layer in sending]
    caption = "Spikes of each layer"
    told = "; ".join(
        f"{layer.name} {amount(layer.spikes_total, 'spike')} of all its neurons"
        for layer in sending
    )
    drawing = raster(bands, sample.steps, caption, told)
    legend = tuple((b.name, COLOURS[k % len(COLOURS)]) for k, b in enumerate(sending))
    notes = [
        _part(len(layer.shown), layer.neurons, f"neurons of {layer.name}") for layer in sending
    ]
    return Figure(
        caption, told, drawing, sample.source, legend, " ".join(note for note in notes if note)
    )


def _rows(layer: LayerView) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield number and steps, from 1, of every neuron shown."""
    times: list[list[int]] = [[] for _ in layer.shown]
    for step, place in layer.spikes:
        times[place].append(step + 1)
    for neuron, own in zip(layer.shown, times, strict=True):
        yield neuron, tuple(own)


def _extent(layer: LayerView) -> str:
    return f"{len(layer.shown):,} of {layer.neurons:,} neurons"


def _part(shown: int, of: int, what: str) -> str:
    """Say that a drawing shows a part; nothing where it shows all."""
    return "" if shown == of else f"Shows {shown:,} of {of:,} {what}, evenly spread."


def _membrane(layer: LayerView, source: str) -> Figure:
    part = layer.membrane
    units = part.threshold or (UNIT,) * len(part.v)
    scaled = [[v / max(unit, 1) for v in row] for row, unit in zip(part.v, units, strict=True)]
    values = [v for row in scaled for v in row] + ([1.0] if part.threshold else [])
    margin = 0.06 * ((max(values) - min(values)) or 1.0)
    y = Linear(min(0.0, *values) - margin, max(0.0, *values) + margin)
    title = "v after the reset, thresholds" if part.threshold else "v / 64"
    steps = list(range(1, len(part.v[0]) + 1))
    plot = Plot(220, steps_scale(len(steps)), y, "step", title, left=72)
    legend = []
    if part.threshold:
        plot.level(1.0)
    for k, row in enumerate(scaled):
        colour, name = COLOURS[k % len(COLOURS)], f"{part.kind} {part.neurons[k]}"
        plot.line(steps, row, colour)
        tips = [f"{name}, step {t}: {v:.2f}" for t, v in zip(steps, row, strict=True)]
        plot.points(steps, row, colour, tips)
        for step, spike in zip(steps, part.s[k], strict=True):
            if spike and part.threshold:
                plot.triangle(step, 1.0, colour, f"{name}: spike at step {step}")
        legend.append((name, colour))
    what = "in thresholds; a triangle marks a spike" if part.threshold else "without spiking"
    caption = f"Membrane of {layer.name}, {what}"
    told = "; ".join(
        f"{name} ends at {row[-1]:.2f}" for (name, _), row in zip(legend, scaled, strict=True)
    )
    note = _part(len(part.v), layer.neurons, f"neurons of {layer.name}")
    drawing = plot.markup(caption, told)
    return Figure(
        caption, told, drawing, source, tuple(legend), note.replace(", evenly spread", "")
    )
