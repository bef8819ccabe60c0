"""Counts in NeuroBench's terms: by hand, by the package itself, and beside SpikingJelly's."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from energy_toys import run, tiny
from generate import random_conv, random_cuba, random_weight

import neurodeploy as nd
from neurodeploy.demo import shipped_program
from neurodeploy.energy.workload import workload
from neurodeploy.errors import InputError

WORKER = Path(__file__).with_name("definitions.py")


def test_workload_of_a_network_that_is_counted_by_hand() -> None:
    program = tiny()
    found = workload(program, run(program, [[[1, 1], [1, 0]], [[0, 0], [0, 1]]]))
    # the first input meets one weight other than 0, the second two; each spike of a meets one
    inputs, spikes = 1 + 2 + 1 + 2, 3 + 2
    assert found.effective_acs == (inputs + spikes) / 2
    assert found.effective_macs == 0
    assert found.dense == 2 * (4 + 2)
    assert found.connection_sparsity == pytest.approx(1 / 6)
    # a sends 5 times, b 3 times, in 2 samples of 2 steps of 3 neurons
    assert found.activation_sparsity == pytest.approx(1 - 8 / 12)


def spiking_network(seed: int, binary: bool) -> tuple[nd.Program, Any]:
    """Return a convolution, a matrix and another matrix, and data of 3 samples."""
    rng = np.random.default_rng(seed)
    shape = (2, 6, 5)
    conv = random_conv(rng, shape)
    maps = conv.output_shape(shape)
    sizes = (7, 4)
    first = nd.Dense(random_weight(rng, (sizes[0], int(np.prod(maps)))))
    second = nd.Dense(random_weight(rng, (sizes[1], sizes[0])))
    program = nd.Program(
        inputs=(nd.Input("x", shape, 0 if binary else 4),),
        populations=(
            nd.Population("maps", maps, random_cuba(rng, maps)),
            nd.Population("hidden", sizes[0], random_cuba(rng, (sizes[0],))),
            nd.Population("out", sizes[1], random_cuba(rng, (sizes[1],))),
        ),
        connections=(
            nd.Connection("x", "maps", conv),
            nd.Connection("maps", "hidden", first),
            nd.Connection("hidden", "out", second),
        ),
        readout=nd.Readout("out"),
    )
    x = rng.integers(0, 2 if binary else 16, size=(3, 5, *shape))
    return program, x


def recorded(program: nd.Program, x: Any) -> tuple[nd.Activity, dict[str, Any]]:
    """Return the counts, and what the worker needs: messages and weights of every connection."""
    trace = nd.simulate(program, x, engine="reference", record=("s",))
    arrays: dict[str, Any] = {}
    for k, connection in enumerate(program.connections):
        source = connection.source
        arrays[f"x{k}"] = x if source == program.inputs[0].name else trace[source].s
        arrays[f"weight{k}"] = connection.synapse.weight
        if connection.synapse.layout == "kernel":
            conv = connection.synapse
            groups = (conv.groups, conv.groups)
            arrays[f"geometry{k}"] = np.array([conv.stride, conv.padding, conv.dilation, groups])
    return trace.activity, arrays


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, bool], Any]:
    """What the packages that are here count, by seed and whether the input is binary."""
    folder = tmp_path_factory.mktemp("definitions")
    paths = {}
    for seed in range(4):
        for binary in (True, False):
            paths[seed, binary] = path = folder / f"{seed}-{binary}.npz"
            np.savez(path, **recorded(*spiking_network(seed, binary))[1])
    command = [sys.executable, str(WORKER), *map(str, paths.values())]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(zip(paths, json.loads(done.stdout.splitlines()[-1]), strict=True))


def effective_by_hand(arrays: dict[str, Any]) -> tuple[int, int]:
    """Return (pairs with a weight other than 0, all taps), over samples, steps and positions."""
    effective = dense = 0
    for k in range(sum(name.startswith("x") for name in arrays)):
        x, weight = (arrays[f"x{k}"] != 0).astype(np.int64), arrays[f"weight{k}"]
        if weight.ndim == 2:
            effective += int((x.reshape(*x.shape[:2], -1) @ (weight != 0).T).sum())
            dense += x.shape[0] * x.shape[1] * weight.size
            continue
        stride, padding, dilation, groups = arrays[f"geometry{k}"]
        low, pads = x.shape[:2], [(0, 0)] * 3 + [(int(p), int(p)) for p in padding]
        padded = np.pad(x, pads)
        inside = np.pad(np.ones_like(x), pads)
        out_rows, out_columns = (
            (padded.shape[3 + d] - int(dilation[d]) * (weight.shape[2 + d] - 1) - 1)
            // int(stride[d])
            + 1
            for d in (0, 1)
        )
        share = weight.shape[0] // int(groups[0])
        for o in range(weight.shape[0]):
            group = o // share
            for c in range(weight.shape[1]):
                channel = group * weight.shape[1] + c
                for i in range(weight.shape[2]):
                    for j in range(weight.shape[3]):
                        rows = slice(i * dilation[0], None, stride[0])
                        columns = slice(j * dilation[1], None, stride[1])
                        for plane, counted in ((padded, weight[o, c, i, j] != 0), (inside, True)):
                            seen = plane[:, :, channel, rows, columns]
                            number = int(seen[..., :out_rows, :out_columns].sum())
                            if plane is padded:
                                effective += number * bool(counted)
                            else:
                                dense += number
        assert low == x.shape[:2]
    return effective, dense


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_operations_equal_a_count_over_every_tap(seed: int, binary: bool) -> None:
    program, x = spiking_network(seed, binary)
    activity, arrays = recorded(program, x)
    found = workload(program, activity)
    effective, dense = effective_by_hand(arrays)
    total = found.effective_acs + found.effective_macs
    assert total == pytest.approx(effective / len(x), rel=1e-12)
    assert found.dense * len(x) == dense
    first = activity.synops_nonzero[program.connection_names[0]].mean()
    assert found.effective_macs == (0 if binary else first)


@pytest.mark.skipif(
    importlib.util.find_spec("neurobench") is None, reason="neurobench is not installed"
)
@pytest.mark.parametrize("seed", range(4))
def test_neurobench_counts_the_same(seed: int, theirs: dict[tuple[int, bool], Any]) -> None:
    program, x = spiking_network(seed, binary=True)
    activity, _ = recorded(program, x)
    found = theirs[seed, True]["neurobench"]
    ours = workload(program, activity)
    assert ours.effective_acs == pytest.approx(found["Effective_ACs"], rel=1e-12)
    assert ours.effective_macs == found["Effective_MACs"] == 0
    assert ours.dense == found["Dense"]
    assert round(ours.connection_sparsity, 4) == found["connection_sparsity"]


@pytest.mark.skipif(
    importlib.util.find_spec("spikingjelly") is None, reason="spikingjelly is not installed"
)
@pytest.mark.parametrize("seed", range(4))
def test_spikingjelly_differs_by_the_terms_that_are_named(
    seed: int, theirs: dict[tuple[int, bool], Any]
) -> None:
    program, x = spiking_network(seed, binary=False)
    activity, arrays = recorded(program, x)
    found = theirs[seed, False]["spikingjelly"]
    _, *others = program.connection_names
    spiking = sum(int(activity.synops_taps[name].sum()) for name in others)
    # its synaptic operations count weights of 0 as well, and no source of values
    assert found["SynOpCounter"] == spiking
    # its accumulates are the same here: the network adds nothing else
    assert found["ACCounter"] == spiking
    # its multiply-accumulates are dense, padding included, where the source sends values
    weight = arrays["weight0"]
    maps = program.node("maps").shape
    padded = weight.size * maps[1] * maps[2] * x.shape[0] * x.shape[1]
    assert found["MACCounter"] == padded
    matrices = sum(arrays[f"weight{k}"].size for k in (1, 2)) * x.shape[0] * x.shape[1]
    assert found["FlopCounter"] == 2 * (padded + matrices)


def test_stored_bits_are_those_of_the_smallest_width() -> None:
    neuron = nd.CubaLif(current_decay=4096, voltage_decay=0, threshold=3)
    program = nd.Program(
        inputs=(nd.Input("x", 2),),
        populations=(nd.Population("a", 2, neuron),),
        connections=(nd.Connection("x", "a", nd.Dense([[-4, 2], [0, 6]])),),
        readout=nd.Readout("a"),
    )
    activity = nd.simulate(program, np.zeros((1, 1, 2), int)).activity
    found = workload(program, activity)
    # weights -2, 1, 0, 3 in 3 bits each; 4096, a power of two, in 1; zeros in none; 3 in 2
    assert found.stored_bits == 4 * 3 + 1 + 0 + 2 + 0
    assert found.parameters == 4 + 4


def test_a_run_of_another_program_is_refused() -> None:
    program = shipped_program()
    other = tiny()
    activity = run(other, [[[1, 1]]])
    with pytest.raises(
        InputError, match=r"^activity: counts the populations a, b, the program has"
    ):
        workload(program, activity)
