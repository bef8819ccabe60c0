"""Loading and saving a Program, whatever the format of the file."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from neurodeploy import container
from neurodeploy.converters import netx
from neurodeploy.converters.netx.options import LoadOptions
from neurodeploy.errors import ExportError, FormatError, OptionError
from neurodeploy.program import Program

SUFFIXES = (".net", ".h5")
"""What `save` writes: NetX, and the program container."""


def load(
    path: Path | str,
    *,
    input_message_bits: int = 0,
    input_drive: str = "current",
    input_shape: tuple[int, ...] | None = None,
    skip_layers: int = 0,
    num_layers: int | None = None,
    spike_exp: int = 6,
) -> Program:
    """Return the Program in ``path``, recognised by its content: NetX or a program container.

    The options say what a NetX file cannot, see `neurodeploy.converters.netx.read`; a program
    container says it all and takes none.

    Raises FormatError for a file that cannot be read or is none of these, OptionError for an option
    that is not allowed.
    """
    path = Path(path)
    options = LoadOptions(
        input_message_bits, input_drive, input_shape, skip_layers, num_layers, spike_exp
    )
    try:
        if path.is_file() and container.is_container(path):
            _refuse_options(path, options)
            return container.read(path)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror or error}") from error
    return netx.read(
        path,
        input_message_bits=input_message_bits,
        input_drive=input_drive,
        input_shape=input_shape,
        skip_layers=skip_layers,
        num_layers=num_layers,
        spike_exp=spike_exp,
    )


def _refuse_options(path: Path, options: LoadOptions) -> None:
    for field in fields(options):
        value = getattr(options, field.name)
        if value != field.default:
            raise OptionError(
                f"{path}: {field.name} is {value!r}, which is for NetX files; this is a program "
                "container"
            )


def save(
    program: Program,
    path: Path | str,
    *,
    reset_interval: int | None = None,
    repair: str = "none",
) -> netx.Written | None:
    """Write ``program`` to ``path``: ``.net`` is NetX with a run script, ``.h5`` the container.

    reset_interval, repair : for NetX, see `neurodeploy.converters.netx.write`, which tells what was
    written; the container holds everything and returns None.

    Raises ExportError for what the format cannot carry and for a file that cannot be written,
    OptionError for an option that is not allowed.
    """
    path = Path(path)
    if path.suffix == ".net":
        return netx.write(program, path, reset_interval=reset_interval, repair=repair)
    if path.suffix != ".h5":
        raise ExportError(f"{path}: ends in {path.suffix!r}, expected {' or '.join(SUFFIXES)}")
    if reset_interval is not None or repair != "none":
        raise OptionError(f"{path}: reset_interval and repair are for NetX files (.net)")
    try:
        container.write(program, path)
    except OSError as error:
        raise ExportError(f"{path}: cannot be written: {error.strerror or error}") from error
    return None
