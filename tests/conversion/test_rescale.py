"""Rescaling: afterwards no input overflows, and the network fires as before, up to rounding."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.bounds import bound
from neurodeploy.conversion.rescale import compared, rescaled
from neurodeploy.data import load_data
from neurodeploy.data.presentation import present
from neurodeploy.errors import ModelError, ProgramError


def demo() -> nd.Program:
    return nd.load(str(files("neurodeploy.demo") / "digits.h5"))


def grown(program: nd.Program, factor: int) -> nd.Program:
    """Return the same network on larger numbers: it fires alike, but for what overflows."""
    populations = []
    for population in program.populations:
        neuron: Any = population.neuron
        larger = {
            name: getattr(neuron, name) * factor
            for name in ("threshold", "bias")
            if hasattr(neuron, name)
        }
        populations.append(replace(population, neuron=replace(neuron, **larger)))
    connections = []
    for connection in program.connections:
        synapse: Any = connection.synapse
        larger_weight = replace(synapse, weight=synapse.weight * factor)
        connections.append(replace(connection, synapse=larger_weight))
    return replace(program, populations=tuple(populations), connections=tuple(connections))


def overflows(program: nd.Program, most: int, steps: int) -> bool:
    shape = (1, 1, *program.inputs[0].shape)
    low, high = np.zeros(shape, int), np.full(shape, most)
    found = bound(program, low, high, steps=steps, extrema=True)
    return any(found[name].may_overflow for name in program.names)


def test_no_input_overflows_afterwards_and_answers_stay() -> None:
    program = demo()
    data = present(program, load_data("digits").part("test"), None)
    large = grown(program, 48)
    assert overflows(large, data.encoder.high, data.steps)
    found = rescaled(large)
    assert not overflows(found.program, data.encoder.high, data.steps)
    assert found.changes[0].population == program.names[0]
    assert all(0 < change.factor < 1 and change.levels > 2 for change in found.changes)
    both = compared(program, found.program, data)
    assert both.before.rate - both.after.rate < 0.02
    assert both.differing < 0.02 * len(data)


def test_a_program_without_overflow_stays_as_it_is() -> None:
    program = demo()
    found = rescaled(program)
    assert found.changes == ()
    assert found.program is program


def test_even_weights_stay_even_and_odd_ones_may_be_odd() -> None:
    rng = np.random.default_rng(3)
    even = 2 * rng.integers(-9000, 9000, (4, 6))
    for weight, step in ((even, 2), (np.abs(even) + 1, 1)):
        program = single(weight)
        after: Any = rescaled(program).program.connections[0].synapse
        assert (after.weight % step == 0).all()
        assert len(np.unique(after.weight)) > 10


def single(weight: Any, **neuron: Any) -> nd.Program:
    given = {"current_decay": 4096, "voltage_decay": 512, "threshold": 5000, **neuron}
    lif = nd.CubaLif(**given)
    return nd.Program(
        inputs=(nd.Input("x", (6,), 8),),
        populations=(nd.Population("out", (4,), lif),),
        connections=(nd.Connection("x", "out", nd.Dense(np.asarray(weight, np.int32))),),
        readout=nd.Readout("out"),
    )


def test_what_cannot_be_scaled_is_refused_by_name() -> None:
    neuron = nd.SigmaDelta(threshold=2**20, bias=0, spike_exp=0)
    program = replace(
        single(np.full((4, 6), 2**20)), populations=(nd.Population("out", (4,), neuron),)
    )
    with pytest.raises(ModelError) as caught:
        rescaled(program)
    assert str(caught.value) == (
        "population out: may overflow, and is a SigmaDelta, which is not rescaled; train it on "
        "smaller weights"
    )
    direct = nd.Program(
        inputs=(nd.Input("x", (4,), 20),),
        populations=(nd.Population("out", (4,), nd.CubaLif(4096, 512, 100)),),
        connections=(nd.Connection("x", "out", nd.Direct()),),
        readout=nd.Readout("out"),
    )
    with pytest.raises(ModelError, match="is driven without weights by x; scale its input"):
        rescaled(direct)


def test_a_state_that_no_scale_keeps_in_range_is_told() -> None:
    with pytest.raises(ProgramError, match="population out: may overflow until its weights"):
        rescaled(single(np.full((4, 6), 2), current_decay=0, voltage_decay=0))


def test_the_command_line_says_what_it_scaled_and_what_that_cost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from neurodeploy.cli import app
    from neurodeploy.cli.failures import run

    nd.save(grown(demo(), 48), str(tmp_path / "large.h5"))
    names = [str(tmp_path / name) for name in ("large.h5", "fits.h5")]
    code = run(app, ["convert", *names, "--rescale", "--check", "digits", "--samples", "60"])
    out = capsys.readouterr().out
    assert code == 0
    assert "hidden1: scaled by 0." in out
    assert "of 60 answers differ" in out
    assert run(app, ["convert", names[1], names[0], "--rescale"]) == 0
    assert "no input can make a state overflow, nothing was rescaled" in capsys.readouterr().out
