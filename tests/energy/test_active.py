"""Active updates: counted apart from the engine, one neuron and step at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from energy_toys import chip, plain_energy, quantity, run, tiny
from generate import random_input, random_program

import neurodeploy as nd
from neurodeploy.answers import RunChoice, settle
from neurodeploy.answers.runner import as_samples
from neurodeploy.energy import estimate_energy
from neurodeploy.energy.active import active_updates
from neurodeploy.errors import InputError, OptionError

STEPS, SAMPLES = 6, 4


def counted_by_hand(program: nd.Program, columns: Any, options: dict[str, Any]) -> Any:
    """Walk over every neuron and step of every sample, as the definition says."""
    trace = nd.simulate(program, columns, engine="reference", record=RECORD, **options)
    found = {}
    for population in program.populations:
        arrays = trace[population.name].arrays
        states = [name for name in arrays if name not in ("s", "vth")]
        initial = np.broadcast_to(
            population.neuron.having("initial").get("initial", 0), population.shape
        ).reshape(-1)
        counts = []
        for sample in range(len(columns)):
            count = 0
            for i in range(population.size):
                before = bool(initial[i])
                for t in range(STEPS):
                    values = [arrays[x][sample, t].reshape(-1)[i] for x in states]
                    now = any(value != 0 for value in values)
                    sent = arrays["s"][sample, t].reshape(-1)[i] != 0
                    count += before or now or sent
                    before = now
            counts.append(count)
        found[population.name] = counts
    return found


RECORD = ("s", "u", "v", "sigma", "act", "re", "im")


@pytest.mark.parametrize("seed", range(40))
def test_active_updates_equal_a_walk_over_neurons_and_steps(seed: int) -> None:
    rng = np.random.default_rng(seed)
    program = random_program(rng, max_size=6)
    while len(program.inputs) > 1:
        program = random_program(rng, max_size=6)
    columns = random_input(rng, program, STEPS, SAMPLES)[program.inputs[0].name]
    recipe = settle(program, STEPS, RunChoice(timing="aligned"))
    found = active_updates(program, as_samples(columns), recipe)
    expected = counted_by_hand(program, columns, {"timing": "aligned"})
    assert {name: counts.tolist() for name, counts in found.items()} == expected


def test_a_stream_goes_on_where_the_sample_before_it_ended() -> None:
    leaky = nd.CubaLif(current_decay=4096, voltage_decay=0, threshold=100)
    program = nd.Program(
        inputs=(nd.Input("x", 1),),
        populations=(nd.Population("a", 1, leaky),),
        connections=(nd.Connection("x", "a", nd.Dense([[1]])),),
        readout=nd.Readout("a"),
    )
    columns = np.array([[[0], [1]], [[0], [0]]])
    rest = settle(program, 2, RunChoice(timing="aligned"))
    assert active_updates(program, as_samples(columns), rest)["a"].tolist() == [1, 0]
    # nothing clears v: once charged, the neuron is at rest no more
    stream = settle(program, 2, RunChoice(timing="pipelined", reset_interval=-1))
    assert active_updates(program, as_samples(columns), stream)["a"].tolist() == [1, 2]


def test_a_neuron_that_starts_charged_is_active_from_its_first_step() -> None:
    charged = nd.CubaLif(current_decay=4096, voltage_decay=4096, threshold=100, initial=7)
    program = nd.Program(
        inputs=(nd.Input("x", 1),),
        populations=(nd.Population("a", 1, charged),),
        connections=(nd.Connection("x", "a", nd.Dense([[1]])),),
        readout=nd.Readout("a"),
    )
    recipe = settle(program, 3, RunChoice(timing="aligned"))
    found = active_updates(program, as_samples(np.zeros((1, 3, 1), int)), recipe)
    assert found["a"].tolist() == [1]


TWO = {
    "neuron_update_active_pj": quantity(10.0),
    "neuron_update_inactive_pj": quantity(4.0),
}


def test_each_update_is_charged_at_its_own_constant() -> None:
    program = tiny()
    activity = run(program, [[[1, 1], [0, 0]]])
    profile = chip(energy=plain_energy(**TWO))
    told = {"a": np.array([3]), "b": np.array([1])}
    report = estimate_energy(program, activity, profile, active=told)
    terms = {term.name: term for term in report.terms}
    assert terms["neuron updates, active"].energy_pj.mid == 40.0
    assert terms["neuron updates, inactive"].energy_pj.mid == 8.0
    assert not any("not told apart" in warning for warning in report.warnings)
    blind = estimate_energy(program, activity, profile)
    assert any("not told apart" in warning for warning in blind.warnings)
    (updates,) = (term for term in blind.terms if term.name == "neuron updates")
    assert updates.energy_pj.low <= 48.0 <= updates.energy_pj.high


def test_inferences_of_one_stream_share_their_active_updates() -> None:
    program = tiny()
    activity = run(program, [[[1, 1], [0, 0], [1, 1], [0, 0]]])
    told = {"a": np.array([6]), "b": np.array([2])}
    profile = chip(energy=plain_energy(**TWO))
    report = estimate_energy(program, activity, profile, active=told, steps=2)
    terms = {term.name: term.count_mean for term in report.terms}
    assert terms["neuron updates, active"] == 4.0


BAD = {
    "another program": ({"a": np.array([1])}, "active updates: are of a, the activity of a, b"),
    "more than there are": (
        {"a": np.array([5]), "b": np.array([0])},
        "active updates: those of a do not fit its 4 updates in each of 1 samples",
    ),
    "other samples": (
        {"a": np.array([1, 1]), "b": np.array([0, 0])},
        "active updates: those of a do not fit its 4 updates in each of 1 samples",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_active_updates_that_do_not_fit_are_refused(name: str) -> None:
    told, message = BAD[name]
    program = tiny()
    activity = run(program, [[[1, 1], [0, 0]]])
    with pytest.raises(InputError, match=f"^{message}$"):
        estimate_energy(program, activity, chip(energy=plain_energy(**TWO)), active=told)


def test_lava_cannot_be_asked() -> None:
    with pytest.raises(OptionError, match="engine 'lava' runs a single stream"):
        settle(tiny(), 2, RunChoice(engine="lava"))
