"""Repairs: what they say is exact is, what they mend fits, and what they cannot mend they name."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generate import random_input, random_program
from hypothesis import given
from hypothesis import strategies as st
from rules.chips import chip

import neurodeploy as nd
from neurodeploy.accuracy import scores
from neurodeploy.errors import OptionError
from neurodeploy.profile import load_profile, profile_names
from neurodeploy.repair import REPAIRS, Change, Outcome, Repair, repair, repairs_of
from neurodeploy.repair.levels import nearest_levels
from neurodeploy.rules import RULES, violations

LIF = nd.CubaLif(1024, 512, 300, bias=3)


def network(
    *populations: nd.Population, synapses: Any, inputs: int = 6, readout: str = "s"
) -> nd.Program:
    """A chain over ``inputs`` binary inputs."""
    names = ["x", *(population.name for population in populations)]
    return nd.Program(
        (nd.Input("x", inputs),),
        populations,
        tuple(
            nd.Connection(source, target, synapse)
            for source, target, synapse in zip(names, names[1:], synapses, strict=False)
        ),
        nd.Readout(names[-1], readout),
    )


def drawn(out: int, into: int, low: int = -120, high: int = 120, seed: int = 1) -> nd.Dense:
    return nd.Dense(np.random.default_rng(seed).integers(low, high, (out, into)))


def answers(program: nd.Program, seed: int = 3) -> np.ndarray[Any, Any]:
    x = random_input(np.random.default_rng(seed), program, 12, 5)
    return scores(program, nd.simulate(program, x))


def same(one: nd.Program, other: nd.Program) -> bool:
    return all(np.array_equal(answers(one, seed), answers(other, seed)) for seed in range(4))


def test_an_integrator_becomes_a_spiking_neuron_that_never_spikes() -> None:
    program = network(
        nd.Population("a", 5, LIF),
        nd.Population("b", 3, nd.Integrator(0, 100, bias=7)),
        synapses=(drawn(5, 6), drawn(3, 5, -60, 60)),
        readout="v",
    )
    found = repair(program, load_profile("loihi1"))
    assert [step.repair for step in found.steps] == ["stand-in"]
    assert found.fits
    assert found.exact
    assert same(program, found.program)


def test_an_adapting_neuron_loses_its_signature() -> None:
    neuron = nd.HomeostaticLif(1024, 512, 300, theta=3, signature=np.zeros((4, 5), int))
    program = network(nd.Population("a", 5, neuron), synapses=(drawn(5, 6),))
    found = repair(program, load_profile("loihi2"))
    assert found.fits
    assert not found.exact
    assert [type(p.neuron) for p in found.program.populations] == [nd.CubaLif]


def test_a_model_without_stand_in_is_refused() -> None:
    program = network(nd.Population("a", 5, nd.SigmaDelta(3)), synapses=(drawn(5, 6),))
    found = repair(program, load_profile("loihi1"))
    assert found.program == program
    assert found.refused == (
        ("stand-in", "population a", "no other model stands in for SigmaDelta"),
    )
    assert [str(violation) for violation in found.left] == [
        "population a: neurons are SigmaDelta, loihi1 has CubaLif"
    ]


READ = nd.Integrator(4096, 4096, bias=[5, 6, 7], initial=2)


def test_a_read_out_is_cut_into_parts_that_add_up(tmp_path: Path) -> None:
    program = network(
        nd.Population("a", 17, LIF),
        nd.Population("b", 3, READ),
        synapses=(drawn(17, 6), drawn(3, 17, -60, 60)),
        readout="v",
    )
    profile = chip(tmp_path, fan_in_per_neuron_max=6)
    found = repair(program, profile)
    assert [(step.repair, step.exact) for step in found.steps] == [("split-readout", True)]
    assert found.fits
    assert found.program.readout.pool == 3
    assert same(program, found.program)


def test_sums_that_decays_truncate_are_pruned_instead(tmp_path: Path) -> None:
    program = network(
        nd.Population("b", 3, nd.Integrator(4096, 17)),
        synapses=(drawn(3, 6),),
        readout="v",
    )
    found = repair(program, chip(tmp_path, fan_in_per_neuron_max=4))
    assert [step.repair for step in found.steps] == ["prune"]
    assert found.fits
    refusal = repair(program, chip(tmp_path, fan_in_per_neuron_max=4), ["split-readout"]).refused
    assert refusal == (
        (
            "split-readout",
            "population b",
            "decays truncate, so that parts do not add up to the whole",
        ),
    )


def test_pruning_keeps_the_largest_weights(tmp_path: Path) -> None:
    weights = nd.Dense([[1, -9, 3, 0, 2, -4], [5, 5, 5, 5, 0, 0]])
    program = network(nd.Population("a", 2, LIF), synapses=(weights,))
    found = repair(program, chip(tmp_path, fan_in_per_neuron_max=3))
    assert found.fits
    (connection,) = found.program.connections
    assert connection.synapse.rows is not None
    assert connection.synapse.rows.tolist() == [[0, -9, 3, 0, 0, -4], [5, 5, 5, 0, 0, 0]]
    assert [str(change) for change in found.steps[0].changes] == [
        "population a: 3 of 9 weights dropped, the smallest of each neuron"
    ]


def test_copies_share_the_targets_of_a_neuron(tmp_path: Path) -> None:
    program = network(
        nd.Population("a", 5, LIF),
        nd.Population("b", 11, LIF),
        nd.Population("c", 3, LIF),
        synapses=(drawn(5, 6), drawn(11, 5), drawn(3, 11)),
    )
    found = repair(program, chip(tmp_path, fan_out_per_neuron_max=4))
    assert found.fits
    assert found.exact
    assert len(found.program.populations) == 3 + 2
    assert same(program, found.program)


def test_copies_share_the_layers_that_a_layer_sends_to(tmp_path: Path) -> None:
    ends = (("x", "a"), ("a", "b"), ("a", "c"), ("a", "d"), ("b", "d"), ("c", "d"))
    program = nd.Program(
        (nd.Input("x", 4),),
        tuple(nd.Population(name, 4, LIF) for name in "abcd"),
        tuple(nd.Connection(*pair, drawn(4, 4, seed=n)) for n, pair in enumerate(ends)),
        nd.Readout("d"),
    )
    found = repair(program, chip(tmp_path, fan_out_layers_max=2))
    assert found.fits
    assert found.exact
    assert same(program, found.program)


def test_a_layer_is_cut_by_channels(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    neuron = nd.CubaLif(
        1024, 512, rng.integers(100, 300, (7, 1, 1)), bias=rng.integers(0, 9, (7, 6, 6))
    )
    program = nd.Program(
        (nd.Input("x", (2, 8, 8)),),
        (
            nd.Population("a", (7, 6, 6), neuron),
            nd.Population("b", (4, 4, 4), LIF),
            nd.Population("c", 5, LIF),
        ),
        (
            nd.Connection("x", "a", nd.Conv2d(rng.integers(-99, 99, (7, 2, 3, 3)))),
            nd.Connection("a", "b", nd.Conv2d(rng.integers(-50, 50, (4, 7, 3, 3)))),
            nd.Connection("b", "c", drawn(5, 64)),
        ),
        nd.Readout("c"),
    )
    profile = chip(
        tmp_path,
        kernel_memory_weights_per_core=[400] * 6,
        neuron_memory_states_per_core=[100] * 6,
    )
    found = repair(program, profile)
    assert found.fits
    assert found.exact
    assert [p.name for p in found.program.populations] == ["a.1", "a.2", "a.3", "a.4", "b", "c"]
    assert [p.shape[0] for p in found.program.populations[:4]] == [1, 2, 2, 2]
    assert same(program, found.program)


def test_the_population_that_is_read_stays_whole(tmp_path: Path) -> None:
    program = network(nd.Population("a", 9, LIF), synapses=(drawn(9, 6),))
    found = repair(program, chip(tmp_path, neuron_memory_states_per_core=[4, 4, 4]))
    assert found.refused == (("split", "population a", "the population that is read stays whole"),)


SCALED = {
    "weights beyond their range": (LIF, drawn(4, 6, -2000, 2000)),
    "odd weights of both signs": (LIF, drawn(4, 6, -255, 255)),
    "one sign": (LIF, drawn(4, 6, 0, 700)),
    "threshold": (nd.CubaLif(0, 0, [9, 2**18, 5, 7]), drawn(4, 6)),
    "bias": (nd.CubaLif(0, 0, 300, bias=[9000, 1, 2, -9000]), drawn(4, 6)),
    "resonators": (nd.ResonateFire(500, 3000, 2**19), drawn(4, 6)),
}


@pytest.mark.parametrize("name", SCALED)
@pytest.mark.parametrize("profile", ["loihi1", "loihi2", "akida", "xylo_audio2"])
def test_scaling_brings_everything_into_the_ranges(name: str, profile: str) -> None:
    neuron, synapse = SCALED[name]
    program = nd.Program(
        (nd.Input("x", 6),),
        (nd.Population("a", 4, neuron),),
        tuple(
            nd.Connection("x", "a", synapse, port=port)
            for port in (neuron.ports if "re" in neuron.ports else neuron.ports[:1])
        ),
        nd.Readout("a"),
    )
    rules = ("weights", "thresholds", "biases")
    found = repair(program, load_profile(profile), ["rescale"])
    assert violations(found.program, load_profile(profile), rules) == ()
    assert bool(found.steps) == bool(violations(program, load_profile(profile), rules))


def test_a_scale_that_loses_nothing_is_found_and_is_exact() -> None:
    neuron = nd.CubaLif(4096, 4096, 640, bias=64)
    program = network(nd.Population("a", 4, neuron), synapses=(nd.Dense(16 * drawn(4, 6).weight),))
    found = repair(program, load_profile("loihi2"))
    assert found.fits
    assert found.exact
    assert same(program, found.program)


def test_what_depends_on_its_scale_is_not_scaled() -> None:
    program = network(nd.Population("a", 4, nd.SigmaDelta(3)), synapses=(drawn(4, 6, -999, 999),))
    found = repair(program, load_profile("loihi2"))
    assert found.refused == (
        (
            "rescale",
            "population a",
            "SigmaDelta sends values, which would be scaled for all that reads them",
        ),
    )
    below = network(nd.Population("a", 4, nd.CubaLif(0, 0, -1)), synapses=(drawn(4, 6),))
    assert repair(below, load_profile("loihi2")).refused == (
        ("rescale", "population a", "a threshold below 0 stays below 0 at every scale"),
    )


def test_ranges_are_clipped_and_resets_changed() -> None:
    neuron = nd.CubaLif(5000, -3, 300, reset="subtract")
    program = network(nd.Population("a", 4, neuron), synapses=(drawn(4, 6),))
    found = repair(program, load_profile("loihi1"))
    assert found.fits
    assert [str(change) for step in found.steps for change in step.changes] == [
        "population a: reset is 'zero', was 'subtract'",
        "population a: current_decay: 1 of 1 clipped to 0..4096",
        "population a: voltage_decay: 1 of 1 clipped to 0..4096",
    ]


def test_delays_are_clipped() -> None:
    weight = drawn(4, 6)
    delayed = nd.Dense(weight.weight, np.full((4, 1), 40))
    program = network(nd.Population("a", 4, LIF), synapses=(delayed,))
    found = repair(program, load_profile("spinnaker"))
    assert found.fits
    assert [str(change) for change in found.steps[0].changes] == [
        "connection x->a: 4 of 4 delays clipped to 0..15"
    ]


@given(st.lists(st.integers(-30, 30), min_size=1, max_size=9), st.integers(1, 4))
def test_levels_lose_the_least_that_so_many_allow(values: list[int], levels: int) -> None:
    weights = np.array([value or 1 for value in values])
    table = nearest_levels(weights, levels)
    found = np.array([table[int(weight)] for weight in weights])
    assert len(set(found.tolist())) <= levels
    distinct = np.unique(weights)
    if len(distinct) <= levels:
        assert found.tolist() == weights.tolist()
        return
    least = np.inf
    for cuts in itertools.combinations(range(1, len(distinct)), levels - 1):
        runs = np.split(distinct, cuts)
        parts = [weights[np.isin(weights, run)] for run in runs]
        least = min(least, sum(float(((p - p.mean()) ** 2).sum()) for p in parts))
    rounding = 0.25 * len(weights)  # levels are integers
    assert float(((found - weights) ** 2).sum()) <= least + rounding + 1e-9


def test_levels_of_a_neuron_and_of_a_core(tmp_path: Path) -> None:
    program = network(nd.Population("a", 4, LIF), synapses=(drawn(4, 6),))
    profile = chip(tmp_path, "precision", weight_levels_per_neuron_max=2)
    found = repair(program, profile)
    assert found.fits
    (connection,) = found.program.connections
    assert connection.synapse.rows is not None
    assert all(len(np.unique(row[row != 0])) <= 2 for row in connection.synapse.rows)
    core = chip(tmp_path, "precision", weight_levels_per_core_max=3)
    (connection,) = repair(program, core).program.connections
    assert connection.synapse.rows is not None
    assert len(np.unique(connection.synapse.rows)) <= 4


@pytest.mark.parametrize("name", profile_names())
def test_repairs_never_break_a_program(name: str) -> None:
    """Whatever the program and chip: a valid program comes back, and what is exact is equal."""
    profile = load_profile(name)
    for seed in range(12):
        rng = np.random.default_rng(seed)
        program = random_program(rng, extreme=bool(seed % 2))
        found = repair(program, profile)
        before = violations(program, profile)
        assert len(found.left) <= len(before)
        assert found.left == violations(found.program, profile)
        if not before:
            assert found.program == program
        if found.exact:
            x = random_input(np.random.default_rng(seed), program, 8, 3)
            np.testing.assert_array_equal(
                scores(program, nd.simulate(program, x)),
                scores(found.program, nd.simulate(found.program, x)),
            )


def test_every_repair_mends_rules_that_there_are() -> None:
    for one in REPAIRS.values():
        assert set(one.rules) <= set(RULES)
    assert repairs_of("fan_in") == ("split-readout", "prune")
    assert repairs_of("depth") == ()


def test_a_repair_is_added_from_outside(tmp_path: Path) -> None:
    def shorten(program: nd.Program, _: Any, found: Any) -> Outcome:
        kept = network(nd.Population("a", 2, LIF), synapses=(drawn(2, 6),))
        return Outcome(kept, (Change(found[0].where, "cut down to 2 neurons", False),))

    program = network(nd.Population("a", 4, LIF), synapses=(drawn(4, 6),))
    profile = chip(tmp_path, outputs_max=2)
    assert not repair(program, profile).fits
    REPAIRS.add("shorten", Repair("shorten", ("outputs",), "fewer outputs", shorten))
    try:
        assert repair(program, profile).fits
    finally:
        REPAIRS.remove("shorten")
    with pytest.raises(OptionError, match="repair is 'shorten', expected one of stand-in, reset"):
        repair(program, profile, ["shorten"])


def test_names_of_copies_and_parts_are_new(tmp_path: Path) -> None:
    """A population is copied again, and its first copy keeps its name."""
    program = network(
        nd.Population("a", 5, LIF),
        nd.Population("b", 11, LIF),
        synapses=(drawn(5, 6), drawn(11, 5)),
    )
    once = repair(program, chip(tmp_path, fan_out_per_neuron_max=8)).program
    twice = repair(once, chip(tmp_path, fan_out_per_neuron_max=4))
    assert twice.fits
    assert len(set(twice.program.names)) == len(twice.program.populations) > 3
    assert same(program, twice.program)
