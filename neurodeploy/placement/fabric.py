"""A chip as a mapper sees it: its cores, what each one holds, and how words are counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import ProfileError
from neurodeploy.frozen import FrozenMapping

if TYPE_CHECKING:
    from neurodeploy.profile import ChipProfile

Whole = Any
"""An int, or an int64 array of any shape."""

RESOURCES: Mapping[str, str] = {
    "neurons": "neurons",
    "in_axons": "input axons",
    "out_axons": "output axons",
    "words": "words of synapse memory",
    "formats": "weight formats",
    "thresholds": "thresholds",
    "compartments": "sets of decays",
    "kernel_weights": "weights of kernel memory",
    "states": "neuron states",
}
"""What a core holds a limited number of, and what it is called."""
LIMITS: Mapping[str, tuple[str, ...]] = {
    "neurons": ("neurons_per_core_effective_max", "neurons_per_core_max"),
    "in_axons": ("in_axons_per_core_max",),
    "out_axons": ("out_axons_per_core_max",),
    "words": ("synapse_memory_words_per_core",),
    "formats": ("synapse_formats_per_core_max",),
    "thresholds": ("threshold_configs_per_core_max",),
    "compartments": ("compartment_configs_per_core_max",),
}
"""Keys of a profile's ``[limits]``, the first one that it states."""


