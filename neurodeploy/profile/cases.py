"""Measured cases as data: what ran, what it counted, and what the instruments read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from neurodeploy.profile.costs import Convention
from neurodeploy.profile.evidence import Quantity, Section, Text, Whole
from neurodeploy.schema import Table

COUNTS = ("updates", "spikes", "synops_taps", "synops_nonzero")


class CaseLayer(Table):
    """Layers of one kind: size, synapses into each neuron, how many, and sizes of the targets."""

    neurons: Whole
    fan_in: Whole
    copies: Whole = 1
    targets: tuple[Whole, ...] = ()


class Case(Section):
    """A measured case: one inference, its counts, its duration and the energy that was read.

    role : ``"calibration"`` where constants of this profile rest on the case, else ``"held-out"``.
    activity_source : how its events are known. Either the counts are given (an interval where the
    input is not published), or ``layers`` and ``activity`` (events per neuron and step), from
    which they follow; a case with neither bounds what grows with steps and time only.
    dynamic_mj, static_mj : per inference. running_mw : average power, static power within it.
    """

    title: Text
    role: Literal["calibration", "held-out"] = "calibration"
    activity_source: Literal["counted", "fitted", "assumed", "unknown"] = "counted"
    steps: Quantity
    step_us: Quantity | None = None
    updates: Quantity | None = None
    spikes: Quantity | None = None
    synops_taps: Quantity | None = None
    synops_nonzero: Quantity | None = None
    layers: Annotated[tuple[CaseLayer, ...], Field(max_length=1000)] = ()
    activity: Quantity | None = None
    dynamic_mj: Quantity | None = None
    static_mj: Quantity | None = None
    running_mw: Quantity | None = None
    note: str = ""

    @model_validator(mode="after")
    def _is_whole(self) -> Case:
        for key, quantity in self.quantities():
            if not quantity.known:
                raise ValueError(f"{key} is unknown, leave it out")
        given = [key for key in COUNTS if self.quantity(key) is not None]
        if given and self.layers:
            raise ValueError(f"{given[0]} and layers both give the counts")
        if given and len(given) < len(COUNTS):
            missing = next(key for key in COUNTS if key not in given)
            raise ValueError(f"{missing} is missing, beside {given[0]}")
        if bool(self.layers) != (self.activity is not None):
            raise ValueError("layers and activity go together")
        measured = (self.dynamic_mj, self.static_mj, self.running_mw)
        if all(quantity is None for quantity in measured):
            raise ValueError("nothing measured: dynamic_mj, static_mj or running_mw")
        self._check_counts()
        return self

    def _check_counts(self) -> None:
        if self.synops_taps is None or self.synops_nonzero is None:
            return
        taps, nonzero = self.synops_taps.bounds[2], self.synops_nonzero.bounds[2]
        if nonzero > taps:
            raise ValueError(f"synops_nonzero is {nonzero:g}, above synops_taps, {taps:g}")
        if self.spikes is not None and self.updates is not None:
            spikes, updates = self.spikes.bounds[2], self.updates.bounds[2]
            if spikes > updates:
                raise ValueError(f"spikes are {spikes:g}, above updates, {updates:g}")

    @property
    def counted(self) -> bool:
        """Whether the events of an inference are known, at least as an interval."""
        return bool(self.layers) or self.updates is not None

    def level(self, convention: Convention, end: int) -> dict[str, float | None]:
        """Return synops, updates, spikes, steps and microseconds of one inference.

        end : 0, 1, 2 for the least, the middle, the most. None where the case does not say.
        """
        steps = self.steps.bounds[end]
        time = None if self.step_us is None else steps * self.step_us.bounds[end]
        if self.layers and self.activity is not None:
            share = self.activity.bounds[end] * steps
            neurons = sum(layer.copies * layer.neurons for layer in self.layers)
            synapses = sum(layer.copies * layer.neurons * layer.fan_in for layer in self.layers)
            updates: float | None = neurons * steps
            spikes: float | None = neurons * share
            synops: float | None = synapses * share
        else:
            taps = self.synops_taps if convention == "taps" else self.synops_nonzero
            updates, spikes, synops = (
                None if quantity is None else quantity.bounds[end]
                for quantity in (self.updates, self.spikes, taps)
            )
        return {
            "steps": steps,
            "time_us": time,
            "updates": updates,
            "spikes": spikes,
            "synops": synops,
        }

    def ends(self, convention: Convention) -> dict[str, tuple[float, float]]:
        """Return (least, most) of the same counts: what is unknown is at least 0, at most inf."""
        least, most = self.level(convention, 0), self.level(convention, 2)
        return {
            name: (0.0, float("inf")) if value is None else (value, float(most[name] or 0))
            for name, value in least.items()
        }
