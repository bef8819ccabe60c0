"""One sample in full: its input, every spike, and the membrane of a few neurons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.answers import Recipe, Runner, settle
from neurodeploy.atomic import replacing
from neurodeploy.data.presentation import Presentation
from neurodeploy.data.shown import Shown
from neurodeploy.program import Population, Program

LOOKED = 32
"""Samples among which a correctly answered one is looked for."""
TRACES = 12
"""Neurons per population whose membrane is kept."""


@dataclass(frozen=True)
class LayerSample:
    """One population during one sample.

    spikes : ``(steps, neurons)``, flat in C,H,W order. neurons : numbers of those whose membrane
    is kept. v : ``(steps, len(neurons))`` after the reset. threshold : in units of v, per kept
    neuron, or None.
    """

    population: str
    spikes: NDArray[Any]
    neurons: NDArray[np.int64]
    v: NDArray[np.int64]
    threshold: NDArray[np.int64] | None


@dataclass(frozen=True)
class Sample:
    """One sample. columns : ``(steps, *input_shape)``. scores : per class.

    number : of the sample in its data set. row : among those that were run.
    """

    number: int
    row: int
    label: int
    predicted: int
    scores: NDArray[np.int64]
    columns: NDArray[Any]
    layers: tuple[LayerSample, ...]


def record_sample(
    program: Program,
    data: Presentation,
    row: int | None = None,
    *,
    recipe: Recipe | None = None,
) -> Sample:
    """Run one sample of ``data`` and keep what a person wants to look at.

    row : of the sample; None for the first one that is answered correctly, of the first `LOOKED`.

    The neurons kept are spread evenly over those that spike, from the busiest to the quietest;
    silent ones follow when there are fewer.
    """
    recipe = recipe or settle(program, data.steps)
    row = _first_correct(program, data, recipe) if row is None else row
    # A stream is run from its start: what a sample does depends on those before it.
    chosen = _Rows(data, 0 if recipe.streamed else row, row + 1)
    *_, piece = Runner(program, recipe, record=("s", "v")).run(chosen, size=1)
    return Sample(
        number=int(data.index[row]),
        row=row,
        label=int(data.y[row]),
        predicted=int(piece.predicted[0]),
        scores=piece.scores[0],
        columns=piece.columns[0],
        layers=tuple(_layer(p, piece.arrays[p.name]) for p in program.populations),
    )


@dataclass(frozen=True)
class _Rows:
    """Rows ``start`` to ``stop - 1`` of some data."""

    data: Presentation
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def columns(self, rows: slice) -> NDArray[Any]:
        return self.data.columns(slice(self.start + rows.start, self.start + rows.stop))


def _first_correct(program: Program, data: Presentation, recipe: Recipe) -> int:
    """Return the first row that is answered correctly, 0 if none of those looked at is."""
    looked = _Rows(data, 0, min(LOOKED, len(data)))
    pieces = Runner(program, recipe).run(looked)
    predicted = np.concatenate([piece.predicted for piece in pieces])
    return int(np.argmax(predicted == data.y[: len(predicted)]))


def _layer(population: Population, arrays: Mapping[str, NDArray[Any]]) -> LayerSample:
    spikes = arrays["s"].reshape(len(arrays["s"][0]), population.size)
    kept = _kept(np.count_nonzero(spikes, axis=0))
    v = arrays.get("v")
    if v is None:
        empty = np.zeros((len(spikes), 0), np.int64)
        return LayerSample(population.name, spikes, np.zeros(0, np.int64), empty, None)
    flat = v.reshape(len(spikes), population.size)[:, kept].astype(np.int64)
    return LayerSample(population.name, spikes, kept, flat, _threshold(population, kept))


def _kept(spikes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers of the neurons to keep, busiest first."""
    order = np.argsort(-spikes, kind="stable")
    active = int(np.count_nonzero(spikes))
    if active <= TRACES:
        return order[:TRACES].astype(np.int64)
    return order[np.linspace(0, active - 1, TRACES).astype(np.int64)].astype(np.int64)


def _threshold(population: Population, kept: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return the thresholds of a CUBA neuron in units of v; None where nothing is compared to v."""
    neuron = population.neuron
    if neuron.family != "cuba" or not neuron.spikes:
        return None
    full = np.broadcast_to(neuron.having("threshold")["threshold"], population.shape)
    scaled: NDArray[np.int64] = full.reshape(-1)[kept].astype(np.int64) << np.int64(6)
    return scaled


def write_sample(sample: Sample, digest: str, shown: Shown, path: Path) -> None:
    """Store ``sample`` as the ``sample.npz`` of a run folder.

    digest : of the program. shown : the samples that it is one of.
    """
    arrays: dict[str, Any] = {
        "digest": np.array(digest),
        "data": np.array(shown.name),
        "part": np.array(shown.part or ""),
        "data_digest": np.array(shown.digest),
        "sample": np.array(sample.number),
        "row": np.array(sample.row),
        "label": np.array(sample.label),
        "predicted": np.array(sample.predicted),
        "scores": sample.scores,
        "columns": sample.columns,
    }
    for k, layer in enumerate(sample.layers):
        arrays[f"layer{k}_s"] = layer.spikes
        arrays[f"layer{k}_neurons"] = layer.neurons
        arrays[f"layer{k}_v"] = layer.v
        if layer.threshold is not None:
            arrays[f"layer{k}_threshold"] = layer.threshold
    image = BytesIO()
    np.savez_compressed(image, **arrays)
    with replacing(path) as file:
        file.write(image.getvalue())
