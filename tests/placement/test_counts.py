"""Counts per core and step: sums equal the totals of the run, on any program and placement."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from generate import random_input, random_program
from placement.chips import chain, chip, maps

import neurodeploy as nd
from neurodeploy.errors import InputError
from neurodeploy.placement import CoreCounter, Placement, core_counts, place
from neurodeploy.placement.tally import Changes, tally, tally_reference


def spread(program: nd.Program, method: str = "optimised", **limits: Any) -> Placement:
    """Return the program on small cores of a mesh of four by three tiles, two cores each."""
    small = {"neurons_per_core_max": 5, "cores_per_tile": 2, "cores_per_chip": 24, **limits}
    return place(program, chip(mesh=(4, 3), **small), method=method)


def totals(table: Any) -> Any:
    """Return the sum over populations or connections, ``(samples,)``."""
    return sum(np.asarray(counts) for counts in table.values())


@pytest.mark.parametrize("seed", range(40))
def test_sums_over_cores_equal_the_totals_of_the_run(seed: int) -> None:
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    x = random_input(rng, program, 7, batch=3)
    timing = ("aligned", "pipelined")[seed % 2]
    trace = nd.simulate(program, x, timing=timing)
    placement = spread(program, ("optimised", "naive")[seed % 3 == 0])
    counts = core_counts(program, placement, x, trace)
    activity = trace.activity
    assert np.array_equal(counts.total("spikes"), totals(activity.spikes))
    assert np.array_equal(counts.total("updates"), totals(activity.updates))
    assert np.array_equal(counts.total("synops_taps"), totals(activity.synops_taps))
    assert np.array_equal(counts.total("synops_nonzero"), totals(activity.synops_nonzero))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("multicast", [False, True])
def test_every_count_is_what_a_walk_over_all_synapses_gives(seed: int, multicast: bool) -> None:
    """Messages, links and axons, neuron by neuron and synapse by synapse."""
    rng = np.random.default_rng(100 + seed)
    program = random_program(rng, max_size=12)
    x = random_input(rng, program, 4, batch=2)
    trace = nd.simulate(program, x)
    placement = spread(program, neurons_per_core_max=4)
    counted = CoreCounter(program, placement, multicast=multicast).count(x, trace)
    walked = walk(program, placement, trace, x, multicast)
    for name, expected in walked.items():
        assert np.array_equal(counted[name], expected), name


def walk(
    program: nd.Program, placement: Placement, trace: nd.Trace, x: Any, multicast: bool
) -> dict[str, Any]:
    """Return the counts from their definitions."""
    rank = {core.index: k for k, core in enumerate(placement.cores)}
    core_of = {
        name: np.full(program.node(name).shape, -1).reshape(as3(program.node(name).shape))
        for name in program.names
    }
    for piece in placement.slices:
        core_of[piece.population][piece.box.slices] = rank[piece.core]
    given = x if isinstance(x, dict) else {program.inputs[0].name: x}
    samples, steps = next(iter(given.values())).shape[:2]
    names = ("axons_in", "axons_out", "within_tile", "between_chips")
    result = {
        name: np.zeros((samples, steps, len(rank)), int)
        for name in (*names, "hops_horizontal", "hops_vertical")
    }
    for node in (*program.inputs, *program.populations):
        reach = reached_cores(program, node.name, core_of)
        sent = given[node.name] if node.name in given else trace[node.name].s
        sent = np.asarray(sent).reshape(samples, steps, -1) != 0
        own = core_of[node.name].reshape(-1) if node.name in core_of else None
        for sample, step, neuron in np.argwhere(sent):
            at = (sample, step)
            for target in reach[neuron]:
                result["axons_in"][(*at, target)] += 1
                if own is None:
                    continue
                source, cores = own[neuron], placement.cores
                here, there = cores[source], cores[target]
                assert here.tile is not None and there.tile is not None
                if here.chip != there.chip:
                    result["between_chips"][(*at, source)] += 1
                    continue
                result["hops_horizontal"][(*at, source)] += abs(here.tile[0] - there.tile[0])
                result["hops_vertical"][(*at, source)] += abs(here.tile[1] - there.tile[1])
                result["within_tile"][(*at, source)] += here.tile == there.tile
            if own is not None:
                messages = min(len(reach[neuron]), 1) if multicast else len(reach[neuron])
                result["axons_out"][(*at, own[neuron])] += messages
    return result


def as3(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape if len(shape) == 3 else (shape[0], 1, 1)


def reached_cores(program: nd.Program, name: str, core_of: dict[str, Any]) -> list[set[int]]:
    """Return the cores that each neuron reaches: where a weight of one changes a sum."""
    size = program.node(name).size
    reach: list[set[int]] = [set() for _ in range(size)]
    for connection in program.connections:
        if connection.source != name or not connection.synapse.has_weight:
            continue
        cores = core_of[connection.target].reshape(-1)
        for neuron in range(size):
            met = taken(connection.synapse, program.node(name).shape, neuron)
            reach[neuron] |= {int(core) for core in cores[met]}
    return reach


def taken(synapse: Any, source: tuple[int, ...], neuron: int) -> Any:
    """Return which targets a source neuron reaches, bool, flat."""
    if synapse.layout == "matrix":
        return np.ones(len(synapse.weight), bool)
    c, h, w = np.unravel_index(neuron, source)
    out, height, width = synapse.output_shape(source)
    met = np.zeros((out, height, width), bool)
    each, inner = out // synapse.groups, source[0] // synapse.groups
    group = int(c) // inner
    for y in range(height):
        for x in range(width):
            rows = (
                y * synapse.stride[0]
                - synapse.padding[0]
                + np.arange(synapse.weight.shape[2]) * synapse.dilation[0]
            )
            columns = (
                x * synapse.stride[1]
                - synapse.padding[1]
                + np.arange(synapse.weight.shape[3]) * synapse.dilation[1]
            )
            met[group * each : (group + 1) * each, y, x] = h in rows and w in columns
    return met.reshape(-1)


def test_a_stream_is_one_sample() -> None:
    program = chain(6, 9, 3)
    x = np.random.default_rng(0).integers(0, 2, (11, 6)).astype(np.uint8)
    trace = nd.simulate(program, x)
    counts = core_counts(program, spread(program), x, trace)
    assert (counts.samples, counts.steps) == (1, 11)
    assert counts.total("spikes")[0] == totals(trace.activity.spikes)[0]


def test_the_reference_engine_gives_the_same_counts() -> None:
    program = maps((2, 6, 7), (3, 3, 1, 1), (4, 3, 2, 0), 5)
    x = np.random.default_rng(1).integers(0, 2, (2, 5, 2, 6, 7)).astype(np.uint8)
    placement = spread(program, neurons_per_core_max=20)
    native = core_counts(program, placement, x, nd.simulate(program, x))
    reference = core_counts(program, placement, x, nd.simulate(program, x, engine="reference"))
    for name, found in native.counts.items():
        assert np.array_equal(found, reference[name]), name
    assert np.array_equal(native.farthest, reference.farthest)


def test_the_farthest_message_is_the_longest_way_of_a_step() -> None:
    program = chain(3, 8, 8)
    placement = spread(program, neurons_per_core_max=1, cores_per_tile=1, cores_per_chip=12)
    x = np.ones((1, 6, 3), np.uint8)
    trace = nd.simulate(program, x)
    counts = core_counts(program, placement, x, trace)
    tile = {core.index: core.tile for core in placement.cores}
    targets = [piece for piece in placement.of("l1")]
    for step in range(6):
        ways = [
            (abs(tile[a.core][0] - tile[b.core][0]) + abs(tile[a.core][1] - tile[b.core][1]))
            for a in placement.of("l0")
            if trace["l0"].s[0, step, a.box.start[0]]
            for b in targets
            if a.chip == b.chip
        ]
        assert counts.farthest[0, step].sum() == max(ways, default=0)


@pytest.mark.parametrize("size", [1, 7, 63, 64, 65, 200, 1000])
@pytest.mark.parametrize("kinds", [1, 3, 40])
def test_the_compiled_tally_equals_numpy(size: int, kinds: int) -> None:
    rng = np.random.default_rng(size * kinds)
    matrix = rng.integers(-3, 4, (kinds, 5)) * rng.integers(0, 2, (kinds, 5)) * 2**33
    changes = Changes.of(matrix, np.array([6, 1, 4, 0, 2]))
    for share in (0.0, 0.1, 0.9, 1.0):
        bits = np.packbits(rng.random((9, size)) < share, axis=1, bitorder="little")
        classes = rng.integers(0, kinds, 8 * bits.shape[1]).astype(np.int32)
        classes.sort()
        for order in (classes, rng.permutation(classes)):
            expected = rng.integers(0, 9, (9, 7))
            one, three = expected.copy(), expected.copy()
            tally_reference(bits, order, changes, expected)
            tally(bits, order, changes, one, 1)
            tally(bits, order, changes, three, 3)
            assert np.array_equal(one, expected)
            assert np.array_equal(three, expected)


def test_changes_are_the_matrix_without_its_zeros() -> None:
    matrix = np.array([[0, 5, 0], [0, 0, 0], [7, 0, -1]])
    changes = Changes.of(matrix, np.array([2, 0, 1]))
    assert changes.starts.tolist() == [0, 1, 1, 3]
    assert changes.matrix(4).tolist() == [[5, 0, 0, 0], [0, 0, 0, 0], [0, -1, 7, 0]]


def test_wrong_traces_are_refused() -> None:
    program, other = chain(6, 9, 3), chain(6, 9, 3, seed=1)
    placement = spread(program)
    x = np.ones((2, 4, 6), np.uint8)
    trace = nd.simulate(program, x)
    with pytest.raises(InputError, match=r"placement is of program .*; place it again"):
        core_counts(other, placement, x, trace)
    with pytest.raises(InputError, match="trace holds no spikes of l0; run with record"):
        core_counts(program, placement, x, nd.simulate(program, x, record=("v",)))
    with pytest.raises(InputError, match="trace has 8 columns of l0, the data 4"):
        core_counts(program, placement, x[:1], trace)
    with pytest.raises(InputError, match="trace has the populations l0, l1, the program"):
        four = chain(6, 9, 3, 2)
        core_counts(four, spread(four), x, trace)
