"""Activity counts against explicit enumeration."""

from __future__ import annotations

import numpy as np
import pytest
from generate import random_input, random_program

import neurodeploy as nd
from neurodeploy.sim.fanout import fan_out


def test_dense_and_conv_fan_out_equal_an_enumeration_of_synapses() -> None:
    """Each pair (source value, weight) is found by sending one event through unit weights."""
    rng = np.random.default_rng(0)
    for seed in range(40):
        program = random_program(np.random.default_rng(seed))
        for index, connection in enumerate(program.connections):
            synapse = connection.synapse
            source = program.node(connection.source)
            fan = fan_out(program, index)
            if isinstance(synapse, nd.Direct):
                assert not fan.taps.any()
                continue
            chosen = rng.choice(source.size, size=min(5, source.size), replace=False)
            for j in chosen:
                assert fan.taps[j] == reached(synapse, source, int(j), ones=True)
                assert fan.nonzero[j] == reached(synapse, source, int(j), ones=False)


def reached(
    synapse: nd.Dense | nd.Conv2d, source: nd.Input | nd.Population, j: int, ones: bool
) -> int:
    """Sum the currents that one event at ``j`` causes, with weights 1 (or 1 where non-zero)."""
    weight = np.ones_like(synapse.weight) if ones else (synapse.weight != 0).astype(int)
    if isinstance(synapse, nd.Dense):
        probe: nd.Dense | nd.Conv2d = nd.Dense(weight)
        shape: tuple[int, ...] = (weight.shape[0],)
    else:
        probe = nd.Conv2d(weight, synapse.stride, synapse.padding, synapse.dilation, synapse.groups)
        shape = probe.output_shape(source.shape)
    program = nd.Program(
        (nd.Input("x", source.shape),),
        (nd.Population("n", shape, nd.Sigma()),),
        (nd.Connection("x", "n", probe),),
        nd.Readout("n", "sigma"),
    )
    event = np.zeros((1, source.size), int)
    event[0, j] = 1
    return int(
        nd.simulate(program, event.reshape(1, *source.shape), engine="reference")[0].sigma.sum()
    )


def test_counts_of_a_small_network_by_hand() -> None:
    program = nd.Program(
        (nd.Input("x", (2,)),),
        (nd.Population("a", (2,), nd.CubaLif(4096, 4096, 1)),
         nd.Population("b", (1,), nd.Integrator(0, 0))),
        (nd.Connection("x", "a", nd.Dense([[2, 0], [0, 2]])),
         nd.Connection("a", "b", nd.Dense([[5, 0]]))),
        nd.Readout("b", "v"),
    )  # fmt: skip
    batch = np.array([[[1, 1], [0, 1]], [[0, 0], [1, 0]]])
    activity = nd.simulate(program, batch, engine="reference").activity
    assert (activity.samples, activity.steps) == (2, 2)
    assert activity.input_events["x"].tolist() == [3, 1]
    assert activity.spikes["a"].tolist() == [3, 1]
    assert activity.spikes["b"].tolist() == [0, 0]
    assert activity.updates["a"].tolist() == [4, 4]
    assert activity.synops_taps["x->a"].tolist() == [6, 2]
    assert activity.synops_nonzero["x->a"].tolist() == [3, 1]
    assert activity.synops_taps["a->b"].tolist() == [3, 1]
    assert activity.synops_nonzero["a->b"].tolist() == [1, 1]
    assert activity.totals()["spikes"] == {"a": 4, "b": 0}


def test_wraps_and_saturations_are_counted_per_neuron_and_step() -> None:
    program = nd.Program(
        (nd.Input("x", (2,), 32),),
        (nd.Population("n", (2,), nd.Integrator(4096, 0)),),
        (nd.Connection("x", "n", nd.Direct()),),
        nd.Readout("n", "v"),
    )
    limit = 2**17
    data = [[limit, 1], [limit, 1], [limit + 1, 1], [-limit, 1]]
    activity = nd.simulate(program, data, engine="reference").activity
    assert activity.u_wraps["n"].tolist() == [2]
    assert activity.v_saturations["n"].tolist() == [3]


def test_counts_do_not_depend_on_what_is_recorded() -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        program = random_program(rng)
        data = random_input(rng, program, 12, batch=3)
        bare = nd.simulate(program, data, engine="reference", record=())
        full = nd.simulate(program, data, engine="reference", record="s,u,v,sigma,act,re,im,vth")
        assert bare.activity == full.activity
        assert sum(len(layer.arrays) for layer in bare.values()) == 1


def test_activity_differences_name_the_count() -> None:
    rng = np.random.default_rng(1)
    program = random_program(rng)
    a = nd.simulate(program, random_input(rng, program, 9), engine="reference").activity
    b = nd.simulate(program, random_input(rng, program, 9), engine="reference").activity
    assert not a.differences(a)
    assert any(entry.startswith("input_events/") for entry in a.differences(b))


def test_missing_variables_say_what_was_recorded() -> None:
    program = random_program(np.random.default_rng(3))
    trace = nd.simulate(program, random_input(np.random.default_rng(0), program, 3),
                        engine="reference", record=())  # fmt: skip
    with pytest.raises(AttributeError, match="was not recorded, only"):
        _ = trace[-1].nothing
    with pytest.raises(nd.errors.OptionError, match="trace has no population 'nobody', there are"):
        _ = trace["nobody"]


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("size", [1, 70])
def test_a_clamp_after_a_subtracting_reset_is_a_saturation(engine: str, size: int) -> None:
    """v at the top less a negative threshold lies beyond it."""
    top = (1 << 23) - 1
    neuron = nd.CubaLif(4096, 0, [-1000, 5], reset="subtract", initial=[top - 10, 100])
    program = nd.Program(
        (nd.Input("x", 1),),
        (nd.Population("a", (2 * size,), _tiled(neuron, size)),),
        (nd.Connection("x", "a", nd.Dense(np.zeros((2 * size, 1), int))),),
        nd.Readout("a"),
    )
    x = np.zeros((1, 1, 1), np.uint8)
    trace = nd.simulate(program, x, engine=engine, record=("v",))
    assert trace["a"].v[0, 0, ::2].tolist() == [top] * size
    assert trace.activity.v_saturations["a"].tolist() == [size]


def _tiled(neuron: nd.CubaLif, times: int) -> nd.CubaLif:
    return nd.CubaLif(
        4096,
        0,
        np.tile(neuron.threshold, times),
        reset=neuron.reset,
        initial=np.tile(neuron.initial, times),
    )
