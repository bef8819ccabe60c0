"""Chip profiles: what a chip can hold and what an event costs, every number with its evidence.

A profile is one TOML file. Each number that describes the chip is an inline table, its unit is
part of the key, and its form says how much is known:

    key_unit = { value = 0.0, grade = "...", source = "..." }
    key_unit = { low = 0.0, mid = 0.0, high = 0.0, grade = "...", source = "..." }

A key that is absent or has ``grade = "none"`` is unknown, never zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from neurodeploy.errors import ProfileError
from neurodeploy.schema import Table, checked, nearest, read_toml

Grade = Literal[
    "measured", "fitted", "vendor", "pre-silicon", "simulated", "derived", "secondary", "none"
]
INTERVAL_ONLY = ("pre-silicon", "fitted", "simulated", "secondary")
"""Grades that are too weak for a point value of an energy."""
Convention = Literal["taps", "nonzero"]
SubCost = Literal[
    "neuron_update", "spike", "axon_in", "axon_out", "hop", "barrier_sync", "host", "input_event"
]


class _Evidence(Table):
    """Where a number comes from.

    grade : kind of evidence. source : keys of ``[citations]``. op : operating point.
    cases : number of measured totals behind a fitted value.
    """

    grade: Grade
    source: str | tuple[str, ...] = ()
    op: str = ""
    note: str = ""
    cases: int | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """Citation keys."""
        return (self.source,) if isinstance(self.source, str) else self.source

    @model_validator(mode="after")
    def _has_source(self) -> _Evidence:
        if self.grade != "none" and not self.sources:
            raise ValueError("source is missing, expected a key of [citations]")
        if self.grade == "fitted" and not self.cases:
            raise ValueError("cases is missing, a fitted value says how many totals it rests on")
        return self


class Quantity(_Evidence):
    """One number, as a point (``value``) or an interval (``low``, ``mid``, ``high``)."""

    value: float | None = None
    low: float | None = None
    mid: float | None = None
    high: float | None = None

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
        """Whether the number is given as one value."""
        return self.value is not None

    @property
    def bounds(self) -> tuple[float, float, float]:
        """(low, mid, high); three times the value of a point. Raises ProfileError if unknown."""
        if self.value is not None:
            return (self.value, self.value, self.value)
        if self.low is None or self.mid is None or self.high is None:
            raise ProfileError("value is unknown (grade none)")
        return (self.low, self.mid, self.high)


class Listing(_Evidence):
    """Several numbers that belong together, such as one per core."""

    values: tuple[float, ...]


class Section(Table):
    """A table of quantities, all of them optional and none negative."""

    @model_validator(mode="after")
    def _is_not_negative(self) -> Section:
        for key, quantity in self.quantities():
            if quantity.known and quantity.bounds[0] < 0 and not key.endswith("_exp_min"):
                raise ValueError(f"{key} is {quantity.bounds[0]:g}, expected 0 or more")
        return self

    def quantities(self) -> Iterator[tuple[str, Quantity]]:
        """Yield (key, quantity) of every key that is present, unknown ones included."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, Quantity):
                yield name, value

    def quantity(self, key: str) -> Quantity | None:
        """Return the quantity of that key, or None where it is absent or unknown."""
        value = getattr(self, key)
        return value if isinstance(value, Quantity) and value.known else None


class Identity(Table):
    """Which chip, and how far its numbers reach.

    status : ``"estimates"`` (energy and timing usable), ``"bounds"`` (only bounds) or ``"limits"``
    (mapping only, energy refused).
    """

    name: str
    status: Literal["estimates", "bounds", "limits"]
    schema_version: Literal[1]
    profile_version: str = "1"
    vendor: str = ""
    generation: str = ""
    process_nm: float | None = None
    year: int | None = None
    board: str = ""


class Limits(Section):
    """Structure of the chip; a mapper counts against it."""

    chips_max: Quantity | None = None
    cores_per_chip: Quantity | None = None
    cores_reserved: Quantity | None = None
    tiles_per_chip: Quantity | None = None
    cores_per_tile: Quantity | None = None
    neurons_per_core_max: Quantity | None = None
    neurons_per_core_effective_max: Quantity | None = None
    neuron_group_size: Quantity | None = None
    in_axons_per_core_max: Quantity | None = None
    out_axons_per_core_max: Quantity | None = None
    fan_in_per_neuron_max: Quantity | None = None
    fan_out_cores_per_neuron_max: Quantity | None = None
    synapse_memory_bits_per_core: Quantity | None = None
    synapse_memory_word_bits: Quantity | None = None
    synapse_memory_words_per_core: Quantity | None = None
    synapse_formats_per_core_max: Quantity | None = None
    threshold_configs_per_core_max: Quantity | None = None
    compartment_configs_per_core_max: Quantity | None = None
    axon_map_entries_per_core_max: Quantity | None = None
    kernel_memory_weights_per_core: Listing | None = None
    neuron_memory_states_per_core: Listing | None = None
    kernel_size_max: Quantity | None = None
    features_max: Quantity | None = None
    strides_allowed: Listing | None = None
    pools_allowed: Listing | None = None
    fan_out_layers_max: Quantity | None = None
    depth_layers_max: Quantity | None = None
    inputs_max: Quantity | None = None
    outputs_max: Quantity | None = None


