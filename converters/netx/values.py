"""Numbers of a NetX file as netx takes them: truncated, broadcast and turned to C,H,W order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import FormatError, ProgramError
from neurodeploy.fixedpoint import IntArray
from neurodeploy.record import INT32_MAX, INT32_MIN

Note = Callable[[str], None]
"""Takes one warning, a line that begins with the item it is about."""
Shape = tuple[int, ...]


@contextmanager
def from_file(where: str) -> Iterator[None]:
    """Say of the item ``where`` of the file what a record has against its values."""
    try:
        yield
    except ProgramError as error:
        raise FormatError(f"{where}: {error}") from error


def truncated(array: NDArray[Any], where: str, note: Note) -> IntArray:
    """Return whole numbers as ``astype(int)`` gives them: truncated toward zero, 1.7 to 1.

    Raises FormatError for NaN, infinities and numbers beyond 32 bits.
    """
    _check_finite(array, where)
    whole = np.trunc(array) if array.dtype.kind == "f" else array
    fractions = np.count_nonzero(whole != array)
    if fractions:
        first = array[whole != array].reshape(-1)[0] if array.ndim else array
        note(
            f"{where}: {fractions} of {array.size} values are not whole, Lava truncates them "
            f"toward zero ({float(first):.6g} becomes {int(np.trunc(first))})"
        )
    return _int64(whole, where)


def exact(array: NDArray[Any], where: str, why: str) -> IntArray:
    """Return whole numbers of any type; ``why`` says what a fraction would have meant.

    Raises FormatError for fractions, NaN, infinities and numbers beyond 32 bits.
    """
    _check_finite(array, where)
    if array.dtype.kind == "f" and np.any(np.trunc(array) != array):
        raise FormatError(f"{where}: holds {_first_fraction(array):.6g}, {why}")
    return _int64(array, where)


def stored_as_integers(array: NDArray[Any], where: str) -> IntArray:
    """Return numbers that Lava shifts or uses as sizes, and which a float type would break."""
    return _int64(as_stored_integers(array, where), where)


def as_stored_integers(array: NDArray[Any], where: str) -> NDArray[Any]:
    """Return the same in the integer type of the file, whatever the values."""
    if array.dtype.kind == "f":
        raise FormatError(
            f"{where}: is stored as {array.dtype}, Lava stops at a float here; store it as int64"
        )
    return array.astype(np.int8) if array.dtype.kind == "b" else array


def _check_finite(array: NDArray[Any], where: str) -> None:
    if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
        bad = array[~np.isfinite(array)].reshape(-1)[0]
        raise FormatError(f"{where}: holds {bad}, expected finite numbers")


def _int64(array: NDArray[Any], where: str) -> IntArray:
    if array.size:
        low, high = array.min().item(), array.max().item()
        if low < INT32_MIN or high > INT32_MAX:
            outside = low if low < INT32_MIN else high
            raise FormatError(
                f"{where}: holds {outside:.10g}, allowed are {INT32_MIN} to {INT32_MAX}"
            )
    return np.asarray(array.astype(np.int64))


def _first_fraction(array: NDArray[Any]) -> float:
    return float(array[np.trunc(array) != array].reshape(-1)[0]) if array.ndim else float(array)


def one(array: IntArray, where: str) -> int:
    """Return the only value of an array of size 1."""
    if array.size != 1:
        raise FormatError(f"{where}: has shape {array.shape}, expected one number")
    return int(array.reshape(-1)[0])


def spread(array: IntArray, lava: Shape, shape: Shape, where: str) -> IntArray:
    """Broadcast a parameter as Lava does, and return it in the smallest shape that holds it.

    lava : shape of the neurons in Lava, (N,), (W, H) or (W, H, C), against which numpy's rule
        applies, so that ``(C,)`` acts per channel. shape : the same neurons as (N,) or (C, H, W).
    """
    padded = (1,) * (len(lava) - array.ndim) + array.shape
    if len(padded) > len(lava) or any(
        n not in (1, size) for n, size in zip(padded, lava, strict=True)
    ):
        raise FormatError(f"{where}: has shape {array.shape}, which does not fit {lava} neurons")
    turned = array.reshape(padded).T
    turned = turned.reshape((1,) * (len(shape) - turned.ndim) + turned.shape)
    if len(shape) == 3 and turned.shape[1:] != (1, 1):
        turned = np.broadcast_to(turned, shape)
    return compact(turned)


def compact(array: IntArray) -> IntArray:
    """Return the parameter in the smallest shape that holds it: (), (C, 1, 1) or as it is."""
    if array.size and np.all(array == array.reshape(-1)[0]):
        return np.asarray(array.reshape(-1)[0])
    if array.ndim == 3 and np.all(array == array[:, :1, :1]):
        return np.asarray(array[:, :1, :1])
    return np.asarray(array)
