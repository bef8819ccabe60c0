"""Neurons beyond plain LIF in training: they run the twin's steps and lower without loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from torch.nn import functional  # noqa: E402  (needs torch)
from training_scenes import TEXT  # noqa: E402

import neurodeploy as nd  # noqa: E402
from neurodeploy.data import load_data  # noqa: E402
from neurodeploy.encode import Columns  # noqa: E402
from neurodeploy.errors import OptionError, TrainingError  # noqa: E402
from neurodeploy.runs.training import train  # noqa: E402
from neurodeploy.train import Conv, Dense, Network, Neuron, Readout  # noqa: E402
from neurodeploy.train.config import parse_config  # noqa: E402
from neurodeploy.train.losses import mean_squared_error, step_cross_entropy  # noqa: E402

STEPS = 7
DLIF = Neuron(learn=("gain", "threshold"), current_decay=1500)
CHAINS: dict[str, tuple[Any, ...]] = {
    "dense": (Dense(size=20, bias=True), Dense(size=5)),
    "conv": (Conv(channels=4, kernel=3, bias=True), Dense(size=5)),
    "batch norm": (Conv(channels=4, kernel=3, norm="batch"), Dense(size=5, norm="batch")),
    "delayed": (Dense(size=20, max_delay=3), Dense(size=5, max_delay=2)),
}


def columns(steps: int = STEPS, high: int = 1, batch: int = 6, seed: int = 1) -> Any:
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(0, high + 1, (steps, batch, 2, 6, 6), generator=draw).float()


def network(layers: Any, neuron: Neuron, **options: Any) -> Network:
    built = Network((2, 6, 6), layers, neuron=neuron, steps=STEPS, **options)
    if neuron.model == "homeostatic":
        clean = Network((2, 6, 6), layers, neuron=Neuron(current_decay=neuron.current_decay))
        clean.calibrate(columns())
        built.record_signatures(clean, [columns(), columns(seed=2)])
    built.calibrate(columns())
    return built


def scatter(built: Network, seed: int) -> None:
    """Move every parameter away from where it started."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in built.named_parameters():
            size = 0.7 if name.endswith("step_gain") else 0.2
            parameter.add_(size * torch.randn(parameter.shape, generator=draw))


def assert_lowers(built: Network, x: Any) -> None:
    program = nd.lower(built.eval())
    integers = x.movedim(0, 1).numpy().astype(np.int64)
    own = built.trace(integers)
    for engine in ("reference", "native"):
        trace = nd.simulate(program, integers, engine=engine, record=("s", "v"))
        for name, variables in own.items():
            assert np.array_equal(variables["s"], trace[name].s), name
            assert np.array_equal(variables["v"], trace[name].v), name


@pytest.mark.parametrize("model", ["lif", "homeostatic"])
@pytest.mark.parametrize("kind", ["count", "integrator"])
@pytest.mark.parametrize("layers", CHAINS.values(), ids=CHAINS)
def test_gain_and_moving_thresholds_lower_without_loss(layers: Any, kind: Any, model: Any) -> None:
    learn: Any = ("gain", "threshold", "theta") if model == "homeostatic" else ("gain",)
    neuron = Neuron(learn=learn, current_decay=1500, model=model)
    built = network(layers, neuron, readout=Readout(kind=kind))
    scatter(built, 3)
    assert_lowers(built, columns())
    assert_lowers(built, columns(STEPS + 4))
    assert_lowers(built, columns(STEPS - 3))


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**31), st.booleans(), st.sampled_from(["lif", "homeostatic"]),
    st.integers(0, 4096), st.integers(0, 4096), st.floats(0, 3),
)  # fmt: skip
def test_any_parameters_lower_without_loss(
    seed: int, per_neuron: bool, model: Any, current: int, voltage: int, theta: float
) -> None:
    learn = ("gain", "threshold", "voltage_decay", *(["theta"] if model == "homeostatic" else []))
    more = {"model": model, "theta": theta} if model == "homeostatic" else {}
    neuron = Neuron(
        learn=learn, current_decay=current, voltage_decay=voltage, per_neuron=per_neuron, **more
    )
    built = network((Conv(channels=3, kernel=2, bias=True), Dense(size=4)), neuron)
    scatter(built, seed)
    assert_lowers(built, columns(seed=seed % 1000))


