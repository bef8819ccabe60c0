"""The native engine equals the reference: every neuron, synapse, width and way of running."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from generate import EDGE_BIASES, EDGE_DECAYS, EDGE_THRESHOLDS, random_input, random_program
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.random import Generator

import neurodeploy as nd
from neurodeploy.sim.native import INSTRUCTION_SETS, instruction_sets

ALL = ("s", "u", "v", "vth", "sigma", "act", "re", "im")
TIMINGS = ("aligned", "pipelined")
M = 2**23
Data = dict[str, Any]


def agree(program: nd.Program, data: Any, **options: Any) -> nd.Trace:
    """Run both engines, compare everything, return the trace of the native one."""
    options = {"record": ALL} | options
    mine = nd.simulate(program, data, engine="native", **options)
    theirs = nd.simulate(program, data, engine="reference", **options)
    for name, array in theirs.flat().items():
        found = mine.flat()[name]
        assert found.dtype == array.dtype, name
        assert np.array_equal(found, array), name
    assert mine.activity.differences(theirs.activity) == []
    return mine


def one_layer(
    neuron: Any,
    weight: Any,
    *,
    bits: int = 0,
    delay: Any = None,
    ports: tuple[str, ...] = ("a",),
    shape: tuple[int, ...] | None = None,
) -> nd.Program:
    """One dense layer ``n`` behind input ``x``; the same weights into every port."""
    weight = np.asarray(weight)
    return nd.Program(
        (nd.Input("x", (weight.shape[1],), bits),),
        (nd.Population("n", shape or (weight.shape[0],), neuron),),
        tuple(nd.Connection("x", "n", nd.Dense(weight, delay), port=port) for port in ports),
        nd.Readout("n"),
    )


def spikes(rng: Generator, *shape: int, rate: float = 0.3) -> Any:
    return (rng.random(shape) < rate).astype(np.uint8)


def weights(rng: Generator, *shape: int, scale: float = 32) -> Any:
    return np.clip(np.rint(rng.normal(0, scale, shape)), -256, 254).astype(np.int32)


# --- Neurons -------------------------------------------------------------------------------------

NEURONS: dict[str, Any] = {
    "zero reset": nd.CubaLif(1024, 512, 40),
    "subtract": nd.CubaLif(1024, 512, 40, reset="subtract"),
    "no reset": nd.CubaLif(1024, 512, 40, reset="none"),
    "bias": nd.CubaLif(700, 300, 30, bias=-7),
    "bias beyond 16 bits": nd.CubaLif(700, 300, 30, bias=2**31 - 1),
    "per neuron": nd.CubaLif(
        np.arange(40) * 100, np.arange(40) * 50, np.arange(40) + 5, np.arange(40) - 20
    ),
    "no leak": nd.CubaLif(0, 0, 200),
    "no memory": nd.CubaLif(4096, 4096, 10),
    "negative threshold": nd.CubaLif(1000, 1000, -3),
    "lowest threshold, subtract": nd.CubaLif(1000, 0, -(2**25) + 1, reset="subtract"),
    "lowest threshold": nd.CubaLif(1000, 0, -(2**25) + 1),
    "highest threshold": nd.CubaLif(0, 0, 2**25 - 1),
    "decays above 4096": nd.CubaLif(5000, 65535, 20),
    "negative decays": nd.CubaLif(-65535, -300, 20),
    "gain": nd.CubaLif(1024, 512, 40, bias=9, gain=[64, 0, -64, 100, 32767, -32768, 1]),
    "gain, subtract": nd.CubaLif(1024, 512, 40, reset="subtract", gain=[10, 20, 70]),
    "integrator": nd.Integrator(1024, 512, bias=3),
    "integrator without leak": nd.Integrator(0, 0),
    "homeostatic": nd.HomeostaticLif(
        1024, 512, 40, theta=np.arange(40) * 50, signature=np.arange(5 * 40).reshape(5, 40) * 20
    ),
    "homeostatic, subtract, gain": nd.HomeostaticLif(
        900,
        10,
        30,
        bias=5,
        reset="subtract",
        gain=[70, 30],
        theta=2**24,
        signature=np.full((4, 40), -(2**31)),
        shift=0,
        low=-(2**31),
        high=2**31 - 1,
    ),
    "homeostatic, limits below zero": nd.HomeostaticLif(
        900, 10, 30, theta=9, signature=np.zeros((40, 40), int), low=-900, high=-5, reset="none"
    ),
    "delta": nd.Delta(3),
    "delta, spike_exp 0": nd.Delta(np.arange(40), spike_exp=0),
    "delta, spike_exp 24": nd.Delta(1, spike_exp=24),
    "sigma-delta": nd.SigmaDelta(3, np.arange(40) - 20),
    "sigma-delta, extreme": nd.SigmaDelta(-(2**31), 2**31 - 1, spike_exp=13),
    "sigma": nd.Sigma(),
    "resonate": nd.ResonateFire(1200, 3700, 20),
    "resonate per neuron": nd.ResonateFire(np.arange(40) * 30, 3800, np.arange(40)),
    "resonate, zero decays": nd.ResonateFire(0, 0, 20),
    "resonate, wild decays": nd.ResonateFire(-65535, 65535, -5),
    "izhikevich": nd.ResonateFireIz(1200, 3700, 20),
    "izhikevich, negative threshold": nd.ResonateFireIz(400, 3900, -70),
}


@pytest.mark.parametrize("timing", TIMINGS)
@pytest.mark.parametrize("name", NEURONS)
def test_every_neuron_equals_the_reference(name: str, timing: str) -> None:
    rng = np.random.default_rng(len(name))
    neuron = NEURONS[name]
    ports = neuron.ports if "re" in neuron.ports else ("a",)
    program = one_layer(neuron, weights(rng, 40, 30), ports=ports)
    agree(program, spikes(rng, 3, 30, 30), timing=timing, reset_interval=11, reset_offset=3)
    graded = one_layer(neuron, weights(rng, 40, 30), ports=ports, bits=32)
    limit = int(rng.choice([50, 5000, 2**22, 2**31 - 1]))
    agree(graded, rng.integers(-limit, limit, (2, 30, 30)), timing=timing)


@pytest.mark.parametrize("seed", range(60))
def test_cuba_equals_the_reference_at_the_edges(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 70))
    neuron = nd.CubaLif(
        rng.choice(EDGE_DECAYS, size),
        rng.choice(EDGE_DECAYS, size),
        rng.choice(EDGE_THRESHOLDS, size),
        rng.choice(EDGE_BIASES, size),
        reset=("zero", "subtract", "none")[seed % 3],
    )
    limit = 2 ** int(rng.integers(10, 31))
    program = one_layer(neuron, np.eye(size, dtype=int), bits=32)
    agree(program, rng.integers(-limit, limit, (2, 40, size)))


def test_u_wraps_and_v_saturates_in_the_32_bit_kernels() -> None:
    """Currents within 2^18, so that the vector path runs, and states that leave 24 bits."""
    rng = np.random.default_rng(1)
    neuron = nd.CubaLif(64, 16, 130000, reset="subtract")
    drift = np.where(np.arange(100) % 2, 40, -40)[:, None]
    trace = agree(one_layer(neuron, weights(rng, 100, 700) + drift), spikes(rng, 2, 150, 700))
    assert trace.activity.u_wraps["n"].sum() > 500
    assert trace.activity.v_saturations["n"].sum() > 1000


@pytest.mark.parametrize("seed", range(20))
def test_homeostatic_thresholds_at_the_limits_of_the_32_bit_kernels(seed: int) -> None:
    """Gains, targets, shifts and limits on both sides of what 32 bits hold."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 70))
    over = int(rng.integers(0, 2))
    bound = (2**26 >> 6) + over
    neuron = nd.HomeostaticLif(
        rng.choice([0, 1, 4095, 4096], size),
        rng.choice([0, 1, 4095, 4096], size),
        rng.choice([-bound, -1, 0, 100, bound], size),
        bias=rng.choice(EDGE_BIASES, size),
        reset=("zero", "subtract", "none")[seed % 3],
        theta=rng.choice([0, 1, 2**14 - 1, 2**14 + over], size),
        signature=rng.choice([-(2**25) - over, -1, 0, 2**25], (30, size)),
        shift=int(rng.choice([11, 12, 13, 31])),
        low=int(rng.choice([-(2**26), -100, 64])),
        high=int(rng.choice([2**26 + over, 10_000])),
    )
    limit = 2 ** int(rng.integers(10, 20))
    program = one_layer(neuron, np.eye(size, dtype=int), bits=32)
    agree(program, rng.integers(-limit, limit + 1, (2, 40, size)), timing=TIMINGS[seed % 2])


