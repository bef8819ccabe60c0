"""Data sets: integers, fixed splits, and files that are damaged or missing."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from neurodeploy.data import load_data, permutation
from neurodeploy.data.dataset import Split, hold_out, whole_set
from neurodeploy.data.fashion import read_idx
from neurodeploy.data.series import read_ts
from neurodeploy.errors import DataError


def refused(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError) as caught:
        call()
    assert str(caught.value) == message


def test_digits_are_split_without_overlap() -> None:
    data = load_data("digits")
    assert (data.shape, data.peak, data.classes, data.series) == ((1, 8, 8), 16, 10, False)
    parts = [set(part.index.tolist()) for part in (data.train, data.validation, data.test)]
    assert sum(len(part) for part in parts) == len(set.union(*parts)) == 1797
    assert data.test.x.dtype == np.int32
    assert data.test.x.max() == 16


def test_digits_are_split_the_same_way_every_time() -> None:
    assert load_data("digits").test.index[:5].tolist() == DIGITS_TEST
    assert permutation(6, 3).tolist() == PERMUTATION


DIGITS_TEST = [8, 16, 20, 21, 23]
PERMUTATION = [1, 5, 2, 4, 3, 0]


def test_hold_out_takes_the_share_of_each_class() -> None:
    pool = whole_set(np.zeros((40, 2), np.int32), np.repeat([0, 1], [30, 10]))
    kept, held = hold_out(pool, 0.2, 1)
    assert np.bincount(held.y).tolist() == [6, 2]
    assert sorted([*kept.index, *held.index]) == list(range(40))


def test_limits_beyond_the_data_are_refused() -> None:
    refused(
        lambda: load_data("digits").limited(5000, None, None),
        "digits: 5000 samples of train wanted, there are 1295",
    )
    assert len(load_data("digits").limited(10, None, 3).train) == 10


def test_labels_and_samples_must_match_in_number() -> None:
    refused(
        lambda: Split(np.zeros((3, 1), np.int32), np.zeros(2, np.int64), np.arange(3)),
        "2 labels for 3 samples, expected one each",
    )


def test_unknown_names_get_the_nearest_known_one() -> None:
    refused(
        lambda: load_data("digit"),
        "no data set 'digit', there are digits, fashion-mnist, japanese-vowels, basic-motions "
        "or an .npz file; did you mean 'digits'?",
    )


# Fashion-MNIST


def idx(array: np.ndarray) -> bytes:  # type: ignore[type-arg]
    sizes = b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    return bytes((0, 0, 8, array.ndim)) + sizes + array.astype(np.uint8).tobytes()


def write_fashion(folder: Path, compressed: bool) -> None:
    folder.mkdir(parents=True)
    for part, count in (("train", 60), ("t10k", 5)):
        images = np.arange(count * 784).reshape(count, 28, 28) % 256
        for stem, array in (
            ("images-idx3", images),
            ("labels-idx1", np.arange(count) % 10),
        ):
            content = idx(array)
            name = f"{part}-{stem}-ubyte" + (".gz" if compressed else "")
            (folder / name).write_bytes(gzip.compress(content) if compressed else content)


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("layout", [".", "FashionMNIST/raw"])
def test_fashion_is_read_in_both_layouts(tmp_path: Path, compressed: bool, layout: str) -> None:
    write_fashion(tmp_path / "data" / layout, compressed)
    data = load_data(f"fashion-mnist:{tmp_path / 'data'}")
    assert data.shape == (1, 28, 28)
    assert len(data.train) + len(data.validation) == 60
    assert data.test.index.tolist() == list(range(60, 65))
    assert data.test.x[1, 0, 0, :3].tolist() == [784 % 256, 785 % 256, 786 % 256]


def test_a_missing_fashion_directory_names_the_way_out(tmp_path: Path) -> None:
    refused(
        lambda: load_data(f"fashion-mnist:{tmp_path / 'none'}"),
        f"fashion-mnist: there is no directory {tmp_path / 'none'}; "
        "install Debian's dataset-fashion-mnist or give fashion-mnist:DIR",
    )
    refused(
        lambda: load_data(f"fashion-mnist:{tmp_path}"),
        f"fashion-mnist: {tmp_path} holds no train-images-idx3-ubyte[.gz], "
        "expected the four IDX files",
    )


def test_a_missing_fashion_file_is_named(tmp_path: Path) -> None:
    write_fashion(tmp_path / "f", False)
    (tmp_path / "f" / "t10k-labels-idx1-ubyte").unlink()
    refused(
        lambda: load_data(f"fashion-mnist:{tmp_path / 'f'}"),
        f"fashion-mnist: {tmp_path / 'f'} holds no t10k-labels-idx1-ubyte[.gz], "
        "expected the four IDX files",
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "starts with , expected 00000801 (IDX)"),
        (b"\x89HDF\r\n\x1a\n", "starts with 89484446, expected 00000801 (IDX)"),
        (idx(np.zeros(4))[:-1], "holds 3 values, its header says 4"),
        (bytes((0, 0, 8, 1, 255, 255, 255, 255)), "holds 0 values, its header says 4294967295"),
    ],
)
def test_damaged_idx_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "labels"
    path.write_bytes(content)
    refused(lambda: read_idx(path, 1), f"{path}: {message}")


def test_truncated_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.gz"
    path.write_bytes(gzip.compress(idx(np.zeros(4)))[:-3])
    with pytest.raises(DataError, match="cannot be read: "):
        read_idx(path, 1)


# Series


TS = """# a comment
@problemName Tiny
@classLabel true up down
@data
1,2,3:4,5,6:up
-1,0:2,1:down
"""


def test_ts_files_are_read_without_their_package(tmp_path: Path) -> None:
    path = tmp_path / "tiny.ts"
    path.write_text(TS)
    samples, labels, names = read_ts(path)
    assert samples == [[[1, 2, 3], [4, 5, 6]], [[-1, 0], [2, 1]]]
    assert labels.tolist() == [0, 1]
    assert names == ("up", "down")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no samples with classes, expected @classLabel and @data"),
        (TS + "1,2:3,4:left\n", "line 7: class is 'left', expected one of up, down"),
        (TS + "1,x:3,4:up\n", "line 7: a value is not a number: could not convert string to "),
        (TS + "1,2:3:up\n", "line 7: channels differ in length"),
        (TS + "1,nan:3,4:up\n", "line 7: a value is not finite"),
        (TS + "1,2:up\n", "samples differ in their number of channels"),
    ],
)
def test_damaged_ts_files_name_the_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.ts"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        read_ts(path)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_vowels_come_with_lengths_and_without_importing_the_package() -> None:
    try:
        data = load_data("japanese-vowels")
    except DataError as error:
        pytest.skip(str(error))
    assert (data.shape, data.steps, data.classes, data.peak) == ((12,), 29, 9, 127)
    assert data.series
    assert len(data.test) == 370
    assert data.test.lengths is not None
    ends = data.test.x[0, data.test.lengths[0] :]
    assert not ends.any()


# The user's own arrays


def write_npz(path: Path, **arrays: object) -> Path:
    np.savez(path, **{k: np.asarray(v) for k, v in arrays.items()})
    return path


def test_npz_is_split_by_the_fixed_seed(tmp_path: Path) -> None:
    x, y = np.arange(300).reshape(100, 3), np.repeat(np.arange(5), 20)
    path = write_npz(tmp_path / "d.npz", x=x, y=y)
    data = load_data(str(path))
    assert (data.shape, data.classes, data.peak, data.series) == ((3,), 5, 299, False)
    assert np.bincount(data.test.y).tolist() == [4] * 5
    assert np.array_equal(data.test.x, x[data.test.index])


def test_npz_with_its_own_test_set_and_series(tmp_path: Path) -> None:
    x, y = np.ones((20, 4, 2), int), np.arange(20) % 2
    path = write_npz(tmp_path / "d.npz", x=x, y=y, x_test=x[:3], y_test=y[:3], peak=9, classes=4)
    data = load_data(str(path))
    assert data.series
    assert (data.steps, data.shape, data.peak, data.classes) == (4, (2,), 9, 4)
    assert len(data.test) == 3


BAD_ARRAYS = [
    ({"x": [[1]]}, "holds no 'y', expected x (samples first) and y"),
    (
        {"x": [[1.5]], "y": [0]},
        "x has dtype float64, expected integers; quantise it first",
    ),
    (
        {"x": [1, 2], "y": [0, 1]},
        "x has shape (2,), expected (samples, N), (samples, C, H, W) or a series "
        "(samples, steps, channels)",
    ),
    ({"x": [[1], [2]], "y": [0]}, "y has shape (1,), expected (2,)"),
    ({"x": [[1]], "y": [-1]}, "y holds -1, class numbers start at 0"),
    (
        {"x": [[1]], "y": [0], "x_test": [[1]]},
        "holds only one of x_test and y_test, expected both or none",
    ),
    (
        {"x": [[1]], "y": [0], "x_test": [[1, 2]], "y_test": [0]},
        "x_test has samples of shape (2,), x has (1,)",
    ),
    (
        {"x": [[1]], "y": [0], "lengths": [1]},
        "lengths is given, but x is no series (samples, steps, channels)",
    ),
    ({"x": [[[1]]], "y": [0], "lengths": [2]}, "lengths holds values outside 1 to 1"),
    ({"x": [[9]] * 9, "y": [0] * 9, "peak": 5}, "peak is 5, expected one integer of at least 9"),
]


@pytest.mark.parametrize(("arrays", "message"), BAD_ARRAYS)
def test_bad_npz_gets_one_clear_line(
    tmp_path: Path, arrays: dict[str, object], message: str
) -> None:
    path = write_npz(tmp_path / "bad.npz", **arrays)
    refused(lambda: load_data(str(path)), f"{path}: {message}")


def test_npz_that_is_one_array_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.npz"
    with path.open("wb") as file:
        np.save(file, np.zeros(3, int))
    with pytest.raises(DataError) as error:
        load_data(str(path))
    assert str(error.value) == f"{path}: is a single .npy array, expected an .npz with x and y"


def test_npz_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.npz"
    refused(lambda: load_data(str(path)), f"{path}: there is no such file")
    path.write_bytes(b"not a zip file")
    with pytest.raises(DataError, match=r"is not an \.npz of plain arrays"):
        load_data(str(path))


def test_pickled_arrays_are_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "evil.npz"
    np.savez(path, x=np.array([{}], dtype=object), y=np.array([0]))
    with pytest.raises(DataError, match=r"is not an \.npz of plain arrays"):
        load_data(str(path))
