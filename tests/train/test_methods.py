"""Methods in the loop: what they were before, what weight 0 is, what hooks do to the weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional  # noqa: E402  (needs torch)
from training_scenes import PGD, TEXT, equal, looped, trained  # noqa: E402

from neurodeploy.draws import normals  # noqa: E402
from neurodeploy.errors import OptionError  # noqa: E402
from neurodeploy.train import Dense, Network  # noqa: E402
from neurodeploy.train.hooks import Moment, after_step  # noqa: E402
from neurodeploy.train.methods import Hook  # noqa: E402
from neurodeploy.train.response import impulse_response  # noqa: E402

NOISE = '[perturbation]\nkind = "gaussian"\nstd = 0.05\n'


def written_out(text: str, term: Any = None, share: float = 0.5, rho: float = 1.0) -> Any:
    """Train with Gaussian noise as it was before there were other perturbations, step by step."""
    loop = looped(text)
    network, feed, config = loop.network, loop.feed, loop.config
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3, **_fused())
    total, done = 12, 0
    for epoch in (1, 2):
        order = feed.order(epoch)
        network.train()
        for step in range(6):
            optimizer.param_groups[0]["lr"] = 2e-3 * (1 + math.cos(math.pi * done / total)) / 2
            done += 1
            split = feed.data.train.take(order[32 * step : 32 * step + 32])
            noise = normals(config.seed, split.index, 64, 1 + epoch).reshape(split.x.shape)
            noisy = np.clip(np.rint(split.x + noise * (0.05 * 16)), 0, 16)
            both = np.concatenate([split.x, noisy]).astype(np.float32)
            run = network(torch.from_numpy(both)[None], 4)
            y = torch.from_numpy(split.y)
            clean, other = run.samples(slice(None, 32)), run.samples(slice(32, None))
            loss = functional.cross_entropy(clean.logits, y)
            loss = share * loss + (1 - share) * functional.cross_entropy(other.logits, y)
            if term is not None:
                loss = loss + rho * term(network, clean, other)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
    return network.state_dict()


def _fused() -> dict[str, bool]:
    try:
        torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], fused=True)
    except RuntimeError:
        return {}
    return {"fused": True}


def energy(network: Any, clean: Any, noisy: Any) -> Any:
    """MS-MPPD of the last layer, as it was."""
    layer = network.spiking_layers[-1]
    grid = layer.quantised()
    threshold = grid.threshold.expand(layer.shape).reshape(-1)
    a, b = (run.results["output"].a for run in (clean, noisy))
    response = impulse_response(4096.0, 512.0, 4).float()
    return torch.einsum("ts,sbn->tbn", response, (a.detach() - b).float() / threshold)


def test_noise_and_its_terms_train_to_the_bit_as_written_out() -> None:
    assert equal(trained(TEXT + NOISE), written_out(TEXT))
    squared = TEXT + NOISE + '[loss]\nterm = "ms-mppd"\nclean_share = 0.3\n'
    assert equal(
        trained(squared), written_out(TEXT, lambda *runs: energy(*runs).square().mean(), 0.3)
    )
    absolute = TEXT + NOISE + '[loss]\nterm = "mppd-l1"\nterm_weight = 2.5\n'
    assert equal(
        trained(absolute), written_out(TEXT, lambda *runs: energy(*runs).abs().mean(), rho=2.5)
    )


ZERO = {
    "a pass without share": (PGD + "[loss]\nclean_share = 1.0\n", ""),
    "a term": (PGD + "[loss]\nterm = 'trades'\nterm_weight = 0.0\n", PGD),
    "a term and the share": (
        PGD + "[loss]\nterm = 'ms-mppd'\nterm_weight = 0.0\nclean_share = 1.0\n",
        "",
    ),
    "a hook": ("[[hook]]\nkind = 'orthogonal'\nstrength = 0.0\n", ""),
    "a clip that nothing reaches": ("[[hook]]\nkind = 'clip'\nlimit = 1e5\n", ""),
    "a ramp that starts at the whole": (
        PGD.replace("steps = 3", "steps = 3\nramp = { low = 1.0 }"),
        PGD,
    ),
}


@pytest.mark.parametrize("name", ZERO)
def test_a_method_of_weight_zero_trains_the_baseline_to_the_bit(name: str) -> None:
    method, baseline = ZERO[name]
    assert equal(trained(TEXT + method), trained(TEXT + baseline))


OTHER = {
    "adversarial": PGD,
    "trades": PGD + "[loss]\nterm = 'trades'\nterm_weight = 3.0\nclean_share = 1.0\n",
    "mppd of all layers": PGD + "[loss]\nterm = 'mppd-l1'\nlayers = 'all'\n",
    "a budget that ramps": PGD.replace("steps = 3", "steps = 3\nramp = { low = 0.5 }"),
    "orthogonal": "[[hook]]\nkind = 'orthogonal'\n",
    "clip": "[[hook]]\nkind = 'clip'\nlimit = 0.2\n",
}


def test_a_method_of_another_weight_trains_another_network() -> None:
    found = [trained(TEXT), *(trained(TEXT + method) for method in OTHER.values())]
    for number, one in enumerate(found):
        assert not any(equal(one, other) for other in found[:number])


def test_adversarial_training_goes_on_where_it_stopped(tmp_path: Any) -> None:
    from neurodeploy.runs.training import train

    class Stop(Exception):
        pass

    text = (
        TEXT
        + PGD.replace("steps = 3", "steps = 3\nramp = { low = 0.5 }")
        + ("[[hook]]\nkind = 'orthogonal'\n")
    )
    whole = train(text, tmp_path / "whole").outcome
    from neurodeploy.train.progress import Silent

    class Stopping(Silent):
        def epoch(self, row: Any, epochs: int) -> None:
            raise Stop

    with pytest.raises(Stop):
        train(text, tmp_path / "parts", reporter=Stopping())
    resumed = train(text, tmp_path / "parts", resume=True).outcome
    assert resumed.weights_sha256 == whole.weights_sha256
    assert resumed.lowering.score_differences == 0


BUDGETS = [
    ("fgsm", "eps = 8.0", "perturbation: eps 8 is 0 steps of data with peak 16, the smallest that "
     "has one is 16"),
    ("pgd", "eps = 32.0\nstep_eps = 2.0", "perturbation: eps 2 is 0 steps of data with peak 16, "
     "the smallest that has one is 16"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "entries", "message"), BUDGETS)
def test_a_budget_without_a_step_is_refused(kind: str, entries: str, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        looped(TEXT + f"[perturbation]\nkind = '{kind}'\n{entries}\n")
    assert str(caught.value) == message


# Hooks


def test_rows_become_orthogonal() -> None:
    network = Network((30,), [Dense(size=20), Dense(size=4)])
    before = network.spiking_layers[0].weight.detach().clone()
    after_step(network, (Hook(kind="orthogonal", strength=0.1),), Moment(1, 0))
    expected = 1.1 * before - 0.1 * before @ before.t() @ before
    assert torch.allclose(network.spiking_layers[0].weight, expected, atol=1e-6)
    for step in range(200):
        after_step(network, (Hook(kind="orthogonal", strength=0.1),), Moment(1, step))
    rows = network.spiking_layers[0].weight.detach()
    assert torch.allclose(rows @ rows.t(), torch.eye(20), atol=1e-4)


def test_wide_layers_are_moved_in_parts_that_seed_and_step_choose() -> None:
    def moved(seed: int, step: int) -> set[int]:
        network = Network((30,), [Dense(size=200), Dense(size=4)])
        before = network.spiking_layers[0].weight.detach().clone()
        after_step(network, (Hook(kind="orthogonal"),), Moment(seed, step))
        changed = (network.spiking_layers[0].weight != before).any(1)
        return set(changed.nonzero().flatten().tolist())

    assert len(moved(1, 0)) == 60
    assert moved(1, 0) == moved(1, 0)
    assert len({frozenset(moved(*key)) for key in [(1, 0), (1, 1), (2, 0)]}) == 3


def test_weights_are_clipped_in_units_of_the_layer() -> None:
    network = Network((30,), [Dense(size=20, recurrent=True), Dense(size=4)])
    after_step(network, (Hook(kind="clip", limit=0.05),), Moment(1, 0))
    first = network.spiking_layers[0]
    for weight in (first.weight, first.recurrent):
        assert float(weight.detach().abs().max()) == pytest.approx(0.05)