@dataclass(frozen=True)
class Rows:
    """Words of synapse memory that rows of weights take.

    word_bits : None where the size of a word is not known; then words_per_weight and
    words_overhead count them. block : most weights of a block; overhead_bits : of each block.
    bits_per_weight : None where that is weight + delay + index bits. widths : that a stored weight
    may have. index_bits : least and most, None where rows cannot be sparse.
    """

    word_bits: int | None = None
    block: int | None = None
    overhead_bits: int = 0
    bits_per_weight: int | None = None
    widths: tuple[int, ...] = ()
    index_bits: tuple[int, int] | None = None
    words_per_weight: float | None = None
    words_overhead: float = 0.0
    kernel_words_per_weight: float | None = None

    def stored(self, bits: int) -> int:
        """Return the least width that holds ``bits``, the widest where none does."""
        return next(
            (width for width in self.widths if width >= bits), max(self.widths, default=bits)
        )

    def dense(self, weights: Whole, bits: int) -> Whole:
        """Return the words of one row of ``weights`` weights of ``bits`` bits, delay bits included.

        ``ceil((n * bits + overhead) / word)`` for each block, or ``ceil(n * a + b)``.
        """
        if self.word_bits is None:
            return self._words(weights, self.words_per_weight, self.words_overhead)
        return self._blocks(weights, self.bits_per_weight or bits)

    def sparse(self, weights: Whole, targets: Whole, bits: int) -> Whole | None:
        """Return the same where only ``weights`` of ``targets`` are kept, each with an index."""
        if self.word_bits is None or self.index_bits is None or self.bits_per_weight is not None:
            return None
        needed = np.ceil(np.log2(np.maximum(targets, 2))).astype(np.int64)
        index = np.clip(needed, *self.index_bits)
        return self._blocks(weights, bits + index)

    def kernel(self, weights: Whole, bits: int) -> Whole:
        """Return the words of one row of a shared kernel."""
        if self.word_bits is None:
            return self._words(weights, self.kernel_words_per_weight, 0.0)
        return self._blocks(weights, self.bits_per_weight or bits)

    def _blocks(self, weights: Whole, bits: Whole) -> Whole:
        word = self.word_bits or 1

        def words(count: Whole) -> Whole:
            return np.where(count > 0, -(-(count * bits + self.overhead_bits) // word), 0)

        if self.block is None:
            return words(weights)
        return weights // self.block * words(np.int64(self.block)) + words(weights % self.block)

    @staticmethod
    def _words(weights: Whole, each: float | None, more: float) -> Whole:
        if each is None:
            return np.zeros_like(weights)
        taken = np.ceil(np.round(weights * each + more, 9)).astype(np.int64)
        return np.where(weights > 0, taken, 0)


@dataclass(frozen=True)
class Fabric:
    """A chip as a mapper sees it; a limit that the profile does not state is absent.

    cores : usable ones of one chip, chips : most of them; None where not stated. limits : of one
    core, by `RESOURCES`. own : for each core the limits that differ between cores. mesh : tiles
    (width, height). shares_kernels : whether positions share one copy of a kernel.
    population_axons : whether an axon of a convolution stands for a population. strips : whether
    maps are cut along their width alone, columns_of_two : in strips of 2^k columns. alone :
    whether a core takes neurons of one population only.
    """

    name: str
    cores: int | None
    chips: int | None
    limits: Mapping[str, int]
    own: tuple[Mapping[str, int], ...] = ()
    rows: Rows = Rows()
    cores_per_tile: int = 1
    mesh: tuple[int, int] | None = None
    group: int = 1
    fan_in: int | None = None
    fan_out_cores: int | None = None
    multicast: bool = False
    shares_kernels: bool = False
    population_axons: bool = False
    strips: bool = False
    columns_of_two: bool = False
    alone: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "limits", FrozenMapping(self.limits))
        object.__setattr__(self, "own", tuple(FrozenMapping(entry) for entry in self.own))

    def padded(self, neurons: Whole) -> Whole:
        """Return neurons rounded up to whole groups."""
        return -(-neurons // self.group) * self.group


def fabric(profile: ChipProfile) -> Fabric:
    """Return the chip of ``profile`` as a mapper sees it: limits at their lower ends.

    Raises ProfileError where the profile does not say what a core holds.
    """
    limits, noc = profile.limits, profile.noc
    held = {name: value for name in LIMITS if (value := _first(profile, LIMITS[name])) is not None}
    own = _own(profile)
    if "neurons" not in held and not own:
        raise ProfileError(
            f"profile {profile.name}: nothing can be placed, it does not say how many neurons a "
            "core holds (limits.neurons_per_core_max)"
        )
    cores, reserved = _number(limits, "cores_per_chip"), _number(limits, "cores_reserved")
    width, height = _number(noc, "width_tiles"), _number(noc, "height_tiles")
    return Fabric(
        name=profile.name,
        cores=None if cores is None else cores - (reserved or 0),
        chips=_number(limits, "chips_max"),
        limits=held,
        own=own,
        rows=_rows(profile),
        cores_per_tile=_number(limits, "cores_per_tile") or 1,
        mesh=(width, height) if noc.topology == "mesh" and width and height else None,
        group=_number(limits, "neuron_group_size") or 1,
        fan_in=_number(limits, "fan_in_per_neuron_max"),
        fan_out_cores=_number(limits, "fan_out_cores_per_neuron_max"),
        multicast=bool(noc.multicast),
        shares_kernels=limits.choice("kernel_sharing") == "per-core",
        population_axons=limits.choice("convolution_axons") == "population",
        strips=limits.choice("map_cut") == "width",
        columns_of_two=limits.choice("map_strip_columns") == "powers-of-two",
        alone=_keeps_apart(profile, own),
    )


def _keeps_apart(profile: ChipProfile, own: tuple[dict[str, int], ...]) -> bool:
    """Whether a core holds one population only: cores of a kind each, as stated, or so few levels
    of weights that each population has levels of its own."""
    levels = profile.precision.quantity("weight_levels_per_core_max")
    most = _number(profile.limits, "populations_per_core_max")
    return bool(own) or most == 1 or levels is not None


def _rows(profile: ChipProfile) -> Rows:
    limits = profile.limits
    least, most = (_number(limits, f"synapse_index_bits_{end}") for end in ("min", "max"))
    widths = profile.precision.listing("weight_storage_bits") or ()
    overhead = _middle(limits, "synapse_dense_row_words_overhead")
    return Rows(
        word_bits=_number(limits, "synapse_memory_word_bits"),
        block=_number(limits, "synapse_row_weights_max"),
        overhead_bits=_number(limits, "synapse_row_overhead_bits") or 0,
        bits_per_weight=_number(limits, "synapse_row_bits_per_weight"),
        widths=tuple(sorted(int(width) for width in widths)),
        index_bits=None if least is None or most is None else (least, most),
        words_per_weight=_middle(limits, "synapse_dense_row_words_per_weight"),
        words_overhead=overhead or 0.0,
        kernel_words_per_weight=_middle(limits, "synapse_kernel_row_words_per_weight"),
    )


def _own(profile: ChipProfile) -> tuple[dict[str, int], ...]:
    """Return the limits of each core where cores differ."""
    kernels = profile.limits.listing("kernel_memory_weights_per_core")
    states = profile.limits.listing("neuron_memory_states_per_core")
    if kernels is None or states is None:
        return ()
    if len(kernels) != len(states):
        raise ProfileError(
            f"profile {profile.name}: kernel_memory_weights_per_core lists {len(kernels)} cores, "
            f"neuron_memory_states_per_core {len(states)}"
        )
    return tuple(
        {"kernel_weights": int(kernel), "states": int(state)}
        for kernel, state in zip(kernels, states, strict=True)
    )


def _first(profile: ChipProfile, keys: tuple[str, ...]) -> int | None:
    found = (_number(profile.limits, key) for key in keys)
    return next((value for value in found if value is not None), None)


def _number(section: Any, key: str) -> int | None:
    """Return what a chip holds for sure: the lower end."""
    quantity = section.quantity(key)
    return None if quantity is None else int(quantity.bounds[0])


def _middle(section: Any, key: str) -> float | None:
    """Return a cost at its middle: what agrees best with what was seen."""
    quantity = section.quantity(key)
    return None if quantity is None else float(quantity.bounds[1])


def array(values: Whole) -> NDArray[np.int64]:
    """Return ``values`` as int64."""
    return np.asarray(values, np.int64)
