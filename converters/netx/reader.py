"""Reading a NetX file."""

from __future__ import annotations

from pathlib import Path

from neurodeploy.converters.netx.chain import Chain
from neurodeploy.converters.netx.options import LoadOptions
from neurodeploy.converters.netx.source import Source, read_source
from neurodeploy.converters.netx.values import Note
from neurodeploy.errors import FormatError, located, warn
from neurodeploy.program import MetadataValue, Program


def read(
    path: Path | str,
    *,
    input_message_bits: int = 0,
    input_drive: str = "current",
    input_shape: tuple[int, ...] | None = None,
    skip_layers: int = 0,
    num_layers: int | None = None,
    spike_exp: int = 6,
) -> Program:
    """Return the network of a NetX file, with the names ``input`` and ``layer0``, ``layer1`` ...

    A population is a group of the file that holds neurons, in the order of the file. Weights are
    stored as the file gives them. What Lava loads and runs is read, with a NeurodeployWarning
    where it does something else than the file says.

    input_message_bits : as in netx: 0 = any non-zero input is one event, above 0 = values count.
    input_drive : what feeds an input block: ``"current"`` (Lava's ``a_in``) or ``"bias"``.
    input_shape : (width, height, channels) as in netx, for a file that begins with a convolution
        and has no input layer; an input layer in the file wins.
    skip_layers, num_layers : as in netx: leave out that many groups at the beginning, read that
        many in all; ``input`` and ``flatten`` groups count.
    spike_exp : fraction bits of sigma-delta messages.

    Raises FormatError for what is no NetX file, is damaged or hostile, or cannot run in Lava;
    OptionError for an argument out of range.

    Source: lava-dl 0.6.0, `lava.lib.dl.netx.hdf5.Network`.
    """
    options = LoadOptions(
        input_message_bits, input_drive, input_shape, skip_layers, num_layers, spike_exp
    )
    path = Path(path)
    notes: list[str] = []
    with located(str(path)):
        _check_readable(path)
        try:
            source = read_source(path, options)
        except OSError as error:
            raise FormatError(f"cannot be read: {error.strerror or error}") from error
        program = _program(source, options, path.name, notes.append)
    for note in notes:
        warn(f"{path}: {note}")
    return program


def _check_readable(path: Path) -> None:
    if not path.exists():
        raise FormatError("no such file")
    if not path.is_file():
        raise FormatError("is not a file")


def _program(source: Source, options: LoadOptions, name: str, note: Note) -> Program:
    chain = Chain(options, note)
    layers = source.layers
    if options.skip_layers >= len(layers):
        raise FormatError(
            f"skip_layers is {options.skip_layers}, the file gives {len(layers)} layers"
        )
    for layer in layers:
        chain.add(layer)
    metadata: dict[str, MetadataValue] = {"source_format": "netx", "source_file": name}
    for key, value in source.simulation.items():
        metadata[f"simulation_{key}"] = value
    for key in ("skip_layers", "num_layers"):
        if value := getattr(options, key):
            metadata[key] = value
    return chain.program(metadata)
