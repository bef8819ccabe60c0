"""The parts of the page in their order; one may be added from outside, ``PARTS.add(name, part)``.

A part is a module with its content, figures, cards and checks, and a template of the same name.
"""

from neurodeploy.registry import ByName
from neurodeploy.report.parts import (
    accuracy,
    activity,
    attack,
    certified,
    cores,
    corruption,
    cost,
    energy,
    exactness,
    faults,
    headroom,
    network,
    noise,
    provenance,
    sample,
)
from neurodeploy.report.parts.part import Part

__all__ = ["PARTS", "Part"]

PARTS: ByName[Part] = ByName(
    "report part",
    {
        "accuracy": accuracy.PART,
        "noise": noise.PART,
        "attack": attack.PART,
        "corruption": corruption.PART,
        "cost": cost.PART,
        "certified": certified.PART,
        "faults": faults.PART,
        "exactness": exactness.PART,
        "headroom": headroom.PART,
        "activity": activity.PART,
        "sample": sample.PART,
        "cores": cores.PART,
        "energy": energy.PART,
        "network": network.PART,
        "provenance": provenance.PART,
    },
)
