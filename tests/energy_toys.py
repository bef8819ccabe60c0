"""Small networks and profiles for the tests of the energy estimator."""

from __future__ import annotations

from typing import Any

import numpy as np

import neurodeploy as nd
from neurodeploy.energy import EnergyReport
from neurodeploy.profile import ChipProfile

LIF = nd.CubaLif(current_decay=4096, voltage_decay=0, threshold=0)


def tiny() -> nd.Program:
    """Two inputs, two neurons, one neuron; one of the six weights is zero."""
    return nd.Program(
        inputs=(nd.Input("x", 2),),
        populations=(nd.Population("a", 2, LIF), nd.Population("b", 1, LIF)),
        connections=(
            nd.Connection("x", "a", nd.Dense([[1, 1], [0, 1]])),
            nd.Connection("a", "b", nd.Dense([[1, 1]])),
        ),
        readout=nd.Readout("b"),
    )


def quantity(*values: float, grade: str = "measured", **more: Any) -> dict[str, Any]:
    numbers = dict(zip(("low", "mid", "high"), values, strict=False))
    return {**(numbers if len(values) == 3 else {"value": values[0]}), "grade": grade, **more}


def chip(**sections: dict[str, Any]) -> ChipProfile:
    """Return a profile whose quantities all cite one source."""
    for section in sections.values():
        for entry in section.values():
            if isinstance(entry, dict) and entry.get("grade") not in (None, "none"):
                entry["source"] = "book"
    identity = {"name": "chip", "status": "estimates", "schema_version": 1}
    identity.update(sections.pop("identity", {}))
    return ChipProfile.model_validate(
        {"identity": identity, "citations": {"book": "A book"}, **sections}
    )


def plain_energy(**more: Any) -> dict[str, Any]:
    return {
        "count_convention": "taps",
        "synop_pj": quantity(1.0, 2.0, 3.0),
        "neuron_update_active_pj": quantity(10.0),
        **more,
    }


def run(program: nd.Program, samples: list[list[list[int]]]) -> nd.Activity:
    x = np.array(samples, np.uint8)
    return nd.simulate(program, x, engine="reference").activity


def term(report: EnergyReport, name: str) -> Any:
    return next(t for t in report.terms if t.name == name)


def reason(report: EnergyReport, name: str) -> str:
    return next(e.reason for e in report.excluded if e.name == name)


def joint_chip(**case: float) -> ChipProfile:
    """Return a chip of which one total is known: 100 pJ for 10 synops, 10 updates, 5 spikes."""
    counts = {
        "steps": 4.0,
        "step_us": 1.0,
        "updates": 10.0,
        "spikes": 5.0,
        "synops_taps": 10.0,
        "synops_nonzero": 10.0,
        "dynamic_mj": 100e-9,
        **case,
    }
    known = {key: {**quantity(value), "source": "book"} for key, value in counts.items()}
    return chip(
        energy={"count_convention": "taps", "joint_constraint": "run"},
        cases={"run": {"title": "a case", **known}},
    )
