"""Spikes held as bits are the arrays that they stand for; nothing is unpacked before it is read."""

from __future__ import annotations

import io
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurodeploy import memory, recording
from neurodeploy.errors import CapacityError
from neurodeploy.recording import Joined, PackedSpikes, blocks, write_npy
from neurodeploy.trace import LayerTrace, Trace


def packed(spikes: NDArray[np.uint8], lanes: NDArray[np.intp] | None, width: int) -> PackedSpikes:
    """Put neuron n of ``spikes`` (batch, steps, neurons) into its lane, bit by bit."""
    batch, steps, neurons = spikes.shape
    bits = np.zeros((batch, steps, width // 8), np.uint8)
    for n in range(neurons):
        lane = n if lanes is None else int(lanes[n])
        bits[..., lane // 8] |= spikes[..., n] << (lane % 8)
    return PackedSpikes(bits, spikes.shape, lanes)


@given(
    st.integers(0, 3), st.integers(0, 5), st.integers(1, 70), st.integers(0, 2**32 - 1),
    st.booleans(), st.sampled_from([1, 64, 2**20]),
)  # fmt: skip
def test_bits_become_the_spikes_they_stand_for(
    batch: int, steps: int, neurons: int, seed: int, scattered: bool, block: int
) -> None:
    """Lanes in any order, with gaps; in blocks of any size."""
    rng = np.random.default_rng(seed)
    spikes = rng.integers(0, 2, (batch, steps, neurons), np.uint8)
    width = -(-neurons // 32) * 32
    lanes = rng.permutation(width)[:neurons].astype(np.intp) if scattered else None
    subject = packed(spikes, lanes, width)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "BLOCK", block)
        assert np.array_equal(subject.array(), spikes)
        parts = list(blocks(subject))
    assert np.array_equal(np.concatenate([*parts, np.zeros(0, np.uint8)]), spikes.reshape(-1))
    assert subject.dtype == subject.array().dtype == np.uint8
    assert np.array_equal(np.asarray(subject), spikes)
    assert np.array_equal(np.asarray(subject, np.int32), spikes)
    assert subject.reshape((batch * steps, neurons)).array().shape == (batch * steps, neurons)


def test_bits_take_an_eighth_of_the_memory() -> None:
    assert packed(np.ones((3, 4, 64), np.uint8), None, 64).nbytes == 3 * 4 * 64 // 8


@pytest.mark.parametrize("shape", [(0, 3), (2, 0, 3), (5,), (4, 3, 2)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_what_is_written_is_what_numpy_reads(
    shape: tuple[int, ...], dtype: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "BLOCK", 4)
    values = np.arange(np.prod(shape), dtype=dtype).reshape(shape)
    file, expected = io.BytesIO(), io.BytesIO()
    write_npy(file, values)
    np.save(expected, values)
    assert file.getvalue() == expected.getvalue()


def test_pieces_are_joined_along_the_first_axis() -> None:
    spikes = np.random.default_rng(1).integers(0, 2, (5, 3, 9), np.uint8)
    joined = Joined([packed(spikes[:2], None, 32), spikes[2:4], packed(spikes[4:], None, 32)])
    assert (joined.shape, joined.dtype) == (spikes.shape, spikes.dtype)
    assert np.array_equal(joined.array(), spikes)
    file = io.BytesIO()
    write_npy(file, joined)
    file.seek(0)
    assert np.array_equal(np.load(file), spikes)


def test_an_array_that_does_not_fit_is_refused_with_its_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 10**6)
    bits = np.broadcast_to(np.zeros(1, np.uint8), (2**20, 100, 8))
    with pytest.raises(CapacityError) as caught:
        PackedSpikes(bits, (2**20, 100, 64)).array()
    assert str(caught.value) == (
        "an array (1048576, 100, 64) needs 6.71 GB of memory, 1 MB are available "
        "and a tenth of it is spared; take it in "
        "parts, with blocks(), or record less"
    )


def traced() -> tuple[Trace, NDArray[np.uint8]]:
    spikes = np.random.default_rng(2).integers(0, 2, (2, 3, 40), np.uint8)
    layers: dict[str, Any] = {
        "a": {"s": packed(spikes, None, 64), "u": spikes.astype(np.int32)},
        "b": {"s": packed(1 - spikes, None, 64)},
    }
    return Trace(layers, lambda: None), spikes  # type: ignore[arg-type, return-value]


def test_a_trace_unpacks_on_access_and_keeps_the_latest_array_only() -> None:
    trace, spikes = traced()
    assert np.array_equal(trace["a"].s, spikes)
    assert trace["a"].s is trace["a"].s
    assert not trace["a"].s.flags.writeable
    kept = weakref.ref(trace["a"].s)
    assert np.array_equal(trace["a"].u, spikes)
    assert kept() is not None
    assert np.array_equal(trace["b"].s, 1 - spikes)
    assert kept() is None


def test_going_through_a_trace_holds_one_unpacked_array_at_a_time() -> None:
    trace, spikes = traced()
    flat = trace.flat()
    assert list(flat) == ["layer0_s", "layer0_u", "layer1_s"]
    assert "layer0_s" in flat
    assert "layer2_s" not in flat
    assert len(flat) == 3
    seen = []
    for name in flat:
        seen.append(weakref.ref(flat[name]))
        assert np.array_equal(flat[name], 1 - spikes if name == "layer1_s" else spikes)
    alive = [reference() is not None for reference in seen]
    assert alive == [False, True, True]  # u is the recorded array itself


def test_names_and_shapes_need_no_unpacking(monkeypatch: pytest.MonkeyPatch) -> None:
    trace, spikes = traced()
    monkeypatch.setattr(PackedSpikes, "array", lambda self: pytest.fail("unpacked"))
    assert repr(trace["a"]) == "LayerTrace(a: s, u)"
    assert {name: v.shape for name, v in trace.recorded().items()} == dict.fromkeys(
        ["layer0_s", "layer0_u", "layer1_s"], spikes.shape
    )
    with pytest.raises(AttributeError, match=r"'v' of a was not recorded, only s, u; ask for it"):
        _ = trace["a"].v
    assert LayerTrace("c", {}).arrays == {}
