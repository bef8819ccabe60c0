"""What the kernels say of the neuron models is what the records say; wrong records are refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.errors import EngineError
from neurodeploy.neuron import Neuron
from neurodeploy.sim import _native
from neurodeploy.sim.native_network import FACTS, FIELDS, facts

SIGNATURE = np.zeros((1, 2), int)
EXAMPLES: list[Neuron] = [
    nd.CubaLif(1, 1, 1),
    nd.Integrator(1, 1),
    nd.HomeostaticLif(1, 1, 1, signature=SIGNATURE),
    nd.Delta(1),
    nd.SigmaDelta(1),
    nd.Sigma(),
    nd.ResonateFire(1, 1, 1),
    nd.ResonateFireIz(1, 1, 1),
]


def test_every_model_has_kernels_and_no_other() -> None:
    assert {type(neuron).__name__ for neuron in EXAMPLES} == set(FACTS)
    assert {kind.__name__ for kind in FIELDS} == set(FACTS)


@pytest.mark.parametrize("neuron", EXAMPLES, ids=lambda neuron: type(neuron).__name__)
def test_the_facts_of_the_kernels_are_those_of_the_record(neuron: Neuron) -> None:
    found = facts(neuron)
    assert tuple(found.ports) == neuron.ports
    assert found.graded == neuron.graded
    assert tuple(found.states) == neuron.states
    assert found.gain == ("bias" in neuron.ports)
    assert found.fires == hasattr(neuron, "reset")
    assert found.cleared == neuron.resets
    parameters, _ = FIELDS.of(neuron)(neuron)
    assert set(parameters) == set(found.parameters)


class Toy(nd.CubaLif):
    """A neuron from outside, which the kernels do not have."""


def test_a_neuron_without_kernels_is_refused_by_name() -> None:
    program = nd.Program(
        (nd.Input("x", (3,)),),
        (nd.Population("n", (2,), Toy(1, 1, 1)),),
        (nd.Connection("x", "n", nd.Dense(np.ones((2, 3), int))),),
        nd.Readout("n"),
    )
    with pytest.raises(EngineError) as caught:
        nd.compile(program)
    assert str(caught.value) == (
        "population n: engine 'native' has no Toy neurons; use engine 'reference'"
    )


def population(**changes: Any) -> _native.Population:
    """Return a population of two `CubaLif` neurons, changed."""
    record = _native.Population()
    record.shape, record.model, record.reset = (1, 1, 2), "CubaLif", "zero"
    names = ("keep_u", "keep_v", "threshold", "bias", "initial")
    record.parameters = {name: np.ones(1, np.int32) for name in names}
    for name, value in changes.items():
        setattr(record, name, value)
    return record


def parameters(**changes: Any) -> dict[str, Any]:
    return population().parameters | changes


def bad_populations() -> Iterator[tuple[dict[str, Any], str]]:
    yield {"model": "Perceptron"}, "no such neuron model: Perceptron"
    yield {"shape": (1, 0, 2)}, "a population has no neurons"
    yield {"parameters": {}}, "CubaLif: wrong number of parameters"
    short = parameters()
    del short["bias"]
    yield {"parameters": short | {"weight": short["keep_u"]}}, "CubaLif: bias is missing"
    for wrong in (np.ones(3, np.int32), np.ones(0, np.int32)):
        yield {"parameters": parameters(bias=wrong)}, "CubaLif: bias has a wrong size"
    for wrong in (np.ones(1), np.ones((1, 1), np.int32), 1):
        yield {"parameters": parameters(bias=wrong)}, "bias is no array of its type"
    yield {"reset": "soft"}, "no such reset: soft"
    yield {"reset": ""}, "CubaLif: wrong reset "
    yield {"signature": np.ones(2, np.int32)}, "CubaLif: signature has a wrong size"
    yield {"model": "Sigma", "reset": "", "gain": np.ones(2, np.int32),
           "parameters": {"threshold": np.ones(1, np.int32), "bias": np.ones(1, np.int32)},
           }, "Sigma: has no gain"  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), list(bad_populations()))
def test_a_wrong_population_is_refused(changes: dict[str, Any], message: str) -> None:
    network = _native.Network()
    with pytest.raises(ValueError, match=f"^{message}$"):
        network.add_population(population(**changes))


def bad_edges() -> Iterator[tuple[dict[str, Any], str]]:
    square = np.ones((2, 2), np.int32)
    yield {"population": 1}, "no such population"
    yield {"port": 2}, "no such port"
    yield {"source": 2}, "no such source"
    yield {"weight": np.ones((2, 3), np.int32)}, "the matrix does not fit source and target"
    yield {"weight": np.ones((2, 2))}, "weight is no array of its type"
    yield {"weight": np.ones(2, np.int32)}, "weight is no array of its type"
    yield {"weight": square, "delays": np.ones((1, 2), np.int32)}, "the matrix does not fit .*"
    yield {"weight": square, "row_delays": [1]}, "delays have a wrong size"
    yield {"weight": square, "columns": [2]}, "no such column"
    kernel = np.ones((1, 2, 1, 1), np.int32)
    yield {"weight": kernel}, "the kernel does not fit the source"
    yield {"weight": np.ones((2, 1, 1, 1), np.int32)}, "the kernel does not fit the target"


@pytest.mark.parametrize(("changes", "message"), list(bad_edges()))
def test_a_wrong_connection_is_refused(changes: dict[str, Any], message: str) -> None:
    network = _native.Network()
    network.add_input((1, 1, 2))
    network.add_population(population())
    edge = _native.Edge()
    for name, value in changes.items():
        setattr(edge, name, value)
    with pytest.raises(ValueError, match=f"^{message}$"):
        network.add_edge(edge)
