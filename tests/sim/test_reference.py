"""The reference engine against scalar Python integers, and at the edges of each rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from generate import EDGE_BIASES, EDGE_DECAYS, EDGE_THRESHOLDS

import neurodeploy as nd

M = 2**23


def one(neuron: Any, weight: int = 1, bits: int = 32) -> nd.Program:
    """One graded input, one weight, one neuron."""
    ports = neuron.ports if "re" in neuron.ports else ("a",)
    return nd.Program(
        (nd.Input("x", (1,), bits),),
        (nd.Population("n", (1,), neuron),),
        tuple(nd.Connection("x", "n", nd.Dense([[weight]]), port=port) for port in ports),
        nd.Readout("n"),
    )


def run(program: nd.Program, values: list[int], **options: Any) -> nd.Trace:
    data = np.array(values, dtype=np.int64)[:, None]
    record = ("s", "u", "v", "vth", "sigma", "act", "re", "im")
    return nd.simulate(program, data, engine="reference", record=record, **options)


def to_int(value: int, bits: int) -> int:
    """Two's complement of the low ``bits`` bits, written without numpy."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def toward_zero(value: int) -> int:
    return value // 4096 if value >= 0 else -(-value // 4096)


def scalar_cuba(neuron: nd.CubaLif, inputs: list[int]) -> list[tuple[int, int, int]]:
    """(s, u, v) per step of one CUBA-LIF neuron, the rules of Lava spelt with Python integers."""
    u = v = 0
    du, dv = int(neuron.current_decay), int(neuron.voltage_decay)
    threshold, bias = int(neuron.threshold) * 64, to_int(int(neuron.bias), 16) * 64
    result = []
    for a in inputs:
        x = to_int(toward_zero(u * (4096 - du)) + to_int(a * 64, 32), 32)
        u = x - 2**24 if x > M else x + 2**24 if x <= -M else x
        v = toward_zero(v * (4096 - dv)) + u + bias
        v = max(-(M - 1), min(M - 1, v))
        fires = v > threshold
        v = 0 if fires else v
        result.append((int(fires), u, v))
    return result


@pytest.mark.parametrize("seed", range(200))
def test_cuba_equals_scalar_integers_on_edge_parameters(seed: int) -> None:
    rng = np.random.default_rng(seed)
    neuron = nd.CubaLif(
        int(rng.choice(EDGE_DECAYS)),
        int(rng.choice(EDGE_DECAYS)),
        int(rng.choice(EDGE_THRESHOLDS)),
        int(rng.choice(EDGE_BIASES)),
    )
    limit = 2 ** int(rng.integers(1, 26))
    inputs = [int(a) for a in rng.integers(-limit, limit, 40)]
    layer = run(one(neuron), inputs)["n"]
    found = list(zip(layer.s[:, 0], layer.u[:, 0], layer.v[:, 0], strict=True))
    assert found == scalar_cuba(neuron, inputs)


def test_a_spike_needs_v_strictly_above_the_threshold() -> None:
    layer = run(one(nd.CubaLif(4096, 4096, 25)), [25, 26, 25])["n"]
    assert layer.v[:, 0].tolist() == [1600, 0, 1600]
    assert layer.s[:, 0].tolist() == [0, 1, 0]


def test_a_spike_clears_v_but_not_u() -> None:
    layer = run(one(nd.CubaLif(0, 4096, 10)), [11, 0])["n"]
    assert layer.u[:, 0].tolist() == [704, 704]
    assert layer.s[:, 0].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("reset", "v"), [("zero", [0, 0]), ("subtract", [64, 128]), ("none", [704, 1408])]
)
def test_reset_modes(reset: str, v: list[int]) -> None:
    """Without membrane decay: 11 units arrive per step, the threshold is 10."""
    layer = run(one(nd.CubaLif(4096, 0, 10, reset=reset)), [11, 11])["n"]
    assert layer.v[:, 0].tolist() == v
    assert layer.s[:, 0].tolist() == [1, 1]


@pytest.mark.parametrize(("bias", "v"), [(32767, 2097088), (32768, -2097152), (40000, -1634304)])
def test_bias_wraps_at_16_bits(bias: int, v: int) -> None:
    assert run(one(nd.Integrator(4096, 4096, bias)), [0])["n"].v[0, 0] == v


