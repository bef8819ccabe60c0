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


_KEYWORD = re.compile(
    r"(?<![\w./\\-])"
    r"(timing|weights|steps|reset_interval|reset_offset|input_bits|threads|jobs|scheduler)"
    r"=(?:'(\w+)'|([\w.-]+))"
)


def keywords_as_flags(message: str) -> str:
    """Return ``message`` with ``reset_offset=1`` and its like as ``--reset-offset 1``."""

    def flag(found: re.Match[str]) -> str:
        return f"--{found[1].replace('_', '-')} {found[2] or found[3]}"

    return _KEYWORD.sub(flag, message)


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
