"""What a file is that is not HDF5, in words, with what to do about it.

Only the first bytes and, of a zip archive, the names in it are looked at.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

HEAD_BYTES = 512
SHOWN = 30
"""Characters of a text that a message quotes."""

_MAGIC = (
    (b"\x1f\x8b", "a gzip archive; unpack it with gunzip"),
    (b"BZh", "a bzip2 archive; unpack it with bunzip2"),
    (b"\xfd7zXZ\x00", "an xz archive; unpack it with unxz"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive; unpack it with unzstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it"),
    (b"Rar!", "a rar archive; unpack it"),
    (b"\x93NUMPY", "an .npy array, which is data and no network"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "an executable"),
)
"""First bytes -> what such a file is."""
_LFS = b"version https://git-lfs.github.com/spec/"
_PICKLE = "a Python pickle, which is never loaded since loading runs code; export the network"


def described(path: Path) -> str:
    """Say what ``path`` is instead of an HDF5 file.

    Raises OSError when it cannot be opened.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    found = next((text for looks in _LOOKS if (text := looks(path, head))), None)
    return "is not an HDF5 file" + (f" but {found}" if found else "")


def _empty(_: Path, head: bytes) -> str | None:
    return None if head else "empty; fetch or export it again"


def _pointer(_: Path, head: bytes) -> str | None:
    if not head.startswith(_LFS):
        return None
    size = re.search(rb"^size (\d{1,15})$", head, re.MULTILINE)
    what = f"of {int(size[1]):,} bytes " if size else ""
    return f"a Git LFS pointer to a file {what}that was not fetched; run 'git lfs pull' there"


def _magic(_: Path, head: bytes) -> str | None:
    return next((text for magic, text in _MAGIC if head.startswith(magic)), None)


def _tar(_: Path, head: bytes) -> str | None:
    return "a tar archive; unpack it" if head[257:262] == b"ustar" else None


def _zip(path: Path, head: bytes) -> str | None:
    if not head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return "a damaged zip archive; fetch it again"
    if names and all(name.endswith(".npy") for name in names):
        return "an .npz archive of arrays, which is data and no network"
    if any(name.endswith("data.pkl") for name in names):
        return f"a torch file with {_PICKLE}"
    return "a zip archive; unpack it"


def _pickle(_: Path, head: bytes) -> str | None:
    return _PICKLE if len(head) > 2 and head[0] == 0x80 and head[1] in range(2, 6) else None


def _page(_: Path, head: bytes) -> str | None:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not start.startswith((b"<!doctype html", b"<html", b"<head")):
        return None
    return "a web page (HTML); download the file itself, not the page that shows it"


def _text(_: Path, head: bytes) -> str | None:
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(head) < HEAD_BYTES or error.start < HEAD_BYTES - 3:
            return None  # not merely cut within a character
        text = head[: error.start].decode("utf-8-sig")
    if not all(c.isprintable() or c.isspace() for c in text):
        return None
    line = " ".join(text.split())
    return f"text ({line[:SHOWN]!r})"


_LOOKS: tuple[Callable[[Path, bytes], str | None], ...] = (
    _empty,
    _pointer,
    _magic,
    _tar,
    _zip,
    _pickle,
    _page,
    _text,
)
