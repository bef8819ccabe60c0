"""Encoders in native code, equal to `reference` byte for byte.

The instruction set is the engine's: the fastest of this processor, or what ``NEURODEPLOY_ISA``
names. Whole samples go to threads, and nothing depends on their number. Data were checked before.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.encode.encoder import Call, Integers
from neurodeploy.errors import EngineError

try:  # the kernels are compiled together with the engine's, one floor above
    from neurodeploy.sim import _native
    from neurodeploy.sim.native import instruction_set
except (ImportError, EngineError):  # a checkout that was never built uses numpy
    AVAILABLE = False
else:
    AVAILABLE = True


def rate(x: Integers, call: Call, *, peak: int, seed: int) -> None:
    """Write the spikes of `reference.rate` into ``call.out``."""
    _native.encode_rate(
        _rows(x), call.index, call.steps, peak, seed, call.draw, call.flat, *_means(call)
    )


def latency(x: Integers, call: Call, *, peak: int) -> None:
    """Write the spikes of `reference.latency` into ``call.out``."""
    _native.encode_latency(_rows(x), call.steps, peak, call.flat, *_means(call))


def delta(x: Integers, call: Call, *, threshold: int) -> None:
    """Write the spikes of `reference.delta` into ``call.out``."""
    threads, _ = _means(call)
    values = np.ascontiguousarray(x, np.int64)
    _native.encode_delta(values, threshold, call.flat, threads)


def level(x: Integers, call: Call, *, peak: int, levels: int) -> None:
    """Write the spikes of `reference.level` into ``call.out``."""
    _native.encode_level(_rows(x), x.shape[2], peak, levels, call.flat, *_means(call))


def _rows(x: Integers) -> NDArray[np.int32]:
    """Return ``x`` as int32 ``(samples, size)``; checked data fit."""
    rows: NDArray[Any] = np.ascontiguousarray(x, np.int32)
    return rows.reshape(len(x), math.prod(x.shape[1:]))


def _means(call: Call) -> tuple[int, str]:
    """Return the number of threads and the instruction set."""
    return call.threads, instruction_set()
