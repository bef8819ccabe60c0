"""Methods of robust training as a user writes them: perturbed pass, loss, hooks, schedules."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from neurodeploy.train.hooks import HOOKS
from neurodeploy.train.perturbations import OBJECTIVES, PERTURBATIONS
from neurodeploy.train.ramps import RAMPS
from neurodeploy.train.specs import Spec
from neurodeploy.train.terms import LAYERS, TERMS

Share = Annotated[float, Field(ge=0, le=1)]
NotNegative = Annotated[float, Field(ge=0, le=1e6)]
Eps = Annotated[float, Field(gt=0, le=255)]


def _one_of(names: Collection[str], *more: str) -> AfterValidator:
    """Return the check that a text is one of ``more`` or of the names known when it is read."""

    def known(value: str) -> str:
        if value not in names and value not in more:
            expected = ", ".join([*more, *names])
            raise PydanticCustomError("name", "expected one of {expected}", {"expected": expected})
        return value

    return AfterValidator(known)


class Ramp(Spec):
    """A factor that rises to 1 (see `neurodeploy.train.ramps`).

    kind : ``"linear"``, ``"cosine"``, or ``"step"``, all at once at ``end``. start, end : shares of
    all training steps between which it rises. low : the factor before.
    """

    kind: Annotated[str, _one_of(RAMPS)] = "linear"
    start: Share = 0.0
    end: Share = 1.0
    low: Share = 0.0


class Perturbation(Spec):
    """What the second forward pass of training sees (see `neurodeploy.train.perturbations`).

    kind : ``"none"``, ``"gaussian"``, ``"uniform"``, ``"fgsm"``, ``"r-fgsm"``, ``"gaussian-fgsm"``
    or ``"pgd"``, of the data; ``"bit-flips"`` or ``"worst-flips"``, of the stored weights. std : of
    gaussian and gaussian-fgsm, in units of the data's peak. clamp : of gaussian: keep noisy values
    within the data's range, as the deployed encoder needs for spikes; the others always do.
    eps : budget of the others, in 255ths of the data's peak. steps : of pgd. step_eps : its step,
    as eps; None for 2.5 * eps / steps. random_start : of pgd, anywhere within the budget.
    objective : what gradients climb: ``"cross-entropy"``, or ``"kl"`` from the clean answer.
    rate : of bit-flips, share of all bits of the weights. flips : of worst-flips, how many.
    ramp : schedule of the budget, None for the whole from the start.
    """

    later: ClassVar[frozenset[str]] = frozenset(
        {"eps", "steps", "step_eps", "random_start", "objective", "rate", "flips", "ramp"}
    )

    kind: Annotated[str, _one_of(PERTURBATIONS, "none")] = "none"
    std: Annotated[float, Field(gt=0, le=10)] = 8 / 255
    clamp: bool = True
    eps: Eps = 8.0
    steps: Annotated[int, Field(ge=1, le=10_000)] = 10
    step_eps: Eps | None = None
    random_start: bool = True
    objective: Annotated[str, _one_of(OBJECTIVES)] = "cross-entropy"
    rate: Annotated[float, Field(gt=0, le=0.5)] = 0.01
    flips: Annotated[int, Field(ge=1, le=10_000)] = 1
    ramp: Ramp | None = None


class Loss(Spec):
    """What is minimised (see `neurodeploy.train.losses`).

    term : ``"none"``, ``"ms-mppd"``, ``"mppd-l1"`` (TV-l1) or ``"trades"``. term_weight : its
    factor (rho). layers : spiking layers that an MPPD term looks at, ``"last"`` or ``"all"``.
    clean_share : share of the clean cross-entropy (chi), when there is a perturbation.
    term_ramp, share_ramp : schedules of the term's weight, and of the share of the perturbed pass.
    labels : ``"sample"``: the cross-entropy of the mean over the steps; ``"step"``: its mean over
    all steps with data of the read-out's window, each of which is to know the label by itself;
    ``"train"``: in place of a cross-entropy, the distance of the spikes read out from those wanted.
    rate_weight, rate_target : weight of the mean squared distance of each layer's firing rate from
    the target. rest_weight : weight of the firing rate in the second half of the encoder's gap,
    which teaches a recurrent network to come to rest before the next sample of a stream.
    """

    later: ClassVar[frozenset[str]] = frozenset({"layers", "term_ramp", "share_ramp", "labels"})

    term: Annotated[str, _one_of(TERMS, "none")] = "none"
    term_weight: NotNegative = 1.0
    layers: Annotated[str, _one_of(LAYERS)] = "last"
    term_ramp: Ramp | None = None
    clean_share: Share = 0.5
    share_ramp: Ramp | None = None
    labels: Literal["sample", "step", "train"] = "sample"
    rate_weight: NotNegative = 0.0
    rate_target: Share = 0.1
    rest_weight: NotNegative = 0.0


class Interval(Spec):
    """Training through the ends of what a budget may do (see `neurodeploy.train.interval`).

    The loss becomes `(1 - weight) * loss + weight * CE(worst margins)`, and the epoch that is kept
    is the best by the same mean of validation accuracy and the share that the bounds hold.

    eps : budget, in 255ths of the data's peak. weight : share of the worst case; with 0 nothing is
    computed. ramp : schedule of the budget. weight_ramp : of the share.
    method : ``"ends"``, ``"s-ibp"`` or ``"s-crown"`` (`neurodeploy.train.interval.Method`).
    columns : first columns of a sample that are bounded, None for all.
    room : of the width of u, what currents within the budget should keep to; room_weight : factor
    of what they exceed it by, in units of the layer, 0 for no limit.
    """

    eps: Eps
    weight: Share = 0.6
    ramp: Ramp | None = None
    weight_ramp: Ramp | None = None
    method: Literal["ends", "s-ibp", "s-crown"] = "ends"
    columns: Annotated[int, Field(ge=1, le=100_000)] | None = None
    room: Annotated[float, Field(gt=0, le=1)] = 1.0
    room_weight: NotNegative = 0.0


class Hook(Spec):
    """What is done to the weights after each step of the optimizer (`neurodeploy.train.hooks`).

    kind : ``"orthogonal"`` or ``"clip"``. strength : of orthogonal, default 5e-4. limit : of clip,
    largest magnitude of a weight in units of the layer, default 4.
    """

    kind: Annotated[str, _one_of(HOOKS)]
    strength: Annotated[float, Field(ge=0, le=1)] | None = None
    limit: Annotated[float, Field(gt=0, le=1e6)] | None = None


class Homeostasis(Spec):
    """Where homeostatic neurons get their signatures (see `neurodeploy.train.Network`).

    clean : folder of a finished run of the same layers with plain neurons on the same columns;
    relative paths are those of the working directory. clean_epochs : in its place, epochs of such a
    run of this configuration's own, without perturbation and terms, kept in ``clean`` of the run's
    folder. samples : of the training part that are recorded, None for all. start : begin with the
    weights of that run.
    """

    later: ClassVar[frozenset[str]] = frozenset({"clean_epochs"})

    clean: str | None = None
    clean_epochs: Annotated[int, Field(ge=1, le=100_000)] | None = None
    samples: Annotated[int, Field(ge=1, le=2**24)] | None = None
    start: bool = True
