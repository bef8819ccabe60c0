"""What a network is given: whole numbers that its input can carry, in its own shape."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from neurodeploy.errors import InputError

Shape = tuple[int, ...]


def fitted(x: Tensor, shape: Shape) -> Tensor:
    """Return ``x`` ``(steps, batch, ...)`` as float ``(steps, batch, *shape)``.

    Maps may come flat, and a flat input as maps, as long as the sizes match. Half precision, which
    autocast makes of what passes it, becomes float32.

    Raises InputError for another size.
    """
    own = tuple(x.shape[2:])
    flat = len(own) == 1 or len(shape) == 1
    if x.dim() < 3 or (own != shape and not (flat and math.prod(own) == math.prod(shape))):
        raise InputError(f"x has shape {tuple(x.shape)}, expected (steps, batch, *{shape})")
    exact = x if x.dtype in (torch.float32, torch.float64) else x.float()
    return exact if own == shape else exact.reshape(*x.shape[:2], *shape)


def largest_whole(x: Tensor) -> float:
    """Return the largest magnitude in ``x``; raises InputError unless all are whole numbers."""
    values = x.detach()
    broken = values[values != torch.round(values)]  # also what is no number
    if broken.numel():
        raise InputError(
            f"x holds {float(broken[0]):g}, expected whole numbers: in eval mode a network "
            "computes with the chip's integers; encode the data first"
        )
    return float(values.abs().max()) if values.numel() else 0.0


def check_range(x: Tensor, message_bits: int) -> float:
    """Return the largest magnitude in ``x``, whole numbers that an input can carry.

    message_bits : of the Program's input: 0 for events, 0 or 1, else the width of a magnitude.

    Raises InputError for fractions and for values outside of that.
    """
    largest = largest_whole(x)
    if message_bits == 0:
        if largest > 1 or float(x.detach().min() if x.numel() else 0.0) < 0:
            outside = x.detach()[(x.detach() < 0) | (x.detach() > 1)]
            raise InputError(
                f"x holds {float(outside[0]):g}, an input of events takes 0 and 1; for graded "
                "values give the network message_bits"
            )
    elif largest >= 2**message_bits:
        raise InputError(
            f"x holds magnitudes up to {largest:g}, an input of {message_bits} message bits takes "
            f"up to {2**message_bits - 1}"
        )
    return largest