def test_graded_input_that_overflows_lowers_without_loss() -> None:
    built = Network(
        (2, 6, 6), [Dense(size=9), Dense(size=4)], neuron=DLIF, steps=STEPS, message_bits=21
    )
    scatter(built, 1)
    with torch.no_grad():
        for layer in built.spiking_layers:
            assert layer.gain is not None
            layer.gain.mul_(300)
    assert_lowers(built, columns(high=2**20))


def gradients(built: Network, x: Any) -> dict[str, Any]:
    built.zero_grad(set_to_none=True)
    built.use_backend("torch")
    functional.cross_entropy(built.train()(x).logits, torch.arange(6) % 5).backward()
    return {n: p.grad for n, p in built.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("reset_gradient", [True, False])
@pytest.mark.parametrize("surrogate", ["fast_sigmoid", "triangle"])
@pytest.mark.parametrize("per_neuron", [True, False])
def test_a_gain_of_one_is_the_plain_neuron_gradients_included(
    surrogate: Any, reset_gradient: bool, per_neuron: bool
) -> None:
    common: dict[str, Any] = {
        "current_decay": 1500, "surrogate": surrogate, "width": 1.3, "per_neuron": per_neuron,
        "reset_gradient": reset_gradient, "threshold": 0.8,
    }  # fmt: skip
    learn = ("threshold", "voltage_decay")
    plain = network(CHAINS["conv"], Neuron(learn=learn, **common))
    gained = network(CHAINS["conv"], Neuron(learn=(*learn, "gain"), **common))
    gained.load_state_dict({**gained.state_dict(), **plain.state_dict()})
    x = columns()
    assert torch.equal(plain(x).logits, gained(x).logits)
    expected, found = gradients(plain, x), gradients(gained, x)
    assert {name for name in found if name not in expected} == {
        f"layers.{k}.step_gain" for k in (0, 1)
    }
    for name, grad in expected.items():
        size = float(grad.abs().max())
        assert torch.allclose(found[name], grad, rtol=1e-4, atol=1e-5 * size), name


def test_the_gradient_of_a_gain_is_that_of_currents_scaled_by_hand() -> None:
    """An integrator-like layer that never spikes: v is linear in the gains."""
    built = Network(
        (2, 6, 6),
        [Dense(size=4, norm="none", bias=True)],
        neuron=Neuron(learn=("gain",), threshold=100.0, voltage_decay=0),
        steps=STEPS,
    )
    layer = built.spiking_layers[0]
    result = layer(columns())
    assert not bool(result.s.any())
    (grad,) = torch.autograd.grad(result.v[-1].sum(), layer.step_gain)
    currents = result.a.sum((1, 2)).detach()  # the bias is 0
    assert torch.allclose(grad, 64 * currents, rtol=1e-5)


def test_gains_stay_on_the_grid_below_four() -> None:
    built = network(CHAINS["dense"], DLIF)
    layer = built.spiking_layers[0]
    assert layer.step_gain is not None
    with torch.no_grad():
        layer.step_gain.copy_(torch.tensor([-1.0, 0.0, 0.5, 1.01, 3.99, 4.0, 900.0]))
    neuron = nd.lower(built.eval()).node("hidden1").neuron
    assert neuron.gain.tolist() == [0, 0, 32, 65, 255, 255, 255]


def test_signatures_are_the_mean_membrane_of_the_integers() -> None:
    """Of neurons that never spike, so that what a trace holds is v before the reset."""
    layers = (Dense(size=6), Dense(size=3))
    clean = Network((2, 6, 6), layers, neuron=Neuron(threshold=40.0))
    clean.calibrate(columns())
    built = Network((2, 6, 6), layers, neuron=Neuron(model="homeostatic"), steps=STEPS)
    batches = [columns(), columns(seed=2, batch=4)]
    built.record_signatures(clean, batches)
    x = torch.cat(batches, 1).movedim(0, 1).numpy().astype(np.int64)
    v = nd.simulate(nd.lower(clean.eval()), x, record=("v",))["hidden1"].v
    built.load_state_dict({**built.state_dict(), "layers.0.scale": clean.layers[0].scale})
    signature = nd.lower(built.eval()).node("hidden1").neuron.signature
    assert np.abs(signature - v.mean(0)).max() <= 1


def test_a_theta_of_zero_is_the_plain_neuron() -> None:
    still = network(CHAINS["dense"], Neuron(model="homeostatic", theta=0.0))
    plain = network(CHAINS["dense"], Neuron())
    names = plain.state_dict()
    plain.load_state_dict({k: v for k, v in still.state_dict().items() if k in names})
    run = plain(columns())
    for name, one in still(columns()).results.items():
        assert torch.equal(run.results[name].s, one.s)


def test_the_last_layer_of_a_homeostatic_network_stays_plain() -> None:
    program = nd.lower(network(CHAINS["dense"], Neuron(model="homeostatic")).eval())
    kinds = [type(population.neuron) for population in program.populations]
    assert kinds == [nd.HomeostaticLif, nd.CubaLif]


# Read-outs


def test_labels_of_each_step_are_the_mean_cross_entropy_over_valid_steps() -> None:
    built = network(CHAINS["dense"], Neuron(), readout=Readout(kind="integrator", window=5))
    run = built(columns())
    v = run.results["output"].membrane[2:]
    y = torch.tensor([0, 1, 2, 3, 4, 0])
    valid = torch.arange(STEPS)[:, None] < torch.tensor([7, 3, 4, 5, 6, 7])
    losses = torch.stack([functional.cross_entropy(4 * step, y, reduction="none") for step in v])
    assert torch.allclose(step_cross_entropy(built, run, y), losses.mean())
    assert torch.allclose(step_cross_entropy(built, run, y, valid), losses[valid[2:]].mean())
    each = y.repeat(STEPS, 1)
    assert torch.allclose(step_cross_entropy(built, run, each), losses.mean())


def test_the_squared_error_is_that_of_v_in_units_of_the_layer() -> None:
    built = network(CHAINS["dense"], Neuron(), readout=Readout(kind="integrator"))
    run = built(columns())
    last = run.results["output"]
    v = last.v / (64 * last.unit)
    target = torch.randn((STEPS, 6, 5), generator=torch.Generator().manual_seed(1))
    valid = torch.arange(STEPS)[:, None] < torch.tensor([7, 3, 4, 5, 6, 7])
    error = (v - target) ** 2
    assert torch.allclose(mean_squared_error(built, run, target), error.mean())
    assert torch.allclose(mean_squared_error(built, run, target, valid), error[valid].mean())
    whole = mean_squared_error(built, run, target[0])
    assert torch.allclose(whole, (v.mean(0) - target[0]).square().mean())


def test_a_regression_on_real_series_learns_and_lowers_without_loss() -> None:
    """Japanese vowels: the twelve channels of the next step."""
    data = load_data("japanese-vowels")
    encoder = Columns(steps=data.steps, peak=data.peak)
    x = torch.from_numpy(encoder.encode(data.train.x)).movedim(1, 0).float()
    target = torch.cat([x[1:], torch.zeros_like(x[:1])]) / data.peak
    valid = torch.arange(len(x))[:, None] < torch.from_numpy(data.train.lengths) - 1
    built = Network(
        (12,), [Dense(size=40), Dense(size=12, bias=True)], readout=Readout(kind="integrator"),
        neuron=Neuron(voltage_decay=2048, learn=("gain", "voltage_decay")), steps=data.steps,
        input_scale=data.peak, message_bits=encoder.message_bits,
    )  # fmt: skip
    built.calibrate(x)
    optimizer = torch.optim.Adam(built.parameters(), lr=1e-2)
    losses = []
    for _ in range(25):
        loss = mean_squared_error(built, built(x), target, valid)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    assert_lowers(built, torch.from_numpy(encoder.encode(data.test.x)).movedim(1, 0).float())


# Whole runs on real data


INTEGRATOR = '[readout]\nkind = "integrator"\n'
VOWELS = TEXT.replace('name = "digits"', 'name = "japanese-vowels"').replace(
    'kind = "direct"\nsteps = 4\nlevels = 16', 'kind = "level"\nlevels = 8\ngap = 2'
).replace("size = 10", "size = 9").replace("60", "40")  # fmt: skip
RUNS = {
    "gain on digits": TEXT + '[neuron]\nlearn = ["gain", "threshold"]\n',
    "gain on vowels": VOWELS + INTEGRATOR + '[neuron]\nlearn = ["gain"]\n',
    "labels of each step": VOWELS + INTEGRATOR + "[loss]\nlabels = 'step'\n",
    "gain under attack": TEXT
    + INTEGRATOR
    + '[neuron]\nlearn = ["gain"]\n[perturbation]\nkind = "r-fgsm"\neps = 32.0\n'
    + '[loss]\nterm = "ms-mppd"\nlabels = "step"\n',
}


@pytest.mark.parametrize("text", RUNS.values(), ids=RUNS)
def test_runs_on_real_data_lower_with_no_difference(tmp_path: Path, text: str) -> None:
    outcome = train(text, tmp_path / "run").outcome
    assert outcome.lowering.spike_differences == 0
    assert outcome.lowering.score_differences == 0
    if "gain" in text:
        gain = nd.load(tmp_path / "run" / "program.h5").node("hidden1").neuron.gain
        assert np.any(gain != 64)


def test_a_homeostatic_run_starts_from_a_clean_one_and_can_be_resumed(tmp_path: Path) -> None:
    train(TEXT, tmp_path / "clean")
    text = TEXT + (
        '[neuron]\nmodel = "homeostatic"\nlearn = ["theta"]\n'
        f"[homeostasis]\nclean = '{tmp_path / 'clean'}'\nsamples = 100\n"
        '[perturbation]\nkind = "fgsm"\neps = 32.0\n'
    )
    outcome = train(text, tmp_path / "run").outcome
    assert outcome.lowering.spike_differences == outcome.lowering.score_differences == 0
    neuron = nd.load(tmp_path / "run" / "program.h5").node("hidden1").neuron
    assert isinstance(neuron, nd.HomeostaticLif)
    assert np.any(neuron.signature)
    again = train(text, tmp_path / "run", resume=True).outcome
    assert again.weights_sha256 == outcome.weights_sha256


def test_the_clean_run_may_be_part_of_the_run(tmp_path: Path) -> None:
    head, tail = TEXT.split("[training]")
    plain = head + '[readout]\nkind = "integrator"\n[training]' + tail
    train(plain.replace("epochs = 2", "epochs = 1"), tmp_path / "before")
    homeostatic = '[neuron]\nmodel = "homeostatic"\ntheta = 0.3\n[homeostasis]\n'
    apart = train(plain + homeostatic + f"clean = '{tmp_path / 'before'}'\n", tmp_path / "apart")
    text = plain + homeostatic + "clean_epochs = 1\n"
    one = train(text, tmp_path / "one")
    assert one.outcome.weights_sha256 == apart.outcome.weights_sha256
    assert one.outcome.lowering.score_differences == 0
    (tmp_path / "one" / "checkpoint.pt").unlink()  # killed after the clean run
    again = train(text, tmp_path / "one", resume=True)
    assert again.outcome.weights_sha256 == one.outcome.weights_sha256


# What cannot be


def test_a_run_without_its_clean_network_is_refused(tmp_path: Path) -> None:
    def refused(folder: Path, kind: type[Exception] = OptionError) -> str:
        text = TEXT + f'[neuron]\nmodel = "homeostatic"\n[homeostasis]\nclean = "{folder}"\n'
        with pytest.raises(kind) as caught:
            train(text, tmp_path / "run", where="c.toml")
        return str(caught.value)

    none = tmp_path / "none"
    assert refused(none) == (
        f"c.toml: homeostasis.clean: {none / 'config.toml'}: cannot be read: "
        "No such file or directory"
    )
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "config.toml").write_text(TEXT)
    assert refused(tmp_path / "bare") == (
        f"c.toml: homeostasis.clean: {tmp_path / 'bare'}: holds no checkpoint, train it first"
    )
    (tmp_path / "bare" / "checkpoint.pt").write_bytes(b"nothing")
    assert "it is damaged or no checkpoint" in refused(tmp_path / "bare", TrainingError)
    train(TEXT.replace("size = 24", "size = 25"), tmp_path / "other")
    assert refused(tmp_path / "other") == (
        "c.toml: homeostasis.clean: layer hidden1 (24,): has no counterpart in the clean network: "
        "hidden1 (25,), output (10,)"
    )
    train(TEXT.replace("steps = 4", "steps = 5"), tmp_path / "longer")
    assert "has data digits with Direct(steps=5, peak=16" in refused(tmp_path / "longer")


