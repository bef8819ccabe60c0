"""Exact sets of columns: what an encoder makes of all data within a box.

A `Reachable` set is a product. Its sites share the entries of the columns ``(columns, *shape)``
among them, each takes one of its rows independently of the others, and what belongs to no site is
0. For encoders that look at one value at a time a site is a value of the datum.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import OptionError

Integers = NDArray[Any]
Shape = tuple[int, ...]

MAX_ENUMERATED = 2**20
"""Most sets of columns that are listed one by one."""


class Site(ABC):
    """Entries of the columns that are chosen together.

    cells : int64 ``(n,)``, numbers of the entries, flat in the columns' C order.
    """

    cells: NDArray[np.int64]

    @property
    @abstractmethod
    def count(self) -> int:
        """Number of distinct rows."""

    @abstractmethod
    def rows(self) -> Iterator[Integers]:
        """Yield every row once, integers ``(n,)``."""

    @abstractmethod
    def holds(self, row: Integers) -> bool:
        """Whether ``row`` is one of the rows."""

    @property
    @abstractmethod
    def ends(self) -> tuple[Integers, Integers]:
        """Smallest and largest value of every entry, each ``(n,)``."""


@dataclass(frozen=True, eq=False)
class Choices(Site):
    """A site whose rows are listed. table : distinct rows ``(count, n)``, by rising datum."""

    cells: NDArray[np.int64]
    table: Integers

    @property
    def count(self) -> int:
        return len(self.table)

    def rows(self) -> Iterator[Integers]:
        yield from self.table

    def holds(self, row: Integers) -> bool:
        return bool((self.table == row).all(axis=1).any())

    @property
    def ends(self) -> tuple[Integers, Integers]:
        return self.table.min(axis=0), self.table.max(axis=0)


@dataclass(frozen=True, eq=False)
class Reachable:
    """Every set of columns that some datum of a box gives, and no other.

    shape : of the columns, ``(columns, *output_shape)``. sites : disjoint, see `Site`.
    """

    shape: Shape
    sites: tuple[Site, ...]

    @cached_property
    def count(self) -> int:
        """Number of distinct sets of columns."""
        return math.prod(site.count for site in self.sites)

    @cached_property
    def ends(self) -> tuple[Integers, Integers]:
        """Smallest and largest value of every entry, int32 ``(columns, *output_shape)`` each."""
        low, high = (np.zeros(math.prod(self.shape), np.int32) for _ in range(2))
        for site in self.sites:
            low[site.cells], high[site.cells] = site.ends
        return low.reshape(self.shape), high.reshape(self.shape)

    def holds(self, columns: Integers) -> bool:
        """Whether some datum of the box gives ``columns``, exactly."""
        if columns.shape != self.shape:
            return False
        flat = columns.reshape(-1).copy()
        for site in self.sites:
            if not site.holds(flat[site.cells]):
                return False
            flat[site.cells] = 0
        return not flat.any()

    def every(self, limit: int = MAX_ENUMERATED) -> Iterator[Integers]:
        """Yield each set of columns once, int32 ``(columns, *output_shape)``.

        Raises OptionError, before the first one, where there are more than ``limit``.
        """
        if self.count > limit:
            raise OptionError(
                f"the budget reaches {_amount(self.count)} sets of columns, at most {limit} are "
                "listed; take a smaller budget"
            )
        return self._every()

    def _every(self) -> Iterator[Integers]:
        for rows in product(*(list(site.rows()) for site in self.sites)):
            flat = np.zeros(math.prod(self.shape), np.int32)
            for site, row in zip(self.sites, rows, strict=True):
                flat[site.cells] = row
            yield flat.reshape(self.shape)


def distinct(table: Integers) -> Integers:
    """Return the different rows of ``table``, each where it stands first."""
    seen = {row.tobytes(): row for row in table[::-1]}
    return np.stack(list(seen.values())[::-1])


def _amount(count: int) -> str:
    return str(count) if count < 10**9 else f"about 10^{len(str(count)) - 1}"
