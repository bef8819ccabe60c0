"""FGSM, Auto-PGD and Square as their papers give them: floats, one sample's rules at a time.

Sources: Goodfellow et al., arXiv:1412.6572; Croce and Hein, arXiv:2003.01690, algorithm 1;
Andriushchenko et al., arXiv:1912.00049, algorithms 1 and 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Loss = Callable[[Tensor, Tensor], Tensor]
Logits = Callable[[Tensor], Tensor]


def gradient(logits: Logits, loss: Loss, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the loss, its gradient and which samples are right."""
    leaf = x.clone().requires_grad_()
    out = logits(leaf)
    value = loss(out, y)
    (found,) = torch.autograd.grad(value.sum(), leaf)
    return value.detach(), found, out.argmax(1) == y


def fgsm(logits: Logits, loss: Loss, x: Tensor, y: Tensor, eps: float) -> Tensor:
    """``x + eps sign(g)``."""
    return (x + eps * gradient(logits, loss, x, y)[1].sign()).clamp(0, 1)


def apgd(logits: Logits, loss: Loss, x: Tensor, y: Tensor, eps: float, steps: int) -> Tensor:
    """Return the first wrong iterate of each sample, else the clean one."""
    generator = torch.Generator().manual_seed(11)
    start = torch.rand(x.shape, generator=generator) * 2 - 1
    found = x.clone()
    for k in range(len(x)):
        one, label = x[k : k + 1], y[k : k + 1]
        begin = one + eps * start[k] / start[k].abs().max()
        found[k] = _apgd(logits, loss, one, label, eps, steps, begin.clamp(0, 1))[0]
    return found


def _apgd(
    logits: Logits, loss: Loss, clean: Tensor, y: Tensor, eps: float, steps: int, x: Tensor
) -> Tensor:
    def project(z: Tensor) -> Tensor:
        return torch.min(torch.max(z, clean - eps), clean + eps).clamp(0, 1)

    p = [0.0, 0.22]
    while p[-1] < 1:
        p.append(p[-1] + max(p[-1] - p[-2] - 0.03, 0.06))
    checkpoints = [math.ceil(share * steps) for share in p]
    eta = 2 * eps
    value, g, right = gradient(logits, loss, x, y)
    if not right:
        return x
    before, best_x, best = x, x, value
    values, etas, bests, last = [value], [eta], [best], 0
    for k in range(steps):
        z = project(x + eta * g.sign())
        share = 0.75 if k else 1.0
        x, before = project(x + share * (z - x) + (1 - share) * (x - before)), x
        value, g, right = gradient(logits, loss, x, y)
        if not right:
            return x
        values.append(value)
        if value > best:
            best, best_x = value, x
        if k + 1 in checkpoints:
            rises = sum(int(values[i + 1] > values[i]) for i in range(last, k + 1))
            first = rises < 0.75 * (k + 1 - last)
            second = etas[-1] == eta and bool(bests[-1] == best) and last > 0
            etas.append(eta)
            bests.append(best)
            last = k + 1
            if first or second:
                eta, x = eta / 2, best_x
                value, g, _ = gradient(logits, loss, x, y)
    return clean


def square(logits: Logits, x: Tensor, y: Tensor, eps: float, queries: int, side: int) -> Tensor:
    """Return images ``(n, side * side)`` after so many queries, in random order of draws."""
    generator = torch.Generator().manual_seed(13)
    images = x.reshape(-1, side, side)

    def margin(z: Tensor) -> Tensor:
        with torch.no_grad():
            out = logits(z.reshape(len(z), -1))
        own = out.gather(1, y[:, None])[:, 0]
        return own - out.scatter(1, y[:, None], -math.inf).amax(1)

    def coin(*shape: int) -> Tensor:
        return torch.randint(0, 2, shape, generator=generator) * 2.0 - 1.0

    best = (images + eps * coin(len(x), 1, side)).clamp(0, 1)
    lowest = margin(best)
    marks = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
    for query in range(1, queries):
        share = 0.8 / 2 ** sum(query / queries * 10_000 > mark for mark in marks)
        size = max(1, round(math.sqrt(share * side * side)))
        trial = best.clone()
        for k in range(len(x)):
            if lowest[k] > 0:
                top, left = torch.randint(0, side - size + 1, (2,), generator=generator).tolist()
                part = images[k, top : top + size, left : left + size] + eps * coin(1)
                trial[k, top : top + size, left : left + size] = part.clamp(0, 1)
        found = margin(trial)
        better = found < lowest
        best = torch.where(better[:, None, None], trial, best)
        lowest = torch.where(better, found, lowest)
    return best.reshape(x.shape)
