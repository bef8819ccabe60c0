"""Data of the user: what an ``.npz`` may hold, what is said of it, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurodeploy.data import NPZ_HELP, load_data
from neurodeploy.data.archive import KEYS
from neurodeploy.encode import Domain
from neurodeploy.errors import DataError


def refused(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError) as caught:
        call()
    assert str(caught.value) == message


def write_npz(path: Path, **arrays: object) -> Path:
    np.savez(path, **{k: np.asarray(v) for k, v in arrays.items()})
    return path


def test_npz_is_split_by_the_fixed_seed(tmp_path: Path) -> None:
    x, y = np.arange(300).reshape(100, 3), np.repeat(np.arange(5), 20)
    path = write_npz(tmp_path / "d.npz", x=x, y=y)
    data = load_data(str(path))
    assert (data.shape, data.classes, data.series, data.signed) == ((3,), 5, False, False)
    assert np.bincount(data.test.y).tolist() == [4] * 5
    assert np.array_equal(data.test.x, x[data.test.index])
    assert data.notes[:2] == (
        "x_test is absent: a fifth of each class of x (20 of 100 samples) is held out for testing",
        "a tenth of each class of the rest (10 of 80 samples) is held out for validation",
    )


def test_the_peak_never_comes_from_test_data(tmp_path: Path) -> None:
    x, y = np.full((20, 2), 7), np.arange(20) % 2
    path = write_npz(tmp_path / "d.npz", x=x, y=y, x_test=[[9, -12]], y_test=[0])
    data = load_data(str(path))
    assert data.domain == Domain(0, 7, 7)
    assert data.notes[-2:] == (
        "peak is absent: 7, the largest magnitude that is not for testing",
        "2 values of the test part exceed the peak 7, the largest is 12; add peak to the file if "
        "they belong",
    )
    held = load_data(str(write_npz(tmp_path / "h.npz", x=np.arange(100)[:, None], y=[0] * 100)))
    assert held.peak == max(held.train.x.max(), held.validation.x.max())


def test_npz_with_its_own_test_set_and_series(tmp_path: Path) -> None:
    x, y = np.ones((20, 4, 2), int), np.arange(20) % 2
    path = write_npz(tmp_path / "d.npz", x=x, y=y, x_test=x[:3], y_test=y[:3], peak=9, classes=4)
    data = load_data(str(path))
    assert data.series
    assert (data.steps, data.shape, data.peak, data.classes) == (4, (2,), 9, 4)
    assert len(data.test) == 3
    assert data.test.index.tolist() == [20, 21, 22]
    assert data.notes == (
        "a tenth of each class of the rest (2 of 20 samples) is held out for validation",
    )


def test_event_video_is_a_series_of_frames(tmp_path: Path) -> None:
    x = np.zeros((20, 6, 2, 8, 7), np.uint8)
    x[:, ::2] = 1
    path = write_npz(tmp_path / "d.npz", x=x, y=np.arange(20) % 5, lengths=np.full(20, 5))
    data = load_data(str(path))
    assert (data.series, data.steps, data.shape) == (True, 6, (2, 8, 7))
    assert data.domain == Domain(0, 1, 1)
    assert data.test.lengths is not None
    assert data.test.lengths.tolist() == [5] * len(data.test)


@pytest.mark.parametrize(
    "split",
    [
        ["train", "test", "validation", "train"],
        [b"train", b"test", b"validation", b"train"],
        [0, 2, 1, 0],
    ],
)
def test_the_file_may_tell_the_split(tmp_path: Path, split: list[object]) -> None:
    path = write_npz(tmp_path / "d.npz", x=np.eye(4, dtype=int), y=range(4), split=split, peak=1)
    data = load_data(str(path))
    assert data.train.index.tolist() == [0, 3]
    assert data.validation.index.tolist() == [2]
    assert data.test.index.tolist() == [1]
    assert data.notes == ()


def test_a_told_split_without_validation_gets_one(tmp_path: Path) -> None:
    told = [0] * 20 + [2] * 4
    path = write_npz(tmp_path / "d.npz", x=np.ones((24, 1), int), y=[0] * 24, split=told, peak=1)
    data = load_data(str(path))
    assert [len(part) for part in data.parts()] == [18, 2, 4]
    assert data.notes == (
        "a tenth of each class of the rest (2 of 20 samples) is held out for validation",
    )


def test_few_samples_leave_a_part_empty_and_that_is_said(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "d.npz", x=np.eye(20, dtype=int), y=range(20))
    data = load_data(str(path))
    assert data.notes[0].startswith("x_test is absent: a fifth of each class of x (0 of 20 ")
    refused(
        lambda: data.part("test"),
        "d.npz: part test is empty (20 train, 0 validation, 0 test); take another part, or all",
    )
    assert len(data.part("all")) == 20


def test_arrays_that_are_not_read_are_named(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "d.npz", x=np.eye(4, dtype=int), y=range(4), extra=1, more=2)
    assert load_data(str(path)).notes[-1] == "not read: extra, more"


def test_the_help_names_every_key() -> None:
    assert all(key in NPZ_HELP for key in KEYS)


FIVE = "(samples, N), (samples, C, H, W) or a series (samples, steps, N), (samples, steps, C, H, W)"
ONE = {"x": [[1]], "y": [0]}
BAD_ARRAYS = [
    ({"x": [[1]]}, "holds no 'y', expected x (samples first) and y"),
    (
        {"x_train": [[1]], "y_train": [0]},
        "holds no 'x', expected x (samples first) and y; is it 'x_train'?",
    ),
    (
        {"x": [[1.5]], "y": [0]},
        "x has dtype float64, expected integers; quantise it: np.rint(x * scale).astype(np.int32)",
    ),
    (
        {"x": [[0.5, 1.0]], "y": [0]},
        "x has dtype float64, expected integers; quantise it: "
        "np.rint(x * 255).astype(np.int32), and store 255 as peak",
    ),
    (
        {"x": np.array([[0.0, 1.0]], np.float32), "y": [0]},
        "x has dtype float32, expected integers; it holds only 0 and 1, so events: "
        "x.astype(np.uint8)",
    ),
    (
        {"x": [[3.0, -2.0]], "y": [0]},
        "x has dtype float64, expected integers; it holds whole numbers: x.astype(np.int32)",
    ),
    ({"x": [["a"]], "y": [0]}, "x has dtype <U1, expected integers; quantise them first"),
    ({"x": [1, 2], "y": [0, 1]}, f"x has shape (2,), expected {FIVE}"),
    ({"x": np.zeros((0, 3), int), "y": np.zeros(0, int)}, f"x has shape (0, 3), expected {FIVE}"),
    (
        {"x": np.ones((6, 3, 4), int), "y": [0, 1, 2]},
        "x has shape (6, 3, 4) for 3 labels, samples come first: np.swapaxes(x, 0, 1)",
    ),
    ({"x": [[2**24 + 1]], "y": [0]}, "x holds 16777217, allowed are -16777216 to 16777216"),
    ({"x": [[1], [2]], "y": [0]}, "y has shape (1,), expected (2,)"),
    ({"x": [[1]], "y": [-1]}, "y holds -1 (sample 0), class numbers start at 0"),
    (
        {"x": [[1]], "y": [0.0]},
        "y has dtype float64, expected integer class numbers; y.astype(np.int64)",
    ),
    ({"x": [[1]], "y": [0.5]}, "y has dtype float64, expected integer class numbers"),
    (
        {"x": [[1], [2]], "y": [[1, 0], [0, 1]]},
        "y has shape (2, 2), expected class numbers (2,); of one-hot rows they are "
        "y.argmax(axis=1)",
    ),
    ({"x": [[1]], "y": [2**31]}, "y holds 2147483648, allowed are 0 to 2147483647"),
    (
        {**ONE, "x_test": [[1]]},
        "holds only one of x_test and y_test, expected both or none",
    ),
    (
        {**ONE, "x_test": [[1, 2]], "y_test": [0]},
        "x_test has samples of shape (2,), x has (1,)",
    ),
    (
        {**ONE, "x_test": [[1]], "y_test": [0], "split": [0]},
        "holds both x_test and split, expected one of them",
    ),
    (
        {"x": [[[1]]], "y": [0], "lengths": [1], "x_test": [[[1]]], "y_test": [0]},
        "holds only one of lengths and lengths_test, expected both or none",
    ),
    ({**ONE, "split": [0, 1]}, "split has shape (2,), expected (1,)"),
    (
        {**ONE, "split": ["tests"]},
        "split of sample 0 is 'tests', expected train, validation or test, or 0, 1 or 2",
    ),
    (
        {**ONE, "split": [3]},
        "split of sample 0 is 3, expected train, validation or test, or 0, 1 or 2",
    ),
    ({**ONE, "split": [0.0]}, "split has dtype float64, expected names of parts or 0, 1, 2"),
    (
        {**ONE, "lengths": [1]},
        "lengths is given, but x is no series (samples, steps, ...)",
    ),
    (
        {"x": [[[1]]], "y": [0], "lengths": [1.0]},
        "lengths has shape (1,) and dtype float64, expected integers (1,)",
    ),
    (
        {"x": [[[1]]], "y": [0], "lengths": [2]},
        "lengths holds 2 (sample 0), allowed are 1 to 1",
    ),
    ({"x": [[9]] * 9, "y": [0] * 9, "peak": 5}, "peak is 5, expected one integer of at least 9"),
    (
        {**ONE, "x_test": [[9]], "y_test": [0], "peak": 5},
        "peak is 5, expected one integer of at least 9",
    ),
    ({**ONE, "classes": [1, 2]}, "classes is [1, 2], expected one integer of at least 1"),
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
