"""What the entries of a configuration must have to do with each other, said in one line each."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from neurodeploy.encode import ENCODERS, Encoder
from neurodeploy.errors import OptionError
from neurodeploy.schema import nearest
from neurodeploy.train.hooks import HOOKS
from neurodeploy.train.perturbations import PERTURBATIONS
from neurodeploy.train.terms import TERMS

if TYPE_CHECKING:
    from neurodeploy.train.config import Config, EncoderSpec
    from neurodeploy.train.methods import Hook, Interval, Loss, Perturbation, Ramp


def check_consistency(config: Config) -> None:
    """Raise OptionError for options that contradict each other."""
    loss, perturbation = config.loss, config.perturbation
    if loss.term != "none" and perturbation.kind == "none":
        raise OptionError(
            f"loss.term: is {loss.term!r}, which compares with a noisy pass, but perturbation.kind "
            "is 'none'; set it to 'gaussian' or the term to 'none'"
        )
    _check_training(config)
    if config.optimizer.kind != "sgd" and config.optimizer.momentum is not None:
        raise OptionError("optimizer.momentum: is set, but only 'sgd' uses it")
    if loss.rate_weight == 0 and "rate_target" in loss.model_fields_set:
        raise OptionError("loss.rate_target: is set, but loss.rate_weight is 0")
    if loss.rest_weight and config.encoder.gap == 0:
        raise OptionError("loss.rest_weight: is set, but encoder.gap is 0, there is no rest")
    if perturbation.kind == "none" and perturbation.model_fields_set - {"kind"}:
        raise OptionError("perturbation: has settings, but kind is 'none'")
    _check_encoder(config.encoder)
    _check_loss(loss, perturbation)
    _check_perturbation(perturbation, config.encoder)
    _check_neurons(config)
    if config.interval is not None:
        _check_interval(config.interval, config)
    for number, hook in enumerate(config.hook, 1):
        _check_hook(hook, number)
    silent = config.readout.kind == "integrator" and len(config.layer) == 1
    if silent and loss.term != "none" and TERMS[loss.term].layers:
        raise OptionError(f"loss.term: is {loss.term!r}, but no layer spikes")


def _check_training(config: Config) -> None:
    training = config.training
    if training.freeze_epochs >= training.epochs:
        raise OptionError(
            f"training.freeze_epochs: is {training.freeze_epochs}, expected fewer than the "
            f"{training.epochs} epochs"
        )
    if training.select == "perturbed" and config.perturbation.kind == "none":
        raise OptionError("training.select: is 'perturbed', but perturbation.kind is 'none'")
    batch_norm = any(getattr(layer, "norm", "") == "batch" for layer in config.layer)
    if training.freeze_epochs and not batch_norm:
        raise OptionError("training.freeze_epochs: is set, but no layer has norm 'batch'")


def _check_neurons(config: Config) -> None:
    own = [getattr(layer, "neuron", None) for layer in config.layer]
    neurons = [config.neuron, *(neuron for neuron in own if neuron is not None)]
    homeostatic = any(neuron.model == "homeostatic" for neuron in neurons)
    given = config.homeostasis
    if homeostatic and (given is None or (given.clean is None and given.clean_epochs is None)):
        raise OptionError(
            "neuron.model: is 'homeostatic', which needs signatures, but homeostasis.clean is "
            "missing; name the folder of a run with plain neurons, or give homeostasis.clean_epochs"
        )
    if given is not None and given.clean is not None and given.clean_epochs is not None:
        raise OptionError(
            "homeostasis.clean_epochs: is set, but homeostasis.clean names a run that is there"
        )
    if config.homeostasis is not None and not homeostatic:
        raise OptionError("homeostasis: is set, but no neuron.model is 'homeostatic'")
    for neuron in neurons:
        if neuron.model == "lif" and "theta" in neuron.model_fields_set:
            raise OptionError("neuron.theta: is set, but neuron.model is 'lif'")
    if config.loss.labels == "step" and config.readout.kind != "integrator":
        raise OptionError(
            "loss.labels: is 'step', but the spikes of one step say too little; set readout.kind "
            "to 'integrator'"
        )
    if config.loss.labels == "train" and config.readout.kind != "count":
        raise OptionError(
            "loss.labels: is 'train', but an integrator sends no spikes; set readout.kind to "
            "'count'"
        )


def _check_loss(loss: Loss, perturbation: Perturbation) -> None:
    given = loss.model_fields_set
    if "layers" in given and (loss.term == "none" or not TERMS[loss.term].layers):
        raise OptionError(f"loss.layers: is set, but loss.term {loss.term!r} does not use it")
    if loss.term_ramp is not None and loss.term == "none":
        raise OptionError("loss.term_ramp: is set, but loss.term is 'none'")
    if loss.share_ramp is not None and perturbation.kind == "none":
        raise OptionError("loss.share_ramp: is set, but perturbation.kind is 'none'")
    _check_ramp("loss.term_ramp", loss.term_ramp)
    _check_ramp("loss.share_ramp", loss.share_ramp)


def _check_ramp(where: str, ramp: Ramp | None) -> None:
    if ramp is not None and ramp.start >= ramp.end:
        raise OptionError(f"{where}.start: is {ramp.start:g}, expected less than end {ramp.end:g}")


def _check_perturbation(spec: Perturbation, encoder: EncoderSpec) -> None:
    if spec.kind == "none":
        return
    kind = PERTURBATIONS[spec.kind]
    for name in sorted(spec.model_fields_set - {"kind", "ramp"} - kind.uses):
        raise OptionError(
            f"perturbation.{name}: is set, but perturbation {spec.kind!r} does not use it"
        )
    _check_ramp("perturbation.ramp", spec.ramp)
    if not kind.gradient:
        return
    if spec.objective != "cross-entropy" and (spec.kind == "fgsm" or not spec.random_start):
        raise OptionError(
            f"perturbation.objective: {spec.objective!r} has no slope at the sample itself, where "
            f"{spec.kind!r} starts; use a random start"
        )
    chosen = ENCODERS[encoder.kind]
    if not (chosen.elementwise and chosen.monotone and (chosen.identity or not chosen.of_series)):
        raise OptionError(
            f"perturbation.kind: {spec.kind!r} needs the gradient of the data, which encoder "
            f"{encoder.kind!r} does not have; use 'gaussian' or 'uniform'"
        )


def _check_interval(spec: Interval, config: Config) -> None:
    _check_ramp("interval.ramp", spec.ramp)
    _check_ramp("interval.weight_ramp", spec.weight_ramp)
    if "room" in spec.model_fields_set and spec.room_weight == 0:
        raise OptionError("interval.room: is set, but interval.room_weight is 0")
    if spec.columns is not None and config.readout.window:
        raise OptionError(
            f"interval.columns: is {spec.columns}, first columns, but readout.window reads the "
            f"last {config.readout.window}; leave one of them out"
        )
    if not ENCODERS[config.encoder.kind].elementwise:
        raise OptionError(
            f"interval: needs the ends of what a budget reaches, which encoder "
            f"{config.encoder.kind!r} does not give value by value; use 'direct'"
        )
    for number, layer in enumerate(config.layer, 1):
        neuron = getattr(layer, "neuron", None) or config.neuron
        last = number == len(config.layer)
        if neuron.model != "lif" and not last:
            raise OptionError(
                f"interval: layer {number} has neurons {neuron.model!r}, whose threshold moves, "
                "and no bounds that training knows; use 'lif'"
            )
        if getattr(layer, "recurrent", False):
            raise OptionError(
                f"interval: layer {number} is recurrent, and has no bounds that training knows"
            )


def _check_hook(hook: Hook, number: int) -> None:
    for name in sorted(hook.model_fields_set - {"kind"} - HOOKS[hook.kind].uses):
        raise OptionError(f"hook {number}.{name}: is set, but hook {hook.kind!r} does not use it")


def encoder_options(kind: str) -> list[str]:
    """Return the fields that an encoder has besides those of every encoder."""
    common = {field.name for field in fields(Encoder)}
    return [field.name for field in fields(ENCODERS[kind]) if field.name not in common]


def _check_encoder(encoder: EncoderSpec) -> None:
    options = encoder_options(encoder.kind)
    for name in sorted(encoder.model_fields_set - {"kind", "steps", "gap", *options}):
        if name in type(encoder).model_fields:
            raise OptionError(
                f"encoder.{name}: is set, but encoder {encoder.kind!r} does not use it"
            )
        known = ["kind", "steps", "gap", *options]
        raise OptionError(f"encoder.{name}: unknown key, {nearest(name, known)}")
