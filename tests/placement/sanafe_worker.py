"""Replays spikes on a placed network in SANA-FE, and prints what it counts: run in its own process.

SANA-FE is under the GPL: it is an oracle for tests, and no part of the package imports this file.

    python sanafe_worker.py ARCH.yaml < network.json > counts.json
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from typing import Any


def replayed(arch_file: str, network: dict[str, Any]) -> dict[str, Any]:
    """Return hops, time and messages of every step.

    network : ``groups``, name -> list of (core, spikes of every step); ``edges``, (source, target,
    list of (from, to)); ``steps``.
    """
    import sanafe

    arch = sanafe.load_arch(arch_file)
    cores = arch.cores() if callable(arch.cores) else arch.cores
    net = sanafe.Network()
    groups = {}
    somas: dict[int, int] = {}
    for name, neurons in network["groups"].items():
        group = net.create_neuron_group(
            name,
            len(neurons),
            soma_hw_name="soma[0]",
            default_synapse_hw_name="synapse",
            default_dendrite_hw_name="dendrite",
        )
        for neuron, (core, spikes) in zip(group, neurons, strict=True):
            somas[core] = somas.get(core, -1) + 1
            soma = f"soma[{somas[core]}]"
            neuron.set_attributes(soma_hw_name=soma, model_attributes={"spikes": spikes})
            neuron.map_to_core(cores[core])
        groups[name] = group
    for source, target, pairs in network["edges"]:
        weights = {"weight": [0.0] * len(pairs)}  # spikes are given, currents go nowhere
        links = [(int(a), int(b)) for a, b in pairs]
        groups[source].connect_neurons_sparse(groups[target], weights, links)
    chip = sanafe.SpikingChip(arch)
    chip.load(net)
    found = chip.sim(network["steps"], timing_model="simple", perf_trace=True, message_trace=True)
    perf = found["perf_trace"]
    messages = [
        sum(not message["placeholder"] for message in step) for step in found["message_trace"]
    ]
    return {
        "hops": perf["hops"],
        "seconds": perf["sim_time"],
        "fired": perf["fired"],
        "synops": perf["spikes"],
        "messages": messages,
        "network_joules": perf["network_energy"],
    }


if __name__ == "__main__":
    told = json.load(sys.stdin)
    with contextlib.redirect_stdout(io.StringIO()):
        result = replayed(sys.argv[1], told)
    json.dump(result, sys.stdout)
