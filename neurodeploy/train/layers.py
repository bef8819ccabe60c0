"""Quantised layers whose forward pass is the chip's integer arithmetic, in training and after.

A layer holds float parameters and rounds them to the chip's grid in every forward pass: even
weights in [-256, 254], 16-bit biases, 12-bit decays, whole thresholds. ``scale`` is the mantissa of
weight 1.0, ``unit = scale * input_scale`` that of threshold 1.0. Training differs from eval only in
the statistics of batch-norm, which come from the batch.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from neurodeploy.errors import InputError, OptionError, located
from neurodeploy.fixedpoint import DECAY_ONE
from neurodeploy.train import fused
from neurodeploy.train.forms import Form, Shape, by_output, drawn_weight
from neurodeploy.train.inputs import fitted, largest_whole
from neurodeploy.train.layer_records import Folded, Quantised, Result, Statistics
from neurodeploy.train.quantise import (
    exact_dtype,
    quantise_bias,
    quantise_decay,
    quantise_gain,
    quantise_theta,
    quantise_threshold,
    quantise_weight,
    row_bound,
    wrap_through,
)
from neurodeploy.train.response import impulse_response
from neurodeploy.train.rule_scan import run_rule
from neurodeploy.train.scan import MANTISSA, ScanOptions, ScanParameters, scan
from neurodeploy.train.skips import SkipConnection, Source
from neurodeploy.train.specs import Conv, ConvSkip, Dense, DenseSkip, Neuron
from neurodeploy.twin.synapses import added

EPSILON = 1e-5
MOMENTUM = 0.1
"""Weight of the newest batch in the running statistics of batch-norm."""
DRIVE = 1.0
"""Standard deviation of the mean membrane drive, in units of the layer, that calibration sets."""
GROWTH = 127
"""Largest weight mantissa after calibration: one bit is left for growth."""
UNIT_MAX = 2**13
"""Largest unit that calibration chooses: v then has 4 bits of headroom above threshold 1.0."""


class SpikingLayer(nn.Module, ABC):
    """Weights and CUBA-LIF (or integrator) neurons.

    source : shape of the input. input_scale : value of the input that stands for 1.0.
    spiking : False for an integrator. skips : sources of the connections of ``spec.skip``.
    """

    channel_axis = 1
    mean: Tensor
    var: Tensor
    scale: Tensor
    threshold: Tensor
    current_decay: Tensor
    voltage_decay: Tensor
    theta: Tensor
    signature: Tensor
    recorded: Tensor

    def __init__(
        self,
        name: str,
        spec: Dense | Conv,
        neuron: Neuron,
        source: Shape,
        input_scale: float,
        spiking: bool,
        generator: torch.Generator,
        steps: int | None = None,
        skips: Sequence[Source] = (),
    ) -> None:
        super().__init__()
        self.name, self.spec, self.neuron = name, spec, neuron
        self.source, self.input_scale, self.spiking = source, input_scale, spiking
        self.form = self.make_form()
        self.frozen = False
        self.backend = "auto"
        self.held: Quantised | None = None
        self.weight = nn.Parameter(drawn_weight(self.form, generator))
        out = len(self.weight)
        self.gain = nn.Parameter(torch.ones(out)) if spec.norm != "none" else None
        has_bias = spec.bias or spec.norm == "batch"
        self.bias = nn.Parameter(torch.zeros(out)) if has_bias else None
        if spec.norm == "batch":
            self.register_buffer("mean", torch.zeros(out))
            self.register_buffer("var", torch.ones(out))
        self.register_buffer("scale", torch.tensor(float(spec.scale or 64)))
        self.neurons = math.prod(self.shape)  # a kernel that does not fit is told here
        self._add_neuron(steps)
        self._add_more(generator)
        more: Sequence[DenseSkip | ConvSkip] = spec.skip
        self.skips = nn.ModuleList(
            SkipConnection(own, spec, source, name, generator)
            for own, source in zip(more, skips, strict=True)
        )

    @abstractmethod
    def make_form(self) -> Form:
        """Return the form of the weight."""

    def _add_more(self, generator: torch.Generator) -> None:
        """Add what this kind of layer has beside weights and neurons; nothing here."""

    @property
    def shape(self) -> Shape:
        """Shape of the population."""
        return self.form.shape

    @property
    def sources(self) -> tuple[Source, ...]:
        """What the layer reads: its source, then those of its skip connections."""
        own = Source(self.source, self.input_scale)
        return (own, *(Source(skip.source, skip.input_scale) for skip in self.skip_connections))

    @property
    def weights(self) -> tuple[nn.Parameter, ...]:
        """The weights of what the layer reads: of its source, then of its skip connections."""
        return (self.weight, *(skip.weight for skip in self.skip_connections))

    @property
    def skip_connections(self) -> list[SkipConnection]:
        """The connections beside that from the source, in order."""
        return [skip for skip in self.skips if isinstance(skip, SkipConnection)]

    @property
    def unit(self) -> float:
        """Mantissa of threshold 1.0."""
        return float(self.scale) * self.input_scale

    def _add_neuron(self, steps: int | None) -> None:
        neuron = self.neuron
        values = {
            "threshold": neuron.threshold,
            "current_decay": neuron.current_decay / DECAY_ONE,
            "voltage_decay": neuron.voltage_decay / DECAY_ONE,
        }
        self.step_gain: nn.Parameter | None = None
        if "gain" in neuron.learn:
            self.step_gain = nn.Parameter(torch.ones(_known(steps, "learn holds 'gain'")))
        if neuron.model == "homeostatic":
            values["theta"] = neuron.theta
            length = _known(steps, "model is 'homeostatic'")
            self.register_buffer("signature", torch.zeros((length, *self.shape)))
            self.register_buffer("recorded", torch.zeros((), dtype=torch.bool))
        for name, value in values.items():
            tensor = torch.full(self._parameter_shape(), value)
            if name in neuron.learn:
                self.register_parameter(name, nn.Parameter(tensor))
            else:
                self.register_buffer(name, tensor)

    def _parameter_shape(self) -> Shape:
        if not self.neuron.per_neuron:
            return ()
        return (self.shape[0], 1, 1) if len(self.shape) == 3 else self.shape

    def folded(self, statistics: Statistics | None = None) -> Folded:
        """Return weights and bias as floats, normalisation folded in.

        Weight norm: ``w * gain / |w|``, w all weights of a neuron. Batch-norm: ``w * f`` with
        ``f = gain / sqrt(var + eps)``, and bias ``(bias - f * mean) * 4096 / current_decay``: the
        shift of a constant current reaches v amplified by the current's memory, and the chip adds
        biases to v.
        """
        own = self.weights
        if self.spec.norm == "none" or self.gain is None:
            return Folded(own, self.bias)
        if self.spec.norm == "weight":
            rows = [weight.flatten(1) for weight in own]
            length = (rows[0] if len(rows) == 1 else torch.cat(rows, 1)).norm(dim=1)
            return Folded(_scaled(own, self.gain / length), self.bias)
        found = statistics or Statistics(self.mean, self.var)
        factor = self.gain / torch.sqrt(found.var + EPSILON)
        amplified = DECAY_ONE / torch.clamp(self._decay("current_decay").detach(), min=1).mean()
        shift = 0.0 if self.bias is None else self.bias
        return Folded(_scaled(own, factor), (shift - factor * found.mean) * amplified)

    def _decay(self, name: str) -> Tensor:
        return quantise_decay(getattr(self, name))

    def quantised(self, statistics: Statistics | None = None) -> Quantised:
        """Return the parameters on the chip's grid."""
        (weight, *more), bias = self.folded(statistics)
        recurrent = getattr(self, "recurrent", None)
        return Quantised(
            weight=quantise_weight(weight, float(self.scale)),
            skips=tuple(
                quantise_weight(own, self.unit / skip.input_scale)
                for own, skip in zip(more, self.skip_connections, strict=True)
            ),
            recurrent=None if recurrent is None else quantise_weight(recurrent, self.unit),
            bias=None if bias is None else quantise_bias(bias, self.unit),
            threshold=quantise_threshold(self.threshold, self.unit),
            current_decay=self._decay("current_decay"),
            voltage_decay=self._decay("voltage_decay"),
            gain=None if self.step_gain is None else quantise_gain(self.step_gain),
            **self._homeostasis(),
        )

    def _homeostasis(self) -> dict[str, Tensor]:
        if self.neuron.model != "homeostatic":
            return {}
        if not bool(self.recorded):
            raise OptionError(
                f"layer {self.name}: has no signature yet; record one, e.g. "
                "network.record_signatures(clean_network, columns)"
            )
        signature = torch.round(self.signature.double() * (MANTISSA * self.unit))
        return {"theta": quantise_theta(self.theta), "signature": signature}

    def forward(
        self,
        x: Tensor,
        steps: int | None = None,
        bound: float | None = None,
        packed: fused.Bits | None = None,
        skips: Sequence[Tensor] = (),
    ) -> Result:
        """Run ``steps`` steps, by default those of x, from rest.

        x : integer-valued ``(steps, batch, *source)``, or ``(1, batch, *source)`` for an input that
        is the same at every step. bound : largest magnitude in x, None to look. packed : x as bits,
        where a layer before computed it so. skips : what skip connections read, in their order.

        Raises InputError for another size or number, and for fractions in eval mode.
        """
        with located(f"layer {self.name}"), torch.autocast(x.device.type, enabled=False):
            if len(skips) != len(self.skips):
                raise InputError(f"is given {len(skips)} skips, expected {len(self.skips)}")
            x = fitted(x, self.source)
            more = [
                fitted(x, own.source) for x, own in zip(skips, self.skip_connections, strict=True)
            ]
            if bound is None and not self.training:
                bound = largest_whole(x)
            if not self.training:
                for values in more:
                    largest_whole(values)
        with torch.autocast(x.device.type, enabled=False):
            return self._run((x, *more), x.shape[0] if steps is None else steps, bound, packed)

    def _run(
        self, xs: tuple[Tensor, ...], steps: int, bound: float | None, packed: fused.Bits | None
    ) -> Result:
        x = xs[0]
        grid = self.held or self.quantised(self._batch_statistics(xs))

        def currents() -> Tensor:
            return self._currents(xs, grid, steps, bound)

        options = self._options(steps)
        whole = None if grid.by_rule or grid.skips else self._run_fused(x, packed, grid, options)
        if whole is not None:
            return Result(whole.s, whole.v, self.unit, currents, whole.packed)
        a = currents()
        s, v = self.respond(a, grid, steps)
        shape = (steps, x.shape[1], *self.shape)
        return Result(s.reshape(shape), v.reshape(shape), self.unit, lambda: a)

    def respond(self, a: Tensor, grid: Quantised, steps: int) -> tuple[Tensor, Tensor]:
        """Return s and v of the neurons, ``(steps, batch, N)``.

        a : integer-valued currents ``(steps or 1, batch, N)``. grid : of `quantised`.
        """
        parameters = ScanParameters(
            self.spread(grid.current_decay),
            self.spread(grid.voltage_decay),
            self.spread(grid.threshold),
            self.bias_per_neuron(grid.bias),
            grid.recurrent,
        )
        if grid.by_rule:
            return run_rule(a, grid, parameters, self._options(steps))
        return scan(a, parameters, self._options(steps))

    def _options(self, steps: int) -> ScanOptions:
        return ScanOptions(
            steps=steps,
            unit=self.unit,
            surrogate=self.neuron.surrogate,
            width=self.neuron.width,
            spiking=self.spiking,
            reset_gradient=self.neuron.reset_gradient,
            backend=self.backend,
        )

    def geometry(self) -> fused.Geometry | None:
        """Return how the compiled layer reads this one's inputs, or None if it cannot."""
        return None

    def _run_fused(
        self, x: Tensor, packed: fused.Bits | None, grid: Quantised, options: ScanOptions
    ) -> fused.Fused | None:
        geometry = self.geometry()
        if geometry is None:
            return None
        channels = geometry.channels
        bias = torch.zeros(channels) if grid.bias is None else grid.bias
        per_channel = ScanParameters(
            grid.current_decay.reshape(-1).expand(channels),
            grid.voltage_decay.reshape(-1).expand(channels),
            grid.threshold.reshape(-1).expand(channels),
            bias,
            grid.recurrent,
        )
        if not fused.usable(x, per_channel, options):
            return None
        return fused.run(x, packed, grid.weight, per_channel, options, geometry)

    def _currents(
        self, xs: Sequence[Tensor], grid: Quantised, steps: int, bound: float | None
    ) -> Tensor:
        """Return what arrives, ``(steps or 1, batch, N)``; connections add in 32 bits."""
        a, largest = self._sums(xs[0], self.form, grid.weight, bound)
        a = self.delayed(a, steps)
        if not grid.skips:
            return a
        parts = [(a, largest)]
        for x, skip, weight in zip(xs[1:], self.skip_connections, grid.skips, strict=True):
            values, largest = self._sums(x, skip.form, weight, None)
            parts.append((skip.arrived(values, steps), largest))
        return added(parts)[0]

    def _sums(
        self, x: Tensor, form: Form, weight: Tensor, bound: float | None
    ) -> tuple[Tensor, float]:
        """Return exact sums ``(T or 1, batch, N)``, wrapped as on the chip, and their bound."""
        if bound is None:
            bound = float(x.detach().abs().max()) if x.numel() else 0.0
        largest = bound * row_bound(weight)
        with located(f"layer {self.name}"):
            dtype = exact_dtype(largest)
        flat = x.reshape(-1, *form.source).to(dtype)
        a = form.multiply(flat, weight.to(dtype)).reshape(*x.shape[:2], -1)
        wrapped = wrap_through(a, form.wrap_bits, largest)
        return wrapped, min(largest, float(2 ** (form.wrap_bits - 1)))

    @property
    def max_delay(self) -> int:
        """Largest synaptic delay in steps; none here."""
        return 0

    def delayed(self, a: Tensor, steps: int) -> Tensor:
        """Return the currents shifted by the synaptic delays; none here."""
        return a

    def spread(self, parameter: Tensor) -> Tensor:
        """Return a parameter of the neurons as one value for each, ``(N,)``."""
        return parameter.expand(self.shape).reshape(-1)

    def bias_per_neuron(self, bias: Tensor | None) -> Tensor:
        """Return the biases of `Quantised` as one for each neuron, ``(N,)``, 0 without any."""
        if bias is None:
            return torch.zeros(self.neurons, device=self.weight.device)
        return self.spread(bias.reshape(-1, 1, 1) if len(self.shape) == 3 else bias)

    def _batch_statistics(self, xs: Sequence[Tensor]) -> Statistics | None:
        if self.spec.norm != "batch" or not self.training or self.frozen:
            return None
        found = self.statistics(xs)
        with torch.no_grad():
            self.mean += MOMENTUM * (found.mean - self.mean)
            self.var += MOMENTUM * (found.var - self.var)
        return found

    def preactivation(self, xs: Sequence[Tensor], weights: Sequence[Tensor]) -> Tensor:
        """Return float sums in units of the layer, ``(T or 1, batch, *shape)``.

        xs : what the source and the skip connections give; weights : theirs.
        """
        forms = (self.form, *(skip.form for skip in self.skip_connections))
        total: Tensor | None = None
        for x, weight, form, source in zip(xs, weights, forms, self.sources, strict=True):
            z = form.multiply(x.reshape(-1, *form.source), weight) / source.scale
            z = z.reshape(*x.shape[:2], *self.shape)
            total = z if total is None else total + z
        assert total is not None
        return total

    def statistics(self, xs: Sequence[Tensor]) -> Statistics:
        """Return mean and (biased) variance per output channel of the float pre-activation."""
        z = self.preactivation(xs, self.weights).flatten(0, 1)
        axes = [axis for axis in range(z.dim()) if axis != self.channel_axis]
        return Statistics(z.mean(axes), z.var(axes, unbiased=False))

    @torch.no_grad()
    def calibrate(self, x: Tensor, steps: int, skips: Sequence[Tensor] = ()) -> None:
        """Set gain and scale from a first batch, so that the layer starts active and in range.

        The gain makes the standard deviation of the mean membrane drive (v without spikes) equal to
        `DRIVE`; the scale is the largest power of two that keeps weights within `GROWTH` and the
        unit within `UNIT_MAX`.

        Source: Salimans and Kingma, NeurIPS 2016, section 3 (data-dependent initialisation).
        """
        xs = (x, *skips)
        if self.spec.norm == "batch":
            found = self.statistics(xs)
            self.mean.copy_(found.mean)
            self.var.copy_(found.var)
        drive = self._mean_drive(self.preactivation(xs, self.folded().weights), steps)
        factor = DRIVE / max(float(drive.std()), EPSILON)
        for target in self.weights if self.gain is None else (self.gain,):
            target.mul_(factor)
        if self.spec.scale is None:
            self.scale.fill_(2.0 ** max(0, math.floor(math.log2(self._room()))))

    def _room(self) -> float:
        """Return the largest scale that keeps weights and the unit in range."""
        room = UNIT_MAX / self.input_scale
        for weight, source in zip(self.folded().weights, self.sources, strict=True):
            largest = float(weight.abs().max()) * (self.input_scale / source.scale)
            room = min(room, GROWTH / max(largest, EPSILON))
        return room

    def _mean_drive(self, z: Tensor, steps: int) -> Tensor:
        """Return the mean over the steps of v that ``z`` would give without spikes and bias."""
        response = impulse_response(
            float(self._decay("current_decay").mean()),
            float(self._decay("voltage_decay").mean()),
            steps,
        ).to(z)
        weights = response.mean(0)
        z = z.expand(steps, *z.shape[1:]) if z.shape[0] == 1 else z
        return torch.einsum("t,t...->...", weights, z)

    def effective_bits(self) -> Tensor:
        """Return bits per output channel that the quantised weights use, sign included.

        ``log2(2 * max |weight| / 2)`` with weights in steps of 2; 0 for a channel of zeros.
        """
        largest = self.quantised().weight.detach().abs().flatten(1).amax(1)
        return torch.where(largest > 0, torch.log2(largest.clamp(min=1)), torch.zeros(()))


def _scaled(weights: Sequence[Tensor], factor: Tensor) -> tuple[Tensor, ...]:
    return tuple(weight * by_output(factor, weight) for weight in weights)


def _known(steps: int | None, what: str) -> int:
    if steps is None:
        raise OptionError(f"{what}, which needs the number of steps of a sample; give steps")
    return steps
