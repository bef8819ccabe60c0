"""The file formats that neurodeploy reads and writes: one record each, and the choice of one.

A format states how it knows its files, how it reads and writes them and which options a user has.
The command line makes its options from what is stated here. Nothing heavy is imported before a
file is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurodeploy.converters.netx.options import READING, WRITING
from neurodeploy.converters.nir import options as nir_options
from neurodeploy.converters.option import Option
from neurodeploy.errors import ExportError, FormatError, OptionError
from neurodeploy.registry import ByName

if TYPE_CHECKING:
    from neurodeploy.converters.float_network import FloatNetwork
    from neurodeploy.converters.written import Written
    from neurodeploy.program import Program


@dataclass(frozen=True)
class Format:
    """One file format.

    title : what a file of it is called. suffixes : those that choose it for writing.
    sniff : whether a file is of this format, by its content; no error for one that is not.
    read : ``read(path, **options) -> Program``. write : ``write(program, path, **options)``, which
        tells what was written, or None where the format cannot be written.
    reading, writing : the options of both. floats : ``floats(path, **options)``, the network before
        it was rounded, None where a file holds integers.
    """

    title: str
    suffixes: tuple[str, ...]
    sniff: Callable[[Path], bool]
    read: Callable[..., Program]
    write: Callable[..., Written | None] | None = None
    reading: tuple[Option, ...] = ()
    writing: tuple[Option, ...] = ()
    floats: Callable[..., FloatNetwork] | None = None


def _is_netx(path: Path) -> bool:
    from neurodeploy import hdf5

    try:
        with hdf5.opened(path) as file:
            return hdf5.has(file, "layer")
    except FormatError:
        return False


def _read_netx(path: Path, **options: Any) -> Program:
    from neurodeploy.converters import netx

    return netx.read(path, **options)


def _write_netx(program: Program, path: Path, **options: Any) -> Written:
    from neurodeploy.converters import netx

    return netx.write(program, path, **options)


def _is_nir(path: Path) -> bool:
    from neurodeploy.converters.nir.tree import is_nir

    return is_nir(path)


def _read_nir(path: Path, **options: Any) -> Program:
    from neurodeploy.converters import nir

    return nir.read(path, **options)


def _read_nir_floats(path: Path, **options: Any) -> FloatNetwork:
    from neurodeploy.converters import nir

    return nir.read_float(path, **options)


def _write_nir(program: Program, path: Path, **options: Any) -> Written:
    from neurodeploy.converters import nir

    return nir.write(program, path, **options)


def _is_container(path: Path) -> bool:
    from neurodeploy import container

    return container.is_container(path)


def _read_container(path: Path) -> Program:
    from neurodeploy import container

    return container.read(path)


def _write_container(program: Program, path: Path) -> None:
    from neurodeploy import container

    try:
        container.write(program, path)
    except OSError as error:
        raise ExportError(f"{path}: cannot be written: {error.strerror or error}") from error


FORMATS: ByName[Format] = ByName(
    "format",
    {
        "netx": Format("NetX file", (".net",), _is_netx, _read_netx, _write_netx, READING, WRITING),
        "program": Format(
            "program container", (".h5",), _is_container, _read_container, _write_container
        ),
        "nir": Format(
            "NIR file",
            (".nir",),
            _is_nir,
            _read_nir,
            _write_nir,
            nir_options.READING,
            nir_options.WRITING,
            _read_nir_floats,
        ),
    },
)
"""Every format, in the order in which a file is tried."""


def reading_options() -> tuple[Option, ...]:
    """Return the reading options of all formats, each once."""
    return _once(form.reading for form in FORMATS.values())


def writing_options() -> tuple[Option, ...]:
    """Return the writing options of all formats, each once."""
    return _once(form.writing for form in FORMATS.values())


def _once(groups: Iterable[tuple[Option, ...]]) -> tuple[Option, ...]:
    return tuple({option.name: option for group in groups for option in group}.values())


def sniff(path: Path) -> Format:
    """Return the format of a file, by its content.

    Raises FormatError that says what the file is when it is none of them.
    """
    if not path.exists():
        raise FormatError(f"{path}: no such file")
    if not path.is_file():
        raise FormatError(f"{path}: is not a file")
    try:
        found = next((form for form in FORMATS.values() if form.sniff(path)), None)
        if found is None:
            raise FormatError(f"{path}: {_refusal(path)}")
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror or error}") from error
    return found


def _refusal(path: Path) -> str:
    """Say why no format knows the file."""
    from neurodeploy import hdf5

    try:
        with hdf5.opened(path):
            return (
                "has no group 'layer' or 'node', expected a NetX network, a NIR graph or a "
                "neurodeploy program"
            )
    except FormatError as error:
        return str(error)


def read(path: Path | str, form: str | None = None, **options: Any) -> Program:
    """Return the Program in ``path``; ``form`` None knows the format by the content.

    Raises FormatError for a file that cannot be read, OptionError for an option that its format
    does not have or allow.
    """
    path = Path(path)
    chosen = sniff(path) if form is None else FORMATS.named(form)
    given = _given(path, options, chosen, chosen.reading, reading_options())
    try:
        return chosen.read(path, **given)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror or error}") from error


def read_floats(path: Path | str, form: str | None = None, **options: Any) -> FloatNetwork:
    """Return the network in ``path`` before it was rounded; arguments and errors as for `read`.

    Raises FormatError where the format holds integers.
    """
    path = Path(path)
    chosen = sniff(path) if form is None else FORMATS.named(form)
    if chosen.floats is None:
        raise FormatError(f"{path}: is a {chosen.title}, which holds integers: nothing is rounded")
    return chosen.floats(path, **_given(path, options, chosen, chosen.reading, reading_options()))


def write(
    program: Program, path: Path | str, form: str | None = None, **options: Any
) -> Written | None:
    """Write ``program`` to ``path``; ``form`` None chooses the format by the suffix.

    Raises ExportError for what the format cannot carry and for a file that cannot be written,
    OptionError for an option that the format does not have or allow.
    """
    path = Path(path)
    chosen = _by_suffix(path) if form is None else FORMATS.named(form)
    if chosen.write is None:
        raise ExportError(f"{path}: a {chosen.title} is read only, {_writable()}")
    given = _given(path, options, chosen, chosen.writing, writing_options())
    return chosen.write(program, path, **given)


def _by_suffix(path: Path) -> Format:
    for form in FORMATS.values():
        if form.write is not None and path.suffix in form.suffixes:
            return form
    raise ExportError(f"{path}: ends in {path.suffix!r}, {_writable()}")


def _writable() -> str:
    suffixes = [s for form in FORMATS.values() if form.write for s in form.suffixes]
    return f"expected {', '.join(suffixes[:-1])} or {suffixes[-1]}"


def _given(
    path: Path,
    options: Mapping[str, Any],
    chosen: Format,
    own: tuple[Option, ...],
    known: tuple[Option, ...],
) -> dict[str, Any]:
    """Return the options that are not at their default, all of them the format's own."""
    defaults = {option.name: option.default for option in known}
    for name in options.keys() - defaults.keys():
        raise OptionError(f"{path}: no option {name!r}, {_near(name, defaults)}")
    given = {name: value for name, value in options.items() if value != defaults[name]}
    for name in given.keys() - {option.name for option in own}:
        raise OptionError(
            f"{path}: {name} is {given[name]!r}, which is for {_owners(name)}; this is a "
            f"{chosen.title}"
        )
    return given


def _near(name: str, known: Mapping[str, object]) -> str:
    from neurodeploy.schema import nearest

    return nearest(name, list(known))


def _owners(name: str) -> str:
    titles = [
        f"{form.title}s"
        for form in FORMATS.values()
        if any(option.name == name for option in (*form.reading, *form.writing))
    ]
    return " and ".join(titles)
