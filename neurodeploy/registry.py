"""Registries: what a room knows, by name or by the type of a record, one entry for each thing.

A room that treats models differently has one `ByType` table instead of a chain of ifs; what users
choose by name (suites, formats, encoders, report parts) stands in a `ByName`. Both may be added to
from outside, which is how a new model or suite arrives.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Generic, TypeVar

from neurodeploy.errors import ModelError, NeurodeployError, OptionError, alike

T = TypeVar("T")

TABLES: list[ByType[Any]] = []
"""Every table by type that exists, in the order of import: a test checks what each one covers."""


class ByType(Mapping[type, T], Generic[T]):
    """One entry for each type of record.

    what : what an entry is, for messages, such as ``"dynamics"``. base : type whose concrete
    subclasses are to be covered. refusal : what to say where there is no entry, ``{name}`` stands
    for the type; ``"no dynamics for {name}"`` if left out. without : types that are known and left
    out on purpose.
    """

    def __init__(
        self,
        what: str,
        base: type,
        entries: Mapping[type, T],
        refusal: str | None = None,
        without: Collection[type] = (),
    ) -> None:
        self.what, self.base, self.without = what, base, frozenset(without)
        self.refusal = refusal or f"no {what} for {{name}}"
        self._entries: dict[type, T] = dict(entries)
        TABLES.append(self)

    def of(self, record: object) -> T:
        """Return the entry of the type of ``record``; ModelError where there is none."""
        try:
            return self._entries[type(record)]
        except KeyError:
            raise ModelError(self.refusal.format(name=type(record).__name__)) from None

    def add(self, kind: type, entry: T) -> None:
        """Add the entry of a type that has none."""
        if kind in self._entries:
            raise ValueError(f"{self.what} of {kind.__name__} is there already")
        self._entries[kind] = entry

    def remove(self, kind: type) -> None:
        """Take an entry out again."""
        del self._entries[kind]

    def __getitem__(self, kind: type) -> T:
        return self._entries[kind]

    def __iter__(self) -> Iterator[type]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


class ByName(Mapping[str, T], Generic[T]):
    """One entry for each name that a user may give, in the order in which they are offered.

    what : what an entry is, for messages, such as ``"suite"``. error : raised for another name.
    """

    def __init__(
        self, what: str, entries: Mapping[str, T], error: type[NeurodeployError] = OptionError
    ) -> None:
        self.what, self.error = what, error
        self._entries: dict[str, T] = dict(entries)

    def named(self, name: object) -> T:
        """Return the entry of that name; an error names those there are and the nearest."""
        if isinstance(name, str) and name in self._entries:
            return self._entries[name]
        known = ", ".join(self._entries)
        near = alike(str(name), self._entries)
        hint = f"; did you mean {near!r}?" if near else ""
        raise self.error(f"{self.what} is {name!r}, expected one of {known}{hint}")

    def add(self, name: str, entry: T) -> None:
        """Add the entry of a name that has none."""
        if name in self._entries:
            raise ValueError(f"{self.what} {name} is there already")
        self._entries[name] = entry

    def remove(self, name: str) -> None:
        """Take an entry out again."""
        del self._entries[name]

    def __getitem__(self, name: str) -> T:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
