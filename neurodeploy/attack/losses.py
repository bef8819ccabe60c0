"""What attacks raise: functions of logits ``(samples, classes)``, one number for each sample."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

from neurodeploy.registry import ByName

SPAN = 10.0
"""What the logits of a sample are stretched or shrunk to span before the cross-entropy."""
_TINY = 1e-9

Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]


def cross_entropy(logits: Tensor, labels: Tensor, targets: Tensor | None = None) -> Tensor:
    """``-log softmax(logits * SPAN / (max - min))`` at the label.

    The scale, taken as a constant, keeps the gradient from vanishing whatever the units of the
    read-out.
    """
    span = (logits.amax(1, keepdim=True) - logits.amin(1, keepdim=True)).detach()
    return functional.cross_entropy(logits * (SPAN / (span + _TINY)), labels, reduction="none")


def margin(logits: Tensor, labels: Tensor, targets: Tensor | None = None) -> Tensor:
    """Largest other logit minus that of the label."""
    own = logits.gather(1, labels[:, None])[:, 0]
    others = logits.scatter(1, labels[:, None], float("-inf"))
    return others.amax(1) - own


def dlr(logits: Tensor, labels: Tensor, targets: Tensor | None = None) -> Tensor:
    """`margin` over the largest logit minus the third largest (the last, of two classes).

    Source: Croce and Hein, ICML 2020, arXiv:2003.01690, equation 6.
    """
    ranked = logits.sort(1, descending=True).values
    third = ranked[:, min(2, ranked.shape[1] - 1)]
    return margin(logits, labels) / (ranked[:, 0] - third + _TINY)


def dlr_targeted(logits: Tensor, labels: Tensor, targets: Tensor | None = None) -> Tensor:
    """Logit of the target minus that of the label, over z1 - (z3 + z4) / 2 of the ranked logits.

    Source: as `dlr`, equation 7.
    """
    if targets is None:
        return dlr(logits, labels)
    ranked = logits.sort(1, descending=True).values
    last = ranked.shape[1] - 1
    below = (ranked[:, min(2, last)] + ranked[:, min(3, last)]) / 2
    gap = logits.gather(1, targets[:, None])[:, 0] - logits.gather(1, labels[:, None])[:, 0]
    return gap / (ranked[:, 0] - below + _TINY)


LOSSES: ByName[Loss] = ByName(
    "loss",
    {"ce": cross_entropy, "margin": margin, "dlr": dlr, "dlr-targeted": dlr_targeted},
)
