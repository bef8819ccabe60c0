"""Layers: what they say about themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from neurodeploy.errors import ProgramError  # noqa: E402  (needs torch)
from neurodeploy.synapse import Conv2d  # noqa: E402
from neurodeploy.train import connected  # noqa: E402
from neurodeploy.train.network import Network  # noqa: E402
from neurodeploy.train.specs import Conv, Dense, Neuron  # noqa: E402


def conv_layer(spec: Conv, source: tuple[int, int, int]) -> Any:
    generator = torch.Generator().manual_seed(1)
    return connected.ConvLayer("maps", spec, Neuron(), source, 1.0, True, generator)


@given(
    st.integers(1, 3), st.integers(1, 4), st.integers(1, 3), st.integers(0, 3), st.integers(1, 2),
    st.integers(5, 9), st.integers(5, 9),
)  # fmt: skip
def test_shape_of_a_convolution_is_that_of_its_synapse(
    groups: int, kernel: int, stride: int, padding: int, dilation: int, height: int, width: int
) -> None:
    spec = Conv(
        channels=2 * groups, kernel=kernel, stride=stride, padding=padding, dilation=dilation,
        groups=groups,
    )  # fmt: skip
    source = (groups, height, width)
    weight = np.zeros((2 * groups, 1, kernel, kernel), int)
    try:
        expected = Conv2d(weight, stride, padding, dilation, groups).output_shape(source)
    except ProgramError as error:
        with pytest.raises(ProgramError) as found:
            conv_layer(spec, source)
        assert str(found.value) == str(error)
        return
    assert conv_layer(spec, source).shape == expected


def test_shape_of_a_convolution_makes_no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = conv_layer(Conv(channels=8, kernel=3), (4, 9, 9))

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a tensor was made")

    monkeypatch.setattr(torch, "zeros", refuse)
    monkeypatch.setattr(Conv2d, "__post_init__", refuse)
    assert layer.shape == (8, 7, 7)


def test_chain_knows_its_layers_and_keeps_their_names() -> None:
    network = Network((1, 6, 6), [Conv(channels=2, kernel=3), Dense(size=3)])
    assert [layer.name for layer in network.layers] == ["hidden1", "output"]
    assert {name.split(".")[1] for name in network.state_dict()} == {"0", "1"}
