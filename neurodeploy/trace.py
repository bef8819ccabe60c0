"""What a run of a Program gives back: recorded variables and exact activity counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import OptionError
from neurodeploy.frozen import FrozenMapping, read_only
from neurodeploy.recording import Recorded

Values = NDArray[Any] | Recorded
Layers = Mapping[str, Mapping[str, Values]]
Counts = Mapping[str, NDArray[np.int64]]

NOT_OBSERVABLE = -1
"""A count that the engine cannot see: Lava shows neither wraps of u nor saturations of v."""


@dataclass(frozen=True)
class Activity:
    """Exact event counts of a run, one int64 array ``(samples,)`` per name.

    steps : columns simulated. samples : entries of the batch, 1 for a stream.
    input_events : per input, non-zero values given.
    spikes : per population, non-zero messages sent.
    updates : per population, neurons x steps.
    synops_taps, synops_nonzero : per connection (`Program.connection_names`), (event, synapse)
        pairs, counted when the source sends: every matrix entry or kernel tap inside the border,
        zeros included, or those with a weight other than 0 only. A `Direct` connection has none.
    u_wraps : per population, neuron-steps in which u was folded back by 2^24.
    v_saturations : per population, how often v (or re or im) was clamped: in a neuron-step, and
        again after a reset by subtraction.

    `NOT_OBSERVABLE` (-1) stands where the engine cannot count.
    """

    steps: int
    samples: int
    input_events: Counts
    spikes: Counts
    updates: Counts
    synops_taps: Counts
    synops_nonzero: Counts
    u_wraps: Counts
    v_saturations: Counts

    def __post_init__(self) -> None:
        for name in COUNT_NAMES:
            table = {key: _frozen(value) for key, value in getattr(self, name).items()}
            object.__setattr__(self, name, FrozenMapping(table))

    def __reduce__(self) -> tuple[Any, ...]:
        return Activity, tuple(getattr(self, entry.name) for entry in fields(self))

    def totals(self) -> dict[str, dict[str, int]]:
        """Return plain sums over the samples: count name -> (population or connection -> int)."""
        return {
            name: {key: _total(value) for key, value in getattr(self, name).items()}
            for name in COUNT_NAMES
        }

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Activity):
            return NotImplemented
        same = self.steps == other.steps and self.samples == other.samples
        return same and not self.differences(other)

    __hash__ = None  # type: ignore[assignment]

    def differences(self, other: Activity) -> list[str]:
        """Return ``count/name`` of every entry in which the two differ."""
        result = []
        for name in COUNT_NAMES:
            mine, theirs = getattr(self, name), getattr(other, name)
            result += [
                f"{name}/{key}"
                for key in sorted({*mine, *theirs})
                if key not in mine
                or key not in theirs
                or not np.array_equal(mine[key], theirs[key])
            ]
        return result


COUNT_NAMES = (
    "input_events",
    "spikes",
    "updates",
    "synops_taps",
    "synops_nonzero",
    "u_wraps",
    "v_saturations",
)


def concatenated(parts: Sequence[Activity]) -> Activity:
    """Return the counts of several batches of the same program as those of one batch."""
    tables = {
        name: {
            key: np.concatenate([getattr(part, name)[key] for part in parts])
            for key in getattr(parts[0], name)
        }
        for name in COUNT_NAMES
    }
    return Activity(steps=parts[0].steps, samples=sum(part.samples for part in parts), **tables)


def _total(value: NDArray[np.int64]) -> int:
    return NOT_OBSERVABLE if np.any(value == NOT_OBSERVABLE) else int(value.sum())


def _frozen(value: Any) -> NDArray[np.int64]:
    """Return ``value`` as a read-only int64 vector, itself if it is one already."""
    if (
        isinstance(value, np.ndarray)
        and value.dtype == np.int64
        and value.ndim == 1
        and not value.flags.writeable
    ):
        return value
    return read_only(np.array(value, dtype=np.int64, ndmin=1))


class _Latest:
    """The array that was made last: a loop over its rows does not make it again and again."""

    def __init__(self) -> None:
        self._made: tuple[Recorded, NDArray[Any]] | None = None

    def array(self, values: Values) -> NDArray[Any]:
        """Return ``values`` as an array, read-only if it had to be made."""
        if isinstance(values, np.ndarray):
            return values
        made = self._made
        if made is None or made[0] is not values:
            self._made = None  # freed before the next one is made
            made = (values, read_only(values.array()))
            self._made = made
        return made[1]


class _Arrays(Mapping[str, NDArray[Any]]):
    """Arrays by name, each made when it is asked for."""

    def __init__(self, values: Mapping[str, Values], latest: _Latest) -> None:
        self._values, self._latest = values, latest

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._latest.array(self._values[name])

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class LayerTrace:
    """The recorded variables of one population, as attributes: ``trace["layer3"].v``.

    arrays : variable -> array. recorded : the same as the engine gave it, spikes perhaps as bits.
    """

    def __init__(
        self, name: str, recorded: Mapping[str, Values], latest: _Latest | None = None
    ) -> None:
        self.name = name
        self.recorded: Mapping[str, Values] = FrozenMapping(recorded)
        self.arrays: Mapping[str, NDArray[Any]] = _Arrays(self.recorded, latest or _Latest())

    def __getattr__(self, variable: str) -> NDArray[Any]:
        if variable.startswith("_") or variable in ("arrays", "recorded"):
            raise AttributeError(variable)
        try:
            return self.arrays[variable]
        except KeyError:
            recorded = ", ".join(self.arrays) or "nothing"
            raise AttributeError(
                f"{variable!r} of {self.name} was not recorded, only {recorded}; "
                f"ask for it with record=({variable!r},)"
            ) from None

    def __reduce__(self) -> tuple[Any, ...]:
        return LayerTrace, (self.name, self.recorded)

    def __repr__(self) -> str:
        return f"LayerTrace({self.name}: {', '.join(self.arrays)})"


class Trace(Mapping[str, LayerTrace]):
    """Recorded variables per population, and the run's `Activity`.

    Arrays have the input's leading axes and the population's shape: ``(steps, *shape)`` or
    ``(batch, steps, *shape)``. ``s`` is uint8 for spikes and int32 for messages, states are int32.
    Index with a population's name or number.

    Spikes may be held as bits: eight to a byte. Their array is made when it is asked for, is
    read-only, and is kept by the trace until another one is made.
    """

    def __init__(
        self,
        layers: Layers | Callable[[], Layers],
        activity: Activity | Callable[[], Activity],
    ) -> None:
        """layers : population name -> variable -> values, in the order of the populations.

        activity : the counts. Both may be functions that give them when they are first asked for.
        """
        self._given = layers
        self._activity = activity
        self._latest = _Latest()

    @cached_property
    def _layers(self) -> dict[str, LayerTrace]:
        layers = self._given() if callable(self._given) else self._given
        del self._given
        return {name: LayerTrace(name, table, self._latest) for name, table in layers.items()}

    @cached_property
    def activity(self) -> Activity:
        """Exact event counts of the run."""
        return self._activity if isinstance(self._activity, Activity) else self._activity()

    def __reduce__(self) -> tuple[Any, ...]:
        layers = {name: layer.recorded for name, layer in self._layers.items()}
        return Trace, (layers, self.activity)

    def __getitem__(self, key: str | int) -> LayerTrace:
        if isinstance(key, (int, np.integer)):
            return list(self._layers.values())[key]
        try:
            return self._layers[key]
        except KeyError:
            known = ", ".join(self._layers)
            raise OptionError(f"trace has no population {key!r}, there are {known}") from None

    def __contains__(self, key: object) -> bool:
        return key in self._layers

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)

    def __len__(self) -> int:
        return len(self._layers)

    def recorded(self) -> dict[str, Values]:
        """Return ``{"layer{k}_{variable}": values}`` as the engine gave them, nothing unpacked."""
        return {
            f"layer{k}_{variable}": values
            for k, layer in enumerate(self._layers.values())
            for variable, values in layer.recorded.items()
        }

    def flat(self) -> Mapping[str, NDArray[Any]]:
        """Return ``{"layer{k}_{variable}": array}``, the names used in trace files.

        An array is made when it is asked for: going through the items holds one at a time.
        """
        return _Arrays(self.recorded(), self._latest)
