"""Accuracy under noise: where the noise acts, that it is reproducible, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from presentations import repeated

import neurodeploy as nd
from neurodeploy.answers import RunChoice, Runner
from neurodeploy.data.dataset import Split
from neurodeploy.data.presentation import Presentation, present
from neurodeploy.draws import normals
from neurodeploy.encode import Direct, Encoder, Rate
from neurodeploy.errors import OptionError
from neurodeploy.verification import noise
from neurodeploy.verification.noise import normal_directions, perturbed
from neurodeploy.verification.noise_suite import noise_accuracy

RUN = RunChoice(engine="reference")


def largest(encoder: Encoder | None = None, classes: int = 4) -> nd.Program:
    """A network whose answer is the largest of its inputs, summed over the steps."""
    integrator = nd.Integrator(current_decay=4096, voltage_decay=4096)
    return nd.Program(
        inputs=(nd.Input("x", classes, 8 if encoder is None else encoder.message_bits),),
        populations=(nd.Population("y", classes, integrator),),
        connections=(nd.Connection("x", "y", nd.Dense(np.eye(classes, dtype=int))),),
        readout=nd.Readout("y", "u"),
        metadata={} if encoder is None else encoder.metadata(),
    )


def one_hot(samples: int = 40, classes: int = 4, high: int = 100) -> Presentation:
    y = np.arange(samples) % classes
    return repeated(high * (y[:, None] == np.arange(classes)), y, steps=3, high=high)


def split(samples: int = 20, classes: int = 4, peak: int = 16) -> Split:
    y = np.arange(samples) % classes
    x = peak * (y[:, None] == np.arange(classes)).astype(np.int32)
    return Split(x, y, np.arange(samples))


def test_accuracy_falls_with_noise_and_carries_its_interval() -> None:
    result = noise_accuracy(largest(), one_hot(400), sigmas=(0.01, 1.0, 5.0), run=RUN)
    assert result.clean.rate == 1.0
    rates = [level.accuracy.rate for level in result.levels]
    assert rates[0] == 1.0
    assert 0.25 < rates[1] < 1.0
    assert rates[2] < rates[1]
    low, high = result.levels[1].accuracy.interval
    assert low < rates[1] < high
    assert result.levels[1].sigma_units == 100.0


def test_the_same_seed_gives_the_same_result_and_another_seed_another() -> None:
    run = {"sigmas": (0.7,), "run": RUN}
    results = [noise_accuracy(largest(), one_hot(400), seed=s, **run) for s in (1, 1, 2)]
    assert results[0] == results[1]
    assert results[0].levels != results[2].levels
    assert results[0].seed == 1


def test_noise_does_not_depend_on_how_the_samples_are_chunked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = noise_accuracy(largest(), one_hot(101), sigmas=(0.7,), run=RUN)
    monkeypatch.setattr(Runner, "chunk", lambda *_: 7)
    assert noise_accuracy(largest(), one_hot(101), sigmas=(0.7,), run=RUN) == whole
    monkeypatch.setattr(noise, "KEPT_VALUES", 0)
    assert noise_accuracy(largest(), one_hot(101), sigmas=(0.7,), run=RUN) == whole


def test_noise_depends_on_the_number_of_the_sample_alone() -> None:
    """Not on its row, on the chunk, or on which samples are looked at."""
    data = present(largest(Direct(steps=3, peak=16, levels=200)), split()).encoded()
    whole = normal_directions(data, slice(0, 20), 3)
    assert np.array_equal(normal_directions(data, slice(5, 9), 3), whole[5:9])
    some = replace(data, split=data.split.take(np.array([17, 2])))
    assert np.array_equal(normal_directions(some, slice(0, 2), 3), whole[[17, 2]])


def test_noisy_values_are_integers_within_the_range() -> None:
    data = one_hot(50)
    directions = normal_directions(data, slice(0, 50), 0)
    noisy = perturbed(data, slice(0, 50), 3.0, directions)
    assert noisy.dtype == np.int32
    assert (noisy.min(), noisy.max()) == (0, 100)
    expected = np.rint(data.x + 300.0 * normals(0, np.arange(50), 4))
    assert np.array_equal(noisy, np.clip(expected, 0, 100))


def test_noisy_values_of_a_seed_are_these() -> None:
    """Pinned: a seed must give the same noise in every version and on every machine."""
    data = repeated(np.full((2, 4), 40), [0, 0], steps=1, high=100)
    noisy = perturbed(data, slice(0, 2), 0.3, normal_directions(data, slice(0, 2), 2024))
    assert noisy.tolist() == PINNED


PINNED = [[66, 43, 74, 50], [23, 42, 30, 0]]


def test_graded_input_is_perturbed_after_encoding_and_equally_in_every_step() -> None:
    program = largest(Direct(steps=3, peak=16, gap=1, levels=200))
    data = present(program, split())
    assert (data.domain.low, data.domain.high) == (0, 16)
    shown = data.encoded()
    assert (shown.place, shown.domain.low, shown.domain.high) == ("graded input", 0, 200)
    rows = slice(0, 20)
    assert np.array_equal(shown.columns(rows), data.columns(rows))
    assert np.array_equal(shown.columns(rows)[:, 0], shown.x)
    x = perturbed(shown, rows, 0.1, normal_directions(shown, rows, 0))
    columns = shown.columns(rows, x)
    assert columns.shape == (20, 4, 4)
    assert all(np.array_equal(columns[:, t], x) for t in range(3))
    assert not columns[:, 3].any()


def test_spike_encoded_data_are_perturbed_before_encoding_with_the_same_draws() -> None:
    encoder = Rate(steps=5, peak=16, seed=3)
    data = present(largest(encoder), split())
    assert data.encoded() is data
    assert (data.place, data.domain.low, data.domain.high) == ("data before encoding", 0, 16)
    x = perturbed(data, slice(4, 9), 0.3, normal_directions(data, slice(4, 9), 0))
    rows = np.arange(4, 9)
    assert np.array_equal(data.columns(slice(4, 9), x), encoder.encode(x, rows))
    result = noise_accuracy(largest(encoder), data, sigmas=(0.3,), run=RUN)
    assert "then encoded" in result.to_dict()["rule"]


def test_columns_are_perturbed_in_every_step() -> None:
    x = np.arange(2 * 3 * 4).reshape(2, 3, 4).astype(np.int32)
    data = present(largest(), Split(x, np.zeros(2, int), np.arange(2)))
    assert (data.place, data.domain.low, data.domain.high) == ("input columns", 0, 23)
    assert noise_accuracy(largest(), data, sigmas=(0.1,), run=RUN).rule.endswith("in every step")


def test_the_result_is_plain_data() -> None:
    result = noise_accuracy(largest(), one_hot(), sigmas=(0.5,), seed=9, run=RUN).to_dict()
    assert result["seed"] == 9
    assert result["levels"][0]["sigma"] == 0.5
    assert result["levels"][0]["interval"] == "95 % Wilson score interval"
    assert "clipped to 0 to 100" in result["rule"]


@pytest.mark.parametrize("sigma", [0.0, -0.1, float("nan"), float("inf")])
def test_a_level_that_is_not_positive_is_refused(sigma: float) -> None:
    with pytest.raises(OptionError, match=r"^noise level is .*, expected a positive share"):
        noise_accuracy(largest(), one_hot(), sigmas=(sigma,), run=RUN)
