"""The training loop: epochs of steps, a checkpoint after each, the best one kept by validation."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
import torch

from neurodeploy.accuracy import Accuracy, predictions
from neurodeploy.data.dataset import Split
from neurodeploy.errors import TrainingError
from neurodeploy.train.averaging import follow, in_place
from neurodeploy.train.checkpoint import Checkpoint, copied
from neurodeploy.train.config import Config
from neurodeploy.train.feed import Feed, labels
from neurodeploy.train.homeostasis import take_signatures, take_weights
from neurodeploy.train.hooks import Moment, after_step
from neurodeploy.train.interval_loss import bound_held, with_worst_case
from neurodeploy.train.losses import total_loss
from neurodeploy.train.methods import Perturbation
from neurodeploy.train.network import Network, Run
from neurodeploy.train.passes import run_passes
from neurodeploy.train.perturbations import Scene, perturbed
from neurodeploy.train.progress import Reporter

EVAL_BATCH = 512
CALIBRATION_SAMPLES = 256


@dataclass
class Loop:
    """Trains ``network`` on ``feed`` as ``config`` says.

    save : called with the checkpoint after every epoch; returns where it went.
    """

    config: Config
    network: Network
    feed: Feed
    reporter: Reporter
    save: Callable[[Checkpoint], str]
    history: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.optimizer = _optimizer(self.config, self.network)
        self.best_epoch, self.best_accuracy = 0, -1.0
        self.saved = "none yet"
        self._begin()

    def _begin(self) -> None:
        """Take the weights as they are for the best, and for their average."""
        self.best_model = copied(self.network.state_dict())
        averaged = self.config.training.average > 0
        self.average = copied(self.best_model) if averaged else None

    @property
    def steps_per_epoch(self) -> int:
        """Steps of an epoch; a last incomplete batch is left out."""
        return len(self.feed.data.train) // self.config.training.batch

    def start(self, clean: Network | None = None) -> None:
        """Calibrate a fresh network on the first samples of the first epoch.

        clean : network that homeostatic layers get their signatures from, and the weights where
        the configuration says so; then there is nothing to calibrate.
        """
        given = self.config.homeostasis
        if clean is not None and given is not None:
            take_signatures(self.network, clean, self.feed, given.samples)
            if given.start:
                take_weights(self.network, clean)
                self._begin()
                return
        rows = self.feed.order(1)[:CALIBRATION_SAMPLES]
        x = self.feed.batch(self.feed.data.train.take(rows), draw=1)
        self.network.calibrate(x.to(self.network.device), self.feed.steps)
        self._begin()

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from ``checkpoint``."""
        self._load(checkpoint)
        self.best_epoch, self.best_accuracy = checkpoint.best_epoch, checkpoint.best_accuracy
        self.best_model, self.history = checkpoint.best_model, list(checkpoint.history)
        torch.set_rng_state(checkpoint.random)

    def _load(self, checkpoint: Checkpoint) -> None:
        load_into(self.network, checkpoint.best_model)
        if self.average is not None:
            if checkpoint.average is None:
                raise TrainingError("the checkpoint holds no averaged weights, it is damaged")
            load_into(self.network, checkpoint.average)
            self.average = copied(checkpoint.average)
        load_into(self.network, checkpoint.model)
        load_into(self.optimizer, checkpoint.optimizer)

    def run(self) -> None:
        """Train the epochs that remain."""
        epochs = self.config.training.epochs
        self.reporter.start(epochs, self.steps_per_epoch, len(self.history))
        try:
            for epoch in range(len(self.history) + 1, epochs + 1):
                row = self._epoch(epoch)
                self.history.append(row)
                self._remember_best(row)
                self.saved = self.save(self._checkpoint(epoch))
                self.reporter.epoch(row, epochs)
        finally:
            self.reporter.stop()

    def _epoch(self, epoch: int) -> dict[str, Any]:
        started = time.perf_counter()
        if epoch > self.config.training.epochs - self.config.training.freeze_epochs:
            self.network.freeze_statistics()
        self.network.train()
        order, batch = self.feed.order(epoch), self.config.training.batch
        losses = []
        for step in range(self.steps_per_epoch):
            rows = order[step * batch : (step + 1) * batch]
            losses.append(self._step(epoch, step, self.feed.data.train.take(rows)))
            self.reporter.step(epoch, losses[-1])
        seconds = time.perf_counter() - started
        row = {
            "epoch": epoch,
            "loss": sum(losses) / len(losses),
            "learning_rate": self._learning_rate(epoch, self.steps_per_epoch - 1),
            "seconds": seconds,
        }
        return {**row, **self._validated()}

    def _validated(self) -> dict[str, float]:
        """Return what is measured on the validation part, averaged weights in place."""
        config, validation = self.config, self.feed.data.validation
        with in_place(self.average, self.network):
            found = {"validation_accuracy": evaluate(self.network, self.feed, validation).rate}
            if config.training.select == "perturbed":
                rate = evaluate(self.network, self.feed, validation, config.perturbation).rate
                found["validation_perturbed"] = rate
            if config.interval is not None and config.interval.weight:
                held = bound_held(self.network, self.feed, validation, config.interval)
                found["validation_held"] = held
        return found

    def _step(self, epoch: int, step: int, split: Split) -> float:
        config, progress = self.config, self._done(epoch, step) / self._total
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate(epoch, step)
        try:
            clean, noisy = run_passes(config, self.network, self.feed, split, epoch, progress)
        except TrainingError as error:
            self._give_up(epoch, step, str(error))
        gap = self.feed.encoder.gap
        y = labels(split).to(self.network.device)
        valid = self.feed.valid(split).to(y.device) if config.loss.labels == "step" else None
        loss = total_loss(config.loss, self.network, y, clean, noisy, gap, progress, valid)
        loss = with_worst_case(
            config.interval, self.network, self.feed, split, loss, progress, draw=epoch
        )
        self.optimizer.zero_grad(set_to_none=True)
        if not math.isfinite(float(loss.detach())):
            where, what = self._not_finite(clean, noisy)
            self._give_up(epoch, step, f"{where}loss is {float(loss.detach())}, {what}")
        loss.backward()  # type: ignore[no-untyped-call]
        self._check("gradient", epoch, step)
        if config.training.clip:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), config.training.clip)
        self.optimizer.step()
        moment = Moment(config.seed, self._done(epoch, step))
        after_step(self.network, config.hook, moment)
        if self.average is not None:
            follow(self.average, self.network, config.training.average, moment.step)
        self._check("parameter", epoch, step)
        return float(loss.detach())

    def _learning_rate(self, epoch: int, step: int) -> float:
        """``base * (1 + cos(pi * done / total)) / 2`` over all steps, or the base."""
        optimizer = self.config.optimizer
        if optimizer.schedule == "constant":
            return optimizer.learning_rate
        done = self._done(epoch, step)
        return optimizer.learning_rate * (1 + math.cos(math.pi * done / self._total)) / 2

    @property
    def _total(self) -> int:
        return self.config.training.epochs * self.steps_per_epoch

    def _done(self, epoch: int, step: int) -> int:
        return (epoch - 1) * self.steps_per_epoch + step

    def _check(self, what: str, epoch: int, step: int) -> None:
        """Stop when a gradient or parameter is not finite."""
        tensors = {
            name: p.detach() if what == "parameter" else p.grad
            for name, p in self.network.named_parameters()
        }
        present = {name: tensor for name, tensor in tensors.items() if tensor is not None}
        sums = torch.stack([tensor.abs().amax() for tensor in present.values()])
        bad = (~torch.isfinite(sums)).nonzero()
        if len(bad):
            owner, _, parameter = list(present)[int(bad[0])].rpartition(".")
            layer = self.network.get_submodule(owner)
            self._give_up(epoch, step, f"layer {layer.name}: {what} {parameter} is not finite")

    @torch.no_grad()
    def _not_finite(self, *passes: Run | None) -> tuple[str, str]:
        """Return the first layer with a value that is not finite, and which value that is."""
        for layer in self.network.spiking_layers:
            found = [run.results[layer.name] for run in passes if run is not None]
            values = {
                **dict(layer.named_parameters(recurse=False)),
                **{f"quantised {k}": value for k, value in layer.quantised().named()},
                **{f"{k} of pass {n}": getattr(r, k) for n, r in enumerate(found, 1) for k in "av"},
            }
            for what, value in values.items():
                if value is not None and not bool(torch.isfinite(value).all()):
                    return f"layer {layer.name}: ", f"{what} is not finite"
        return "", "though every layer is finite"

    def _give_up(self, epoch: int, step: int, what: str) -> NoReturn:
        raise TrainingError(
            f"epoch {epoch}, step {step + 1}, {what}; last good checkpoint: {self.saved}; "
            "lower the learning rate"
        )

    def _remember_best(self, row: dict[str, Any]) -> None:
        """Keep the model that ``training.select`` asks for; of equals, the latest."""
        select, value = self.config.training.select, self._value(row)
        if select == "last" or value >= self.best_accuracy:
            self.best_epoch, self.best_accuracy = row["epoch"], value
            with in_place(self.average, self.network):
                self.best_model = copied(self.network.state_dict())

    def _value(self, row: dict[str, Any]) -> float:
        """Return what an epoch is chosen by: an accuracy on the validation part.

        With interval training, the mean of the clean one with the share that the bounds hold, by
        weight.
        """
        if self.config.training.select == "perturbed":
            return float(row["validation_perturbed"])
        found = float(row["validation_accuracy"])
        if self.config.interval is None or "validation_held" not in row:
            return found
        weight = self.config.interval.weight
        return float((1 - weight) * found + weight * row["validation_held"])

    def _checkpoint(self, epoch: int) -> Checkpoint:
        return Checkpoint(
            digest=self.config.digest,
            epoch=epoch,
            model=self.network.state_dict(),
            optimizer=self.optimizer.state_dict(),
            best_epoch=self.best_epoch,
            best_accuracy=self.best_accuracy,
            best_model=self.best_model,
            threads=torch.get_num_threads(),
            random=torch.get_rng_state(),
            history=self.history,
            average=self.average,
        )


