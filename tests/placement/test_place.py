"""Placing programs on cores: limits, cuts, bounds, methods, and what fits nowhere."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from generate import random_program
from measured_cases import pilotnet
from placement.chips import LIF, chain, chip, maps

import neurodeploy as nd
from neurodeploy.errors import NeurodeployError, OptionError, PlacementError, ProfileError
from neurodeploy.placement import Placement, place
from neurodeploy.placement.fabric import Rows
from neurodeploy.placement.reach import links
from neurodeploy.profile import load_profile

COMPILER = {
    "input": (13, 3168),
    "conv1": (25, 3072),
    "conv2": (13, 2160),
    "conv3": (3, 2688),
    "conv4": (3, 2048),
    "conv5": (2, 2048),
    "dense100": (12, 9),
    "dense50": (1, 50),
    "dense10": (1, 10),
    "dense1": (1, 1),
}
"""Cores and neurons of the largest block, as the vendor's compiler printed them for PilotNet on
Loihi 2. It shows a core of 8 of the 100 neurons; on 12 cores some have 9.
"""


def test_the_naive_placement_on_loihi2_is_the_compilers_layer_by_layer() -> None:
    placement = place(pilotnet(), load_profile("loihi2"), method="naive")
    found = {layer.population: (layer.cores, layer.most) for layer in placement.layers}
    assert found == COMPILER
    assert len(placement.cores) == 74
    assert placement.chips == 1


def test_the_mapper_places_pilotnet_within_ten_per_cent_of_the_compiler() -> None:
    placement = place(pilotnet(), load_profile("loihi2"))
    assert 0.9 * 74 <= len(placement.cores) <= 74
    assert placement.bound == len(placement.cores)
    cores = {layer.population: layer.cores for layer in placement.layers}
    assert {k: v for k, v in cores.items() if k != "dense100"} == {
        k: v for k, (v, _) in COMPILER.items() if k != "dense100"
    }


PROGRAMS: dict[str, nd.Program] = {
    "digits": chain(64, 128, 10),
    "wide": chain(784, 1024, 512, 10),
    "deep": chain(*[512] * 8, 10),
    "bottleneck": chain(784, 256, 64, 256, 784),
    "tiny": chain(4, 5, 3),
    "spread": chain(10, 2000, 10),
    "lenet": maps((1, 28, 28), (6, 5, 1, 2), (16, 5, 2, 0), 120, 84, 10),
    "strided": maps((3, 32, 32), (16, 3, 1, 1), (32, 3, 2, 1), (64, 3, 2, 1), 10),
    "events": maps((2, 64, 64), (16, 5, 2, 2), (32, 3, 2, 1), (32, 3, 2, 1), 128, 11),
    "pointwise": maps((8, 16, 16), (8, 3, 1, 1), (24, 1, 1, 0), (24, 3, 2, 1), 10),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("profile", ["loihi1", "loihi2", "spinnaker"])
def test_the_mapper_is_never_worse_than_naive_and_near_its_bound(name: str, profile: str) -> None:
    naive = place(PROGRAMS[name], load_profile(profile), method="naive")
    placement = place(PROGRAMS[name], load_profile(profile))
    assert placement.bound <= len(placement.cores) <= len(naive.cores)
    assert placement.bound == naive.bound
    assert placement.gap <= 0.1 + 1e-9
    if placement.hops is not None:
        assert placement.hops_naive is not None and placement.hops <= placement.hops_naive
    check_limits(PROGRAMS[name], placement)


@pytest.mark.parametrize("seed", range(30))
def test_random_programs_on_random_chips_stay_within_the_limits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    profile = chip(
        mesh=(4, 4),
        neurons_per_core_max=int(rng.integers(3, 20)),
        in_axons_per_core_max=int(rng.integers(60, 200)),
        out_axons_per_core_max=int(rng.integers(30, 200)),
        synapse_memory_words_per_core=int(rng.integers(200, 900)),
        synapse_memory_word_bits=64,
        synapse_row_overhead_bits=10,
        kernel_sharing=("per-core", "none")[seed % 2],
        cores_per_chip=16,
    )
    try:
        placement = place(program, profile)
    except PlacementError:
        return
    check_limits(program, placement)
    assert placement.bound <= len(placement.cores)
    assert place(program, profile) == placement


def check_limits(program: nd.Program, placement: Placement) -> None:
    """Fail unless every core is within its limits and its axons are what the program says."""
    numbers = [core.index for core in placement.cores]
    assert numbers == sorted(set(numbers))
    held: dict[int, list[Any]] = {number: [] for number in numbers}
    for piece in placement.slices:
        held[piece.core].append((piece.population, piece.box))
    found = links(program, [held[number] for number in numbers])
    for k, core in enumerate(placement.cores):
        for name, limit in placement.limits.items():
            assert core.used[name] <= limit, (core, name)
        assert core.used["out_axons"] == found.leaving[k]
        assert core.utilisation == pytest.approx(
            max(core.used[name] / limit for name, limit in placement.limits.items())
        )


def test_a_placement_pickles_and_is_plain_for_json() -> None:
    placement = place(PROGRAMS["digits"], load_profile("loihi1"))
    assert pickle.loads(pickle.dumps(placement)) == placement
    plain = placement.to_dict()
    assert plain["cores"][0]["used"]["neurons"] == 138
    assert plain["gap"] == 0.0
    assert "1 core on 1 chip of 128 cores" in placement.table()


def test_large_programs_go_over_several_chips() -> None:
    profile = chip(neurons_per_core_max=10, cores_per_chip=4, mesh=(2, 2))
    placement = place(chain(5, 95), profile)
    assert len(placement.cores) == 10
    assert placement.chips == 3
    assert [core.chip for core in placement.cores] == [0] * 4 + [1] * 4 + [2] * 2
    assert any("3 chips" in note for note in placement.notes)


def test_cores_that_differ_are_matched_with_layers() -> None:
    """The first layer fits only the core that the second one took first."""
    profile = chip(kernel_memory_weights_per_core=[100, 60], neuron_memory_states_per_core=[50, 50])
    program = chain(5, 10, 9)
    placement = place(program, profile)
    assert {piece.population: piece.core for piece in placement.slices} == {"l0": 1, "l1": 0}


def test_a_kernel_is_kept_once_where_the_chip_shares_it() -> None:
    program = maps((4, 16, 16), (8, 3, 1, 1))
    limits = dict(
        neurons_per_core_max=2048, synapse_memory_words_per_core=40, synapse_memory_word_bits=64
    )
    shared = place(program, chip(**limits, kernel_sharing="per-core"))
    assert len(shared.cores) == 1
    assert shared.cores[0].used["words"] == 4 * 9 * 1
    apart = place(program, chip(**limits, kernel_sharing="none"))
    assert len(apart.cores) > 100
    assert apart.layers[0].binding == "words"


def test_thresholds_of_channels_limit_a_core() -> None:
    program = maps((2, 8, 8), (8, 3, 1, 1))
    neuron = nd.CubaLif(0, 0, threshold=np.arange(1, 9).reshape(8, 1, 1))
    told = nd.Population("l0", (8, 8, 8), neuron)
    program = nd.Program(program.inputs, (told,), program.connections, program.readout)
    profile = chip(neurons_per_core_max=512, threshold_configs_per_core_max=2)
    placement = place(program, profile)
    assert len(placement.cores) == 4
    assert placement.layers[0].binding == "thresholds"
    assert all(core.used["thresholds"] == 2 for core in placement.cores)


@pytest.mark.parametrize(
    ("rows", "weights", "bits", "words"),
    [
        (Rows(word_bits=64, block=64, overhead_bits=10), 256, 8, 4 * 9),
        (Rows(word_bits=64, block=64, overhead_bits=10), 65, 8, 9 + 1),
        (Rows(word_bits=64, overhead_bits=10), 0, 8, 0),
        (Rows(words_per_weight=15 / 64, words_overhead=0.5), 100, 8, 24),
        (Rows(words_per_weight=15 / 64, words_overhead=0.5), 50, 8, 13),
        (Rows(words_per_weight=15 / 64, words_overhead=0.5), 10, 8, 3),
        (Rows(words_per_weight=15 / 64, words_overhead=0.5), 1, 8, 1),
        (Rows(), 100, 8, 0),
    ],
)
def test_words_of_a_row(rows: Rows, weights: int, bits: int, words: int) -> None:
    assert int(rows.dense(np.int64(weights), bits)) == words


def test_pruned_rows_are_stored_sparsely_where_that_takes_less() -> None:
    weight = np.zeros((256, 64), np.int64)
    weight[:8] = 100
    program = chain(64, 256)
    pruned = nd.Program(
        program.inputs,
        program.populations,
        (nd.Connection("x", "l0", nd.Dense(weight)),),
        program.readout,
    )
    profile = load_profile("loihi1")
    dense, sparse = place(program, profile).cores, place(pruned, profile).cores
    assert sparse[0].used["words"] < dense[0].used["words"] / 5


WRONG: list[tuple[nd.Program, Any, dict[str, Any], type[NeurodeployError], str]] = [
    (
        chain(5000, 3),
        load_profile("loihi1"),
        {},
        PlacementError,
        "population l0: one neuron takes 5,000 input axons, a core of loihi1 holds 4,096: "
        "more cores do not help; give it fewer sources, or split it into neurons that are summed",
    ),
    (
        chain(300, 3, weight=0),
        load_profile("truenorth"),
        {},
        PlacementError,
        "population l0: one neuron takes 300 input axons, a core of truenorth holds 256: "
        "more cores do not help; give it fewer sources, or split it into neurons that are summed",
    ),
    (
        chain(2, 3),
        load_profile("generic_45nm"),
        {},
        ProfileError,
        "profile generic_45nm: nothing can be placed, it does not say how many neurons a core "
        "holds (limits.neurons_per_core_max)",
    ),
    (
        chain(2, 3),
        load_profile("loihi2"),
        {"method": "best"},
        OptionError,
        "method is 'best', expected one of optimised, naive",
    ),
    (
        chain(2, 30),
        chip(neurons_per_core_max=3, cores_per_chip=2, chips_max=2),
        {},
        PlacementError,
        "10 cores are needed, toy has 4 (2 chips of 2); make the network smaller",
    ),
    (
        chain(2, 3, 9),
        chip(neurons_per_core_max=3, fan_out_cores_per_neuron_max=2, populations_per_core_max=1),
        {},
        PlacementError,
        "population l0: a neuron reaches 3 cores, one of toy sends to 2; more cores do not help, "
        "use smaller target layers",
    ),
    (
        chain(20, 30),
        chip(kernel_memory_weights_per_core=[500], neuron_memory_states_per_core=[50]),
        {},
        PlacementError,
        "population l0: takes 600 weights of kernel memory (the largest core has 500), no core of "
        "toy holds it; more cores do not help, use fewer channels or a smaller map",
    ),
    (
        chain(2, 3, 3),
        chip(kernel_memory_weights_per_core=[500], neuron_memory_states_per_core=[50]),
        {},
        PlacementError,
        "population l1: the 1 cores of toy that hold it are taken by l0; more cores of that size "
        "would help",
    ),
    (
        chain(2, 3),
        chip(kernel_memory_weights_per_core=[5, 5], neuron_memory_states_per_core=[5]),
        {},
        ProfileError,
        "profile toy: kernel_memory_weights_per_core lists 2 cores, "
        "neuron_memory_states_per_core 1",
    ),
]


@pytest.mark.parametrize(("program", "profile", "options", "error", "message"), WRONG)
def test_what_fits_nowhere_is_one_clear_line(
    program: nd.Program,
    profile: Any,
    options: dict[str, Any],
    error: type[NeurodeployError],
    message: str,
) -> None:
    with pytest.raises(error) as caught:
        place(program, profile, **options)
    assert str(caught.value) == message


def test_a_record_that_misses_neurons_is_refused() -> None:
    placement = place(chain(2, 3), load_profile("loihi1"))
    fields = {name: getattr(placement, name) for name in placement.__dataclass_fields__}
    with pytest.raises(PlacementError, match="3 neurons are on no core or on several"):
        Placement(**{**fields, "slices": ()})
    with pytest.raises(PlacementError, match="3 neurons are on no core or on several"):
        Placement(**{**fields, "slices": placement.slices * 2})


def test_a_neuron_of_any_model_can_be_placed() -> None:
    program = nd.Program(
        (nd.Input("x", (4,)),),
        (nd.Population("a", (4,), LIF),),
        (nd.Connection("x", "a", nd.Direct(), port="bias"),),
        nd.Readout("a"),
    )
    placement = place(program, load_profile("loihi1"))
    assert placement.cores[0].used["in_axons"] == 0
