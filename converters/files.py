"""Loading and saving a Program, whatever the format of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neurodeploy.converters import formats
from neurodeploy.converters.written import Written
from neurodeploy.program import Program


def load(path: Path | str, *, form: str | None = None, **options: Any) -> Program:
    """Return the Program in ``path``, recognised by its content unless ``form`` names the format.

    The options say what a NetX file cannot: ``input_message_bits``, ``input_drive``,
    ``input_shape``, ``skip_layers``, ``num_layers`` and ``spike_exp``, see
    `neurodeploy.converters.netx.read`. A program container says it all and takes none.

    Raises FormatError for a file that cannot be read or is of no known format, OptionError for an
    option that is not allowed.
    """
    return formats.read(path, form, **options)


def save(
    program: Program, path: Path | str, *, form: str | None = None, **options: Any
) -> Written | None:
    """Write ``program`` to ``path``: ``.net`` is NetX with a run script, ``.h5`` the container.

    form : name of the format where the suffix does not say it. ``reset_interval`` and ``repair``
    are for NetX, see `neurodeploy.converters.netx.write`, which tells what was written; the
    container holds everything and returns None.

    Raises ExportError for what the format cannot carry and for a file that cannot be written,
    OptionError for an option that is not allowed.
    """
    return formats.write(program, path, form, **options)
