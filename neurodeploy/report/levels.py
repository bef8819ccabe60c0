"""Fidelity levels: how far it is known that a network runs elsewhere as it runs here.

*model-exact*: at least two engines of this package agree. *Lava-exact*: Lava's fixed-point models
on this machine agree as well. *chip-recorded*: recordings of a chip agree. A level holds for the
inputs that were compared.
"""

from __future__ import annotations

from collections.abc import Sequence

from neurodeploy.results.comparison import Compared

LEVELS = {
    "diverged": "Engines disagree",
    "not compared": "Engines were not compared",
    "model-exact": "The engines of this package agree bit for bit",
    "Lava-exact": "Lava's fixed-point models on this machine agree bit for bit",
    "chip-recorded": "Recordings of a chip agree bit for bit",
}
OWN_ENGINES = {"native", "reference"}


def level(comparisons: Sequence[Compared]) -> str:
    """Return the fidelity level that the comparisons support."""
    if any(not entry.equal for entry in comparisons):
        return "diverged"
    compared = [set(entry.engines) for entry in comparisons if entry.compared > 0]
    if any("recording" in engines and len(engines) > 1 for engines in compared):
        return "chip-recorded"
    if any("lava" in engines and engines & OWN_ENGINES for engines in compared):
        return "Lava-exact"
    if any(engines >= OWN_ENGINES for engines in compared):
        return "model-exact"
    return "not compared"
