"""Perturbed passes: other data on the data's grid, within the budget, whatever the batch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional  # noqa: E402  (needs torch)
from training_scenes import TEXT, looped  # noqa: E402

from neurodeploy.draws import normals  # noqa: E402
from neurodeploy.train import Conv, Dense, Network, fused  # noqa: E402
from neurodeploy.train.methods import Perturbation, Ramp  # noqa: E402
from neurodeploy.train.passes import run_passes  # noqa: E402
from neurodeploy.train.perturbations import (  # noqa: E402
    PERTURBATIONS,
    Climber,
    PerturbationKind,
    Scene,
    perturbed,
)
from neurodeploy.train.ramps import factor  # noqa: E402

CONV = TEXT.replace('kind = "dense"\nsize = 24', 'kind = "conv"\nchannels = 16\nkernel = 3')
RATE = TEXT.replace('kind = "direct"', 'kind = "rate"').replace("levels = 16", "seed = 5")
GAP = TEXT.replace("levels = 16", "levels = 16\ngap = 2")
TEXTS = {"dense": TEXT, "conv": CONV, "rate": RATE, "gap": GAP}


def scene(text: str = TEXT, epoch: int = 1, strength: float = 1.0, **settings: Any) -> Scene:
    loop = looped(text)
    split = loop.feed.data.train.first(20)
    spec = Perturbation(**settings)
    return Scene(loop.network.train(), loop.feed, split, spec, epoch, strength)


def of_rows(given: Scene, rows: Any) -> Scene:
    return replace(given, split=given.split.take(rows))


KINDS: list[dict[str, Any]] = [
    {"kind": "gaussian", "std": 0.3},
    {"kind": "uniform", "eps": 64.0},
    {"kind": "fgsm", "eps": 64.0},
    {"kind": "r-fgsm", "eps": 64.0},
    {"kind": "gaussian-fgsm", "eps": 64.0, "std": 0.05},
    {"kind": "pgd", "eps": 64.0, "steps": 3},
    {"kind": "pgd", "eps": 64.0, "steps": 3, "random_start": False},
    {"kind": "pgd", "eps": 64.0, "steps": 3, "objective": "kl"},
]


@pytest.mark.parametrize("settings", KINDS, ids=str)
def test_results_are_data_within_range_and_depend_on_the_sample_alone(
    settings: dict[str, Any],
) -> None:
    given = scene(**settings)
    found = perturbed(given)
    assert found.x.dtype == np.int32
    assert (found.x.min(), found.x.max()) == (0, 16)
    assert np.array_equal(found.y, given.split.y)
    assert not np.array_equal(found.x, given.split.x)
    assert np.array_equal(perturbed(given).x, found.x)
    rows = np.array([17, 3])
    assert np.array_equal(perturbed(of_rows(given, rows)).x, found.x[rows])
    if settings["kind"] != "gaussian":
        assert np.abs(found.x - given.split.x).max() == 4


@pytest.mark.parametrize("settings", KINDS, ids=str)
def test_the_network_is_left_as_it_was(settings: dict[str, Any]) -> None:
    given = scene(**settings)
    before = {k: v.clone() for k, v in given.network.state_dict().items()}
    perturbed(given)
    assert given.network.training
    assert all(layer.held is None for layer in given.network.spiking_layers)
    assert all(parameter.grad is None for parameter in given.network.parameters())
    assert all(torch.equal(before[k], v) for k, v in given.network.state_dict().items())


@pytest.mark.parametrize("kind", ["gaussian", "uniform"])
def test_random_ones_differ_from_epoch_to_epoch(kind: str) -> None:
    first, second = (scene(epoch=epoch, kind=kind) for epoch in (1, 2))
    eps = {"eps": 64.0} if kind == "uniform" else {"std": 0.3}
    spec = Perturbation(kind=kind, **eps)
    found = [perturbed(replace(given, spec=spec)).x for given in (first, second)]
    assert not np.array_equal(*found)


def test_uniform_noise_is_uniform() -> None:
    given = scene(kind="uniform", eps=32.0)
    drawn = given.uniform(5)
    counts = np.bincount(drawn.reshape(-1), minlength=5)
    assert counts.sum() == 20 * 64
    assert np.abs(counts - 256).max() < 60
    inside = (given.split.x >= 2) & (given.split.x <= 14)
    moved = perturbed(given).x - given.split.x
    assert set(np.unique(moved[inside])) == {-2, -1, 0, 1, 2}


def test_gaussian_noise_that_is_not_clamped_leaves_the_range() -> None:
    found = perturbed(scene(kind="gaussian", std=0.3, clamp=False))
    assert found.x.min() < 0 and found.x.max() > 16


def full_gradient(given: Scene) -> Any:
    """The gradient of the data by an ordinary pass in eval mode, all parameters included."""
    network = given.network
    columns = given.feed.batch(given.split, draw=given.epoch).requires_grad_()
    y = torch.from_numpy(given.split.y)
    network.eval()
    logits = network(columns, given.feed.steps).logits
    functional.cross_entropy(logits, y, reduction="sum").backward()
    network.zero_grad()
    network.train()
    grad = columns.grad
    assert grad is not None
    return grad[: given.feed.encoder.steps].sum(0).numpy()


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_fgsm_moves_every_value_by_the_sign_of_its_own_gradient(text: str) -> None:
    given = scene(text, kind="fgsm", eps=32.0)
    grad = full_gradient(given)
    assert np.count_nonzero(grad) > grad.size / 4
    expected = np.clip(given.split.x + 2 * np.sign(grad), 0, 16)
    clear = np.abs(grad) > 1e-5 * np.abs(grad).max()  # two orders of the same float sums
    assert np.array_equal(perturbed(given).x[clear], expected[clear])


@pytest.mark.skipif(not fused.available(), reason="the compiled module has no training layer")
@pytest.mark.parametrize(
    "specs",
    [[Dense(size=70), Dense(size=9)], [Conv(channels=16, kernel=3, stride=2), Dense(size=9)]],
    ids=["dense", "conv"],
)
def test_gradients_of_the_data_alone_are_those_of_a_full_pass(specs: Any) -> None:
    draw = torch.Generator().manual_seed(1)
    x = torch.randint(0, 2, (7, 5, 3, 8, 8), generator=draw).float().requires_grad_()
    network = Network((3, 8, 8), specs).eval()
    network.calibrate(x.detach())
    weight = torch.randn((5, 9), generator=draw)
    (full,) = torch.autograd.grad((network(x).logits * weight).sum(), x)
    with network.held():
        run = network(x)
        assert run.results["hidden1"].packed is not None
        (alone,) = torch.autograd.grad((run.logits * weight).sum(), x)
    assert float(full.abs().max()) > 0
    assert torch.allclose(alone, full, rtol=1e-4, atol=1e-6 * float(full.abs().max()))


def test_series_that_are_columns_are_attacked_where_they_hold_data() -> None:
    text = TEXT.replace('name = "digits"', 'name = "japanese-vowels"').replace("60", "40")
    text = text.replace('kind = "direct"\nsteps = 4\nlevels = 16', 'kind = "columns"')
    given = scene(text.replace("size = 10", "size = 9"), kind="fgsm", eps=16.0)
    assert given.budget == 7
    moved = perturbed(given).x - given.split.x
    lengths = given.split.lengths
    assert lengths is not None
    ends = np.arange(moved.shape[1]) >= lengths[:, None]
    assert ends.any() and not moved[ends].any()
    assert np.abs(moved[~ends]).max() == 7
    assert np.count_nonzero(moved[~ends]) > moved[~ends].size / 4


def test_a_noisy_step_is_that_of_its_noisy_start() -> None:
    given = scene(kind="gaussian-fgsm", eps=32.0, std=0.05)
    feed, split = given.feed, given.split
    noise = normals(feed.seed, split.index, 64, 1 + given.epoch).reshape(split.x.shape)
    start = np.clip(np.rint(split.x + noise * (0.05 * 16)), 0, 16)
    start = np.clip(start, split.x - 2, split.x + 2)
    with given.network.held():
        signs = Climber(given).signs(start)
    expected = np.clip(np.clip(start + 2 * signs, split.x - 2, split.x + 2), 0, 16)
    assert np.array_equal(perturbed(given).x, expected)
    tiny = replace(given, spec=Perturbation(kind="gaussian-fgsm", eps=32.0, std=1e-4))
    plain = replace(given, spec=Perturbation(kind="fgsm", eps=32.0))
    assert np.array_equal(perturbed(tiny).x, perturbed(plain).x)


def test_r_fgsm_with_one_step_of_budget_is_fgsm() -> None:
    given = scene(kind="fgsm", eps=16.0)
    other = replace(given, spec=Perturbation(kind="r-fgsm", eps=16.0))
    assert np.array_equal(perturbed(given).x, perturbed(other).x)


@pytest.mark.parametrize("objective", ["cross-entropy", "kl"])
def test_more_steps_climb_higher(objective: str) -> None:
    losses = []
    for steps in (1, 10):
        given = scene(kind="pgd", eps=48.0, steps=steps, step_eps=16.0, objective=objective)
        climber, x = Climber(given), perturbed(given).x
        with given.network.held(), torch.no_grad():
            logits = climber._logits(climber._columns(x))
            losses.append(float(functional.cross_entropy(logits, climber.y)))
    assert losses[1] > losses[0]


def test_a_ramp_scales_the_budget_in_whole_steps() -> None:
    given = scene(kind="uniform", eps=64.0)
    budgets = [replace(given, strength=strength).budget for strength in (0, 0.2, 0.25, 0.5, 1)]
    assert budgets == [0, 0, 1, 2, 4]
    assert perturbed(replace(given, strength=0.2)) is given.split


RAMPS = [
    (None, 0.0, 1.0),
    (Ramp(), 0.0, 0.0),
    (Ramp(), 0.25, 0.25),
    (Ramp(kind="cosine"), 0.5, 0.5),
    (Ramp(kind="cosine"), 0.25, 0.5 - 0.5**1.5),
    (Ramp(start=0.2, end=0.6), 0.1, 0.0),
    (Ramp(start=0.2, end=0.6), 0.4, 0.5),
    (Ramp(start=0.2, end=0.6, low=0.5), 0.4, 0.75),
    (Ramp(start=0.2, end=0.6), 0.9, 1.0),
]


@pytest.mark.parametrize(("ramp", "progress", "expected"), RAMPS, ids=str)
def test_a_ramp_rises_between_its_ends(ramp: Ramp | None, progress: float, expected: float) -> None:
    assert factor(ramp, progress) == pytest.approx(expected)


def test_a_perturbation_from_outside_sees_network_and_labels() -> None:
    """Made by whoever likes: here the samples of wrong answers are inverted."""

    def invert(given: Scene) -> Any:
        columns = given.feed.batch(given.split)
        with given.network.held(), torch.no_grad():
            answers = given.network(columns, given.feed.steps).logits.argmax(1).numpy()
        wrong = (answers != given.split.y).reshape(-1, 1, 1, 1)
        x = np.where(wrong, 16 - given.split.x, given.split.x).astype(np.int32)
        return replace(given.split, x=x)

    PERTURBATIONS.add("invert", PerturbationKind(invert, frozenset()))
    try:
        loop = looped(TEXT + "[perturbation]\nkind = 'invert'\n")
        loop.run()
        assert len(loop.history) == 2
    finally:
        PERTURBATIONS.remove("invert")


def test_a_pass_without_weight_is_not_run() -> None:
    for text, runs in (("clean_share = 1.0", False), ("clean_share = 0.9", True)):
        loop = looped(TEXT + "[perturbation]\nkind = 'uniform'\neps = 32.0\n[loss]\n" + text)
        split = loop.feed.data.train.first(4)
        _, noisy = run_passes(loop.config, loop.network, loop.feed, split, 1, 0.5)
        assert (noisy is not None) == runs
