"""What a number of a profile can be: one range per key, found by its name or by its unit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """low <= x <= high. whole : only integers. above : low itself is out."""

    low: float
    high: float
    whole: bool = False
    above: bool = False

    def holds(self, value: float) -> bool:
        """Whether ``value`` lies in the range."""
        if self.whole and value != int(value):
            return False
        return (self.low < value if self.above else self.low <= value) and value <= self.high

    def __str__(self) -> str:
        kind = "a whole number from " if self.whole else ""
        if self.above and self.low == 0:
            return f"more than 0, at most {self.high:g}"
        return f"{kind}{self.low:g} to {self.high:g}"


COUNT = Range(1, 1e9, whole=True)
BITS = Range(1, 64, whole=True)
STEPS = Range(0, 1e6, whole=True)
EVENTS = Range(0, 1e15)

NAMED: dict[str, Range] = {
    "chip_fraction": Range(0, 1, above=True),
    "activity": Range(0, 1),
    "cores_reserved": Range(0, 1e9, whole=True),
    "synapse_memory_bits_per_core": Range(1, 1e12, whole=True),
    "synapse_memory_words_per_core": Range(1, 1e12, whole=True),
    "threshold_exp": Range(0, 31, whole=True),
    "bias_exp_bits": Range(0, 31, whole=True),
    "spike_payload_bits": Range(0, 64, whole=True),
    "weight_exp_min": Range(-31, 31, whole=True),
    "weight_exp_max": Range(-31, 31, whole=True),
    "delay_min_steps": STEPS,
    "delay_max_steps": STEPS,
    "clock_hz": Range(0, 1e12, above=True),
    "step_us": Range(0, 1e9, above=True),
    "packet_bits": Range(1, 1e6, whole=True),
    "synapse_row_overhead_bits": Range(0, 1e6, whole=True),
    "synapse_dense_row_words_per_weight": Range(0, 1e6, above=True),
    "synapse_dense_row_words_overhead": Range(0, 1e6),
    "synapse_kernel_row_words_per_weight": Range(0, 1e6, above=True),
    "steps": Range(1, 1e12, whole=True),
}
"""Ranges of single keys."""
CHOICES: dict[str, tuple[str, ...]] = {
    "kernel_sharing": ("per-core", "none"),
    "convolution_axons": ("population", "neuron"),
    "map_cut": ("any", "width"),
    "map_strip_columns": ("any", "powers-of-two"),
    "weight_encoding": ("loihi", "twos-complement", "sign-magnitude"),
    "threshold_encoding": ("magnitude", "twos-complement"),
    "decay_encoding": ("magnitude", "magnitude-less-one"),
    "bias_encoding": ("twos-complement", "sign-magnitude"),
    "delay_encoding": ("magnitude",),
}
"""What a key that is no number can be.

kernel_sharing : ``"per-core"``, a core keeps one copy of a kernel for all positions that it holds;
``"none"``, every position has its own weights. convolution_axons : what an input axon of a
convolution stands for. map_cut : how a feature map is cut over cores; ``"width"``, along its width
alone, all rows and channels of a column together. map_strip_columns : how many columns a core
takes. weight_encoding : ``"loihi"``, mantissas of the bits that the weights of one exponent need,
low zero bits left out, the sign stored only where signs are mixed. decay_encoding :
``"magnitude-less-one"``, the current decay less 1, the voltage decay as it is.
"""
SUFFIXES: tuple[tuple[str, Range], ...] = (
    ("_nj_per_step", Range(0, 1e9)),  # a joule
    ("_pj_per_byte", Range(0, 1e6)),
    ("_pj", Range(0, 1e6)),  # a microjoule per event: 100 times a core that runs software
    ("_mw", Range(0, 1e6)),  # a kilowatt
    ("_mj", Range(-1e6, 1e6)),
    ("_us_per_step", Range(0, 1e9)),
    ("_us", Range(0, 1e9)),  # a quarter of an hour
    ("_ns", Range(0, 1e9)),
    ("_bits", BITS),
)
"""Ranges by unit, the first that fits."""
GROUPS: dict[str, Range] = {
    "Limits": COUNT,
    "Noc": COUNT,
    "HostLink": Range(0, 1e9, above=True),
    "Precision": BITS,
    "StepTiming": Range(0, 1e6),
    "Case": EVENTS,
    "BarrierSync": Range(0, 1e9),
}
"""Range of what else a table holds."""


def range_of(table: str, key: str) -> Range:
    """Return the range of ``key`` in the table of class ``table``."""
    if key in NAMED:
        return NAMED[key]
    unit = next((entry for suffix, entry in SUFFIXES if key.endswith(suffix)), None)
    return unit or GROUPS.get(table, Range(0, 1e15))
