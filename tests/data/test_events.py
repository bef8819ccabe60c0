"""Recordings of event sensors, written by the tests in the formats in which they are published."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurodeploy as nd
from neurodeploy.data import load_data, present
from neurodeploy.data.events import (
    Binning,
    Events,
    Lost,
    binned,
    cut,
    read_aedat,
    read_labels,
    read_list,
    read_nmnist,
    read_shd,
)
from neurodeploy.errors import CapacityError, DataError, NeurodeployError, OptionError


def some(n: int = 50, side: int = 34, seed: int = 0) -> Events:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, side, (2, n))
    t = np.sort(rng.integers(0, 300_000, n))
    return Events(x, y, rng.integers(0, 2, n), t, side, side)


def same(one: Events, two: Events) -> bool:
    return all(np.array_equal(getattr(one, k), getattr(two, k)) for k in "xypt")


# --- the formats ---------------------------------------------------------------------------------


def as_nmnist(events: Events) -> bytes:
    """Five bytes an event; an entry with row 240 wherever 2^13 us are to be added."""
    out, base = b"", 0
    for x, y, p, t in zip(events.x, events.y, events.p, events.t, strict=True):
        while t - base >= 1 << 13:
            out += bytes((0, 240, 0, 0, 0))
            base += 1 << 13
        low = int(t) - base
        out += bytes((int(x), int(y), int(p) << 7 | low >> 16, low >> 8 & 255, low & 255))
    return out


HEAD = b"#!AER-DAT3.1\r\n#Format: RAW\r\n# a comment\r\n#!END-HEADER\r\n"


def as_aedat(events: Events, overflows: int = 0, invalid: int = 0) -> bytes:
    packets = struct.pack("<hhiiiiii", 0, 1, 16, 0, 0, 1, 1, 1) + b"\0" * 16  # of another kind
    words = events.x << 17 | events.y << 2 | events.p << 1 | 1
    words[:invalid] &= ~1
    body = np.stack([words, events.t - (overflows << 31)], 1).astype("<u4").tobytes()
    n = len(events)
    return HEAD + packets + struct.pack("<hhiiiiii", 1, 1, 8, 4, overflows, n, n, n) + body


def write_shd(path: Path, recordings: list[tuple[int, Any, Any]]) -> None:
    with h5py.File(path, "w") as file:
        file["labels"] = np.array([label for label, _, _ in recordings], np.uint8)
        spikes = file.create_group("spikes")
        for name, place, kind in (("times", 1, np.float16), ("units", 2, np.uint16)):
            data = spikes.create_dataset(name, (len(recordings),), h5py.vlen_dtype(kind))
            for k, one in enumerate(recordings):
                data[k] = np.asarray(one[place], kind)


def test_nmnist_is_read_with_its_overflows(tmp_path: Path) -> None:
    events = some()
    path = tmp_path / "a.bin"
    path.write_bytes(as_nmnist(events))
    assert same(read_nmnist(path), events)


@pytest.mark.parametrize("overflows", [0, 2])
def test_aedat_is_read_with_its_overflows_and_valid_events_alone(
    tmp_path: Path, overflows: int
) -> None:
    events = some(side=128)
    late = Events(events.x, events.y, events.p, events.t + (overflows << 31), 128, 128)
    path = tmp_path / "a.aedat"
    path.write_bytes(as_aedat(late, overflows, invalid=7))
    found = read_aedat(path)
    assert np.array_equal(found.t, late.t[7:])
    assert np.array_equal(found.x, late.x[7:])
    assert np.array_equal(found.p, late.p[7:])


def test_shd_is_read_and_sorted(tmp_path: Path) -> None:
    path = tmp_path / "shd_train.h5"
    write_shd(path, [(3, [0.5, 0.25, 0.75], [699, 0, 12]), (19, [], [])])
    (label, events), (other, silent) = read_shd(path)
    assert (label, other, len(silent)) == (3, 19, 0)
    assert events.t.tolist() == [250_000, 500_000, 750_000]
    assert events.x.tolist() == [0, 699, 12]
    assert (events.width, events.height) == (700, 1)
    assert len(list(read_shd(path, 1))) == 1


@pytest.mark.parametrize("form", ["npy", "records", "csv", "named"])
def test_lists_are_read_in_every_form(tmp_path: Path, form: str) -> None:
    events = some(20)
    table = np.stack([events.x, events.y, events.p, events.t], 1)
    path = tmp_path / ("a.csv" if form in ("csv", "named") else "a.npy")
    if form == "npy":
        np.save(path, table)
    elif form == "records":
        fields = [("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("p", "?")]
        records = np.zeros(len(events), fields)
        for name in "xypt":
            records[name] = getattr(events, name)
        np.save(path, records)
    else:
        head = "" if form == "csv" else "t, x, y, p\n"
        rows = table if form == "csv" else table[:, [3, 0, 1, 2]]
        path.write_text(head + "".join(",".join(map(str, row)) + "\n" for row in rows))
    assert same(read_list(path, 34, 34), events)


def test_gestures_are_cut_out_of_their_recording() -> None:
    events = some()
    part = cut(events, 100_000, 200_000)
    inside = (events.t >= 100_000) & (events.t < 200_000)
    assert np.array_equal(part.t, events.t[inside])


# --- binning -------------------------------------------------------------------------------------


def by_hand(events: Events, how: Binning) -> tuple[Any, Lost]:
    """One event after the other."""
    shape = how.shape(events.width, events.height)
    frames = np.zeros((how.steps, *shape), np.int64)
    top, left, *_ = how.crop or (0, 0)
    cropped = late = 0
    for x, y, p, t in zip(events.x, events.y, events.p, events.t, strict=True):
        since, span = int(t - events.t[0]), int(events.t[-1] - events.t[0]) + 1
        step = since // how.step_us if how.step_us else since * how.steps // span
        row, column = (int(y) - top) // how.downsample, (int(x) - left) // how.downsample
        if not (0 <= row < shape[1] and 0 <= column < shape[2]):
            cropped += 1
        elif step >= how.steps:
            late += 1
        else:
            frames[step, int(p) if how.polarities == 2 else 0, row, column] += 1
    held = np.minimum(frames, how.graded or 1)
    return held, Lost(cropped, late, int((frames - held).sum()), len(events))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1000),
    n=st.integers(0, 200),
    steps=st.integers(1, 9),
    step_us=st.sampled_from([None, 1, 20_000, 70_000]),
    polarities=st.integers(1, 2),
    crop=st.sampled_from([None, (0, 0, 34, 34), (3, 5, 20, 11)]),
    downsample=st.integers(1, 5),
    graded=st.sampled_from([0, 1, 3]),
)
def test_binning_equals_one_event_after_the_other(seed: int, n: int, **fields: Any) -> None:
    events, how = some(n, seed=seed), Binning(**fields)
    columns, lost = binned(events, how)
    expected, left_out = by_hand(events, how)
    assert np.array_equal(columns, expected)
    assert lost == left_out
    kept = lost.of - lost.cropped - lost.late - lost.merged
    assert int(columns.sum()) == kept


def test_the_guide_bins_a_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guide = (Path(__file__).parents[2] / "docs/data.md").read_text(encoding="utf-8")
    code = guide[guide.index("from neurodeploy.data.events import") :].split("```")[0]
    (tmp_path / "Train/5").mkdir(parents=True)
    (tmp_path / "Train/5/00001.bin").write_bytes(as_nmnist(some()))
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    exec(code, found)
    assert found["columns"].shape == (16, 2, 17, 17)
    assert found["lost"].of == 50


def test_what_is_lost_is_said() -> None:
    assert Lost(of=9).sentence() == ""
    assert Lost(1, 2, 3, 1000).sentence() == (
        "of 1,000 events 1 outside of the crop, 2 after the last step, 3 beyond what a cell holds "
        "are left out"
    )


# --- folders -------------------------------------------------------------------------------------


@pytest.fixture
def nmnist(tmp_path: Path) -> Path:
    for part, count in (("Train", 10), ("Test", 2)):
        for digit in range(3):
            folder = tmp_path / part / str(digit)
            folder.mkdir(parents=True)
            for k in range(count):
                content = as_nmnist(some(30, seed=100 * digit + k))
                (folder / f"{k:05d}.bin").write_bytes(content)
    return tmp_path


def test_a_folder_of_nmnist_is_a_data_set(nmnist: Path) -> None:
    data = load_data(f"nmnist:{nmnist},steps=5,downsample=2")
    assert (data.shape, data.steps, data.classes, data.peak) == ((2, 17, 17), 5, 3, 1)
    assert (len(data.train), len(data.validation), len(data.test)) == (27, 3, 6)
    assert data.test.index.tolist() == list(range(30, 36))
    assert data.test.y.tolist() == [0, 1, 2, 0, 1, 2]
    assert data.notes[0].startswith("of 1,080 events ")
    limited = load_data(f"nmnist:{nmnist},steps=5,limit=3")
    assert (len(limited.train) + len(limited.validation), limited.test.y.tolist()) == (3, [0, 1, 2])


def test_recordings_are_columns_for_a_program(nmnist: Path) -> None:
    data = load_data(f"nmnist:{nmnist},steps=4,downsample=2,polarities=1")
    program = nd.Program(
        inputs=(nd.Input("x", (1, 17, 17)),),
        populations=(nd.Population("out", 3, nd.CubaLif(4096, 0, 10)),),
        connections=(nd.Connection("x", "out", nd.Dense(np.ones((3, 289), int))),),
        readout=nd.Readout("out"),
    )
    found = nd.verify(program, data, ("noise",), samples=4)
    assert found.measured.accuracy.samples == 4
    columns = present(program, data.test).columns(slice(0, 2))
    assert np.array_equal(columns, data.test.x[:2].reshape(columns.shape))


def test_lists_of_events_have_a_folder_a_class(tmp_path: Path) -> None:
    for k, name in enumerate(("cat", "dog")):
        (tmp_path / name).mkdir()
        for sample in range(10):
            events = some(15, side=8, seed=20 * k + sample)
            table = np.stack([events.x, events.y, events.p, events.t], 1)
            np.save(tmp_path / name / f"{sample}.npy", table)
    data = load_data(f"events:{tmp_path},width=8,height=8,steps=3,graded=4")
    assert (data.classes, data.peak, len(data.test), data.shape) == (2, 4, 4, (2, 8, 8))


def test_gestures_are_samples(tmp_path: Path) -> None:
    events = some(200, side=128)
    for part in ("train", "test"):
        (tmp_path / f"{part}_1.aedat").write_bytes(as_aedat(events))
        (tmp_path / f"trials_to_{part}.txt").write_text(f"{part}_1.aedat\n")
        (tmp_path / f"{part}_1_labels.csv").write_text(
            "class,startTime_usec,endTime_usec\n1,0,90000\n11,100000,290000\n"
        )
    data = load_data(f"dvs-gesture:{tmp_path},steps=4,downsample=8")
    assert (data.shape, data.classes, data.test.y.tolist()) == ((2, 16, 16), 11, [0, 10])
    inside = np.count_nonzero((events.t >= 100_000) & (events.t < 290_000))
    assert 0 < data.test.x[1].sum() <= inside


def test_spoken_digits_are_samples(tmp_path: Path) -> None:
    for part in ("train", "test"):
        one = [(k, [0.1, 0.2, 0.3 + k / 10], [0, 5, 690]) for k in range(10)]
        write_shd(tmp_path / f"shd_{part}.h5", one)
    data = load_data(f"shd:{tmp_path},steps=10,polarities=1,downsample=1")
    assert (data.shape, data.classes, len(data.test)) == ((1, 1, 700), 10, 10)
    assert data.test.x.sum() == 30


# --- what is refused -----------------------------------------------------------------------------

EVENTS = {
    "time runs backwards": (
        {"t": [5, 4]},
        "event 1 is at 4 us, after one at 5 us: time runs backwards",
    ),
    "outside of the sensor": ({"x": [0, 34]}, "event 1 has x 34, allowed are 0 to 33"),
    "above the sensor": ({"y": [-1, 0]}, "event 0 has y -1, allowed are 0 to 33"),
    "another polarity": ({"p": [2, 0]}, "event 0 has p 2, allowed are 0 to 1"),
    "fewer times": ({"t": [1]}, "holds 2 x, 2 y, 2 p, 1 t, expected as many of each"),
    "floats": (
        {"t": [0.5, 1.5]},
        "t has shape (2,) and dtype float64, expected integers, one for each event",
    ),
}


@pytest.mark.parametrize("name", EVENTS)
def test_events_that_cannot_be_are_refused(name: str) -> None:
    changes, message = EVENTS[name]
    fields: dict[str, Any] = {key: [0, 0] for key in "xypt"} | changes
    with pytest.raises(DataError) as caught:
        Events(**{key: np.array(value) for key, value in fields.items()}, width=34, height=34)
    assert str(caught.value) == message


def bad_file(tmp_path: Path, name: str, content: bytes | str) -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


FILES: dict[str, tuple[Any, str, bytes | str, str]] = {
    "a truncated .bin": (read_nmnist, "a.bin", b"1234567", "holds 7 bytes, expected 5 for each"),
    "an empty .bin": (read_nmnist, "a.bin", b"", "holds 0 bytes, expected 5 for each event"),
    "a column that N-MNIST lacks": (
        read_nmnist,
        "a.bin",
        bytes((34, 0, 0, 0, 1)),
        "event 0 has x 34, allowed are 0 to 33",
    ),
    "another version of AEDAT": (
        read_aedat,
        "a.aedat",
        b"#!AER-DAT2.0\r\n",
        "starts with b'#!AER-DAT2.0', expected #!AER-DAT3.1",
    ),
    "no end of the header": (
        read_aedat,
        "a.aedat",
        b"#!AER-DAT3.1\r\n",
        "has no line #!END-HEADER",
    ),
    "a packet cut off": (
        read_aedat,
        "a.aedat",
        as_aedat(some(9, side=128))[:-3],
        "a packet of 9 events ends at",
    ),
    "a head cut off": (
        read_aedat,
        "a.aedat",
        as_aedat(some(9, side=128)) + b"\1\0",
        "within the head of a packet",
    ),
    "AEDAT out of order": (
        read_aedat,
        "a.aedat",
        as_aedat(some(2, side=128)) + as_aedat(some(2, side=128))[len(HEAD) :],
        "time runs backwards",
    ),
    "labels of another form": (read_labels, "a.csv", "class,start\n", "line 1 is 'class,start'"),
    "a gesture of no length": (
        read_labels,
        "a.csv",
        "class,startTime_usec,endTime_usec\n3,9,9\n",
        "line 2: class 3 from 9 to 9 us",
    ),
    "words": (
        lambda path: read_list(path, 9, 9),
        "a.csv",
        "1,2,one,4\n",
        "line 1: '1,2,one,4' are not whole numbers",
    ),
    "three columns": (
        lambda path: read_list(path, 9, 9),
        "a.csv",
        "1,2,1,4\n1,2,3\n",
        "line 2 has 3 values, expected 4",
    ),
    "other names": (
        lambda path: read_list(path, 9, 9),
        "a.csv",
        "x,y,polarity,t\n",
        "line 1 names x, y, polarity, t, expected x, y, p, t",
    ),
    "no .npy": (
        lambda path: read_list(path, 9, 9),
        "a.npy",
        "hello",
        "expected a .npy of plain numbers",
    ),
    "no HDF5": (lambda path: list(read_shd(path)), "a.h5", "hello", "and cannot be read"),
}


@pytest.mark.parametrize("name", FILES)
def test_damaged_files_get_one_clear_line(name: str, tmp_path: Path) -> None:
    read, file, content, message = FILES[name]
    path = bad_file(tmp_path, file, content)
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_hdf5_of_something_else_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["labels"] = np.zeros(3, np.uint8)
    with pytest.raises(DataError, match="holds no dataset spikes/times"):
        list(read_shd(path))


FOLDERS: dict[str, tuple[str, type[NeurodeployError], str]] = {
    "no folder": ("nmnist:nowhere", DataError, "is no folder; it should hold Train and Test"),
    "an empty one": ("nmnist:{}", DataError, "holds no recordings; it should hold Train and Test"),
    "no size": ("events:{}", OptionError, "events needs the size of the sensor"),
    "no option": ("nmnist:{},step=4", OptionError, "did you mean 'steps'?"),
    "no number": ("nmnist:{},steps=many", OptionError, "steps is 'many', expected a whole number"),
    "a crop of two": ("nmnist:{},crop=1x2", OptionError, "expected TOPxLEFTxHEIGHTxWIDTH"),
    "a crop outside": ("nmnist:{},crop=0x0x40x40", OptionError, "the sensor has 34 rows and 34"),
    "too coarse": ("nmnist:{},downsample=35", OptionError, "34 rows and 34 columns are kept"),
    "no limit": ("nmnist:{},limit=0", OptionError, "limit is '0', expected 1 or more"),
    "no name": ("nmnist:", OptionError, "names no folder"),
    "no value": ("nmnist:{},steps", OptionError, "option 'steps' has no value, expected KEY=VALUE"),
    "no list": ("dvs-gesture:{}", DataError, "trials_to_train.txt: cannot be read"),
    "no such set": ("nmnis:{}", DataError, "did you mean 'nmnist'?"),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_folders_that_hold_something_else_get_one_clear_line(name: str, tmp_path: Path) -> None:
    text, kind, message = FOLDERS[name]
    with pytest.raises(kind) as caught:
        load_data(text.format(tmp_path))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_more_than_there_is_memory_for_names_the_way_out(nmnist: Path) -> None:
    with pytest.raises(CapacityError, match="take fewer recordings"):
        load_data(f"nmnist:{nmnist},steps=100000")
