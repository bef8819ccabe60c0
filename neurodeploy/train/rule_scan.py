"""Neuron models beyond the plain chain: the twin's own steps, given quantised parameters.

A learned gain per step (DLIF) and a threshold that follows its signature (TA-LIF) run through
`neurodeploy.twin.scan`, forward and backward; nothing about their steps is said here again.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from neurodeploy.neuron import CubaLif, HomeostaticLif, Neuron
from neurodeploy.train.layer_records import Quantised
from neurodeploy.train.scan import MANTISSA, ScanOptions, ScanParameters
from neurodeploy.twin.layout import Layout
from neurodeploy.twin.populations import DRIVE_EXACT
from neurodeploy.twin.rule import Named, Pass
from neurodeploy.twin.rules import RULES
from neurodeploy.twin.scan import scan
from neurodeploy.twin.slopes import Slope, Slopes
from neurodeploy.twin.surrogate import SURROGATES

THETA_SHIFT = 12
"""Bits of theta behind the point: ``theta_mantissa = round(theta * 2^12)``."""
VTH_LOW, VTH_HIGH = 64, 2**23 - 1
"""Limits of a moving threshold, in units of v."""


def run_rule(
    a: Tensor, grid: Quantised, parameters: ScanParameters, options: ScanOptions
) -> tuple[Tensor, Tensor]:
    """Return spikes s, and v after the reset, float32 ``(steps, batch, N)``.

    a : integer-valued ``(steps or 1, batch, N)``. grid : with a gain or theta; parameters : the
    others, one value per neuron.
    """
    steps, batch, size = options.steps, a.shape[1], a.shape[2]
    gains = _gains(grid.gain, steps, a)
    given = _given(a, grid, parameters, gains)
    neuron = _prototype(grid)
    rule = RULES.of(neuron)
    for name, value in rule.fresh(given, batch).items():
        given[f"{name}0"] = value
    largest = float(a.detach().abs().max()) if a.numel() else 0.0
    drive = largest * max(gains.detach().abs().max().item(), 1.0)
    call = Pass(
        neuron=neuron,
        steps=steps,
        index=tuple(range(steps)),
        gains=tuple(gains.detach().tolist()),
        through=frozenset(
            {"threshold", "gain", "homeostasis"} | ({"reset"} if options.reset_gradient else set())
        ),
        slopes=Slopes(_slope(parameters.threshold, options, Layout(steps, batch, (size,), True))),
        steady=True,
        wide=drive > DRIVE_EXACT,
        dtype=torch.float32,
        whole=False,
    )
    found = scan(rule, call, given)
    return found["s"].float(), found["v"].float()


def _gains(gain: Tensor | None, steps: int, a: Tensor) -> Tensor:
    """Return the input mantissa of each step, 64 behind the last that is learned."""
    plain = torch.full((steps,), float(MANTISSA), device=a.device)
    if gain is None:
        return plain
    return torch.cat([gain[:steps], plain[len(gain) :]])


def _given(a: Tensor, grid: Quantised, parameters: ScanParameters, gains: Tensor) -> Named:
    given = {
        "a": a,
        "bias": parameters.bias[None, None],
        "current_decay": parameters.current_decay,
        "voltage_decay": parameters.voltage_decay,
        "threshold": parameters.threshold,
        "initial": torch.zeros_like(parameters.threshold),
    }
    if grid.gain is not None:
        given["gain"] = gains
    if grid.theta is not None and grid.signature is not None:
        given["theta"] = grid.theta.expand(grid.signature.shape[1:]).reshape(-1)
        given["signature"] = grid.signature.flatten(1)
    return given


def _prototype(grid: Quantised) -> Neuron:
    """Return a record of the model, for what holds for all of its neurons."""
    if grid.theta is None:
        return CubaLif(0, 0, 1)
    return HomeostaticLif(0, 0, 1, shift=THETA_SHIFT, low=VTH_LOW, high=VTH_HIGH)


def _slope(threshold: Tensor, options: ScanOptions, layout: Layout) -> Slope:
    """Return the surrogate with its width in units of the twin, ``64 * max(threshold, 1)``."""
    width: Any = options.width * options.unit / threshold.detach().clamp(min=1)
    return Slope(options.surrogate, SURROGATES[options.surrogate], width, layout)
