"""Reading a NetX file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from neurodeploy.converters.netx.chain import Chain
from neurodeploy.converters.netx.findings import findings, summary
from neurodeploy.converters.netx.options import LoadOptions, Settings
from neurodeploy.converters.netx.source import Source, read_source
from neurodeploy.converters.netx.values import Note
from neurodeploy.errors import FormatError, located, warn
from neurodeploy.program import MetadataValue, Program


def read(
    path: Path | str,
    *,
    input_message_bits: int | None = None,
    input_drive: str | None = None,
    input_shape: tuple[int, ...] | None = None,
    skip_layers: int = 0,
    num_layers: int | None = None,
    spike_exp: int | None = None,
) -> Program:
    """Return the network of a NetX file, with the names ``input`` and ``layer0``, ``layer1`` ...

    A population is a group of the file that holds neurons, in the order of the file. Weights are
    stored as the file gives them. What Lava loads and runs is read, with a NeurodeployWarning
    where it does something else than the file says, and one that counts what can surprise, see
    `neurodeploy.converters.netx.findings`.

    input_message_bits : as in netx: 0 = any non-zero input is one event, above 0 = values count.
        None: as the remarks of the file say (`neurodeploy.converters.netx.remarks`), else 0.
    input_drive : what feeds an input block: ``"current"`` (Lava's ``a_in``) or ``"bias"``. None: as
        the remarks say, else ``"current"``.
    input_shape : (width, height, channels) as in netx, for a file that begins with a convolution
        and has no input layer; an input layer in the file wins.
    skip_layers, num_layers : as in netx: leave out that many groups at the beginning, read that
        many in all; ``input`` and ``flatten`` groups count. Remarks on the read-out and metadata
        are of the whole network and count only when it is read whole.
    spike_exp : fraction bits of sigma-delta messages. None: as the remarks say, else 6.

    Raises FormatError for what is no NetX file, is damaged or hostile, or cannot run in Lava;
    OptionError for an argument out of range.

    Source: lava-dl 0.6.0, `lava.lib.dl.netx.hdf5.Network`.
    """
    options = LoadOptions(
        input_message_bits, input_drive, input_shape, skip_layers, num_layers, spike_exp
    )
    path = Path(path)
    program, notes = read_quietly(path, options)
    found = findings(program)
    for line in (*summed_up(notes), *([summary(found)] if found else [])):
        warn(f"{path}: {line}")
    return program


def read_quietly(path: Path, options: LoadOptions) -> tuple[Program, list[str]]:
    """Return the network and what is to be said about it, one line each."""
    notes: list[str] = []
    with located(str(path)):
        _check_readable(path)
        try:
            source = read_source(path, options)
        except OSError as error:
            raise FormatError(f"cannot be read: {error.strerror or error}") from error
        return _program(source, options.completed(source.remarks), path.name, notes.append), notes


def _check_readable(path: Path) -> None:
    if not path.exists():
        raise FormatError("no such file")
    if not path.is_file():
        raise FormatError("is not a file")


def _program(source: Source, options: Settings, name: str, note: Note) -> Program:
    chain = Chain(options, note)
    layers = source.layers
    if options.skip_layers >= len(layers):
        raise FormatError(
            f"skip_layers is {options.skip_layers}, the file gives {len(layers)} layers"
        )
    for layer in layers:
        chain.add(layer)
    whole = not options.skip_layers and options.num_layers is None
    metadata: dict[str, MetadataValue] = dict(source.remarks.metadata) if whole else {}
    metadata |= {"source_format": "netx", "source_file": name}
    for key, value in source.simulation.items():
        metadata[f"simulation_{key}"] = value
    for key in ("skip_layers", "num_layers"):
        if value := getattr(options, key):
            metadata[key] = value
    program = chain.program(metadata)
    readout = source.remarks.readout(program.populations) if whole else None
    return program if readout is None else replace(program, readout=readout)


def summed_up(notes: Sequence[str]) -> list[str]:
    """Return ``notes`` with those that differ in their layer and numbers alone made one.

    A note is ``{where}: {what}``; the first one stands for all, with the count.
    """
    kinds: dict[str, list[str]] = {}
    for note in notes:
        kinds.setdefault(re.sub(r"\d+", "#", note), []).append(note)
    return [_counted(same) for same in kinds.values()]


def _counted(same: Sequence[str]) -> str:
    where, _, what = same[0].partition(": ")
    more = len(same) - 1
    return same[0] if not more else f"{where} and {more} more like it: {what}"
