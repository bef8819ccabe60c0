"""A whole profile, and what must agree between its tables."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field, model_validator

from neurodeploy.profile.cases import Case
from neurodeploy.profile.costs import Energy, Power, StepTiming
from neurodeploy.profile.evidence import Evidence, Section, Text
from neurodeploy.profile.structure import HostLink, Identity, Limits, Noc, Precision
from neurodeploy.schema import Table

JOINT: dict[str, tuple[str, str, float]] = {
    "synop_pj": ("energy", "synops", 1.0),
    "neuron_update_active_pj": ("energy", "updates", 1.0),
    "spike_pj": ("energy", "spikes", 1.0),
    "host_nj_per_step": ("energy", "steps", 1e3),
    "host_awake_mw": ("power", "time_us", 1e3),
}
"""Constants that a joint constraint bounds: table, count of a case, picojoules per unit."""
ROUNDING = 1.005
"""Constants are written with three digits."""


class ChipProfile(Table):
    """A chip: what it holds, what an event costs, and how far that is known."""

    identity: Identity
    limits: Limits = Limits()
    precision: Precision = Precision()
    energy: Energy = Energy()
    power: Power = Power()
    timing: StepTiming = StepTiming()
    noc: Noc = Noc()
    link: HostLink = HostLink()
    cases: dict[Text, Case] = Field(default_factory=dict)
    citations: dict[Text, Text] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_consistent(self) -> ChipProfile:
        for path, evidence in self._evidence():
            for key in evidence.sources:
                if key not in self.citations:
                    raise ValueError(f"{path}: source {key!r} is not in [citations]")
        for name in self.energy.joint:
            self._check_joint(name)
        self._check_mesh()
        return self

    def _check_joint(self, name: str) -> None:
        """Raise ValueError where a case of the joint constraint contradicts the constants."""
        if name not in self.cases:
            raise ValueError(f"energy.joint_constraint: no case {name!r} in [cases]")
        case = self.cases[name]
        if case.dynamic_mj is None:
            raise ValueError(f"cases.{name}: dynamic_mj is missing, the joint constraint needs it")
        total = case.dynamic_mj.bounds[2] * 1e9
        least = 0.0
        for key, low, high, count in self._joint_constants(case):
            least += low * count
            if high * count > total * ROUNDING:
                raise ValueError(
                    f"{key} {high:g} puts {high * count / 1e9:.3g} mJ on the case {name!r}, which "
                    f"measured {total / 1e9:.3g} mJ in all"
                )
        if least > total * ROUNDING:
            raise ValueError(
                f"energy: the lows of the constants put {least / 1e9:.3g} mJ on the case {name!r}, "
                f"which measured {total / 1e9:.3g} mJ in all"
            )

    def _joint_constants(self, case: Case) -> Iterator[tuple[str, float, float, float]]:
        """Yield key, low, high and the least count in the case (high where that is in pJ)."""
        ends = case.ends(self.energy.count_convention or "taps")
        for key, (table, count, unit) in JOINT.items():
            quantity = self.section(table).quantity(key)
            if quantity is not None:
                low, _, high = quantity.bounds
                yield f"{table}.{key}", low, high, ends[count][0] * unit

    def _check_mesh(self) -> None:
        width, height = self.noc.quantity("width_tiles"), self.noc.quantity("height_tiles")
        tiles = self.limits.quantity("tiles_per_chip")
        if width is None or height is None or tiles is None:
            return
        product = width.bounds[1] * height.bounds[1]
        if product != tiles.bounds[1]:
            raise ValueError(
                f"noc: width_tiles times height_tiles is {product:g}, limits.tiles_per_chip says "
                f"{tiles.bounds[1]:g}"
            )

    @property
    def name(self) -> str:
        """Short name, the file's without suffix where it is shipped."""
        return self.identity.name

    def section(self, name: str) -> Section:
        """Return the table of quantities of that name."""
        found: Section = getattr(self, name)
        return found

    def sections(self) -> Iterator[tuple[str, Section]]:
        """Yield (name, section) of every table of quantities."""
        for name in ("limits", "precision", "energy", "power", "timing", "noc", "link"):
            yield name, self.section(name)
        for name, case in self.cases.items():
            yield f"cases.{name}", case

    def _evidence(self) -> Iterator[tuple[str, Evidence]]:
        for section_name, section in self.sections():
            for key in type(section).model_fields:
                value = getattr(section, key)
                if isinstance(value, Evidence):
                    yield f"{section_name}.{key}", value
        for row in self.timing.barrier_sync_table:
            yield "timing.barrier_sync_table", row.us
