"""What is not HDF5 is named, with what to do."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.errors import FormatError

POINTER = b"""version https://git-lfs.github.com/spec/v1
oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
size 1234567
"""
_PICKLE = "a Python pickle, which is never loaded since loading runs code; export the network"


def saved(**arrays: object) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"content")
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("network.net"))
    return file.getvalue()


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


FILES = {
    "empty": (b"", "empty; fetch or export it again"),
    "Git LFS pointer": (
        POINTER,
        "a Git LFS pointer to a file of 1,234,567 bytes that was not fetched; run 'git lfs pull' "
        "there",
    ),
    "Git LFS pointer without a size": (
        POINTER[:60],
        "a Git LFS pointer to a file that was not fetched; run 'git lfs pull' there",
    ),
    "gzip": (gzip.compress(b"x"), "a gzip archive; unpack it with gunzip"),
    "bzip2": (bz2.compress(b"x"), "a bzip2 archive; unpack it with bunzip2"),
    "xz": (lzma.compress(b"x"), "an xz archive; unpack it with unxz"),
    "tar": (tarred(), "a tar archive; unpack it"),
    "npz": (saved(x=1, y=2), "an .npz archive of arrays, which is data and no network"),
    "npy": (npy(), "an .npy array, which is data and no network"),
    "torch": (zipped("model/data.pkl", "model/data/0"), f"a torch file with {_PICKLE}"),
    "zip": (zipped("network.net"), "a zip archive; unpack it"),
    "empty zip": (zipped(), "a zip archive; unpack it"),
    "cut zip": (zipped("a")[:40], "a damaged zip archive; fetch it again"),
    "pickle": (pickle.dumps([1, 2]), _PICKLE),
    "old pickle": (pickle.dumps({"a": 1}, 2), _PICKLE),
    "HTML": (
        b"\n<!DOCTYPE html>\n<html>",
        "a web page (HTML); download the file itself, not the page that shows it",
    ),
    "text": (b"layers:\n  - dense\n", "text ('layers: - dense')"),
    "long text": (b"a" * 511 + "\u00e9".encode() * 9, f"text ({'a' * 30!r})"),
    "text with a mark": (b"\xef\xbb\xbfhello", "text ('hello')"),
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_not_hdf5_is_named(name: str, tmp_path: Path) -> None:
    content, what = FILES[name]
    path = tmp_path / "network.net"
    path.write_bytes(content)
    for form in (None, "netx", "program"):
        with pytest.raises(FormatError) as error:
            nd.load(path, form=form)
        assert str(error.value) == f"{path}: is not an HDF5 file but {what}"


@pytest.mark.parametrize("content", [b"\x00\x01\x02", b"abc\xff\xfe and more", b"\x80"])
def test_what_nobody_knows_is_not_guessed(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "network.net"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"network\.net: is not an HDF5 file$"):
        nd.load(path)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    class Mine:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path(tmp_path / "ran").touch, ())

    for content in (pickle.dumps(Mine()), saved(x=np.array([Mine()], dtype=object))):
        (tmp_path / "network.net").write_bytes(content)
        with pytest.raises(FormatError, match="is not an HDF5 file but"):
            nd.load(tmp_path / "network.net")
    assert not (tmp_path / "ran").exists()