def load_into(target: Any, state: dict[str, Any]) -> None:
    """Load a state of a checkpoint; raise TrainingError when it does not fit."""
    try:
        target.load_state_dict(state)
    except (RuntimeError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise TrainingError(
            f"the checkpoint does not fit the network: {' '.join(str(error).split())[:200]}"
        ) from error


def _optimizer(config: Config, network: Network) -> torch.optim.Optimizer:
    spec, parameters = config.optimizer, list(network.parameters())
    if spec.kind != "sgd":
        kind = torch.optim.Adam if spec.kind == "adam" else torch.optim.AdamW
        rate, decay = spec.learning_rate, spec.weight_decay
        try:
            return kind(parameters, lr=rate, weight_decay=decay, fused=True)
        except RuntimeError:  # torch before 2.4 has no fused Adam on the CPU
            return kind(parameters, lr=rate, weight_decay=decay)
    return torch.optim.SGD(
        parameters,
        lr=spec.learning_rate,
        momentum=0.9 if spec.momentum is None else spec.momentum,
        weight_decay=spec.weight_decay,
    )


@torch.no_grad()
def evaluate(
    network: Network, feed: Feed, split: Split, spec: Perturbation | None = None
) -> Accuracy:
    """Return the accuracy of ``network`` in eval mode, ties counted as wrong.

    spec : of the perturbation that the samples see, at its whole budget; None for none.
    """
    network.eval()
    found = []
    for start in range(0, len(split), EVAL_BATCH):
        part = split.take(slice(start, start + EVAL_BATCH))
        if spec is not None:
            with torch.set_grad_enabled(True):
                part = perturbed(Scene(network, feed, part, spec, epoch=0))
        run = network(feed.batch(part).to(network.device), feed.steps)
        found.append(predictions(network.scores(run)))
    return Accuracy.of(np.concatenate(found), split.y)
