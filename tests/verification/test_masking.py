"""Signs of a weak attack: what is compared, and when it is suspicious."""

from __future__ import annotations

import pytest

from neurodeploy.attack.backward import Adaptive
from neurodeploy.attack.gradient import Fgsm, Pgd, SaPgd
from neurodeploy.attack.search import Noise, Square
from neurodeploy.verification.masking import FULL_RANGE, rate, signs

FGSM, PGD, ASSG, SQUARE, NOISE = (
    Fgsm(),
    Pgd(),
    SaPgd("margin", Adaptive()),
    Square(),
    Noise(),
)
ATTACKS = (FGSM, PGD, ASSG, SQUARE, NOISE)


def verdicts(**standing: int) -> list[dict[str, bool]]:
    """Ten samples, of which the first so many stand against each attack."""
    names = {"fgsm": FGSM, "pgd": PGD, "assg": ASSG, "square": SQUARE}
    return [{names[key].name: k < count for key, count in standing.items()} for k in range(10)]


def yardsticks(noise: int, full: int) -> list[dict[str, bool]]:
    return [{NOISE.name: k < noise, FULL_RANGE: k < full} for k in range(10)]


def suspicious(found: object) -> list[str]:
    return [sign.name for sign in found if sign.suspicious]  # type: ignore[attr-defined]


def test_a_sound_attack_shows_no_sign() -> None:
    found = signs(ATTACKS, verdicts(fgsm=5, pgd=3, assg=3, square=6), yardsticks(9, 0))
    assert suspicious(found) == []
    assert [(sign.rate, sign.against) for sign in found] == [
        (0.3, 0.3),
        (0.5, 0.3),
        (0.6, 0.3),
        (0.9, 0.3),
        (0.0, 0.0),
    ]


CASES = {
    "training surrogate against ensemble": (dict(fgsm=9, pgd=8, assg=3, square=9), (9, 0)),
    "single step against iterated": (dict(fgsm=2, pgd=3, assg=3, square=9), (9, 0)),
    "black box against white box": (dict(fgsm=5, pgd=3, assg=3, square=1), (9, 0)),
    "random noise against attacks": (dict(fgsm=5, pgd=3, assg=3, square=9), (2, 0)),
    "budget that must reach 0": (dict(fgsm=5, pgd=3, assg=3, square=9), (9, 1)),
}


@pytest.mark.parametrize("name", CASES)
def test_every_sign_is_seen(name: str) -> None:
    standing, (noise, full) = CASES[name]
    assert name in suspicious(signs(ATTACKS, verdicts(**standing), yardsticks(noise, full)))


def test_only_what_was_run_is_compared() -> None:
    found = signs((SQUARE, NOISE), verdicts(square=4), yardsticks(9, 0))
    assert [sign.name for sign in found] == [
        "random noise against attacks",
        "budget that must reach 0",
    ]
    assert signs(ATTACKS, [], []) == ()


def test_a_rate_is_of_samples_that_stand_against_all() -> None:
    found = [{"a": True, "b": True}, {"a": True, "b": False}, {"a": False, "b": True}]
    assert rate(["a", "b"], found) == 1 / 3
    assert rate(["a"], found) == 2 / 3
