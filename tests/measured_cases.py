"""The measured networks that the shipped profiles were fitted to, with their published counts.

PilotNet on Loihi 2: counts per frame of 16 steps. Keyword spotter and scaling series on Loihi 1:
structure only, since their activity was not published.
"""

from __future__ import annotations

import itertools

import numpy as np

import neurodeploy as nd

PILOTNET_STEP_US = 1e6 / 408.91 / 16
PILOTNET_DYNAMIC_UJ = 1093.544
PILOTNET_STATIC_UJ = 0.232078e6 / 408.91

# layer: neurons, spikes out, synops in by taps, by non-zero weights
PILOTNET = {
    "input": (39_600, 565_197, 0, 0),
    "conv1": (76_032, 101_310, 29_214_024, 27_230_383),
    "conv2": (26_460, 44_841, 7_719_876, 6_064_800),
    "conv3": (8_064, 16_128, 4_481_712, 3_278_203),
    "conv4": (5_632, 9_582, 4_085_120, 2_759_051),
    "conv5": (2_560, 4_122, 2_348_352, 1_433_069),
    "dense100": (100, 110, 412_200, 101_079),
    "dense50": (50, 28, 5_500, 4_443),
    "dense10": (10, 3, 280, 236),
    "dense1": (1, 0, 3, 3),
}

_LIF = nd.CubaLif(current_decay=4096, voltage_decay=128, threshold=64)


def pilotnet() -> nd.Program:
    """Return a network of PilotNet's structure; its weights are ones."""
    shapes = {
        "input": (3, 66, 200),
        "conv1": (24, 32, 99),
        "conv2": (36, 15, 49),
        "conv3": (48, 7, 24),
        "conv4": (64, 4, 22),
        "conv5": (64, 2, 20),
        "dense100": (100,),
        "dense50": (50,),
        "dense10": (10,),
        "dense1": (1,),
    }
    strides = {"conv1": 2, "conv2": 2, "conv3": 2, "conv4": (2, 1), "conv5": 1}
    padding = {"conv4": (1, 0)}
    names = list(shapes)
    connections = [nd.Connection("frame", "input", nd.Direct(), port="bias")]
    for source, target in itertools.pairwise(names):
        if target in strides:
            weight = np.ones((shapes[target][0], shapes[source][0], 3, 3), np.int32)
            synapse: nd.Conv2d | nd.Dense = nd.Conv2d(
                weight, strides[target], padding.get(target, 0)
            )
        else:
            fan_in = int(np.prod(shapes[source]))
            synapse = nd.Dense(np.ones((shapes[target][0], fan_in), np.int32))
        connections.append(nd.Connection(source, target, synapse))
    return nd.Program(
        inputs=(nd.Input("frame", shapes["input"], 8),),
        populations=tuple(nd.Population(name, shape, _LIF) for name, shape in shapes.items()),
        connections=tuple(connections),
        readout=nd.Readout("dense1"),
    )


def pilotnet_activity(program: nd.Program, samples: int = 1) -> nd.Activity:
    """Return the published counts as an Activity of ``samples`` equal frames."""
    ones = np.ones(samples, np.int64)
    column = {name: dict(zip(PILOTNET, values, strict=True)) for name, values in _columns()}
    by_target = dict(zip(program.connection_names, program.connections, strict=True))
    return nd.Activity(
        steps=16,
        samples=samples,
        input_events={"frame": 39_600 * 16 * ones},
        spikes={name: n * ones for name, n in column["spikes"].items()},
        updates={name: n * 16 * ones for name, n in column["neurons"].items()},
        synops_taps={n: column["taps"][c.target] * ones for n, c in by_target.items()},
        synops_nonzero={n: column["nonzero"][c.target] * ones for n, c in by_target.items()},
        u_wraps=dict.fromkeys(PILOTNET, 0 * ones),
        v_saturations=dict.fromkeys(PILOTNET, 0 * ones),
    )


def _columns() -> list[tuple[str, tuple[int, ...]]]:
    names = ("neurons", "spikes", "taps", "nonzero")
    return list(zip(names, zip(*PILOTNET.values(), strict=True), strict=True))


SPOTTER_STEPS = 10
SPOTTER_ACTIVITY = 0.071
"""Share of neurons that fire in a step, which explains the measured slope; not published."""


def spotter(chains: int) -> nd.Program:
    """Return 390-256-256-29, or 390-256 with ``chains`` of ten 256-256 layers, 256, 29."""
    dense = {
        (rows, columns): nd.Dense(np.ones((rows, columns), np.int32))
        for rows, columns in ((256, 390), (256, 256), (29, 256))
    }
    sizes = {"in": 256}
    edges = [("frame", "in")]
    for chain in range(chains):
        layers = ["in", *(f"c{chain}_{k}" for k in range(10))]
        sizes.update(dict.fromkeys(layers[1:], 256))
        edges += [*itertools.pairwise(layers), (layers[-1], "out")]
    edges += [("out", "classes")] if chains else [("in", "out"), ("out", "classes")]
    sizes.update(out=256, classes=29)
    width = {"frame": 390, **sizes}
    return nd.Program(
        inputs=(nd.Input("frame", 390),),
        populations=tuple(nd.Population(name, size, _LIF) for name, size in sizes.items()),
        connections=tuple(nd.Connection(a, b, dense[width[b], width[a]]) for a, b in edges),
        readout=nd.Readout("classes"),
    )


def spotter_activity(program: nd.Program, share: float) -> nd.Activity:
    """Return the activity of ten steps in which ``share`` of all neurons and inputs fire."""
    size = {node.name: node.size for node in (*program.inputs, *program.populations)}
    fired = {name: round(share * n * SPOTTER_STEPS) for name, n in size.items()}
    pairs = dict(zip(program.connection_names, program.connections, strict=True))
    synops = {
        name: round(share * SPOTTER_STEPS * size[c.source] * size[c.target])
        for name, c in pairs.items()
    }
    return nd.Activity(
        steps=SPOTTER_STEPS,
        samples=1,
        input_events={"frame": fired.pop("frame")},
        spikes=fired,
        updates={name: size[name] * SPOTTER_STEPS for name in fired},
        synops_taps=synops,
        synops_nonzero=synops,
        u_wraps=dict.fromkeys(fired, 0),
        v_saturations=dict.fromkeys(fired, 0),
    )
