"""A training run in a folder, from configuration to integer network.

Beside what `neurodeploy.train.run` leaves, the folder holds

    program.h5      the integer network lowered from the best epoch (highest validation accuracy)
    result.json     the outcome, written last; its entries:

      format            1
      name, seed        of the configuration; config_sha256: its digest
      program_sha256    digest of program.h5; weights_sha256: of the float parameters behind it
      data              name, source, split_seed, samples per part
      encoder           kind and settings
      accuracy          validation_trained, test_trained (torch model in eval mode) and
                        test_integer (the Program), each with correct, ties, samples, rate, low
                        and high
      lowering          engine, samples, spike_differences, score_differences (both must be 0)
      stream            the pipelined stream of test samples (`neurodeploy.verification.stream`)
      timing            rule, needs_reset, reason
      layers            per layer: name, kind, shape, weights, unit, rate (test set), and
                        bits_min, bits_mean, bits_max of the weights over its channels
      epochs            epochs, best_epoch, seconds (list), seconds_mean
      versions          neurodeploy, python, torch, numpy; threads, scan: native or torch
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import neurodeploy
from neurodeploy import container
from neurodeploy.accuracy import Accuracy, predictions, scores
from neurodeploy.data import Dataset, Split
from neurodeploy.errors import TrainingError, located
from neurodeploy.lowering import lower
from neurodeploy.program import Program
from neurodeploy.results.counted import Counted
from neurodeploy.results.outcome import (
    Epochs,
    LoweringCheck,
    Outcome,
    StreamCheck,
    TimingRule,
    TrainedAccuracy,
    TrainedLayer,
    TrainedOn,
)
from neurodeploy.run_folder import PROGRAM, RESULT, write_json
from neurodeploy.sim import compile
from neurodeploy.train import compiled
from neurodeploy.train.checkpoint import weights_digest
from neurodeploy.train.config import Config
from neurodeploy.train.feed import Feed
from neurodeploy.train.loop import EVAL_BATCH, evaluate
from neurodeploy.train.network import Network
from neurodeploy.train.progress import Reporter, Silent
from neurodeploy.train.run import Trained, train_network
from neurodeploy.verification.stream import verify_stream

STREAM_SAMPLES = 400
"""Most test samples that the closing check runs as one pipelined stream."""


@dataclass(frozen=True)
class TrainedRun:
    """What a run leaves: its folder, the integer network, and what ``result.json`` says."""

    folder: Path
    program: Program
    outcome: Outcome


def train(
    config: Config | str,
    folder: str | Path,
    *,
    where: str = "configuration",
    resume: bool = False,
    reporter: Reporter | None = None,
) -> TrainedRun:
    """Train as ``config`` says, lower the best epoch, compare, and leave it all in ``folder``.

    The arguments are those of `neurodeploy.train.run.train_network`.

    Raises OptionError, DataError or TrainingError, each in one line.
    """
    folder, reporter = Path(folder), reporter or Silent()
    trained = train_network(config, folder, where=where, resume=resume, reporter=reporter)
    return finish(trained, folder, reporter)


def finish(trained: Trained, folder: Path, reporter: Reporter) -> TrainedRun:
    """Lower the network, compare model and integers on the test set, write the outcome."""
    program = lower(trained.network)
    with located(str(folder)):
        container.write(program, folder / PROGRAM)
    reporter.say(
        f"lowered epoch {trained.best_epoch}; comparing model and integers on the test set"
    )
    outcome = outcome_of(trained, program)
    try:
        write_json(folder / RESULT, outcome.to_dict())
    except OSError as error:
        raise TrainingError(f"{folder / RESULT}: cannot be written: {error.strerror}") from error
    return TrainedRun(folder, program, outcome)


def outcome_of(trained: Trained, program: Program) -> Outcome:
    """Check the network against its integers on the test set; return what there is to say."""
    config, network, feed = trained.config, trained.network, trained.feed
    data = feed.data
    check = compare_on(network, program, feed, data.test)
    columns = feed.encoder.encode(*_arrays(data.test.first(STREAM_SAMPLES)))
    stream = verify_stream(program, columns, data.test.y, engine=engine(), limit=STREAM_SAMPLES)
    return Outcome(
        name=config.name,
        seed=config.seed,
        config_sha256=config.digest,
        program_sha256=program.digest,
        weights_sha256=weights_digest(network.state_dict()),
        data=_data(data),
        encoder=feed.encoder.metadata(),
        accuracy=TrainedAccuracy(
            validation_trained=Counted.from_accuracy(evaluate(network, feed, data.validation)),
            test_trained=Counted.from_accuracy(check.trained),
            test_integer=Counted.from_accuracy(check.integer),
        ),
        lowering=check.lowering,
        stream=StreamCheck(
            **{**vars(stream), "accuracy": Counted.from_accuracy(stream.accuracy)},
            identical=stream.identical,
        ),
        timing=_timing(program),
        layers=check.layers,
        epochs=_epochs(trained),
        versions=_versions(trained.threads),
    )


def _timing(program: Program) -> TimingRule:
    told = program.metadata
    return TimingRule(
        rule=str(told["timing.rule"]),
        needs_reset=bool(told["timing.needs_reset"]),
        reason=str(told["timing.reason"]),
    )


def engine() -> str:
    """Return the engine of the closing checks: native where it is built, else the reference."""
    try:
        import neurodeploy.sim.native
    except ImportError:
        return "reference"
    return "native" if neurodeploy.sim.native else "reference"


@dataclass(frozen=True)
class SplitCheck:
    """A trained network against the Program lowered from it, on a whole split."""

    trained: Accuracy
    integer: Accuracy
    lowering: LoweringCheck
    layers: tuple[TrainedLayer, ...]


@torch.no_grad()
def compare_on(network: Network, program: Program, feed: Feed, split: Split) -> SplitCheck:
    """Run both on ``split``; count differing spikes of every population, and differing scores."""
    simulator = compile(program, engine=engine(), record=("s",))
    trained, integer = [], []
    spikes = scored = 0
    rates = dict.fromkeys(program.names, 0.0)
    for start in range(0, len(split), EVAL_BATCH):
        part = split.take(slice(start, start + EVAL_BATCH))
        columns = feed.encoder.encode(*_arrays(part))
        run = network(feed.batch(part), feed.steps)
        trace = simulator.run(columns)
        for name, result in run.results.items():
            own = np.moveaxis(result.s.numpy(), 1, 0)
            spikes += int(np.count_nonzero(own != trace[name].s))
            rates[name] += float(own.mean()) * len(part) / len(split)
        mine, theirs = network.scores(run), scores(program, trace)
        scored += int(np.count_nonzero(mine != theirs))
        trained.append(predictions(mine))
        integer.append(predictions(theirs))
    return SplitCheck(
        trained=Accuracy.of(np.concatenate(trained), split.y),
        integer=Accuracy.of(np.concatenate(integer), split.y),
        lowering=LoweringCheck(
            engine=engine(),
            samples=len(split),
            spike_differences=spikes,
            score_differences=scored,
        ),
        layers=_layers(network, rates),
    )


def _arrays(split: Split) -> tuple[Any, Any, Any]:
    return split.x, split.index, split.lengths


def _layers(network: Network, rates: Mapping[str, float]) -> tuple[TrainedLayer, ...]:
    table = []
    for layer in network.spiking_layers:
        bits = layer.effective_bits()
        table.append(
            TrainedLayer(
                name=layer.name,
                kind=layer.spec.kind,
                shape=layer.shape,
                weights=layer.weight.numel(),
                unit=layer.unit,
                bits_min=float(bits.min()),
                bits_mean=float(bits.mean()),
                bits_max=float(bits.max()),
                rate=rates[layer.name],
            )
        )
    return tuple(table)


def _data(data: Dataset) -> TrainedOn:
    samples = {name: len(getattr(data, name)) for name in ("train", "validation", "test")}
    return TrainedOn(data.name, data.source, data.seed, samples, data.digest)


def _epochs(trained: Trained) -> Epochs:
    seconds = tuple(row["seconds"] for row in trained.history)
    return Epochs(len(seconds), trained.best_epoch, seconds, sum(seconds) / len(seconds))


def _versions(threads: int) -> dict[str, Any]:
    return {
        "neurodeploy": neurodeploy.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "threads": threads,
        "scan": "native" if compiled.available() else "torch",
    }
