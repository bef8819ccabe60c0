"""Runs of drawn inputs against their bounds: what lies outside an interval, or overflows unseen.

As a script it runs at length: ``python tests/bound_checks.py PROGRAMS [FIRST_SEED]``.
"""

from __future__ import annotations

import math
import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from generate import M, random_input, random_options, random_program
from numpy.random import Generator

import neurodeploy as nd
from neurodeploy.bounds import Bounds, bound
from neurodeploy.neuron import Neuron
from neurodeploy.sim.options import VARIABLES

Arrays = dict[str, np.ndarray[Any, Any]]
WIDTHS = (0, 1, 3, 50, 2**17)
SAMPLES, STEPS = 12, 8
EDGE_DECAYS = (-4096, -700, 0, 1, 5, 700, 2048, 4095, 4096, 4097, 9000)
MODELS = (
    "CubaLif",
    "HomeostaticLif",
    "Integrator",
    "Delta",
    "SigmaDelta",
    "Sigma",
    "ResonateFire",
    "ResonateFireIz",
)


def wild_neuron(rng: Generator, model: str, shape: tuple[int, ...]) -> Neuron:
    """Return a neuron whose states leave their widths now and then."""

    def draw(*values: int) -> Any:
        return rng.choice(values, size=shape if rng.random() < 0.5 else ())

    if model in ("CubaLif", "HomeostaticLif", "Integrator"):
        fields: dict[str, Any] = {
            "current_decay": draw(*EDGE_DECAYS),
            "voltage_decay": draw(*EDGE_DECAYS),
            "bias": draw(-(2**17), -32768, -3, 0, 0, 0, 5, 32767),
            "initial": draw(1 - M, -900, 0, 0, 0, 900, M - 1),
        }
        if model == "Integrator":
            return nd.Integrator(**fields)
        fields["threshold"] = draw(-(2**17), -1, 0, 1, 300, 2**17 - 1, 2**20)
        fields["reset"] = str(rng.choice(["zero", "subtract", "none"]))
        if rng.random() < 0.4:
            fields["gain"] = rng.choice((-(2**15), -300, -1, 0, 64, 300), size=3)
        if model == "CubaLif":
            return nd.CubaLif(**fields)
        return nd.HomeostaticLif(
            **fields,
            theta=draw(0, 1, 2**12, 2**16, 2**24),
            signature=rng.choice((-(2**22), -5, 0, 5, 2**22), size=(4, *shape)),
            shift=int(rng.choice([0, 8, 12, 16])),
            low=int(rng.choice([-(2**25), -64, 64])),
            high=int(rng.choice([64, 2**20, 2**30])),
        )
    if model in ("ResonateFire", "ResonateFireIz"):
        kind = getattr(nd, model)
        return kind(draw(-4090, -900, 0, 900, 4500), draw(-4090, 0, 3000, 4090), draw(0, 9, 2**18))
    exp = int(rng.choice([0, 6, 24]))
    if model == "Sigma":
        return nd.Sigma(spike_exp=exp)
    threshold = draw(-(2**31), -1, 0, 1, 70, 2**19, 2**31 - 1)
    if model == "Delta":
        return nd.Delta(threshold, spike_exp=exp)
    return nd.SigmaDelta(threshold, draw(-(2**31), -50, 0, 50, 2**25), spike_exp=exp)


def wild_program(rng: Generator, model: str) -> nd.Program:
    """Return two populations, the first of ``model``, driven far beyond every width."""
    size = int(rng.integers(1, 4))
    conv = rng.random() < 0.25
    node = nd.Input("input", (2, 3, 3) if conv else (size,), 31)
    scale = int(rng.choice([3, 200, 2**17, 2**30]))
    connections = []
    synapse: Any = nd.Conv2d(rng.integers(-scale, scale, (2, 1, 2, 2)), padding=1, groups=2)
    shape = synapse.output_shape(node.shape) if conv else (int(rng.integers(1, 4)),)
    first = nd.Population("first", shape, wild_neuron(rng, model, shape))
    for port in first.neuron.ports:
        if not conv:
            delay = rng.integers(0, 3, (shape[0], 1)) if rng.random() < 0.3 else None
            synapse = nd.Dense(rng.integers(-scale, scale, (shape[0], size)), delay)
        if port != "bias" or rng.random() < 0.5:
            connections.append(nd.Connection("input", "first", synapse, port=port))
    second = nd.Population("second", (2,), wild_neuron(rng, "CubaLif", (2,)))
    into = nd.Dense(rng.integers(-500, 500, (2, math.prod(shape))))
    connections.append(nd.Connection("first", "second", into))
    if rng.random() < 0.3:
        own = nd.Dense(rng.integers(-90, 90, (math.prod(shape), 2)))
        port = first.neuron.ports[0]
        connections.append(nd.Connection("second", "first", own, feedback=True, port=port))
    return nd.Program((node,), (first, second), tuple(connections), nd.Readout("second"))


