"""Chip limits: each violation is found, all at once; a limit that is not stated is not checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.errors import OptionError, ProgramError
from neurodeploy.profile import ChipProfile, load_profile
from neurodeploy.rules import RANGES, RULES, Violation, enforce, violations

HEAD = '[identity]\nname = "chip"\nstatus = "limits"\nschema_version = 1\n'
TAIL = '\n[citations]\nbook = "A book"\n'


@pytest.fixture(scope="module")
def loihi1() -> ChipProfile:
    return load_profile("loihi1")


@pytest.fixture(scope="module")
def loihi2() -> ChipProfile:
    return load_profile("loihi2")


def chip(tmp_path: Path, section: str, **limits: float) -> ChipProfile:
    """A profile that states just these limits."""
    lines = (
        f'{name} = {{ value = {value}, grade = "vendor", source = "book" }}'
        for name, value in limits.items()
    )
    path = tmp_path / "chip.toml"
    path.write_text("\n".join([HEAD, f"[{section}]", *lines, TAIL]))
    return load_profile(path)


def network(neuron: Any = None, synapse: Any = None, **of_input: Any) -> nd.Program:
    """One input of 2, one population of 2; every number within the ranges of Loihi."""
    neuron = neuron or nd.CubaLif(4096, 0, 100)
    ports = neuron.ports[:2] if "re" in neuron.ports else neuron.ports[:1]
    synapse = synapse or nd.Dense([[2, -4], [6, 8]])
    return nd.Program(
        (nd.Input("x", 2, **of_input),),
        (nd.Population("a", 2, neuron),),
        tuple(nd.Connection("x", "a", synapse, port=port) for port in ports),
        nd.Readout("a"),
    )


WITHIN = {
    "plain": network(),
    "edges": network(
        nd.CubaLif(0, 4096, 2**17 - 1, bias=[-2048, 2047]),
        nd.Dense([[254, -256], [0, 0]], [[62]] * 2),
    ),
    "one sign takes all 8 bits": network(synapse=nd.Dense([[255, 1], [0, 7]])),
    "odd weights within half the range": network(synapse=nd.Dense([[127, -128], [1, 3]])),
    "even biases have one exponent more": network(nd.CubaLif(0, 0, 1, bias=[4094, -4096])),
}


@pytest.mark.parametrize("name", WITHIN)
def test_what_the_chip_holds_violates_nothing(
    name: str, loihi1: ChipProfile, loihi2: ChipProfile
) -> None:
    for profile in (loihi1, loihi2):
        assert violations(WITHIN[name], profile) == ()
        enforce(WITHIN[name], profile)


OUTSIDE: list[tuple[str, nd.Program, str]] = [
    (
        "models",
        network(nd.SigmaDelta(3)),
        "population a: neurons are SigmaDelta, loihi1 has CubaLif",
    ),
    (
        "resets",
        network(nd.CubaLif(0, 0, 1, reset="subtract")),
        "population a: reset is 'subtract', loihi1 has zero",
    ),
    (
        "decays",
        network(nd.CubaLif(4097, -1, 1)),
        "population a: current_decay holds 4097, loihi1 takes 0 to 4096; "
        "population a: voltage_decay holds -1, loihi1 takes 0 to 4096",
    ),
    (
        "thresholds",
        network(nd.CubaLif(0, 0, [5, 10_240_000])),
        "population a: threshold holds 10240000, loihi1 takes 0 to 131071",
    ),
    (
        "thresholds",
        network(nd.CubaLif(0, 0, -1)),
        "population a: threshold holds -1, loihi1 takes 0 to 131071",
    ),
    (
        "biases",
        network(nd.CubaLif(0, 0, 1, bias=[3001, 0])),
        "population a: bias holds 3001, loihi1 takes -2048 to 2047",
    ),
    (
        "weights",
        network(synapse=nd.Dense([[256, 0], [0, -300]])),
        "connection x->a: weight holds -300, loihi1 takes -256 to 255",
    ),
    (
        "weights",
        network(synapse=nd.Dense([[129, -1], [0, 0]])),
        "connection x->a: weight spans -1 to 129 and takes 9 bits, loihi1 has 8; use even weights "
        "where signs are mixed",
    ),
]


@pytest.mark.parametrize(("rule", "program", "text"), OUTSIDE)
def test_what_the_chip_does_not_hold_is_named(
    rule: str, program: nd.Program, text: str, loihi1: ChipProfile
) -> None:
    found = violations(program, loihi1)
    assert {violation.rule for violation in found} == {rule}
    assert "; ".join(map(str, found)) == text
    assert not any(violation.more_cores_help for violation in found)


def test_a_rotation_may_turn_either_way(loihi2: ChipProfile) -> None:
    assert violations(network(nd.ResonateFire(-4096, 4096, 5)), loihi2) == ()
    (found,) = violations(network(nd.ResonateFire(-4097, 0, 5)), loihi2)
    assert str(found) == "population a: sin_decay holds -4097, loihi2 takes -4096 to 4096"


def test_delays_messages_and_fan_in(tmp_path: Path, loihi1: ChipProfile) -> None:
    short = chip(tmp_path, "precision", delay_max_steps=3, spike_payload_bits=4)
    program = network(synapse=nd.Dense([[1, 2], [3, 4]], [[0, 4]]), message_bits=5)
    assert [str(found) for found in violations(program, short)] == [
        "connection x->a: delay holds 4, chip takes 0 to 3",
        "input x: messages have 5 bits, chip sends 4",
    ]
    narrow = chip(tmp_path, "limits", fan_in_per_neuron_max=64, in_axons_per_core_max=1)
    (found,) = violations(program, narrow)
    assert str(found) == "population a: a neuron listens to 2 sources, chip takes 1"
    wide = nd.Dense(np.ones((2, 4097), int))
    crowded = nd.Program(
        (nd.Input("x", 4097),),
        (nd.Population("a", 2, nd.CubaLif(0, 0, 1)),),
        (nd.Connection("x", "a", wide),),
        nd.Readout("a"),
    )
    (found,) = violations(crowded, loihi1)
    assert (found.rule, found.value, found.limit, found.more_cores_help) == (
        "fan_in",
        4097,
        4096,
        False,
    )


def test_all_violations_come_at_once(loihi1: ChipProfile) -> None:
    neuron = nd.CubaLif(5000, -3, 2**18, bias=2**15 - 1, reset="none")
    program = network(neuron, nd.Dense([[300, -5], [0, 0]]))
    found = violations(program, loihi1)
    assert [violation.rule for violation in found] == [
        "resets",
        "decays",
        "decays",
        "thresholds",
        "biases",
        "weights",
    ]
    with pytest.raises(ProgramError) as caught:
        enforce(program, loihi1, RANGES)
    assert str(caught.value) == "; ".join(str(violation) for violation in found[1:])
    with pytest.raises(dataclasses.FrozenInstanceError):
        found[0].rule = "x"  # type: ignore[misc]


def test_what_a_profile_does_not_state_is_not_checked(tmp_path: Path) -> None:
    program = network(nd.CubaLif(5000, -3, 2**18, bias=2**17), nd.Dense([[900, -5], [0, 0]]))
    assert violations(program, chip(tmp_path, "precision")) == ()
    only = chip(tmp_path, "precision", weight_bits=8)
    assert [violation.rule for violation in violations(program, only)] == ["weights"]


def test_a_rule_is_added_from_outside(loihi2: ChipProfile) -> None:
    def even_sizes(program: nd.Program, profile: ChipProfile) -> Iterator[Violation]:
        for population in program.populations:
            if population.size % 2:
                text = f"has {population.size} neurons, {profile.name} takes pairs"
                where = f"population {population.name}"
                yield Violation("even_sizes", where, population.size, 2, False, text)

    odd = nd.Program(
        (nd.Input("x", 1),),
        (nd.Population("a", 1, nd.CubaLif(0, 0, 1)),),
        (nd.Connection("x", "a", nd.Dense([[1]])),),
        nd.Readout("a"),
    )
    assert violations(odd, loihi2) == ()
    RULES.add("even_sizes", even_sizes)
    try:
        (found,) = violations(odd, loihi2)
        assert str(found) == "population a: has 1 neurons, loihi2 takes pairs"
    finally:
        RULES.remove("even_sizes")
    with pytest.raises(OptionError, match="rule is 'even_sizes', expected one of models, resets"):
        violations(odd, loihi2, ["even_sizes"])
