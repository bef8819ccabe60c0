"""Agreement with SANA-FE, a simulator of its own: hops, messages and step times on one placement.

It is not installed with the project. ``NEURODEPLOY_SANAFE`` names a folder that holds it (``pip
install --target FOLDER sanafe``); it runs in a process of its own.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from placement.chips import chain, maps
from placement.sanafe_arch import architecture
from placement.test_counts import taken

import neurodeploy as nd
from neurodeploy.placement import Placement, core_counts, place
from neurodeploy.placement.steptime import step_times
from neurodeploy.profile import load_profile

FOLDER = os.environ.get("NEURODEPLOY_SANAFE", "")
HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(
    not FOLDER and importlib.util.find_spec("sanafe") is None,
    reason="SANA-FE is not installed; NEURODEPLOY_SANAFE names a folder that holds it",
)
PROGRAMS = {
    "chain": (chain(16, 1100, 20, 10), 0.3),
    "map": (maps((2, 20, 20), (6, 3, 1, 1), (6, 3, 2, 1), 10), 0.2),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("method", ["optimised", "naive"])
def test_hops_messages_and_step_times_agree(name: str, method: str, tmp_path: Path) -> None:
    program, share = PROGRAMS[name]
    profile = load_profile("loihi1")
    placement = place(program, profile, method=method)
    assert len(placement.cores) > 1
    rng = np.random.default_rng(0)
    x = (rng.random((1, 6, *program.inputs[0].shape)) < share).astype(np.uint8)
    trace = nd.simulate(program, x)
    counts = core_counts(program, placement, x, trace)
    found = simulated(program, placement, trace, architecture(profile), tmp_path)
    hops = counts["hops_horizontal"] + counts["hops_vertical"]
    assert found["hops"] == hops.sum(axis=2)[0].tolist()
    assert found["messages"] == counts["axons_out"].sum(axis=2)[0].tolist()
    assert found["fired"] == counts["spikes"].sum(axis=2)[0].tolist()
    within = without_input(program, placement, x, counts)
    times = step_times(profile, within, "taps", overlapped=True)
    assert times is not None
    assert np.allclose(found["seconds"], times.cores[1, 0] * 1e-9, rtol=0.01)
    energy = profile.energy
    across, down, sent = (
        quantity.bounds[1]
        for quantity in (energy.hop_horizontal_pj, energy.hop_vertical_pj, energy.axon_out_pj)
        if quantity is not None
    )
    expected = (
        counts["hops_horizontal"] * across
        + counts["hops_vertical"] * down
        + counts["axons_out"] * sent
    ).sum(axis=2)[0]
    assert np.allclose(found["network_joules"], expected * 1e-12, rtol=0.01)


def without_input(program: nd.Program, placement: Placement, x: Any, counts: Any) -> Any:
    """Return the counts less what the input from outside causes, which SANA-FE is not given."""
    silent = nd.simulate(program, x)
    layers = {name: {"s": np.zeros_like(silent[name].s)} for name in program.names}
    outside = core_counts(program, placement, x, nd.Trace(layers, silent.activity))
    less = {name: counts[name] - outside[name] for name in counts.counts}
    return type(counts)(counts.cores, counts.neurons.copy(), less, counts.farthest.copy())


def simulated(
    program: nd.Program, placement: Placement, trace: nd.Trace, arch: str, folder: Path
) -> dict[str, Any]:
    """Return what SANA-FE counts when the populations send the spikes of the trace."""
    assert placement.mesh is not None
    width, height = placement.mesh
    groups: dict[str, list[Any]] = {}
    for population in program.populations:
        cores = np.empty(population.size, int)
        flat = np.arange(population.size).reshape(as_maps(population.shape))
        for piece in placement.of(population.name):
            tile, inside = divmod(piece.core, placement.cores_per_tile)
            column, row = tile % width, tile // width
            there = (column * height + row) * placement.cores_per_tile + inside
            cores[flat[piece.box.slices].reshape(-1)] = there
        spikes = trace[population.name].s[0].reshape(-1, population.size)
        groups[population.name] = [
            (int(core), [int(s) for s in spikes[:, n]]) for n, core in enumerate(cores)
        ]
    edges = []
    for connection in program.connections:
        if connection.source in groups:
            shape = program.node(connection.source).shape
            pairs = [
                (n, int(target))
                for n in range(program.node(connection.source).size)
                for target in np.flatnonzero(taken(connection.synapse, shape, n))
            ]
            edges.append((connection.source, connection.target, pairs))
    network = {"groups": groups, "edges": edges, "steps": trace.activity.steps}
    (folder / "arch.yaml").write_text(arch)
    done = subprocess.run(
        [sys.executable, str(HERE / "sanafe_worker.py"), str(folder / "arch.yaml")],
        input=json.dumps(network),
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, **({"PYTHONPATH": FOLDER} if FOLDER else {})},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def as_maps(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape if len(shape) == 3 else (shape[0], 1, 1)
