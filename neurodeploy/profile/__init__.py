"""Chip profiles: what a chip can hold and what an event costs, every number with its evidence.

A profile is one TOML file. Each number that describes the chip is an inline table, its unit is
part of the key, and its form says how much is known:

    key_unit = { value = 0.0, grade = "...", source = "..." }
    key_unit = { low = 0.0, mid = 0.0, high = 0.0, grade = "...", source = "..." }

A file of one's own may extend another profile (`load_profile`); `template` is one to start from.
A key that is absent or has ``grade = "none"`` is unknown, never zero. Measured cases stand in
``[cases.NAME]`` as data; whatever is said about them is computed from the constants.
"""

from neurodeploy.profile.cases import Case, CaseLayer
from neurodeploy.profile.chip import JOINT, ChipProfile
from neurodeploy.profile.costs import Convention
from neurodeploy.profile.evidence import INTERVAL_ONLY, Choice, Listing, Quantity, Section
from neurodeploy.profile.load import load_profile, profile_names
from neurodeploy.profile.template import template
from neurodeploy.profile.write import write_profile

__all__ = [
    "INTERVAL_ONLY",
    "JOINT",
    "Case",
    "CaseLayer",
    "ChipProfile",
    "Choice",
    "Convention",
    "Listing",
    "Quantity",
    "Section",
    "load_profile",
    "profile_names",
    "template",
    "write_profile",
]
