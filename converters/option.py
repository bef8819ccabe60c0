"""An option of a format: what a user may say when a file is read or written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from neurodeploy.errors import OptionError

Value = int | float | str | tuple[int, ...]


@dataclass(frozen=True)
class Option:
    """One option. name : the keyword in Python. parse : its value from text.

    expected : what the text must be, for messages. metavar, help : for the command line, where it
    is called `flag`. default : the value that says nothing.
    """

    name: str
    parse: Callable[[str], Value]
    expected: str
    metavar: str
    help: str
    default: Value | None = None

    @property
    def flag(self) -> str:
        """Spelling on the command line."""
        return f"--{self.name.replace('_', '-')}"

    def parsed(self, text: str, spelt: str) -> Value:
        """Return the value of ``text``; OptionError names the option as the user ``spelt`` it."""
        try:
            return self.parse(text)
        except ValueError:
            raise OptionError(f"{spelt} is {text!r}, expected {self.expected}") from None


def whole_number(name: str, metavar: str, help: str, default: int | None = None) -> Option:
    """Return an option whose value is a whole number."""
    return Option(name, int, "a whole number", metavar, help, default)


def number(name: str, metavar: str, help: str, default: float | None = None) -> Option:
    """Return an option whose value is a number."""
    return Option(name, float, "a number", metavar, help, default)


def word(name: str, metavar: str, help: str, default: str | None = None) -> Option:
    """Return an option whose value is one of a few words, checked where it is used."""
    return Option(name, str, "a word", metavar, help, default)


def sizes(name: str, metavar: str, help: str, example: str) -> Option:
    """Return an option whose value is a row of whole numbers, such as ``28,28,1``."""
    return Option(name, _sizes, f"N or {metavar} such as {example}", metavar, help)


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))
