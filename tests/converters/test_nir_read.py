"""What a NIR graph says becomes the integers that it must; what it cannot is one clear line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nir_graphs import (
    CHAIN,
    IN,
    OUT,
    Nodes,
    W,
    chain,
    conv,
    file_of,
    graph,
    lif,
    linear,
    pool,
    shaped,
)
from numpy.typing import NDArray

import neurodeploy as nd
from neurodeploy.cli import app
from neurodeploy.cli.failures import run
from neurodeploy.conversion.float_simulation import simulate_float
from neurodeploy.converters import nir as converter
from neurodeploy.errors import FormatError, NeurodeployWarning, OptionError

RNG = np.random.default_rng(11)


@pytest.fixture(autouse=True)
def the_same_numbers_in_any_order() -> None:
    RNG.bit_generator.state = np.random.default_rng(11).bit_generator.state


BAD: dict[str, tuple[Nodes, str, dict[str, Any], str]] = {
    "linear cycle": (
        chain(w2=W),
        "in w, w w2, w2 w, w n, n out",
        {"dt": 1e-3},
        "cycle through w2, w: no neuron and no step of delay in it",
    ),
    "shape mismatch": (
        chain(**{"in": shaped("Input", 3)}),
        CHAIN,
        {"dt": 1e-3},
        "w: weight has shape (2, 2), its input has shape (3,), 3 values",
    ),
    "neuron mismatch": (
        chain(n=lif(3)),
        CHAIN,
        {"dt": 1e-3},
        "w -> n: gives (2,), 2 values, n takes (3,)",
    ),
    "NaN weight": (
        chain(w=linear([[np.nan, 1], [1, 1]])),
        CHAIN,
        {"dt": 1e-3},
        "w: weight holds nan, expected finite numbers",
    ),
    "infinite tau": (
        chain(n=lif(tau=np.inf)),
        CHAIN,
        {"dt": 1e-3},
        "n: tau holds inf, expected finite numbers",
    ),
    "tau below the step": (
        chain(n=lif(tau=0.0005)),
        CHAIN,
        {"dt": 1e-3},
        "n: tau holds 0.0005 s, below the time step 0.001 s: give a smaller dt, or rule "
        "exponential",
    ),
    "tau of 0": (
        chain(n=lif(tau=0.0)),
        CHAIN,
        {"dt": 1e-3},
        "n: tau holds 0, expected seconds above 0",
    ),
    "no time step": (
        chain(),
        CHAIN,
        {},
        "n: has a time constant tau and the file no time step: give dt, in seconds (snnTorch and "
        "SpikingJelly export for 0.0001, norse for 0.000001)",
    ),
    "refractory": (
        chain(n=lif(tau_refrac=0.002)),
        CHAIN,
        {"dt": 1e-3},
        "n: tau_refrac is 0.002, neurons here have no refractory period; set it to 0 and train "
        "again, or raise the threshold",
    ),
    "unknown field": (
        chain(n=lif(adaptation=1.0)),
        CHAIN,
        {"dt": 1e-3},
        "n: has a field 'adaptation', which a LIF of nir 1.0 does not have",
    ),
    "unknown type": (
        chain(n={"type": "AdEx", "tau": 1.0}),
        CHAIN,
        {"dt": 1e-3},
        "n: type is 'AdEx', expected one of Input, Output, Identity, Affine",
    ),
    "missing field": (
        chain(n={"type": "LIF", "tau": 1.0}),
        CHAIN,
        {"dt": 1e-3},
        "n: LIF lacks r, v_leak, v_threshold",
    ),
    "edge to nowhere": (
        chain(),
        "in w, w x",
        {"dt": 1e-3},
        "edges: 'w' -> 'x': no node 'x'",
    ),
    "read-out that sends": (
        chain(n={"type": "LI", "tau": 0.01, "r": 1.0, "v_leak": 0.0}, w2=W, m=lif()),
        "in w, w n, n w2, w2 m, m out",
        {"dt": 1e-3},
        "n: is a LI, whose voltage cannot be sent to w2; put a Threshold behind it, or lead it to "
        "an Output alone",
    ),
    "no input": (
        {"w": W, "n": lif(), "out": OUT},
        "w n, n out",
        {"dt": 1e-3},
        "has no node Input, expected a network",
    ),
    "size unknown": (
        {"in": IN, "w": W, "n": lif(), "m": lif(1, v_leak=0.0), "out": OUT},
        "in w, w n, n out, m m",
        {"dt": 1e-3},
        "m: LIF has one value for an unknown number of neurons: no input leads to it, give each "
        "neuron its own",
    ),
    "late delay": (
        chain(d={"type": "Delay", "delay": np.full(2, 0.1)}),
        "in d, d w, w n, n out",
        {"dt": 1e-3},
        "in->n: has a delay of 100 steps, limit 62",
    ),
    "gain of 0": (
        chain(n=lif(r=0.0)),
        CHAIN,
        {"dt": 1e-3},
        "n: has a gain of 0: its input never arrives, expected r and w_in not 0",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_graphs(name: str, tmp_path: Path) -> None:
    nodes, edges, options, message = BAD[name]
    path = file_of(tmp_path / "a.nir", nodes, edges)
    with pytest.raises(FormatError) as caught:
        nd.load(path, **options)
    text = str(caught.value).removeprefix(f"{path}: ")
    assert text.startswith(message) and "\n" not in text, text


@pytest.mark.parametrize("version", ["2.0.0", "", "nir"])
def test_an_unknown_version_is_refused(version: str, tmp_path: Path) -> None:
    path = file_of(tmp_path / "a.nir", chain(), CHAIN, version)
    with pytest.raises(FormatError, match=rf"version is {version!r}, read are 0\.\* and 1\.\*"):
        nd.load(path, dt=1e-3)


def test_damage_is_one_line_or_no_harm(tmp_path: Path) -> None:
    """Every byte of a small file is changed in turn, and the file is cut everywhere."""
    path = file_of(tmp_path / "a.nir", chain(), CHAIN)
    whole = path.read_bytes()
    for position in range(0, len(whole), 37):
        changed = bytearray(whole)
        changed[position] ^= 0xFF
        for content in (bytes(changed), whole[:position]):
            path.write_bytes(content)
            try:
                nd.load(path, form="nir", dt=1e-3)
            except FormatError as error:
                assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--dt 0", "--dt is 0.0, expected seconds above 0"),
        ("--dt x", "--dt is 'x', expected a number"),
        ("--dt 0.001 --rule rk4", "--rule is 'rk4', expected one of euler, exponential"),
    ],
)
def test_bad_options_on_the_command_line(
    words: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = file_of(tmp_path / "a.nir", chain(), CHAIN)
    assert run(app, ["convert", str(path), str(tmp_path / "b.h5"), *words.split()]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "b.h5").exists()


def test_convert_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = file_of(tmp_path / "a.nir", chain(), CHAIN)
    words = ["convert", str(path), str(tmp_path / "b.h5"), "--from", "nir", "--dt", "0.001"]
    assert run(app, words) == 0, capsys.readouterr().err
    assert nd.load(tmp_path / "b.h5").digest == nd.load(path, dt=1e-3).digest


def test_the_integers_of_a_lif(tmp_path: Path) -> None:
    path = file_of(tmp_path / "a.nir", chain(), CHAIN)
    program = nd.load(path, dt=1e-3)
    neuron: Any = program.populations[0].neuron
    weight: Any = program.connections[0].synapse
    # p = 254 for a largest weight of 1; -1 is -254; q = p / (r * dt / tau) = 2540
    assert weight.weight.tolist() == [[128, -254], [254, 64]]
    assert (int(neuron.current_decay), int(neuron.voltage_decay)) == (4096, 410)
    assert int(neuron.threshold) == 2540 and int(neuron.bias) == 0


def test_a_reset_away_from_the_leak_shifts_the_origin(tmp_path: Path) -> None:
    node = lif(v_reset=-1.0, v_leak=0.5)
    program = nd.load(file_of(tmp_path / "a.nir", chain(n=node), CHAIN), dt=1e-3)
    neuron: Any = program.populations[0].neuron
    unit = 2540
    assert int(neuron.threshold) == 2 * unit
    assert int(neuron.bias) == round(unit * 0.1 * 1.5)
    assert int(neuron.initial) == 64 * round(unit * 1.5)


def test_the_exponential_rule(tmp_path: Path) -> None:
    path = file_of(tmp_path / "a.nir", chain(), CHAIN)
    neuron: Any = nd.load(path, dt=1e-3, rule="exponential").populations[0].neuron
    assert int(neuron.voltage_decay) == round(4096 * (1 - np.exp(-0.1)))


def test_one_value_stands_for_all_neurons(tmp_path: Path) -> None:
    one = file_of(tmp_path / "a.nir", chain(n=lif(1)), CHAIN)
    scalar = {"type": "LIF", "tau": 0.01, "r": 1.0, "v_leak": 0.0, "v_threshold": 1.0}
    none = file_of(tmp_path / "b.nir", chain(n=scalar), CHAIN)
    full = file_of(tmp_path / "c.nir", chain(), CHAIN)
    digests = {nd.load(path, dt=1e-3).digest for path in (one, none, full)}
    assert len(digests) == 1


def test_the_shape_of_the_input_is_inferred_or_said(tmp_path: Path) -> None:
    bare = {"type": "Input"}
    assert nd.load(file_of(tmp_path / "a.nir", chain(**{"in": bare}), CHAIN), dt=1e-3)
    nodes = {"in": bare, "c": conv(RNG.normal(size=(3, 2, 3, 3))), "n": lif(1), "out": bare_out()}
    path = file_of(tmp_path / "b.nir", nodes, "in c, c n, n out")
    with pytest.raises(FormatError, match="in: has no shape: say it"):
        nd.load(path, dt=1e-3)
    program = nd.load(path, dt=1e-3, input_shape=(2, 5, 6))
    assert program.populations[0].shape == (3, 3, 4)


def bare_out() -> dict[str, Any]:
    return {"type": "Output"}


def spikes(program: nd.Program, steps: int = 40) -> NDArray[np.int64]:
    shape = (2, steps, *program.inputs[0].shape)
    return (np.random.default_rng(1).random(shape) < 0.4).astype(np.int64)


def held_against_floats(
    nodes: Nodes, edges: str, tmp_path: Path, bound: float = 0.03
) -> nd.Program:
    """Load a graph and hold its spikes against the network in floats."""
    path = file_of(tmp_path / "a.nir", nodes, edges)
    program = nd.load(path, dt=1e-3)
    x = spikes(program)
    found = nd.simulate(program, x)
    expected = simulate_float(converter.read_float(path, dt=1e-3), x)
    for population in program.populations:
        if population.neuron.spikes:
            share = np.mean(found[population.name].s != expected[population.name].s)
            assert share <= bound, population.name
            assert expected[population.name].s.any()
    return program


def test_conv_and_pools_become_one_kernel(tmp_path: Path) -> None:
    nodes = {
        "in": shaped("Input", 2, 8, 8),
        "c": conv(RNG.normal(0, 0.5, (3, 2, 3, 3)), padding=[1, 1]),
        "p": pool("AvgPool2d", 2),
        "n": lif(1, tau=0.004, v_threshold=0.2),
        "q": pool("SumPool2d", 2),
        "d": conv(RNG.normal(0, 0.5, (4, 3, 2, 2))),
        "m": lif(1, tau=0.004, v_threshold=0.2),
        "f": {"type": "Flatten", "start_dim": 0, "end_dim": -1},
        "w": linear(RNG.normal(0, 0.5, (5, 4))),
        "o": lif(5, tau=0.004, v_threshold=0.1),
        "out": shaped("Output", 5),
    }
    edges = "in c, c p, p n, n q, q d, d m, m f, f w, w o, o out"
    program = held_against_floats(nodes, edges, tmp_path, bound=0.1)
    kernels: list[Any] = [c.synapse for c in program.connections]
    assert [type(k).__name__ for k in kernels] == ["Conv2d", "Conv2d", "Dense"]
    assert kernels[0].weight.shape == (3, 2, 4, 4) and kernels[0].stride == (2, 2)
    assert kernels[1].weight.shape == (4, 3, 4, 4) and kernels[1].stride == (2, 2)


def test_a_pool_before_dense_weights_spreads_them(tmp_path: Path) -> None:
    nodes = {
        "in": shaped("Input", 2, 4, 4),
        "p": pool("SumPool2d", 2),
        "f": {"type": "Flatten", "start_dim": 0, "end_dim": -1},
        "w": linear(RNG.normal(0, 0.5, (5, 8))),
        "s": {"type": "Scale", "scale": np.array([2.0, 1.0, 0.5, 1.0, 1.0])},
        "n": lif(5, tau=0.004),
        "out": shaped("Output", 5),
    }
    program = held_against_floats(nodes, "in p, p f, f w, w s, s n, n out", tmp_path)
    weight: Any = program.connections[0].synapse
    assert weight.weight.shape == (5, 32)


def test_one_dimensional_convolutions(tmp_path: Path) -> None:
    nodes = {
        "in": shaped("Input", 2, 12),
        "c": conv(RNG.normal(0, 0.5, (3, 2, 3)), stride=2, padding="valid"),
        "n": lif(1, tau=0.004, v_threshold=0.1),
        "out": bare_out(),
    }
    program = held_against_floats(nodes, "in c, c n, n out", tmp_path)
    assert program.populations[0].shape == (3, 1, 5)


def test_an_uneven_padding_becomes_a_matrix(tmp_path: Path) -> None:
    nodes = {
        "in": shaped("Input", 1, 4, 4),
        "c": conv(RNG.normal(0, 0.5, (2, 1, 2, 2)), padding="same"),
        "n": lif(1, tau=0.004, v_threshold=0.1),
        "out": bare_out(),
    }
    program = held_against_floats(nodes, "in c, c n, n out", tmp_path)
    weight: Any = program.connections[0].synapse
    assert weight.weight.shape == (32, 16)


def test_every_neuron_agrees_with_its_equation(tmp_path: Path) -> None:
    full = {key: np.full(4, value) for key, value in (("r", 1.0), ("v_leak", 0.0))}
    nodes = {
        "in": shaped("Input", 6),
        "w0": linear(RNG.normal(0, 1, (4, 6)), np.full(4, 0.1)),
        "a": lif(4, tau=0.005, v_threshold=0.3),
        "w1": linear(RNG.normal(0.3, 1, (4, 4))),
        "b": {
            "type": "CubaLIF",
            **full,
            "tau_syn": np.full(4, 0.003),
            "tau_mem": np.full(4, 0.005),
            "v_threshold": np.array([0.1, 0.05, 0.1, 0.07]),
            "w_in": np.array([1.0, 1.0, 2.0, 1.0]),
        },
        "w2": linear(RNG.normal(0.3, 1, (4, 4))),
        "c": {"type": "IF", "r": np.full(4, 1000.0), "v_threshold": np.full(4, 2.0)},
        "w3": linear(RNG.normal(0.3, 1, (4, 4))),
        "d": {"type": "Threshold", "threshold": np.full(4, 0.2)},
        "l": {"type": "LI", "tau": np.full(4, 0.01), **full},
        "e": {"type": "Threshold", "threshold": np.full(4, 0.03)},
        "out": shaped("Output", 4),
    }
    edges = "in w0, w0 a, a w1, w1 b, b w2, w2 c, c w3, w3 d, d l, l e, e out"
    program = held_against_floats(nodes, edges, tmp_path, bound=0.06)
    assert program.names == ("a", "b", "c", "d", "e")
    neurons: list[Any] = [p.neuron for p in program.populations]
    assert neurons[4].reset == "none" and np.ndim(neurons[1].threshold) == 1


def test_read_outs_share_one_unit_of_voltage(tmp_path: Path) -> None:
    nodes = {
        "in": IN,
        "w": W,
        "n": {"type": "LI", "tau": [0.01, 0.01], "r": [1.0, 3.0], "v_leak": [0.0, 0.0]},
        "out": OUT,
    }
    path = file_of(tmp_path / "a.nir", nodes, CHAIN)
    program = nd.load(path, dt=1e-3)
    assert program.readout.variable == "v"
    x = spikes(program)
    v = nd.simulate(program, x, record=("v",))["n"].v
    floats = simulate_float(converter.read_float(path, dt=1e-3), x)["n"].v
    unit = np.sum(v * floats) / np.sum(floats**2)
    assert np.max(np.abs(v / unit - floats)) < 0.02 * np.max(np.abs(floats))


def test_an_affine_output_is_a_population_without_memory(tmp_path: Path) -> None:
    nodes = {"in": IN, "w": linear([[1.0, -0.5], [0.5, 1.0]], [0.25, 0.0]), "out": OUT}
    program = nd.load(file_of(tmp_path / "a.nir", nodes, "in w, w out"))
    assert program.names == ("out",)
    v = nd.simulate(program, np.array([[1, 0], [0, 1]]), record=("v",))["out"].v
    assert np.allclose(v / 64 / 254, [[1.25, 0.5], [-0.25, 1.0]], atol=0.01)


def test_recurrent_edges_run_over_several_nodes(tmp_path: Path) -> None:
    nodes = {
        "in": shaped("Input", 4),
        "w": linear(RNG.normal(0.3, 0.5, (4, 4))),
        "a": lif(4, tau=0.004, v_threshold=0.2),
        "u": linear(RNG.normal(0, 0.5, (3, 4))),
        "b": lif(3, tau=0.004, v_threshold=0.1),
        "s": {"type": "Scale", "scale": np.full(3, -0.5)},
        "r": linear(RNG.normal(0, 0.5, (4, 3))),
        "d": {"type": "Delay", "delay": np.full(4, 0.003)},
        "out": shaped("Output", 3),
    }
    edges = "in w, w a, a u, u b, b s, s r, r d, d a, b out"
    program = held_against_floats(nodes, edges, tmp_path, bound=0.05)
    back = next(c for c in program.connections if c.feedback)
    synapse: Any = back.synapse
    assert (back.source, back.target) == ("b", "a") and np.all(synapse.delay == 2)


def test_sub_graphs_are_laid_open(tmp_path: Path) -> None:
    inner = graph(
        {"input": IN, "lif": lif(), "w_rec": W, "output": OUT},
        [("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")],
    )
    nested = file_of(tmp_path / "a.nir", chain(n=inner), CHAIN)
    flat = chain(**{"n.lif": lif(), "n.w_rec": W})
    del flat["n"]
    edges = "in w, w n.lif, n.lif n.w_rec, n.w_rec n.lif, n.lif out"
    plain = file_of(tmp_path / "b.nir", flat, edges)
    assert nd.load(nested, dt=1e-3).digest == nd.load(plain, dt=1e-3).digest


def test_a_constant_behind_a_synaptic_filter_is_said(tmp_path: Path) -> None:
    node = {"type": "CubaLIF", "tau_syn": 0.003, "tau_mem": 0.01, "r": 1.0, "v_leak": 0.0}
    nodes = chain(n=node | {"v_threshold": 1.0}, w=linear([[1, 0], [0, 1]], [0.5, 0.1]))
    with pytest.warns(NeurodeployWarning, match="n: a constant input passes the synaptic filter"):
        nd.load(file_of(tmp_path / "a.nir", nodes, CHAIN), dt=1e-3)


def test_options_of_python(tmp_path: Path) -> None:
    path = file_of(tmp_path / "a.nir", chain(), CHAIN)
    with pytest.raises(OptionError, match="input_shape is 'x', expected"):
        nd.load(path, dt=1e-3, input_shape="x")
    assert nd.load(path, dt=1e-3, reset="subtract").populations[0].neuron.reset == "subtract"
    assert nd.load(path, dt=1e-3, input_message_bits=8).inputs[0].message_bits == 8
