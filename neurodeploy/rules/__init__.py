"""Rules: what a chip can hold, each limit a small function fed by the chip's profile.

    for violation in violations(program, load_profile("loihi1")):
        print(violation)

A limit that a profile does not state is not checked: unknown is never zero (`unchecked`). Rules
stand in `RULES` by name, and more may be added from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from neurodeploy.errors import ProfileError, ProgramError
from neurodeploy.profile import ChipProfile
from neurodeploy.program import Program
from neurodeploy.registry import ByName
from neurodeploy.rules.limits import LimitRule, Rule, Use, Violation, limit
from neurodeploy.rules.maps import MAP_RULES
from neurodeploy.rules.neurons import NEURON_RULES
from neurodeploy.rules.structure import STRUCTURE_RULES
from neurodeploy.rules.synapses import SYNAPSE_RULES

__all__ = [
    "RANGES",
    "RULES",
    "LimitRule",
    "Rule",
    "Use",
    "Violation",
    "check_stated",
    "enforce",
    "limit",
    "limit_rules",
    "unchecked",
    "uses",
    "violations",
]

RULES: ByName[Rule] = ByName(
    "rule", {**NEURON_RULES, **SYNAPSE_RULES, **STRUCTURE_RULES, **MAP_RULES}
)
"""``rule(program, profile)`` yields every violation."""
RANGES = ("decays", "thresholds", "biases", "weights", "delays")
"""Rules about the numbers themselves, which hold wherever neurons are placed."""


def violations(
    program: Program, profile: ChipProfile, rules: Iterable[str] | None = None
) -> tuple[Violation, ...]:
    """Return all violations at once, in the order of the rules; of those named, or of all.

    Raises OptionError for a rule that does not exist.
    """
    return tuple(found for _, rule in _chosen(rules) for found in rule(program, profile))


def uses(
    program: Program, profile: ChipProfile, rules: Iterable[str] | None = None
) -> tuple[tuple[str, Use], ...]:
    """Return (rule, what is used of a limit) for every limit that the profile states.

    Rules that were added as plain functions tell of violations alone and are left out.

    Raises OptionError for a rule that does not exist.
    """
    return tuple(
        (name, use)
        for name, rule in _chosen(rules)
        if isinstance(rule, LimitRule)
        for use in rule.uses(program, profile)
    )


def limit_rules() -> dict[str, LimitRule]:
    """Return the rules that read limits of a profile, by name."""
    return {name: rule for name, rule in RULES.items() if isinstance(rule, LimitRule)}


def unchecked(profile: ChipProfile) -> tuple[str, ...]:
    """Return the rules of which the profile states no limit at all."""
    return tuple(name for name, rule in limit_rules().items() if not rule.stated(profile))


def check_stated(profile: ChipProfile, rules: Iterable[str]) -> None:
    """Raise ProfileError for a rule that is asked for and has no limit in the profile."""
    for name, rule in _chosen(rules):
        if isinstance(rule, LimitRule) and not rule.stated(profile):
            raise ProfileError(
                f"profile {profile.name}: rule {name} needs {' or '.join(rule.keys)}, which it "
                "does not state"
            )


def enforce(program: Program, profile: ChipProfile, rules: Iterable[str] | None = None) -> None:
    """Raise ProgramError with every violation, in one line, if there is any."""
    found = violations(program, profile, rules)
    if found:
        raise ProgramError("; ".join(str(violation) for violation in found))


def _chosen(rules: Iterable[str] | None) -> Iterator[tuple[str, Rule]]:
    for name in RULES if rules is None else rules:
        yield name, RULES.named(name)
