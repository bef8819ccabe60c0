"""Where every neuron of a program goes, and what each core holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from neurodeploy.errors import PlacementError
from neurodeploy.frozen import FrozenMapping
from neurodeploy.placement.box import Box, as_maps

MODEL = (
    "Limits are counted as the profile states them; no compiler of the chip's maker was run, and "
    "what it refuses is known only as far as the profile's sources tell."
)


@dataclass(frozen=True)
class Slice:
    """Neurons of one population on one core.

    core : number of the core over all chips, chip * cores of a chip + place on the chip.
    """

    population: str
    box: Box
    core: int
    chip: int

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return self.box.size


@dataclass(frozen=True)
class Core:
    """One core in use.

    tile : (column, row) of its tile on the chip's mesh, None without one. used : what it takes of
    every resource that the chip limits, and neurons, in_axons and out_axons in any case. binding :
    the limit that it fills most, utilisation : how far, 0 to 1.
    """

    index: int
    chip: int
    tile: tuple[int, int] | None
    used: Mapping[str, int]
    binding: str
    utilisation: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "used", FrozenMapping(self.used))


@dataclass(frozen=True)
class LayerCores:
    """One population over its cores.

    cores : how many hold some of it. most : neurons of its largest slice. bound : no placement
    within the limits has fewer. binding : the limit that asks for most cores, "" where one core
    would hold it all; utilisation : mean over its cores of how far the fullest limit is used.
    shared : cores that other populations use as well.
    """

    population: str
    shape: tuple[int, ...]
    neurons: int
    cores: int
    most: int
    bound: int
    binding: str
    utilisation: float
    shared: int = 0


@dataclass(frozen=True)
class Placement:
    """A program on the cores of a chip.

    digest : of the program. method : ``"optimised"`` or ``"naive"``. bound : no placement within
    the limits has fewer cores. chips : in use. chip_cores : usable cores of a chip, None where the
    profile does not say. messages : pairs of a sending neuron and a core that it reaches.
    hops : mean links from a sending neuron to a core that it reaches, all neurons alike, and
    hops_naive with the cores numbered row by row; None without a mesh.
    """

    digest: str
    profile: str
    profile_version: str
    method: str
    slices: tuple[Slice, ...]
    cores: tuple[Core, ...]
    layers: tuple[LayerCores, ...]
    limits: Mapping[str, int]
    bound: int
    chips: int
    chip_cores: int | None
    mesh: tuple[int, int] | None
    cores_per_tile: int
    messages: int
    hops: float | None
    hops_naive: float | None
    notes: tuple[str, ...] = ()
    model: str = MODEL

    def __post_init__(self) -> None:
        object.__setattr__(self, "limits", FrozenMapping(self.limits))
        known = {core.index for core in self.cores}
        for layer in self.layers:
            held = np.zeros(as_maps(layer.shape), np.uint8)
            for piece in self.of(layer.population):
                held[piece.box.slices] += 1
                if piece.core not in known:
                    raise PlacementError(f"slice of {piece.population}: no core {piece.core}")
            if np.any(held != 1):
                wrong = int(np.count_nonzero(held != 1))
                raise PlacementError(
                    f"population {layer.population}: {wrong} neurons are on no core or on several"
                )

    @property
    def gap(self) -> float:
        """Cores above the lower bound, as a share of it."""
        return len(self.cores) / self.bound - 1.0

    @property
    def utilisation(self) -> float:
        """Mean over the cores of how far the fullest limit of each is used."""
        return float(np.mean([core.utilisation for core in self.cores]))

    @property
    def tiles(self) -> int:
        """Tiles in use."""
        return len({(core.chip, core.index // self.cores_per_tile) for core in self.cores})

    def of(self, population: str) -> tuple[Slice, ...]:
        """Return the slices of a population."""
        return tuple(piece for piece in self.slices if piece.population == population)

    def to_dict(self) -> dict[str, Any]:
        """Return the placement as plain dicts, lists, text and numbers, ready for JSON."""
        plain: dict[str, Any] = _plain(self)
        return {**plain, "gap": self.gap, "utilisation": self.utilisation, "tiles": self.tiles}

    def table(self, width: int = 80) -> str:
        """Return the placement as text of at most ``width`` columns; prints well as it is."""
        from neurodeploy.placement.table import text

        return text(self, width)


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value
