"""Rules: what a chip can hold, each limit a small function fed by the chip's profile.

    for violation in violations(program, load_profile("loihi1")):
        print(violation)

A limit that a profile does not state is not checked: unknown is never zero. Rules stand in `RULES`
by name, and more may be added from outside.
"""

from __future__ import annotations

from collections.abc import Iterable

from neurodeploy.errors import ProgramError
from neurodeploy.profile import ChipProfile
from neurodeploy.program import Program
from neurodeploy.registry import ByName
from neurodeploy.rules.limits import Rule, Violation
from neurodeploy.rules.neurons import NEURON_RULES
from neurodeploy.rules.synapses import SYNAPSE_RULES

__all__ = ["RANGES", "RULES", "Rule", "Violation", "enforce", "violations"]

RULES: ByName[Rule] = ByName("rule", {**NEURON_RULES, **SYNAPSE_RULES})
"""``rule(program, profile)`` yields every violation."""
RANGES = ("decays", "thresholds", "biases", "weights", "delays")
"""Rules about the numbers themselves, which hold wherever neurons are placed."""


def violations(
    program: Program, profile: ChipProfile, rules: Iterable[str] | None = None
) -> tuple[Violation, ...]:
    """Return all violations at once, in the order of the rules; of those named, or of all.

    Raises OptionError for a rule that does not exist.
    """
    chosen = [RULES.named(name) for name in (RULES if rules is None else rules)]
    return tuple(found for rule in chosen for found in rule(program, profile))


def enforce(program: Program, profile: ChipProfile, rules: Iterable[str] | None = None) -> None:
    """Raise ProgramError with every violation, in one line, if there is any."""
    found = violations(program, profile, rules)
    if found:
        raise ProgramError("; ".join(str(violation) for violation in found))
