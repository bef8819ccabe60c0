"""``sample.npz``: one sample in full, as arrays that were checked against the program."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import FormatError
from neurodeploy.program import Population, Program
from neurodeploy.results.tested import Tested

Integers = NDArray[Any]
DAMAGED = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What numpy and zipfile raise for a file that is not a whole .npz of plain arrays; RuntimeError
is zipfile's for entries that are encrypted or packed in a way that it does not know."""


@dataclass(frozen=True)
class LayerArrays:
    """One population. spikes : ``(steps, neurons)``. neurons : whose v is kept.

    v : ``(steps, len(neurons))`` after the reset. threshold : ``(len(neurons),)`` in units of v.
    """

    spikes: Integers
    neurons: Integers
    v: Integers
    threshold: Integers | None


@dataclass(frozen=True)
class SampleArrays:
    """One sample. row : within its part. columns : ``(steps, *input_shape)``. scores : per class.

    digest : of the program. data, part, data_digest : of the samples that were run, and sample :
    its number in the data set; older files say none of these.
    """

    digest: str
    row: int
    label: int
    predicted: int
    scores: Integers
    columns: Integers
    layers: tuple[LayerArrays, ...]
    data: str | None = None
    part: str | None = None
    data_digest: str = ""
    sample: int | None = None

    @property
    def tested(self) -> Tested | None:
        """The samples that it is one of, None where the file does not say."""
        if self.data is None:
            return None
        return Tested(self.data, self.part, digest=self.data_digest)


def read_arrays(path: Path) -> dict[str, Integers]:
    """Return the arrays in an .npz; FormatError for anything else."""
    with path.open("rb") as file:
        try:
            archive = np.load(file, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise FormatError(f"{path}: is a single array, expected an .npz")
            return {name: archive[name] for name in archive.files}
        except DAMAGED as error:
            raise FormatError(f"{path}: is not an .npz of plain arrays") from error


def parse_sample(arrays: dict[str, Integers], program: Program, where: str) -> SampleArrays:
    """Return the arrays as a record that fits ``program``; FormatError where they do not."""
    found = Arrays(arrays, where)
    columns = found.integers("columns", None)
    steps = len(columns)
    given = program.inputs[0]
    if columns.ndim < 2 or columns[0].size != given.size:
        raise FormatError(
            f"{where}: columns has shape {columns.shape}, expected (steps, {given.size}) values"
        )
    return SampleArrays(
        digest=str(arrays["digest"]),
        row=found.number("row"),
        label=found.number("label"),
        predicted=found.number("predicted"),
        scores=found.integers("scores", (program.classes,)),
        columns=columns.reshape(steps, *given.shape),
        layers=tuple(_layer(found, k, p, steps) for k, p in enumerate(program.populations)),
        data=found.text("data"),
        part=found.text("part") or None,
        data_digest=found.text("data_digest") or "",
        sample=found.number("sample") if "sample" in arrays else None,
    )


def _layer(found: Arrays, k: int, population: Population, steps: int) -> LayerArrays:
    spikes = found.integers(f"layer{k}_s", (steps, population.size))
    neurons = found.integers(f"layer{k}_neurons", None)
    if neurons.ndim != 1 or not np.all((neurons >= 0) & (neurons < population.size)):
        raise FormatError(
            f"{found.where}: layer{k}_neurons names neurons that {population.name} does not have"
        )
    kept = (len(neurons),)
    has_threshold = f"layer{k}_threshold" in found.arrays
    return LayerArrays(
        spikes=spikes,
        neurons=neurons,
        v=found.integers(f"layer{k}_v", (steps, *kept)),
        threshold=found.integers(f"layer{k}_threshold", kept) if has_threshold else None,
    )


@dataclass(frozen=True)
class Arrays:
    """Arrays by name. where : what an error names, such as the file."""

    arrays: dict[str, Integers]
    where: str

    def integers(self, name: str, shape: tuple[int, ...] | None) -> Integers:
        """Return the array of that name; FormatError unless it holds integers of ``shape``."""
        if name not in self.arrays:
            raise FormatError(f"{self.where}: holds no {name}; run verify again")
        array = self.arrays[name]
        if array.dtype.kind not in "iub":
            raise FormatError(f"{self.where}: {name} has dtype {array.dtype}, expected integers")
        if shape is not None and array.shape != shape:
            raise FormatError(f"{self.where}: {name} has shape {array.shape}, expected {shape}")
        return array

    def text(self, name: str) -> str | None:
        """Return a text, None where it is missing; FormatError for anything else."""
        array = self.arrays.get(name)
        if array is None:
            return None
        if array.dtype.kind != "U" or array.shape != ():
            raise FormatError(f"{self.where}: {name} has dtype {array.dtype}, expected a text")
        return str(array)

    def number(self, name: str) -> int:
        """Return an integer that stands alone."""
        return int(self.integers(name, ()))
