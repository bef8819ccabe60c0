"""Data sets as integers: digits, Fashion-MNIST, time series, and the user's own ``.npz``.

`load_data` gives a `Dataset`, `present` shows a part of it to a Program.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from neurodeploy.data.archive import NPZ_HELP, load_archive
from neurodeploy.data.dataset import PARTS, Dataset, Split
from neurodeploy.data.digits import load_digits
from neurodeploy.data.events import LAYOUTS, load_events
from neurodeploy.data.fashion import load_fashion
from neurodeploy.data.presentation import Presentation, check_labels, present
from neurodeploy.data.series import PROBLEMS, load_series
from neurodeploy.draws import permutation
from neurodeploy.encode import Domain, encoder_from_metadata
from neurodeploy.errors import DataError, alike
from neurodeploy.program import Program

__all__ = [
    "DATA_HELP",
    "NPZ_HELP",
    "PARTS",
    "Dataset",
    "Domain",
    "Presentation",
    "Split",
    "check_labels",
    "encode_split",
    "load_data",
    "permutation",
    "present",
]

NAMES = ("digits", "fashion-mnist", *PROBLEMS)
EVENT_HELP = f"events in a folder: {', '.join(LAYOUTS)} :DIR[,steps=N,...]"
DATA_HELP = (
    f"{', '.join(NAMES)}, fashion-mnist:DIR, {EVENT_HELP}, or an .npz of your own. {NPZ_HELP}"
)
"""What ``--help`` says of ``--data D``."""


def load_data(name: str) -> Dataset:
    """Return a data set by name.

    name : ``digits``, ``fashion-mnist``, ``fashion-mnist:DIR``, ``japanese-vowels``,
        ``basic-motions``; events in a folder, ``nmnist:DIR,steps=20``, see
        `neurodeploy.data.events.load_events`; or the path of an ``.npz``.

    Raises DataError that names what is missing and the way out.
    """
    kind, _, rest = name.partition(":")
    if name == "digits":
        return load_digits()
    if kind == "fashion-mnist":
        return load_fashion(rest or None)
    if name in PROBLEMS:
        return load_series(name)
    if kind in LAYOUTS:
        return load_events(kind, rest)
    if name.endswith(".npz"):
        return load_archive(name)
    known = (*NAMES, *LAYOUTS)
    close = alike(kind, known)
    hint = f"; did you mean {close!r}?" if close else ""
    raise DataError(f"no data set {name!r}, there are {', '.join(known)} or an .npz file{hint}")


def encode_split(program: Program, split: Split, draw: int = 0) -> NDArray[Any]:
    """Return the columns of ``split`` as ``program`` was trained on them, by its metadata.

    Raises ProgramError when the metadata name no encoder.
    """
    encoder = encoder_from_metadata(program.metadata)
    return encoder.encode(split.x, split.index, split.lengths, draw)
