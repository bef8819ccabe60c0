"""Synaptic delays of rows: when a current arrives."""

from __future__ import annotations

import zlib

import torch
from torch import Tensor

from neurodeploy.draws import integers


def drawn_delays(seed: int, name: str, size: int, largest: int) -> Tensor:
    """Return delays 0..largest of ``size`` rows, int64, a function of seed and name alone."""
    return torch.from_numpy(integers(seed, size, largest + 1, zlib.crc32(name.encode())))


def delayed(a: Tensor, delay: Tensor, steps: int) -> Tensor:
    """Return ``a[t - delay[i], :, i]``, zero before the first step, ``(steps, batch, N)``.

    a : ``(steps or 1, batch, N)``. delay : whole numbers ``(N,)``.
    """
    full = a.expand(steps, *a.shape[1:])
    when = torch.arange(steps, device=a.device)[:, None] - delay  # (steps, N)
    index = when.clamp(min=0)[:, None].expand_as(full)
    return full.gather(0, index).mul((when >= 0)[:, None])
