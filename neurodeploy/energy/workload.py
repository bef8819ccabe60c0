"""What a network does in the terms of NeuroBench, whatever the chip.

Source: Yik et al. 2023, arXiv:2304.04640 (version 2 of the package); layers are connections.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.energy.counts import counted
from neurodeploy.program import Connection, Program
from neurodeploy.record import Record
from neurodeploy.sim.fanout import fan_out
from neurodeploy.trace import Activity


@dataclass(frozen=True)
class Workload:
    """Counts of one sample of ``steps`` columns, means over ``samples``.

    effective_acs : (event, weight other than 0) pairs of connections whose source sends binary
        events. effective_macs : the same of sources that send values. dense : weights, zeros
        included, that a source meets inside the border when all of it sends in every step.
    connection_sparsity : share of weights that are 0. activation_sparsity : share of neuron-steps
        in which nothing is sent. parameters : numbers held. stored_bits : each field of integers at
        the smallest width that holds all of it, bits that are 0 throughout left out.
    """

    samples: int
    steps: int
    effective_acs: float
    effective_macs: float
    dense: int
    connection_sparsity: float
    activation_sparsity: float
    parameters: int
    stored_bits: int


def workload(program: Program, activity: Activity) -> Workload:
    """Return the workload of ``program`` in a run with these counts.

    NeuroBench calls a layer's input binary by its values in each step; here the program says it, so
    that values that happen to be 0 and 1 alone stay multiply-accumulates.

    Raises InputError for the activity of another program, or one that holds no step.
    """
    counts = counted(program, activity, "nonzero")
    named = list(zip(program.connection_names, program.connections, strict=True))
    effective = {True: 0.0, False: 0.0}
    dense = zeros = weights = 0
    for index, (name, connection) in enumerate(named):
        effective[_is_binary(program, connection)] += float(activity.synops_nonzero[name].mean())
        dense += int(fan_out(program, index).taps.sum()) * activity.steps
        rows = connection.synapse.rows
        if rows is not None:
            weights += rows.size
            zeros += rows.size - int(np.count_nonzero(rows))
    fields = [array for record in _records(program) for array in _integers(record)]
    sends = [p for p in program.populations if p.neuron.sends]
    cells = sum(p.size for p in sends) * activity.steps
    sent = sum(float(activity.spikes[p.name].mean()) for p in sends)
    return Workload(
        samples=counts.samples,
        steps=activity.steps,
        effective_acs=effective[True],
        effective_macs=effective[False],
        dense=dense,
        connection_sparsity=zeros / weights if weights else 0.0,
        activation_sparsity=1.0 - sent / cells if cells else 0.0,
        parameters=sum(array.size for array in fields),
        stored_bits=sum(array.size * _width(array) for array in fields),
    )


def _is_binary(program: Program, connection: Connection) -> bool:
    """Whether the source of a connection sends events of one size."""
    graded = {node.name: bool(node.message_bits) for node in program.inputs}
    graded |= {population.name: population.neuron.graded for population in program.populations}
    return not graded[connection.source]


def _records(program: Program) -> list[Record]:
    return [
        *(connection.synapse for connection in program.connections),
        *(population.neuron for population in program.populations),
    ]


def _integers(record: Record) -> list[NDArray[np.int64]]:
    """Return the integer fields of a record that it states, those grown later at 0 left out."""
    found = []
    for name in record.roles:
        value = getattr(record, name)
        if isinstance(value, np.ndarray) and (name not in LATER or np.any(value)):
            found.append(value.astype(np.int64))
    return found


LATER = ("initial",)
"""Fields that are no number of a network while they are 0."""


def _width(values: NDArray[np.int64]) -> int:
    """Return the bits of the smallest integer that holds all values, signed if one is negative."""
    merged = int(np.bitwise_or.reduce(np.abs(values), axis=None))
    shared = (merged & -merged).bit_length() - 1 if merged else 0
    low, high = int(values.min()) >> shared, int(values.max()) >> shared
    bits = max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0)
    return bits + (low < 0)
