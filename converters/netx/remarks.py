"""What a NetX file cannot say, beside it in the same file: the group ``neurodeploy``.

netx looks at ``layer`` alone and passes over any other group, so that Lava loads and runs such a
file as it would without it. The layers stay the network; what is said here is how it is driven and
read: the width of the input's messages, the port of an input block, ``spike_exp``, the read-out,
and the metadata of the Program. Every item counts by itself; nonsense is passed over.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurodeploy.errors import ProgramError
from neurodeploy.program import MetadataValue, Population, Program, Readout

GROUP = "neurodeploy"
NUMBERS = ("message_bits", "spike_exp", "readout_population", "readout_window", "readout_pool")
TEXTS = ("input_drive", "readout_variable")
METADATA = "metadata"
"""A JSON object of text and numbers, as uint8."""
MAX_METADATA_BYTES = 2**20


@dataclass(frozen=True)
class Remarks:
    """The group's content, None where it says nothing.

    readout_population : number of the population, counted as in the file.
    """

    message_bits: int | None = None
    spike_exp: int | None = None
    input_drive: str | None = None
    readout_population: int | None = None
    readout_variable: str | None = None
    readout_window: int | None = None
    readout_pool: int | None = None
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)

    def readout(self, populations: tuple[Population, ...]) -> Readout | None:
        """Return the read-out, None where the file has none or does not have what it names."""
        number, variable = self.readout_population, self.readout_variable
        if number is None or variable is None or not 0 <= number < len(populations):
            return None
        population = populations[number]
        try:
            readout = Readout(
                population.name, variable, self.readout_window or 0, pool=self.readout_pool or 1
            )
        except ProgramError:
            return None
        known = variable in population.neuron.variables
        return readout if known and population.size % readout.pool == 0 else None


def of(program: Program, drive: str, spike_exp: int, unsaid: set[str]) -> Remarks:
    """Return what is to be said of ``program``; ``unsaid`` names metadata that are left out."""
    readout = program.readout
    return Remarks(
        message_bits=program.inputs[0].message_bits,
        spike_exp=spike_exp,
        input_drive=drive,
        readout_population=program.index(readout.population),
        readout_variable=readout.variable,
        readout_window=readout.window,
        readout_pool=readout.pool,
        metadata={k: v for k, v in program.metadata.items() if k not in unsaid},
    )


def group(remarks: Remarks) -> dict[str, Any]:
    """Return the datasets of the group."""
    result: dict[str, Any] = {}
    for name in NUMBERS:
        if (value := getattr(remarks, name)) is not None:
            result[name] = np.int64(value)
    for name in TEXTS:
        if (text := getattr(remarks, name)) is not None:
            result[name] = np.bytes_(text.encode())
    if remarks.metadata:
        text = json.dumps(dict(remarks.metadata), sort_keys=True, ensure_ascii=False)
        result[METADATA] = np.frombuffer(text.encode(), np.uint8)
    return result


def read(value: Callable[[str], Any]) -> Remarks:
    """Return the remarks of a group; ``value`` gives an array, a text or None by name."""
    numbers = {name: _number(value(name)) for name in NUMBERS}
    texts = {name: text if isinstance(text := value(name), str) else None for name in TEXTS}
    return Remarks(**numbers, **texts, metadata=_metadata(value(METADATA)))  # type: ignore[arg-type]


def _number(value: Any) -> int | None:
    if not isinstance(value, np.ndarray) or value.size != 1 or value.dtype.kind not in "iu":
        return None
    return int(value.item())


def _metadata(value: Any) -> dict[str, MetadataValue]:
    if not isinstance(value, np.ndarray) or value.dtype != np.uint8 or value.ndim != 1:
        return {}
    if value.size > MAX_METADATA_BYTES:
        return {}
    try:
        content = json.loads(value.tobytes().decode())
    except (ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {key: item for key, item in content.items() if _is_plain(item)}


def _is_plain(item: Any) -> bool:
    return isinstance(item, (str, int, float)) and (
        not isinstance(item, float) or math.isfinite(item)
    )