BAD_NEURONS = [
    ({"learn": ("gain",)}, {}, "layer 1 (dense): learn holds 'gain', which needs the number of "
     "steps of a sample; give steps"),
    ({"model": "homeostatic"}, {}, "layer 1 (dense): model is 'homeostatic', which needs the "
     "number of steps of a sample; give steps"),
    ({"learn": ("theta",)}, {"steps": 4}, "layer 1 (dense): learn holds 'theta', but neuron.model "
     "is 'lif'; set it to 'homeostatic'"),
]  # fmt: skip


@pytest.mark.parametrize(("entries", "options", "message"), BAD_NEURONS)
def test_neurons_that_cannot_be_get_one_clear_line(
    entries: Any, options: Any, message: str
) -> None:
    with pytest.raises(OptionError) as caught:
        Network((3,), [Dense(size=4), Dense(size=2)], neuron=Neuron(**entries), **options)
    assert str(caught.value) == message


def test_recurrent_layers_take_no_gain() -> None:
    with pytest.raises(OptionError, match="recurrent is true with a learned gain"):
        Network((3,), [Dense(size=4, recurrent=True), Dense(size=2)], neuron=DLIF, steps=4)


def test_a_homeostatic_network_without_signatures_says_so() -> None:
    layers = [Dense(size=4), Dense(size=2)]
    built = Network((3,), layers, neuron=Neuron(model="homeostatic"), steps=4)
    with pytest.raises(OptionError) as caught:
        built(torch.ones(4, 1, 3))
    assert str(caught.value) == (
        "layer hidden1: has no signature yet; record one, e.g. "
        "network.record_signatures(clean_network, columns)"
    )
    with pytest.raises(OptionError, match="there are no samples to record signatures from"):
        built.record_signatures(Network((3,), layers), [])


