"""load knows a file by its content, save a format by its suffix."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import h5py
import pytest
from netx_files import dense, source, weights, write_net

import neurodeploy as nd
from neurodeploy import container
from neurodeploy.errors import ExportError, FormatError, OptionError


def program() -> nd.Program:
    return nd.Program(
        (nd.Input("input", (6,)),),
        (nd.Population("layer0", (4,), nd.CubaLif(4096, 128, 40)),),
        (nd.Connection("input", "layer0", nd.Dense(weights(4, 6).astype(int))),),
        nd.Readout("layer0"),
    )


@pytest.mark.parametrize("suffix", [".net", ".h5"])
def test_what_is_saved_loads_whatever_it_is_called(suffix: str, tmp_path: Path) -> None:
    nd.save(program(), tmp_path / f"x{suffix}")
    (tmp_path / f"x{suffix}").rename(tmp_path / "no suffix")
    assert nd.load(tmp_path / "no suffix") == program()
    assert nd.load(str(tmp_path / "no suffix")) == program()


def test_saving_netx_tells_what_was_written_and_the_container_nothing(tmp_path: Path) -> None:
    written = nd.save(program(), tmp_path / "x.net", reset_interval=9)
    assert written is not None
    assert written.recipe.reset_interval == 9
    assert nd.save(program(), tmp_path / "x.h5") is None
    assert container.is_container(tmp_path / "x.h5")


def test_options_reach_the_netx_reader(tmp_path: Path) -> None:
    path = write_net(tmp_path / "x.net", source(6), dense(5, 6), dense(4, 5))
    loaded = nd.load(path, skip_layers=1, num_layers=2, input_message_bits=8)
    assert loaded.names == ("layer0",)
    assert loaded.inputs[0] == nd.Input("input", (6,), 8)


@pytest.mark.parametrize(
    "options",
    [
        {"input_message_bits": 8},
        {"input_drive": "bias"},
        {"input_shape": (4, 4, 1)},
        {"skip_layers": 1},
        {"num_layers": 1},
        {"spike_exp": 4},
    ],
)
def test_container_takes_no_options_of_netx(options: dict[str, Any], tmp_path: Path) -> None:
    nd.save(program(), tmp_path / "x.h5")
    ((name, value),) = options.items()
    shared = name in ("input_message_bits", "input_shape")
    owners = "NetX files and NIR files" if shared else "NetX files"
    expected = f"{tmp_path / 'x.h5'}: {name} is {value!r}, which is for {owners}; this is a"
    with pytest.raises(OptionError, match=re.escape(expected)):
        nd.load(tmp_path / "x.h5", **options)


def test_loading_what_is_not_there_or_something_else(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"none\.net: no such file$"):
        nd.load(tmp_path / "none.net")
    with pytest.raises(FormatError, match=r"is not a file$"):
        nd.load(tmp_path)
    (tmp_path / "x.net").write_text("hello")
    with pytest.raises(FormatError, match=r"x\.net: is not an HDF5 file but text \('hello'\)$"):
        nd.load(tmp_path / "x.net")
    with h5py.File(tmp_path / "y.h5", "w") as file:
        file["data"] = 1
    with pytest.raises(
        FormatError, match=r"expected a NetX network, a NIR graph or a neurodeploy program$"
    ):
        nd.load(tmp_path / "y.h5")


def test_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nd.save(program(), tmp_path / "x.h5")

    def denied(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(FormatError, match=r"x\.h5: cannot be read: Permission denied$"):
        nd.load(tmp_path / "x.h5")


@pytest.mark.parametrize("name", ["x", "x.nirx", "x.NET", "x.h5.gz"])
def test_unknown_suffix_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"ends in '.*', expected \.net, \.h5 or \.nir$"):
        nd.save(program(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_container_takes_no_options_of_the_netx_writer(tmp_path: Path) -> None:
    for name, value in (("reset_interval", 9), ("repair", "nearest")):
        expected = f"x.h5: {name} is {value!r}, which is for NetX files; this is a program"
        with pytest.raises(OptionError, match=re.escape(expected)):
            nd.save(program(), tmp_path / "x.h5", **{name: value})
    assert list(tmp_path.iterdir()) == []


def test_container_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"x\.h5: cannot be written: No such file or directory$"):
        nd.save(program(), tmp_path / "none" / "x.h5")
