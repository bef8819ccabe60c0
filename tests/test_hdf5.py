"""Reading HDF5: what h5py raises is the file's fault, everything else is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy import container, hdf5
from neurodeploy.converters import netx
from neurodeploy.errors import FormatError

GOLDEN = Path(__file__).parent / "golden"
STORED = Path(__file__).parent / "stored"
BUGS = [TypeError("a bug"), KeyError("a bug"), RuntimeError("a bug"), ValueError("a bug")]
OURS = {
    "neurodeploy.container._version": lambda: container.read(STORED / "drawn_11.h5"),
    "neurodeploy.container._program": lambda: container.read(STORED / "drawn_11.h5"),
    "neurodeploy.hdf5._checked": lambda: container.read(STORED / "drawn_11.h5"),
    "neurodeploy.hdf5.Reader._check_size": lambda: nd.load(GOLDEN / "conv_pad" / "network.net"),
    "neurodeploy.converters.netx.source._layer": lambda: netx.read(
        GOLDEN / "conv_pad" / "network.net"
    ),
    "neurodeploy.converters.netx.source._simulation": lambda: netx.read(
        GOLDEN / "conv_pad" / "network.net"
    ),
}


@pytest.mark.parametrize("bug", [*BUGS, KeyboardInterrupt()], ids=lambda bug: type(bug).__name__)
@pytest.mark.parametrize("place", OURS)
def test_error_of_ours_during_a_read_surfaces(
    monkeypatch: pytest.MonkeyPatch, place: str, bug: BaseException
) -> None:
    """It used to be reported as a damaged file."""

    def fail(*_: Any, **__: Any) -> Any:
        raise bug

    monkeypatch.setattr(place, fail)
    with pytest.raises(type(bug)) as error:
        OURS[place]()
    assert error.value is bug


@pytest.mark.parametrize("bug", [*BUGS, OSError("a bug")], ids=lambda bug: type(bug).__name__)
def test_error_of_h5py_is_a_damaged_file(bug: Exception) -> None:
    with pytest.raises(FormatError, match=r"^is damaged or truncated: .*a bug"), hdf5.asking():
        raise bug


def test_missing_attribute_is_none_and_text_must_be_utf8(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.attrs["a"] = np.bytes_(b"\xff")
        assert hdf5.attribute(file, "b") is None
        with pytest.raises(FormatError, match=r"^a is b'\\xff', expected UTF-8$"):
            hdf5.attribute(file, "a")
