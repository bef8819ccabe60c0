"""NetX weights, delays and convolution geometry, and the synapse records they stand for.

Source: lava-dl 0.6.0, `Network.create_dense` and `Network.create_conv`; lava-nc 0.10.0,
`lava.proc.dense`, `lava.proc.conv`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.conditioning import Group, NothingToCondition, condition, examine, fits_8_bits
from neurodeploy.converters.netx.source import RawLayer
from neurodeploy.converters.netx.values import (
    Note,
    Shape,
    from_file,
    one,
    stored_as_integers,
    truncated,
)
from neurodeploy.errors import FormatError
from neurodeploy.fixedpoint import MAX_DELAY_STEPS, IntArray
from neurodeploy.synapse import Conv2d, Dense

INT8_MAX = 127
"""Lava keeps stride, padding, dilation, kernel size and groups as 8-bit integers."""
MAX_SIZE = 2**24
"""Most neurons of one layer, more than a chip holds."""


def read_shape(layer: RawLayer) -> Shape:
    """Return ``shape`` as written: (C, H, W), (N,), (N, 1, 1) or (H, W)."""
    where = f"{layer.where}/shape"
    stored = stored_as_integers(layer.array("shape"), where)
    if stored.ndim > 1 or (stored.ndim == 0 and "dense" not in layer.kind) or stored.size > 4:
        raise FormatError(f"{where}: has shape {stored.shape}, expected one to three sizes")
    shape = tuple(int(size) for size in np.atleast_1d(stored))
    if not shape or min(shape) < 1 or math.prod(shape) > MAX_SIZE:
        raise FormatError(
            f"{where}: is {shape}, expected sizes above 0, at most {MAX_SIZE} neurons"
        )
    return shape


def read_weight(layer: RawLayer, key: str, rows: int, note: Note) -> IntArray:
    """Return a dense matrix ``(rows, columns)``; a stored row of numbers is cut into ``rows``."""
    where = f"{layer.where}/{key}"
    weight = truncated(layer.array(key), where, note)
    if weight.ndim == 1 and weight.size and weight.size % rows == 0:
        weight = weight.reshape(rows, -1)
    if weight.ndim != 2 or weight.shape[0] != rows or weight.shape[1] == 0:
        raise FormatError(f"{where}: has shape {weight.shape}, expected ({rows}, inputs)")
    return weight


def read_delay(
    layer: RawLayer, weight: IntArray, note: Note, key: str = "delay"
) -> IntArray | None:
    """Return delays in steps as (out, 1), (1, in) or (out, in), the smallest that holds them.

    A vector is compared with the outputs first, then with the inputs. Values above 62 are clipped,
    fractions are cut off.
    """
    if key not in layer.values:
        return None
    where = f"{layer.where}/{key}"
    delay = layer.values[key]
    if not np.all(np.isfinite(delay)) or delay.size == 0:
        raise FormatError(f"{where}: is empty or not finite, expected 0 to {MAX_DELAY_STEPS}")
    if delay.max() > MAX_DELAY_STEPS:
        note(f"{where}: holds {delay.max():g}, Lava clips delays to 0 to {MAX_DELAY_STEPS}")
        delay = np.clip(delay, 0, MAX_DELAY_STEPS)
    delay = truncated(delay, where, note)
    if delay.min() < 0:
        raise FormatError(f"{where}: holds {delay.min()}, allowed are 0 to {MAX_DELAY_STEPS}")
    return compact_delay(_full_delay(delay, weight.shape, where))


def _full_delay(delay: IntArray, shape: tuple[int, ...], where: str) -> IntArray:
    if delay.ndim == 1 and delay.size == shape[0]:
        return np.broadcast_to(delay[:, None], shape)
    if delay.ndim == 1 and delay.size == shape[1]:
        return np.broadcast_to(delay[None], shape)
    if delay.ndim == 0 or delay.shape == shape:
        return np.broadcast_to(delay, shape)
    raise FormatError(
        f"{where}: has shape {delay.shape}, expected (), ({shape[0]},), ({shape[1]},) or {shape}"
    )


def compact_delay(delay: IntArray) -> IntArray | None:
    """Return a full delay matrix in the smallest shape that holds it; None without delays."""
    if not delay.any():
        return None
    if np.all(delay == delay[:, :1]):
        return np.asarray(delay[:, :1])
    return np.asarray(delay[:1] if np.all(delay == delay[:1]) else delay)


def read_dense(layer: RawLayer, rows: int, note: Note) -> Dense:
    """Return the synapse of a plain dense layer."""
    weight = read_weight(layer, "weight", rows, note)
    with from_file(layer.where):
        return Dense(weight, read_delay(layer, weight, note))


def read_recurrent(layer: RawLayer, rows: int, note: Note) -> tuple[Dense, Dense]:
    """Return the forward and the recurrent synapse of a ``dense_rec`` layer."""
    for key in ("weight", "weight_rec"):
        if layer.array(key).ndim != layer.array("weight").ndim:
            raise FormatError(f"{layer.where}: weight and weight_rec differ in their axes")
    weight = read_weight(layer, "weight", rows, note)
    own = read_weight(layer, "weight_rec", rows, note)
    if own.shape != (rows, rows):
        raise FormatError(
            f"{layer.where}/weight_rec: has shape {own.shape}, expected ({rows}, {rows})"
        )
    delay = read_delay(layer, weight, note)
    if "delay_rec" in layer.values:
        note(
            f"{layer.where}/delay_rec: is not known to Lava, which gives both matrices the delays "
            "of 'delay'; read as the delays of the recurrent weights"
        )
        with from_file(layer.where):
            return Dense(weight, delay), Dense(own, read_delay(layer, own, note, "delay_rec"))
    if "delay" in layer.values:
        weight, own = _without_exponent(layer, weight, own, note)
    with from_file(layer.where):
        return Dense(weight, delay), Dense(own, delay)


def _without_exponent(
    layer: RawLayer, weight: IntArray, own: IntArray, note: Note
) -> tuple[IntArray, IntArray]:
    """Weights that a ``dense_rec`` layer with delays runs: Lava forgets to shift back.

    They are stored as Lava multiplies them, which conditioning must not change once more.
    """
    where = f"{layer.where}/delay"
    if weight.shape != own.shape:
        raise FormatError(
            f"{where}: is set on dense_rec with {weight.shape[1]} inputs and {own.shape[1]} "
            "neurons, where Lava stops; only equal numbers load"
        )
    first = run_as([weight, own], layer.where).conditioned
    run = [part.weight for part in first]
    again = condition(run) if any(part.any() for part in run) else list(first)
    if any(b.shift or np.any(b.weight != a) for a, b in zip(run, again, strict=True)):
        raise FormatError(
            f"{where}: is set on dense_rec, where Lava drops the exponent of the weights in a way "
            "that no Program can hold; remove the delays"
        )
    if first[0].shift:
        note(
            f"{where}: is set on dense_rec, where Lava drops the exponent of the weights: all act "
            f"{2 ** first[0].shift} times larger, and are read so"
        )
    return run[0], run[1]


def note_conditioning(layer: RawLayer, synapses: Mapping[str, Dense], note: Note) -> None:
    """Note for which weights of one group, by key, Lava's conditioning is not the plain product."""
    matrices = [synapse.weight.astype(np.int64) for synapse in synapses.values()]
    group = run_as(matrices, f"{layer.where}/{next(iter(synapses))}")
    for key, change in zip(synapses, group.changes, strict=True):
        if change is not None:
            note(
                f"{layer.where}/{key}: {change}; weights 'lava' reproduces it, "
                "'exact' runs what is stored"
            )


