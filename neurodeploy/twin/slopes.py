"""How gradients cross the spike test and which paths they may take: chosen for each pass."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from neurodeploy.errors import OptionError, located
from neurodeploy.fixedpoint import MANTISSA_SHIFT
from neurodeploy.twin.layout import Layout
from neurodeploy.twin.surrogate import SURROGATES, Surrogate, Width

PATHS = ("reset", "threshold", "gain", "homeostasis")
"""What a gradient may pass on its way back, beside the spike test.

reset : from v after a spike to the spike that reset it. threshold : from the spike test, and from a
reset by subtraction, to the threshold. gain : the product with the gain of a step; without it the
gain counts as the constant 64. homeostasis : from a moving threshold to the v that moved it, and to
theta.
"""

UNIT = 1 << MANTISSA_SHIFT


@dataclass(frozen=True)
class Slope:
    """The surrogate of one population.

    name : in `SURROGATES`, or None for a function of the caller's. width : a number, or a tensor
    that broadcasts against ``(batch, steps, *shape)``.
    """

    name: str | None
    function: Surrogate
    width: Width
    layout: Layout

    def __call__(self, z: Tensor) -> Tensor:
        """Return ds/dz for z ``(steps, batch, size)``, all steps of the pass."""
        if self.name is not None:
            width = self.width
            if isinstance(width, Tensor):
                width = self.layout.inner(width.to(z))
            return self.function(z, width)
        slope = self.function(self.layout.given(z), self.width)
        return self.layout.inner(torch.as_tensor(slope).to(z))


def slope_of(population: str, surrogate: Any, width: Any, layout: Layout) -> Slope:
    """Return what the options of a pass say about ``population``; either may be a mapping.

    Raises OptionError.
    """
    with located(f"population {population}"):
        chosen = _own("surrogate", surrogate, population)
        name = None if callable(chosen) else chosen
        function = chosen if callable(chosen) else SURROGATES.named(chosen)
        return Slope(name, function, _width(_own("width", width, population), layout), layout)


def _own(what: str, value: Any, population: str) -> Any:
    if not isinstance(value, Mapping):
        return value
    if population not in value:
        known = ", ".join(map(str, value)) or "nothing"
        raise OptionError(f"{what} is given for {known}, expected one for each population")
    return value[population]


def _width(width: Any, layout: Layout) -> Width:
    if isinstance(width, Tensor) and width.dim():
        leading = (layout.batch, layout.steps) if layout.batched else (layout.steps,)
        full = (*leading, *layout.shape)
        try:
            fits = width.expand(full).shape == full
        except RuntimeError:
            fits = False
        if not fits:
            raise OptionError(f"width has shape {tuple(width.shape)}, expected one like {full}")
        if not bool((torch.isfinite(width) & (width > 0)).all()):
            raise OptionError("width holds a value that is not above 0, expected positive ones")
        return width.detach()
    try:
        number = float(width)
    except (TypeError, ValueError):
        raise OptionError(f"width is {width!r}, expected a number or a tensor") from None
    if not (math.isfinite(number) and number > 0):
        raise OptionError(f"width is {number:g}, expected a positive number")
    return number


def paths_of(through: Any) -> frozenset[str]:
    """Return the paths that a pass leaves open. Raises OptionError for an unknown one."""
    if isinstance(through, str) or not isinstance(through, Collection):
        raise OptionError(f"through is {through!r}, expected names out of {', '.join(PATHS)}")
    for name in through:
        if name not in PATHS:
            raise OptionError(f"through holds {name!r}, expected names out of {', '.join(PATHS)}")
    return frozenset(through)


class Slopes:
    """ds/dv of one population in one pass, found when the backward pass first needs it.

    The spike tests of all steps are collected on the way forward, so that a surrogate sees all
    steps at once even where a cycle runs them one by one.
    """

    def __init__(self, slope: Slope) -> None:
        self.slope = slope
        self._tests: list[tuple[Tensor, Tensor, Tensor]] = []
        self._found: Tensor | None = None

    def collect(self, v: Tensor, vth: Tensor, unit: Tensor) -> slice:
        """Keep steps of v before the reset and vth; return which steps of the pass they are."""
        start = sum(len(entry[0]) for entry in self._tests)
        self._tests.append((v, vth, unit))
        self._found = None
        return slice(start, start + len(v))

    def of(self, steps: slice) -> Tensor:
        """Return ``surrogate((v - vth) / unit) / unit`` of these steps."""
        if self._found is None:
            z = torch.cat([(v - vth) / unit for v, vth, unit in self._tests])
            self._found = self.slope(z) / self._tests[0][2]
        return self._found[steps]