@pytest.mark.parametrize("kind", [nd.ResonateFire, nd.ResonateFireIz])
@pytest.mark.parametrize("seed", range(20))
def test_resonators_at_the_limits_of_the_32_bit_kernels(seed: int, kind: Any) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 70))
    edge = 2**20 + int(rng.integers(0, 2))
    sin, cos = (rng.choice([-4096, -4095, 0, 1, 2896, 4095, 4096], size) for _ in range(2))
    neuron = kind(sin, cos, rng.choice([-edge, -1, 0, 50, 2**17 - 1, 2**17], size))
    limit = 2 ** int(rng.integers(6, 20))
    program = one_layer(neuron, np.eye(size, dtype=int), bits=32, ports=("re", "im"))
    agree(program, rng.integers(-limit, limit + 1, (2, 60, size)), timing=TIMINGS[seed % 2])


def test_u_leaves_24_bits_beyond_three_times_the_limit() -> None:
    program = one_layer(nd.CubaLif(0, 4096, 1), [[1]], bits=32)
    trace = agree(program, np.array([[400_000], [2**25 - 1], [-(2**25)], [7]]))
    assert trace["n"].u[0, 0] == 8_822_784


def test_a_current_that_is_small_again_after_a_wide_u_stays_exact() -> None:
    """The choice between 32 and 64 bits looks at the states as well as at the currents."""
    program = one_layer(nd.CubaLif(1, 1, 10), [[1]], bits=32)
    data = np.full((200, 1), 5)
    data[10] = 2**24
    assert np.abs(agree(program, data)["n"].u[66]) > 2 * M


