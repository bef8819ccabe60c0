"""Random programs, inputs and run options, for property tests and the fuzz scripts.

Everything is drawn from one numpy Generator, so that a seed names a case. ``lava=True`` keeps to
chains that Lava 0.10 / lava-dl 0.6 can run; otherwise anything that a Program allows may appear.
``extreme=True`` draws weights, decays, thresholds, biases and inputs from the edges of each width.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.random import Generator

from neurodeploy.neuron import (
    CubaLif,
    Delta,
    HomeostaticLif,
    Integrator,
    Neuron,
    ResonateFire,
    ResonateFireIz,
    Sigma,
    SigmaDelta,
)
from neurodeploy.program import Connection, Input, Population, Program, Readout
from neurodeploy.synapse import Conv2d, Dense, Direct, Synapse

Shape = tuple[int, ...]
M = 2**23
EDGE_DECAYS = (0, 1, 2, 2047, 2048, 4094, 4095, 4096)
EDGE_THRESHOLDS = (-1, 0, 1, 63, 64, 4095, 4096, 131071)
EDGE_BIASES = (-32768, -32767, -1, 0, 1, 32766, 32767)
EDGE_WEIGHTS = (-256, -255, -128, -127, -2, -1, 0, 1, 2, 127, 128, 253, 254)
EDGE_INITIALS = (1 - M, -1, 0, 1, 64, 4096, M - 2, M - 1)
EDGE_MESSAGES = (-(2**22), -(2**17), -257, -1, 0, 1, 255, 2**16, 2**22 - 1)


def random_program(
    rng: Generator, *, lava: bool = False, extreme: bool = False, max_size: int = 24
) -> Program:
    """Return a random valid Program of one to four populations."""
    family = str(rng.choice(["cuba", "cuba", "cuba", "conv", "sdnn", "rf"]))
    if family == "sdnn":
        return _sigma_delta_chain(rng, lava, max_size)
    if family == "rf":
        return _resonators(rng, lava, max_size)
    return _cuba_graph(rng, family == "conv", lava, extreme, max_size)


def random_input(
    rng: Generator, program: Program, steps: int, batch: int | None = None
) -> dict[str, np.ndarray[Any, Any]]:
    """Return data for every input of ``program``, int32, by name."""
    lead = (steps,) if batch is None else (batch, steps)
    result = {}
    for node in program.inputs:
        shape = (*lead, *node.shape)
        if node.message_bits and rng.random() < 0.3:
            values = rng.choice(EDGE_MESSAGES, size=shape)
        elif node.message_bits:
            limit = 2 ** int(rng.integers(1, min(node.message_bits, 20) + 1))
            values = rng.integers(-limit, limit, size=shape)
        else:
            values = rng.integers(-1, 3, size=shape)
        silent = rng.random(shape) < rng.choice([0.0, 0.5, 0.9, 0.99])
        result[node.name] = np.where(silent, 0, values).astype(np.int32)
    return result


def random_options(rng: Generator, steps: int, *, lava: bool = False) -> dict[str, Any]:
    """Return run options (timing, weights, reset) as keyword arguments of `simulate`."""
    options: dict[str, Any] = {"timing": "pipelined", "weights": "lava"}
    if not lava:
        options["timing"] = str(rng.choice(["aligned", "pipelined"]))
        options["weights"] = str(rng.choice(["exact", "lava"]))
        if rng.random() < 0.2:
            options["input_bits"] = int(rng.choice([0, 8]))
    if rng.random() < 0.5:
        options["reset_interval"] = int(rng.integers(1, max(2, steps)))
        options["reset_offset"] = int(rng.integers(-2, options["reset_interval"] + 2))
    return options


def random_cuba(
    rng: Generator, shape: Shape, *, lava: bool = True, extreme: bool = False
) -> CubaLif | Integrator:
    """Return CUBA-family parameters that make a population of ``shape`` fire now and then."""
    fields: dict[str, Any] = {
        "current_decay": _parameter(rng, shape, EDGE_DECAYS if extreme else (256, 4097)),
        "voltage_decay": _parameter(rng, shape, EDGE_DECAYS if extreme else (0, 2048)),
        "bias": _parameter(rng, shape, EDGE_BIASES if extreme else (-20, 30))
        if rng.random() < 0.5
        else 0,
    }
    if not lava and rng.random() < 0.2:
        fields["initial"] = _parameter(rng, shape, EDGE_INITIALS if extreme else (-9000, 20000))
    if rng.random() < 0.1:
        return Integrator(**fields)
    fields["threshold"] = _parameter(rng, shape, EDGE_THRESHOLDS if extreme else (20, 400))
    if lava:
        return CubaLif(**fields)
    fields["reset"] = str(rng.choice(["zero", "zero", "subtract", "none"]))
    if rng.random() < 0.3:
        gain = (-300, 300) if extreme else (32, 128)
        fields["gain"] = rng.integers(*gain, size=int(rng.integers(1, 12)))
    if rng.random() < 0.25:
        steps = int(rng.integers(1, 10))
        return HomeostaticLif(
            **fields,
            theta=_parameter(rng, shape, (0, 2**12)),
            signature=rng.integers(-(2**14), 2**14, size=(steps, *shape)),
            shift=int(rng.integers(0, 14)),
            low=int(rng.integers(-100, 1000)),
            high=int(rng.integers(2000, M)),
        )
    return CubaLif(**fields)


def _parameter(rng: Generator, shape: Shape, values: tuple[int, ...]) -> Any:
    """Draw a scalar, per-channel or full parameter: from a range (2 values) or a list of edges."""
    shapes: list[Shape] = [(), shape] + ([(shape[0], 1, 1)] if len(shape) == 3 else [])
    size = shapes[int(rng.integers(len(shapes)))]
    if len(values) == 2:
        return rng.integers(values[0], values[1], size=size)
    return rng.choice(values, size=size)


def random_weight(rng: Generator, shape: Shape, *, extreme: bool = False) -> Any:
    """Return weights of one of the classes that Lava conditions differently; never all zero."""
    kind = rng.choice(["mixed", "even", "nonneg", "nonpos", "sparse", "edges"] if extreme else 4)
    low, high = -96, 97
    weight = rng.integers(low, high, size=shape)
    if kind in (1, "even"):
        weight = weight // 2 * 2
    elif kind in (2, "nonneg"):
        weight = np.abs(weight)
    elif kind in (3, "nonpos") and extreme:
        weight = -np.abs(weight)
    elif kind == "edges":
        weight = rng.choice(EDGE_WEIGHTS, size=shape)
    if rng.random() < 0.4:
        weight = weight * (rng.random(shape) < 0.4)
    if not weight.any():
        weight.flat[int(rng.integers(weight.size))] = 2
    return weight


def _delay(rng: Generator, out: int, size: int, lava: bool) -> Any:
    if rng.random() < 0.7:
        return None
    shapes = [(out, 1)] if lava else [(out, 1), (1, size), (out, size)]
    shape = shapes[int(rng.integers(len(shapes)))]
    return rng.integers(0, int(rng.choice([1, 3, 12, 63])), size=shape)


def _dense(rng: Generator, source: Shape, target: Shape, lava: bool, extreme: bool) -> Dense:
    out, size = math.prod(target), math.prod(source)
    return Dense(
        random_weight(rng, (out, size), extreme=extreme),
        _delay(rng, out, size, lava),
    )


def random_conv(rng: Generator, source: Shape, *, extreme: bool = False) -> Conv2d:
    """Return a convolution that fits ``source`` (C, H, W)."""
    groups = int(rng.choice([g for g in (1, 2, 3) if source[0] % g == 0]))
    kernel = tuple(int(rng.integers(1, min(4, n + 1))) for n in source[1:])
    reach = [
        2 if n >= 2 * (k - 1) + 1 and rng.random() < 0.3 else 1
        for n, k in zip(source[1:], kernel, strict=True)
    ]
    return Conv2d(
        random_weight(
            rng,
            (groups * int(rng.integers(1, 4)), source[0] // groups, *kernel),
            extreme=extreme,
        ),
        stride=(int(rng.integers(1, 3)), int(rng.integers(1, 3))),
        padding=(int(rng.integers(0, 3)), int(rng.integers(0, 3))),
        dilation=(reach[0], reach[1]),
        groups=groups,
    )


def _input(rng: Generator, shape: Shape, extreme: bool) -> Input:
    bits = int(rng.choice([0, 0, 8, 22 if extreme else 8]))
    return Input("input", shape, bits)


def _pool(rng: Generator, population: Population, lava: bool) -> int:
    """Draw neurons per class; NetX has one neuron for each."""
    if lava or rng.random() < 0.7:
        return 1
    return int(rng.choice([n for n in range(1, population.size + 1) if population.size % n == 0]))


def _size(rng: Generator, max_size: int) -> Shape:
    return (int(rng.integers(1, max_size + 1)),)


def _map(rng: Generator) -> Shape:
    return (int(rng.integers(1, 4)), int(rng.integers(3, 8)), int(rng.integers(3, 8)))


def _cuba_graph(rng: Generator, conv: bool, lava: bool, extreme: bool, max_size: int) -> Program:
    """A chain of CUBA populations; beyond Lava with skips, several inputs and long feedback."""
    node = _input(rng, _map(rng) if conv else _size(rng, max_size), extreme)
    inputs, populations, connections = [node], list[Population](), list[Connection]()
    source: Input | Population = node
    if not conv and rng.random() < 0.2:
        neuron = random_cuba(rng, node.shape, lava=lava, extreme=extreme)
        population = Population("layer0", node.shape, neuron)
        port = "a" if lava or rng.random() < 0.5 else "bias"
        populations.append(population)
        connections.append(Connection("input", "layer0", Direct(), port=port))
        source = population
    for _ in range(int(rng.integers(1, 4))):
        name = f"layer{len(populations)}"
        synapse: Synapse
        if len(source.shape) == 3 and rng.random() < 0.7:
            synapse = random_conv(rng, source.shape, extreme=extreme)
            shape = synapse.output_shape(source.shape)
        else:
            shape = _size(rng, max_size)
            synapse = _dense(rng, source.shape, shape, lava, extreme)
        neuron = random_cuba(rng, shape, lava=lava, extreme=extreme)
        population = Population(name, shape, neuron)
        recurrent = isinstance(synapse, Dense) and rng.random() < 0.25
        if recurrent and isinstance(synapse, Dense):
            synapse = Dense(synapse.weight) if lava else synapse
            weight = random_weight(rng, (population.size, population.size), extreme=extreme)
            own = Dense(weight)
            group = f"group{len(populations)}" if lava or rng.random() < 0.7 else None
            connections.append(Connection(source.name, name, synapse, group=group))
            connections.append(Connection(name, name, own, feedback=True, group=group))
        else:
            connections.append(Connection(source.name, name, synapse))
        populations.append(population)
        source = population
        if lava and isinstance(neuron, Integrator):
            break
    if not lava:
        _add_shortcuts(rng, inputs, populations, connections, extreme)
    last = populations[-1]
    variable = str(rng.choice(last.neuron.variables))
    return Program(
        tuple(inputs),
        tuple(populations),
        tuple(connections),
        Readout(last.name, variable if variable != "vth" else "s", pool=_pool(rng, last, lava)),
    )


def _add_shortcuts(
    rng: Generator,
    inputs: list[Input],
    populations: list[Population],
    connections: list[Connection],
    extreme: bool,
) -> None:
    """Add a second input, a skip connection and a long feedback, each now and then."""
    target = populations[int(rng.integers(len(populations)))]
    if rng.random() < 0.2:
        extra = Input("extra", (int(rng.integers(1, 6)),), int(rng.choice([0, 8])))
        inputs.append(extra)
        port = str(rng.choice(target.neuron.ports))
        synapse = _dense(rng, extra.shape, target.shape, False, extreme)
        connections.append(Connection("extra", target.name, synapse, port=port))
    if rng.random() < 0.25:
        synapse = _dense(rng, inputs[0].shape, populations[-1].shape, False, extreme)
        connections.append(Connection("input", populations[-1].name, synapse))
    if len(populations) > 1 and rng.random() < 0.25:
        first, last = populations[0], populations[-1]
        synapse = _dense(rng, last.shape, first.shape, False, extreme)
        connections.append(Connection(last.name, first.name, synapse, feedback=True))


def _sigma_delta_chain(rng: Generator, lava: bool, max_size: int) -> Program:
    conv = rng.random() < 0.4
    shape = _map(rng) if conv else _size(rng, max_size)
    exp = 6 if lava else int(rng.choice([0, 4, 6, 8]))
    node = Input("input", shape, int(rng.choice([8, 16])))
    populations = [Population("layer0", shape, Delta(int(rng.integers(0, 8)), spike_exp=exp))]
    connections = [Connection("input", "layer0", Direct())]
    for k in range(1, int(rng.integers(2, 5))):
        source = populations[-1]
        synapse: Synapse
        if len(source.shape) == 3 and rng.random() < 0.6:
            synapse = random_conv(rng, source.shape)
            shape = synapse.output_shape(source.shape)
        else:
            shape = _size(rng, max_size)
            synapse = _dense(rng, source.shape, shape, lava, False)
        neuron: Neuron = SigmaDelta(
            int(rng.integers(0, 8)), _parameter(rng, shape, (-50, 60)), spike_exp=exp
        )
        populations.append(Population(f"layer{k}", shape, neuron))
        connections.append(Connection(source.name, f"layer{k}", synapse))
    if rng.random() < 0.5:
        last = populations[-1]
        if len(populations) > 1:
            populations[-1] = Population(last.name, last.shape, Sigma(spike_exp=exp))
    variable = "sigma" if isinstance(populations[-1].neuron, Sigma) else "s"
    readout = Readout(populations[-1].name, variable, pool=_pool(rng, populations[-1], lava))
    return Program((node,), tuple(populations), tuple(connections), readout)


def _resonators(rng: Generator, lava: bool, max_size: int) -> Program:
    node = _input(rng, _size(rng, max_size), False)
    populations, connections = list[Population](), list[Connection]()
    source: Input | Population = node
    for k in range(int(rng.integers(1, 3))):
        shape = _size(rng, max_size)
        kind = ResonateFire if rng.random() < 0.5 else ResonateFireIz
        angle = rng.uniform(0.05, 1.2, size=() if rng.random() < 0.5 else shape)
        keep = rng.uniform(0.8, 0.999) * 4096
        neuron = kind(
            np.asarray(keep * np.sin(angle)).astype(np.int64),
            np.asarray(keep * np.cos(angle)).astype(np.int64),
            int(rng.integers(5, 200)),
        )
        population = Population(f"layer{k}", shape, neuron)
        for port in ("re", "im"):
            synapse = _dense(rng, source.shape, shape, lava, False)
            if lava:
                synapse = Dense(synapse.weight)
            connections.append(Connection(source.name, population.name, synapse, port=port))
        populations.append(population)
        source = population
    readout = Readout(populations[-1].name, pool=_pool(rng, populations[-1], lava))
    return Program((node,), tuple(populations), tuple(connections), readout)
