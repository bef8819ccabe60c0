"""What a placement on cores adds to an estimate: exact messages, links and step times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurodeploy.energy.counts import Counts
from neurodeploy.energy.report import Interval, PlacedCost
from neurodeploy.errors import InputError
from neurodeploy.placement import Load
from neurodeploy.program import Program
from neurodeploy.trace import Activity

Bounds = NDArray[np.float64]


@dataclass(frozen=True)
class Placed:
    """A placed network per inference.

    cores, tiles, chips : in use. meshed : whether links are known. totals : by name, float64
    ``(samples,)``. cores_us, network_us : float64 ``(3, samples)``, the busiest core and the
    farthest message, summed over the steps; None where ``reason`` says which constant is missing.
    fill_steps : before the first answer.
    """

    cores: int
    tiles: int
    chips: int
    meshed: bool
    totals: Mapping[str, NDArray[np.float64]]
    cores_us: Bounds | None
    network_us: Bounds | None
    fill_steps: int

    @classmethod
    def of(cls, load: Load, inferences: int) -> Placed:
        """Return the load of one of several inferences that each sample holds: the mean."""

        def each(array: Bounds | None) -> Bounds | None:
            return None if array is None else array / (1000.0 * inferences)

        placement = load.placement
        return cls(
            cores=len(placement.cores),
            tiles=placement.tiles,
            chips=placement.chips,
            meshed=placement.mesh is not None,
            totals={name: found / inferences for name, found in load.totals.items()},
            cores_us=each(load.cores_ns),
            network_us=each(load.network_ns),
            fill_steps=load.fill_steps,
        )

    def without_messages(self) -> Placed:
        """Return the same with no message sent."""
        return replace(self, totals={name: 0.0 * found for name, found in self.totals.items()})


def check_load(load: object, program: Program, activity: Activity, profile: str) -> None:
    """Raise InputError unless the load is of this program, profile and run."""
    if not isinstance(load, Load):
        raise InputError(f"load is a {type(load).__name__}, expected what core_load gives")
    placement = load.placement
    if placement.digest != program.digest:
        raise InputError(
            f"load: is of program {placement.digest[:12]}, the activity of {program.digest[:12]}"
        )
    if placement.profile != profile:
        raise InputError(
            f"load: is of a placement on {placement.profile}, the profile is {profile}"
        )
    if (load.samples, load.steps) != (activity.samples, activity.steps):
        raise InputError(
            f"load: counts {load.samples} samples of {load.steps} steps, the activity "
            f"{activity.samples} of {activity.steps}; count the same run"
        )
    spikes = np.sum([np.asarray(found) for found in activity.spikes.values()], axis=0)
    if not np.array_equal(load.totals["spikes"], spikes):
        raise InputError("load: counts other spikes than the activity; count the same run")


def placed_cost(
    counts: Counts, inference_us: Bounds | None, static: Bounds | None, host: Bounds | None
) -> PlacedCost | None:
    """Return what the placement says of time and of standing power, of the mean inference.

    static, host : ``(3, samples)`` in pJ, of all chips; each chip and each core in use is given an
    even share. The first answer takes ``fill_steps`` steps more than an inference.
    """
    placed = counts.placed
    if placed is None:
        return None

    def mean(array: Bounds | None, share: float = 1.0) -> Interval | None:
        return None if array is None else Interval.of(array.mean(axis=1) * share)

    first = None
    if inference_us is not None:
        first = inference_us * (1.0 + placed.fill_steps / counts.steps)
    return PlacedCost(
        cores=placed.cores,
        tiles=placed.tiles,
        chips=placed.chips,
        fill_steps=placed.fill_steps,
        cores_us=mean(placed.cores_us),
        network_us=mean(placed.network_us) if placed.meshed else None,
        first_us=mean(first),
        static_chip_pj=mean(static, 1 / placed.chips),
        host_chip_pj=mean(host, 1 / placed.chips),
        static_core_pj=mean(static, 1 / placed.cores),
        host_core_pj=mean(host, 1 / placed.cores),
    )
