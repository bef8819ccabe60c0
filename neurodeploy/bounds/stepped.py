"""What one interval step gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neurodeploy.bounds.interval import Flags, Interval

States = Mapping[str, Interval]


@dataclass(frozen=True)
class Stepped:
    """The outcome of one step for every input of a box.

    sent : the messages. states : after the step. wide : sums before they wrap, fold or saturate,
    by the state or port that they limit. overflow : where a sum may leave its width, likewise.
    """

    sent: Interval
    states: States
    wide: States
    overflow: Mapping[str, Flags]
