"""Errors and warnings: names that are offered, and the line that a warning points to."""

from __future__ import annotations

import inspect
import types
import warnings
from typing import Any

import pytest

from neurodeploy.errors import (
    NeurodeployError,
    NeurodeployWarning,
    OptionError,
    ProgramError,
    alike,
    located,
    warn,
)

KNOWN = ["input", "output", "part", "data", "suite", "seed"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("inptu", "input"),
        ("outpu", "output"),
        ("sed", "seed"),
        ("date", "data"),
        ("rate", None),
        ("quiet", None),
        ("nothing", None),
        ("", None),
    ],
)
def test_only_a_name_that_is_alike_is_offered(name: str, found: str | None) -> None:
    assert alike(name, KNOWN) == found
    option = alike(f"--{name}", [f"--{entry}" for entry in KNOWN])
    assert option == (None if found is None else f"--{found}")


def test_nothing_is_offered_where_nothing_is_known() -> None:
    assert alike("input", []) is None


def test_location_stands_before_an_error_of_ours_and_keeps_its_class() -> None:
    with pytest.raises(ProgramError, match=r"^there: what$") as found, located("there"):
        raise ProgramError("what")
    assert isinstance(found.value.__cause__, ProgramError)
    with pytest.raises(ValueError, match=r"^what$"), located("there"):
        raise ValueError("what")
    assert issubclass(OptionError, NeurodeployError)


def module(name: str, **names: Any) -> types.ModuleType:
    """A module of the package, made here."""
    made = types.ModuleType(f"neurodeploy.{name}")
    vars(made).update(names)
    return made


def test_a_warning_points_to_the_line_of_the_user_through_nested_calls() -> None:
    inner = module("inner", warn=warn)
    exec("def a():\n    warn('x')", vars(inner))
    outer = module("outer", inner=inner.a)
    exec("def b():\n    return (lambda: inner())()", vars(outer))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        line = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]
        outer.b()
    (found,) = caught
    assert (found.filename, found.lineno) == (__file__, line)
    assert found.category is NeurodeployWarning
