"""Aligned samples against one pipelined stream."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurodeploy.lowering import lower  # noqa: E402  (needs torch)
from neurodeploy.train.network import Network  # noqa: E402
from neurodeploy.train.specs import Conv, Dense, LayerSpec, Neuron, Readout  # noqa: E402
from neurodeploy.verification.stream import verify_stream  # noqa: E402


def streamed(layers: list[LayerSpec], gap: int, readout: str = "count", seed: int = 1):  # type: ignore[no-untyped-def]
    x = np.random.default_rng(seed).integers(0, 2, (12, 8 + gap, 1, 5, 5))
    x[:, 8:] = 0
    neuron = Neuron(current_decay=2500, voltage_decay=1500)
    network = Network((1, 5, 5), layers, neuron=neuron, readout=Readout(kind=readout))  # type: ignore[arg-type]
    network.calibrate(torch.from_numpy(np.moveaxis(x, 1, 0).astype(np.float32)))
    return verify_stream(lower(network), x, np.zeros(12, np.int64), engine="reference")


@pytest.mark.parametrize("readout", ["count", "integrator"])
@pytest.mark.parametrize(
    "layers",
    [
        [Dense(size=9), Dense(size=8), Dense(size=4)],
        [Conv(channels=3, kernel=2, norm="batch"), Dense(size=9, bias=True), Dense(size=4)],
    ],
    ids=["plain", "biased"],
)
def test_feed_forward_streams_give_the_aligned_answers(
    layers: list[LayerSpec], readout: str
) -> None:
    result = streamed(layers, gap=0, readout=readout)
    assert result.identical
    assert (result.samples, result.columns, result.reset_interval) == (12, 96, 8)
    assert result.busy_samples > 0


@pytest.mark.parametrize(
    "layer", [Dense(size=30, recurrent=True), Dense(size=30, max_delay=6)], ids=["back", "delayed"]
)
def test_currents_in_flight_leak_into_the_next_sample_unless_a_gap_lets_them_die(
    layer: Dense,
) -> None:
    leaking = streamed([layer, Dense(size=4)], gap=0)
    assert leaking.spike_differences > 0
    assert not leaking.identical
    rested = streamed([layer, Dense(size=4)], gap=24)
    assert rested.busy_samples == 0
    assert rested.identical


def test_the_result_is_plain_json() -> None:
    import json

    table = json.loads(json.dumps(streamed([Dense(size=4)], gap=0).to_dict()))
    assert table["identical"] is True
    assert table["accuracy"]["samples"] == 12