class Precision(Section):
    """Widths of weights and states, and what happens at their ends."""

    weight_bits: Quantity | None = None
    weight_sign_modes: tuple[Literal["mixed", "excitatory", "inhibitory"], ...] = ()
    weight_even_when_mixed: bool | None = None
    weight_exp_min: Quantity | None = None
    weight_exp_max: Quantity | None = None
    state_u_bits: Quantity | None = None
    state_v_bits: Quantity | None = None
    accumulator_bits: Quantity | None = None
    threshold_mant_bits: Quantity | None = None
    threshold_exp: Quantity | None = None
    decay_bits: Quantity | None = None
    bias_mant_bits: Quantity | None = None
    bias_exp_bits: Quantity | None = None
    delay_min_steps: Quantity | None = None
    delay_max_steps: Quantity | None = None
    spike_payload_bits: Quantity | None = None
    neuron_models: tuple[str, ...] = ()
    reset_modes: tuple[str, ...] = ()
    overflow_u: Literal["wrap", "saturate", "wrap-once"] | None = None
    overflow_v: Literal["wrap", "saturate", "wrap-once"] | None = None
    rounding: Literal["toward-zero", "floor", "stochastic"] | None = None
    deterministic: bool | None = None


class Energy(Section):
    """Energy per event.

    count_convention : what one synaptic operation is. includes : sub-costs that the constants
    already hold. joint_constraint : the case of ``[cases]`` from whose single total all constants
    of grade fitted were taken; each of their ``high`` values is the whole total put on that term,
    so that they exclude each other: ``sum(constant / high) <= 1``.
    """

    count_convention: Convention | None = None
    includes: tuple[SubCost, ...] = ()
    joint_constraint: str | None = None
    synop_pj: Quantity | None = None
    synop_dense_pj: Quantity | None = None
    synop_sparse_pj: Quantity | None = None
    synop_conv_pj: Quantity | None = None
    neuron_update_active_pj: Quantity | None = None
    neuron_update_inactive_pj: Quantity | None = None
    spike_pj: Quantity | None = None
    axon_in_pj: Quantity | None = None
    axon_out_pj: Quantity | None = None
    spike_local_pj: Quantity | None = None
    hop_horizontal_pj: Quantity | None = None
    hop_vertical_pj: Quantity | None = None
    barrier_sync_nj_per_step: Quantity | None = None
    host_nj_per_step: Quantity | None = None
    input_event_pj: Quantity | None = None
    mac_pj: Quantity | None = None
    ac_pj: Quantity | None = None
    memory_access_pj_per_byte: Quantity | None = None

    @model_validator(mode="after")
    def _is_usable(self) -> Energy:
        for key, quantity in self.quantities():
            if quantity.is_point and quantity.grade in INTERVAL_ONLY:
                raise ValueError(
                    f"{key} is a single value of grade {quantity.grade}, "
                    "expected an interval with low, mid and high"
                )
            if key.startswith("synop") and quantity.known and self.count_convention is None:
                raise ValueError(f"{key} needs count_convention, 'taps' or 'nonzero'")
        if self.joint_constraint is not None:
            self._check_joint()
        return self

    def _check_joint(self) -> None:
        fitted = dict(self.fitted())
        if len(fitted) < 2:
            raise ValueError("joint_constraint needs at least two constants of grade fitted")
        share = sum(q.bounds[1] / q.bounds[2] for q in fitted.values() if q.bounds[2] > 0)
        if share > 1.001:
            raise ValueError(
                f"mid values of {', '.join(fitted)} add up to {share:.3f} of the case, "
                "expected at most 1"
            )

    def fitted(self) -> Iterator[tuple[str, Quantity]]:
        """Yield the constants that share the equation of the joint constraint."""
        return ((key, q) for key, q in self.quantities() if q.grade == "fitted")


class Power(Section):
    """Power that flows whatever the network does.

    static_scope : rails and blocks that static_mw covers. baseline : state in which it was read.
    """

    static_mw: Quantity | None = None
    static_scope: str = ""
    baseline: str = ""
    host_awake_mw: Quantity | None = None
    chip_fraction: Quantity | None = None


class BarrierSync(Table):
    """Duration of the barrier for a number of tiles in use."""

    tiles: int
    us: Quantity


