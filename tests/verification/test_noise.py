"""Accuracy under noise: where the noise acts, that it is reproducible, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.answers import RunChoice, Runner
from neurodeploy.data.dataset import Split
from neurodeploy.encode import Direct, Encoder, Rate
from neurodeploy.errors import DataError, OptionError, ProgramError
from neurodeploy.verification.noise import generator, noise_accuracy, perturbed
from neurodeploy.verification.presented import Presented, present

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


def one_hot(samples: int = 40, classes: int = 4, high: int = 100) -> Presented:
    y = np.arange(samples) % classes
    x = high * (y[:, None] == np.arange(classes)).astype(np.int32)
    return Presented(
        x, y, 0, high, lambda v, rows: np.repeat(v[:, None], 3, axis=1), "graded input"
    )


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


def test_noisy_values_are_integers_within_the_range() -> None:
    data = one_hot(50)
    noisy = perturbed(data, slice(0, 50), 3.0, generator(0))
    assert noisy.dtype == np.int32
    assert (noisy.min(), noisy.max()) == (0, 100)
    expected = np.rint(data.x + 300.0 * generator(0).standard_normal(data.x.shape))
    assert np.array_equal(noisy, np.clip(expected, 0, 100))


def test_graded_input_is_perturbed_after_encoding_and_equally_in_every_step() -> None:
    program = largest(Direct(steps=3, peak=16, gap=1, levels=200))
    data = present(program, split())
    assert (data.place, data.low, data.high) == ("graded input", 0, 200)
    assert np.array_equal(data.columns(slice(0, 20))[:, 0], data.x)
    x = perturbed(data, slice(0, 20), 0.1, generator(0))
    columns = data.columns(slice(0, 20), x)
    assert columns.shape == (20, 4, 4)
    assert all(np.array_equal(columns[:, t], x) for t in range(3))
    assert not columns[:, 3].any()


def test_clean_columns_are_those_of_the_encoder() -> None:
    for encoder in (Direct(steps=3, peak=16, gap=1, levels=200), Rate(steps=5, peak=16, seed=3)):
        data = present(largest(encoder), split())
        expected = encoder.encode(split().x, split().index)
        assert np.array_equal(data.columns(slice(4, 9)), expected[4:9])


def test_spike_encoded_data_are_perturbed_before_encoding_with_the_same_draws() -> None:
    encoder = Rate(steps=5, peak=16, seed=3)
    data = present(largest(encoder), split())
    assert (data.place, data.low, data.high) == ("data before encoding", 0, 16)
    x = perturbed(data, slice(4, 9), 0.3, generator(0))
    rows = np.arange(4, 9)
    assert np.array_equal(data.columns(slice(4, 9), x), encoder.encode(x, rows))
    result = noise_accuracy(largest(encoder), data, sigmas=(0.3,), run=RUN)
    assert "then encoded" in result.to_dict()["rule"]


def test_a_program_without_encoder_takes_columns_as_they_are() -> None:
    x = np.arange(2 * 3 * 4).reshape(2, 3, 4).astype(np.int32)
    series = Split(x, np.zeros(2, int), np.arange(2), lengths=np.array([3, 1]))
    data = present(largest(), series)
    assert (data.place, data.low, data.high) == ("input columns", 0, 23)
    columns = data.columns(slice(0, 2), x + 1)
    assert np.array_equal(columns[0], x[0] + 1)
    assert np.array_equal(columns[1, :1], x[1, :1] + 1)
    assert not columns[1, 1:].any()
    assert noise_accuracy(largest(), data, sigmas=(0.1,), run=RUN).rule.endswith("in every step")


def test_a_shorter_selection_keeps_its_rows() -> None:
    data = present(largest(Rate(steps=5, peak=16, seed=3)), split())
    assert len(data.first(7)) == 7
    assert np.array_equal(data.first(7).columns(slice(2, 7)), data.columns(slice(2, 7)))


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


def test_a_program_without_encoder_is_refused() -> None:
    with pytest.raises(ProgramError, match="metadata name no encoder"):
        present(largest(), split())


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "labels": ({"y": np.zeros(3, int)}, "3 labels for 40 samples, expected one each"),
    "floats": ({"x": np.zeros((40, 4))}, "x has dtype float64, expected integers"),
    "range": ({"high": 0}, "range is 0 to 0, expected low < high"),
    "empty": (
        {"x": np.zeros((0, 4), int), "y": np.zeros(0, int)},
        "there are no samples, expected at least one",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_data_are_refused(name: str) -> None:
    changes, message = BAD[name]
    data = one_hot()
    fields = {k: getattr(data, k) for k in ("x", "y", "low", "high", "encode", "place")}
    with pytest.raises(DataError) as raised:
        Presented(**{**fields, **changes})
    assert str(raised.value) == message
