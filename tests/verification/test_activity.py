"""Counts over a data set, and one sample in full."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from presentations import given_columns, repeated

import neurodeploy as nd
from neurodeploy.answers import Recipe, RunChoice, Runner, settle
from neurodeploy.data.presentation import Presentation
from neurodeploy.verification.activity import measure
from neurodeploy.verification.counts import mean_counts
from neurodeploy.verification.sample import record_sample

RUN = RunChoice(engine="reference")


def program() -> nd.Program:
    lif = nd.CubaLif(current_decay=4096, voltage_decay=0, threshold=[1, 5, 9])
    return nd.Program(
        inputs=(nd.Input("x", 2),),
        populations=(
            nd.Population("a", 3, lif),
            nd.Population("out", 2, nd.Integrator(4096, 0)),
        ),
        connections=(
            nd.Connection("x", "a", nd.Dense([[2, 0], [2, 0], [2, 2]])),
            nd.Connection("a", "out", nd.Dense([[1, 1, 0], [0, 0, 1]])),
        ),
        readout=nd.Readout("out", "v"),
    )


def data(samples: int = 10) -> Presentation:
    x = np.ones((samples, 2), np.int32)
    x[::2, 1] = 0
    y = np.zeros(samples, np.int64)
    return repeated(x, y, steps=6, high=1)


def recipe(given: Presentation) -> Recipe:
    return settle(program(), given.steps, RUN)


def test_counts_do_not_depend_on_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measure(program(), data(), recipe=recipe(data()))
    expected = nd.simulate(program(), data().columns(slice(0, 10)), engine="reference").activity
    assert whole.activity == expected
    monkeypatch.setattr(Runner, "chunk", lambda *_: 3)
    assert measure(program(), data(), recipe=recipe(data())) == whole
    assert whole.accuracy.rate == 1.0


def test_samples_without_a_decision_are_told_apart() -> None:
    """A read-out that never spikes gives no accuracy: all scores are equal, and why is said."""
    deaf = replace(
        program(),
        populations=(program().populations[0], nd.Population("out", 2, nd.CubaLif(4096, 0, 9999))),
        readout=nd.Readout("out", "s"),
    )
    found = measure(deaf, data(), recipe=recipe(data())).undecided
    assert (found.samples, found.ties, found.silent, found.first_silent) == (10, 10, 10, "out")
    assert found.sentence().startswith("10 of 10 samples have no decision")
    assert "population out never sends anything" in found.sentence()
    assert measure(program(), data(), recipe=recipe(data())).undecided.sentence() == ""


def test_summary_gives_means_and_rates() -> None:
    found = mean_counts(program(), measure(program(), data(), recipe=recipe(data())).activity)
    x, a, out = found.layers
    assert (x.events, x.rate, x.input, x.updates) == (9.0, 0.75, True, 0)
    assert "u_wraps" not in x.to_dict()
    assert a.to_dict()["u_wraps"] == 0
    # neuron 0 spikes in all 6 steps, neuron 1 in steps 3 and 6; neuron 2 at 2 or 4 a step
    assert a.events_min == 6 + 2 + 1
    assert a.events_max == 6 + 2 + 2
    assert a.rate == pytest.approx(9.5 / 18)
    assert (out.events, out.updates) == (0.0, 12)
    first, second = found.connections
    assert (first.taps, first.nonzero) == (27.0, 6 * 3 + 3 * 1)
    assert second.taps == pytest.approx(9.5 * 2)


def test_a_sample_keeps_every_spike_and_the_membrane_of_the_busiest() -> None:
    sample = record_sample(program(), data(), row=1, recipe=recipe(data()))
    assert (sample.row, sample.label, sample.predicted) == (1, 0, 0)
    assert sample.columns.shape == (6, 2)
    a, out = sample.layers
    assert a.spikes.sum(axis=0).tolist() == [6, 2, 2]
    assert a.neurons.tolist() == [0, 1, 2]
    assert a.threshold is not None
    assert a.threshold.tolist() == [64, 320, 576]
    assert a.v[:, 1].tolist() == [128, 256, 0, 128, 256, 0]
    assert out.threshold is None
    assert np.array_equal(sample.scores, out.v.sum(axis=0))


def test_a_correctly_answered_sample_is_looked_for_first() -> None:
    shown = data()
    y = np.ones(10, np.int64)
    y[4] = 0
    wanted = repeated(shown.x, y, steps=6, high=1)
    assert record_sample(program(), wanted, recipe=recipe(wanted)).row == 4
    hopeless = repeated(shown.x, np.ones(10), steps=6, high=1)
    assert record_sample(program(), hopeless, recipe=recipe(hopeless)).row == 0


def test_sigma_delta_populations_have_messages_and_no_membrane() -> None:
    graph = nd.Program(
        inputs=(nd.Input("x", 1, 8),),
        populations=(nd.Population("a", 1, nd.SigmaDelta(threshold=0)),),
        connections=(nd.Connection("x", "a", nd.Dense([[1]])),),
        readout=nd.Readout("a", "sigma"),
    )
    given = given_columns([[[3], [0]]])
    (layer,) = record_sample(graph, given, recipe=settle(graph, given.steps, RUN)).layers
    assert layer.v.shape == (2, 0)
    assert layer.spikes.shape == (2, 1)
