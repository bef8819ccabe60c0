"""What the NetX reader makes of the ways in which a file may say something."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
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
    resonator,
    sdnn,
    source,
    weights,
    write_net,
)

import neurodeploy as nd
from neurodeploy.converters import netx
from neurodeploy.errors import NeurodeployWarning, OptionError

MAP = (2, 5, 4)
"""(C, H, W) of the input in front of convolutions; 3x3 kernels give (3, 3, 2)."""


@pytest.fixture
def net(tmp_path: Path) -> Callable[..., nd.Program]:
    """Write layers to a file and read it; warnings are errors."""

    def make(*layers: Layer | None, **options: Any) -> nd.Program:
        return netx.read(write_net(tmp_path / "x.net", *layers), **options)

    return make


@pytest.fixture
def noted(net: Callable[..., nd.Program]) -> Callable[..., tuple[nd.Program, list[str]]]:
    """As `net`, and the warnings without the name of the file."""

    def make(*layers: Layer | None, **options: Any) -> tuple[nd.Program, list[str]]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            program = net(*layers, **options)
        assert all(entry.category is NeurodeployWarning for entry in caught)
        notes = [str(entry.message).partition("x.net: ")[2] for entry in caught]
        return program, [note for note in notes if not re.match(r"\d+ findings?: ", note)]

    return make


def neuron_of(program: nd.Program, k: int = 0) -> Any:
    return program.populations[k].neuron


def synapse_of(program: nd.Program, k: int = 0) -> Any:
    return program.connections[k].synapse


# --- The chain -----------------------------------------------------------------------------------


def test_layers_with_neurons_are_named_in_order_and_flatten_is_not_counted(net: Any) -> None:
    program = net(source(*MAP), conv((3, 3, 2), 2), flatten(), dense(4, 18), dense(2, 4))
    assert program.names == ("layer0", "layer1", "layer2")
    assert [p.shape for p in program.populations] == [(3, 3, 2), (4,), (2,)]
    assert program.inputs == (nd.Input("input", MAP),)
    assert program.readout == nd.Readout("layer2", "s")
    assert program.metadata["source_format"] == "netx"
    assert program.metadata["source_file"] == "x.net"


def test_dense_first_file_takes_the_input_shape_from_the_weights(net: Any) -> None:
    assert net(dense(4, 6)).inputs == (nd.Input("input", (6,)),)


def test_input_layer_without_neurons_gives_the_shape_of_a_dense_input(net: Any) -> None:
    program = net(source(1, 2, 3), flatten(), dense(4, 6))
    assert program.inputs[0].shape == (1, 2, 3)


def test_input_shape_that_does_not_fit_the_weights_is_noted_and_dropped(noted: Any) -> None:
    program, notes = noted(source(7), dense(4, 6))
    assert program.inputs[0].shape == (6,)
    assert notes == ["layer/1: takes 6 inputs, the input shape (7,) is not used"]


def test_input_layer_without_neurons_in_the_middle_does_nothing(net: Any) -> None:
    assert net(dense(4, 6), source(9), dense(2, 4)) == net(dense(4, 6), dense(2, 4))


def test_dense_shape_may_be_any_product(net: Any) -> None:
    for shape in ([6], [6, 1, 1], [2, 3], 6):
        assert net(dense(6, 5, shape=shape)).populations[0].shape == (6,)


def test_type_may_be_a_scalar_text(net: Any) -> None:
    assert net(dense(4, 6, type=np.bytes_("dense"))) == net(dense(4, 6))
    kind = np.array([b"CUBA"])
    assert net(dense(4, 6, neuron=cuba(type=kind))) == net(dense(4, 6))


def test_row_of_weights_is_cut_into_the_rows_of_the_layer(net: Any) -> None:
    assert net(dense(6, 5, weight=weights(6, 5).reshape(-1))) == net(dense(6, 5))


def test_conv_first_without_input_layer_takes_netx_input_shape(net: Any) -> None:
    width_height_channels = MAP[::-1]
    program = net(conv((3, 3, 2), 2), input_shape=width_height_channels)
    assert program == net(source(*MAP), conv((3, 3, 2), 2))


def test_input_layer_of_the_file_wins_over_input_shape(net: Any) -> None:
    layers = source(*MAP), conv((3, 3, 2), 2)
    assert net(*layers, input_shape=(9, 9, 9)) == net(*layers)


def test_message_bits_are_what_the_caller_says(net: Any) -> None:
    assert net(dense(4, 6)).inputs[0].message_bits == 0
    assert net(dense(4, 6), input_message_bits=8).inputs[0].message_bits == 8


# --- skip_layers and num_layers ------------------------------------------------------------------

STACK = (
    source(*MAP, neuron=cuba()),
    conv((3, 3, 2), 2),
    flatten(),
    dense(4, 18),
)


@pytest.mark.parametrize(
    ("options", "shapes", "input_shape"),
    [
        ({}, [MAP, (3, 3, 2), (4,)], MAP),
        ({"skip_layers": 1}, [(3, 3, 2), (4,)], MAP),
        ({"skip_layers": 2}, [(4,)], (3, 3, 2)),
        ({"skip_layers": 3}, [(4,)], (3, 3, 2)),
        ({"num_layers": 1}, [MAP], MAP),
        ({"num_layers": 3}, [MAP, (3, 3, 2)], MAP),
        ({"num_layers": 99}, [MAP, (3, 3, 2), (4,)], MAP),
        ({"skip_layers": 1, "num_layers": 2}, [(3, 3, 2)], MAP),
    ],
)
def test_counts_are_groups_and_the_input_is_what_remains(
    net: Any, options: Any, shapes: Any, input_shape: Any
) -> None:
    program = net(*STACK, **options)
    assert [p.shape for p in program.populations] == shapes
    assert program.inputs[0].shape == input_shape
    assert program.names[0] == "layer0"
    assert {k: program.metadata[k] for k in options} == options


def test_gap_behind_the_chosen_layers_does_not_matter(net: Any) -> None:
    assert net(dense(4, 6), None, dense(2, 4), num_layers=1) == net(dense(4, 6))


def test_skipped_sigma_delta_layer_makes_the_input_graded(net: Any) -> None:
    layers = source(5, neuron=sdnn()), dense(4, 5, neuron=sdnn())
    assert net(*layers, skip_layers=1).inputs[0].message_bits == 16


def test_skipped_spiking_layer_makes_the_input_binary_whatever_the_caller_says(noted: Any) -> None:
    program, notes = noted(*STACK, skip_layers=1, input_message_bits=8)
    assert program.inputs[0].message_bits == 0
    assert notes == ["input_message_bits is 8, Lava takes 0 from the skipped layers"]


def test_damaged_layer_is_no_obstacle_when_it_is_not_chosen(net: Any) -> None:
    broken = dense(4, 6, weight=np.full((4, 6), np.nan))
    assert net(dense(6, 5), broken, num_layers=1) == net(dense(6, 5))
    assert net(broken, dense(2, 4), skip_layers=1).inputs[0].shape == (4,)


# --- Input blocks --------------------------------------------------------------------------------


def test_input_block_is_driven_directly_and_its_transform_is_metadata(net: Any) -> None:
    block = source(5, neuron=cuba(), weight=[36.0], bias=[34.0])
    program = net(block, dense(4, 5))
    assert program.connections[0] == nd.Connection("input", "layer0", nd.Direct(), port="a")
    assert (program.metadata["input_weight"], program.metadata["input_bias"]) == (36, 34)
    assert np.all(neuron_of(program).bias == 0)


def test_input_block_can_be_driven_at_its_bias(net: Any) -> None:
    program = net(source(5, neuron=cuba()), dense(4, 5), input_drive="bias")
    assert program.connections[0].port == "bias"


def test_sigma_delta_input_has_no_bias_to_drive(net: Any) -> None:
    with pytest.raises(OptionError, match="input_drive is 'bias', Delta inputs have a current"):
        net(source(5, neuron=sdnn()), input_drive="bias")


def test_input_block_of_two_axes_is_one_channel(net: Any) -> None:
    threshold = np.arange(12).reshape(4, 3)  # (W, H) in Lava
    program = net(source(3, 4, neuron=cuba(vThMant=threshold)))
    assert program.populations[0].shape == (1, 3, 4)
    assert np.array_equal(neuron_of(program).threshold, threshold.T[None])


# --- Neurons -------------------------------------------------------------------------------------


def test_legacy_neuron_keys_are_read(net: Any) -> None:
    legacy = cuba(type="LOIHI", scaleRho=0.1, tauRho=0.5, theta=2560, wgtExp=0)
    assert net(dense(4, 6, neuron=legacy)) == net(dense(4, 6))


def test_dense_without_neuron_integrates_and_is_read_by_v(net: Any) -> None:
    program = net(dense(4, 6, neuron=None, bias=[5, 6, 7, 8]))
    assert neuron_of(program) == nd.Integrator(0, 4096, [5, 6, 7, 8])
    assert program.readout == nd.Readout("layer0", "v")


def test_threshold_that_slayer_writes_for_affine_layers_means_an_integrator(net: Any) -> None:
    program = net(dense(4, 6, neuron=cuba(vThMant=2**18 - 1)))
    assert neuron_of(program) == nd.Integrator(1024, 128)


def test_last_layer_with_the_largest_threshold_is_read_by_v(net: Any) -> None:
    program = net(dense(4, 6, neuron=cuba(vThMant=131071)))
    assert isinstance(neuron_of(program), nd.CubaLif)
    assert program.readout.variable == "v"


def test_sigma_delta_family(net: Any) -> None:
    program = net(
        source(5, neuron=sdnn(vThMant=3)),
        dense(4, 5, neuron=sdnn(vThMant=[7]), bias=[1, 2, 3, 4]),
        dense(2, 4, neuron=sdnn(sigma_output=True)),
        spike_exp=4,
    )
    assert [p.neuron for p in program.populations] == [
        nd.Delta(3, spike_exp=4),
        nd.SigmaDelta(7, [1, 2, 3, 4], spike_exp=4),
        nd.Sigma(),
    ]
    assert program.readout.variable == "sigma"


def test_presence_of_sigma_output_counts_not_its_value(net: Any) -> None:
    assert neuron_of(net(dense(2, 4, neuron=sdnn(sigma_output=False)))) == nd.Sigma()


def test_resonators_have_a_real_and_an_imaginary_connection(net: Any) -> None:
    program = net(complex_dense(4, 6))
    assert neuron_of(program) == nd.ResonateFire(1200, 3800, 5)
    assert [(c.port, c.group) for c in program.connections] == [("re", None), ("im", None)]
    assert np.array_equal(synapse_of(program, 0).weight, weights(4, 6))
    assert np.array_equal(synapse_of(program, 1).weight, -weights(4, 6))
    other = net(complex_dense(4, 6, neuron=resonator(type="RF_IZHIKEVICH", sinDecay=[1, 2, 3, 4])))
    assert neuron_of(other) == nd.ResonateFireIz([1, 2, 3, 4], 3800, 5)


PER_NEURON = np.arange(6) + 1000
FULL = np.arange(18).reshape(2, 3, 3) + 5
"""A (W, H, C) parameter of (3, 3, 2) neurons."""


@pytest.mark.parametrize(
    ("stored", "expected"),
    [(7, 7), ([7], 7), ([7] * 6, 7), (PER_NEURON, PER_NEURON), (PER_NEURON[None], PER_NEURON)],
)
def test_dense_parameter_is_spread_as_numpy_does(net: Any, stored: Any, expected: Any) -> None:
    neuron = neuron_of(net(dense(6, 5, neuron=cuba(iDecay=stored, vDecay=stored))))
    assert np.array_equal(neuron.current_decay, expected)
    assert np.array_equal(neuron.voltage_decay, expected)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (7, 7),
        ([7, 7, 7], 7),
        ([7, 8, 9], np.array([7, 8, 9]).reshape(3, 1, 1)),
        (FULL, FULL.T),
        (FULL[:1, :1], FULL[0, 0].reshape(3, 1, 1)),
        (FULL[:, :1, :1], np.broadcast_to(FULL[:, 0, 0], (3, 3, 2))),
    ],
)
def test_conv_parameter_is_per_channel_and_maps_are_turned(
    net: Any, stored: Any, expected: Any
) -> None:
    neuron = cuba(iDecay=stored, vDecay=stored, vThMant=stored)
    read = neuron_of(net(source(*MAP), conv((3, 3, 2), 2, neuron=neuron)))
    for value in (read.current_decay, read.voltage_decay, read.threshold):
        assert np.array_equal(value, expected)
        assert value.shape == np.shape(expected)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (5.0, 5),
        ([5.0], 5),
        ([5.0] * 6, 5),
        (PER_NEURON, PER_NEURON),
        (PER_NEURON[None], PER_NEURON),
    ],
)
def test_dense_bias(net: Any, stored: Any, expected: Any) -> None:
    assert np.array_equal(neuron_of(net(dense(6, 5, bias=stored))).bias, expected)


SQUARE = np.arange(9.0).reshape(3, 3)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ([5.0, 6.0, 7.0], np.array([5, 6, 7]).reshape(3, 1, 1)),
        (FULL, FULL.T),
        (SQUARE, np.broadcast_to(SQUARE.T[:, :, None], (3, 3, 2))),
    ],
)
def test_conv_bias_is_per_channel_or_full_or_what_numpy_spreads(
    net: Any, stored: Any, expected: Any
) -> None:
    program = net(source(*MAP), conv((3, 3, 2), 2, bias=stored))
    assert np.array_equal(neuron_of(program).bias, expected)


# --- Synapses ------------------------------------------------------------------------------------

ROWS = np.arange(6)
COLUMNS = np.arange(5)
MATRIX = np.arange(30).reshape(6, 5)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (np.float32(3), np.full((6, 1), 3)),
        (3, np.full((6, 1), 3)),
        (ROWS, ROWS[:, None]),
        (COLUMNS, COLUMNS[None]),
        (MATRIX, MATRIX),
        (np.zeros(6), None),
        (np.broadcast_to(ROWS[:, None], (6, 5)), ROWS[:, None]),
    ],
)
def test_delay_shapes(net: Any, stored: Any, expected: Any) -> None:
    delay = synapse_of(net(dense(6, 5, delay=stored))).delay
    assert (delay is None) == (expected is None)
    assert expected is None or np.array_equal(delay, expected)


def test_delay_vector_of_a_square_layer_is_per_output(net: Any) -> None:
    assert synapse_of(net(dense(6, 6, delay=ROWS))).delay.shape == (6, 1)


@pytest.mark.parametrize(
    ("stored", "expected", "note"),
    [
        (ROWS + 0.75, ROWS, "6 of 6 values are not whole, Lava truncates them toward zero"),
        (ROWS - 0.75, [0, 0, 1, 2, 3, 4], "(-0.75 becomes 0)"),
        ([70, -3, 0, 1, 2, 3], [62, 0, 0, 1, 2, 3], "holds 70, Lava clips delays to 0 to 62"),
    ],
)
def test_delays_out_of_range_do_as_lava_does_and_warn(
    noted: Any, stored: Any, expected: Any, note: str
) -> None:
    program, notes = noted(dense(6, 5, delay=stored))
    assert np.array_equal(synapse_of(program).delay[:, 0], expected)
    assert len(notes) == 1
    assert notes[0].startswith("layer/0/delay: ")
    assert note in notes[0]


def test_recurrent_layer_is_a_feedback_connection_of_one_group(net: Any) -> None:
    program = net(recurrent(4, 6))
    forward, own = program.connections
    assert (forward.feedback, own.feedback) == (False, True)
    assert (own.source, own.target) == ("layer0", "layer0")
    assert forward.group == own.group == "layer0"
    flat = recurrent(4, 6, weight=weights(4, 6).ravel(), weight_rec=weights(4, 4).ravel())
    assert net(flat) == program


def test_recurrent_layer_with_delays_is_read_with_the_weights_that_lava_runs(noted: Any) -> None:
    weight, own = weights(4, 4), -weights(4, 4)
    program, notes = noted(recurrent(4, 4, weight=weight, weight_rec=own, delay=[0, 1, 2, 3]))
    assert np.array_equal(synapse_of(program, 0).weight, 2 * weight)
    assert np.array_equal(synapse_of(program, 1).weight, 2 * own)
    assert np.array_equal(synapse_of(program, 1).delay, [[0], [1], [2], [3]])
    assert notes == [
        "layer/0/delay: is set on dense_rec, where Lava drops the exponent of the weights: all act "
        "2 times larger, and are read so"
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"stride": 1, "padding": 0, "dilation": 1},
        {"weight": weights(3, 2, 3, 3)[..., None]},
        {"weight": weights(3, 2, 3, 3)[..., None, None]},
    ],
)
def test_conv_of_older_files_is_the_same(net: Any, changes: Layer) -> None:
    assert net(source(*MAP), conv((3, 3, 2), 2, **changes)) == net(source(*MAP), conv((3, 3, 2), 2))


def test_conv_geometry_is_height_before_width(net: Any) -> None:
    layer = conv((3, 3, 3), 2, weight=weights(3, 2, 3, 2), stride=[2, 3], padding=[1, 2])
    synapse = synapse_of(net(source(*MAP), layer))
    assert (synapse.stride, synapse.padding, synapse.dilation) == ((2, 3), (1, 2), (1, 1))


def test_conv_kernel_with_more_channels_than_lava_reads_is_cut(noted: Any) -> None:
    kernel = weights(4, 2, 3, 3)
    layer = conv((4, 3, 2), 2, weight=kernel, groups=2)
    program, notes = noted(source(*MAP), layer)
    assert np.array_equal(synapse_of(program).weight, kernel[:, :1])
    assert notes == ["layer/1/weight: has 2 input channels per group, Lava reads the first 1"]


# --- What Lava ignores or changes is said --------------------------------------------------------


def _odd(low: int, high: int) -> Array:
    return np.random.default_rng(4).integers(low, high, (4, 6)).astype(np.float32)


@pytest.mark.parametrize(
    ("layers", "note"),
    [
        (
            [dense(4, 6, weight=weights(4, 6) + 0.5)],
            "layer/0/weight: 24 of 24 values are not whole, Lava truncates them toward zero",
        ),
        (
            [dense(4, 6, neuron=cuba(refDelay=3))],
            "layer/0/neuron/refDelay: is 3, which is ignored: Lava has no refractory period",
        ),
        (
            [dense(4, 6, neuron=cuba(gradedSpike=True))],
            "layer/0/neuron/gradedSpike: is True, which is ignored: Lava sends 0/1 spikes",
        ),
        (
            [dense(4, 6, neuron=cuba(weight_exp=2))],
            "layer/0/neuron/weight_exp: is 2, which is ignored: Lava uses the weights as they are",
        ),
        (
            [dense(4, 6, neuron=sdnn(activation="tanh"))],
            "layer/0/neuron/activation: is 'tanh', which is ignored: Lava runs ReLU",
        ),
        (
            [dense(4, 6, neuron=cuba(iDecay=5000))],
            "layer/0/neuron/iDecay: holds 5000, the chip has 0 to 4096; Lava runs it",
        ),
        (
            [dense(4, 6, neuron=cuba(vDecay=-1))],
            "layer/0/neuron/vDecay: holds -1, the chip has 0 to 4096; Lava runs it",
        ),
        (
            [dense(4, 6, neuron=cuba(vThMant=200000))],
            "layer/0/neuron/vThMant: holds 200000, the chip has 0 to 131071; Lava runs it",
        ),
        (
            [dense(4, 6, neuron=cuba(vThMant=np.full(4, 80, np.uint8)))],
            "layer/0/neuron/vThMant: is stored as uint8, in which Lava's shift by 6 bits "
            "overflows: 80 becomes 0",
        ),
        (
            [dense(4, 6, bias=np.array([0, 0, 40000, 0]))],
            "layer/0/bias: holds 40000, Lava wraps it to 16 bits: -25536",
        ),
        (
            [complex_dense(4, 6, neuron=resonator(type="ADRF_PHASE", thDecay=1))],
            "layer/0/neuron/type: is 'ADRF_PHASE', Lava runs it as plain RF_PHASE",
        ),
        (
            [complex_dense(4, 6, neuron=resonator(messageBits=8))],
            "layer/0/neuron/messageBits: is ignored by Lava for RF_PHASE neurons",
        ),
        (
            [complex_dense(4, 6, bias=[1, 2, 3, 4])],
            "layer/0/bias: is ignored by Lava in a layer of resonators",
        ),
        (
            [source(*MAP), conv((3, 3, 2), 2, delay=[1, 2, 3])],
            "layer/1/delay: is ignored, Lava has no delays in convolutions",
        ),
        (
            [source(*MAP), conv((3, 3, 2), 2, weight=weights(3, 2, 3, 3) * 9)],
            "layer/1/weight: spans -504 to 882, more than 8 bits; Lava's CPU model runs it, a chip "
            "does not",
        ),
        (
            [dense(4, 6, weight_scale=1)],
            "layer/0: has weight_scale, which Lava does not read; ignored",
        ),
        (
            [dense(4, 6), average(2)],
            "layer/1/type: is 'average', which Lava cannot load; the read-out sums 4 outputs in 2 "
            "groups of 2",
        ),
        (
            [source(1, 4, 4), pool((1, 2, 2))],
            "layer/1/type: is 'pool', which Lava cannot load; read as a convolution in 1 groups, "
            "as which it is written too",
        ),
    ],
)
def test_what_lava_ignores_or_changes_is_said_once(
    noted: Any, layers: list[Layer], note: str
) -> None:
    _, notes = noted(*layers)
    assert len(notes) == 1
    assert notes[0].startswith(note)


@pytest.mark.parametrize(
    ("weight", "note"),
    [
        (
            -np.full((4, 6), 128),
            "24 of 24 weights act otherwise than stored, most of all -128 as 0",
        ),
        (np.full((4, 6), 256), "24 of 24 weights act otherwise than stored, most of all 256 as 0"),
        (np.arange(-300, -276).reshape(4, 6), "most of all -300 as 0 at [0, 0]"),
        (np.append(np.full(23, -100), 300).reshape(4, 6), "most of all 300 as 254 at [3, 5]"),
        (np.append(np.full(23, -129), 0).reshape(4, 6), "most of all -129 as 0 at [0, 0]"),
    ],
)
def test_weights_that_lava_changes_are_named_with_the_amount(
    noted: Any, weight: Array, note: str
) -> None:
    program, notes = noted(dense(4, 6, weight=weight))
    assert len(notes) == 1
    assert notes[0].startswith("layer/0/weight: ")
    assert note in notes[0]
    assert notes[0].endswith("weights 'lava' reproduces it, 'exact' runs what is stored")
    assert np.array_equal(synapse_of(program).weight, weight)


def test_each_half_of_a_recurrent_layer_is_checked(noted: Any) -> None:
    inhibition = -128 * (1 - np.eye(4))
    _, notes = noted(recurrent(4, 6, weight=weights(4, 6) // 2, weight_rec=inhibition))
    assert len(notes) == 1
    assert notes[0].startswith("layer/0/weight_rec: 12 of 16 weights act otherwise")


def test_each_half_of_a_complex_layer_is_checked(noted: Any) -> None:
    parts = {"real": weights(4, 6), "imag": np.full((4, 6), -64)}
    _, notes = noted(complex_dense(4, 6, weight=parts))
    assert len(notes) == 1
    assert notes[0].startswith("layer/0/weight/imag: 24 of 24 weights")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_message_bits": 33}, "input_message_bits is 33, allowed are 0 to 32"),
        ({"input_message_bits": 1.5}, "input_message_bits is 1.5, expected a whole number"),
        ({"input_drive": "voltage"}, "input_drive is 'voltage', expected one of current, bias"),
        ({"input_shape": (3, 4)}, "input_shape is (3, 4), expected (N,) or, as in netx, (width,"),
        ({"input_shape": (3, 4, 0)}, "input_shape is 0, allowed are 1 to 2147483647"),
        ({"skip_layers": -1}, "skip_layers is -1, allowed are 0 to 2147483647"),
        ({"num_layers": 0}, "num_layers is 0, allowed are 1 to 2147483647"),
        ({"spike_exp": True}, "spike_exp is True, expected a whole number"),
    ],
)
def test_options_are_checked(net: Any, options: Any, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        net(dense(4, 6), **options)
    assert str(caught.value).startswith(message)
