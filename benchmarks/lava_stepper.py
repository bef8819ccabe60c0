"""Steps one network in Lava again and again, and tells how long that took.

    python lava_stepper.py JOB NETWORK_MODULE

For the Python 3.10 interpreter that has Lava; started by lava_peer.py. JOB holds ``job.json`` and
``arrays.npz`` as the engine 'lava' writes them; NETWORK_MODULE is ``sim/lava_network.py``, which
builds the network. Prints the seconds until the first steps were done (start-up), then, for every
line that it reads, runs the steps once more in the same network and prints the seconds. Lava goes
on from the state that it has, and its source begins again.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

CORES = 2


def network_of(directory: Path, module: Path) -> tuple[Any, int]:
    """Return (first neuron process of the network, steps of a run)."""
    spec = importlib.util.spec_from_file_location("lava_network", module)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"cannot load {module}")
    builder = importlib.util.module_from_spec(spec)
    sys.modules["lava_network"] = builder
    spec.loader.exec_module(builder)
    description = json.loads((directory / "job.json").read_text())
    with np.load(directory / "arrays.npz", allow_pickle=False) as archive:
        network = builder.build(description, dict(archive), 0)
    return network.neurons[0], description["steps"]


def main(directory: Path, module: Path) -> None:
    """Run; see the head of this file."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)  # Lava prints, too
    os.dup2(2, 1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    start = time.perf_counter()
    configurations = importlib.import_module("lava.magma.core.run_configs")
    conditions = importlib.import_module("lava.magma.core.run_conditions")
    neuron, steps = network_of(directory, module)
    condition = conditions.RunSteps(num_steps=steps)
    neuron.run(condition=condition, run_cfg=configurations.Loihi2SimCfg(select_tag="fixed_pt"))
    print(time.perf_counter() - start, file=answers)
    for _ in sys.stdin:
        start = time.perf_counter()
        neuron.run(condition=condition)
        print(time.perf_counter() - start, file=answers)
    neuron.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
