"""Pools: populations of their own, sums folded into the next layer, and population read-outs."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from netx_files import (
    Array,
    Layer,
    average,
    complex_dense,
    conv,
    cuba,
    dense,
    flatten,
    pool,
    recurrent,
    source,
    weights,
    write_net,
)

import neurodeploy as nd
from neurodeploy.accuracy import scores
from neurodeploy.converters import netx
from neurodeploy.errors import NeurodeployWarning

PASS = cuba(iDecay=4096, vDecay=4096, vThMant=2**18 - 1)
"""Neurons whose u is the current."""


@pytest.fixture
def net(tmp_path: Path) -> Callable[..., nd.Program]:
    def make(*layers: Layer, **options: Any) -> nd.Program:
        path = write_net(tmp_path / "x.net", *layers)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NeurodeployWarning)
            return netx.read(path, **options)

    return make


def events(*shape: int) -> Array:
    return np.random.default_rng(sum(shape)).integers(0, 2, (7, *shape))


def current(program: nd.Program, x: Array, k: int) -> Array:
    """u / 64 of population k, which is its current where PASS stands."""
    trace = nd.simulate(program, x, record=("u",), engine="reference")
    return np.asarray(trace[k].u) >> 6


def summed(x: Array, window: tuple[int, int]) -> Array:
    """Sums over windows side by side of maps (..., H, W), one after another."""
    high, wide = (n // k for n, k in zip(x.shape[-2:], window, strict=True))
    result = np.zeros((*x.shape[:-2], high, wide), np.int64)
    for i in range(high):
        for j in range(wide):
            rows = slice(i * window[0], (i + 1) * window[0])
            columns = slice(j * window[1], (j + 1) * window[1])
            result[..., i, j] = x[..., rows, columns].sum((-1, -2))
    return result


@pytest.mark.parametrize(
    "weight",
    [64.0, np.full((1, 1, 2, 2), 64.0), np.full((1, 1, 2, 2, 1), 64.0), np.full((2, 2), 64)],
    ids=["number", "as slayer", "with time", "taps"],
)
def test_a_pool_is_a_population_with_its_own_weight(weight: Any, net: Any) -> None:
    program = net(source(3, 4, 6), pool((3, 2, 3), weight=weight, neuron=PASS))
    x = events(3, 4, 6)
    assert np.array_equal(current(program, x, 0), 64 * summed(x, (2, 2)))
    assert program.connections[0].synapse.groups == 3


def test_a_pool_has_its_own_threshold_wherever_it_stands(net: Any) -> None:
    program = net(
        source(2, 6, 6),
        conv((2, 6, 6), 2, padding=1),
        pool((2, 3, 3), neuron=cuba(vThMant=100)),
        conv((1, 1, 1), 2),
        pool((1, 1, 1), 1, neuron=cuba(vThMant=7)),
    )
    assert [p.shape for p in program.populations] == [(2, 6, 6), (2, 3, 3), (1, 1, 1), (1, 1, 1)]
    assert [int(p.neuron.threshold) for p in program.populations] == [40, 100, 40, 7]
    assert program.readout == nd.Readout("layer3")


def test_geometry_of_a_pool(net: Any) -> None:
    layer = pool((1, 3, 2), 2, kernelSize=[2, 3], weight=3.0, stride=[2, 3], padding=[1, 0])
    synapse = net(source(1, 5, 7), layer).connections[0].synapse
    assert synapse == nd.Conv2d(np.full((1, 1, 2, 3), 3), (2, 3), (1, 0), (1, 1), 1)
    layer = pool((1, 2, 3), weight=-2.0, stride=1, dilation=[2, 3], neuron=cuba())
    synapse = net(source(1, 4, 6), layer).connections[0].synapse
    assert synapse == nd.Conv2d(np.full((1, 1, 2, 2), -2), (1, 1), (0, 0), (2, 3), 1)


def test_a_map_that_the_window_does_not_divide_ends_in_zeros_as_in_lava_dl(net: Any) -> None:
    """lava-dl appends H mod k rows; a file that leaves them out says so by its shape."""
    x = events(2, 5, 7)
    longer = np.pad(x, ((0, 0), (0, 0), (0, 1), (0, 1)))
    program = net(source(2, 5, 7), pool((2, 3, 4), neuron=PASS))
    assert np.array_equal(current(program, x, 0), 64 * summed(longer, (2, 2)))
    program = net(source(2, 5, 7), pool((2, 2, 3), neuron=PASS))
    assert np.array_equal(current(program, x, 0), 64 * summed(x, (2, 2)))


@pytest.mark.parametrize(
    ("shape", "target", "changes", "mixes"),
    [
        ((2, 4, 4), (2, 2, 2), {}, False),
        ((2, 5, 4), (2, 2, 2), {}, False),
        ((2, 5, 4), (2, 3, 2), {}, False),
        ((2, 4, 4), (2, 3, 3), {"stride": 1}, True),
        ((2, 4, 4), (2, 3, 3), {"padding": 1}, True),
        ((2, 4, 4), (2, 1, 1), {"stride": 3}, True),
        ((1, 4, 4), (1, 3, 3), {"stride": 1}, False),
    ],
)
def test_windows_that_mix_channels_in_lava_dl_are_said(
    shape: tuple[int, ...],
    target: tuple[int, int, int],
    changes: Layer,
    mixes: bool,
    tmp_path: Path,
) -> None:
    path = write_net(tmp_path / "x.net", source(*shape), pool(target, **changes))
    with pytest.warns(NeurodeployWarning) as caught:
        netx.read(path)
    said = [str(entry.message) for entry in caught]
    assert any("mixes neighbouring channels" in text for text in said) == mixes


def test_a_pool_is_written_as_the_convolution_that_it_is(net: Any, tmp_path: Path) -> None:
    program = net(source(2, 4, 4), pool((2, 2, 2), neuron=cuba(vThMant=100)))
    nd.save(program, tmp_path / "y.net")
    assert netx.read(tmp_path / "y.net") == program


WINDOWS = [(1, 1), (2, 2), (2, 3), (3, 1)]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("weight", [None, 3.0])
@pytest.mark.parametrize("first", [True, False])
def test_sums_fold_into_a_dense_layer(
    window: tuple[int, int], weight: float | None, first: bool, net: Any
) -> None:
    """What no whole window covers is left out, as the sums leave it out."""
    shape = (2, 7, 8)
    sums = (2, 7 // window[0], 8 // window[1])
    size = int(np.prod(sums))
    bare = pool(sums, weight=weight, kernelSize=window, stride=window, neuron=None)
    front = [source(*shape)] if first else [source(*shape, neuron=cuba())]
    last = dense(4, size, neuron=PASS)
    program = net(*front, bare, flatten(), last)
    x = events(*shape)
    fed = x if first else np.asarray(nd.simulate(program, x, engine="reference")[0].s)
    expected = (weight or 1) * summed(fed, window).reshape(7, -1) @ last["weight"].T
    assert np.array_equal(current(program, x, 0 if first else 1), expected)
    k = len(program.populations) - 1
    assert program.metadata[f"pooled_from.layer{k}"] == f"{window[0]}x{window[1]}"


@given(
    window=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    padding=st.integers(0, 2),
    groups=st.sampled_from([1, 2]),
)
def test_sums_fold_into_a_convolution(
    tmp_path_factory: pytest.TempPathFactory,
    window: tuple[int, int],
    kernel: tuple[int, int],
    stride: int,
    dilation: int,
    padding: int,
    groups: int,
) -> None:
    """The convolution of the sums and the folded one of the map give the same currents."""
    shape, sums = (2, 6 * window[0], 5 * window[1]), (2, 6, 5)
    weight = weights(4, 2 // groups, *kernel)
    options = {
        "weight": weight,
        "stride": [stride, stride],
        "padding": [padding, padding],
        "dilation": [dilation, dilation],
        "groups": groups,
        "neuron": PASS,
    }
    plain = nd.Conv2d(weight.astype(int), (stride,) * 2, (padding,) * 2, (dilation,) * 2, groups)
    target = plain.output_shape(sums)
    bare = pool(sums, weight=2.0, kernelSize=window, stride=window, neuron=None)
    folder = tmp_path_factory.mktemp("fold")
    layer = conv(target, 2, **options)
    folded = write_net(folder / "a.net", source(*shape), bare, layer)
    direct = write_net(folder / "b.net", source(*sums), layer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeurodeployWarning)
        both = netx.read(folded), netx.read(direct, input_message_bits=8)
    x = events(*shape)
    assert np.array_equal(current(both[0], x, 0), current(both[1], 2 * summed(x, window), 0))


def test_sums_fold_with_delays_and_into_recurrent_and_complex_layers(net: Any) -> None:
    front, bare = source(1, 4, 4), pool((1, 2, 2), weight=None, neuron=None)
    delay = np.array([0.0, 3, 1, 2])
    program = net(front, bare, flatten(), dense(3, 4, delay=delay))
    expected = np.repeat(np.repeat(delay.reshape(2, 2), 2, 0), 2, 1).reshape(1, 16)
    assert np.array_equal(program.connections[0].synapse.delay, np.broadcast_to(expected, (3, 16)))
    for layer in (recurrent(3, 4), complex_dense(3, 4)):
        program = net(front, bare, flatten(), layer)
        assert program.connections[0].synapse.weight.shape == (3, 16)
    assert program.connections[1].synapse.weight.shape == (3, 16)


def test_whole_maps_are_read_out_by_a_pool_without_neurons_at_the_end(net: Any) -> None:
    program = net(
        source(2, 5, 4),
        conv((3, 3, 2), 2),
        pool((3, 1, 1), kernelSize=[3, 2], neuron=None, weight=None, stride=[3, 2]),
    )
    assert program.readout == nd.Readout("layer0", pool=6)
    assert program.classes == 3


# --- Population read-outs ------------------------------------------------------------------------


def test_average_sums_groups_of_outputs_in_the_order_of_lava_dl(net: Any) -> None:
    """lava-dl: x.reshape(N, groups, -1, T).mean(2); the largest mean is the largest sum."""
    program = net(dense(6, 5), average(2))
    assert program.readout == nd.Readout("layer0", pool=3)
    assert program.classes == 2
    spikes = np.random.default_rng(3).integers(0, 2, (4, 9, 5))
    trace = nd.simulate(program, spikes)
    means = np.asarray(trace[0].s).transpose(0, 2, 1).reshape(4, 2, -1, 9).mean(2).sum(-1)
    assert np.array_equal(scores(program, trace), np.rint(3 * means))


@pytest.mark.parametrize("shape", [[2, 1, 1], [2], np.int64(2)])
def test_shapes_of_an_average(shape: Any, net: Any) -> None:
    layer = {"type": "average", "shape": np.atleast_1d(shape)}
    assert net(dense(6, 5), layer).readout.pool == 3


def test_group_of_one_is_a_plain_readout(net: Any) -> None:
    assert net(dense(6, 5), average(6)).readout == nd.Readout("layer0")


def test_averages_of_averages(net: Any) -> None:
    assert net(dense(12, 5), average(6), average(2)).readout == nd.Readout("layer0", pool=6)


def test_average_reads_out_what_the_last_layer_means(net: Any) -> None:
    assert net(dense(6, 5, neuron=None), average(2)).readout == nd.Readout("layer0", "v", pool=3)
    program = net(source(2, 5, 4), conv((3, 3, 2), 2), flatten(), average(3))
    assert program.readout == nd.Readout("layer0", pool=6)


def test_average_can_be_left_out(net: Any) -> None:
    assert net(dense(6, 5), average(2), num_layers=1).readout == nd.Readout("layer0")


def test_average_is_written_back(net: Any, tmp_path: Path) -> None:
    program = net(dense(6, 5), average(2))
    nd.save(program, tmp_path / "y.net")
    with pytest.warns(NeurodeployWarning, match="the read-out sums 6 outputs in 2 groups of 3"):
        assert netx.read(tmp_path / "y.net") == program


# --- Recurrent delays ----------------------------------------------------------------------------


@pytest.mark.parametrize("forward", [None, np.array([2.0, 0, 1])])
def test_recurrent_delays_are_carried(forward: Array | None, net: Any) -> None:
    changes = {} if forward is None else {"delay": forward}
    program = net(recurrent(3, 5, delay_rec=np.array([3.0, 0, 9]), **changes))
    first, own = (connection.synapse for connection in program.connections)
    assert np.array_equal(own.delay, [[3], [0], [9]])
    assert np.array_equal(own.weight, weights(3, 3))
    if forward is None:
        assert first.delay is None
    else:
        assert np.array_equal(first.delay, [[2], [0], [1]])
