"""A commented profile to start from: every key of the schema, with an example, commented out."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator

from neurodeploy.profile.chip import ChipProfile
from neurodeploy.profile.evidence import Choice, Listing, Quantity, Section
from neurodeploy.profile.ranges import CHOICES, range_of

HEAD = """\
# A chip profile. Take the mark away before the keys that you know; a key that is left out is
# unknown, never zero, and what needs it is refused or not checked, by name.
#
# A number is a table with its evidence, and its unit is part of its key:
#     key = { value = 1, grade = "vendor", source = "sheet" }
#     key = { low = 1, mid = 2, high = 3, grade = "simulated", source = "sheet", note = "why" }
# grade  : measured, vendor, derived; fitted (with cases = N), pre-silicon, simulated, secondary
#          (of an energy only as low, mid and high); none (unknown, and said so)
# source : a key of [citations], or a list of them. op, note : operating point, remark.
#
# A profile may hold what differs from another one, a chip by name or a file seen from this one:
# extends = "loihi1"

[identity]
name = "my_chip"
schema_version = 1
# limits: mapping only, energy is refused; bounds: energies are bounds; estimates: all usable
status = "limits"
profile_version = "1"
# vendor = "Maker"
# generation = "Chip, second generation"
# process_nm = 28
# year = 2026
# board = "Board that was measured"
"""
TAIL = """
[citations]
sheet = "Data sheet of the chip, version and page"
"""
NUMBERS: dict[str, int] = {
    "cores_per_chip": 128,
    "cores_reserved": 2,
    "tiles_per_chip": 32,
    "cores_per_tile": 4,
    "neurons_per_core_max": 1024,
    "synapse_memory_bits_per_core": 1_048_576,
    "synapse_memory_word_bits": 64,
    "synapse_memory_words_per_core": 16_384,
    "synapse_index_bits_max": 12,
    "weight_exp_max": 7,
    "delay_max_steps": 62,
    "width_tiles": 8,
    "height_tiles": 4,
}
"""Examples of numbers that have to agree with each other; others take what their range allows."""
WRITTEN: dict[str, str] = {
    "count_convention": '"taps"',
    "includes": '["hop"]',
    "weight_sign_modes": '["mixed", "excitatory", "inhibitory"]',
    "weight_even_when_mixed": "true",
    "neuron_models": '["CubaLif"]',
    "reset_modes": '["zero"]',
    "overflow_u": '"wrap-once"',
    "overflow_v": '"saturate"',
    "rounding": '"toward-zero"',
    "deterministic": "true",
    "static_scope": '"one chip, all rails"',
    "baseline": '"idle after boot"',
    "topology": '"mesh"',
    "routing": '"xy"',
    "multicast": "false",
    "injection": '["events", "bias"]',
}
"""Examples of what is no number."""
ELSEWHERE = ("joint_constraint", "barrier_sync_table")
"""Keys that stand on tables of their own: measured cases, and a barrier by the number of tiles."""


def template() -> str:
    """Return the text of a profile that loads as it is, with every other key as a comment."""
    return HEAD + "".join(_section(name, kind) for name, kind in section_types()) + TAIL


def section_types() -> Iterator[tuple[str, type[Section]]]:
    """Yield (name, type) of every table of quantities that a profile may hold."""
    for name, field in ChipProfile.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield name, kind


def _section(name: str, kind: type[Section]) -> str:
    lines = [f"\n[{name}]", *_remarks(kind), *(f"# {line}" for line in _examples(kind))]
    return "\n".join(lines) + "\n"


def _remarks(kind: type[Section]) -> Iterator[str]:
    """Yield the docstring of a section as comments that are no keys."""
    for paragraph in inspect.cleandoc(kind.__doc__ or "").replace("``", "'").split("\n\n"):
        text = " ".join(paragraph.split())
        yield from (f"## {line}" for line in textwrap.wrap(text, 95, break_long_words=False))


def _examples(kind: type[Section]) -> Iterator[str]:
    for key, field in kind.model_fields.items():
        if key in ELSEWHERE:
            continue
        yield f"{key} = {_example(kind.__name__, key, str(field.annotation))}"


def _example(table: str, key: str, annotation: str) -> str:
    evidence = 'grade = "vendor", source = "sheet"'
    if Quantity.__name__ in annotation:
        return f"{{ value = {_number(table, key)}, {evidence} }}"
    if Listing.__name__ in annotation:
        return f"{{ values = [1, 2, 4], {evidence} }}"
    if Choice.__name__ in annotation:
        first, *others = CHOICES[key]
        more = f"  # or {', '.join(others)}" if others else ""
        return f'{{ value = "{first}", {evidence} }}{more}'
    return WRITTEN[key]


def _number(table: str, key: str) -> int:
    allowed = range_of(table, key)
    return NUMBERS.get(key, int(min(max(allowed.low, 1), allowed.high)))
