"""A training run in a folder, from configuration to integer network.

The folder holds

    config.toml     the configuration, as given
    checkpoint.pt   state after the last whole epoch (see `neurodeploy.train.checkpoint`)
    metrics.jsonl   one JSON object per epoch: epoch, loss, validation_accuracy, learning_rate,
                    seconds
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
      stream            the pipelined stream of test samples (`neurodeploy.train.stream`)
      timing            rule, needs_reset, reason
      layers            per layer: name, kind, shape, weights, unit, rate (test set), and
                        bits_min, bits_mean, bits_max of the weights over its channels
      epochs            epochs, best_epoch, seconds (list), seconds_mean
      versions          neurodeploy, python, torch, numpy; threads, scan: native or torch

Every file is written whole or not at all, so that a run may be killed at any moment and resumed.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import neurodeploy
from neurodeploy import container
from neurodeploy.accuracy import Accuracy, predictions, scores
from neurodeploy.atomic import replacing
from neurodeploy.data import Dataset, Split, load_data
from neurodeploy.errors import OptionError, TrainingError, located
from neurodeploy.program import Program
from neurodeploy.sim import compile
from neurodeploy.train import compiled
from neurodeploy.train.checkpoint import (
    FILE_NAME,
    Checkpoint,
    read_checkpoint,
    weights_digest,
    write_checkpoint,
)
from neurodeploy.train.config import Config, parse_config, to_toml
from neurodeploy.train.feed import Feed, build_encoder, check_fit
from neurodeploy.train.loop import EVAL_BATCH, Loop, evaluate
from neurodeploy.train.network import Network
from neurodeploy.train.progress import Reporter, Silent
from neurodeploy.train.stream import verify_stream

FORMAT = 1
STREAM_SAMPLES = 400
"""Most test samples that the closing check runs as one pipelined stream."""


@dataclass(frozen=True)
class TrainedRun:
    """What a run leaves: its folder, the integer network and the content of ``result.json``."""

    folder: Path
    program: Program
    result: dict[str, Any]


def build_network(config: Config, feed: Feed) -> Network:
    """Return the untrained network of ``config`` for the data of ``feed``."""
    encoder = feed.encoder
    return Network(
        encoder.output_shape(feed.data.shape),
        config.layer,
        input_scale=float(encoder.high),
        message_bits=encoder.message_bits,
        neuron=config.neuron,
        readout=config.readout,
        seed=config.seed,
        metadata={
            **encoder.metadata(),
            "data": feed.data.name,
            "data.split_seed": feed.data.seed,
            "seed": config.seed,
            "config_sha256": config.digest,
            "provenance": f"neurodeploy {neurodeploy.__version__} train {config.name}",
        },
    )


def prepare(config: Config) -> tuple[Feed, Network]:
    """Load the data and build the network; raise before anything is written if they do not fit."""
    part = config.data
    data = load_data(part.name)
    data = data.limited(part.train_samples, part.validation_samples, part.test_samples)
    feed = Feed(data, build_encoder(config.encoder, data), config.seed)
    network = build_network(config, feed)
    check_fit(data, network.classes, config.training.batch)
    if config.readout.window > feed.steps:
        raise OptionError(
            f"readout.window: is {config.readout.window}, a sample has {feed.steps} columns"
        )
    return feed, network


def train(
    config: Config | str,
    folder: str | Path,
    *,
    where: str = "configuration",
    resume: bool = False,
    reporter: Reporter | None = None,
) -> TrainedRun:
    """Train as ``config`` says, and leave everything in ``folder``.

    config : TOML text, or a `Config` built in Python. where : what errors name, the text's file.
    resume : go on from the checkpoint in the folder (from the start when there is none); the
        result is that of an uninterrupted run, bit for bit, on the same machine and versions.

    Raises OptionError, DataError or TrainingError, each in one line.
    """
    text = to_toml(config) if isinstance(config, Config) else config
    with located(where):
        config = parse_config(text)
    folder, reporter = Path(folder), reporter or Silent()
    checkpoint = read_checkpoint(folder, config.digest) if resume else None
    if not resume and (folder / FILE_NAME).exists():
        raise OptionError(f"{folder}: holds a run already; add --resume or choose another folder")
    with located(where):
        device = device_of(config)
        feed, network = prepare(config)
    _make(folder)
    _write(folder / "config.toml", text.encode())
    with _settings(config, checkpoint):
        network.to(device)
        loop = Loop(config, network, feed, reporter, lambda state: _save(state, folder))
        if checkpoint is None:
            loop.start()
        else:
            loop.restore(checkpoint)
            loop.saved = str(folder / FILE_NAME)
            reporter.say(f"resumed after epoch {checkpoint.epoch} of {config.training.epochs}")
        loop.run()
        network.to("cpu").load_state_dict(loop.best_model)
        return _finish(config, loop, folder, reporter)


def device_of(config: Config) -> torch.device:
    """Return the device to train on; raise OptionError when it is absent."""
    device = torch.device(config.training.device)
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= count:
        raise OptionError(
            f"training.device: is {config.training.device!r}, torch {torch.__version__} finds "
            f"{count} CUDA devices here; use 'cpu'"
        )
    return device


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(f"{folder}: cannot be created: {error.strerror}") from error


def _write(path: Path, content: bytes) -> None:
    try:
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise TrainingError(f"{path}: cannot be written: {error.strerror}") from error


def _save(checkpoint: Checkpoint, folder: Path) -> str:
    try:
        path = write_checkpoint(checkpoint, folder)
    except OSError as error:
        raise TrainingError(f"{folder}: checkpoint cannot be written: {error.strerror}") from error
    lines = "".join(json.dumps(row) + "\n" for row in checkpoint.history)
    _write(folder / "metrics.jsonl", lines.encode())
    return str(path)


@contextmanager
def _settings(config: Config, checkpoint: Checkpoint | None) -> Iterator[None]:
    """Set torch up for a run (seed, threads, deterministic kernels), and back afterwards."""
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(checkpoint.threads if checkpoint else config.training.threads or threads)
    if config.training.device != "cpu":  # what deterministic products of a GPU ask for
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(config.seed)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)


def _finish(config: Config, loop: Loop, folder: Path, reporter: Reporter) -> TrainedRun:
    """Lower the best epoch, compare model and integers on the test set, write the outcome."""
    from neurodeploy.lowering import lower  # lower reads the layers of this package

    network, feed, data = loop.network, loop.feed, loop.feed.data
    network.eval()
    program = lower(network)
    with located(str(folder)):
        container.write(program, folder / "program.h5")
    reporter.say(f"lowered epoch {loop.best_epoch}; comparing model and integers on the test set")
    comparison = compare_on(network, program, feed, data.test)
    columns = feed.encoder.encode(*_arrays(data.test.first(STREAM_SAMPLES)))
    stream = verify_stream(program, columns, data.test.y, engine=engine(), limit=STREAM_SAMPLES)
    result = {
        "format": FORMAT,
        "name": config.name,
        "seed": config.seed,
        "config_sha256": config.digest,
        "program_sha256": program.digest,
        "weights_sha256": weights_digest(network.state_dict()),
        "data": _data(data),
        "encoder": feed.encoder.metadata(),
        "accuracy": {
            "validation_trained": evaluate(network, feed, data.validation).to_dict(),
            "test_trained": comparison.trained.to_dict(),
            "test_integer": comparison.integer.to_dict(),
        },
        "lowering": comparison.differences,
        "stream": stream.to_dict(),
        "timing": {
            key: program.metadata[f"timing.{key}"] for key in ("rule", "needs_reset", "reason")
        },
        "layers": comparison.layers,
        "epochs": _epochs(loop),
        "versions": _versions(),
    }
    _write(folder / "result.json", (json.dumps(result, indent=1) + "\n").encode())
    return TrainedRun(folder, program, result)


def engine() -> str:
    """Return the engine of the closing checks: native where it is built, else the reference."""
    try:
        import neurodeploy.sim.native
    except ImportError:
        return "reference"
    return "native" if neurodeploy.sim.native else "reference"


@dataclass(frozen=True)
class LoweringCheck:
    """A trained network against the Program lowered from it, on a whole split."""

    trained: Accuracy
    integer: Accuracy
    differences: dict[str, Any]
    layers: list[dict[str, Any]]


@torch.no_grad()
def compare_on(network: Network, program: Program, feed: Feed, split: Split) -> LoweringCheck:
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
    return LoweringCheck(
        trained=Accuracy.of(np.concatenate(trained), split.y),
        integer=Accuracy.of(np.concatenate(integer), split.y),
        differences={
            "engine": engine(),
            "samples": len(split),
            "spike_differences": spikes,
            "score_differences": scored,
        },
        layers=_layers(network, rates),
    )


def _arrays(split: Split) -> tuple[Any, Any, Any]:
    return split.x, split.index, split.lengths


def _layers(network: Network, rates: dict[str, float]) -> list[dict[str, Any]]:
    table = []
    for layer in network.spiking_layers:
        bits = layer.effective_bits()
        table.append(
            {
                "name": layer.name,
                "kind": layer.spec.kind,
                "shape": list(layer.shape),
                "weights": layer.weight.numel(),
                "unit": layer.unit,
                "bits_min": float(bits.min()),
                "bits_mean": float(bits.mean()),
                "bits_max": float(bits.max()),
                "rate": rates[layer.name],
            }
        )
    return table


def _data(data: Dataset) -> dict[str, Any]:
    return {
        "name": data.name,
        "source": data.source,
        "split_seed": data.seed,
        "samples": {name: len(getattr(data, name)) for name in ("train", "validation", "test")},
    }


def _epochs(loop: Loop) -> dict[str, Any]:
    seconds = [row["seconds"] for row in loop.history]
    return {
        "epochs": len(seconds),
        "best_epoch": loop.best_epoch,
        "seconds": seconds,
        "seconds_mean": sum(seconds) / len(seconds),
    }


def _versions() -> dict[str, Any]:
    return {
        "neurodeploy": neurodeploy.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "threads": torch.get_num_threads(),
        "scan": "native" if compiled.available() else "torch",
    }
