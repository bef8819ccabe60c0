"""MPPD energy: the recursion by hand, units, and what it is blind to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from presentations import repeated

import neurodeploy as nd
from neurodeploy.answers import settle
from neurodeploy.data import presentation
from neurodeploy.data.presentation import Presentation
from neurodeploy.draws import normals
from neurodeploy.verification.mppd import mppd, perturbation


def chain(voltage_decay: int = 1024, threshold: int = 50, bias: int = 0) -> nd.Program:
    first = nd.CubaLif(4096, voltage_decay, threshold, bias=bias)
    return nd.Program(
        inputs=(nd.Input("x", 2, 8),),
        populations=(
            nd.Population("a", 2, first),
            nd.Population("b", 1, nd.CubaLif(4096, 0, 10)),
            nd.Population("out", 1, nd.Integrator(4096, 0)),
        ),
        connections=(
            nd.Connection("x", "a", nd.Dense([[1, 0], [0, 2]])),
            nd.Connection("a", "b", nd.Dense([[30, -30]])),
            nd.Connection("b", "out", nd.Dense([[8]])),
        ),
        readout=nd.Readout("out", "v"),
    )


def data(samples: int = 3, steps: int = 4) -> Presentation:
    x = np.tile(np.array([[40, 20]], np.int32), (samples, 1))
    return repeated(x, np.zeros(samples), steps=steps, high=255)


def test_perturbation_is_the_leaky_sum_of_the_current_difference_in_thresholds() -> None:
    population = chain(voltage_decay=1024, threshold=50).populations[0]
    difference = np.zeros((1, 3, 2))
    difference[0, 0] = [64 * 50, -64 * 25]
    difference[0, 2] = [64 * 50, 0]
    y = perturbation(population, difference)
    # lambda = 3/4
    assert y[0, :, 0].tolist() == [1.0, 0.75, 0.5625 + 1.0]
    assert y[0, :, 1].tolist() == [-0.5, -0.375, -0.28125]


def test_energy_follows_by_hand_from_two_runs() -> None:
    program = chain(voltage_decay=0)
    found = mppd(program, data(samples=1, steps=2), sigma=0.1, seed=4)
    noise = normals(4, np.array([0]), 2)
    moved = np.rint(np.array([[40, 20]]) + 25.5 * noise).clip(0, 255)[0] - [40, 20]
    step = -moved * [1, 2] / 50  # the same in both steps, lambda = 1
    layer = found.layers[0]
    assert layer.by_step == pytest.approx([np.mean(step**2), np.mean((2 * step) ** 2)])
    assert layer.squared == pytest.approx(np.mean([step**2, (2 * step) ** 2]))
    assert layer.absolute == pytest.approx(np.mean(np.abs([step, 2 * step])))


def test_spiking_layers_are_measured_and_read_outs_are_not() -> None:
    found = mppd(chain(), data())
    assert [layer.population for layer in found.layers] == ["a", "b"]
    assert {layer.unit for layer in found.layers} == {"threshold"}
    assert (found.sigma, found.samples) == (0.1, 3)


def test_noise_that_rounds_to_nothing_has_no_energy() -> None:
    found = mppd(chain(), data(), sigma=1e-6)
    assert all(layer.squared == layer.absolute == 0.0 for layer in found.layers)


def test_a_constant_bias_cancels_in_the_first_layer() -> None:
    plain, biased = (mppd(chain(bias=b), data()).layers[0] for b in (0, 7))
    assert plain == biased


def test_a_threshold_that_is_not_positive_is_counted_in_mantissa_units() -> None:
    found = mppd(chain(threshold=0), data())
    assert [layer.unit for layer in found.layers] == ["64", "threshold"]


def test_the_result_does_not_depend_on_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = mppd(chain(), data(samples=9))
    monkeypatch.setattr(presentation, "CHUNK_BYTES", 4 * 4 * 4 * 4 * 2)
    chunked = mppd(chain(), data(samples=9))
    for one, other in zip(whole.layers, chunked.layers, strict=True):
        assert one.by_step == pytest.approx(other.by_step)
        assert one.absolute == pytest.approx(other.absolute)


def test_a_stream_changes_nothing_each_sample_starts_from_rest() -> None:
    recipe = settle(chain(), data().steps)
    assert mppd(chain(), data(), recipe=replace(recipe, reset_interval=2)) == mppd(chain(), data())
