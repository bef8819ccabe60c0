"""One sample: its input, spikes of some neurons of every layer, and some membranes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.program import Input, Population, Program
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.parts.part import Part, template
from neurodeploy.report.parts.sample_figures import sample_figures
from neurodeploy.report.parts.sample_view import InputView, LayerView, Membrane, SampleView
from neurodeploy.results.sample import LayerArrays, SampleArrays

SHOWN = 48
"""Most neurons of a layer, or channels of an input, that are drawn, evenly spread."""
MEMBRANES = 3
"""Most neurons of a layer whose membrane is drawn."""


def content(evidence: Evidence) -> SampleView | None:
    """Choose what is drawn of the sample."""
    arrays, program = evidence.sample, evidence.program
    if arrays is None:
        return None
    tested = arrays.tested or evidence.verified_on
    return SampleView(
        row=arrays.row if arrays.sample is None else arrays.sample,
        label=arrays.label,
        predicted=arrays.predicted,
        scores=tuple(arrays.scores.tolist()),
        steps=len(arrays.columns),
        input=_input(program.inputs[0], arrays.columns),
        layers=tuple(_layer(k, p, program, arrays) for k, p in enumerate(program.populations)),
        data=None if tested is None else tested.set_name,
    )


def _input(node: Input, columns: NDArray[Any]) -> InputView:
    """Return the input summed over steps and channels, an image, else ``(steps, N)``."""
    data = columns.astype(np.int64)
    if len(node.shape) == 3 and node.shape[1] > 1:
        image = data.sum(axis=0).sum(axis=0)
        return InputView("image", _rows(image), node.shape[0])
    flat = data.reshape(len(columns), -1)
    kept = spread(flat.shape[1], SHOWN)
    return InputView("series", _rows(flat[:, kept]), flat.shape[1], kept)


def _rows(table: NDArray[Any]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(row) for row in table.tolist())


def _layer(k: int, population: Population, program: Program, arrays: SampleArrays) -> LayerView:
    own = arrays.layers[k]
    shown = spread(population.size, SHOWN)
    steps, neurons = np.nonzero(own.spikes[:, shown])
    is_readout = population.name == program.readout.population
    return LayerView(
        name=population.name,
        neurons=population.size,
        sends=population.neuron.sends,
        shown=shown,
        spikes=tuple((int(t), int(n)) for t, n in zip(steps, neurons, strict=True)),
        spikes_total=int(np.count_nonzero(own.spikes)),
        membrane=_membrane(own, arrays.scores, program.readout.pool if is_readout else None),
    )


def _membrane(own: LayerArrays, scores: NDArray[Any], pool: int | None) -> Membrane:
    """Return v of a few neurons: of the read-out those with the best scores, else a spread.

    pool : neurons per class of the read-out, None for another population.
    """
    if pool is not None:
        chosen = np.argsort(-scores[own.neurons // pool], kind="stable")[:MEMBRANES]
    else:
        chosen = np.array(spread(len(own.neurons), MEMBRANES), np.int64)
    threshold = None if own.threshold is None else tuple(own.threshold[chosen].tolist())
    return Membrane(
        kind="class" if pool == 1 else "neuron",
        neurons=tuple(own.neurons[chosen].tolist()),
        v=_rows(own.v[:, chosen].T),
        s=_rows(own.spikes[:, own.neurons[chosen]].T),
        threshold=threshold,
    )


def spread(size: int, most: int) -> tuple[int, ...]:
    """Return up to ``most`` numbers below ``size``, evenly spread, all of them if few."""
    if size <= most:
        return tuple(range(size))
    return tuple(int(x) for x in np.linspace(0, size - 1, most))


def json(content: SampleView | None) -> Mapping[str, Any]:
    """The sample as it is drawn."""
    return {"sample": content}


PART = Part(content, template("sample"), sample_figures, json=json)