BAD_TEXT = [
    ('[neuron]\nmodel = "homeostatic"\n', "neuron.model: is 'homeostatic', which needs signatures, "
     "but homeostasis.clean is missing; name the folder of a run with plain neurons, or "
     "give homeostasis.clean_epochs"),
    ('[neuron]\nmodel = "homeostatic"\n[homeostasis]\nclean = "x"\nclean_epochs = 2\n',
     "homeostasis.clean_epochs: is set, but homeostasis.clean names a run that is there"),
    ("[loss]\nlabels = 'train'\n[readout]\nkind = 'integrator'\n", "loss.labels: is 'train', but "
     "an integrator sends no spikes; set readout.kind to 'count'"),
    ("select = 'perturbed'\n",
     "training.select: is 'perturbed', but perturbation.kind is 'none'"),
    ('[homeostasis]\nclean = "x"\n', "homeostasis: is set, but no neuron.model is 'homeostatic'"),
    ("[neuron]\ntheta = 0.3\n", "neuron.theta: is set, but neuron.model is 'lif'"),
    ("[loss]\nlabels = 'step'\n", "loss.labels: is 'step', but the spikes of one step say too "
     "little; set readout.kind to 'integrator'"),
]  # fmt: skip


@pytest.mark.parametrize(("entries", "message"), BAD_TEXT, ids=[m for _, m in BAD_TEXT])
def test_contradictions_get_one_clear_line(entries: str, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_config(TEXT + entries)
    assert str(caught.value) == message