def run_as(matrices: list[IntArray], where: str) -> Group:
    """Condition the dense matrices of one layer, or refuse them where Lava cannot load them."""
    try:
        return examine(matrices)
    except NothingToCondition as error:
        raise FormatError(f"{where}: {error}") from error


def read_complex(layer: RawLayer, rows: int, note: Note) -> tuple[Dense, Dense]:
    """Return the real and the imaginary synapse of a dense layer of resonators."""
    for key in ("weight/real", "weight/imag"):
        if layer.array(key).ndim != layer.array("weight/real").ndim:
            raise FormatError(f"{layer.where}: weight/real and weight/imag differ in their axes")
    for key in ("bias", "delay", "weight_rec"):
        if key in layer.values:
            note(f"{layer.where}/{key}: is ignored by Lava in a layer of resonators")
    real, imag = (
        Dense(read_weight(layer, key, rows, note)) for key in ("weight/real", "weight/imag")
    )
    if real.weight.shape != imag.weight.shape:
        raise FormatError(
            f"{layer.where}/weight/imag: has shape {imag.weight.shape}, weight/real has "
            f"{real.weight.shape}"
        )
    return real, imag


def read_conv(layer: RawLayer, channels: int, note: Note) -> Conv2d:
    """Return the synapse of a convolution over ``channels`` input channels.

    Trailing axes of length 1 are dropped, and kernel slices beyond ``channels / groups``, which
    Lava never reads.
    """
    groups = one(stored_as_integers(layer.array("groups"), f"{layer.where}/groups"), layer.where)
    _check_int8(f"{layer.where}/groups", groups, 1)
    where = f"{layer.where}/weight"
    weight = truncated(layer.array("weight"), where, note)
    if weight.ndim < 4 or weight.shape[4:].count(1) != weight.ndim - 4 or weight.size == 0:
        raise FormatError(f"{where}: has shape {weight.shape}, expected (Cout, Cin/groups, kH, kW)")
    kernel_shape: tuple[int, ...] = weight.shape[:4]
    weight = weight.reshape(kernel_shape)
    if channels % groups or weight.shape[0] % groups:
        raise FormatError(
            f"{layer.where}/groups: is {groups}, which does not divide {channels} input and "
            f"{weight.shape[0]} output channels"
        )
    used = channels // groups
    if weight.shape[1] < used:
        raise FormatError(
            f"{where}: has {weight.shape[1]} input channels per group, {channels} channels in "
            f"{groups} groups need {used}"
        )
    if weight.shape[1] > used:
        note(
            f"{where}: has {weight.shape[1]} input channels per group, Lava reads the first {used}"
        )
    weight = weight[:, :used]
    if not fits_8_bits(weight):
        note(
            f"{where}: spans {weight.min()} to {weight.max()}, more than 8 bits; Lava's CPU model "
            "runs it, a chip does not"
        )
    for size in weight.shape[2:]:
        _check_int8(f"{where} kernel size", size, 1)
    with from_file(layer.where):
        return Conv2d(
            weight,
            read_pair(layer, "stride", 1),
            read_pair(layer, "padding", 0),
            read_pair(layer, "dilation", 1),
            groups,
        )


def read_pair(layer: RawLayer, key: str, low: int) -> tuple[int, int]:
    """Return (height, width) from a pair or one number."""
    where = f"{layer.where}/{key}"
    stored: NDArray[Any] = stored_as_integers(layer.array(key), where)
    if stored.shape not in ((), (2,)):
        raise FormatError(f"{where}: has shape {stored.shape}, expected () or (height, width)")
    height, width = (int(value) for value in np.broadcast_to(stored, (2,)))
    for value in (height, width):
        _check_int8(where, value, low)
    return height, width


def _check_int8(where: str, value: int, low: int) -> None:
    if not low <= value <= INT8_MAX:
        raise FormatError(f"{where}: is {value}, allowed are {low} to {INT8_MAX} (Lava has 8 bits)")
