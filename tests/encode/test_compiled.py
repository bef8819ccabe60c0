"""Compiled encoders: every byte equal to the numpy twin, on every instruction set."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neurodeploy.encode import Delta, Latency, Level, Rate, reference
from neurodeploy.sim.native import INSTRUCTION_SETS, ISA_VARIABLE, instruction_sets

THREADS = (1, 2, 7)
SIZES = (1, 2, 3, 15, 16, 17, 63, 64, 65, 255, 256, 257, 300, 784)


@pytest.fixture(params=INSTRUCTION_SETS)
def isa(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Force one instruction set."""
    name = str(request.param)
    if name not in instruction_sets():
        pytest.skip(f"this processor or this build has no {name}")
    monkeypatch.setenv(ISA_VARIABLE, name)
    return name


def assert_rate_is_the_twin(encoder: Rate, x: NDArray[Any], index: Any, draw: int = 0) -> None:
    numbers = np.asarray(index, np.int64)
    expected = reference.rate(
        x, numbers, steps=encoder.steps, peak=encoder.peak, seed=encoder.seed, draw=draw
    )
    for threads in THREADS:
        columns = encoder.encode(x, numbers, draw=draw, threads=threads)
        assert columns.dtype == np.uint8
        assert np.array_equal(columns[:, : encoder.steps], expected)
        assert not columns[:, encoder.steps :].any()


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("size", SIZES)
def test_rate_equals_the_twin_for_every_size(size: int) -> None:
    x = np.random.default_rng(size).integers(0, 256, (3, size))
    assert_rate_is_the_twin(Rate(16, 255, gap=size % 3), x, range(3))


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("steps", range(1, 41))
def test_rate_equals_the_twin_for_every_number_of_steps(steps: int) -> None:
    x = np.random.default_rng(steps).integers(0, 8, (2, 37))
    assert_rate_is_the_twin(Rate(steps, 7, seed=steps), x, [5, 3])


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("peak", [1, 2, 3, 16, 255, 256, 257, 65535, 99991, 2**24 - 1, 2**24])
def test_rate_equals_the_twin_for_every_peak(peak: int) -> None:
    draw = np.random.default_rng(peak)
    edges = np.array([0, 1, peak // 256, peak // 2, peak - 1, peak])
    x = np.concatenate([edges, draw.integers(0, peak + 1, 94)])[None]
    assert_rate_is_the_twin(Rate(40, peak, seed=9), x, [0])


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("seed", [0, 2**31, 2**32 - 1, 2**32, 2**63 - 1])
@pytest.mark.parametrize("draw", [0, 1, 2**32 - 1])
def test_rate_equals_the_twin_for_large_seeds_draws_and_samples(seed: int, draw: int) -> None:
    x = np.random.default_rng(1).integers(0, 256, (5, 2, 7, 5))
    index = [0, 2**31, 2**32 - 1, 2**32, 2**63 - 1]
    assert_rate_is_the_twin(Rate(9, 255, seed=seed), x, index, draw)


@pytest.mark.usefixtures("isa")
def test_rate_equals_the_twin_where_threads_share_the_work() -> None:
    x = np.random.default_rng(1).integers(0, 256, (150, 4001)).astype(np.uint8)
    assert_rate_is_the_twin(Rate(40, 255, seed=3), x, range(150))


@pytest.mark.usefixtures("isa")
def test_rate_decides_open_bytes_by_the_second_stream() -> None:
    """Limits within one 256th of each other differ in the lower 24 bits only."""
    x = np.full((1, 20_000), 2**23 + 2**15)
    assert_rate_is_the_twin(Rate(3, 2**24), x, [1])


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int16, ">i4", np.int64, np.uint64])
def test_rate_takes_every_type_of_integers_and_any_strides(dtype: Any) -> None:
    x = np.random.default_rng(1).integers(0, 2, (6, 10)).astype(dtype)[::2, ::-1]
    assert_rate_is_the_twin(Rate(4, 2), x, range(3))


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("shape", [(0, 5), (3, 0), (2,), (2, 3, 4, 5)])
def test_shapes_are_kept_empty_ones_too(shape: tuple[int, ...]) -> None:
    x = np.ones(shape, np.int32)
    assert Rate(4, 2, gap=1).encode(x).shape == (shape[0], 5, *shape[1:])
    assert Latency(4, 2, gap=1).encode(x).shape == (shape[0], 5, *shape[1:])


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("steps", [1, 2, 16, 99_991])
@pytest.mark.parametrize("peak", [1, 7, 255, 2**24])
def test_latency_equals_the_twin(steps: int, peak: int) -> None:
    draw = np.random.default_rng(peak)
    x = np.concatenate([[0, 1, peak - 1, peak], draw.integers(0, peak + 1, 17)]).reshape(3, 7)
    expected = reference.latency(x, steps=steps, peak=peak)
    for threads in THREADS:
        columns = Latency(steps, peak, gap=1).encode(x, threads=threads)
        assert np.array_equal(columns[:, :-1], expected)
        assert not columns[:, -1].any()


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("levels", [2, 3, 8, 4096])
@pytest.mark.parametrize("peak", [1, 7, 255, 2**24])
def test_level_equals_the_twin(levels: int, peak: int) -> None:
    x = np.random.default_rng(peak).integers(-peak, peak + 1, (3, 5, 4))
    x[0, 0] = [-peak, peak, 0, 1 - peak]
    expected = reference.level(x, peak=peak, levels=levels)
    for threads in THREADS:
        columns = Level(5, peak, gap=1, levels=levels).encode(x, threads=threads)
        assert np.array_equal(columns[:, :5], expected)


@pytest.mark.parametrize("threshold", [1, 3, 2**24])
@pytest.mark.parametrize("reach", [5, 2**24, 2**62])
def test_delta_equals_the_twin_beyond_the_peak_too(threshold: int, reach: int) -> None:
    x = np.random.default_rng(threshold).integers(-reach, reach, (4, 9, 65))
    expected = reference.delta(x, threshold=threshold)
    for threads in THREADS:
        columns = Delta(9, 10, gap=1, threshold=threshold).encode(x, threads=threads)
        assert np.array_equal(columns[:, :9], expected)
