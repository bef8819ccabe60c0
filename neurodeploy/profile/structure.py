"""Which chip a profile is of, and what the chip holds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from neurodeploy.profile.evidence import (
    Choice,
    Flag,
    Listing,
    Number,
    Quantity,
    Section,
    Text,
)
from neurodeploy.schema import Table


def _no_flag(value: object) -> object:
    """Refuse True, which Python takes for 1."""
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is no number")
    return value


class Identity(Table):
    """Which chip, and how far its numbers reach.

    status : ``"estimates"`` (energy and timing usable), ``"bounds"`` (only bounds) or ``"limits"``
    (mapping only, energy refused). based_on : the profile that the file extends. chip : False
    where the numbers are of no chip, such as those of arithmetic in one technology.
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
    based_on: str = ""
    chip: Flag = True


class Limits(Section):
    """Structure of the chip; a mapper counts against it.

    neurons_per_core_effective_max : what a real compiler accepted, where that is less than the
    nominal limit. neuron_group_size : neurons of a core are padded to a multiple of it.
    populations_per_core_max : 1 where a core takes neurons of one population only.
    in_axons_per_core_max, out_axons_per_core_max : pairs of a source neuron or population and a
    target core. fan_in_per_neuron_max : distinct sources. fan_out_per_neuron_max : distinct
    targets. hidden_neurons_max : neurons that are not read, where those that are have places of
    their own. kernel_memory_weights_per_core, neuron_memory_states_per_core : one entry for each
    core where cores differ.

    The words of one input axon's row of n weights: blocks of at most synapse_row_weights_max,
    ``n * (synapse_row_bits_per_weight, else weight bits + delay bits + index bits)
    + synapse_row_overhead_bits`` each, rounded up to words; index bits are 0 for dense rows, else
    synapse_index_bits_min to synapse_index_bits_max. Where the size of a word is not known, words
    themselves: ``n * synapse_dense_row_words_per_weight + synapse_dense_row_words_overhead`` of a
    dense row, rounded up, and ``n * synapse_kernel_row_words_per_weight`` of a kernel's, n the
    channels that it goes to. kernel_sharing, convolution_axons, map_cut,
    map_strip_columns : see `CHOICES` of `neurodeploy.profile.ranges`.
    """

    chips_max: Quantity | None = None
    cores_per_chip: Quantity | None = None
    cores_reserved: Quantity | None = None
    tiles_per_chip: Quantity | None = None
    cores_per_tile: Quantity | None = None
    neurons_per_chip_max: Quantity | None = None
    synapses_per_chip_max: Quantity | None = None
    neurons_per_core_max: Quantity | None = None
    neurons_per_core_effective_max: Quantity | None = None
    neuron_group_size: Quantity | None = None
    populations_per_core_max: Quantity | None = None
    in_axons_per_core_max: Quantity | None = None
    out_axons_per_core_max: Quantity | None = None
    fan_in_per_neuron_max: Quantity | None = None
    fan_out_per_neuron_max: Quantity | None = None
    fan_out_cores_per_neuron_max: Quantity | None = None
    synapse_memory_bits_per_core: Quantity | None = None
    synapse_memory_word_bits: Quantity | None = None
    synapse_memory_words_per_core: Quantity | None = None
    synapse_row_weights_max: Quantity | None = None
    synapse_row_bits_per_weight: Quantity | None = None
    synapse_row_overhead_bits: Quantity | None = None
    synapse_index_bits_min: Quantity | None = None
    synapse_index_bits_max: Quantity | None = None
    synapse_dense_row_words_per_weight: Quantity | None = None
    synapse_dense_row_words_overhead: Quantity | None = None
    synapse_kernel_row_words_per_weight: Quantity | None = None
    synapse_formats_per_core_max: Quantity | None = None
    threshold_configs_per_core_max: Quantity | None = None
    compartment_configs_per_core_max: Quantity | None = None
    axon_map_entries_per_core_max: Quantity | None = None
    kernel_sharing: Choice | None = None
    convolution_axons: Choice | None = None
    map_cut: Choice | None = None
    map_strip_columns: Choice | None = None
    kernel_memory_weights_per_core: Listing | None = None
    neuron_memory_states_per_core: Listing | None = None
    kernel_size_max: Quantity | None = None
    features_max: Quantity | None = None
    strides_allowed: Listing | None = None
    pools_allowed: Listing | None = None
    fan_out_layers_max: Quantity | None = None
    depth_layers_max: Quantity | None = None
    hidden_neurons_max: Quantity | None = None
    inputs_max: Quantity | None = None
    outputs_max: Quantity | None = None

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Limits:
        _ordered(self, "neurons_per_core_effective_max", "neurons_per_core_max")
        _ordered(self, "synapse_index_bits_min", "synapse_index_bits_max")
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
    """Widths of weights and states, how they are stored, and what happens at their ends.

    weight_storage_bits : widths that a stored weight may have. weight_levels_per_neuron_max,
    weight_levels_per_core_max : distinct weights into a neuron or a core. spike_payload_bits :
    width of a message, 0 where it is an event alone. weight_encoding and the other encodings : the
    word that is kept, see `CHOICES` of `neurodeploy.profile.ranges`.
    """

    weight_bits: Quantity | None = None
    weight_storage_bits: Listing | None = None
    weight_levels_per_neuron_max: Quantity | None = None
    weight_levels_per_core_max: Quantity | None = None
    weight_encoding: Choice | None = None
    threshold_encoding: Choice | None = None
    decay_encoding: Choice | None = None
    bias_encoding: Choice | None = None
    delay_encoding: Choice | None = None
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


class HostLink(Section):
    """The way of data from outside to the chip and back.

    injection : ways in which data reach the network; ``"events"``, one message per value and step,
    ``"bias"``, an image written as biases once per sample. input_value_us : time of the link for
    each input value or event. readout_value_us : for each value that is read.
    """

    injection: tuple[Literal["events", "bias"], ...] = ()
    input_value_us: Quantity | None = None
    readout_value_us: Quantity | None = None


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
