"""What certificates claim: a record of arrays, one entry per sample and budget."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from numpy.typing import NDArray

from neurodeploy.fixedpoint import DECAY_ONE
from neurodeploy.neuron import CubaLif, Integrator, Neuron
from neurodeploy.program import Program

OPEN, CERTIFIED, FALSIFIED = range(3)
VERDICTS = ("open", "certified", "falsified")


class Method(IntEnum):
    """What decided a sample. COMPLETE: every datum tried, or a counter-example."""

    NONE = 0
    INTERVAL = 1
    SEGMENT = 2
    LINEAR = 3
    COMPLETE = 4


METHODS = tuple(method.name.lower() for method in Method if method)


@dataclass(frozen=True, eq=False)
class Claims:
    """The content of a certificate file.

    program, data : digests. encoder : its metadata. weights, columns, input_bits : how samples are
    run, each from rest in aligned time. low, high : range of the data. budget : int64 ``(E,)``, in
    steps of the data. sample, label, length : int64 ``(n,)``; length : steps with data of a series,
    -1 for all. x : int32 ``(n, *shape)``. verdict, method :
    uint8, margin : int64, ``(n, E)``. counter : int32 ``(k, *shape)``, counter-examples;
    counter_at : int64 ``(n, E)``, which one, or -1. table : the segments, empty where unused:
    count int64 ``(neurons,)``, start int64 ``(all,)``, end int64 ``(neurons,)``, train uint8
    ``(all, columns)``, neuron after neuron.
    """

    program: str
    data: str
    encoder: dict[str, Any]
    weights: str
    columns: int
    input_bits: int | None
    low: int
    high: int
    budget: NDArray[Any]
    sample: NDArray[Any]
    label: NDArray[Any]
    length: NDArray[Any]
    x: NDArray[Any]
    verdict: NDArray[Any]
    method: NDArray[Any]
    margin: NDArray[Any]
    counter: NDArray[Any]
    counter_at: NDArray[Any]
    table_count: NDArray[Any]
    table_start: NDArray[Any]
    table_end: NDArray[Any]
    table_train: NDArray[Any]


def known(program: Program) -> bool:
    """Whether certificates may speak of intervals in ``program``.

    They do of `CubaLif` and `Integrator` with decays from 0 to 4096, over connections without
    delays.
    """
    neurons = (p.neuron for p in program.populations)
    return all(_known(neuron) for neuron in neurons) and not any(
        c.synapse.max_delay for c in program.connections
    )


def _known(neuron: Neuron) -> bool:
    if type(neuron) not in (CubaLif, Integrator):
        return False
    decays = neuron.having("decay").values()
    return all(bool(((d >= 0) & (d <= DECAY_ONE)).all()) for d in decays)
