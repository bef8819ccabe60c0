"""Values that stay as they are, also when they travel: between processes and through copies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from numpy.typing import NDArray

K = TypeVar("K")
V = TypeVar("V")


class FrozenMapping(Mapping[K, V]):
    """A mapping that cannot be changed, and that pickles and copies.

    It is equal to any mapping of the same items, and is hashed where all of its values are.
    """

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[K, V] | None = None) -> None:
        self._items: dict[K, V] = dict(items or {})

    def __getitem__(self, key: K) -> V:
        return self._items[key]

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __iter__(self) -> Iterator[K]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._items!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._items,)


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Make ``array`` itself read-only and return it."""
    array.flags.writeable = False
    return array
