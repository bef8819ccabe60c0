"""Errors and warnings of the library in the words of the command line."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from neurodeploy.converters.option import Option
from neurodeploy.errors import NeurodeployError


def spelt(message: str, options: Sequence[Option]) -> str:
    """Return ``message`` with the options named as on the command line.

    ``name=value`` and ``name='value'`` become ``--name value``. What stands in a path stays.
    """
    for option in options:
        name = rf"(?<![\w./\\-]){option.name}(?![\w./\\-])"
        message = re.sub(rf"{name}='(\w+)'", rf"{option.flag} \1", message)
        message = re.sub(f"{name}=", f"{option.flag} ", message)
        message = re.sub(name, option.flag, message)
    return message


_RUN = "timing|weights|steps|reset_interval|reset_offset|input_bits|threads|jobs|scheduler"
_ALONE = r"(?<![\w./\\-]){}(?![\w./\\-])"
_KEYWORD = re.compile(rf"(?<![\w./\\-])({_RUN})=(?:'(\w+)'|([\w.-]+))")
_SUBJECT = re.compile(rf"^({_RUN}|engines?|record)(?=: | is )")
_CHOICE = re.compile(r"(?<=(?:use|ith) )(timing|weights) '(\w+)'")
_NAME = re.compile(_ALONE.format("(reset_interval|reset_offset|input_bits)"))


def in_words_of_runs(message: str) -> str:
    """Return ``message`` with the options of a run named as on the command line.

    ``reset_offset=1`` becomes ``--reset-offset 1``, ``steps is 0`` at the beginning ``--steps is
    0``, ``use timing 'pipelined'`` ``use --timing pipelined``. What stands in a path stays.
    """

    def flag(found: re.Match[str]) -> str:
        values = [value for value in found.groups()[1:] if value]
        return " ".join([f"--{found[1].replace('_', '-')}", *values])

    for pattern in (_KEYWORD, _SUBJECT, _CHOICE, _NAME):
        message = pattern.sub(flag, message)
    return message


@contextmanager
def in_words_of_options(options: Sequence[Option]) -> Iterator[None]:
    """Spell the errors and warnings of the block as `spelt` does."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        except NeurodeployError as error:
            raise type(error)(spelt(str(error), options)) from error
        finally:
            said = [(spelt(str(entry.message), options), entry.category) for entry in caught]
    for message, category in said:
        warnings.warn(message, category, stacklevel=3)
