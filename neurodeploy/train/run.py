"""Training a network as a configuration says, in a folder from which it can be gone on with.

The folder holds

    config.toml     the configuration, as given
    checkpoint.pt   state after the last whole epoch (see `neurodeploy.train.checkpoint`)
    metrics.jsonl   one JSON object per epoch: epoch, loss, learning_rate, seconds,
                    validation_accuracy; validation_perturbed where it is selected by; with interval
                    training validation_held, the share whose bounds hold
    clean           the run that homeostatic neurons got their signatures from, where it was trained
                    with this one

Every file is written whole or not at all, so that a run may be killed at any moment and resumed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import neurodeploy
from neurodeploy.atomic import replacing
from neurodeploy.data import load_data
from neurodeploy.errors import OptionError, TrainingError, located
from neurodeploy.train.builder import check_source
from neurodeploy.train.checkpoint import (
    FILE_NAME,
    Checkpoint,
    read_checkpoint,
    write_checkpoint,
)
from neurodeploy.train.config import Config, parse_config, read_config, to_toml
from neurodeploy.train.feed import Feed, build_encoder, check_fit
from neurodeploy.train.homeostasis import clean_config
from neurodeploy.train.loop import Loop, load_into
from neurodeploy.train.network import Network
from neurodeploy.train.passes import check_budget
from neurodeploy.train.progress import Reporter, Silent

CLEAN = "clean"
"""Folder within a run of the clean run that its signatures come from."""


@dataclass(frozen=True)
class Trained:
    """A trained network, that of its best epoch, in eval mode.

    feed : its data and encoder. history : per epoch what ``metrics.jsonl`` says. threads : of
    torch while it was trained.
    """

    config: Config
    network: Network
    feed: Feed
    best_epoch: int
    history: tuple[dict[str, Any], ...]
    threads: int


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
        steps=feed.steps,
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
    check_budget(config, feed)
    network = build_network(config, feed)
    check_fit(data, network.classes, config.training.batch)
    if config.readout.window > feed.steps:
        raise OptionError(
            f"readout.window: is {config.readout.window}, a sample has {feed.steps} columns"
        )
    return feed, network


def train_network(
    config: Config | str,
    folder: str | Path,
    *,
    where: str = "configuration",
    resume: bool = False,
    reporter: Reporter | None = None,
) -> Trained:
    """Train as ``config`` says, leave checkpoints in ``folder``, and return the best epoch.

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
        clean = None if checkpoint else clean_network(config, feed, network)
    _make(folder)
    _write(folder / "config.toml", text.encode())
    if checkpoint is None and config.homeostasis is not None and config.homeostasis.clean is None:
        clean = _train_clean(config, network, folder / CLEAN, reporter)
    with _settings(config, checkpoint):
        network.to(device)
        loop = Loop(config, network, feed, reporter, lambda state: _save(state, folder))
        if checkpoint is None:
            loop.start(clean)
        else:
            loop.restore(checkpoint)
            loop.saved = str(folder / FILE_NAME)
            reporter.say(f"resumed after epoch {checkpoint.epoch} of {config.training.epochs}")
        loop.run()
        network.to("cpu").load_state_dict(loop.best_model)
        return Trained(
            config,
            network.eval(),
            feed,
            loop.best_epoch,
            tuple(loop.history),
            torch.get_num_threads(),
        )


def _train_clean(config: Config, network: Network, folder: Path, reporter: Reporter) -> Network:
    """Train the clean run of ``config`` in ``folder``, or go on with it; return its best epoch."""
    epochs = 0 if config.homeostasis is None else config.homeostasis.clean_epochs or 0
    reporter.say(f"first {epochs} epochs with plain neurons, for the signatures, in {folder}")
    trained = train_network(
        clean_config(config, epochs), folder, where=str(folder), resume=True, reporter=reporter
    )
    _check_sources(network, trained.network)
    return trained.network


def _check_sources(network: Network, clean: Network) -> None:
    for layer in network.spiking_layers:
        if layer.neuron.model == "homeostatic":
            check_source(layer, clean.spiking_layers)


def clean_network(config: Config, feed: Feed, network: Network) -> Network | None:
    """Return the best epoch of the run that signatures come from, None where none is named.

    Raises OptionError or TrainingError for a run that is not there, damaged or of other columns.
    """
    if config.homeostasis is None or config.homeostasis.clean is None:
        return None
    folder = Path(config.homeostasis.clean)
    with located("homeostasis.clean"):
        other = read_config(folder / "config.toml")
        checkpoint = read_checkpoint(folder, other.digest)
        if checkpoint is None:
            raise OptionError(f"{folder}: holds no checkpoint, train it first")
        theirs, clean = prepare(other)
        if (theirs.encoder, theirs.data.name) != (feed.encoder, feed.data.name):
            raise OptionError(
                f"{folder}: has data {theirs.data.name} with {theirs.encoder}, expected "
                f"{feed.data.name} with {feed.encoder}"
            )
        _check_sources(network, clean)
        load_into(clean, checkpoint.best_model)
    return clean.eval()


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
