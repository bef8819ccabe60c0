"""All constants that agree with the measured cases: a polytope, its corners and its extremes.

One measured total E bounds several constants together. With counts n of a case known between
n_low and n_high, and E between E_low and E_high, the constants c >= 0 agree with the case
exactly if

    sum n_low * c <= E_high   and   sum n_high * c >= E_low

Every case adds such a pair; what the profile states of a constant adds its ends. The energy of a
network with counts m lies between the least and the largest ``sum m * c`` of the set, both of which
stand at corners of it.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import ProfileError

if TYPE_CHECKING:
    from neurodeploy.profile import ChipProfile

Array = NDArray[np.float64]
MOST_CORNERS = 100_000
"""Choices of constraints that are tried at once; above, each direction is a linear programme."""
TOLERANCE = 1e-9


@dataclass(frozen=True)
class ConstantSet:
    """The set ``{c : matrix @ (c / scale) <= limits}`` of constants.

    keys : names of the constants, as in the profile, in whose units c and scale are given;
    units : picojoules per unit and event, ``(constants,)``.
    """

    keys: tuple[str, ...]
    units: Array
    scale: Array
    matrix: Array
    limits: Array

    @cached_property
    def corners(self) -> Array | None:
        """Every corner, ``(corners, constants)`` ; None where there are too many to list."""
        size = len(self.keys)
        if math.comb(len(self.limits), size) > MOST_CORNERS:
            return None
        chosen = np.array(list(itertools.combinations(range(len(self.limits)), size)))
        squares = self.matrix[chosen]
        regular = np.abs(np.linalg.det(squares)) > TOLERANCE
        sides = self.limits[chosen][regular][..., None]
        found = np.linalg.solve(squares[regular], sides)[..., 0]
        within = np.all(found @ self.matrix.T <= self.limits + TOLERANCE, axis=1)
        return np.asarray(np.maximum(found[within], 0.0) * self.scale)

    def extremes(self, counts: Array) -> tuple[Array, Array]:
        """Return the least and the largest energy in pJ of ``counts``, ``(constants, samples)``."""
        low, high = self.least(counts), -self.least(-counts)
        return low, high

    def least(self, counts: Array) -> Array:
        """Return the least ``sum counts * c`` of the set in pJ, ``(samples,)``."""
        return np.asarray(np.sum(self.argleast(counts) * counts.T * self.units, axis=1))

    def argleast(self, counts: Array) -> Array:
        """Return the constants that give the least energy, ``(samples, constants)``."""
        if self.corners is not None:
            return np.asarray(self.corners[np.argmin((self.corners * self.units) @ counts, axis=0)])
        unique, place = np.unique(counts, axis=1, return_inverse=True)
        found = np.array([self._solved(direction) for direction in unique.T])
        return np.asarray(found[np.ravel(place)])

    def _solved(self, direction: Array) -> Array:
        from scipy.optimize import linprog

        weights = direction * self.units * self.scale
        size = float(np.abs(weights).max()) or 1.0
        found = linprog(weights / size, self.matrix, self.limits, bounds=(0, None), method="highs")
        return np.asarray(found.x * self.scale)

    def empty(self) -> bool:
        """Whether nothing agrees with all cases."""
        if self.corners is not None:
            return len(self.corners) == 0
        from scipy.optimize import linprog

        zero = np.zeros(len(self.keys))
        found = linprog(zero, self.matrix, self.limits, bounds=(0, None), method="highs")
        return not found.success


def consistent_set(profile: ChipProfile) -> ConstantSet:
    """Return the constants that agree with every case of the profile's joint constraint.

    A constant that no case bounds is left out of the set. Raises ProfileError where no constants
    agree with all cases.
    """
    from neurodeploy.profile import JOINT

    convention = profile.energy.count_convention or "taps"
    cases = [profile.cases[name] for name in profile.energy.joint]
    low = np.array(
        [[case.ends(convention)[n][0] * u for _, n, u in JOINT.values()] for case in cases]
    )
    high = np.array(
        [[case.ends(convention)[n][1] * u for _, n, u in JOINT.values()] for case in cases]
    )
    total = np.array([case.dynamic_mj.bounds for case in cases if case.dynamic_mj]) * 1e9
    most, least = total[:, 2], np.maximum(total[:, 0], 0.0)
    bounded = np.asarray((low > 0).any(axis=0))
    with np.errstate(divide="ignore"):
        scale = np.min(most[:, None] / low, axis=0)[bounded]
    rows = [-np.eye(int(bounded.sum()))]
    limits = [np.zeros(int(bounded.sum()))]
    for case, ceiling in enumerate(most):
        rows.append((low[case, bounded] * scale / ceiling)[None])
        limits.append(np.ones(1))
        if least[case] > 0 and np.isfinite(high[case]).all():
            rows.append(-(high[case, bounded] * scale / least[case])[None])
            limits.append(-np.ones(1))
    keys = tuple(key for key, known in zip(JOINT, bounded.tolist(), strict=True) if known)
    for place, key in enumerate(keys):
        stated = profile.section(JOINT[key][0]).quantity(key)
        if stated is not None:
            unit = np.eye(len(keys))[place]
            rows.append(np.stack([unit, -unit]))
            limits.append(np.array([stated.bounds[2], -stated.bounds[0]]) / scale[place])
    units = np.array([JOINT[key][2] for key in keys])
    found = ConstantSet(keys, units, scale, np.concatenate(rows), np.concatenate(limits))
    if found.empty():
        raise ProfileError(
            f"profile {profile.name}: energy is refused, no constants agree with all of "
            f"{', '.join(profile.energy.joint)}"
        )
    return found
