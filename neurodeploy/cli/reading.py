"""How a program file is read: the options that every verb with a PROGRAM takes.

A verb that is decorated with `reads_program` has a keyword ``reading``; on the command line it
stands for one option of each reading option that a format states, ``--read`` for formats added
later, and the options of the read-out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurodeploy.cli.options import in_place_of, parameter
from neurodeploy.cli.words import in_words_of_options
from neurodeploy.converters.formats import reading_options, writing_options
from neurodeploy.errors import NeurodeployError, OptionError

if TYPE_CHECKING:
    from neurodeploy.converters.float_network import FloatNetwork
    from neurodeploy.program import Program

PANEL = "Reading the program"


@dataclass(frozen=True)
class Reading:
    """What the user says about reading a program.

    options : given ones by their name in Python, as text. more : of ``--read``, as ``key=value``.
    readout : ``NAME:VARIABLE``, window, pool : replace those of the program where given.
    """

    options: Mapping[str, str] = field(default_factory=dict)
    more: tuple[str, ...] = ()
    readout: str | None = None
    window: int | None = None
    pool: int | None = None

    def program(self, path: Path, form: str | None = None) -> Program:
        """Return the program in ``path``; ``form`` None knows the format by the content.

        Raises FormatError for a file that is wrong, OptionError for what does not fit it.
        """
        from neurodeploy.converters import load

        options = self._values()
        with in_words_of_options((*reading_options(), *writing_options())):
            program = load(path, form=form, **options)
        return self._classified(program)

    def floats(self, path: Path, form: str | None = None) -> FloatNetwork:
        """Return the network in ``path`` before it was rounded; errors as for `program`."""
        from neurodeploy.converters.formats import read_floats

        with in_words_of_options((*reading_options(), *writing_options())):
            return read_floats(path, form, **self._values())

    def _values(self) -> dict[str, Any]:
        known = {option.name: option for option in reading_options()}
        given = {
            name: known[name].parsed(text, known[name].flag) for name, text in self.options.items()
        }
        for item in self.more:
            key, mark, text = item.partition("=")
            name = key.replace("-", "_")
            if not mark or name not in known:
                raise OptionError(
                    f"--read is {item!r}, expected KEY=VALUE with a key of {', '.join(known)}"
                )
            given[name] = known[name].parsed(text, f"--read {key}")
        return given

    def _classified(self, program: Program) -> Program:
        if self.readout is None and self.window is None and self.pool is None:
            return program
        from neurodeploy.program import with_readout

        name, variable = None, None
        if self.readout is not None:
            name, _, variable = self.readout.rpartition(":")
            if not name or not variable:
                raise OptionError(
                    f"--readout is {self.readout!r}, expected NAME:VARIABLE such as "
                    f"{program.readout.population}:{program.readout.variable}"
                )
        try:
            return with_readout(program, name, variable, self.window, self.pool)
        except NeurodeployError as error:
            text = str(error).removeprefix("readout: ")
            mark = "--" if text.startswith(("window ", "pool ")) else "--readout: "
            raise OptionError(f"{mark}{text}") from error


def _made(values: dict[str, Any]) -> Reading:
    named = {key: values.pop(key) for key in ("readout", "window", "pool")}
    more = tuple(values.pop("read") or ())
    options = {name: text for name, text in values.items() if text is not None}
    return Reading(options, more, **named)


reads_program = in_place_of(
    "reading",
    [
        *(
            parameter(option.name, str, PANEL, option.metavar, option.help)
            for option in reading_options()
        ),
        parameter(
            "read",
            list[str],
            PANEL,
            "KEY=VALUE",
            "Any option of reading, those of added formats too.",
        ),
        parameter(
            "readout",
            str,
            PANEL,
            "NAME:VARIABLE",
            "Classify with this variable of this population. Default: as the program says.",
        ),
        parameter(
            "window",
            int,
            PANEL,
            "N",
            "Classify with the last N steps, 0 for all. Default: as the program says.",
        ),
        parameter(
            "pool",
            int,
            PANEL,
            "N",
            "Classify with sums over N neurons a class. Default: as the program says.",
        ),
    ],
    _made,
)
"""Gives a verb the options of reading in place of its keyword ``reading``."""
