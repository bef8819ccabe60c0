"""Configurations: what is written is what runs, and what is wrong is said in one line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

pytest.importorskip("torch")

from neurodeploy.data import load_data
from neurodeploy.encode import ENCODERS, Encoder
from neurodeploy.encode.encoder import Call, Integers
from neurodeploy.errors import OptionError
from neurodeploy.train.config import Config, parse_config, read_config, to_toml
from neurodeploy.train.feed import build_encoder
from neurodeploy.train.specs import Dense, Neuron

BASE = """
seed = 3
[data]
name = "digits"
[encoder]
kind = "direct"
steps = 4
levels = 16
[[layer]]
kind = "dense"
size = 10
"""
ROOT = Path(__file__).parents[2]
DEMO = ROOT / "neurodeploy" / "train" / "demo.toml"


def test_defaults_are_filled_in() -> None:
    config = parse_config(BASE)
    assert config.layer == (Dense(size=10),)
    assert config.neuron == Neuron()
    assert config.perturbation.kind == "none"


def test_a_layer_overrides_single_entries_of_the_networks_neuron() -> None:
    text = BASE + "neuron = { threshold = 2.0 }\n[neuron]\nvoltage_decay = 9\nthreshold = 3.0\n"
    (layer,) = parse_config(text).layer
    assert isinstance(layer, Dense)
    assert layer.neuron is not None
    assert (layer.neuron.voltage_decay, layer.neuron.threshold) == (9, 2.0)


def test_the_digest_knows_settings_and_not_their_spelling() -> None:
    base = parse_config(BASE)
    assert parse_config(BASE + "# a comment\nnorm = 'weight'\n").digest == base.digest
    assert parse_config("name = 'x'\n" + BASE).digest == base.digest
    assert parse_config(BASE.replace("seed = 3", "seed = 4")).digest != base.digest
    assert parse_config(BASE + "[training]\nthreads = 2\n").digest == base.digest
    assert parse_config(BASE + '[training]\ndevice = "cpu"\n').digest == base.digest
    assert parse_config(BASE + '[training]\ndevice = "cuda"\n').digest != base.digest


def test_settings_that_came_later_changed_no_digest() -> None:
    """These digests were given before there were ramps, attacks and hooks."""
    text = BASE + "[perturbation]\nkind = 'gaussian'\nstd = 0.05\n[loss]\nterm = 'ms-mppd'\n"
    found = [parse_config(BASE).digest, parse_config(text).digest]
    assert found == [
        "d3398247f41e596a2f301eb6357c88767115fdbf1e393a8f7a948f3dcc5cd48d",
        "6b3d4eaf28c94b85ab79c96bec2d60d0903a4da2b9b45427bc5aa61ee20744cd",
    ]
    assert parse_config(text + "layers = 'all'\n").digest != found[1]
    assert parse_config(BASE + "[[hook]]\nkind = 'clip'\n").digest != found[0]


METHODS = """
[perturbation]
kind = "pgd"
eps = 32.0
steps = 7
objective = "kl"
ramp = { kind = "cosine", start = 0.1, end = 0.5, low = 0.5 }

[loss]
term = "trades"
term_weight = 6.0
clean_share = 1.0
term_ramp = { end = 0.25 }

[[hook]]
kind = "orthogonal"
strength = 1e-3

