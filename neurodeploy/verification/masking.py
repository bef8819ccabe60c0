"""Signs that an attack is weak rather than the network strong, beside every robust accuracy.

Source: Carlini et al., "On evaluating adversarial robustness", arXiv:1902.06705, section 3; Athalye
et al., ICML 2018, arXiv:1802.00420.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from neurodeploy.attack import Attack
from neurodeploy.attack.registry import TRAINING

FULL_RANGE = "full range"
"""Name of the verdict on data that may be anything within their range."""
GAP = 0.05
"""Share of samples by which one surrogate may overstate before it is a sign."""


@dataclass(frozen=True)
class Sign:
    """One comparison. rate, against : shares of samples that stand. suspicious : what it says."""

    name: str
    rate: float
    against: float
    suspicious: bool
    text: str


Verdicts = Sequence[Mapping[str, bool]]
"""Of each sample, whether it stands, by attack."""


def signs(attacks: Sequence[Attack], verdicts: Verdicts, yardsticks: Verdicts) -> tuple[Sign, ...]:
    """Return the signs of the samples on which every attack ran.

    yardsticks : verdicts of random noise of equal size, and of the full range of the data.
    """
    if not verdicts:
        return ()
    return tuple(_found([a for a in attacks if not a.sign_only], verdicts, yardsticks))


def rate(names: Sequence[str], verdicts: Verdicts) -> float:
    """Return the share of samples that stand against all of the attacks ``names``."""
    return sum(all(one[name] for name in names) for one in verdicts) / len(verdicts)


def _found(attacks: Sequence[Attack], verdicts: Verdicts, yardsticks: Verdicts) -> Iterator[Sign]:
    every = rate([a.name for a in attacks], verdicts)
    white = [a.name for a in attacks if a.needs_gradient]
    black = [a.name for a in attacks if not a.needs_gradient]
    trained = [a.name for a in attacks if getattr(a, "backward", None) == TRAINING and a.iterated]
    if trained:
        alone = rate(trained, verdicts)
        yield Sign(
            "training surrogate against ensemble",
            alone,
            every,
            alone - every > GAP,
            f"the surrogate of training alone leaves {alone:.1%}, all attacks {every:.1%}",
        )
    single = [a.name for a in attacks if a.needs_gradient and not a.iterated]
    many = [a.name for a in attacks if a.needs_gradient and a.iterated]
    if single and many:
        yield _smaller("single step against iterated", rate(single, verdicts), rate(many, verdicts))
    if white and black:
        yield _smaller("black box against white box", rate(black, verdicts), rate(white, verdicts))
    for name in yardsticks[0] if yardsticks else ():
        left = rate([name], yardsticks)
        if name != FULL_RANGE:
            yield _smaller("random noise against attacks", left, every)
            continue
        text = f"{left:.1%} stand where every value may be anything, expected 0"
        yield Sign("budget that must reach 0", left, 0.0, left > 0, text)


def _smaller(name: str, weak: float, strong: float) -> Sign:
    """The first of two should leave no fewer samples than the second."""
    first, _, second = name.partition(" against ")
    text = f"{first} leaves {weak:.1%}, {second} {strong:.1%}"
    return Sign(name, weak, strong, weak < strong, text)
