"""Data sets: integers, fixed splits, and files that are damaged or missing."""

from __future__ import annotations

import gzip
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from neurodeploy.data import Dataset, load_data, permutation
from neurodeploy.data.dataset import Split, hold_out, joined, whole_set
from neurodeploy.data.fashion import read_idx
from neurodeploy.data.series import read_ts
from neurodeploy.encode import Domain
from neurodeploy.errors import DataError, OptionError


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
        "no data set 'digit', there are digits, fashion-mnist, japanese-vowels, basic-motions, "
        "events, nmnist, dvs-gesture, shd or an .npz file; did you mean 'digits'?",
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


# Parts, digests, domains


def small() -> Dataset:
    x = np.arange(12).reshape(6, 2)
    pool = whole_set(x, np.arange(6) % 2)
    parts = [pool.take(np.array(rows)) for rows in ([0, 3], [4], [1, 2, 5])]
    return Dataset("small", *parts, classes=2, peak=11, series=False, seed=1, source="here")


def test_all_parts_together_are_every_sample_in_order() -> None:
    data = small()
    assert [split.part for split in data.parts()] == ["train", "validation", "test"]
    everything = data.part("all")
    assert everything.index.tolist() == list(range(6))
    assert everything.x[:, 0].tolist() == [0, 2, 4, 6, 8, 10]
    assert everything.part == "all"
    assert data.part("test") is data.test
    assert len(load_data("digits").part("all")) == 1797


def test_lengths_follow_their_samples() -> None:
    pool = whole_set(np.zeros((4, 3, 1), np.int32), np.zeros(4, int), np.array([3, 1, 2, 3]))
    whole = joined([pool.take(np.array([3, 1])), pool.take(np.array([2, 0]))], "all")
    assert whole.lengths is not None
    assert whole.lengths.tolist() == [3, 1, 2, 3]


def test_a_part_that_does_not_exist_or_is_empty_is_refused() -> None:
    with pytest.raises(OptionError) as caught:
        small().part("dev")
    assert str(caught.value) == "part is 'dev', expected one of train, validation, test, all"
    data = small()
    empty = replace(data, test=data.test.take(slice(0, 0)))
    refused(
        lambda: empty.part("test"),
        "small: part test is empty (2 train, 1 validation, 0 test); take another part, or all",
    )


def test_the_domain_is_the_data_sets() -> None:
    assert load_data("digits").test.domain == Domain(0, 16, 16)
    assert replace(small(), signed=True).train.domain == Domain(-11, 11, 11)


def test_a_digest_is_that_of_its_documented_bytes() -> None:
    split = small().test
    content = b"x (3, 2)\n" + split.x.astype("<i4").tobytes()
    content += b"y (3,)\n" + split.y.astype("<i8").tobytes()
    content += b"index (3,)\n" + split.index.astype("<i8").tobytes() + b"part test\n"
    assert split.digest == sha256(content).hexdigest()
    lines = "".join(f"{part.part} {part.digest}\n" for part in small().parts())
    assert small().digest == sha256(lines.encode()).hexdigest()


def test_digests_of_the_digits_are_these() -> None:
    """Pinned: results name the data by it."""
    data = load_data("digits")
    assert data.digest == "460794f503e73d23b50e51df6791637283a289b9ed19997d14e1cf47b576c067"
    assert data.test.digest == "5126292e90f306dc37e2c2f3c7491491369199002a887a42fdcd4fc3ea2ffc0e"


def test_a_digest_sees_every_change_of_samples_and_of_the_split() -> None:
    split = small().test
    x, y, index = split.x.copy(), split.y.copy(), split.index.copy()
    x[0, 0] += 1
    y[1] += 1
    index[2] += 1
    others = [
        replace(split, x=x),
        replace(split, y=y),
        replace(split, index=index),
        replace(split, part="train"),
        replace(split, lengths=np.ones(3, int)),
        replace(split, x=split.x.reshape(3, 1, 2)),
        split.first(2),
        split.take(np.array([1, 0, 2])),
    ]
    digests = {split.digest, *(other.digest for other in others)}
    assert len(digests) == len(others) + 1
    same = Split(np.asfortranarray(split.x.astype(np.int64)), split.y, split.index, part="test")
    assert same.digest == split.digest
