"""Protection: the same answers without faults, a third of the harm, words that are full."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.answers import settle
from neurodeploy.errors import OptionError
from neurodeploy.sim.faults import LOIHI, WeightWord
from neurodeploy.sim.faults.changed import weight_format
from neurodeploy.verification.protection import critical_neurons, rescaled, triplicated


def network(weight: int = 40) -> nd.Program:
    return nd.Program(
        (nd.Input("x", (2,)),),
        (
            nd.Population("h", (3,), nd.CubaLif(4096, 100, [30, 35, 50], bias=[1, 2, 3])),
            nd.Population("y", (2,), nd.Integrator(4096, 100)),
        ),
        (
            nd.Connection("x", "h", nd.Dense(np.array([[weight, -8], [-8, weight], [6, 6]]))),
            nd.Connection("h", "y", nd.Dense(np.array([[20, -14, 2], [-14, 22, 4]]))),
        ),
        nd.Readout("y", "v"),
    )


DATA = (np.random.default_rng(0).random((20, 6, 2)) < 0.6).astype(np.uint8)


def test_triplicated_neurons_change_no_answer_and_share_the_harm() -> None:
    program = network()
    safe = triplicated(program, "h", [1])
    assert safe.populations[0].shape == (5,)
    assert safe.populations[0].neuron.threshold.tolist() == [30, 35, 50, 35, 35]
    out = safe.connections[1].synapse.weight
    assert out[:, [1, 3, 4]].sum(axis=1).tolist() == [-14, 22]
    assert not np.any(out % 2)
    clean = nd.simulate(program, DATA)["y"].v
    assert np.array_equal(nd.simulate(safe, DATA)["y"].v, clean)
    harm = [
        np.abs(nd.simulate(one, DATA, faults=[WeightWord("x->h", 3, 0)])["y"].v - clean).sum()
        for one in (program, safe)
    ]
    assert 0 < harm[1] < 0.5 * harm[0]


def test_neurons_are_ranked_by_what_they_lose() -> None:
    program = network()
    recipe = replace(settle(program, 6), threads=1)
    labels = nd.simulate(program, DATA)["y"].v.sum(axis=1).argmax(axis=1)
    ranked = critical_neurons(program, recipe, DATA, labels, "h")
    assert sorted(one.neuron for one in ranked) == [0, 1, 2]
    assert [one.lost for one in ranked] == sorted((one.lost for one in ranked), reverse=True)
    assert ranked[0].lost > ranked[-1].lost
    assert ranked[-1].neuron == 2


def test_rescaled_weights_fill_the_word_that_they_have() -> None:
    program = network()
    full = rescaled(program)
    assert int(np.abs(full.connections[0].synapse.weight).max()) == 62
    assert weight_format(full, 0, LOIHI).bits == weight_format(program, 0, LOIHI).bits == 6
    assert full.populations[0].neuron.threshold.tolist() == [46, 54, 78]
    assert full.connections[1] == program.connections[1]
    assert rescaled(network(254)).connections[0].synapse.weight.max() == 254


def test_what_cannot_be_triplicated_is_refused() -> None:
    with pytest.raises(OptionError, match="no population 'z', there are h, y"):
        triplicated(network(), "z", [0])
    with pytest.raises(OptionError, match="neurons of h are 0 to 2"):
        triplicated(network(), "h", [3])
    with pytest.raises(OptionError, match="y is no flat hidden population between matrices"):
        triplicated(network(), "y", [0])
    odd = replace(
        network(),
        connections=(
            network().connections[0],
            nd.Connection("h", "y", nd.Dense(np.ones((2, 3), int))),
        ),
    )
    with pytest.raises(OptionError, match="weights of h->y are odd"):
        triplicated(odd, "h", [0])
