"""Graphs that norse, snnTorch and SpikingJelly export give the spikes of their source.

The network in floats must agree with the library but for float32, the Program within the bound of
8-bit weights that each test states.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import neurodeploy as nd
from neurodeploy.conversion.float_simulation import simulate_float
from neurodeploy.converters import nir as converter

nir = pytest.importorskip("nir", reason="needs nir: pip install nir")
torch = pytest.importorskip("torch", reason="needs torch")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

SAMPLES, STEPS, INPUTS = 4, 60, 30
FLOAT_BOUND = 0.001
"""Share of cells that float32 may change."""
PROGRAM_BOUND, COUNT_BOUND = 0.1, 0.03
"""What 8-bit weights and 12-bit decays may change: share of cells of the last layer, and of the
number of its spikes. The weights are random, so that many neurons are near their threshold."""


def spikes() -> NDArray[np.int64]:
    return (np.random.default_rng(3).random((SAMPLES, STEPS, INPUTS)) < 0.3).astype(np.int64)


def linear(inputs: int, outputs: int, seed: int) -> Any:
    torch.manual_seed(seed)
    layer = torch.nn.Linear(inputs, outputs, bias=False)
    torch.nn.init.normal_(layer.weight, 0.1, 0.4)
    return layer


def agree(path: Path, x: NDArray[np.int64], expected: NDArray[Any], **options: Any) -> None:
    """Compare the spikes of the last layer, ``(samples, steps, neurons)``, with the source's."""
    program = nd.load(path, **options)
    floats = simulate_float(converter.read_float(path, **options), x)
    name = program.readout.population
    assert 0.02 < expected.mean() < 0.9, "the source must spike, but not always"
    assert np.mean(floats[name].s != expected) <= FLOAT_BOUND
    found = nd.simulate(program, x)[name].s
    assert np.mean(found != expected) <= PROGRAM_BOUND
    assert abs(int(found.sum()) - int(expected.sum())) <= COUNT_BOUND * expected.sum()


def exported(graph: Any, path: Path) -> Path:
    nir.write(path, graph, compression=None)  # nir cannot compress the scalars of norse
    return path


def test_norse_lif_box(tmp_path: Path) -> None:
    norse = pytest.importorskip("norse.torch", reason="needs norse: pip install norse")
    layers = (linear(INPUTS, 20, 0), norse.LIFBoxCell(), linear(20, 8, 1), norse.LIFBoxCell())
    for cell in (layers[1], layers[3]):
        cell.p = cell.p._replace(v_th=torch.tensor(0.3))
    model = norse.SequentialState(*layers)
    path = exported(norse.to_nir(model, torch.zeros(INPUTS)), tmp_path / "norse.nir")
    x, state, found = spikes(), None, []
    for step in range(STEPS):
        out, state = model(torch.tensor(x[:, step], dtype=torch.float32), state)
        found.append(out.detach().numpy())
    # norse writes tau = dt / tau_inv for tau = 1 / tau_inv: its steps need the square of its dt.
    agree(path, x, np.stack(found, 1), dt=1e-6)


def test_norse_current_based_lif(tmp_path: Path) -> None:
    norse = pytest.importorskip("norse.torch", reason="needs norse: pip install norse")
    model = norse.SequentialState(linear(INPUTS, 20, 2), norse.LIFCell())
    path = exported(norse.to_nir(model, torch.zeros(INPUTS)), tmp_path / "norse.nir")
    x, state, found = spikes(), None, []
    for step in range(STEPS):
        out, state = model(torch.tensor(x[:, step], dtype=torch.float32), state)
        found.append(out.detach().numpy())
    agree(path, x, np.stack(found, 1), dt=1e-6, synapse="jump")


def test_snntorch_leaky_with_an_immediate_reset_to_zero(tmp_path: Path) -> None:
    snn = pytest.importorskip("snntorch", reason="needs snntorch: pip install snntorch")
    from snntorch.export_nir import _extract_snntorch_module

    def leaky(size: int) -> Any:
        return snn.Leaky(
            beta=torch.full((size,), 0.9),
            threshold=torch.full((size,), 1.0),
            reset_mechanism="zero",
            reset_delay=False,
            init_hidden=True,
        )

    model = torch.nn.Sequential(linear(INPUTS, 20, 4), leaky(20), linear(20, 8, 5), leaky(8))
    # export_to_nir of snnTorch 1.0 stops in the type inference of nir 1.0.8; its nodes are right.
    graph = nir.NIRGraph.from_list([_extract_snntorch_module(layer) for layer in model])
    path = exported(graph, tmp_path / "snntorch.nir")
    x, found = spikes(), []
    for layer in (model[1], model[3]):
        layer.reset_mem()
    for step in range(STEPS):
        found.append(model(torch.tensor(x[:, step], dtype=torch.float32)).detach().numpy())
    agree(path, x, np.stack(found, 1), dt=1e-4)


def test_spikingjelly_if_and_lif(tmp_path: Path) -> None:
    pytest.importorskip("spikingjelly", reason="needs spikingjelly: pip install spikingjelly")
    from spikingjelly.activation_based import functional, layer, neuron
    from spikingjelly.activation_based.nir_exchange import export_to_nir

    first, second = (layer.Linear(i, o, bias=False) for i, o in ((INPUTS, 20), (20, 8)))
    for own, other in ((first, linear(INPUTS, 20, 6)), (second, linear(20, 8, 7))):
        own.weight.data = other.weight.data
    lif = neuron.LIFNode(tau=4.0, decay_input=False)
    model = torch.nn.Sequential(first, lif, second, neuron.IFNode())
    functional.set_step_mode(model, "s")
    graph = export_to_nir(model, torch.zeros(1, INPUTS))
    functional.reset_net(model)
    path = exported(graph, tmp_path / "spikingjelly.nir")
    x, found = spikes(), []
    for step in range(STEPS):
        found.append(model(torch.tensor(x[:, step], dtype=torch.float32)).detach().numpy())
    agree(path, x, np.stack(found, 1), dt=1e-4)