def test_bias_port_adds_to_the_bias_and_wraps_to_16_bits() -> None:
    rng = np.random.default_rng(2)
    neuron = nd.CubaLif(1000, 200, 2000, bias=np.arange(40) * 1000, gain=[64, 3, -7])
    program = nd.Program(
        (nd.Input("x", (20,)), nd.Input("image", (40,), 16)),
        (nd.Population("n", (40,), neuron),),
        (
            nd.Connection("x", "n", nd.Dense(weights(rng, 40, 20))),
            nd.Connection("image", "n", nd.Direct(), port="bias"),
        ),
        nd.Readout("n"),
    )
    image = rng.integers(-(2**31), 2**31, (3, 20, 40))
    agree(program, {"x": spikes(rng, 3, 20, 20), "image": image}, timing="pipelined")


def test_a_population_without_inputs_runs_on_its_bias() -> None:
    program = nd.Program(
        (nd.Input("x", (2,)),),
        (nd.Population("n", (3,), nd.CubaLif(1, 1, 5, bias=[1, 2, 3])),),
        (),
        nd.Readout("n"),
    )
    assert agree(program, np.ones((2, 9, 2), int)).activity.spikes["n"].sum() > 0


# --- Dense connections ---------------------------------------------------------------------------

DENSE: dict[str, tuple[Any, int]] = {
    "one by one": ([[7]], 0),
    "one output": (np.arange(-50, 51)[None], 0),
    "16-bit sums": (weights(np.random.default_rng(0), 70, 1000), 0),
    "sums beyond 16 bits": (weights(np.random.default_rng(0), 40, 1500, scale=120), 0),
    "all at the maximum": (np.full((33, 900), 254), 0),
    "all at the minimum": (np.full((33, 900), -256), 0),
    "weights beyond 8 bits": (np.arange(-30000, 30000, 60).reshape(10, 100), 0),
    "weights beyond 16 bits": (np.arange(-(2**31), 2**31 - 1, 2**24 + 7)[:252].reshape(6, 42), 0),
    "graded": (weights(np.random.default_rng(0), 70, 300), 16),
    "graded, beyond 16 bits": (np.arange(-(2**31), 2**31 - 1, 2**24 + 7)[:252].reshape(6, 42), 32),
}


