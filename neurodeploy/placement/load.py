"""What the cores do on a data set: their load, the messages between them, and the time it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import InputError
from neurodeploy.frozen import FrozenMapping, read_only
from neurodeploy.placement.counts import NAMES, CoreCounter, CoreCounts
from neurodeploy.placement.record import Placement
from neurodeploy.placement.steptime import missing_times, step_times
from neurodeploy.program import Program
from neurodeploy.sim.inputs import Data
from neurodeploy.trace import Trace

if TYPE_CHECKING:
    from neurodeploy.profile import ChipProfile

TOTALS = ("spikes", "synops", *NAMES[3:])
"""Counts that are summed over the cores, the synaptic operations of one convention."""


@dataclass(frozen=True)
class CoreLoad:
    """One core over all samples and steps.

    updates, spikes, synops, axons_in, axons_out : means per step. synops_peak : most in one step.
    busiest : share of the steps in which it is the slowest core. busy_ns : mean work per step at
    mid constants; None without times, as busiest.
    """

    index: int
    updates: int
    spikes: float
    synops: float
    synops_peak: int
    axons_in: float
    axons_out: float
    busiest: float | None
    busy_ns: float | None


@dataclass(frozen=True)
class Load:
    """What a placed program does on data.

    convention : which synaptic operations are counted. fill_steps : steps before the first answer
    comes out, one for each population of the longest chain but the first. totals : by name
    (`TOTALS`), int64 ``(samples,)``. cores_ns, network_ns : float64 ``(3, samples)``, sums over the
    steps of the busiest core and of the farthest message; None where the profile lacks a constant,
    which ``reason`` names. step_ns : float64 ``(3, steps)``, both together, mean over the samples.
    """

    placement: Placement
    convention: str
    samples: int
    steps: int
    fill_steps: int
    cores: tuple[CoreLoad, ...]
    totals: Mapping[str, NDArray[np.int64]]
    cores_ns: NDArray[np.float64] | None = None
    network_ns: NDArray[np.float64] | None = None
    step_ns: NDArray[np.float64] | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "totals", FrozenMapping(self.totals))
        for array in (*self.totals.values(), self.cores_ns, self.network_ns, self.step_ns):
            if array is not None:
                read_only(array)

    def summary(self) -> LoadSummary:
        """Return the means over the samples, in plain numbers."""

        def mean(array: NDArray[np.float64] | None) -> tuple[float, ...] | None:
            return None if array is None else tuple(float(x) / 1000 for x in array.mean(axis=1))

        steps = None
        if self.step_ns is not None:
            steps = tuple(tuple(float(x) for x in end) for end in self.step_ns)
        return LoadSummary(
            convention=self.convention,
            samples=self.samples,
            steps=self.steps,
            fill_steps=self.fill_steps,
            cores=self.cores,
            totals={name: float(found.mean()) for name, found in self.totals.items()},
            cores_us=mean(self.cores_ns),
            network_us=mean(self.network_ns),
            step_ns=steps,
            reason=self.reason,
        )


@dataclass(frozen=True)
class LoadSummary:
    """A load in plain numbers, as files hold it; see `Load`.

    totals : means over the samples. cores_us, network_us : low, mid and high of an inference.
    step_ns : low, mid and high of every step.
    """

    convention: str
    samples: int
    steps: int
    fill_steps: int
    cores: tuple[CoreLoad, ...]
    totals: Mapping[str, float]
    cores_us: tuple[float, ...] | None = None
    network_us: tuple[float, ...] | None = None
    step_ns: tuple[tuple[float, ...], ...] | None = None
    reason: str = ""


def core_load(
    program: Program, placement: Placement, profile: ChipProfile, x: Data, trace: Trace
) -> Load:
    """Return what the cores of ``placement`` did in the run of ``x`` that gave ``trace``.

    Raises InputError for a trace or placement of something else; see `CoreCounter`.
    """
    watch = LoadWatch(program, placement, profile)
    watch.take(x, trace)
    return watch.load()


class LoadWatch:
    """Takes run after run, and gives the load of all of them."""

    def __init__(self, program: Program, placement: Placement, profile: ChipProfile) -> None:
        self.program, self.placement, self.profile = program, placement, profile
        self.convention = profile.energy.count_convention or "taps"
        self._counter = CoreCounter(
            program,
            placement,
            conventions=(self.convention,),
            multicast=bool(profile.noc.multicast),
        )
        self._parts: list[Load] = []

    def take(self, x: Data, trace: Trace) -> None:
        """Count one run."""
        counts = self._counter.count(x, trace)
        self._parts.append(_loaded(self.program, self.placement, self.profile, counts))

    @property
    def counted(self) -> bool:
        """Whether a run was counted."""
        return bool(self._parts)

    def load(self) -> Load:
        """Return the load of all runs; InputError where there was none."""
        if not self._parts:
            raise InputError("no run was counted, expected at least one")
        return self._parts[0] if len(self._parts) == 1 else joined(self._parts)


def _loaded(
    program: Program, placement: Placement, profile: ChipProfile, counts: CoreCounts
) -> Load:
    convention = profile.energy.count_convention or "taps"
    synops = f"synops_{convention}"
    times = step_times(profile, counts, convention)
    mean = {name: found.mean(axis=(0, 1)) for name, found in counts.counts.items()}
    peak = counts[synops].max(axis=(0, 1))
    share = busy = None
    if times is not None:
        slowest = np.bincount(times.slowest.reshape(-1), minlength=len(counts.cores))
        share, busy = slowest / times.slowest.size, times.work.mean(axis=(0, 1))
    cores = tuple(
        CoreLoad(
            index=index,
            updates=int(counts.neurons[k]),
            spikes=float(mean["spikes"][k]),
            synops=float(mean[synops][k]),
            synops_peak=int(peak[k]),
            axons_in=float(mean["axons_in"][k]),
            axons_out=float(mean["axons_out"][k]),
            busiest=None if share is None else float(share[k]),
            busy_ns=None if busy is None else float(busy[k]),
        )
        for k, index in enumerate(counts.cores)
    )
    lacking = missing_times(profile)
    return Load(
        placement=placement,
        convention=convention,
        samples=counts.samples,
        steps=counts.steps,
        fill_steps=depth(program) - 1,
        cores=cores,
        totals={n: counts.total(synops if n == "synops" else n) for n in TOTALS},
        cores_ns=None if times is None else times.cores.sum(axis=2),
        network_ns=None if times is None else times.network.sum(axis=2),
        step_ns=None if times is None else (times.cores + times.network).mean(axis=1),
        reason=f"profile has no timing.{lacking[0]}" if lacking else "",
    )


def joined(parts: Sequence[Load]) -> Load:
    """Return the loads of several runs of the same placement and steps as one."""
    first = parts[0]
    weights = np.array([part.samples for part in parts], np.float64)

    def stacked(name: str) -> NDArray[np.float64] | None:
        arrays = [getattr(part, name) for part in parts]
        return None if arrays[0] is None else np.concatenate(arrays, axis=1)

    steps = None
    if first.step_ns is not None:
        found = np.stack([part.step_ns for part in parts if part.step_ns is not None])
        steps = np.average(found, axis=0, weights=weights)
    return Load(
        placement=first.placement,
        convention=first.convention,
        samples=sum(part.samples for part in parts),
        steps=first.steps,
        fill_steps=first.fill_steps,
        cores=tuple(
            _mean([part.cores[k] for part in parts], weights) for k in range(len(first.cores))
        ),
        totals={n: np.concatenate([part.totals[n] for part in parts]) for n in first.totals},
        cores_ns=stacked("cores_ns"),
        network_ns=stacked("network_ns"),
        step_ns=steps,
        reason=first.reason,
    )


def _mean(cores: Sequence[CoreLoad], weights: NDArray[np.float64]) -> CoreLoad:
    def of(name: str) -> float:
        return float(np.average([getattr(core, name) for core in cores], weights=weights))

    timed = cores[0].busy_ns is not None
    return CoreLoad(
        index=cores[0].index,
        updates=cores[0].updates,
        spikes=of("spikes"),
        synops=of("synops"),
        synops_peak=max(core.synops_peak for core in cores),
        axons_in=of("axons_in"),
        axons_out=of("axons_out"),
        busiest=of("busiest") if timed else None,
        busy_ns=of("busy_ns") if timed else None,
    )


def depth(program: Program) -> int:
    """Return the populations of the longest chain of forward connections."""
    found: dict[str, int] = {}
    for name in program.names:
        before = (
            found.get(c.source, 0)
            for c in program.connections
            if c.target == name and not c.feedback
        )
        found[name] = 1 + max(before, default=0)
    return max(found.values())