[[hook]]
kind = "clip"
limit = 2.0
"""


def test_methods_compose_and_are_written_back() -> None:
    config = parse_config(BASE + METHODS)
    again = parse_config(to_toml(config))
    assert again == config
    assert again.digest == config.digest
    assert [hook.kind for hook in config.hook] == ["orthogonal", "clip"]


def test_the_methods_of_the_guide_are_a_configuration() -> None:
    blocks = (ROOT / "docs/training.md").read_text().split("```toml\n")[1:]
    text = next(block for block in blocks if "[perturbation]" in block).split("```")[0]
    config = parse_config(BASE + text)
    assert (config.perturbation.kind, config.loss.term, config.hook[0].kind) == (
        "pgd", "trades", "orthogonal",
    )  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [*sorted((ROOT / "examples").rglob("*.toml")), DEMO],
    ids=lambda path: path.name,
)
def test_shipped_configurations_are_read_and_written_back(path: Path) -> None:
    config = read_config(path)
    again = parse_config(to_toml(config))
    assert again == config
    assert again.digest == config.digest


def test_configurations_built_in_python_can_be_written() -> None:
    neuron = Neuron(learn=("threshold",), threshold=2.0)
    config = Config.model_validate(
        {
            "name": 'a "quoted" name',
            "data": {"name": "digits"},
            "encoder": {"kind": "rate", "steps": 3},
            "layer": [Dense(size=10, neuron=neuron)],
        }
    )
    assert parse_config(to_toml(config)) == config


@dataclass(frozen=True)
class Burst(Encoder):
    """A toy encoder with a field of its own."""

    length: int = 4

    kind: ClassVar[str] = "burst"

    def _write(self, x: Integers, call: Call) -> None:
        call.data[...] = (x > 0)[:, None]


def test_an_encoder_from_outside_is_configured_by_its_own_fields() -> None:
    text = changed('kind = "direct"', 'kind = "burst"').replace("levels = 16", "length = 7")
    ENCODERS.add("burst", Burst)
    try:
        config = parse_config(text)
        assert build_encoder(config.encoder, load_data("digits")) == Burst(4, 16, length=7)
        assert parse_config(to_toml(config)) == config
        with pytest.raises(OptionError) as caught:
            parse_config(text.replace("length = 7", "lenght = 7"))
        assert str(caught.value) == "encoder.lenght: unknown key, did you mean 'length'?"
    finally:
        ENCODERS.remove("burst")


def changed(old: str, new: str) -> str:
    assert old in BASE
    return BASE.replace(old, new)


BAD = [
    ("a = ", "is not TOML: Invalid value (at end of document)"),
    (changed("kind = \"dense\"\nsize", "kind = \"dense\"\nsise"),
     "layer 1 (dense).sise: unknown key, did you mean 'size'?"),
    (BASE + "[trainig]\nepochs = 3", "trainig: unknown key, did you mean 'training'?"),
    (BASE + "[training]\nepoch = 3", "training.epoch: unknown key, did you mean 'epochs'?"),
    (BASE + "[neuron]\nzzz = 3",
     "neuron.zzz: unknown key, known are current_decay, voltage_decay, threshold, learn, "
     "per_neuron, surrogate, width, reset_gradient, model, theta"),
    (BASE + "neuron = { treshold = 1.0 }",
     "layer 1 (dense).neuron.treshold: unknown key, did you mean 'threshold'?"),
    (changed("[data]\nname = \"digits\"\n", ""), "data: is missing"),
    (changed("size = 10", "size = 0"),
     "layer 1 (dense).size: 0, input should be greater than or equal to 1"),
    (changed("size = 10", "size = 10.5"), "layer 1 (dense).size: 10.5, input should be a valid "
     "integer"),
    (changed('kind = "dense"', 'kind = "dens"'),
     "layer 1.kind: 'dens', expected one of dense, conv, pool, flatten"),
    (changed('kind = "dense"', ""), "layer 1: has no kind, expected one of dense, conv, pool, "
     "flatten"),
    (BASE + "[neuron]\ncurrent_decay = 5000",
     "neuron.current_decay: 5000, input should be less than or equal to 4096"),
    (BASE + "[perturbation]\nkind = 'pdg'",
     "perturbation.kind: 'pdg', expected one of none, gaussian, uniform, fgsm, r-fgsm, "
     "gaussian-fgsm, pgd, bit-flips, worst-flips"),
    (BASE + "[perturbation]\nkind = 'pgd'\nstd = 0.1",
     "perturbation.std: is set, but perturbation 'pgd' does not use it"),
    (BASE + "[perturbation]\nkind = 'fgsm'\nsteps = 3",
     "perturbation.steps: is set, but perturbation 'fgsm' does not use it"),
    (BASE + "[perturbation]\nkind = 'fgsm'\nobjective = 'kl'",
     "perturbation.objective: 'kl' has no slope at the sample itself, where 'fgsm' starts; use a "
     "random start"),
    (BASE + "[perturbation]\nkind = 'pgd'\nobjective = 'kl'\nrandom_start = false",
     "perturbation.objective: 'kl' has no slope at the sample itself, where 'pgd' starts; use a "
     "random start"),
    (BASE + "[perturbation]\nkind = 'pgd'\nramp = { start = 0.5, end = 0.5 }",
     "perturbation.ramp.start: is 0.5, expected less than end 0.5"),
    (BASE + "[perturbation]\nkind = 'pgd'\nramp = { kind = 'sudden' }",
     "perturbation.ramp.kind: 'sudden', expected one of linear, cosine, step"),
    (changed("kind = \"direct\"", "kind = \"latency\"").replace("levels = 16", "")
     + "[perturbation]\nkind = 'pgd'",
     "perturbation.kind: 'pgd' needs the gradient of the data, which encoder 'latency' does not "
     "have; use 'gaussian' or 'uniform'"),
    (BASE + "[loss]\nterm = 'mppd'\n[perturbation]\nkind = 'uniform'",
     "loss.term: 'mppd', expected one of none, ms-mppd, mppd-l1, trades"),
    (BASE + "[loss]\nterm = 'trades'\nlayers = 'all'\n[perturbation]\nkind = 'pgd'",
     "loss.layers: is set, but loss.term 'trades' does not use it"),
    (BASE + "[loss.term_ramp]\nend = 0.5\n[perturbation]\nkind = 'pgd'",
     "loss.term_ramp: is set, but loss.term is 'none'"),
    (BASE + "[loss]\nshare_ramp = { end = 0.5 }",
     "loss.share_ramp: is set, but perturbation.kind is 'none'"),
    (BASE + "[[hook]]\nkind = 'clip'\nstrength = 0.1",
     "hook 1.strength: is set, but hook 'clip' does not use it"),
    (BASE + "[[hook]]\nkind = 'clop'", "hook 1.kind: 'clop', expected one of orthogonal, clip"),
    (BASE + "[[hook]]\nkind = 'clip'\nlimmit = 2.0",
     "hook 1.limmit: unknown key, did you mean 'limit'?"),
    (BASE + "[neuron]\nsurrogate = 'step'",
     "neuron.surrogate: 'step', input should be 'triangle', 'fast_sigmoid', 'sigmoid', 'atan' or "
     "'rectangular'"),
    (BASE + "[loss]\nterm = 'ms-mppd'",
     "loss.term: is 'ms-mppd', which compares with a noisy pass, but perturbation.kind is 'none'; "
     "set it to 'gaussian' or the term to 'none'"),
    (BASE + "[perturbation]\nstd = 0.1", "perturbation: has settings, but kind is 'none'"),
    (BASE + "[training]\nepochs = 3\nfreeze_epochs = 3",
     "training.freeze_epochs: is 3, expected fewer than the 3 epochs"),
    (BASE + "[training]\nepochs = 3\nfreeze_epochs = 1",
     "training.freeze_epochs: is set, but no layer has norm 'batch'"),
    (BASE + "[optimizer]\nmomentum = 0.9", "optimizer.momentum: is set, but only 'sgd' uses it"),
    (BASE + "[loss]\nrate_target = 0.2",
     "loss.rate_target: is set, but loss.rate_weight is 0"),
    (BASE + "[loss]\nrest_weight = 0.2",
     "loss.rest_weight: is set, but encoder.gap is 0, there is no rest"),
    (changed("levels = 16", "threshold = 2"),
     "encoder.threshold: is set, but encoder 'direct' does not use it"),
    (changed("levels = 16", "levles = 16"),
     "encoder.levles: unknown key, did you mean 'levels'?"),
    (changed("levels = 16", "peak = 16"),
     "encoder.peak: unknown key, known are kind, steps, gap, levels"),
    (changed('kind = "direct"', 'kind = "poisson"'),
     "encoder.kind: 'poisson', expected one of direct, rate, latency, delta, level, columns"),
    (BASE + "[readout]\nkind = 'integrator'\n[loss]\nterm = 'ms-mppd'\n"
     "[perturbation]\nkind = 'gaussian'", "loss.term: is 'ms-mppd', but no layer spikes"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BAD, ids=[message for _, message in BAD])
def test_wrong_configurations_get_one_clear_line(text: str, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_config(text)
    assert str(caught.value) == message


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(OptionError) as caught:
        read_config(tmp_path / "none.toml")
    assert (
        str(caught.value) == f"{tmp_path / 'none.toml'}: cannot be read: No such file or directory"
    )
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(OptionError) as caught:
        read_config(tmp_path / "binary.toml")
    assert str(caught.value) == f"{tmp_path / 'binary.toml'}: is not UTF-8 text"
