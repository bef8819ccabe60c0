"""Every attack by name, and the sets of attacks that strengths stand for."""

from __future__ import annotations

from collections.abc import Callable

from neurodeploy.attack import gradient
from neurodeploy.attack.attack import Attack
from neurodeploy.attack.backward import Adaptive, Backward, RateGradient, Surrogate
from neurodeploy.attack.events import EventNoise, Flips, Shifts
from neurodeploy.attack.gradient import Apgd, Fgsm, Pgd, SaPgd, TargetedApgd
from neurodeploy.attack.search import Boundary, Exhaustive, Noise, RandomSearch, Square
from neurodeploy.registry import ByName

ATTACKS: ByName[type[Attack]] = ByName(
    "attack",
    {
        **gradient.KINDS,
        **{kind.kind: kind for kind in (Square, RandomSearch, Boundary, Exhaustive, Noise)},
    },
)
"""Every attack on data that have a budget in steps."""
EVENT_ATTACKS: ByName[type[Attack]] = ByName(
    "attack on events", {kind.kind: kind for kind in (Flips, Shifts, EventNoise)}
)
"""Every attack on binary columns."""

TRAINING = Surrogate("fast_sigmoid")
"""The surrogate that networks are trained with where nothing else is said."""
PLAIN: tuple[Backward, ...] = (
    TRAINING,
    Surrogate("triangle"),
    Surrogate("sigmoid"),
    Surrogate("atan"),
)
LOSSES = ("ce", "margin")


def quick(random: bool) -> tuple[Attack, ...]:
    """Seconds: one step, a few iterated ones, a short search."""
    return (
        Fgsm(backward=TRAINING),
        Pgd("ce", TRAINING, steps=10),
        SaPgd("margin", Adaptive("atan"), steps=15),
        Square(queries=50),
        Noise(),
    )


def standard(random: bool) -> tuple[Attack, ...]:
    """Four surrogates with two losses and two restarts, ASSG, and Square with 1000 queries."""
    return (
        Fgsm(backward=TRAINING),
        SaPgd("margin", Adaptive("atan"), steps=50),
        *(Pgd(loss, way, steps=30, restarts=2) for way in PLAIN for loss in LOSSES),
        *((Pgd("ce", RateGradient("hart"), draws=4, steps=30),) if random else ()),
        Square(queries=1000),
        Noise(),
    )


def strong(random: bool) -> tuple[Attack, ...]:
    """All that is known to be strong, each to the end."""
    shapes = ("triangle", "gaussian", "atan")
    return (
        Fgsm(backward=TRAINING),
        *(SaPgd(loss, Adaptive(shape), steps=100) for shape in shapes for loss in LOSSES),
        *(Pgd(loss, way, steps=50, restarts=3) for way in PLAIN for loss in LOSSES),
        *(Apgd(loss, Adaptive("atan"), steps=100) for loss in ("ce", "dlr")),
        TargetedApgd(backward=Adaptive("atan"), steps=50, classes=3),
        *(Pgd("ce", RateGradient(rule), steps=50) for rule in ("rga", "bptr")),
        *((Pgd("ce", RateGradient("hart"), draws=10, steps=50),) if random else ()),
        *((SaPgd("ce", Adaptive("atan"), draws=10, steps=50),) if random else ()),
        Square(queries=5000),
        RandomSearch(queries=1000),
        Boundary(queries=1000),
        Noise(),
    )


STRENGTHS: ByName[Callable[[bool], tuple[Attack, ...]]] = ByName(
    "strength", {"quick": quick, "standard": standard, "strong": strong}
)
FLIPS: ByName[tuple[Attack, ...]] = ByName(
    "strength",
    {
        "quick": (Flips(candidates=4), EventNoise()),
        "standard": (
            *(Flips(mode=mode) for mode in ("flip", "insert", "delete")),
            Flips(beam=3),
            Flips(candidates=32, guided=False),
            EventNoise(),
        ),
        "strong": (
            *(Flips(mode=mode, candidates=16) for mode in ("flip", "insert", "delete")),
            Flips(candidates=16, beam=6),
            Flips(candidates=64, guided=False),
            EventNoise(),
        ),
    },
)
SHIFTS: ByName[tuple[Attack, ...]] = ByName(
    "strength",
    {
        "quick": (Shifts(turns=5), EventNoise()),
        "standard": (Shifts(turns=20), Shifts(turns=10, guided=False), EventNoise()),
        "strong": (
            Shifts(turns=60),
            Shifts(turns=50, guided=False),
            EventNoise(),
        ),
    },
)


def strength(name: str, unit: str = "eps", random: bool = False) -> tuple[Attack, ...]:
    """Return the attacks of a strength for budgets of a unit: eps, flips or shift.

    random : whether the encoder draws random numbers. Raises OptionError for an unknown name.
    """
    if unit == "eps":
        return STRENGTHS.named(name)(random)
    return (FLIPS if unit == "flips" else SHIFTS).named(name)


FULL: tuple[Attack, ...] = (
    Pgd("margin", TRAINING, steps=20),
    SaPgd("margin", Adaptive("atan"), steps=20),
    Boundary(queries=100),
)
"""What is tried where every value may be anything, until nothing stands."""
