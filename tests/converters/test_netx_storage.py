"""The ways in which HDF5 can store the same values are all read, those of plug-ins refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from netx_files import cuba, dense, source, weights, write_net

import neurodeploy as nd
from neurodeploy.converters import netx
from neurodeploy.errors import FormatError

KEYS = ("layer/1/weight", "layer/1/bias", "layer/1/neuron/vThMant", "layer/1/neuron/type")
WEIGHT = "layer/1/weight"
LAYER = dense(4, 6, bias=np.full(4, 3.0), neuron=cuba(vThMant=np.full(4, 40)))


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return write_net(tmp_path / "x.net", source(6), LAYER)


def stored(path: Path, key: str, **how: Any) -> Path:
    """Write one dataset of a file again, in another way."""
    with h5py.File(path, "r+") as file:
        value = file[key][()]
        del file[key]
        file.create_dataset(key, data=value, **how)
    return path


FILTERS: dict[str, dict[str, Any]] = {
    "chunks": {"chunks": True},
    "gzip": {"compression": "gzip"},
    "gzip, shuffle, checksum": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "lzf": {"compression": "lzf"},
    "big endian": {"dtype": ">f4"},
    "half": {"dtype": "f2"},
    "double": {"dtype": "f8"},
    "int8": {"dtype": "i1"},
    "unsigned": {"dtype": ">u8"},
    "resizable": {"maxshape": (None, None)},
    "scale and offset": {"dtype": "i4", "scaleoffset": 0},
}


@pytest.mark.parametrize("how", FILTERS)
def test_storage_makes_no_difference(how: str, plain: Path) -> None:
    with h5py.File(plain, "r+") as file:
        file[WEIGHT][...] = np.abs(file[WEIGHT][...])
    expected = netx.read(plain)
    assert netx.read(stored(plain, WEIGHT, **FILTERS[how])) == expected


def made(file: Any, key: str, value: Any, change: Callable[[Any], object]) -> None:
    """Create a dataset with h5py's lower interface, for what the upper one does not offer."""
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    change(plan)
    kind = h5py.h5t.py_create(value.dtype, logical=True)
    space = h5py.h5s.create_simple(value.shape)
    link = h5py.h5p.create(h5py.h5p.LINK_CREATE)
    link.set_create_intermediate_group(True)
    created = h5py.h5d.create(file.id, key.encode(), kind, space, plan, link)
    h5py.Dataset(created)[...] = value


@pytest.mark.parametrize(
    "change",
    [
        lambda plan: plan.set_layout(h5py.h5d.COMPACT),
        lambda plan: (plan.set_chunk((2, 3)), plan.set_filter(h5py.h5z.FILTER_NBIT)),
    ],
    ids=["compact", "nbit"],
)
def test_layouts_that_h5py_does_not_offer(change: Callable[[Any], object], plain: Path) -> None:
    expected = netx.read(plain)
    with h5py.File(plain, "r+") as file:
        value = file[WEIGHT][()]
        del file[WEIGHT]
        made(file, WEIGHT, value, change)
    assert netx.read(plain) == expected


@pytest.mark.parametrize(
    "options", [{"libver": "latest"}, {"userblock_size": 512}, {"userblock_size": 2**17}], ids=str
)
def test_files_of_another_make(options: dict[str, Any], plain: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.net"
    with h5py.File(plain) as file, h5py.File(other, "w", **options) as copy:
        file.copy("layer", copy)
    assert netx.read(other) == netx.read(plain)
    assert nd.load(other) == netx.read(plain)


TEXTS = {
    "scalar": np.array("CUBA", h5py.string_dtype()),
    "row": np.array(["CUBA"], h5py.string_dtype()),
    "fixed": np.array(b"CUBA"),
    "fixed row": np.array([b"CUBA"], "S10"),
    "fixed UTF-8": np.array([b"CUBA"], h5py.string_dtype("utf-8", 7)),
}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("block", [0, 1024])
def test_texts_of_every_kind(text: str, chunked: bool, block: int, tmp_path: Path) -> None:
    value = TEXTS[text]
    layer = dense(4, 6, neuron={k: v for k, v in cuba().items() if k != "type"})
    plain = write_net(tmp_path / "x.net", layer)
    with h5py.File(plain) as file, h5py.File(tmp_path / "y.net", "w", userblock_size=block) as copy:
        file.copy("layer", copy)
        options = {"chunks": (1,)} if chunked and value.shape else {}
        copy.create_dataset("layer/0/neuron/type", data=value, dtype=value.dtype, **options)
    assert netx.read(tmp_path / "y.net").populations[0].neuron == nd.CubaLif(1024, 128, 40)


def test_what_was_created_and_never_written_holds_its_fill_value(plain: Path) -> None:
    with h5py.File(plain, "r+") as file:
        for key, shape, kind, fill in (
            (WEIGHT, (4, 6), "f4", 6),
            ("layer/1/bias", (4,), "f4", None),
            ("layer/1/neuron/vThMant", (), "i8", 17),
            ("layer/1/neuron/iDecay", (4,), "i4", 9),
            ("layer/1/delay", (4,), "f4", None),
            ("layer/1/neuron/refDelay", (), "i4", None),
        ):
            if key in file:
                del file[key]
            file.create_dataset(key, shape, kind, fillvalue=fill)
    loaded = netx.read(plain)
    assert loaded.connections[0].synapse == nd.Dense(np.full((4, 6), 6))
    assert loaded.populations[0].neuron == nd.CubaLif(9, 128, 17)


def test_chunks_that_were_never_written(plain: Path) -> None:
    with h5py.File(plain, "r+") as file:
        del file[WEIGHT]
        written = file.create_dataset(WEIGHT, (4, 2000), "f4", chunks=(4, 2), fillvalue=-2)
        written[:, :6] = weights(4, 6)
    expected = np.full((4, 2000), -2)
    expected[:, :6] = weights(4, 6)
    with pytest.warns(match="the input shape"):
        assert netx.read(plain).connections[0].synapse == nd.Dense(expected)


@pytest.mark.parametrize("key", KEYS)
def test_null_datasets_are_called_empty(key: str, plain: Path) -> None:
    kind = h5py.string_dtype() if key.endswith("type") else "i4"
    with h5py.File(plain, "r+") as file:
        del file[key]
        file[key] = h5py.Empty(kind)
    with pytest.raises(FormatError, match=f"x.net: {key}: is empty, expected "):
        netx.read(plain)


def test_a_text_that_was_never_written(plain: Path) -> None:
    with h5py.File(plain, "r+") as file:
        del file["layer/1/neuron/type"]
        file.create_dataset("layer/1/neuron/type", (), h5py.string_dtype())
    with pytest.raises(FormatError, match="layer/1/neuron/type: was never written, expected one"):
        netx.read(plain)


def test_filters_of_plug_ins_are_refused(plain: Path) -> None:
    with h5py.File(plain, "r+") as file:
        value = file[WEIGHT][()]
        del file[WEIGHT]
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((2, 3))
        plan.set_filter(32015, h5py.h5z.FLAG_OPTIONAL)
        space = h5py.h5s.create_simple(value.shape)
        h5py.h5d.create(file.id, WEIGHT.encode(), h5py.h5t.NATIVE_FLOAT, space, plan)
    expected = (
        r"uses HDF5 filters \[32015\], allowed are deflate, shuffle, fletcher32, lzf, szip, nbit, s"
    )
    with pytest.raises(FormatError, match=expected):
        netx.read(plain)