def test_reset_clears_before_the_current_is_added_and_leaves_currents_in_flight() -> None:
    program = nd.Program(
        (nd.Input("x", (1,), 8),),
        (nd.Population("n", (1,), nd.Integrator(0, 0)),),
        (nd.Connection("x", "n", nd.Dense([[1]], delay=[[2]])),),
        nd.Readout("n", "v"),
    )
    trace = run(program, [1, 0, 0, 0, 0], reset_interval=2)
    assert trace["n"].u[:, 0].tolist() == [0, 0, 64, 64, 0]
    assert trace["n"].v[:, 0].tolist() == [0, 0, 64, 128, 0]


@pytest.mark.parametrize(
    ("timing", "offset", "cleared"),
    [("aligned", 0, [0, 4]), ("aligned", 1, [1, 5]), ("pipelined", 1, [1, 5]),
     ("pipelined", -1, [3]), ("pipelined", 6, [2])],
)  # fmt: skip
def test_reset_columns_of_the_first_population(
    timing: str, offset: int, cleared: list[int]
) -> None:
    """Pipelined: step t = column + 1 is cleared when t mod 4 == (offset + 1) mod 4."""
    neuron = nd.Integrator(0, 0, bias=1)
    trace = run(one(neuron), [0] * 6, timing=timing, reset_interval=4, reset_offset=offset)
    v = trace["n"].v[:, 0].tolist()
    expected, total = [], 0
    for column in range(6):
        total = 64 if column in cleared else total + 64
        expected.append(total)
    assert v == expected


def test_gain_replaces_64_for_input_and_bias_inside_the_sample_only() -> None:
    neuron = nd.CubaLif(4096, 4096, 10**6, bias=1, gain=[10, 0, -3])
    v = run(one(neuron), [5] * 5)["n"].v[:, 0].tolist()
    assert v == [60, 0, -18, 384, 384]


def test_gain_starts_again_at_each_reset_and_waits_for_the_first_data() -> None:
    neuron = nd.CubaLif(4096, 4096, 10**6, gain=[1, 2])
    options = {"timing": "pipelined", "reset_interval": 3, "reset_offset": 1}
    v = run(one(neuron), [1] * 7, **options)["n"].v[:, 0].tolist()
    assert v == [0, 1, 2, 64, 1, 2, 64]


def test_gain_of_64_is_plain_lif() -> None:
    data = np.random.default_rng(0).integers(-400, 500, 50).tolist()
    plain = run(one(nd.CubaLif(700, 300, 90, 5)), data)["n"]
    gained = run(one(nd.CubaLif(700, 300, 90, 5, gain=[64] * 50)), data)["n"]
    assert all(np.array_equal(plain.arrays[k], gained.arrays[k]) for k in ("s", "u", "v"))


@pytest.mark.parametrize("seed", range(40))
def test_homeostatic_threshold_equals_scalar_integers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    signature = [int(v) for v in rng.integers(-3000, 3000, 8)]
    theta, shift = int(rng.integers(0, 5000)), int(rng.integers(0, 13))
    low, high = 64, int(rng.integers(2000, M))
    neuron = nd.HomeostaticLif(
        4096, 500, 20, theta=theta, shift=shift, low=low, high=high,
        signature=np.array(signature)[:, None],
    )  # fmt: skip
    inputs = [int(a) for a in rng.integers(-20, 40, 12)]
    layer = run(one(neuron), inputs)["n"]
    v, vth = 0, 20 * 64
    for c, a in enumerate(inputs):
        v = toward_zero(v * (4096 - 500)) + a * 64
        if c < len(signature):
            vth = min(max(vth + ((theta * (v - signature[c])) >> shift), low), high)
        fires = v > vth
        v = 0 if fires else v
        assert (layer.s[c, 0], layer.v[c, 0], layer.vth[c, 0]) == (fires, v, vth)


