"""Limits of fan-in, fan-out, pins, places and maps: each is found with value, limit and key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rules.chips import chip

import neurodeploy as nd
from neurodeploy.errors import OptionError, ProfileError
from neurodeploy.profile import load_profile, profile_names
from neurodeploy.rules import RULES, LimitRule, check_stated, unchecked, uses, violations

LIF = nd.CubaLif(4096, 0, 100)


def dense(sizes: tuple[int, ...], weight: int = 2) -> nd.Program:
    """A chain of dense layers, all weights the same."""
    names = [f"p{number}" for number in range(1, len(sizes))]
    return nd.Program(
        (nd.Input("x", sizes[0]),),
        tuple(nd.Population(n, size, LIF) for n, size in zip(names, sizes[1:], strict=True)),
        tuple(
            nd.Connection(source, target, nd.Dense(np.full((out, into), weight)))
            for source, target, into, out in zip(
                ["x", *names], names, sizes, sizes[1:], strict=False
            )
        ),
        nd.Readout(names[-1]),
    )


def maps(channels: int = 4, kernel: int = 3, **geometry: Any) -> nd.Program:
    """A convolution over two maps of 8 x 8, then a dense read-out of 3."""
    conv = nd.Conv2d(np.ones((channels, 2, kernel, kernel), int), **geometry)
    shape = conv.output_shape((2, 8, 8))
    size = int(np.prod(shape))
    return nd.Program(
        (nd.Input("x", (2, 8, 8)),),
        (nd.Population("map", shape, LIF), nd.Population("out", 3, LIF)),
        (
            nd.Connection("x", "map", conv),
            nd.Connection("map", "out", nd.Dense(np.ones((3, size), int))),
        ),
        nd.Readout("out"),
    )


CASES: dict[str, tuple[nd.Program, dict[str, Any], list[str]]] = {
    "fan-in, a core's axons": (
        dense((5, 3)),
        {"in_axons_per_core_max": 4},
        ["population p1: a neuron listens to 5 sources, chip takes 4"],
    ),
    "fan-in of a kernel": (
        maps(),
        {"fan_in_per_neuron_max": 150},
        [],
    ),
    "fan-in of a kernel that is too large": (
        maps(),
        {"fan_in_per_neuron_max": 17},
        [
            "population map: a neuron listens to 18 sources, chip takes 17",
            "population out: a neuron listens to 144 sources, chip takes 17",
        ],
    ),
    "axons that stand for a population": (
        maps(),
        {"in_axons_per_core_max": 1, "convolution_axons": "population"},
        ["population out: a neuron listens to 144 sources, chip takes 1"],
    ),
    "fan-out": (
        dense((2, 3, 7)),
        {"fan_out_per_neuron_max": 6},
        ["population p1: a neuron reaches 7 others, chip takes 6"],
    ),
    "inputs": (
        dense((5, 3)),
        {"inputs_max": 4},
        ["inputs: has 5 input channels, chip takes 4"],
    ),
    "outputs": (
        dense((5, 3)),
        {"outputs_max": 2},
        ["population p1: 3 neurons are read, chip has 2 outputs"],
    ),
    "hidden": (
        dense((5, 9, 3)),
        {"hidden_neurons_max": 8},
        ["program: has 9 neurons that are not read, chip holds 8"],
    ),
    "neurons of one chip": (
        dense((5, 9, 3)),
        {"cores_per_chip": 3, "cores_reserved": 1, "neurons_per_core_max": 5, "chips_max": 1},
        ["program: has 12 neurons, chip holds 10"],
    ),
    "neurons of chips without end": (
        dense((5, 9, 3)),
        {"cores_per_chip": 2, "neurons_per_core_max": 5},
        [],
    ),
    "neurons of two chips": (
        dense((5, 9, 3)),
        {"neurons_per_chip_max": 6, "chips_max": 2},
        [],
    ),
    "synapses": (
        dense((5, 9, 3)),
        {"synapses_per_chip_max": 71, "chips_max": 1},
        ["program: has 72 synapses, chip holds 71"],
    ),
    "synapses of a kernel that positions share": (
        maps(),
        {"synapses_per_chip_max": 72 + 432, "chips_max": 1, "kernel_sharing": "per-core"},
        [],
    ),
    "synapses of a kernel at every position": (
        maps(),
        {"synapses_per_chip_max": 72 + 432, "chips_max": 1},
        ["program: has 3,024 synapses, chip holds 504"],
    ),
    "kernel size": (
        maps(),
        {"kernel_size_max": 2},
        [
            "connection x->map: kernel is 3 x 3, chip takes 2 a side",
            "connection map->out: kernel is 6 x 6, chip takes 2 a side",
        ],
    ),
    "features": (
        maps(channels=5),
        {"features_max": 4},
        [
            "connection x->map: reads 2 and writes 5 channels, chip takes 4",
            "connection map->out: reads 5 and writes 3 channels, chip takes 4",
        ],
    ),
    "stride": (
        maps(stride=3),
        {"strides_allowed": [1, 2]},
        ["connection x->map: stride is 3, chip has 1, 2"],
    ),
    "weights of a layer": (
        maps(),
        {"kernel_memory_weights_per_core": [72, 100]},
        ["population out: has 432 weights, the largest core of chip holds 100"],
    ),
    "states of a layer": (
        maps(),
        {"neuron_memory_states_per_core": [3, 143]},
        ["population map: has 144 neurons, the largest core of chip holds 143"],
    ),
    "two layers, two cores, one way": (
        maps(),
        {
            "kernel_memory_weights_per_core": [72, 432],
            "neuron_memory_states_per_core": [144, 3],
        },
        [],
    ),
    "two layers that want one core": (
        maps(),
        {
            "kernel_memory_weights_per_core": [432, 71],
            "neuron_memory_states_per_core": [144, 144],
        },
        ["program: 1 of 2 layers find no core of chip that is large enough and free"],
    ),
    "depth": (
        dense((1, 2, 3, 4)),
        {"depth_layers_max": 2},
        ["program: 3 layers are in a chain, chip takes 2"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_limit_is_found_where_it_is_exceeded(name: str, tmp_path: Path) -> None:
    program, limits, expected = CASES[name]
    profile = chip(tmp_path, **limits)
    found = violations(program, profile)
    assert [str(violation) for violation in found] == expected
    for violation in found:
        assert violation.key.removeprefix("limits.") in limits
    asked = [(use.where, use.key) for _, use in uses(program, profile) if use.exceeds]
    assert asked == [(violation.where, violation.key) for violation in found]


def test_fan_out_to_layers(tmp_path: Path) -> None:
    program = nd.Program(
        (nd.Input("x", 2),),
        tuple(nd.Population(name, 2, LIF) for name in "abc"),
        tuple(
            nd.Connection(*ends, nd.Dense([[2, 4], [6, 8]]))
            for ends in (("x", "a"), ("a", "b"), ("a", "c"), ("b", "c"))
        ),
        nd.Readout("c"),
    )
    (found,) = violations(program, chip(tmp_path, fan_out_layers_max=1))
    assert str(found) == "population a: sends to 2 layers, chip takes 1"


def test_pools_are_those_that_were_folded(tmp_path: Path) -> None:
    program = maps()
    pooled = nd.Program(
        program.inputs,
        program.populations,
        program.connections,
        program.readout,
        {"pooled_from.map->out": "3x3"},
    )
    profile = chip(tmp_path, pools_allowed=[1, 2], kernel_size_max=3)
    assert [str(found) for found in violations(pooled, profile)] == [
        "connection map->out: pool is 3, chip has 1, 2"
    ]


def test_weight_levels_signs_and_words_of_fixed_code(tmp_path: Path) -> None:
    program = dense((3, 2))
    weights = nd.Dense([[-8, 2, 2], [0, 7, -1]])
    program = nd.Program(
        program.inputs,
        program.populations,
        (nd.Connection("x", "p1", weights),),
        program.readout,
    )
    few = chip(tmp_path, "precision", weight_levels_per_neuron_max=1)
    assert [str(found) for found in violations(program, few)] == [
        "population p1: weights into a neuron have 2 values, chip has 1 levels"
    ]
    core = chip(tmp_path, "precision", weight_levels_per_core_max=3)
    (found,) = violations(program, core)
    assert str(found) == "population p1: weights have 4 values, a core of chip has 3 levels"
    assert found.more_cores_help
    (found,) = violations(program, chip(tmp_path, "precision", weight_levels_per_core_max=1))
    assert not found.more_cores_help
    one = chip(tmp_path, "precision", weight_sign_modes=("excitatory",))
    assert [str(found) for found in violations(program, one)] == [
        "connection x->p1: signs of weight are mixed, chip has excitatory"
    ]
    for code, low in (("twos-complement", -8), ("sign-magnitude", -7)):
        fixed = chip(tmp_path, "precision", weight_bits=4, weight_encoding=code)
        wanted = [] if low == -8 else ["connection x->p1: weight holds -8, chip takes -7 to 7"]
        assert [str(found) for found in violations(program, fixed)] == wanted


def test_thresholds_fit_v_where_no_mantissa_is_stated(tmp_path: Path) -> None:
    program = dense((2, 2))
    assert violations(program, chip(tmp_path, "precision", state_v_bits=8)) == ()
    (found,) = violations(program, chip(tmp_path, "precision", state_v_bits=7))
    assert str(found) == "population p1: threshold holds 100, chip takes 0 to 63"
    assert found.key == "precision.state_v_bits"


def test_events_carry_no_values(tmp_path: Path) -> None:
    program = nd.Program(
        (nd.Input("x", 2, 3),),
        (nd.Population("a", 2, nd.SigmaDelta(1)),),
        (nd.Connection("x", "a", nd.Dense([[2, 4], [6, 8]])),),
        nd.Readout("a"),
    )
    found = violations(program, chip(tmp_path, "precision", spike_payload_bits=0))
    assert [str(violation) for violation in found] == [
        "input x: messages have 3 bits, chip sends 0",
        "population a: neurons send values, chip sends events",
    ]


def test_configurations_of_a_core_take_cores(tmp_path: Path) -> None:
    neuron = nd.CubaLif(4096, [0, 1, 2, 3], [5, 6, 5, 6])
    program = nd.Program(
        (nd.Input("x", 2),),
        (nd.Population("a", 4, neuron),),
        (nd.Connection("x", "a", nd.Dense(np.ones((4, 2), int))),),
        nd.Readout("a"),
    )
    limits = {"threshold_configs_per_core_max": 1, "compartment_configs_per_core_max": 2}
    assert violations(program, chip(tmp_path, **limits)) == ()
    crowded = chip(tmp_path, **limits, cores_per_chip=1, chips_max=1)
    assert [(str(found), found.more_cores_help) for found in violations(program, crowded)] == [
        (
            "population a: has 2 different thresholds, chip has 1 places on a core, so that it "
            "takes 2 cores or more",
            True,
        ),
        (
            "population a: has 4 different decays, chip has 2 places on a core, so that it takes "
            "2 cores or more",
            True,
        ),
    ]


def test_what_is_not_stated_is_told() -> None:
    akida = load_profile("akida")
    assert {"fan_in", "decays", "neurons"} <= set(unchecked(akida))
    assert not {"weights", "messages"} & set(unchecked(akida))
    check_stated(akida, ["weights"])
    with pytest.raises(ProfileError) as raised:
        check_stated(akida, ["weights", "fan_in"])
    assert str(raised.value) == (
        "profile akida: rule fan_in needs limits.fan_in_per_neuron_max or "
        "limits.in_axons_per_core_max, which it does not state"
    )
    with pytest.raises(OptionError, match="rule is 'fanin', expected one of models, resets"):
        check_stated(akida, ["fanin"])


def test_every_rule_reads_keys_of_the_schema() -> None:
    for rule in RULES.values():
        assert isinstance(rule, LimitRule)
        assert rule.keys
        for key in rule.keys:
            section, _, name = key.partition(".")
            assert hasattr(load_profile("loihi1").section(section), name)


@pytest.mark.parametrize("name", profile_names())
def test_a_use_tells_how_much_of_a_limit_is_taken(name: str) -> None:
    program = dense((5, 9, 3))
    for rule, use in uses(program, load_profile(name)):
        assert rule in RULES
        ratio = use.ratio
        if ratio is not None and ratio <= 1 and isinstance(use.allowed, int) and use.allowed > 0:
            assert not use.exceeds