@pytest.mark.parametrize("mode", ["exact", "lava"])
@pytest.mark.parametrize("name", DENSE)
def test_every_width_of_group_weights_equals_the_reference(name: str, mode: str) -> None:
    weight, bits = DENSE[name]
    size = np.shape(weight)[1]
    rng = np.random.default_rng(3)
    program = one_layer(nd.CubaLif(2000, 500, 900), weight, bits=bits)
    data = spikes(rng, 3, 20, size, rate=0.6).astype(np.int32)
    data[:, :3] = 1
    if bits:
        data = data * rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), data.shape)
    agree(program, data, weights=mode)


@pytest.mark.parametrize("outputs", [1, 31, 32, 33, 63, 64, 65, 96, 97, 130])
@pytest.mark.parametrize("inputs", [1, 7, 8, 31, 191, 193, 400])
def test_sizes_beside_those_of_blocks_and_tiles(inputs: int, outputs: int) -> None:
    rng = np.random.default_rng(inputs * outputs)
    program = one_layer(nd.CubaLif(1024, 512, 60), weights(rng, outputs, inputs))
    agree(program, spikes(rng, 2, 9, inputs))


def test_any_non_zero_value_is_one_event_of_a_binary_input() -> None:
    rng = np.random.default_rng(4)
    program = one_layer(nd.CubaLif(1024, 512, 60), weights(rng, 5, 40))
    agree(program, rng.choice([-(2**31), -1, 0, 0, 1, 256, 2**31 - 1], (2, 9, 40)))
    agree(program, rng.choice([0, 0, 1, 2, 128, 255], (2, 9, 40)).astype(np.uint8))


@pytest.mark.parametrize("bits", [0, 8])
def test_bytes_and_integers_of_a_stream_may_alternate(bits: int) -> None:
    rng = np.random.default_rng(5)
    program = one_layer(nd.CubaLif(1024, 512, 60), weights(rng, 9, 40), bits=bits, delay=[[5]] * 9)
    data = rng.integers(0, 3, (30, 40))
    whole = nd.simulate(program, data, engine="reference", record="v")["n"].v
    simulator = nd.compile(program, record="v")
    parts = [
        simulator.run(data[a : a + 6].astype(np.uint8 if a % 12 else np.int64))["n"].v
        for a in range(0, 30, 6)
    ]
    assert np.array_equal(np.concatenate(parts), whole)


