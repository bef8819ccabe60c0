"""The errors of neurodeploy: one class per cause, each message a single line.

A message reads ``{where}: {what} {value}, {limit or expectation}`` and names the way out when it
is known. Leaves raise a short fact; the function that knows the file or the record prefixes it
with `located`.
"""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType


class NeurodeployError(Exception):
    """Base of every error that a user can cause; the command line prints it and exits with 2."""


class ProgramError(NeurodeployError):
    """A Program or one of its records breaks a rule: a shape, a range, a name, a cycle."""


class ModelError(NeurodeployError, TypeError):
    """A neuron or synapse record of a type that a table of this package has no entry for."""


class FormatError(NeurodeployError):
    """A file is damaged, truncated, foreign, hostile or of a version that cannot be read."""


class ExportError(NeurodeployError):
    """A valid Program cannot be expressed in the target format or on the target."""


class InputError(NeurodeployError):
    """The data given to a simulation has the wrong shape, type or range."""


class OptionError(NeurodeployError):
    """A run option, a configuration entry or a combination of them is not allowed."""


class EngineError(NeurodeployError):
    """An engine is not available here or stopped: a missing interpreter, a time-out, a crash."""


class CapacityError(NeurodeployError, MemoryError):
    """A request needs more memory than there is; the message says how much and what needs less."""


class DataError(NeurodeployError):
    """A data set is missing, incomplete or does not fit the network."""


class TrainingError(NeurodeployError):
    """Training cannot go on: a loss that is not finite, a checkpoint of another configuration."""


class ProfileError(NeurodeployError):
    """A chip profile breaks the schema, or holds no usable constant for what was asked."""


class PlacementError(NeurodeployError):
    """A Program fits no number of cores of a chip, or more of them than there are."""


class NeurodeployWarning(UserWarning):
    """Something runs, but probably not as expected; the message says where and by how much."""


ALIKE = 0.7
"""Least share of letters that a name has in common with one that is offered in its place."""


def alike(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that ``name`` may stand for, None where none is like it.

    Dashes before an option count for nothing: all have them.
    """
    bare = {entry.lstrip("-"): entry for entry in known}
    close = difflib.get_close_matches(name.lstrip("-"), bare, 1, ALIKE)
    return bare[close[0]] if close else None


_PASSED = ("neurodeploy", "contextlib", "torch")
"""Packages whose frames lie between a user's line and the place that warns."""


def warn(message: str) -> None:
    """Issue a NeurodeployWarning that points to the user's line, however deep the call."""
    level, frame = 2, sys._getframe(1)
    while frame is not None and _package(frame) in _PASSED and frame.f_back is not None:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, NeurodeployWarning, stacklevel=level)


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


@contextmanager
def located(where: str) -> Iterator[None]:
    """Prefix the message of any neurodeploy error raised inside the block with ``where: ``."""
    try:
        yield
    except NeurodeployError as error:
        raise type(error)(f"{where}: {error}") from error
