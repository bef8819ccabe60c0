"""Fashion-MNIST from its four IDX files, compressed or not."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from neurodeploy.data.dataset import SPLIT_SEED, Dataset, hold_out, whole_set
from neurodeploy.errors import DataError, located

DEFAULT_DIRECTORY = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package ``dataset-fashion-mnist`` puts the files."""
VALIDATION_SHARE = 1 / 12
MAX_BYTES = 2**28
"""Largest IDX file read, in bytes after decompression; the real ones have 47 million."""


def load_fashion(directory: str | None = None) -> Dataset:
    """Return Fashion-MNIST as ``(1, 28, 28)`` images 0..255; 5000 training images validate.

    directory : holds the files, or torchvision's ``FashionMNIST/raw`` below it; default is
        `DEFAULT_DIRECTORY`.

    Raises DataError that names the directory or file.
    """
    root = _root(directory)
    train_x, train_y = _pair(root, "train")
    test_x, test_y = _pair(root, "t10k")
    pool = whole_set(train_x, train_y)
    train, validation = hold_out(pool, VALIDATION_SHARE, SPLIT_SEED)
    return Dataset(
        name="fashion-mnist",
        train=train,
        validation=validation,
        test=whole_set(test_x, test_y, start=len(pool)),
        classes=10,
        peak=255,
        series=False,
        seed=SPLIT_SEED,
        source="Fashion-MNIST IDX files",
    )


def _root(directory: str | None) -> Path:
    """Return the folder that holds the files, looking into torchvision's layout too."""
    given = DEFAULT_DIRECTORY if directory is None else Path(directory).expanduser()
    if not given.is_dir():
        way_out = "install Debian's dataset-fashion-mnist or give fashion-mnist:DIR"
        raise DataError(f"fashion-mnist: there is no directory {given}; {way_out}")
    for candidate in (given, given / "FashionMNIST" / "raw", given / "raw"):
        if _find(candidate, "train-images-idx3-ubyte") is not None:
            return candidate
    raise DataError(
        f"fashion-mnist: {given} holds no train-images-idx3-ubyte[.gz], expected the four IDX files"
    )


def _find(root: Path, stem: str) -> Path | None:
    paths = (root / stem, root / f"{stem}.gz", root / stem.replace("-idx", ".idx"))
    return next((path for path in paths if path.is_file()), None)


def _pair(root: Path, part: str) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    images = read_idx(_required(root, f"{part}-images-idx3-ubyte"), rank=3)
    labels = read_idx(_required(root, f"{part}-labels-idx1-ubyte"), rank=1)
    if len(images) != len(labels) or images.shape[1:] != (28, 28):
        raise DataError(
            f"fashion-mnist: {root}: {part} has images {images.shape} and labels {labels.shape}, "
            "expected (n, 28, 28) and (n,)"
        )
    if labels.size and int(labels.max()) > 9:
        raise DataError(
            f"fashion-mnist: {root}: {part} has label {labels.max()}, allowed are 0 to 9"
        )
    return images[:, None].astype(np.int32), labels.astype(np.int64)


def _required(root: Path, stem: str) -> Path:
    path = _find(root, stem)
    if path is None:
        raise DataError(f"fashion-mnist: {root} holds no {stem}[.gz], expected the four IDX files")
    return path


def read_idx(path: Path, rank: int) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes: magic 0 0 8 rank, big-endian sizes, then the bytes.

    Raises DataError for a damaged, truncated or foreign file.

    Source: http://yann.lecun.com/exdb/mnist, section "file formats".
    """
    with located(str(path)):
        try:
            with _open(path) as stream:
                content = stream.read(MAX_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"cannot be read: {error}") from error
        header = 4 + 4 * rank
        if len(content) < header or content[:4] != bytes((0, 0, 8, rank)):
            raise DataError(f"starts with {content[:4].hex()}, expected 000008{rank:02x} (IDX)")
        sizes = tuple(int(n) for n in np.frombuffer(content[4:header], ">u4"))
        expected = int(np.prod([int(n) for n in sizes], dtype=object))
        if len(content) - header != expected:
            raise DataError(f"holds {len(content) - header} values, its header says {expected}")
        return np.frombuffer(content, np.uint8, offset=header).reshape(sizes)


def _open(path: Path) -> gzip.GzipFile | BinaryIO:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")
