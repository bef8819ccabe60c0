"""Spikes counted by class of neuron, from bits: compiled, and in numpy for comparison.

Neurons of one class are on one core and reach the same cores over as many synapses there; so what
every core does in a step is a sum over classes, of their spikes times a number.
"""

from __future__ import annotations

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
Sums = NDArray[np.uint32]


def tally(bits: Bits, classes: NDArray[np.int32], kinds: int, threads: int | None = None) -> Sums:
    """Return ``sums[row, k] = number of lanes of class k that are set in a row of bits``.

    bits : uint8 ``(rows, bytes)``, bit ``l % 8`` of byte ``l // 8`` is lane l. classes : int32
    ``(8 * bytes,)``, from 0 to kinds - 1. Returns uint32 ``(rows, kinds)``.
    """
    if not AVAILABLE:
        return tally_reference(bits, classes, kinds)
    sums = np.empty((len(bits), kinds), np.uint32)
    _native.tally(np.ascontiguousarray(bits), classes, sums, workers(threads))
    return sums


def tally_reference(bits: Bits, classes: NDArray[np.int32], kinds: int) -> Sums:
    """Return the same, row by row."""
    sums = np.zeros((len(bits), kinds), np.uint32)
    for row, lanes in enumerate(np.unpackbits(bits, axis=1, bitorder="little")):
        sums[row] = np.bincount(classes[np.flatnonzero(lanes)], minlength=kinds)
    return sums
