"""Which layer reads which: names become numbers, in the order of the layers.

Number 0 is the network's input, number k the k-th layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neurodeploy.errors import OptionError
from neurodeploy.train.pooling import SumPoolLayer
from neurodeploy.train.skips import Source

Shape = tuple[int, ...]
INPUT = "input"
"""Name of a network's input, and of the Program's."""


@dataclass(frozen=True)
class Node:
    """What may be read. pool : the layer that makes it where that is a pool."""

    number: int
    source: Source
    pool: SumPoolLayer | None = None

    @property
    def shape(self) -> Shape:
        """Shape of what is read."""
        return self.source.shape


class Nodes:
    """The input and the layers so far, by name, and who reads them."""

    def __init__(self, source: Source) -> None:
        self.latest = Node(0, source)
        self._named = {INPUT: self.latest}
        self._names = [INPUT]
        self._read = set[int]()
        self.wiring = list[tuple[int, ...]]()

    def of(self, name: str | None) -> Node:
        """Return the node of that name, the latest one for None; OptionError if there is none."""
        if name is None:
            return self.latest
        if name not in self._named:
            known = ", ".join(self._named)
            raise OptionError(f"source is {name!r}, expected an earlier layer: {known}")
        return self._named[name]

    def check_name(self, name: str | None) -> None:
        """Raise OptionError for a name that is taken."""
        if name in self._named:
            what = "that of the input" if name == INPUT else "that of another layer"
            raise OptionError(f"name {name!r} is {what}")

    def add(
        self,
        name: str | None,
        read: Sequence[Node],
        source: Source,
        pool: SumPoolLayer | None = None,
    ) -> None:
        """Add the next layer. read : what it reads; source : what its readers get."""
        numbers = tuple(node.number for node in read)
        for number in numbers:
            if numbers.count(number) > 1:
                raise OptionError(f"reads {self._names[number]} twice, expected one connection")
        self._read.update(numbers)
        self.wiring.append(numbers)
        self.latest = Node(len(self.wiring), source, pool)
        self._names.append(name or f"layer {len(self.wiring)}")
        if name is not None:
            self._named[name] = self.latest

    def check_read(self) -> None:
        """Raise OptionError for a layer, not the last one, that no other reads."""
        for number, name in enumerate(self._names[:-1]):
            if number not in self._read:
                raise OptionError(f"no layer reads {name}; name it in a source or a skip")
