"""Whether the axes of data fit the input of a program; if not, what was expected, and the way out.

A sample fits when its columns have the input's shape, or as many values where one of both is flat.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.encode import Encoder
from neurodeploy.encode.columns import TWO_POLARITIES
from neurodeploy.errors import DataError
from neurodeploy.program import Input

Shape = tuple[int, ...]

TIME_LAST = "time is last: np.moveaxis(x, -1, 1)"
CHANNELS_LAST = "channels are last: np.moveaxis(x, -1, {axis})"
NO_CHANNEL = "the axis of channels is missing: np.expand_dims(x, {axis})"


def fits(shape: Shape, node: Shape) -> bool:
    """Whether columns of ``shape`` serve an input of shape ``node``."""
    if shape == node:
        return True
    flat = 1 in (len(shape), len(node)) and {len(shape), len(node)} <= {1, 3}
    return flat and math.prod(shape) == math.prod(node)


def check_layout(node: Input, shape: Shape, encoder: Encoder | None) -> None:
    """Raise DataError unless data of ``shape`` serve ``node``, encoded or (None) as columns."""
    sample = shape[1:]
    if encoder is None:
        if len(sample) < 2 or not fits(sample[1:], node.shape):
            raise DataError(_columns_message(node, sample))
        return
    if encoder.of_series:
        if len(sample) < 2 or not _gives(encoder, sample[1:], node.shape):
            raise DataError(_encoded_message(node, sample, encoder))
        if sample[0] != encoder.steps:
            raise DataError(
                f"{_begin(sample)} {sample[0]} steps, the encoder {encoder.kind} takes "
                f"{encoder.steps}"
            )
    elif not _gives(encoder, sample, node.shape):
        raise DataError(_encoded_message(node, sample, encoder))


def check_polarities(node: Input, x: NDArray[Any]) -> None:
    """Raise DataError for events -1, 0, 1 on a binary input, where -1 and 1 would be the same."""
    if x.size and int(x.min()) == -1 and int(x.max()) <= 1:
        count = int(np.count_nonzero(x < 0))
        raise DataError(
            f"x holds -1 ({count:,} times), input {node.name} takes binary events; {TWO_POLARITIES}"
        )


def _gives(encoder: Encoder, shape: Shape, node: Shape) -> bool:
    return bool(shape) and fits(encoder.output_shape(shape), node)


def _columns_message(node: Input, sample: Shape) -> str:
    """Say what columns the program takes, and what a sample of another shape may be instead."""
    takes = f"input {node.name} of this program takes columns {_text('steps', *node.shape)}"
    begins = f"{_begin(sample)} {takes}"
    if fits(sample, node.shape):
        return (
            f"{begins}; the metadata name no encoder: give one for still samples, such as "
            "rate:steps=16, or give the columns"
        )
    if len(sample) > 1 and fits(sample[:-1], node.shape):
        return f"{begins}; {TIME_LAST}"
    if len(sample) == 4 and (sample[3], *sample[1:3]) == node.shape:
        return f"{begins}; {CHANNELS_LAST.format(axis=2)}"
    if len(sample) == 3 and (1, *sample[1:]) == node.shape:
        return f"{begins}; {NO_CHANNEL.format(axis=2)}"
    return f"{begins}, or with an encoder still samples {node.shape}"


def _encoded_message(node: Input, sample: Shape, encoder: Encoder) -> str:
    """Say what the encoder takes for this program, and what another sample may be instead."""
    lines = math.prod(encoder.output_shape((1,)))
    wanted = node.shape if lines == 1 else (node.size // lines,)
    begins = f"{_begin(sample)} encoder {encoder.kind} and input {node.name} of this program"
    if node.size % lines:
        return f"{begins} do not fit: {node.size} lines are no multiple of {lines}"
    if encoder.of_series:
        begins = f"{begins} take series {(encoder.steps, *wanted)}"
        last = len(sample) > 1 and _gives(encoder, sample[:-1], node.shape)
        return f"{begins}; {TIME_LAST}" if last else begins
    begins = f"{begins} take still samples {wanted}"
    if len(sample) == 3 and (sample[2], *sample[:2]) == node.shape:
        return f"{begins}; {CHANNELS_LAST.format(axis=1)}"
    if len(sample) == 2 and (1, *sample) == node.shape:
        return f"{begins}; {NO_CHANNEL.format(axis=1)}"
    if len(sample) > 1 and fits(sample[1:], node.shape):
        return f"{begins}; for data that are columns the encoder is columns"
    return begins


def _begin(sample: Shape) -> str:
    return f"a sample of x has shape {sample},"


def _text(*sizes: int | str) -> str:
    return f"({', '.join(map(str, sizes))})"
