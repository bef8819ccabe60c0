"""Writing a file whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path | str) -> Iterator[BinaryIO]:
    """Yield a binary file that becomes ``path`` when the block ends, and vanishes when it fails.

    The file is written under a temporary name in the same directory, flushed to the disk and
    renamed over ``path``, so that a reader sees the old file or the new one, never a part. It keeps
    the mode of the old one, and its owner where that is allowed; a new one has the mode that the
    umask leaves. A symbolic link is followed: the file that it names is replaced, or made.

    Raises OSError naming ``path``: no such directory, no permission, disk full, a file that is not
    to be written, not a regular file.
    """
    target = Path(os.path.realpath(path))
    old = _status(target, str(path))
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            if old is not None:
                _take_after(file.fileno(), old)
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.filename in (None, str(temporary)):
            error.filename, error.filename2 = str(path), None
        raise


def _status(target: Path, given: str) -> os.stat_result | None:
    """Return the status of the file to be replaced, None where there is none."""
    try:
        old = target.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        error.filename = given
        raise
    if not stat.S_ISREG(old.st_mode):
        code = errno.EISDIR if stat.S_ISDIR(old.st_mode) else errno.EINVAL
        raise OSError(code, "is not a regular file and cannot be replaced", given)
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), given)
    return old


def _take_after(descriptor: int, old: os.stat_result) -> None:
    """Give an open file the owner, where allowed, and the mode of another."""
    if hasattr(os, "fchown"):
        with suppress(OSError):
            os.fchown(descriptor, old.st_uid, old.st_gid)
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
