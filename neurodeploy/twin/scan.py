"""A rule over steps, as one operation of autograd: integers forward, surrogate gradients backward.

Nothing of the steps in between enters the graph: the forward pass keeps arrays, and the backward
pass carries the gradients of the state from the last step to the first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from neurodeploy.twin.rule import Named, Pass, Rule


def scan(rule: Rule, call: Pass, given: Named) -> Named:
    """Run ``call.steps`` steps; return s and the states after each, ``(steps, batch, N)``."""
    names = tuple(given)
    outputs = list[str]()
    values = _Scan.apply(rule, call, names, outputs, *given.values())  # type: ignore[no-untyped-call]
    return dict(zip(outputs, values, strict=True))


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, rule: Rule, call: Pass, names: tuple[str, ...], outputs: list[str], *given: Tensor
    ) -> tuple[Tensor, ...]:
        found, ctx.saved = rule.forward(call, dict(zip(names, given, strict=True)))
        outputs.extend(found)
        ctx.save_for_backward(*given)
        # Aliases: an output that its own node holds would never be freed.
        ctx.outputs = {name: value.detach() for name, value in found.items()}
        ctx.rule, ctx.call, ctx.names = rule, call, names
        ctx.set_materialize_grads(False)
        return tuple(found.values())

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        given = dict(zip(ctx.names, ctx.saved_tensors, strict=True))
        needs = zip(ctx.names, ctx.needs_input_grad[4:], strict=True)
        call = replace(ctx.call, needs=frozenset(name for name, needed in needs if needed))
        arrived = zip(ctx.outputs, grads, strict=True)
        came = {name: grad for name, grad in arrived if grad is not None}
        if not came:
            return (None,) * (4 + len(given))
        found = ctx.rule.backward(call, given, ctx.outputs, ctx.saved, came)
        return (
            *(None,) * 4,
            *(found[n].to(v.dtype) if n in found else None for n, v in given.items()),
        )
