"""What the NetX reader refuses: one FormatError that names the item, the value and the limit."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from netx_files import (
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

from neurodeploy.converters import load, netx
from neurodeploy.converters.netx import source as netx_source
from neurodeploy.converters.netx import synapses
from neurodeploy.errors import FormatError, NeurodeployError, NeurodeployWarning

MAP = (2, 5, 4)
FRONT = source(*MAP)
OUT = (3, 3, 2)


def without(layer: Layer, *keys: str) -> Layer:
    return {key: value for key, value in layer.items() if key not in keys}


def neuron_without(key: str) -> Layer:
    return without(cuba(), key)


def refused(path: Path, **options: Any) -> str:
    """The message of the FormatError, without the name of the file."""
    with pytest.raises(FormatError) as caught:
        netx.read(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


WRONG: list[tuple[list[Layer | None], str]] = [
    # the chain
    ([], "layer: is empty, expected at least one layer"),
    ([source(5)], "layer: holds no neurons, expected at least one layer with some"),
    (
        [dense(4, 6), None, dense(2, 4)],
        "layer/1: is missing, layers are numbered 0 to 1 without a gap",
    ),
    ([None, dense(4, 6)], "layer/0: is missing, layers are numbered 0 to 0 without a gap"),
    ([without(dense(4, 6), "type")], "layer/0: has no 'type'"),
    (
        [dense(4, 6, type="Dense")],
        "layer/0/type: is 'Dense', expected input, flatten, dense, dense_rec, conv, pool, average",
    ),
    ([dense(4, 6), dense(2, 4, type="dense_comp")], "layer/1/type: is 'dense_comp', a complex la"),
    ([dense(4, 6), average(2), dense(2, 4)], "layer/2: follows an 'average' layer, which sums the"),
    (
        [dense(4, 6), average(3)],
        "layer/1/shape: is 3 groups, which do not divide the 4 neuron",
    ),
    ([dense(4, 6), {"type": "average"}], "layer/1: has no 'shape', which an average layer needs"),
    ([average(2)], "layer/0/type: is 'average' with no neurons before it"),
    ([dense(4, 6), {"type": "concat"}], "layer/1/type: is 'concat', a join of several layers, of"),
    ([dense(4, 6), {"type": "convT"}], "layer/1/type: is 'convT', a transposed convolution, which"),
    ([dense(4, 6), {"type": "unpool"}], "layer/1/type: is 'unpool', an unpooling, a transposed"),
    ([dense(4, 6), pool((1, 2, 2))], "layer/1: follows (4,), a convolution needs (C, H, W)"),
    ([FRONT, pool((2, 2, 1))], "layer/1/shape: is (2, 2, 1), the pool gives (2, 2, 2)"),
    ([FRONT, pool((2, 3, 3))], "layer/1/shape: is (2, 3, 3), the pool gives (2, 2, 2)"),
    ([FRONT, pool((2, 2, 2), 9)], "layer/1/shape: is (2, 2, 2), the pool gives None"),
    ([FRONT, pool((2, 2, 2), delay=np.ones(8))], "layer/1/delay: is set on a pool, which no syn"),
    ([FRONT, pool((2, 2, 2), weight=64.0, kernelSize=None)], "layer/1: has no 'kernelSize', which"),
    (
        [FRONT, pool((2, 2, 2), weight=np.ones(3))],
        "layer/1/weight: has shape (3,), expected one number or one for each of the taps (2, 2)",
    ),
    (
        [FRONT, pool((2, 2, 2), weight=np.ones((2, 1, 2, 2)))],
        "layer/1/weight: has shape (2, 1, 2, 2), expected one number or one for each of the taps",
    ),
    ([FRONT, pool((2, 2, 2), neuron=resonator())], "layer/1/neuron/type: is 'RF_PHASE', Lava runs"),
    (
        [FRONT, pool((2, 5, 4), 2, stride=[1, 1], neuron=None), conv(OUT, 2)],
        "layer/1: is a pool without neurons with windows (2, 2), stride (1, 1) and padding (0, 0)",
    ),
    (
        [FRONT, pool((2, 2, 2), neuron=None), pool((2, 1, 1))],
        "layer/2: follows a pool without neurons; make one pool of both",
    ),
    (
        [FRONT, pool((2, 2, 2), neuron=None), conv((2, 2, 2), 2, padding=1)],
        "layer/1: has windows of (2, 2) in (2, 5, 4) maps before a padded convolution, which only",
    ),
    (
        [FRONT, pool((2, 2, 2), neuron=None), flatten(), dense(3, 40)],
        "layer/3: takes 40 inputs, (2, 2, 2) sums come before it",
    ),
    (
        [FRONT, conv(OUT, 2), pool((3, 1, 1), neuron=None)],
        "layer/2: is a pool without neurons at the end that sums (2, 2) of (3, 3, 2); only whole",
    ),
    ([dense(4, 6, type=3)], "layer/0/type: has type int64, expected one text"),
    ([dense(4, 6, type=b"d" * 65)], "layer/0/type: is 65 bytes long, limit 64"),
    ([dense(4, 6, type="d" * 64 + "x")], "layer/0/type: is 'dddddddddd', expected"),
    (
        [dense(4, 6, neuron=cuba(type="C" * 65))],
        "layer/0/neuron/type: is 65 bytes long, limit 64",
    ),
    ([dense(4, 6, type=b"d\xffnse")], "layer/0/type: is b'd\\xffnse', expected ASCII text"),
    ([dense(4, 6, type={"a": 1})], "layer/0/type: is a group, expected values"),
    ([dense(4, 6, neuron=5)], "layer/0/neuron: is not a group"),
    ([dense(4, 6), dense(2, 5)], "layer/1: takes 5 inputs, (4,) neurons come before it"),
    ([dense(4, 6), flatten(), dense(2, 4)], "layer/2: follows (4,) neurons, Lava flattens (C, H"),
    (
        [FRONT, conv(OUT, 2), dense(2, 18)],
        "layer/2: follows (3, 3, 2) neurons, put a flatten layer before it",
    ),
    ([dense(4, 6), conv(OUT, 2)], "layer/1: follows (4,), a convolution needs (C, H, W)"),
    ([source(6), conv(OUT, 2)], "layer/1: follows (6,), a convolution needs (C, H, W)"),
    (
        [source(3, 4, neuron=cuba()), flatten(), dense(2, 12)],
        "layer/2: follows neurons of shape (H, W), which Lava passes on to nothing; write their",
    ),
    (
        [conv(OUT, 2)],
        "layer/0: is a convolution without an input layer before it; give its width, height "
        "and channels as input_shape",
    ),
    (
        [dense(4, 6), source(4, neuron=cuba()), dense(2, 4)],
        "layer/1/type: is 'input' with neurons behind other layers",
    ),
    # shapes
    ([without(dense(4, 6), "shape")], "layer/0: has no 'shape', which a dense layer needs"),
    ([dense(4, 6, shape=[4.0])], "layer/0/shape: is stored as float64, Lava stops at a float"),
    ([dense(4, 6, shape=[[4]])], "layer/0/shape: has shape (1, 1), expected one to three sizes"),
    ([dense(4, 6, shape=[-4])], "layer/0/shape: is (-4,), expected sizes above 0, at most"),
    ([dense(4, 6, shape=[2**30])], "layer/0/shape: is (1073741824,), expected sizes above 0, at"),
    ([source(2**24, 2**24, neuron=cuba())], "layer/0/shape: is (16777216, 16777216), expected"),
    ([source(1, 1, 5, 1, neuron=cuba())], "layer/0/shape: is (1, 1, 5, 1), expected (N,) or (C"),
    ([source(5, shape=5)], "layer/0/shape: has shape (), expected one to three sizes"),
    ([dense(7, 6, weight=weights(4, 6))], "layer/0/weight: has shape (4, 6), expected (7, inputs)"),
    ([dense(4, 6, weight=weights(4, 6)[..., None])], "layer/0/weight: has shape (4, 6, 1), expect"),
    ([dense(4, 6, weight=weights(23))], "layer/0/weight: has shape (23,), expected (4, inputs)"),
    ([dense(4, 6, weight=np.zeros((4, 0)))], "layer/0/weight: has shape (4, 0), expected (4, inp"),
    # numbers
    ([without(dense(4, 6), "weight")], "layer/0: has no 'weight', which a dense layer needs"),
    ([dense(4, 6, weight=np.full((4, 6), np.nan))], "layer/0/weight: holds nan, expected finite"),
    ([dense(4, 6, weight=np.full((4, 6), np.inf))], "layer/0/weight: holds inf, expected finite"),
    ([dense(4, 6, weight=np.full((4, 6), 1e12))], "layer/0/weight: holds 1e+12, allowed are -2147"),
    ([dense(4, 6, weight=np.ones((4, 6), complex))], "layer/0/weight: has type complex128, expec"),
    ([dense(4, 6, weight=np.full((4, 6), "x", "S1"))], "layer/0/weight: has type |S1, expected n"),
    ([dense(4, 6, weight=h5py.Empty("f4"))], "layer/0/weight: is empty, expected numbers"),
    ([dense(4, 6, weight=np.ones((1,) * 9))], "layer/0/weight: has 9 axes, limit 8"),
    (
        [dense(4, 6, weight=np.zeros((4, 6)))],
        "layer/0/weight: all weights are zero, which Lava cannot load",
    ),
    ([dense(4, 6, bias=[np.nan] * 4)], "layer/0/bias: holds nan, expected finite numbers"),
    ([dense(4, 6, bias=[1, 2, 3])], "layer/0/bias: has shape (3,), which does not fit (4,) neuro"),
    ([dense(4, 6, bias=[[1], [2], [3], [4]])], "layer/0/bias: has shape (4, 1), which does not f"),
    ([FRONT, conv(OUT, 2, bias=5.0)], "layer/1/bias: has shape (), expected (3,) or (2, 3, 3)"),
    ([FRONT, conv(OUT, 2, bias=[5.0])], "layer/1/bias: has shape (1,), expected (3,) or (2, 3, 3"),
    ([source(5, neuron=cuba(), weight=[1, 2])], "layer/0/weight: has shape (2,), expected one nu"),
    # delays
    ([dense(4, 6, delay=[-1, 0, 0, 0])], "layer/0/delay: holds -1, allowed are 0 to 62"),
    ([dense(4, 6, delay=[np.nan] * 4)], "layer/0/delay: is empty or not finite, expected 0 to 62"),
    ([dense(4, 6, delay=[])], "layer/0/delay: is empty or not finite, expected 0 to 62"),
    ([dense(4, 6, delay=[1])], "layer/0/delay: has shape (1,), expected (), (4,), (6,) or (4, 6)"),
    ([dense(4, 6, delay=[[1]] * 4)], "layer/0/delay: has shape (4, 1), expected (), (4,), (6,)"),
    # recurrent and complex
    ([without(recurrent(4, 6), "weight_rec")], "layer/0: has no 'weight_rec', which a dense_rec"),
    ([recurrent(4, 6, weight_rec=weights(4, 6))], "layer/0/weight_rec: has shape (4, 6), expecte"),
    ([recurrent(4, 6, weight_rec=weights(16))], "layer/0: weight and weight_rec differ in their a"),
    (
        [recurrent(4, 6, delay=[0, 1, 2, 3])],
        "layer/0/delay: is set on dense_rec with 6 inputs and 4 neurons, where Lava stops; only",
    ),
    (
        [
            recurrent(
                4, 4, weight=-np.full((4, 4), 64), weight_rec=-np.full((4, 4), 64), delay=[1] * 4
            )
        ],
        "layer/0/delay: is set on dense_rec, where Lava drops the exponent of the weights in a way",
    ),
    ([recurrent(4, 6, neuron=sdnn())], "layer/0: recurrent SDNN behind binary messages, where La"),
    ([complex_dense(4, 6, neuron=cuba())], "layer/0/neuron/type: is 'CUBA', a complex dense lay"),
    ([complex_dense(4, 6, neuron=None)], "layer/0: has no 'neuron', which a complex layer needs"),
    (
        [complex_dense(4, 6, weight={"imag": weights(4, 6)})],
        "layer/0: has no 'weight/real', which a dense layer needs",
    ),
    (
        [complex_dense(4, 6, weight={"real": weights(4, 6)})],
        "layer/0: has no 'weight', which a dense layer needs",
    ),
    (
        [complex_dense(4, 6, weight={"real": weights(4, 6), "imag": weights(4, 5)})],
        "layer/0/weight/imag: has shape (4, 5), weight/real has (4, 6)",
    ),
    (
        [complex_dense(4, 6, weight={"real": weights(4, 6), "imag": np.zeros((4, 6))})],
        "layer/0/weight/imag: all weights are zero, which Lava cannot load",
    ),
    ([dense(4, 6, neuron=resonator())], "layer/0/neuron/type: is 'RF_PHASE', Lava runs resonate-"),
    ([FRONT, conv(OUT, 2, neuron=resonator())], "layer/1/neuron/type: is 'RF_PHASE', Lava runs r"),
    ([source(5, neuron=resonator())], "layer/0/neuron/type: is 'RF_PHASE', Lava runs resonate-an"),
    (
        [complex_dense(4, 6, neuron=resonator(vThMant=[1, 2, 3, 4]))],
        "layer/0/neuron/vThMant: has shape (4,), expected one number",
    ),
    (
        [complex_dense(4, 6, neuron=resonator(vThMant=5.5))],
        "layer/0/neuron/vThMant: holds 5.5, which Lava runs as it is and a Program holds as a",
    ),
    # neurons
    (
        [dense(4, 6, neuron=cuba(type="ALIF"))],
        "layer/0/neuron/type: is 'ALIF', Lava loads CUBA, LOIHI, SDNN, RF_PHASE and RF_IZHIKEVICH",
    ),
    ([dense(4, 6, neuron=cuba(type="cuba"))], "layer/0/neuron/type: is 'cuba', Lava loads CUBA, L"),
    ([dense(4, 6, neuron=neuron_without("type"))], "layer/0/neuron: has no 'type'"),
    (
        [dense(4, 6, neuron=neuron_without("vThMant"))],
        "layer/0/neuron: has no 'vThMant', which CUBA neurons need",
    ),
    (
        [dense(4, 6, neuron=cuba(iDecay=1024.0))],
        "layer/0/neuron/iDecay: is stored as float64, Lava stops at a float here; store it as int",
    ),
    ([dense(4, 6, neuron=cuba(vThMant=10.0))], "layer/0/neuron/vThMant: is stored as float64, La"),
    ([dense(4, 6, neuron=cuba(iDecay=2**20))], "layer/0/neuron: CubaLif: current_decay holds 104"),
    ([dense(4, 6, neuron=cuba(vDecay=[1, 2]))], "layer/0/neuron/vDecay: has shape (2,), which do"),
    (
        [dense(4, 6, neuron=cuba(vThMant=[[1, 2, 3, 4]]))],
        "layer/0/neuron/vThMant: has shape (1, 4), which does not fit (4,) neurons",
    ),
    (
        [dense(4, 6, neuron=cuba(messageBits=8))],
        "layer/0/neuron/messageBits: is set, Lava stops at it; remove it from the file",
    ),
    ([dense(4, 6, neuron=sdnn(vThMant=[1, 2, 3, 4]))], "layer/0/neuron/vThMant: has shape (4,),"),
    ([dense(4, 6, neuron=sdnn(vThMant=0.5))], "layer/0/neuron/vThMant: holds 0.5, which Lava run"),
    (
        [dense(4, 6, neuron=sdnn(sigma_output=True), bias=[1, 2, 3, 4])],
        "layer/0/bias: is set, a sigma_output layer has none and Lava stops; remove it from the",
    ),
    # convolutions
    ([FRONT, conv(OUT, 2, neuron=None)], "layer/1: has no 'neuron', which a conv layer needs"),
    ([FRONT, conv(OUT, 2, stride=None)], "layer/1: has no 'stride', which a conv layer needs"),
    ([FRONT, conv((3, 3, 3), 2)], "layer/1/shape: is (3, 3, 3), the convolution gives (3, 3, 2)"),
    ([FRONT, conv((18,), 2, weight=weights(3, 2, 3, 3))], "layer/1/shape: is (18,), the convolut"),
    ([FRONT, conv(OUT, 1)], "layer/1/weight: has 1 input channels per group, 2 channels in 1 grou"),
    ([FRONT, conv(OUT, 2, weight=weights(3, 2, 9))], "layer/1/weight: has shape (3, 2, 9), expec"),
    (
        [FRONT, conv(OUT, 2, weight=weights(3, 2, 3, 3, 2))],
        "layer/1/weight: has shape (3, 2, 3, 3, 2), expected (Cout, Cin/groups, kH, kW)",
    ),
    ([FRONT, conv(OUT, 2, groups=2)], "layer/1/groups: is 2, which does not divide 2 input and 3"),
    ([FRONT, conv(OUT, 2, groups=128)], "layer/1/groups: is 128, allowed are 1 to 127 (Lava has 8"),
    ([FRONT, conv(OUT, 2, groups=1.0)], "layer/1/groups: is stored as float64, Lava stops at a f"),
    ([FRONT, conv(OUT, 2, stride=[0, 1])], "layer/1/stride: is 0, allowed are 1 to 127 (Lava has"),
    ([FRONT, conv(OUT, 2, stride=[1])], "layer/1/stride: has shape (1,), expected () or (height,"),
    ([FRONT, conv(OUT, 2, padding=[-1, 0])], "layer/1/padding: is -1, allowed are 0 to 127 (Lava"),
    ([FRONT, conv(OUT, 2, padding=[200, 0])], "layer/1/padding: is 200, allowed are 0 to 127"),
    ([FRONT, conv(OUT, 2, dilation=128)], "layer/1/dilation: is 128, allowed are 1 to 127 (Lava"),
    ([FRONT, conv(OUT, 2, dilation=9)], "layer/1: kernel reaches over 19 cells, source (2, 5, 4)"),
    (
        [source(1, 200, 4), conv((1, 1, 4), 1, weight=weights(1, 1, 200, 1))],
        "layer/1/weight kernel size: is 200, allowed are 1 to 127 (Lava has 8 bits)",
    ),
]


@pytest.mark.parametrize(("layers", "message"), WRONG, ids=[message for _, message in WRONG])
def test_file_that_lava_cannot_run_is_refused(
    layers: list[Layer | None], message: str, tmp_path: Path
) -> None:
    assert refused(write_net(tmp_path / "x.net", *layers)).startswith(message)


def test_more_layers_skipped_than_there_are(tmp_path: Path) -> None:
    path = write_net(tmp_path / "x.net", dense(4, 6))
    assert refused(path, skip_layers=1) == "skip_layers is 1, the file gives 1 layers"


# --- Files that are no NetX at all ---------------------------------------------------------------


def test_missing_file_directory_and_pipe(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.net") == "no such file"
    assert refused(tmp_path) == "is not a file"
    os.mkfifo(tmp_path / "pipe.net")
    assert refused(tmp_path / "pipe.net") == "is not a file"


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89HDF", b"\x00" * 4096])
def test_foreign_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.net"
    path.write_bytes(content)
    assert refused(path).startswith("is not an HDF5 file")


def test_hdf5_without_layers(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["other"] = 1
    expected = "has no group 'layer', expected a NetX network or a neurodeploy program"
    assert refused(tmp_path / "x.h5") == expected
    with h5py.File(tmp_path / "y.h5", "w") as file:
        file["layer"] = 1
    assert refused(tmp_path / "y.h5") == expected


def test_truncated_at_any_place(tmp_path: Path) -> None:
    whole = write_net(tmp_path / "x.net", dense(4, 6), dense(2, 4)).read_bytes()
    path = tmp_path / "cut.net"
    for size in range(8, len(whole), 257):
        path.write_bytes(whole[:size])
        assert "is damaged or truncated: " in refused(path)


# --- Hostile files -------------------------------------------------------------------------------


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write_net(tmp_path / "good.net", dense(4, 6))


def edit(path: Path, change: Callable[[Any], None]) -> Path:
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def replaced(path: Path, key: str, value: object) -> Path:
    def change(file: Any) -> None:
        del file[key]
        file[key] = value

    return edit(path, change)


@pytest.mark.parametrize("key", ["layer/0/weight", "layer/0/neuron", "layer/0/type", "layer/0"])
def test_links_are_not_followed(key: str, good: Path, tmp_path: Path) -> None:
    other = write_net(tmp_path / "other.net", dense(4, 6))
    expected = f"{key}: is a soft or external link, expected the object itself"
    assert refused(replaced(good, key, h5py.ExternalLink(str(other), key))) == expected
    assert refused(replaced(good, key, h5py.SoftLink("/layer"))) == expected


def test_group_that_contains_itself_is_just_wrong(good: Path) -> None:
    def change(file: Any) -> None:
        del file["layer/0/neuron"]
        file["layer/0/neuron"] = file["layer"]

    assert refused(edit(good, change)) == "layer/0/neuron: has no 'type'"


def test_values_in_other_files_are_not_read(good: Path, tmp_path: Path) -> None:
    def outside(file: Any) -> None:
        del file["layer/0/weight"]
        raw = [(str(tmp_path / "raw"), 0, 96)]
        file.create_dataset("layer/0/weight", (4, 6), "f4", external=raw)

    expected = "layer/0/weight: keeps its values in another file, expected them in this one"
    assert refused(edit(good, outside)) == expected

    def virtual(file: Any) -> None:
        del file["layer/0/weight"]
        layout = h5py.VirtualLayout((4, 6), "f4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.net"), "w", (4, 6))
        file.create_virtual_dataset("layer/0/weight", layout)

    assert refused(edit(write_net(good, dense(4, 6)), virtual)) == expected


def test_size_that_is_claimed_but_not_stored(good: Path) -> None:
    def change(file: Any) -> None:
        del file["layer/0/weight"]
        file.create_dataset("layer/0/weight", (2**30, 2**20), "f4", chunks=(2**10, 2**10))

    message = refused(edit(good, change))
    assert message.startswith("layer/0/weight: claims 4503599627370496 bytes of which 0 are stored")


def test_compressed_bomb(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(file: Any) -> None:
        del file["layer/0/weight"]
        zeros = np.zeros((2**10, 2**10), np.float32)
        file.create_dataset("layer/0/weight", data=zeros, compression="gzip", compression_opts=9)

    edit(good, change)
    monkeypatch.setattr(netx_source, "MAX_BYTES", 2**20)
    expected = "layer/0/weight: brings the arrays to 4194322 bytes, limit 1048576"
    assert refused(good) == expected


def test_too_many_entries(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netx_source, "MAX_KEYS", 3)
    assert refused(good) == "layer/0: holds 4 entries, limit 3"
    monkeypatch.setattr(netx_source, "MAX_LAYERS", 0)
    assert refused(good) == "layer: holds 1 entries, limit 0"


def test_more_neurons_than_a_chip_holds(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synapses, "MAX_SIZE", 3)
    assert refused(good) == "layer/0/shape: is (4,), expected sizes above 0, at most 3 neurons"


def test_objects_references_and_ragged_rows_are_not_numbers(good: Path) -> None:
    ragged = np.empty(4, object)
    ragged[:] = [np.arange(k + 1) for k in range(4)]

    def change(file: Any) -> None:
        del file["layer/0/weight"]
        kind = h5py.vlen_dtype(np.int32)
        file.create_dataset("layer/0/weight", data=ragged, dtype=kind)

    assert refused(edit(good, change)) == "layer/0/weight: has type object, expected numbers"

    def reference(file: Any) -> None:
        del file["layer/0/weight"]
        file["layer/0/weight"] = file["layer"].ref

    assert refused(edit(good, reference)) == "layer/0/weight: has type object, expected numbers"
    row = np.zeros(1, [("x", "f4")])
    expected = "layer/0/weight: has type [('x', '<f4')], expected numbers"
    assert refused(replaced(good, "layer/0/weight", row)) == expected


def test_names_that_are_no_text_do_not_break_the_message(good: Path) -> None:
    with h5py.File(good, "r+") as file:
        file["layer/0"].create_dataset("new\nline", data=1)
        file["layer/0"].create_dataset(b"\xff\xfe", data=1)
    with pytest.warns(NeurodeployWarning) as caught:
        netx.read(good)
    assert "\n" not in str(caught[0].message)
    assert "'new\\nline'" in str(caught[0].message)


def _heap(path: Path, length: int | None = None, zero: bool = False) -> None:
    """Damage the reference to the neuron's type, or the heap that holds the text."""
    data = bytearray(path.read_bytes())
    with h5py.File(path) as file:
        offset = file["layer/0/neuron/type"].id.get_offset()
    if length is not None:
        data[offset : offset + 4] = struct.pack("<I", length)
    if zero:  # an object of length 0 over the whole heap: libhdf5 walks on the spot for ever
        (address,) = struct.unpack("<Q", data[offset + 4 : offset + 12])
        data[address + 16 : address + 16 + 512] = struct.pack("<HHIQ", 9, 0, 0, 0) * 32
    path.write_bytes(data)


