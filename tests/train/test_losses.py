"""Losses: the published formulas, on integers."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional  # noqa: E402  (needs torch)

from neurodeploy.train.config import Loss  # noqa: E402
from neurodeploy.train.losses import (  # noqa: E402
    Weights,
    rate_penalty,
    rest_penalty,
    spike_train_error,
    total_loss,
    weights,
)
from neurodeploy.train.methods import Ramp  # noqa: E402
from neurodeploy.train.network import Network, Run  # noqa: E402
from neurodeploy.train.specs import Dense, Neuron, Readout  # noqa: E402
from neurodeploy.train.terms import (  # noqa: E402
    mppd_l1,
    ms_mppd,
    perturbation_dynamics,
    trades,
)

STEPS = 6


def network_and_runs(current_decay: int = 1500, static: bool = False) -> tuple[Network, Run, Run]:
    neuron = Neuron(current_decay=current_decay, voltage_decay=700, threshold=1.3)
    network = Network((9,), [Dense(size=8), Dense(size=3)], neuron=neuron)
    draw = torch.Generator().manual_seed(1)
    steps = 1 if static else STEPS
    x, y = (torch.randint(0, 2, (steps, 5, 9), generator=draw).float() for _ in range(2))
    network.calibrate(x, STEPS)
    return network, network(x, STEPS), network(y, STEPS)


def test_spike_trains_are_compared_as_published() -> None:
    network, clean, _ = network_and_runs()
    y = torch.tensor([0, 2, 1, 1, 0])
    spikes, total = clean.results["output"].s.detach().double().numpy(), 0.0
    for sample, label in enumerate(y.tolist()):
        for k in range(3):
            have = want = twice = 0.0
            for t in range(STEPS):
                have += (spikes[t, sample, k] - have) / 3
                want += ((t > 0 and k == label) - want) / 3
                twice += (want - twice) / 3
                total += (have - twice) ** 2 / 2
    found = spike_train_error(network, clean, y)
    assert float(found.detach()) == pytest.approx(total / 5, rel=1e-5)
    whole = total_loss(Loss(labels="train"), network, y, clean, None)
    assert torch.equal(whole, found)
    found.backward()
    assert float(network.spiking_layers[0].weight.grad.abs().sum()) > 0


@pytest.mark.parametrize("static", [True, False])
@pytest.mark.parametrize("current_decay", [4096, 1500])
def test_the_perturbation_dynamics_are_the_recursion_of_the_paper(
    current_decay: int, static: bool
) -> None:
    """Y[t] = (1 - 700/4096) Y[t-1] + U[t], and U = d without a memory of the current."""
    network, clean, noisy = network_and_runs(current_decay, static)
    layer = network.spiking_layers[0]
    result = perturbation_dynamics(layer, clean.results["hidden1"], noisy.results["hidden1"])
    threshold = float(layer.quantised().threshold)
    d = (clean.results["hidden1"].a - noisy.results["hidden1"].a) / threshold
    u = y = torch.zeros(5, 8)
    for t in range(STEPS):
        u = u * (1 - current_decay / 4096) + d[0 if static else t]
        y = y * (1 - 700 / 4096) + u
        assert torch.allclose(result[t], y, atol=1e-5)


def test_the_terms_act_on_the_last_spiking_layer() -> None:
    network, clean, noisy = network_and_runs()
    y = perturbation_dynamics(
        network.spiking_layers[-1], clean.results["output"], noisy.results["output"]
    )
    assert torch.allclose(ms_mppd(network, clean, noisy), (y**2).mean())
    assert torch.allclose(mppd_l1(network, clean, noisy), y.abs().mean())
    integrator = Network((9,), [Dense(size=8), Dense(size=3)], readout=Readout(kind="integrator"))
    assert [layer.spiking for layer in integrator.spiking_layers] == [True, False]
    x = torch.ones(STEPS, 1, 9)
    assert ms_mppd(integrator, integrator(x), integrator(0 * x)) > 0


def test_the_clean_pass_gets_no_gradient_from_a_term() -> None:
    network, clean, _ = network_and_runs()
    other = network_and_runs()[2]
    noisy = Run(other.logits.detach(), other.results)
    layer = network.spiking_layers[-1]
    (grad,) = torch.autograd.grad(ms_mppd(network, clean, noisy), layer.weight, allow_unused=True)
    assert grad is None


def test_the_total_is_the_weighted_sum() -> None:
    network, clean, noisy = network_and_runs()
    y = torch.tensor([0, 1, 2, 0, 1])
    first, second = (functional.cross_entropy(run.logits, y) for run in (clean, noisy))
    assert torch.allclose(total_loss(Loss(), network, y, clean, None), first)
    spec = Loss(term="ms-mppd", term_weight=2.0, clean_share=0.25)
    expected = 0.25 * first + 0.75 * second + 2 * ms_mppd(network, clean, noisy)
    assert torch.allclose(total_loss(spec, network, y, clean, noisy), expected)
    spec = Loss(rate_weight=3.0, rate_target=0.5, rest_weight=2.0)
    expected = first + 3 * rate_penalty(network, clean, 0.5) + 2 * rest_penalty(network, clean, 3)
    assert torch.allclose(total_loss(spec, network, y, clean, None, gap=3), expected)


def test_the_rest_penalty_counts_spikes_of_the_second_half_of_the_gap() -> None:
    network, clean, _ = network_and_runs()
    rates = [clean.results[name].s[-2:].mean() for name in ("hidden1", "output")]
    assert torch.allclose(rest_penalty(network, clean, 3), torch.stack(rates).mean())


def test_the_rate_penalty_pulls_rates_to_the_target() -> None:
    network, clean, _ = network_and_runs()
    rates = [clean.results[name].s.mean().item() for name in ("hidden1", "output")]
    expected = sum((rate - 0.3) ** 2 for rate in rates) / 2
    assert rate_penalty(network, clean, 0.3).item() == pytest.approx(expected)


def test_a_term_of_all_layers_is_the_mean_over_the_spiking_ones() -> None:
    network, clean, noisy = network_and_runs()
    each = [
        perturbation_dynamics(layer, clean.results[layer.name], noisy.results[layer.name])
        for layer in network.spiking_layers
    ]
    found = ms_mppd(network, clean, noisy, "all")
    assert torch.allclose(found, sum((y**2).mean() for y in each) / 2)
    assert torch.allclose(
        mppd_l1(network, clean, noisy, "all"), sum(y.abs().mean() for y in each) / 2
    )
    spec = Loss(term="mppd-l1", layers="all", clean_share=1.0)
    y = torch.tensor([0, 1, 2, 0, 1])
    expected = functional.cross_entropy(clean.logits, y) + mppd_l1(network, clean, noisy, "all")
    assert torch.allclose(total_loss(spec, network, y, clean, noisy), expected)


def test_the_term_of_trades_is_the_divergence_of_the_answers() -> None:
    _, clean, noisy = network_and_runs()
    p, q = (run.logits.softmax(1) for run in (clean, noisy))
    assert torch.allclose(trades(clean, noisy), (p * (p / q).log()).sum(1).mean(), atol=1e-6)
    assert trades(clean, clean).detach() == 0


def test_weights_follow_their_ramps() -> None:
    ramp = Ramp(start=0.2, end=0.6)
    spec = Loss(term="ms-mppd", term_weight=4.0, term_ramp=ramp, clean_share=0.2, share_ramp=ramp)
    assert weights(spec, 0.1) == Weights(1.0, 0.0)
    assert not weights(spec, 0.1).needs_perturbed
    halfway = weights(spec, 0.4)
    assert (halfway.clean, halfway.term) == pytest.approx((0.6, 2.0))
    assert weights(spec, 0.6) == weights(spec) == Weights(pytest.approx(0.2), 4.0)
