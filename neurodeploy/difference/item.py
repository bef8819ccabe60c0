"""What differs, as records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ABSENT = "-"
"""Stands where one side has no such item."""


@dataclass(frozen=True)
class Item:
    """One thing that both sides may have, in words. where : the part it belongs to."""

    where: str
    name: str
    first: str
    second: str

    @property
    def same(self) -> bool:
        """Whether both sides say the same."""
        return self.first == self.second


@dataclass(frozen=True)
class Difference:
    """Everything that was compared. first, second : what was compared, as the user named it."""

    first: str
    second: str
    items: tuple[Item, ...]

    @property
    def differing(self) -> tuple[Item, ...]:
        """The items in which the two differ."""
        return tuple(item for item in self.items if not item.same)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "first": self.first,
            "second": self.second,
            "equal": not self.differing,
            "compared": len(self.items),
            "differing": [vars(item) for item in self.differing],
        }


def paired(where: str, first: dict[str, str], second: dict[str, str]) -> list[Item]:
    """Return an item for each name of either side, in their order."""
    names = [*first, *(name for name in second if name not in first)]
    return [Item(where, n, first.get(n, ABSENT), second.get(n, ABSENT)) for n in names]