def test_sigma_delta_messages_are_floored_and_the_lost_bits_drift() -> None:
    """An input of -37 LSB of the state sends -1 each step: 64 are taken for 37."""
    program = one(nd.SigmaDelta(0, bias=0), weight=1)
    trace = run(program, [4096 * 3, -37, 0])
    assert trace["n"].s[:, 0].tolist() == [192, -1, 0]
    assert trace["n"].sigma[:, 0].tolist() == [12288, 12251, 12251]


def test_sigma_delta_ignores_resets() -> None:
    trace = run(one(nd.Sigma()), [1, 1, 1], reset_interval=1)
    assert trace["n"].sigma[:, 0].tolist() == [1, 2, 3]
    assert trace["n"].s.dtype == np.int32


def test_sigma_delta_change_of_int32_min_is_not_sent() -> None:
    """|-2^31| is -2^31 in int32, below any threshold."""
    program = one(nd.Delta(1, spike_exp=6))
    direct = nd.Program(
        program.inputs,
        program.populations,
        (nd.Connection("x", "n", nd.Direct()),),
        program.readout,
    )
    assert run(direct, [2**19, 2**18])["n"].s[:, 0].tolist() == [0, 2**24]


def test_resonate_and_fire_spikes_at_the_phase_crossing() -> None:
    neuron = nd.ResonateFire(int(4000 * np.sin(0.3)), int(4000 * np.cos(0.3)), 5)
    trace = run(one(neuron), [80] + [0] * 40)["n"]
    spikes = np.flatnonzero(trace.s[:, 0])
    assert len(spikes) >= 1
    for c in spikes:
        assert trace.im[c, 0] >= 0 > trace.im[c - 1, 0]
        assert trace.re[c, 0] >= 320


def test_resonate_and_fire_izhikevich_resets_below_the_threshold() -> None:
    neuron = nd.ResonateFireIz(int(4000 * np.sin(0.3)), int(4000 * np.cos(0.3)), 5)
    trace = run(one(neuron), [80] + [0] * 40)["n"]
    spikes = np.flatnonzero(trace.s[:, 0])
    assert len(spikes) >= 1
    assert set(trace.re[spikes, 0].tolist()) == {0}
    assert set(trace.im[spikes, 0].tolist()) == {319}


def test_dense_accumulator_wraps_at_32_bits_and_conv_at_24() -> None:
    big = 2**15
    dense = run(one(nd.Sigma(), weight=2**16), [big])
    assert dense["n"].sigma[0, 0] == -(2**31)
    conv = nd.Program(
        (nd.Input("x", (1, 1, 1), 32),),
        (nd.Population("n", (1, 1, 1), nd.Sigma()),),
        (nd.Connection("x", "n", nd.Conv2d([[[[2**8]]]])),),
        nd.Readout("n", "sigma"),
    )
    trace = nd.simulate(conv, [[big], [big - 1]], engine="reference")
    assert trace["n"].sigma.reshape(-1).tolist() == [-M, -M + M - 256]


def test_accumulator_wraps_before_the_shift_of_conditioned_weights() -> None:
    """weights="lava": wrap32(W << sb . m) >> sb, so large messages lose their high bits."""
    program = one(nd.Sigma(), weight=1)
    trace = run(program, [2**24 + 3], weights="lava")
    assert trace["n"].sigma[0, 0] == -(2**24) + 3
    assert run(program, [2**24 + 3])["n"].sigma[0, 0] == 2**24 + 3


def test_two_connections_wrap_on_their_own_and_add_in_int32() -> None:
    program = one(nd.Integrator(4096, 4096), weight=2**31 - 1, bits=32)
    twice = nd.Program(
        program.inputs, program.populations, program.connections * 2, nd.Readout("n", "u")
    )
    assert run(twice, [1])["n"].u[0, 0] == -128


def test_binary_inputs_count_any_non_zero_value_once() -> None:
    program = one(nd.Integrator(4096, 4096), weight=7, bits=0)
    assert run(program, [-5, 0, 9])["n"].u[:, 0].tolist() == [448, 0, 448]
    assert run(program, [-5, 0, 9], input_bits=8)["n"].u[:, 0].tolist() == [-2240, 0, 4032]


