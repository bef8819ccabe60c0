"""Program -> NIR -> Program is the identity; NIR -> Program -> NIR gives the graph again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import neurodeploy as nd
from neurodeploy.converters.nir.graph import Graph, graph_of
from neurodeploy.converters.nir.tree import read_tree
from neurodeploy.errors import ExportError, NeurodeployWarning

nir = pytest.importorskip("nir", reason="needs nir: pip install 'neurodeploy[nir]'")

HERE = Path(__file__).parent / "nir"
PUBLISHED = {
    "lif_norse.nir": {"dt": 1e-4},
    "lif_rockpool.nir": {"dt": 1e-4},
    "two_lif_neurons.nir": {"dt": 1e-4, "rule": "exponential"},
    "cnn_sinabs.nir": {"dt": 1.0},
    "braille_noDelay_bias_zero.nir": {"dt": 1e-4},
}
"""Files of the paper on NIR, from the repository of NIR, and the steps they are read with."""
RNG = np.random.default_rng(5)


def graph_in(path: Path) -> Graph:
    return graph_of(read_tree(path)[1])


def weights(*shape: int) -> Any:
    return RNG.integers(-128, 127, shape) * 2


def every_form() -> nd.Program:
    """Every neuron, synapse and delay that NIR can say."""
    channel = np.array([40, 50, 60]).reshape(3, 1, 1)
    return nd.Program(
        (nd.Input("x", (2, 6, 6), message_bits=4),),
        (
            nd.Population("lif", (3, 4, 4), nd.CubaLif(4096, 128, channel, channel - 50)),
            nd.Population("cuba", (5,), nd.CubaLif(1000, 256, [90, 80, 70, 60, 50], bias=3)),
            nd.Population("threshold", (4,), nd.CubaLif(4096, 4096, 20, 2, "subtract")),
            nd.Population("if", (4,), nd.CubaLif(4096, 0, 20, bias=2)),
            nd.Population("kept", (4,), nd.CubaLif(900, 100, 20, reset="none")),
            nd.Population("started", (4,), nd.CubaLif(4096, 100, 20, 2, initial=640)),
            nd.Population("sum", (3,), nd.Integrator(4096, 0, 1)),
            nd.Population("read", (3,), nd.Integrator(700, 90, [1, 2, 3])),
        ),
        (
            nd.Connection("x", "lif", nd.Conv2d(weights(3, 2, 3, 3), dilation=1)),
            nd.Connection("lif", "cuba", nd.Dense(weights(5, 48), RNG.integers(0, 4, (5, 48)))),
            nd.Connection("cuba", "cuba", nd.Dense(weights(5, 5)), True, group="g"),
            nd.Connection("cuba", "threshold", nd.Dense(weights(4, 5))),
            nd.Connection("threshold", "if", nd.Dense(weights(4, 4))),
            nd.Connection("if", "kept", nd.Dense(weights(4, 4), [[1], [2], [3], [0]])),
            nd.Connection("kept", "started", nd.Dense(weights(4, 4))),
            nd.Connection("started", "cuba", nd.Dense(weights(5, 4), [[2] * 4] * 5), True),
            nd.Connection("kept", "sum", nd.Dense(weights(3, 4), [[1, 0, 2, 5]])),
            nd.Connection("started", "read", nd.Dense(weights(3, 4))),
        ),
        nd.Readout("read", "v", window=3),
        {"encoder": "none"},
    )


def direct() -> nd.Program:
    return nd.Program(
        (nd.Input("x", (6,), message_bits=8),),
        (nd.Population("a", (6,), nd.CubaLif(4096, 100, 30)),),
        (nd.Connection("x", "a", nd.Direct(), port="bias"),),
        nd.Readout("a"),
    )


@pytest.mark.parametrize("make", [every_form, direct])
def test_a_program_comes_back_with_its_digest(make: Any, tmp_path: Path) -> None:
    program = make()
    written = nd.save(program, tmp_path / "a.nir")
    assert written is not None and written.digest == program.digest
    again = nd.load(tmp_path / "a.nir")
    assert again.digest == program.digest
    assert dict(again.metadata) == dict(program.metadata)


def test_other_tools_read_the_graph(tmp_path: Path) -> None:
    nd.save(every_form(), tmp_path / "a.nir")
    graph = nir.read(tmp_path / "a.nir")
    kinds = {name: type(graph.nodes[name]).__name__ for name in every_form().names}
    assert kinds == {
        "lif": "LIF",
        "cuba": "CubaLIF",
        "threshold": "Threshold",
        "if": "IF",
        "kept": "Threshold",
        "started": "LIF",
        "sum": "I",
        "read": "CubaLI",
    }
    assert type(graph.nodes["kept.v"]).__name__ == "CubaLI"


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    decays=st.tuples(st.integers(1, 4096), st.integers(1, 4096)),
    threshold=st.integers(1, 131071),
    seed=st.integers(0, 2**16),
)
def test_the_floats_alone_give_the_integers_again(
    tmp_path: Path, decays: tuple[int, int], threshold: int, seed: int
) -> None:
    """With the largest weight of its grid, what a file says in floats is the Program but for q."""
    draw = np.random.default_rng(seed)
    weight = draw.integers(-128, 127, (4, 6)) * 2
    weight[0, :2] = 254, -256
    program = nd.Program(
        (nd.Input("x", (6,)),),
        (nd.Population("a", (4,), nd.CubaLif(*decays, threshold)),),
        (nd.Connection("x", "a", nd.Dense(weight)),),
        nd.Readout("a"),
    )
    nd.save(program, tmp_path / "a.nir")
    assert nd.load(tmp_path / "a.nir", dt=1e-3).digest == program.digest


@pytest.mark.filterwarnings("ignore:.*passes the synaptic filter:UserWarning")
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_graph_comes_back_within_half_a_step(name: str, tmp_path: Path) -> None:
    program = nd.load(HERE / name, **PUBLISHED[name])
    nd.save(program, tmp_path / "b.nir")
    before, after = graph_in(HERE / name), graph_in(tmp_path / "b.nir")
    assert set(after.edges) == set(before.edges)
    for key, node in before.nodes.items():
        other = after.nodes[key]
        assert other.type == node.type
        for field, value in node.fields.items():
            found = other.fields[field]
            if field in ("weight", "bias"):
                half = 0.51 * _step(program, before, key, field)
                assert np.all(np.abs(found - value) <= half + 1e-6 * np.abs(value)), (key, field)
            elif field == "v_threshold":
                assert np.allclose(found, value, rtol=0.02), (key, field)
            else:  # time constants and gains: a decay of 12 bits, a geometry is exact
                assert np.allclose(found, value, rtol=0.02, atol=1e-7), (key, field)
    assert nd.load(tmp_path / "b.nir").digest == program.digest


def _step(program: nd.Program, graph: Graph, node: str, field: str) -> float:
    """Return the step of the grid of a node's weights or bias, in units of the source."""
    name = node
    while name not in program.names:
        name = graph.leaving(name)[0]
    scale = float(program.metadata[f"scale.{name}"])  # type: ignore[arg-type]
    kinds = [graph.nodes[n].type for n in graph.nodes]
    assert "AvgPool2d" not in kinds  # its folding would divide the weights
    neuron: Any = program.populations[program.index(name)].neuron
    decay = int(neuron.current_decay) / 4096
    return 2 / scale if field == "weight" else decay / scale


