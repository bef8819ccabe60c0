"""The attacks of a strength on one network: what it has gradients, draws and aside samples for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from neurodeploy.attack import Attack, Budget, strength
from neurodeploy.attack.backward import SHARE, Adaptive
from neurodeploy.attack.gradient import Apgd, GradientAttack, SaPgd
from neurodeploy.attack.threads import one_thread
from neurodeploy.attack.transfer import RELU, transfers
from neurodeploy.encode import Rate
from neurodeploy.program import Program
from neurodeploy.verification.elsewhere import relu_missing, source_name
from neurodeploy.verification.gradients import gradients_missing
from neurodeploy.verification.suites import Subject
from neurodeploy.verification.tuning import Trial, tuned


def arsenal(
    subject: Subject,
    budget: Budget,
    name: str,
    sources: Sequence[Program] = (),
    iterations: int | None = None,
    seed: int = 0,
) -> tuple[Attack, ...]:
    """Return the attacks of the strength ``name`` at a budget.

    Without gradients only searches and transfers are left. ``strong`` finds the share of every ASSG
    of SA-PGD on the validation samples, and trains a network of ReLUs to transfer from. sources :
    programs to transfer from, at any strength. iterations : of SA-PGD and Auto-PGD, in place of
    those of the strength.
    """
    found = strength(name, budget.unit, isinstance(subject.data.encoder, Rate))
    if gradients_missing(subject.program, subject.recipe):
        found = tuple(method for method in found if not method.needs_gradient)
    elif name == "strong" and budget.unit == "eps":
        found = tuple(_tuned(subject, budget, method, seed) for method in found)
    if iterations is not None:
        found = tuple(_longer(method, iterations) for method in found)
    if name == "strong" and relu_missing(subject) is None:
        found = (*found, *transfers(RELU, budget.unit))
    for program in sources:
        found = (*found, *transfers(source_name(program), budget.unit))
    return found


def _longer(method: Attack, iterations: int) -> Attack:
    long = isinstance(method, SaPgd) or type(method) is Apgd
    return replace(method, steps=iterations) if long else method  # type: ignore[call-arg]


def _tuned(subject: Subject, budget: Budget, method: Attack, seed: int) -> Attack:
    if subject.aside.validation is None or not isinstance(method, GradientAttack):
        return method
    way = method.backward
    if not (isinstance(method, SaPgd) and isinstance(way, Adaptive) and way.share == SHARE):
        return method
    data = subject.aside.validation
    trial = Trial.of(subject.program, subject.recipe, budget, data, seed)
    with one_thread():
        share = tuned(trial, way.shape)
    return replace(method, backward=replace(way, share=share))
