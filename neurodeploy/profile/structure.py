"""Which chip a profile is of, and what the chip holds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from neurodeploy.profile.evidence import Flag, Listing, Number, Quantity, Section, Text
from neurodeploy.schema import Table


def _no_flag(value: object) -> object:
    """Refuse True, which Python takes for 1."""
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is no number")
    return value


class Identity(Table):
    """Which chip, and how far its numbers reach.

    status : ``"estimates"`` (energy and timing usable), ``"bounds"`` (only bounds) or ``"limits"``
    (mapping only, energy refused).
    """

    name: Text
    status: Literal["estimates", "bounds", "limits"]
    schema_version: Annotated[Literal[1], BeforeValidator(_no_flag)]
    profile_version: Text = "1"
    vendor: str = ""
    generation: str = ""
    process_nm: Annotated[Number, Field(gt=0, le=1e6)] | None = None
    year: Annotated[int, Field(strict=True, ge=1950, le=2100)] | None = None
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

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Limits:
        _ordered(self, "neurons_per_core_effective_max", "neurons_per_core_max")
        reserved, cores = self.quantity("cores_reserved"), self.quantity("cores_per_chip")
        if reserved and cores and reserved.bounds[2] >= cores.bounds[0]:
            raise ValueError(
                f"cores_reserved is {reserved.bounds[2]:g}, expected less than cores_per_chip, "
                f"{cores.bounds[0]:g}"
            )
        _product(self, "tiles_per_chip", "cores_per_tile", "cores_per_chip")
        _product(
            self,
            "synapse_memory_words_per_core",
            "synapse_memory_word_bits",
            "synapse_memory_bits_per_core",
        )
        return self


class Precision(Section):
    """Widths of weights and states, and what happens at their ends."""

    weight_bits: Quantity | None = None
    weight_sign_modes: tuple[Literal["mixed", "excitatory", "inhibitory"], ...] = ()
    weight_even_when_mixed: Flag | None = None
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
    neuron_models: tuple[Text, ...] = ()
    reset_modes: tuple[Text, ...] = ()
    overflow_u: Literal["wrap", "saturate", "wrap-once"] | None = None
    overflow_v: Literal["wrap", "saturate", "wrap-once"] | None = None
    rounding: Literal["toward-zero", "floor", "stochastic"] | None = None
    deterministic: Flag | None = None

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Precision:
        _ordered(self, "delay_min_steps", "delay_max_steps")
        _ordered(self, "weight_exp_min", "weight_exp_max")
        return self


class Noc(Section):
    """Network on chip. multicast : False means one packet per target core."""

    topology: Literal["mesh", "torus", "tree", "crossbar", "none"] | None = None
    width_tiles: Quantity | None = None
    height_tiles: Quantity | None = None
    routing: str = ""
    multicast: Flag | None = None
    packet_bits: Quantity | None = None


def _ordered(section: Section, small: str, large: str) -> None:
    """Raise ValueError where ``small`` exceeds ``large`` at the upper end."""
    one, other = section.quantity(small), section.quantity(large)
    if one is not None and other is not None and one.bounds[2] > other.bounds[2]:
        raise ValueError(f"{small} is {one.bounds[2]:g}, above {large}, {other.bounds[2]:g}")


def _product(section: Section, *keys: str) -> None:
    """Raise ValueError where the first two, all of them points, do not multiply to the third."""
    first, second, whole = (section.quantity(key) for key in keys)
    if first is None or second is None or whole is None:
        return
    if first.is_point and second.is_point and whole.is_point:
        product = first.bounds[1] * second.bounds[1]
        if product != whole.bounds[1]:
            raise ValueError(
                f"{keys[0]} times {keys[1]} is {product:g}, {keys[2]} says {whole.bounds[1]:g}"
            )
