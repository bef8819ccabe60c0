"""What spikes make cores do, counted by class of neuron, from bits: compiled, and in numpy.

Neurons of one class are on one core and reach the same cores over as many synapses there; so what
every core does in a step is a sum over classes, of their spikes times a number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import EngineError
from neurodeploy.threads import workers

try:
    from neurodeploy.sim.native_module import _native
except EngineError:  # a checkout that was never built uses numpy
    AVAILABLE = False
else:
    AVAILABLE = True

Bits = NDArray[np.uint8]
Sums = NDArray[np.int64]


@dataclass(frozen=True)
class Changes:
    """What an event of each class adds to which columns.

    Entries ``starts[k]`` to ``starts[k + 1]`` are those of class k. starts : int64 ``(classes +
    1,)``. columns : int32, amounts : int64 ``(entries,)``.
    """

    starts: NDArray[np.int64]
    columns: NDArray[np.int32]
    amounts: NDArray[np.int64]

    @classmethod
    def of(cls, matrix: NDArray[np.int64], columns: NDArray[np.intp]) -> Changes:
        """Return what stands in a matrix ``(classes, columns)``, without its zeros."""
        rows, places = np.nonzero(matrix)
        starts = np.searchsorted(rows, np.arange(len(matrix) + 1)).astype(np.int64)
        return cls(starts, columns[places].astype(np.int32), matrix[rows, places].astype(np.int64))

    def matrix(self, width: int) -> NDArray[np.int64]:
        """Return the changes as a matrix ``(classes, width)``."""
        kinds = len(self.starts) - 1
        found = np.zeros((kinds, width), np.int64)
        rows = np.repeat(np.arange(kinds), np.diff(self.starts))
        np.add.at(found, (rows, self.columns), self.amounts)
        return found


def tally(
    bits: Bits,
    classes: NDArray[np.int32],
    changes: Changes,
    out: Sums,
    threads: int | None = None,
) -> None:
    """Add ``sum over set lanes l of matrix[classes[l]]`` to every row of ``out``.

    bits : uint8 ``(rows, bytes)``, bit ``l % 8`` of byte ``l // 8`` is lane l. classes : int32
    ``(8 * bytes,)``. out : int64 ``(rows, width)``, matrix that of ``changes``.
    """
    if not AVAILABLE:
        tally_reference(bits, classes, changes, out)
        return
    _native.tally(
        np.ascontiguousarray(bits),
        classes,
        changes.starts,
        changes.columns,
        changes.amounts,
        out,
        workers(threads),
    )


def tally_reference(bits: Bits, classes: NDArray[np.int32], changes: Changes, out: Sums) -> None:
    """Do the same, row by row."""
    matrix = changes.matrix(out.shape[1])
    for row, lanes in enumerate(np.unpackbits(bits, axis=1, bitorder="little")):
        events = np.bincount(classes[np.flatnonzero(lanes)], minlength=len(matrix))
        out[row] += events @ matrix
