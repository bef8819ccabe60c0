"""What a user writes about a network: layers and neurons as small, strict, frozen records.

The same records are read from TOML and built in Python: ``Dense(size=128)``.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1, le=2**24)]
Decay = Annotated[int, Field(ge=0, le=4096)]
Learnable = Literal["current_decay", "voltage_decay", "threshold", "gain", "theta"]
Model = Literal["lif", "homeostatic"]
Norm = Literal["weight", "batch", "none"]
SurrogateName = Literal["triangle", "fast_sigmoid", "sigmoid", "atan", "rectangular"]


class Spec(BaseModel):
    """Base: unknown keys are errors, nothing changes after construction.

    later : fields that came after digests were first given; at their default no digest has them.
    """

    later: ClassVar[frozenset[str]] = frozenset()

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Neuron(Spec):
    """A CUBA-LIF neuron.

    current_decay, voltage_decay : 12-bit decays 0..4096; 4096 forgets everything in one step.
    threshold : in units of the layer; its mantissa is ``round(threshold * unit)``.
    learn : which of them are learned, rounded to the chip's grid in every forward pass; ``"gain"``
        is one input gain for each step of a sample and all neurons of the layer (DLIF), from 1, on
        the grid of 1/64 in [0, 4).
    per_neuron : learn one value for each neuron (channel of a map) instead of one for the layer.
    model : ``"lif"``, or ``"homeostatic"``: the threshold follows the error against a recorded
        signature (TA-LIF, see `neurodeploy.neuron.HomeostaticLif`); the last layer stays plain.
    theta : of homeostatic, how far: on the grid of 1/4096.
    surrogate, width : the surrogate gradient and its width, in units of the layer.
    reset_gradient : let the gradient pass through the reset factor (1 - s) as well.
    """

    later: ClassVar[frozenset[str]] = frozenset({"model", "theta"})

    current_decay: Decay = 4096
    voltage_decay: Decay = 512
    threshold: Annotated[float, Field(gt=0, le=1e4)] = 1.0
    learn: tuple[Learnable, ...] = Field(default=(), strict=False)
    per_neuron: bool = False
    surrogate: SurrogateName = "fast_sigmoid"
    width: Annotated[float, Field(gt=0, le=1e4)] = 1.0
    reset_gradient: bool = False
    model: Model = "lif"
    theta: Annotated[float, Field(ge=0, le=100)] = 0.2


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$")]
"""Of a layer; ``"input"`` is the network's input."""


class DenseSkip(Spec):
    """One more connection into a dense layer, with all-to-all weights of its own.

    source : name of an earlier layer, or ``"input"``. max_delay : as of `Dense`.
    """

    source: Name
    max_delay: Annotated[int, Field(ge=0, le=62)] = 0


class ConvSkip(Spec):
    """One more connection into maps, a convolution of its own that gives maps of the same size.

    source : name of an earlier layer, or ``"input"``. kernel ... groups : as of `Conv`.
    """

    source: Name
    kernel: Annotated[int, Field(ge=1, le=64)] = 1
    stride: Annotated[int, Field(ge=1, le=64)] = 1
    padding: Annotated[int, Field(ge=0, le=64)] = 0
    dilation: Annotated[int, Field(ge=1, le=64)] = 1
    groups: Count = 1


class Dense(Spec):
    """All-to-all weights into ``size`` neurons.

    norm : ``"weight"`` (a learned gain per neuron), ``"batch"`` (folded batch-norm) or ``"none"``.
    bias : learn a bias per neuron; batch-norm brings its own. recurrent : weights from the layer's
    own spikes, one step later. max_delay : fixed delays 0..max_delay per neuron, drawn at random.
    neuron : None takes the network's. scale : mantissa of weight 1.0, None chooses it.
    name : of the layer and its population; None for ``hidden1 ...`` and ``output``. source : name
    of the layer that it reads, ``"input"`` or None for the one before. skip : more connections into
    the same neurons; norm, bias and scale are those of all weights of a neuron together.
    """

    later: ClassVar[frozenset[str]] = frozenset({"name", "source", "skip"})

    kind: Literal["dense"] = "dense"
    size: Count
    norm: Norm = "weight"
    bias: bool = False
    recurrent: bool = False
    max_delay: Annotated[int, Field(ge=0, le=62)] = 0
    neuron: Neuron | None = None
    scale: Annotated[int, Field(ge=1, le=2**20)] | None = None
    name: Name | None = None
    source: Name | None = None
    skip: tuple[DenseSkip, ...] = Field(default=(), strict=False)


class Conv(Spec):
    """A convolution over (C, H, W) maps into ``channels`` maps of neurons; see `Dense`."""

    later: ClassVar[frozenset[str]] = frozenset({"name", "source", "skip"})

    kind: Literal["conv"] = "conv"
    channels: Count
    kernel: Annotated[int, Field(ge=1, le=64)]
    stride: Annotated[int, Field(ge=1, le=64)] = 1
    padding: Annotated[int, Field(ge=0, le=64)] = 0
    dilation: Annotated[int, Field(ge=1, le=64)] = 1
    groups: Count = 1
    norm: Norm = "weight"
    bias: bool = False
    neuron: Neuron | None = None
    scale: Annotated[int, Field(ge=1, le=2**20)] | None = None
    name: Name | None = None
    source: Name | None = None
    skip: tuple[ConvSkip, ...] = Field(default=(), strict=False)


class SumPool(Spec):
    """Sums of size x size cells, folded into the weights that read them when lowered.

    name : by which layers may read it, None for none but the next. source : see `Dense`.
    """

    later: ClassVar[frozenset[str]] = frozenset({"name", "source"})

    kind: Literal["pool"] = "pool"
    size: Annotated[int, Field(ge=2, le=64)]
    name: Name | None = None
    source: Name | None = None


class Flatten(Spec):
    """Maps become a row in C, H, W order; a dense layer does so by itself."""

    kind: Literal["flatten"] = "flatten"


LayerSpec = Annotated[Dense | Conv | SumPool | Flatten, Field(discriminator="kind")]


class Readout(Spec):
    """What is classified with.

    kind : ``"count"`` (spikes of the last layer) or ``"integrator"`` (v of a last layer that does
        not spike). window : last steps that count, 0 for all. logit_scale : logits are the mean
        rate, or the mean v in units of the layer, times this; None means 10 for counts, 4 for v.
    """

    kind: Literal["count", "integrator"] = "count"
    window: Annotated[int, Field(ge=0, le=100_000)] = 0
    logit_scale: Annotated[float, Field(gt=0, le=1e4)] | None = None

    @property
    def scale(self) -> float:
        """The logit scale that holds."""
        default = 10.0 if self.kind == "count" else 4.0
        return default if self.logit_scale is None else self.logit_scale
