"""What all records share: integer arrays that are copied in, checked and made read-only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurodeploy.errors import ProgramError
from neurodeploy.frozen import read_only

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1

ARRAY_TYPES = (np.dtype(np.int32), np.dtype(np.int8))
"""Data types of the arrays that records hold."""
PLAIN_TYPES: tuple[type[Any], ...] = (str, bool, int)
"""Types of their other values, alone or in tuples; any of them may be None. A bool is no int."""

Integers = Any
"""A field given as anything array-like of integers, and stored as a read-only int32 array."""
Pair = Any
"""A field given as one int or (height, width), and stored as a pair of ints."""


Kind = Literal[
    "decay",
    "threshold",
    "bias",
    "initial",
    "gain",
    "adaptation",
    "mode",
    "weight",
    "delay",
    "geometry",
]
"""What a field of a neuron or synapse is for."""


@dataclass(frozen=True)
class Role:
    """What a field is for, in which unit, and how many numbers it holds.

    kind : what it does in the model. unit : what a value of 1 stands for. per : ``"neuron"`` (one
    number for all, one per channel or one per neuron), ``"step"`` (its first axis is the step of
    the sample), ``"synapse"``, or ``"setting"`` (one value for all).
    """

    kind: Kind
    unit: str
    per: Literal["neuron", "step", "synapse", "setting"] = "neuron"


_GROWN = "grown"


def grown(default: Any) -> Any:
    """Declare a field that a record gained later, by keyword only.

    While it holds ``default`` it is neither hashed nor stored, so that digests and files of what
    existed before stay as they are.
    """
    return field(default=default, kw_only=True, metadata={_GROWN: True})


def is_grown(entry: Field[Any]) -> bool:
    """Whether a field was declared by `grown`: a file may lack it."""
    return _GROWN in entry.metadata


def told_fields(record: Record) -> Iterator[tuple[str, Any]]:
    """Yield (name, value) of the fields that are hashed and stored, in order of declaration."""
    for entry in fields(record):
        value = getattr(record, entry.name)
        if not (is_grown(entry) and _is_default(value, entry)):
            yield entry.name, value


def _is_default(value: Any, entry: Field[Any]) -> bool:
    """An array counts as its default where all of its values do, whatever its shape."""
    return entry.default is not MISSING and bool(np.all(value == entry.default))


def integers(
    name: str,
    value: ArrayLike,
    low: int = INT32_MIN,
    high: int = INT32_MAX,
    dtype: type[np.signedinteger[Any]] = np.int32,
) -> NDArray[Any]:
    """Copy ``value`` into a C-contiguous read-only array of ``dtype``, checked against [low, high].

    Whole-valued floats are refused like any other: rounding is the caller's decision.

    Raises ProgramError for floats, NaN, ragged or complex values and for values out of range.
    """
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError) as error:
        raise ProgramError(f"{name} is not a regular array of integers") from error
    if array.dtype.kind not in "iub":
        raise ProgramError(
            f"{name} has dtype {array.dtype}, expected integers; round the values first"
        )
    if array.size:
        smallest, largest = int(array.min()), int(array.max())
        if smallest < low or largest > high:
            value_outside = smallest if smallest < low else largest
            raise ProgramError(f"{name} holds {value_outside}, allowed are {low} to {high}")
    return read_only(np.array(array, dtype=dtype, order="C", copy=True))


def whole(name: str, value: object, low: int, high: int = INT32_MAX) -> int:
    """Return ``value`` as an int in [low, high], or raise ProgramError."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ProgramError(f"{name} is {value!r}, expected a whole number")
    if not low <= int(value) <= high:
        raise ProgramError(f"{name} is {int(value)}, allowed are {low} to {high}")
    return int(value)


def pair(name: str, value: object, low: int) -> tuple[int, int]:
    """Return a (height, width) pair of ints >= low; one number stands for both."""
    items = value if isinstance(value, (tuple, list, np.ndarray)) else (value, value)
    if len(items) != 2:
        raise ProgramError(f"{name} has {len(items)} entries, expected (height, width)")
    return whole(name, items[0], low), whole(name, items[1], low)


def canonical(value: object) -> Iterator[bytes]:
    """Yield the bytes of a record in a fixed order: class and field names, little-endian int32.

    Raises TypeError for a value of another kind than records are made of.
    """
    if isinstance(value, np.ndarray):
        if value.dtype not in ARRAY_TYPES:
            raise TypeError(
                f"an array of {value.dtype} has no canonical bytes, only int32 and int8"
            )
        yield f"array{value.shape}".encode()
        yield np.ascontiguousarray(value, dtype="<i4").tobytes()
    elif isinstance(value, tuple):
        yield f"tuple{len(value)}".encode()
        for item in value:
            yield from canonical(item)
    elif isinstance(value, Record):
        yield type(value).__name__.encode()
        for name, content in told_fields(value):
            yield f".{name}=".encode()
            yield from canonical(content)
    elif value is None:
        yield b"NoneType:None;"
    else:
        kind = plain_type(value)
        if kind is None:
            raise TypeError(f"{type(value).__name__} {value!r} has no canonical bytes")
        yield f"{kind.__name__}:{kind(value)!r};".encode()


def plain_type(value: object) -> type[Any] | None:
    """Return which of `PLAIN_TYPES` a value is, numpy's strings being texts; None for no one."""
    return next((kind for kind in PLAIN_TYPES if isinstance(value, kind)), None)


def digest(value: object) -> str:
    """Return the SHA-256 of the canonical bytes of ``value``, as 64 hexadecimal digits."""
    hasher = hashlib.sha256()
    for chunk in canonical(value):
        hasher.update(chunk)
    return hasher.hexdigest()


RecordT = TypeVar("RecordT", bound="Record")


class Record:
    """A frozen dataclass whose equality and hash go by its canonical bytes.

    It pickles: the fields travel, what was computed from them does not, and arrays arrive
    read-only. A copy of a record, deep or not, is the record itself.

    roles : of the fields of a neuron or synapse, all of them.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    roles: ClassVar[Mapping[str, Role]] = {}

    def check_roles(self) -> None:
        """Raise ProgramError unless every field has a role."""
        for entry in fields(self):
            if entry.name not in self.roles:
                raise ProgramError(f"{type(self).__name__}: field {entry.name} has no role")

    def having(self, *kinds: Kind) -> dict[str, Any]:
        """Return the fields whose role is one of ``kinds``, by name, in order of declaration."""
        names = [entry.name for entry in fields(self)]
        return {name: getattr(self, name) for name in names if self.roles[name].kind in kinds}

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical bytes, as 64 hexadecimal digits."""
        return digest(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record) or type(other) is not type(self):
            return NotImplemented
        return self.digest == other.digest

    def __hash__(self) -> int:
        return int(self.digest[:16], 16)

    def __copy__(self: RecordT) -> RecordT:
        return self

    def __deepcopy__(self: RecordT, memo: dict[int, Any]) -> RecordT:
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            self._set(name, read_only(value) if isinstance(value, np.ndarray) else value)

    def _set(self, name: str, value: object) -> None:
        """Store a checked value during construction of the frozen record."""
        object.__setattr__(self, name, value)
