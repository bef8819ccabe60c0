"""Whether a network has gradients here, and why not."""

from __future__ import annotations

import importlib.util
from functools import lru_cache

from neurodeploy.answers import Recipe
from neurodeploy.errors import NeurodeployError, OptionError
from neurodeploy.program import Program
from neurodeploy.verification.suites import Subject


def torch_is_here() -> bool:
    """Whether gradients can be had at all."""
    return importlib.util.find_spec("torch") is not None


@lru_cache(maxsize=4)
def gradients_missing(program: Program, recipe: Recipe) -> str | None:
    """Return why a network has no gradients here, None where it has."""
    if not torch_is_here():
        return "gradients need torch, which is not installed; pip install 'neurodeploy[train]'"
    from neurodeploy.attack.oracle import Twins

    try:
        Twins(program, recipe)
    except NeurodeployError as error:
        return str(error)
    return None


def check_gradient(name: str, subject: Subject) -> None:
    """Raise OptionError where the attack ``name`` needs a gradient that the network has not."""
    missing = gradients_missing(subject.program, subject.recipe)
    if missing:
        raise OptionError(f"attack {name}: needs a gradient: {missing}")
