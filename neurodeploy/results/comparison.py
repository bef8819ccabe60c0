"""``compare.json``: the same run in several engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neurodeploy.errors import FormatError
from neurodeploy.results.tested import Tested
from neurodeploy.run_folder import COMPARE, FORMAT, plain, read_json, write_json
from neurodeploy.sim.compare import Comparison


@dataclass(frozen=True)
class RunAs:
    """Options of the runs that were compared."""

    timing: str = "aligned"
    weights: str = "exact"
    reset_interval: int | None = None
    reset_offset: int = 0
    steps: int | None = None
    input_bits: int | None = None


@dataclass(frozen=True)
class FirstDifference:
    """The first place where engines differ, see `neurodeploy.sim.compare.Divergence`.

    values : engine -> value. What follows it is not needed to name the place.
    """

    population: str
    variable: str
    step: int
    index: tuple[int, ...]
    values: Mapping[str, int]
    number: int | None = None
    column: int | None = None
    sample: int | None = None
    also: tuple[str, ...] = ()
    cells: tuple[int, int] | None = None
    previous: Mapping[str, int] = field(default_factory=dict)
    parameters: Mapping[str, int | str] = field(default_factory=dict)
    rule: str = ""
    causes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Compared:
    """One comparison. streamed_samples : how many samples the one stream held, if it did.

    data : what was run; files that ``compare --json`` printed do not say.
    """

    engines: tuple[str, ...]
    samples: int
    steps: int
    equal: bool
    compared: int
    differing: int
    options: RunAs = field(default_factory=RunAs)
    first: FirstDifference | None = None
    streamed_samples: int | None = None
    data: Tested | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.engines:
            raise ValueError("engines is empty, expected at least one")


@dataclass(frozen=True)
class NewComparison:
    """A comparison that was made just now.

    name, part : of the data that were run, part None for a file of columns. samples : how many.
    streamed_samples : how many the one stream held, if it did.
    """

    found: Comparison
    name: str
    samples: int
    part: str | None = None
    streamed_samples: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return an entry of ``compare.json``."""
        part = {} if self.part is None else {"part": self.part}
        many = self.streamed_samples
        streamed = {} if many is None else {"streamed_samples": many}
        data = {"name": self.name, **part, "samples": self.samples}
        return {**plain(self.found), **streamed, "data": data}


def keep_comparison(folder: Path, new: NewComparison) -> None:
    """Put one comparison of engines into compare.json, with those of the same network there.

    One of the same engines, data and options is replaced.

    Raises FormatError for a damaged file.
    """
    path = folder / COMPARE
    held = read_json(path) or {"comparisons": []}
    entries = held.get("comparisons", [held])
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise FormatError(f"{path}: comparisons is no list of objects; remove the file")
    entry = plain(new)
    same = ("engines", "data", "options", "steps")
    kept = [
        one
        for one in entries
        if one.get("digest") == entry["digest"]
        and any(one.get(key) != plain(entry.get(key)) for key in same)
    ]
    write_json(path, {"format": FORMAT, "comparisons": [*kept, entry]})
