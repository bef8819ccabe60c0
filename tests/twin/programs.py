"""Random programs that a twin can take: those of `generate`, with starts, pools and drive."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from generate import Neuron, random_conv, random_cuba, random_input, random_program, random_weight
from numpy.random import Generator

from neurodeploy.neuron import CubaLif, Integrator, ResonateFire, SigmaDelta
from neurodeploy.program import Connection, Input, Population, Program, Readout
from neurodeploy.synapse import Dense, Direct

INITIALS = (-8388607, -4000, -1, 1, 777, 8388607)


def twin_program(rng: Generator, max_size: int = 12) -> Program:
    """Return a random Program of the CUBA and sigma-delta families."""
    if rng.random() < 0.15:
        return mixed_program(rng)
    extreme = rng.random() < 0.4
    while True:
        program = random_program(rng, extreme=extreme, max_size=max_size)
        if not any(isinstance(p.neuron, ResonateFire) for p in program.populations):
            return varied(rng, program)


def varied(rng: Generator, program: Program) -> Program:
    """Return ``program`` with starts other than 0, and read-outs that `generate` does not draw."""
    populations = [replace(p, neuron=_started(rng, p.neuron)) for p in program.populations]
    last = populations[int(rng.integers(len(populations)))]
    allowed = [v for v in last.neuron.variables if v != "vth"]
    pools = [k for k in (1, 2, 3) if last.size % k == 0]
    readout = Readout(
        last.name,
        str(rng.choice(allowed)),
        int(rng.choice([0, 0, 1, 3])),
        pool=int(rng.choice(pools)),
    )
    return replace(program, populations=tuple(populations), readout=readout)


def _started(rng: Generator, neuron: Neuron) -> Neuron:
    if isinstance(neuron, (CubaLif, Integrator)) and rng.random() < 0.3:
        return replace(neuron, initial=int(rng.choice(INITIALS)))
    return neuron


def mixed_program(rng: Generator) -> Program:
    """Return maps with two direct inputs, one as a bias, grouped and dilated kernels, a cycle.

    Now and then the second population is a sigma-delta one, whose messages drive spiking neurons.
    """
    shape = (2, int(rng.integers(4, 7)), int(rng.integers(4, 7)))
    inputs = (Input("image", shape, int(rng.choice([0, 8]))), Input("drive", shape, 8))
    conv = random_conv(rng, shape)
    maps = conv.output_shape(shape)
    size, back = int(np.prod(maps)), int(np.prod(shape))
    graded = rng.random() < 0.3
    middle: Neuron = random_cuba(rng, maps, lava=False)
    if graded:
        middle = SigmaDelta(int(rng.integers(0, 8)), rng.integers(-50, 60, maps), spike_exp=4)
    populations = (
        Population("first", shape, random_cuba(rng, shape, lava=False)),
        Population("second", maps, middle),
        Population("third", (4,), random_cuba(rng, (4,), lava=False)),
    )
    own = Dense(random_weight(rng, (4, 4)), rng.integers(0, 3, (4, 4)))
    connections = [
        Connection("image", "first", Direct()),
        Connection("drive", "first", Direct(), port="bias"),
        Connection("first", "second", conv),
        Connection("image", "second", conv, port="a" if graded else "bias"),
        Connection("second", "third", Dense(random_weight(rng, (4, size)))),
        Connection("third", "third", own, feedback=True),
    ]
    if rng.random() < 0.5:
        weight = random_weight(rng, (back, size))
        connections.append(Connection("second", "first", Dense(weight), feedback=True))
    return Program(inputs, populations, tuple(connections), Readout("third", "v"))


def twin_options(rng: Generator, steps: int) -> dict[str, Any]:
    """Return run options, those of `generate.random_options` and a length of the run."""
    options: dict[str, Any] = {
        "timing": str(rng.choice(["aligned", "pipelined"])),
        "weights": str(rng.choice(["exact", "exact", "lava"])),
    }
    if rng.random() < 0.2:
        options["input_bits"] = int(rng.choice([0, 8]))
    if rng.random() < 0.5:
        options["reset_interval"] = int(rng.integers(1, steps + 3))
        options["reset_offset"] = int(rng.integers(-2, options["reset_interval"] + 2))
    if rng.random() < 0.3:
        options["steps"] = int(rng.integers(0, steps + 5))
    return options


def twin_case(seed: int) -> tuple[Program, dict[str, Any], dict[str, Any], int | None]:
    """Return (program, data by input, options, batch or None) of a seed."""
    rng = np.random.default_rng(seed)
    program = twin_program(rng)
    steps = int(rng.integers(1, 12))
    batch = None if rng.random() < 0.2 else int(rng.integers(1, 4))
    data = random_input(rng, program, steps, batch)
    return program, data, twin_options(rng, steps), batch