def test_direct_inputs_are_never_binarised() -> None:
    program = one(nd.Integrator(4096, 4096), bits=0)
    direct = nd.Program(
        program.inputs, program.populations, (nd.Connection("x", "n", nd.Direct()),),
        nd.Readout("n", "u"),
    )  # fmt: skip
    assert run(direct, [-5, 9], timing="pipelined")["n"].u[:, 0].tolist() == [-320, 576]


def test_bias_port_adds_to_v_with_the_mantissa_shift() -> None:
    program = one(nd.Integrator(4096, 4096, bias=1), bits=8)
    driven = nd.Program(
        program.inputs,
        program.populations,
        (nd.Connection("x", "n", nd.Direct(), port="bias"),),
        nd.Readout("n", "v"),
    )
    layer = run(driven, [4, 32767])["n"]
    assert layer.v[:, 0].tolist() == [320, -(2**21)]
    assert layer.u[:, 0].tolist() == [0, 0]


def test_axes_are_not_confused_by_an_asymmetric_convolution() -> None:
    """Kernel (3, 2), stride (2, 1), padding (1, 0), dilation (1, 2): against explicit loops."""
    rng = np.random.default_rng(3)
    weight = rng.integers(-9, 10, (4, 1, 3, 2))
    x = rng.integers(-20, 20, (1, 2, 5, 6))
    synapse = nd.Conv2d(weight, (2, 1), (1, 0), (1, 2), groups=2)
    shape = synapse.output_shape((2, 5, 6))
    program = nd.Program(
        (nd.Input("x", (2, 5, 6), 8),),
        (nd.Population("n", shape, nd.Sigma()),),
        (nd.Connection("x", "n", synapse),),
        nd.Readout("n", "sigma"),
    )
    expected = np.zeros(shape, int)
    for o, y, z in np.ndindex(*shape):
        for r, q in np.ndindex(3, 2):
            row, col = 2 * y - 1 + r, z + 2 * q
            if 0 <= row < 5 and 0 <= col < 6:
                expected[o, y, z] += weight[o, 0, r, q] * x[0, o // 2, row, col]
    assert np.array_equal(nd.simulate(program, x, engine="reference")["n"].sigma[0], expected)


def test_a_stream_in_chunks_equals_one_run() -> None:
    rng = np.random.default_rng(4)
    program = nd.Program(
        (nd.Input("x", (6,)),),
        (nd.Population("a", (5,), nd.CubaLif(800, 300, 90, 3)),),
        (
            nd.Connection("x", "a", nd.Dense(rng.integers(-50, 80, (5, 6)), delay=[[7]] * 5)),
            nd.Connection("a", "a", nd.Dense(rng.integers(-50, 80, (5, 5))), feedback=True),
        ),
        nd.Readout("a", "v"),
    )
    data = rng.integers(0, 2, (30, 6))
    simulator = nd.compile(program, engine="reference", timing="pipelined", reset_interval=8)
    whole = simulator.run(data)["a"].v
    simulator.reset()
    parts = [simulator.run(data[a:b])["a"].v for a, b in [(0, 1), (1, 12), (12, 12), (12, 30)]]
    assert np.array_equal(np.concatenate(parts), whole)


def test_a_batch_is_independent_samples_and_leaves_the_stream_alone() -> None:
    program = one(nd.Integrator(0, 0), bits=8)
    simulator = nd.compile(program, engine="reference", record=("v",))
    first = simulator.run([[1], [1]])["n"].v
    batch = simulator.run([[[1], [1]], [[2], [0]]])["n"].v
    second = simulator.run([[0]])["n"].v
    assert first[:, 0].tolist() == [64, 192]
    assert batch[:, :, 0].tolist() == [[64, 192], [128, 256]]
    assert second[:, 0].tolist() == [320]


def test_steps_truncate_or_pad_with_zeros() -> None:
    program = one(nd.Integrator(4096, 4096), bits=8)
    assert run(program, [1, 2, 3], steps=2)["n"].u[:, 0].tolist() == [64, 128]
    assert run(program, [1], steps=3)["n"].u[:, 0].tolist() == [64, 0, 0]
    assert run(program, [1], steps=0)["n"].u.shape == (0, 1)
