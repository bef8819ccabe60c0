"""Data sets of events in folders, as they are unpacked from what is published."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurodeploy.data.dataset import SPLIT_SEED, Dataset, Split, hold_out, whole_set
from neurodeploy.data.events.aedat import SIDE as DVS_SIDE
from neurodeploy.data.events.aedat import cut, read_aedat, read_labels
from neurodeploy.data.events.binning import Binning, Lost, binned
from neurodeploy.data.events.lists import read_list
from neurodeploy.data.events.nmnist import SIDE as NMNIST_SIDE
from neurodeploy.data.events.nmnist import read_nmnist
from neurodeploy.data.events.record import Events
from neurodeploy.data.events.shd import CHANNELS, read_shd
from neurodeploy.errors import DataError, OptionError, located
from neurodeploy.memory import require

Recordings = Iterator[tuple[int, Events]]
VALIDATION_SHARE = 0.1
TEST_SHARE = 0.2
GESTURES = 11


@dataclass(frozen=True)
class Layout:
    """A kind of folder. holds : what it should hold, in words.

    train, test : make the (class, events) of a part of a folder, the first ``limit`` or all; test
    is None where a fifth of the samples is held out. size : (width, height) of the sensor.
    """

    holds: str
    train: Callable[[Path, int | None], Recordings]
    test: Callable[[Path, int | None], Recordings] | None
    size: tuple[int, int]


def load_events(kind: str, text: str) -> Dataset:
    """Return a data set of events as columns: ``DIR[,key=value...]``.

    Keys are those of `Binning`, and ``limit``: the most recordings of each part, the classes in
    turn. For ``events`` also ``width`` and ``height`` of the sensor.

    Raises DataError for a folder that is not there or holds something else, OptionError for a key
    or value that does not fit, CapacityError for more than there is memory for.
    """
    folder, options = _parsed(text)
    layout = LAYOUTS[kind](options)
    limit = _whole(options, "limit")
    with located(f"{kind}:{folder}"):
        how = Binning.of_text(options)
        shape = how.shape(*layout.size)
        if not folder.is_dir():
            raise DataError(f"is no folder; it should hold {layout.holds}")
        parts, lost = list[Split](), Lost()
        for read in (layout.train, layout.test):
            if read is None:
                continue
            start = sum(len(part) for part in parts)
            part, left_out = _part(read(folder, limit), how, shape, start)
            if not len(part):
                raise DataError(f"holds no recordings; it should hold {layout.holds}")
            parts.append(part)
            lost += left_out
    pool = parts[0]
    test = parts[1] if layout.test is not None else None
    if test is None:
        pool, test = hold_out(pool, TEST_SHARE, SPLIT_SEED)
    train, validation = hold_out(pool, VALIDATION_SHARE, SPLIT_SEED)
    said = lost.sentence()
    return Dataset(
        name=f"{kind}:{text}",
        train=train,
        validation=validation,
        test=test,
        classes=1 + max(int(part.y.max()) for part in parts),
        peak=how.graded or 1,
        series=True,
        seed=SPLIT_SEED,
        source=f"{kind}, {folder.name}",
        notes=(said,) if said else (),
    )


def _parsed(text: str) -> tuple[Path, dict[str, str]]:
    folder, *entries = text.split(",")
    if not folder:
        raise OptionError("names no folder, expected KIND:DIR[,steps=N,...]")
    options = {}
    for entry in entries:
        key, sign, value = entry.partition("=")
        if not sign:
            raise OptionError(f"option {entry!r} has no value, expected KEY=VALUE")
        options[key.strip()] = value.strip()
    return Path(folder), options


def _whole(options: dict[str, str], key: str) -> int | None:
    """Take a whole number of 1 or more out of the options, None where it is not there."""
    text = options.pop(key, None)
    if text is None:
        return None
    if not text.isdigit() or not int(text):
        raise OptionError(f"{key} is {text!r}, expected 1 or more")
    return int(text)


def _part(
    recordings: Recordings, how: Binning, shape: tuple[int, int, int], start: int
) -> tuple[Split, Lost]:
    """Bin every recording; the samples are numbered from ``start``."""
    labels, frames, lost = list[int](), list[NDArray[np.uint8]](), Lost()
    size = how.steps * int(np.prod(shape))
    for label, events in recordings:
        require(
            5 * size * (len(frames) + 1),
            "columns of these events",
            "take fewer recordings (limit), or crop them",
        )
        columns, left_out = binned(events, how)
        labels.append(label)
        frames.append(columns)
        lost += left_out
    x = np.stack(frames) if frames else np.zeros((0, how.steps, *shape), np.uint8)
    return whole_set(x.astype(np.int32), np.array(labels, np.int64), start=start), lost


def _in_turn(classes: Mapping[int, Iterable[Path]]) -> Iterator[tuple[int, Path]]:
    """Yield the files of all classes in turn, so that a limit keeps all of them."""
    for row in zip_longest(*([(k, path) for path in paths] for k, paths in classes.items())):
        yield from (entry for entry in row if entry is not None)


def _of_classes(folder: Path, suffixes: tuple[str, ...]) -> dict[int, list[Path]]:
    """Return the files of every class: folders in the order of their names, numbered from 0."""
    folders = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    return {
        k: sorted(path for path in one.iterdir() if path.suffix in suffixes)
        for k, one in enumerate(folders)
    }


def _nmnist(part: str) -> Callable[[Path, int | None], Recordings]:
    def read(folder: Path, limit: int | None) -> Recordings:
        files = _of_classes(folder / part, (".bin",))
        return ((k, read_nmnist(path)) for k, path in islice(_in_turn(files), limit))

    return read


def _lists(size: tuple[int, int]) -> Callable[[Path, int | None], Recordings]:
    def read(folder: Path, limit: int | None) -> Recordings:
        files = _of_classes(folder, (".npy", ".csv"))
        return ((k, read_list(path, *size)) for k, path in islice(_in_turn(files), limit))

    return read


def _gestures(part: str) -> Callable[[Path, int | None], Recordings]:
    def read(folder: Path, limit: int | None) -> Recordings:
        return islice(_trials(folder, folder / f"trials_to_{part}.txt"), limit)

    return read


def _trials(folder: Path, listing: Path) -> Recordings:
    """Yield every gesture of the recordings that a list names, the class from 0."""
    with located(str(listing)):
        try:
            names = listing.read_text(encoding="utf-8").split()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"cannot be read: {error}") from error
        for name in names:
            if "/" in name or not name.endswith(".aedat"):
                raise DataError(f"names {name!r}, expected names of .aedat files beside it")
    for name in names:
        path = folder / name
        events = read_aedat(path)
        for label, start, end in read_labels(path.with_name(f"{path.stem}_labels.csv")):
            if label > GESTURES:
                raise DataError(f"{path}: class is {label}, allowed are 1 to {GESTURES}")
            yield label - 1, cut(events, start, end)


def _heidelberg(part: str) -> Callable[[Path, int | None], Recordings]:
    return lambda folder, limit: read_shd(folder / f"shd_{part}.h5", limit)


def _events_layout(options: dict[str, str]) -> Layout:
    width, height = _whole(options, "width"), _whole(options, "height")
    if width is None or height is None:
        raise OptionError("events needs the size of the sensor: events:DIR,width=N,height=N")
    size = (width, height)
    return Layout(
        "a folder a class with .npy or .csv files of x, y, p, t", _lists(size), None, size
    )


LAYOUTS: dict[str, Callable[[dict[str, str]], Layout]] = {
    "events": _events_layout,
    "nmnist": lambda _: Layout(
        "Train and Test, each with a folder a digit of .bin files",
        _nmnist("Train"),
        _nmnist("Test"),
        (NMNIST_SIDE, NMNIST_SIDE),
    ),
    "dvs-gesture": lambda _: Layout(
        "trials_to_train.txt, trials_to_test.txt and the .aedat and _labels.csv files they name",
        _gestures("train"),
        _gestures("test"),
        (DVS_SIDE, DVS_SIDE),
    ),
    "shd": lambda _: Layout(
        "shd_train.h5 and shd_test.h5",
        _heidelberg("train"),
        _heidelberg("test"),
        (CHANNELS, 1),
    ),
}
"""Kinds of folders by the name that ``--data`` takes; each takes its options out of the rest."""
