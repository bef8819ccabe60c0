"""Input data from .npy and .npz files. Nothing in them is unpickled."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurodeploy.errors import InputError, located

if TYPE_CHECKING:
    import numpy as np

    from neurodeploy.program import Program
    from neurodeploy.sim.inputs import Columns

    Array = np.ndarray[Any, np.dtype[Any]]


def read_input(path: Path, program: Program, steps: int | None = None) -> Columns:
    """Return what ``path`` holds for the inputs of ``program``, cut or padded to ``steps``.

    The file has one array, or one for each input by name.

    Raises InputError for a file that is no array file or does not fit, OSError for one that cannot
    be opened.
    """
    from neurodeploy.sim.inputs import columns
    from neurodeploy.sim.options import RunOptions

    RunOptions(steps=steps)
    with located(str(path)):
        given = columns(program.inputs, _arrays(path, program), steps)
        if given.batch == 0:
            raise InputError("holds an empty batch, expected at least one sample")
        return given


def by_name(program: Program, given: Columns, piece: slice = slice(None)) -> dict[str, Array]:
    """Return a range of samples, or of the steps of a stream, per input: what `simulate` takes."""
    arrays = (array[piece] if given.batched else array[0, piece] for array in given.arrays)
    return dict(zip((node.name for node in program.inputs), arrays, strict=True))


def _arrays(path: Path, program: Program) -> Array | Mapping[str, Array]:
    loaded = _load(path)
    if not isinstance(loaded, dict):
        return loaded
    names = [node.name for node in program.inputs]
    if set(names) <= loaded.keys():
        return {name: loaded[name] for name in names}
    if len(loaded) == 1 and len(names) == 1:
        return next(iter(loaded.values()))
    raise InputError(
        f"holds arrays {', '.join(loaded) or 'nothing'}; expected {', '.join(names)}, "
        "the inputs of the program"
    )


def _load(path: Path) -> Array | dict[str, Array]:
    import numpy as np

    try:
        with path.open("rb") as file:
            magic = file.read(6)
            file.seek(0)
            if magic[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
                with np.load(file, allow_pickle=False) as archive:
                    return {name: archive[name] for name in archive.files}
        if magic == b"\x93NUMPY":
            # Mapped first: a header that claims more than the file holds is refused by its size.
            return np.asarray(np.load(path, allow_pickle=False, mmap_mode="r"))
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile, NotImplementedError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"is damaged or holds no plain array: {reason}") from error
    raise InputError("is no .npy or .npz file; write one with numpy.save")
