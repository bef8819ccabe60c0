"""Whole populations on cores that differ, one each: a matching of layers and cores."""

from __future__ import annotations

from collections.abc import Mapping

from neurodeploy.errors import PlacementError
from neurodeploy.placement.fabric import RESOURCES, Fabric
from neurodeploy.placement.layer import Layer


def assigned(layers: Mapping[str, Layer], fabric: Fabric) -> dict[str, int]:
    """Return the core of every population.

    Every population is put on a core that holds it; where all of those are taken, one that sits
    there moves on to another that holds it too (augmenting paths). So a placement is found if
    there is one.

    Raises PlacementError for a population that no core holds, and where there are too few cores.
    """
    choices = {name: _choices(layer, fabric) for name, layer in layers.items()}
    holder: dict[int, str] = {}
    for name in layers:
        if not _settle(name, choices, holder, set()):
            rivals = sorted({holder[core] for core in choices[name]})
            raise PlacementError(
                f"population {name}: the {len(choices[name])} cores of {fabric.name} that hold it "
                f"are taken by {', '.join(rivals)}; more cores of that size would help"
            )
    return {name: core for core, name in holder.items()}


def _choices(layer: Layer, fabric: Fabric) -> list[int]:
    needs = layer.whole()
    fitting = [
        core
        for core, limits in enumerate(fabric.own)
        if all(needs[name] <= limit for name, limit in limits.items())
    ]
    if fitting:
        return fitting
    largest = {name: max(limits[name] for limits in fabric.own) for name in needs}
    over = [name for name, need in needs.items() if need > largest[name]] or list(needs)
    told = " and ".join(
        f"{needs[name]:,} {RESOURCES[name]} (the largest core has {largest[name]:,})"
        for name in over
    )
    raise PlacementError(
        f"population {layer.name}: takes {told}, no core of {fabric.name} holds it; more cores do "
        "not help, use fewer channels or a smaller map"
    )


def _settle(
    name: str, choices: Mapping[str, list[int]], holder: dict[int, str], seen: set[int]
) -> bool:
    """Give ``name`` a core, moving others on where need be."""
    for core in choices[name]:
        if core in seen:
            continue
        seen.add(core)
        if core not in holder or _settle(holder[core], choices, holder, seen):
            holder[core] = name
            return True
    return False