class StepTiming(Section):
    """Duration of events and steps."""

    synop_ns: Quantity | None = None
    neuron_update_ns: Quantity | None = None
    spike_out_ns: Quantity | None = None
    axon_in_ns: Quantity | None = None
    axon_out_ns: Quantity | None = None
    hop_horizontal_ns: Quantity | None = None
    hop_vertical_ns: Quantity | None = None
    barrier_sync_us: Quantity | None = None
    barrier_sync_table: tuple[BarrierSync, ...] = ()
    host_us_per_step: Quantity | None = None
    clock_hz: Quantity | None = None
    cycles_per_input_synapse_event: Quantity | None = None
    cycles_per_hidden_synapse_event: Quantity | None = None
    cycles_per_output_synapse_event: Quantity | None = None
    cycles_per_input: Quantity | None = None
    cycles_per_hidden_neuron: Quantity | None = None
    cycles_per_output_neuron: Quantity | None = None


class Noc(Section):
    """Network on chip. multicast : False means one packet per target core."""

    topology: Literal["mesh", "torus", "tree", "crossbar", "none"] | None = None
    width_tiles: Quantity | None = None
    height_tiles: Quantity | None = None
    routing: str = ""
    multicast: bool | None = None
    packet_bits: Quantity | None = None


class Case(Section):
    """A measured case with its exact counts per inference, from which constants were fitted."""

    title: str
    steps: Quantity
    updates: Quantity
    spikes: Quantity
    synops_taps: Quantity
    synops_nonzero: Quantity
    dynamic_mj: Quantity
    step_us: Quantity | None = None

    def synops(self, convention: Convention) -> float:
        """Synaptic operations under that convention."""
        quantity = self.synops_taps if convention == "taps" else self.synops_nonzero
        return quantity.bounds[1]


class Validation(Table):
    """A measured case run through this profile; the unit is part of ``quantity``."""

    case: str
    quantity: str
    predicted_low: float
    predicted_mid: float
    predicted_high: float
    measured: float
    role: Literal["calibration", "held-out"]
    note: str = ""

    @model_validator(mode="after")
    def _is_ordered(self) -> Validation:
        if not self.predicted_low <= self.predicted_mid <= self.predicted_high:
            raise ValueError("predicted_low, predicted_mid, predicted_high are out of order")
        if self.measured <= 0:
            raise ValueError(f"measured is {self.measured:g}, expected more than 0")
        return self

    @property
    def contains(self) -> bool:
        """Whether the predicted interval holds the measured value."""
        return self.predicted_low <= self.measured <= self.predicted_high

    @property
    def error(self) -> float:
        """Relative error of the mid value."""
        return (self.predicted_mid - self.measured) / self.measured


class ChipProfile(Table):
    """A chip: what it holds, what an event costs, and how far that is known."""

    identity: Identity
    limits: Limits = Limits()
    precision: Precision = Precision()
    energy: Energy = Energy()
    power: Power = Power()
    timing: StepTiming = StepTiming()
    noc: Noc = Noc()
    cases: dict[str, Case] = Field(default_factory=dict)
    validation: tuple[Validation, ...] = ()
    citations: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_consistent(self) -> ChipProfile:
        for path, evidence in self._evidence():
            for key in evidence.sources:
                if key not in self.citations:
                    raise ValueError(f"{path}: source {key!r} is not in [citations]")
        joint = self.energy.joint_constraint
        if joint is not None and joint not in self.cases:
            raise ValueError(f"energy.joint_constraint: no case {joint!r} in [cases]")
        return self

    @property
    def name(self) -> str:
        """Short name, the file's without suffix where it is shipped."""
        return self.identity.name

    def sections(self) -> Iterator[tuple[str, Section]]:
        """Yield (name, section) of every table of quantities."""
        for name in ("limits", "precision", "energy", "power", "timing", "noc"):
            yield name, getattr(self, name)
        for name, case in self.cases.items():
            yield f"cases.{name}", case

    def _evidence(self) -> Iterator[tuple[str, _Evidence]]:
        for section_name, section in self.sections():
            for key in type(section).model_fields:
                value = getattr(section, key)
                if isinstance(value, _Evidence):
                    yield f"{section_name}.{key}", value
        for row in self.timing.barrier_sync_table:
            yield "timing.barrier_sync_table", row.us


def profile_names() -> tuple[str, ...]:
    """Return the names of the profiles that ship with the package, sorted."""
    folder = resources.files("neurodeploy.hw_profiles")
    return tuple(sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith(".toml")))


def load_profile(name_or_path: str | Path) -> ChipProfile:
    """Return a shipped profile by name (``"loihi2"``), or one of your own by path.

    Raises ProfileError for an unknown name (with the nearest known one), a file that cannot be
    read, and any breach of the schema, naming the key and the expectation.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or text.endswith(".toml") or "/" in text or "\\" in text:
        path = Path(name_or_path)
        return _checked(path, str(path))
    if text not in profile_names():
        raise ProfileError(
            f"profile {text!r} is not shipped, {nearest(text, list(profile_names()))} "
            "(a file of your own is given by its path, ending in .toml)"
        )
    with resources.as_file(resources.files("neurodeploy.hw_profiles") / f"{text}.toml") as path:
        return _checked(path, f"{text}.toml")


def _checked(path: Path, where: str) -> ChipProfile:
    return checked(ChipProfile, read_toml(path, ProfileError), where, ProfileError)