@pytest.mark.filterwarnings("ignore:.*passes the synaptic filter:UserWarning")
@pytest.mark.parametrize("name", PUBLISHED)
def test_writing_twice_changes_nothing(name: str, tmp_path: Path) -> None:
    program = nd.load(HERE / name, **PUBLISHED[name])
    nd.save(program, tmp_path / "b.nir")
    nd.save(nd.load(tmp_path / "b.nir"), tmp_path / "c.nir")
    one, two = graph_in(tmp_path / "b.nir"), graph_in(tmp_path / "c.nir")
    for key, node in one.nodes.items():
        for field, value in node.fields.items():
            assert np.array_equal(value, two.nodes[key].fields[field])


def test_a_changed_file_is_read_by_its_floats(tmp_path: Path) -> None:
    program = direct()
    nd.save(program, tmp_path / "a.nir")
    graph = nir.read(tmp_path / "a.nir")
    graph.nodes["a"].v_threshold = graph.nodes["a"].v_threshold * 2
    nir.write(tmp_path / "b.nir", graph)
    with pytest.warns(NeurodeployWarning, match="changed since it was written"):
        changed = nd.load(tmp_path / "b.nir", input_message_bits=8)
    neuron: Any = changed.populations[0].neuron
    weight: Any = changed.connections[0].synapse
    assert int(neuron.threshold) / int(weight.weight.max()) == 60


@pytest.mark.parametrize(
    ("neuron", "message"),
    [
        (nd.CubaLif(4096, 10, 5, reset="subtract"), "resets by subtraction, which NIR cannot say"),
        (nd.CubaLif(4096, 10, 5, gain=[64, 32]), "has a gain for each step"),
        (nd.CubaLif(0, 10, 5), "current_decay is 0.0, a time constant in NIR needs 1 to 4096"),
        (nd.CubaLif(100, 0, 5), "voltage_decay is 0.0, a time constant in NIR needs 1 to 4096"),
        (nd.CubaLif(4096, 0, 5, initial=64), "starts at another v than 0 without a leak"),
        (nd.CubaLif(100, 10, 5, bias=3, initial=64), "has a bias and another start of v"),
        (nd.Sigma(), "NIR has no node for a Sigma"),
    ],
)
def test_what_nir_cannot_say_is_refused(neuron: Any, message: str, tmp_path: Path) -> None:
    program = nd.Program(
        (nd.Input("x", (2,)),),
        (nd.Population("a", (2,), neuron),),
        (nd.Connection("x", "a", nd.Dense([[1, 2], [3, 4]])),),
        nd.Readout("a", "s"),
    )
    with pytest.raises((ExportError, TypeError), match=message):
        nd.save(program, tmp_path / "a.nir")
    assert not (tmp_path / "a.nir").exists()