# --- Delays --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["exact", "lava"])
@pytest.mark.parametrize("timing", TIMINGS)
@pytest.mark.parametrize("graded", [False, True])
@pytest.mark.parametrize("kind", ["none", "uniform", "row", "column", "synapse"])
def test_every_kind_of_delay_equals_the_reference(
    kind: str, graded: bool, timing: str, mode: str
) -> None:
    rng = np.random.default_rng(6)
    out, size = 37, 29
    delay = {
        "none": None,
        "uniform": np.full((1, size), 17),
        "row": rng.integers(0, 63, (out, 1)),
        "column": rng.integers(0, 63, (1, size)),
        "synapse": rng.integers(0, 63, (out, size)),
    }[kind]
    weight = weights(rng, out, size, scale=6 if mode == "lava" else 32)
    program = one_layer(nd.SigmaDelta(1), weight, bits=32 * graded, delay=delay)
    data = spikes(rng, 2, 100, size, rate=0.1).astype(np.int32)
    if graded:
        data *= rng.integers(-(2**31), 2**31, data.shape, dtype=np.int64).astype(np.int32)
    agree(program, data, timing=timing, weights=mode)


@pytest.mark.parametrize("shape", [(5, 1), (1, 4), (5, 4)])
def test_currents_in_flight_survive_the_end_of_a_call(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(7)
    program = one_layer(
        nd.CubaLif(500, 100, 300), weights(rng, 5, 4), delay=rng.integers(0, 63, shape)
    )
    data = spikes(rng, 150, 4)
    whole = nd.simulate(program, data, engine="reference", record="u", reset_interval=9)["n"].u
    simulator = nd.compile(program, record="u", reset_interval=9)
    parts = [simulator.run(data[a : a + 1])["n"].u for a in range(70)]
    parts.append(simulator.run(data[70:])["n"].u)
    assert np.array_equal(np.concatenate(parts), whole)


# --- Convolutions --------------------------------------------------------------------------------


def conv_program(
    source: tuple[int, int, int], synapse: nd.Conv2d, neuron: Any = None, bits: int = 0
) -> nd.Program:
    target = synapse.output_shape(source)
    neuron = neuron or nd.CubaLif(1024, 512, 60, bias=np.arange(target[0]).reshape(-1, 1, 1))
    return nd.Program(
        (nd.Input("x", source, bits),),
        (nd.Population("n", target, neuron), nd.Population("out", (4,), nd.CubaLif(900, 300, 90))),
        (
            nd.Connection("x", "n", synapse),
            nd.Connection(
                "n", "out", nd.Dense(np.arange(4 * np.prod(target)).reshape(4, -1) % 23 - 11)
            ),
        ),
        nd.Readout("out"),
    )


CONVOLUTIONS: list[tuple[tuple[int, int, int], tuple[int, int, int, int], dict[str, Any]]] = [
    ((1, 1, 1), (1, 1, 1, 1), {}),
    ((1, 28, 28), (16, 1, 5, 5), {"stride": 2}),
    ((16, 12, 12), (32, 16, 3, 3), {"stride": 2}),
    ((3, 9, 11), (24, 3, 3, 5), {"stride": (2, 3), "padding": (1, 2)}),
    ((2, 9, 11), (5, 2, 3, 2), {"dilation": (2, 3), "padding": (3, 1)}),
    ((2, 10, 9), (5, 2, 2, 3), {"stride": (3, 2), "dilation": (2, 2), "padding": (2, 3)}),
    ((2, 8, 8), (6, 2, 2, 2), {"stride": 4, "dilation": 2}),
    ((1, 4, 4), (3, 1, 4, 4), {"padding": 5}),
    ((2, 5, 5), (3, 2, 1, 1), {"stride": 7, "padding": 3}),
    ((1, 1, 1), (2, 1, 1, 1), {"stride": 2, "dilation": 2, "padding": 1}),
    ((1, 3, 1), (2, 1, 1, 3), {"stride": 2, "dilation": 2, "padding": (0, 3)}),
    ((6, 7, 7), (9, 2, 3, 3), {"groups": 3, "padding": 1}),
    ((8, 6, 6), (8, 1, 3, 3), {"groups": 8, "padding": 1}),
    ((4, 6, 6), (140, 2, 3, 3), {"groups": 2}),
    ((2, 3, 70), (70, 2, 3, 9), {}),
    ((2, 70, 3), (10, 2, 9, 3), {}),
]


@pytest.mark.parametrize("graded", [False, True])
@pytest.mark.parametrize(("source", "shape", "geometry"), CONVOLUTIONS)
def test_every_geometry_of_convolutions_equals_the_reference(
    source: tuple[int, int, int],
    shape: tuple[int, int, int, int],
    geometry: dict[str, Any],
    graded: bool,
) -> None:
    rng = np.random.default_rng(8)
    synapse = nd.Conv2d(weights(rng, *shape), **geometry)
    program = conv_program(source, synapse, bits=16 * graded)
    data = spikes(rng, 2, 12, *source).astype(np.int32)
    if graded:
        data = data * rng.integers(-900, 900, data.shape)
    agree(program, data)
    agree(program, data, timing="pipelined", reset_interval=5)


def test_convolution_sums_wrap_to_24_bits() -> None:
    rng = np.random.default_rng(9)
    synapse = nd.Conv2d(rng.integers(-(2**22), 2**22, (3, 2, 3, 3)), padding=1)
    trace = agree(conv_program((2, 6, 6), synapse), spikes(rng, 2, 9, 2, 6, 6))
    assert np.abs(trace["n"].u).max() > M
    wide = nd.Conv2d(rng.integers(-(2**31), 2**31, (3, 2, 3, 3)), padding=1)
    data = rng.integers(-(2**31), 2**31, (2, 9, 2, 6, 6))
    agree(conv_program((2, 6, 6), wide, nd.SigmaDelta(1), bits=32), data)


def test_convolution_sums_beyond_16_bits() -> None:
    rng = np.random.default_rng(10)
    synapse = nd.Conv2d(np.full((3, 16, 5, 5), 250), padding=2)
    agree(conv_program((16, 6, 6), synapse), spikes(rng, 2, 9, 16, 6, 6, rate=0.7))


# --- Graphs --------------------------------------------------------------------------------------


def maps_program() -> nd.Program:
    """Maps, flat populations and inputs joined in every way, with a long feedback."""
    rng = np.random.default_rng(11)
    shape, flat = (3, 4, 5), (60,)
    lif = nd.CubaLif(1200, 400, 50)
    return nd.Program(
        (nd.Input("map", shape), nd.Input("flat", flat, 8)),
        (
            nd.Population("direct_map", shape, nd.CubaLif(4096, 400, 3)),
            nd.Population("conv", shape, lif),
            nd.Population("dense", flat, lif),
            nd.Population("back", shape, nd.CubaLif(1200, 400, np.full((3, 1, 1), 70))),
            nd.Population("out", (7, 1, 1), nd.Integrator(500, 4096)),
        ),
        (
            nd.Connection("flat", "direct_map", nd.Direct()),
            nd.Connection("direct_map", "conv", nd.Conv2d(weights(rng, 3, 3, 3, 3), padding=1)),
            nd.Connection("map", "conv", nd.Conv2d(weights(rng, 3, 3, 1, 1))),
            nd.Connection("map", "conv", nd.Direct()),
            nd.Connection("conv", "dense", nd.Dense(weights(rng, 60, 60))),
            nd.Connection("dense", "back", nd.Dense(weights(rng, 60, 60))),
            nd.Connection("conv", "back", nd.Conv2d(weights(rng, 3, 1, 3, 3), (1, 1), 1, groups=3)),
            nd.Connection("back", "conv", nd.Dense(weights(rng, 60, 60, scale=9)), feedback=True),
            nd.Connection("back", "out", nd.Dense(weights(rng, 7, 60))),
        ),
        nd.Readout("out", "v"),
    )


@pytest.mark.parametrize("timing", TIMINGS)
def test_maps_and_flat_populations_mix(timing: str) -> None:
    rng = np.random.default_rng(12)
    data = {"map": spikes(rng, 5, 30, 3, 4, 5), "flat": rng.integers(-9, 9, (5, 30, 60))}
    trace = agree(maps_program(), data, timing=timing, reset_interval=7, reset_offset=2)
    assert all(trace.activity.spikes[name].sum() > 0 for name in ("conv", "dense", "back"))


@pytest.mark.parametrize("record", [(), ("s",), ("u", "v"), {"conv": "v", "back": ("s", "u")}])
def test_only_what_is_asked_for_is_recorded(record: Any) -> None:
    rng = np.random.default_rng(13)
    data = {"map": spikes(rng, 2, 9, 3, 4, 5), "flat": rng.integers(-9, 9, (2, 9, 60))}
    trace = agree(maps_program(), data, record=record)
    assert "v" in trace["out"].arrays


def test_a_stage_before_a_loop_runs_ahead_of_it() -> None:
    """Feed-forward stages take whole chunks of columns, loops go column by column."""
    rng = np.random.default_rng(14)
    lif = nd.CubaLif(1000, 300, 60)
    populations = [nd.Population(f"p{k}", (33,), lif) for k in range(5)]
    chain = [nd.Connection(f"p{k}", f"p{k + 1}", nd.Dense(weights(rng, 33, 33))) for k in range(4)]
    loops = [
        nd.Connection("p1", "p1", nd.Dense(weights(rng, 33, 33, scale=8)), feedback=True),
        nd.Connection("p3", "p2", nd.Dense(weights(rng, 33, 33), [[4]] * 33), feedback=True),
    ]
    program = nd.Program(
        (nd.Input("x", (20,)),),
        populations,
        [nd.Connection("x", "p0", nd.Dense(weights(rng, 33, 20))), *chain, *loops],
        nd.Readout("p4"),
    )
    agree(program, spikes(rng, 3, 150, 20))
    agree(program, spikes(rng, 3, 150, 20), timing="pipelined", reset_interval=50)


# --- Ways of running -----------------------------------------------------------------------------


def small_mlp(rng: Generator) -> nd.Program:
    lif = nd.CubaLif(1024, 512, 100)
    return nd.Program(
        (nd.Input("x", (50,)),),
        (nd.Population("a", (70,), lif), nd.Population("b", (9,), lif)),
        (
            nd.Connection("x", "a", nd.Dense(weights(rng, 70, 50))),
            nd.Connection("a", "b", nd.Dense(weights(rng, 9, 70))),
        ),
        nd.Readout("b"),
    )


@pytest.mark.parametrize("steps", [0, 1, 2, 63, 64, 65, 200])
@pytest.mark.parametrize("batch", [1, 2, 7, 130])
def test_any_batch_and_any_number_of_steps(batch: int, steps: int) -> None:
    rng = np.random.default_rng(15)
    agree(small_mlp(rng), spikes(rng, batch, min(steps, 30), 50), steps=steps)


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("kind", ["mlp", "maps"])
def test_results_do_not_depend_on_the_number_of_threads(kind: str, threads: int) -> None:
    rng = np.random.default_rng(16)
    data: Data = {"x": spikes(rng, 90, 90, 50)}
    program = small_mlp(rng)
    if kind == "maps":
        program = maps_program()
        data = {"map": spikes(rng, 90, 90, 3, 4, 5), "flat": rng.integers(-9, 9, (90, 90, 60))}
    agree(program, data, threads=threads)


@pytest.mark.parametrize("isa", INSTRUCTION_SETS)
def test_every_instruction_set_equals_the_reference(
    isa: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isa not in instruction_sets():
        pytest.skip(f"this processor or build lacks {isa}; it has {', '.join(instruction_sets())}")
    monkeypatch.setenv("NEURODEPLOY_ISA", isa)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        program = random_program(rng, extreme=seed % 2 == 0, max_size=130)
        agree(program, random_input(rng, program, 20, batch=3))
    rng = np.random.default_rng(17)
    data = {"map": spikes(rng, 5, 30, 3, 4, 5), "flat": rng.integers(-9, 9, (5, 30, 60))}
    agree(maps_program(), data)
    for source, shape, geometry in CONVOLUTIONS:
        synapse = nd.Conv2d(weights(rng, *shape), **geometry)
        agree(conv_program(source, synapse), spikes(rng, 2, 5, *source))
    for weight, _ in DENSE.values():
        program = one_layer(nd.CubaLif(2000, 500, 900), weight)
        agree(program, spikes(rng, 2, 9, np.shape(weight)[1], rate=0.6))


@pytest.mark.parametrize("length", [1, 5, 64, 150])
def test_a_stream_in_chunks_equals_one_run(length: int) -> None:
    rng = np.random.default_rng(18)
    data = {"map": spikes(rng, 150, 3, 4, 5), "flat": rng.integers(-9, 9, (150, 60))}
    options: dict[str, Any] = {"timing": "pipelined", "reset_interval": 13, "record": ALL}
    whole = nd.simulate(maps_program(), data, engine="reference", **options)
    simulator = nd.compile(maps_program(), **options)
    traces = [
        simulator.run({name: x[a : a + length] for name, x in data.items()})
        for a in range(0, 150, length)
    ]
    for name, array in whole.flat().items():
        parts = [trace.flat()[name] for trace in traces]
        assert np.array_equal(np.concatenate(parts), array), name
    for name, count in whole.activity.synops_nonzero.items():
        assert sum(t.activity.synops_nonzero[name][0] for t in traces) == count[0]


def test_streams_of_a_batch_can_be_advanced_together() -> None:
    """The engine keeps the state of every sample, wherever chunks of samples begin."""
    rng = np.random.default_rng(19)
    data = spikes(rng, 100, 40, 50)
    program = small_mlp(rng)
    whole = nd.simulate(program, data, engine="reference", record="v", threads=2)
    engine = nd.compile(program, record="v")._engine
    state = engine.fresh(100)
    cuts = [0, 0, 3, 17, 40]
    parts = [
        engine.advance(state, [np.ascontiguousarray(data[:, a:b])]).arrays[1]["v"]
        for a, b in itertools.pairwise(cuts)
    ]
    assert np.array_equal(np.concatenate(parts, axis=1), whole["b"].v)


def test_an_empty_chunk_starts_a_stream_at_rest() -> None:
    """The workers' memory still holds the states of the batch before."""
    rng = np.random.default_rng(21)
    program = small_mlp(rng)
    data = spikes(rng, 40, 50)
    simulator = nd.compile(program, record="v")
    simulator.run(spikes(rng, 9, 5, 50, rate=0.9))
    simulator.run(data[:0])
    whole = nd.simulate(program, data, engine="reference", record="v")["a"].v
    assert np.array_equal(simulator.run(data)["a"].v, whole)


def test_one_simulator_serves_batches_and_its_own_stream() -> None:
    rng = np.random.default_rng(20)
    program = small_mlp(rng)
    data = spikes(rng, 40, 50)
    whole = nd.simulate(program, data, engine="reference", record="v")["b"].v
    simulator = nd.compile(program, record="v")
    first = simulator.run(data[:20])["b"].v
    simulator.run(spikes(rng, 9, 5, 50))
    second = simulator.run(data[20:])["b"].v
    assert np.array_equal(np.concatenate([first, second]), whole)
    simulator.reset()
    assert np.array_equal(simulator.run(data[:20])["b"].v, whole[:20])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1), st.sampled_from(["aligned", "pipelined"]), st.booleans())
def test_random_programs_equal_the_reference(seed: int, timing: str, extreme: bool) -> None:
    rng = np.random.default_rng(seed)
    program = random_program(rng, extreme=extreme, max_size=100)
    agree(program, random_input(rng, program, int(rng.integers(0, 20)), batch=2), timing=timing)