def drawn_case(seed: int) -> tuple[nd.Program, Arrays, dict[str, Any], Generator]:
    """Return a program, the data in the middle of a box, run options and the generator."""
    rng = np.random.default_rng(seed)
    if seed % 2:
        program = wild_program(rng, MODELS[seed // 2 % len(MODELS)])
        scale = 2 ** int(rng.integers(0, 30))
        data = {"input": rng.integers(-scale, scale, (STEPS, *program.inputs[0].shape))}
    else:
        program = random_program(rng, extreme=seed % 4 == 0, max_size=8)
        data = random_input(rng, program, STEPS)
    return program, data, random_options(rng, STEPS), rng


def box_around(data: Arrays, width: int, rng: Generator) -> tuple[Arrays, Arrays]:
    """Return the ends of a box, ``(1, steps, ...)``, that holds ``data``."""
    low, high = {}, {}
    for name, values in data.items():
        below, above = (rng.integers(0, width + 1, (1, *values.shape)) for _ in "ab")
        low[name], high[name] = values[None] - below, values[None] + above
    return low, high


def within(low: Arrays, high: Arrays, rng: Generator, samples: int = SAMPLES) -> Arrays:
    """Return inputs of the box: drawn ones, drawn corners and both ends."""
    found = {}
    for name in low:
        shape = (samples, *low[name].shape[1:])
        inside = rng.integers(low[name], high[name] + 1, shape)
        corners = np.where(rng.random(shape) < 0.5, low[name], high[name])
        found[name] = np.concatenate([inside, corners, low[name], high[name]])
    return found


def violations(
    program: nd.Program, data: Arrays, found: Bounds, options: dict[str, Any]
) -> tuple[list[str], int]:
    """Run ``data`` in the reference engine; return what escapes ``found`` and how much was seen."""
    trace = nd.simulate(program, data, engine="reference", record=VARIABLES, **options)
    seen, texts = 0, []
    for population in program.populations:
        name, bounds = population.name, found[population.name]
        for variable, interval in bounds.variables.items():
            values = getattr(trace[name], variable).astype(np.int64)
            low, high = interval.low, interval.high
            if found.steps is None:
                low, high = low[:, None], high[:, None]
            outside = np.count_nonzero((values < low) | (values > high))
            seen += values.size
            if outside:
                texts.append(f"{name}.{variable} ({type(population.neuron).__name__}): {outside}")
        texts += _unseen(trace, name, bounds.overflow)
    return texts, seen


def _unseen(trace: nd.Trace, name: str, overflow: Any) -> Iterator[str]:
    """Overflows that were counted though the bounds rule them out."""
    counts = {"u": trace.activity.u_wraps, "v": trace.activity.v_saturations}
    counts["re"] = counts["v"]
    for state, counted in counts.items():
        ruled_out = [not overflow[n].any() for n in (state, "im") if n in overflow]
        if state in overflow and all(ruled_out) and counted[name].any():
            yield f"{name}.{state}: overflows unseen"


def check_seed(seed: int) -> tuple[list[str], int]:
    """Return the violations of one drawn case, over its steps and for ever."""
    program, data, options, rng = drawn_case(seed)
    try:
        nd.compile(program, engine="reference", **options)
    except nd.errors.ProgramError:  # weights that conditioning cannot take
        return [], 0
    low, high = box_around(data, int(rng.choice(WIDTHS)), rng)
    inside = within(low, high, rng)
    found = bound(program, low, high, steps=STEPS, **options)
    texts, seen = violations(program, inside, found, options)
    ever = bound(program, low, high, steps=None, **options)
    longer = violations(program, inside, ever, options)[0]
    for population in found:
        for variable, interval in population.variables.items():
            held = ever[population.name].variables[variable]
            if not (held.holds(interval.over_time())).all():
                longer.append(f"{population.name}.{variable}: leaves what holds for ever")
    return [f"seed {seed}: {text}" for text in (*texts, *(f"ever: {t}" for t in longer))], seen


if __name__ == "__main__":
    warnings.simplefilter("ignore", nd.errors.NeurodeployWarning)  # random data are odd data
    count, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    began, total, wrong = time.perf_counter(), 0, 0
    for number in range(first, first + count):
        lines, checked = check_seed(number)
        total, wrong = total + checked, wrong + len(lines)
        print(*lines, sep="\n", end="\n" if lines else "")
    print(
        f"{count} programs, {total:,} values, {wrong} violations, "
        f"{time.perf_counter() - began:.0f} s"
    )
