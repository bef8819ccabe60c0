"""Programs from and to files of any format that neurodeploy knows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurodeploy.errors import OptionError

if TYPE_CHECKING:
    from neurodeploy.program import Program

FORMATS = ("netx", "program")


def read_program(
    path: Path,
    form: str | None = None,
    *,
    num_layers: int | None = None,
    skip_layers: int = 0,
    input_drive: str | None = None,
    input_shape: str | None = None,
) -> Program:
    """Return the Program that ``path`` holds; ``form`` None recognises the format by content.

    Raises FormatError for a file that is wrong, OptionError for NetX options of another file.
    """
    from neurodeploy import container
    from neurodeploy.converters import load, netx

    options: dict[str, Any] = {
        "num_layers": num_layers,
        "skip_layers": skip_layers or None,
        "input_drive": input_drive,
        "input_shape": None if input_shape is None else _shape(input_shape),
    }
    given = {name: value for name, value in options.items() if value is not None}
    if form == "netx":
        return netx.read(path, **given)
    if form == "program" and not given:
        return container.read(path)
    _check_format(form, "--from")
    return load(path, **given)


def write_program(
    program: Program, path: Path, form: str | None, *, reset_interval: int | None, repair: str
) -> list[str]:
    """Write ``program``, by the suffix of ``path`` unless ``form`` says the format.

    Returns what the user should know about the files, one line each.
    """
    from neurodeploy import container
    from neurodeploy.converters import netx, save

    _check_format(form, "--to")
    if form == "program":
        container.write(program, path)
        return []
    written: netx.Written | None
    if form == "netx":
        written = netx.write(program, path, reset_interval=reset_interval, repair=repair)
    else:
        written = save(program, path, reset_interval=reset_interval, repair=repair)
    return [] if written is None else [f"{written.script}: runs it in Lava", *written.notes]


def _check_format(form: str | None, option: str) -> None:
    if form is not None and form not in FORMATS:
        raise OptionError(f"{option} is {form!r}, expected one of {', '.join(FORMATS)}")


def _shape(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise OptionError(
            f"--input-shape is {text!r}, expected N or W,H,C such as 28,28,1"
        ) from None