def test_length_of_a_text_is_not_trusted(good: Path) -> None:
    _heap(good, length=2**31)
    assert refused(good) == "layer/0/neuron/type: is 2147483648 bytes long, limit 64"


def test_damaged_heap_of_texts_does_not_hang(good: Path) -> None:
    _heap(good, zero=True)
    assert refused(good) == "layer/0/neuron/type: is lost, its heap is damaged"


def test_flipped_bytes_give_a_program_or_a_named_error(tmp_path: Path) -> None:
    """The short form of a long fuzz; each file is damaged at up to 20 places."""
    layers = source(*MAP), conv(OUT, 2, bias=[1, 2, 3]), flatten(), dense(4, 18, delay=[0, 1, 2, 3])
    whole = write_net(tmp_path / "x.net", *layers).read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "bad.net"
    outcomes = {"read": 0, "refused": 0}
    for _ in range(200):
        data = np.frombuffer(whole, np.uint8).copy()
        places = rng.integers(0, len(data), int(rng.choice([1, 2, 5, 20])))
        data[places] = rng.integers(0, 256, len(places))
        path.write_bytes(data.tobytes())
        outcomes[_outcome(path)] += 1
    assert min(outcomes.values()) > 25


def _outcome(path: Path) -> str:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            load(path)
        except NeurodeployError as error:
            assert "\n" not in str(error)
            return "refused"
    return "read"


def test_hostile_file_takes_no_memory(good: Path) -> None:
    """A claim of 2^50 values ends before it is believed, in a process that may not grow."""

    def change(file: Any) -> None:
        del file["layer/0/weight"]
        file.create_dataset("layer/0/weight", (2**25, 2**25), "f4", chunks=(2**14, 2**14))
        file["layer/0/weight"][0, 0] = 1.0

    edit(good, change)
    program = (
        "import resource, sys; from neurodeploy.converters import netx\n"
        "from neurodeploy.errors import FormatError\n"
        "limit = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + 2**28\n"
        "try: netx.read(sys.argv[1])\n"
        "except FormatError as error: print(error)\n"
        "assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < limit\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(good)], capture_output=True, text=True, check=True
    )
    assert "layer/0/weight: claims 4503599627370496 bytes of which" in done.stdout
