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
    "steps": Range(1, 1e12, whole=True),
}
"""Ranges of single keys."""
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
