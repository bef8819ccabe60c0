"""Numbers with their evidence, and tables of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from neurodeploy.errors import ProfileError
from neurodeploy.profile.ranges import CHOICES, range_of
from neurodeploy.schema import Table

Grade = Literal[
    "measured", "fitted", "vendor", "pre-silicon", "simulated", "derived", "secondary", "none"
]
INTERVAL_ONLY = ("pre-silicon", "fitted", "simulated", "secondary")
"""Grades that are too weak for a point value of an energy."""
SubCost = Literal[
    "neuron_update", "spike", "axon_in", "axon_out", "hop", "barrier_sync", "host", "input_event"
]
End = Literal["low", "mid", "high"]
Number = Annotated[float, Field(strict=True)]
Whole = Annotated[int, Field(strict=True, ge=1)]
Flag = Annotated[bool, Field(strict=True)]
Text = Annotated[str, Field(min_length=1)]


class Evidence(Table):
    """Where a number comes from.

    grade : kind of evidence. source : keys of ``[citations]``. op : operating point.
    cases : number of measured totals behind a fitted value.
    """

    grade: Grade
    source: str | tuple[str, ...] = ()
    op: str = ""
    note: str = ""
    cases: Whole | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """Citation keys."""
        return (self.source,) if isinstance(self.source, str) else self.source

    @model_validator(mode="after")
    def _has_source(self) -> Evidence:
        if self.grade != "none" and not (self.sources and all(self.sources)):
            raise ValueError("source is missing, expected a key of [citations]")
        if self.grade == "fitted" and self.cases is None:
            raise ValueError("cases is missing, a fitted value says how many totals it rests on")
        return self


class Quantity(Evidence):
    """One number, as a point (``value``) or an interval (``low``, ``mid``, ``high``).

    includes : sub-costs that this constant holds already. includes_at : the ends for which that is
    true, where the sources of the ends count differently.
    """

    value: Number | None = None
    low: Number | None = None
    mid: Number | None = None
    high: Number | None = None
    includes: tuple[SubCost, ...] = ()
    includes_at: tuple[End, ...] = ("low", "mid", "high")

    @model_validator(mode="after")
    def _has_one_form(self) -> Quantity:
        ends = [x for x in (self.low, self.mid, self.high) if x is not None]
        if self.grade == "none":
            if ends or self.value is not None:
                raise ValueError("grade none means unknown, it cannot hold a number")
            return self
        if (self.value is None) == (not ends) or len(ends) not in (0, 3):
            raise ValueError("expected either value, or low, mid and high")
        if ends != sorted(ends):
            raise ValueError(
                f"low {self.low:g}, mid {self.mid:g}, high {self.high:g} are out of order"
            )
        return self

    @property
    def known(self) -> bool:
        """Whether there is a number at all."""
        return self.grade != "none"

    @property
    def is_point(self) -> bool:
        """Whether the number is one value, in whichever form it is given."""
        return self.value is not None or (self.known and self.low == self.high)

    @property
    def bounds(self) -> tuple[float, float, float]:
        """(low, mid, high); three times the value of a point. Raises ProfileError if unknown."""
        if self.value is not None:
            return (self.value, self.value, self.value)
        if self.low is None or self.mid is None or self.high is None:
            raise ProfileError("value is unknown (grade none)")
        return (self.low, self.mid, self.high)

    def holds(self, sub_cost: str) -> tuple[bool, bool, bool]:
        """Whether low, mid and high hold that sub-cost already."""
        inside = sub_cost in self.includes
        low, mid, high = (inside and end in self.includes_at for end in ("low", "mid", "high"))
        return (low, mid, high)


class Listing(Evidence):
    """Several numbers that belong together, such as one per core."""

    values: Annotated[tuple[Number, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_positive(self) -> Listing:
        for value in self.values:
            if not 0 < value <= 1e12:
                raise ValueError(f"values hold {value:g}, expected more than 0, at most 1e+12")
        return self


class Choice(Evidence):
    """One of the ways in which a chip may do something, by name (`CHOICES` of its key)."""

    value: Text | None = None

    @model_validator(mode="after")
    def _has_a_value(self) -> Choice:
        if self.grade == "none" and self.value is not None:
            raise ValueError("grade none means unknown, it cannot hold a value")
        if self.grade != "none" and self.value is None:
            raise ValueError("value is missing")
        return self


class Section(Table):
    """A table of quantities, all of them optional, each within the range of its key."""

    @model_validator(mode="after")
    def _is_in_range(self) -> Section:
        for key, quantity in self.quantities():
            allowed = range_of(type(self).__name__, key)
            for value in quantity.bounds if quantity.known else ():
                if not allowed.holds(value):
                    raise ValueError(f"{key} is {value:g}, expected {allowed}")
        for key, choice in self.choices():
            names = CHOICES[key]
            if choice.value is not None and choice.value not in names:
                raise ValueError(f"{key} is {choice.value!r}, expected one of {', '.join(names)}")
        return self

    def quantities(self) -> Iterator[tuple[str, Quantity]]:
        """Yield (key, quantity) of every key that is present, unknown ones included."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, Quantity):
                yield name, value

    def choices(self) -> Iterator[tuple[str, Choice]]:
        """Yield (key, choice) of every choice that is present, unknown ones included."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, Choice):
                yield name, value

    def choice(self, key: str) -> str | None:
        """Return what the chip does in that respect, or None where it is absent or unknown."""
        value = getattr(self, key)
        return value.value if isinstance(value, Choice) else None

    def listing(self, key: str) -> tuple[float, ...] | None:
        """Return the numbers of that key, or None where they are absent."""
        value = getattr(self, key)
        return value.values if isinstance(value, Listing) else None

    def quantity(self, key: str) -> Quantity | None:
        """Return the quantity of that key, or None where it is absent or unknown."""
        value = getattr(self, key)
        return value if isinstance(value, Quantity) and value.known else None
