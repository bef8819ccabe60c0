"""Whether a Program does what its source does, layer by layer, and what rounding has changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurodeploy.accuracy import Accuracy, predictions, scores
from neurodeploy.conversion.float_simulation import FloatTrace, simulate_float
from neurodeploy.conversion.rounding import ROUNDINGS, known_scales, rounded
from neurodeploy.converters.float_network import FloatNetwork
from neurodeploy.errors import DataError
from neurodeploy.program import Program
from neurodeploy.sim import compile

CHUNK_CELLS = 2**24
"""Most neurons times steps times samples that are run at once."""
CAUSE_SAMPLES = 100
"""Samples on which the roundings are told apart."""
ADVICE = {
    "weights": "8-bit weights: train on with the integers in the loop, or clip outlying weights, "
    "which set the scale of their layer",
    "decays": "12-bit decays: a time constant of many steps needs a larger dt",
    "thresholds": "thresholds: they are few units of the weights; large weights set the scale",
    "biases": "biases: they are few units of the weights, or pass a synaptic filter in the source",
    "states": "24-bit states, cut toward zero in every step: leaks of many steps lose most",
}
"""Cause of a difference -> what it is and what to change."""


class Samples(Protocol):
    """Samples that can be made into columns."""

    def __len__(self) -> int: ...

    def columns(self, rows: slice) -> NDArray[Any]:
        """Return integers ``(samples, T, *input_shape)`` of some rows."""
        ...


@dataclass(frozen=True)
class LayerAgreement:
    """Spikes of one population. cells : neurons x steps x samples. differing : of them."""

    population: str
    cells: int
    source_spikes: int
    program_spikes: int
    differing: int

    @property
    def agreement(self) -> float:
        """1 - differing / cells."""
        return 1 - self.differing / self.cells


@dataclass(frozen=True)
class Divergence:
    """The first spike that differs: earliest step, then first population, then first sample.

    index : of the neuron. source_spiked : whether the source has it. margin : (v - threshold) of
    the source, in units of threshold - v_reset. cause : the rounding that alone changes it, or
    "states".
    """

    population: str
    sample: int
    step: int
    index: tuple[int, ...]
    source_spiked: bool
    margin: float
    cause: str | None


@dataclass(frozen=True)
class Agreement:
    """A Program against its source on some data.

    layers : of the populations that spike. before, after : accuracy of source and Program, None
    without labels. causes : cells that each rounding alone changes, on the first
    `CAUSE_SAMPLES` samples; None where the Program does not say its scales.
    """

    samples: int
    layers: tuple[LayerAgreement, ...]
    before: Accuracy | None
    after: Accuracy | None
    first: Divergence | None
    causes: Mapping[str, int] | None

    @property
    def lowest(self) -> float:
        """Agreement of the layer that agrees least, 1 where no layer spikes."""
        return min((layer.agreement for layer in self.layers), default=1.0)

    @property
    def advice(self) -> str | None:
        """What changes most and what to do, None where nothing does."""
        if not self.causes or not any(self.causes.values()):
            return None
        return ADVICE[max(self.causes, key=lambda name: self.causes[name])]  # type: ignore[index]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "samples": self.samples,
            "agreement": self.lowest,
            "layers": [{**asdict(x), "agreement": x.agreement} for x in self.layers],
            "accuracy_before": None if self.before is None else self.before.to_dict(),
            "accuracy_after": None if self.after is None else self.after.to_dict(),
            "first_divergence": None if self.first is None else asdict(self.first),
            "causes": None if self.causes is None else dict(self.causes),
            "advice": self.advice,
        }


def agreement(
    network: FloatNetwork,
    program: Program,
    samples: Samples,
    labels: NDArray[np.int64] | None = None,
) -> Agreement:
    """Run source and Program on ``samples``, aligned and from rest, and compare all spikes.

    labels : class of each sample, for the accuracy of both.

    Raises DataError where there are no samples.
    """
    if len(samples) == 0:
        raise DataError("agreement needs at least one sample, got none")
    spiking = [p.name for p in network.populations if p.threshold is not None]
    counts = {name: np.zeros(4, np.int64) for name in spiking}
    answers: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    first: Divergence | None = None
    simulator = compile(program, record=("s",))
    for rows in _chunks(program, samples):
        x = samples.columns(rows)
        source = simulate_float(network, x, program.inputs[0].message_bits)
        trace = simulator.run(x)
        for name in spiking:
            ours, theirs = np.asarray(trace[name].s), source[name].s
            differ = int(np.count_nonzero(ours != theirs))
            counts[name] += [ours.size, int(theirs.sum()), int(ours.sum()), differ]
        answers.append((_answers(program, source), predictions(scores(program, trace))))
        here = _first(network, source, {n: trace[n].s for n in spiking}, rows.start)
        first = min((d for d in (first, here) if d), key=lambda d: _place(spiking, d), default=None)
    before, after = (np.concatenate(side) for side in zip(*answers, strict=True))
    causes, first = _causes(network, program, samples, first)
    return Agreement(
        len(samples),
        tuple(LayerAgreement(name, *(int(n) for n in counts[name])) for name in spiking),
        None if labels is None else Accuracy.of(before, labels),
        None if labels is None else Accuracy.of(after, labels),
        first,
        causes,
    )


def _chunks(program: Program, samples: Samples) -> Iterator[slice]:
    steps = samples.columns(slice(0, 1)).shape[1]
    size = max(1, CHUNK_CELLS // max(1, program.neurons * steps))
    for start in range(0, len(samples), size):
        yield slice(start, min(start + size, len(samples)))


def _answers(program: Program, source: Mapping[str, FloatTrace]) -> NDArray[np.int64]:
    """Return the class that the source gives each sample, read as the Program is."""
    readout = program.readout
    found = getattr(source[readout.population], readout.variable)
    kept = found[:, -readout.window :] if readout.window else found
    total = kept.sum(axis=1, dtype=np.float64).reshape(len(kept), program.classes, readout.pool)
    return predictions(total.sum(axis=2))


def _first(
    network: FloatNetwork,
    source: Mapping[str, FloatTrace],
    spikes: Mapping[str, NDArray[Any]],
    offset: int,
) -> Divergence | None:
    found = []
    for order, (name, ours) in enumerate(spikes.items()):
        where = np.argwhere(ours != source[name].s)
        if len(where):
            earliest = where[np.lexsort((where[:, 0], where[:, 1]))[0]]
            found.append((int(earliest[1]), order, name, tuple(int(n) for n in earliest)))
    if not found:
        return None
    step, _, name, cell = min(found)
    population = next(p for p in network.populations if p.name == name)
    threshold = np.broadcast_to(np.asarray(population.threshold), population.shape)[cell[2:]]
    origin = np.broadcast_to(population.origin, population.shape)[cell[2:]]
    distance = float(threshold - origin) or 1.0
    margin = float(source[name].before[cell] - threshold) / distance
    spiked = bool(source[name].s[cell])
    return Divergence(name, offset + cell[0], step, cell[2:], spiked, margin, None)


def _place(order: Sequence[str], found: Divergence) -> tuple[int, int, int]:
    return found.step, order.index(found.population), found.sample


def _causes(
    network: FloatNetwork, program: Program, samples: Samples, first: Divergence | None
) -> tuple[dict[str, int] | None, Divergence | None]:
    """Count what each rounding alone changes, and name the one behind the first difference."""
    scales = known_scales(network, program)
    if scales is None:
        return None, first
    rows = slice(0, min(CAUSE_SAMPLES, len(samples)))
    if first is None:
        return dict.fromkeys((*ROUNDINGS, "states"), 0), None
    start = first.sample if first.sample >= rows.stop else 0
    x = samples.columns(slice(start, start + rows.stop))
    bits = program.inputs[0].message_bits
    source = simulate_float(network, x, bits)
    counts: dict[str, int] = {}
    alone = []
    for kind in ROUNDINGS:
        changed = simulate_float(rounded(network, program, scales, kind), x, bits)
        counts[kind] = _differing(source, changed)
        if _at(changed, first, start) != first.source_spiked:
            alone.append(kind)
    every = simulate_float(rounded(network, program, scales, *ROUNDINGS), x, bits)
    trace = compile(program, record=("s",)).run(x)
    integers = {p.name: np.asarray(trace[p.name].s) for p in network.populations}
    counts["states"] = sum(
        int(np.count_nonzero(every[name].s != s))
        for name, s in integers.items()
        if program.populations[program.index(name)].neuron.spikes
    )
    together = _at(every, first, start) != first.source_spiked
    cause = _named(alone, together)
    return counts, Divergence(**{**_fields(first), "cause": cause})


def _named(alone: Sequence[str], together: bool) -> str:
    if alone:
        return " or ".join(alone)
    return "weights, decays, thresholds and biases together" if together else "states"


def _fields(first: Divergence) -> dict[str, Any]:
    return {name: getattr(first, name) for name in first.__dataclass_fields__}


def _differing(one: Mapping[str, FloatTrace], other: Mapping[str, FloatTrace]) -> int:
    return sum(int(np.count_nonzero(one[name].s != other[name].s)) for name in one)


def _at(traces: Mapping[str, FloatTrace], first: Divergence, start: int) -> bool:
    cell = (first.sample - start, first.step, *first.index)
    return bool(traces[first.population].s[cell])
