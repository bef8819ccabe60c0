"""Cores in their places on chips, and the record of it all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neurodeploy.errors import PlacementError
from neurodeploy.placement.bound import Bounds
from neurodeploy.placement.cut import binding
from neurodeploy.placement.fabric import RESOURCES, Fabric
from neurodeploy.placement.layer import Layer
from neurodeploy.placement.mesh import Places, improved, links_taken, tile_of, walk
from neurodeploy.placement.pack import Piece
from neurodeploy.placement.reach import Links, links
from neurodeploy.placement.record import Core, LayerCores, Placement, Slice
from neurodeploy.program import Program

if TYPE_CHECKING:
    from neurodeploy.profile import ChipProfile


@dataclass(frozen=True)
class _Seats:
    """Chip and place of every core; links of all messages within chips, None without a mesh.

    cores : of a chip.
    """

    chip: Places
    place: Places
    cores: int
    hops: int | None
    hops_naive: int | None

    def at(self, k: int) -> tuple[int, int, int]:
        """Return number, chip and place of core k."""
        chip, place = int(self.chip[k]), int(self.place[k])
        return chip * self.cores + place, chip, place


def recorded(
    program: Program,
    profile: ChipProfile,
    fabric: Fabric,
    layers: Mapping[str, Layer],
    held: Sequence[Sequence[Piece]],
    method: str,
    bounds: Bounds,
    places: Places | None = None,
) -> Placement:
    """Return the record of these pieces on cores; ``places`` where they are given already.

    Raises PlacementError where there are fewer cores than that.
    """
    found = links(
        program, [[(p.population, p.box) for p in pieces] for pieces in held], fabric.multicast
    )
    seats = _seated(fabric, found, method, len(held), places)
    cores = tuple(
        _core(fabric, layers, pieces, (int(found.arriving[k]), int(found.leaving[k])), seats.at(k))
        for k, pieces in enumerate(held)
    )
    within = int(found.pairs[seats.chip[:, None] == seats.chip].sum())
    share = max(within, 1)
    return Placement(
        digest=program.digest,
        profile=profile.name,
        profile_version=profile.identity.profile_version,
        method=method,
        slices=tuple(_slices(held, seats)),
        cores=tuple(sorted(cores, key=lambda core: core.index)),
        layers=tuple(_layers(layers, fabric, held, cores, bounds)),
        limits=fabric.limits,
        bound=bounds.total,
        chips=int(seats.chip.max()) + 1,
        chip_cores=fabric.cores,
        mesh=fabric.mesh,
        cores_per_tile=fabric.cores_per_tile,
        messages=int(found.pairs.sum()),
        hops=None if seats.hops is None else seats.hops / share,
        hops_naive=None if seats.hops_naive is None else seats.hops_naive / share,
        notes=tuple(_notes(fabric, layers, seats)),
    )


def _seated(fabric: Fabric, found: Links, method: str, count: int, places: Places | None) -> _Seats:
    per_chip = fabric.cores or count
    chips = -(-count // per_chip)
    if fabric.chips is not None and chips > fabric.chips:
        raise PlacementError(
            f"{count} cores are needed, {fabric.name} has {fabric.chips * per_chip:,} "
            f"({fabric.chips} chips of {per_chip:,}); make the network smaller"
        )
    order = np.arange(count)
    chip, place = order // per_chip, order % per_chip if places is None else places
    if fabric.mesh is None:
        return _Seats(chip, place, per_chip, None, None)
    mesh, tile = fabric.mesh, fabric.cores_per_tile
    along = walk(*mesh, tile)
    along = along[along < per_chip]
    total = total_naive = 0
    for number in range(chips):
        mine = np.flatnonzero(chip == number)
        pairs = found.pairs[np.ix_(mine, mine)]
        in_rows = place[mine]
        total_naive += links_taken(pairs, in_rows, mesh, tile)
        if method == "optimised":
            begun = [in_rows, along[: len(mine)]]
            tried = [improved(pairs, some, np.setdiff1d(along, some), mesh, tile) for some in begun]
            taken = [links_taken(pairs, some, mesh, tile) for some in tried]
            if min(taken) < links_taken(pairs, in_rows, mesh, tile):
                place[mine] = tried[taken.index(min(taken))]
        total += links_taken(pairs, place[mine], mesh, tile)
    return _Seats(chip, place, per_chip, total, total_naive)


def _core(
    fabric: Fabric,
    layers: Mapping[str, Layer],
    pieces: Sequence[Piece],
    axons: tuple[int, int],
    seat: tuple[int, int, int],
) -> Core:
    """Return what a core holds: axons and parameter sets as they are, not at their most.

    axons : that come in and that go out. seat : number, chip and place.
    """
    number, chip, place = seat
    used = {"neurons": 0, "in_axons": 0, "out_axons": 0}
    for piece in pieces:
        for name, need in piece.needs.items():
            used[name] = used.get(name, 0) + need
    if "neurons" not in fabric.limits:
        used["neurons"] = sum(piece.box.size for piece in pieces)
    if not fabric.population_axons:
        used["in_axons"] = axons[0]
    used["out_axons"] = axons[1]
    for name in ("thresholds", "compartments"):
        if name in fabric.limits:
            used[name] = sum(getattr(layers[p.population], name).inside(p.box) for p in pieces)
    limits = fabric.limits
    if fabric.own:
        limits = fabric.own[place]
        used.update(layers[pieces[0].population].whole())
    fullest = max(limits, key=lambda name: used[name] / limits[name])
    tile = None if fabric.mesh is None else tile_of(place, fabric.mesh[0], fabric.cores_per_tile)
    return Core(number, chip, tile, used, fullest, used[fullest] / limits[fullest])


def _slices(held: Sequence[Sequence[Piece]], seats: _Seats) -> Iterator[Slice]:
    for k, pieces in enumerate(held):
        number, chip, _ = seats.at(k)
        for piece in pieces:
            yield Slice(piece.population, piece.box, number, chip)


def _layers(
    layers: Mapping[str, Layer],
    fabric: Fabric,
    held: Sequence[Sequence[Piece]],
    cores: Sequence[Core],
    bounds: Bounds,
) -> Iterator[LayerCores]:
    for name, layer in layers.items():
        mine = [k for k, pieces in enumerate(held) if any(p.population == name for p in pieces)]
        sizes = [p.box.size for pieces in held for p in pieces if p.population == name]
        shared = sum(any(p.population != name for p in held[k]) for k in mine)
        yield LayerCores(
            population=name,
            shape=layer.shape,
            neurons=layer.size,
            cores=len(mine),
            most=max(sizes),
            bound=bounds.alone[name],
            binding=cores[mine[0]].binding
            if fabric.own
            else binding(layer, fabric, bounds.fans[name]),
            utilisation=float(np.mean([cores[k].utilisation for k in mine])),
            shared=shared,
        )


def _notes(fabric: Fabric, layers: Mapping[str, Layer], seats: _Seats) -> Iterator[str]:
    chips = int(seats.chip.max()) + 1
    if chips > 1:
        yield f"{chips} chips: links between them are not in the profile and are not counted"
    if fabric.mesh is None:
        yield "the profile describes no mesh ([noc]): links between cores are not counted"
    asked = ("in_axons", "out_axons", "words")
    missing = [RESOURCES[name] for name in asked if name not in fabric.limits]
    if missing and not fabric.own:
        yield f"not limited, as the profile does not state it: {', '.join(missing)}"
