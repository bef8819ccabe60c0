"""S-IBP and S-CROWN: against plain formulas in float64, and against samples of the box."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training_scenes import TEXT, equal, looped, trained  # noqa: E402  (needs torch)

from neurodeploy.errors import OptionError  # noqa: E402
from neurodeploy.train import Conv, Dense, Network, Neuron, Readout, SumPool  # noqa: E402
from neurodeploy.train.config import parse_config  # noqa: E402
from neurodeploy.train.interval import worst_case  # noqa: E402
from neurodeploy.train.interval_loss import worst_of  # noqa: E402

STEPS = 4
PUBLISHED = Neuron(current_decay=4096, voltage_decay=3072, threshold=0.25, surrogate="rectangular")
COUNT, INTEGRATOR = Readout(), Readout(kind="integrator")
NETS: dict[str, tuple[Any, ...]] = {
    "published": (COUNT, Dense(size=12, norm="none"), Dense(size=9), Dense(size=3)),
    "current memory": (COUNT, Dense(size=12, neuron=Neuron(current_decay=2048)), Dense(size=3)),
    "biases": (COUNT, Dense(size=12, bias=True, norm="none"), Dense(size=3, bias=True)),
    "integrator": (INTEGRATOR, Dense(size=12), Dense(size=9), Dense(size=3, bias=True)),
    "window": (Readout(window=2), Dense(size=12), Dense(size=3)),
    "gains": (COUNT, Dense(size=12, neuron=Neuron(learn=("gain",))), Dense(size=3)),
    "conv, pool": (
        INTEGRATOR, Conv(channels=3, kernel=2, padding=1), SumPool(size=4), Dense(size=3),
    ),
    "pool, conv": (COUNT, SumPool(size=2), Conv(channels=4, kernel=2, stride=2), Dense(size=3)),
}  # fmt: skip


def network_of(name: str, columns: int = 1) -> Network:
    readout, *layers = NETS[name]
    network = Network(
        (1, 6, 6),
        layers,
        input_scale=16.0 if columns == 1 else 1.0,
        message_bits=5 if columns == 1 else 0,
        neuron=PUBLISHED,
        readout=readout,
        seed=len(name),
        steps=STEPS,
    )
    low, high = boxes(200, columns)
    network.calibrate(torch.where(torch.rand(low.shape) < 0.5, low, high), STEPS)
    with torch.no_grad():
        for layer in network.spiking_layers:
            if layer.step_gain is not None:
                layer.step_gain.copy_(torch.linspace(0.5, 1.5, STEPS))
            if layer.bias is not None:
                layer.bias.copy_(torch.linspace(-0.2, 0.3, len(layer.bias)))
    return network.eval()


def boxes(samples: int, columns: int) -> tuple[Any, Any]:
    """Return the ends of graded data that stand still, or of spikes of every step."""
    generator = torch.Generator().manual_seed(5)
    shape = (columns, samples, 1, 6, 6)
    if columns == 1:
        x = torch.randint(0, 17, shape, generator=generator).float()
        return (x - 2).clamp(min=0), (x + 2).clamp(max=16)
    draw, x = (torch.rand(shape, generator=generator) for _ in "dx")
    return (x - 0.1 > draw).float(), (x + 0.1 > draw).float()


def narrow(samples: int) -> tuple[Any, Any]:
    """Return ends of graded data of which few may move."""
    low, high = boxes(samples, 1)
    few = torch.rand(low.shape, generator=torch.Generator().manual_seed(1)) < 0.15
    return low, torch.where(few, high, low)


def written_out(network: Network, low: Any, high: Any, y: int) -> tuple[Any, Any]:
    """Return the margins of one sample by S-IBP and by S-CROWN alone; dense layers, numpy."""
    layers = []
    ends = [end[:, 0].reshape(len(end), -1).double().numpy() for end in (low, high)]
    ends = [np.broadcast_to(end, (STEPS, end.shape[1])) for end in ends]
    first = ends
    for layer in network.spiking_layers:
        grid = layer.quantised()
        w = grid.weight.detach().double().numpy() / layer.unit
        b = 0.0 if grid.bias is None else grid.bias.detach().double().numpy() / layer.unit
        keep_u = 1 - float(grid.current_decay) / 4096
        keep_v = 1 - float(grid.voltage_decay) / 4096
        theta = float(grid.threshold.detach()) / layer.unit
        u_l = u_h = m_l = m_h = g_l = g_h = np.zeros(len(w))
        found: dict[str, list[Any]] = {"m_l": [], "m_h": [], "s_l": [], "s_h": []}
        for t in range(STEPS):
            a_l = np.maximum(w, 0) @ ends[0][t] + np.minimum(w, 0) @ ends[1][t]
            a_h = np.maximum(w, 0) @ ends[1][t] + np.minimum(w, 0) @ ends[0][t]
            u_l, u_h = keep_u * u_l + a_l, keep_u * u_h + a_h
            m_l, m_h = keep_v * g_l + u_l + b, keep_v * g_h + u_h + b
            s_l, s_h = (m_l > theta).astype(float), (m_h > theta).astype(float)
            g_l = np.where(s_h == 0, m_l, np.where(s_l == 1, 0, np.minimum(m_l, 0)))
            g_h = np.where(s_h == 0, m_h, np.where(s_l == 1, 0, theta))
            for key, value in zip(found, (m_l, m_h, s_l, s_h), strict=True):
                found[key].append(value)
        layers.append((w, b, keep_u, keep_v, theta, found))
        ends = [np.array(found["s_l"]), np.array(found["s_h"])]
    mean = [end[STEPS - (network.readout.window or STEPS) :].mean(0) for end in ends]
    scale = network.readout.scale
    ibp = [scale * (mean[1][j] - mean[0][y]) if j != y else 0.0 for j in range(len(mean[0]))]
    plain = [-_carried(layers, first, j, y, network) for j in range(len(mean[0]))]
    return np.array(ibp), np.array(plain)


def _carried(layers: Any, first: Any, j: int, y: int, network: Network) -> float:
    """Return the lower bound of score y minus score j, one coefficient at a time."""
    window = network.readout.window or STEPS
    rows = np.zeros((STEPS, network.classes))
    rows[STEPS - window :, y] += network.readout.scale / window
    rows[STEPS - window :, j] -= network.readout.scale / window
    constant = 0.0
    for w, b, keep_u, keep_v, theta, found in reversed(layers):
        on_current = np.zeros((STEPS, len(w)))
        bias = np.broadcast_to(b, len(w))
        for i in range(len(w)):
            on_v = on_u = 0.0
            for t in reversed(range(STEPS)):
                low, high = found["m_l"][t][i], found["m_h"][t][i]
                c, s = keep_v * on_v, rows[t, i]
                if found["s_l"][t][i]:
                    on_v = 0.0
                    constant += s
                elif not found["s_h"][t][i]:
                    on_v = c
                else:
                    end = c * (low if c >= 0 else theta)
                    constant += end
                    s -= end
                    if high - theta >= theta - low:
                        slope = 1 / (high - theta) if s >= 0 else 0.0
                        offset = -theta * slope if s >= 0 else 1.0
                    else:
                        slope = 0.0 if s >= 0 else 1 / (theta - low)
                        offset = -low * slope
                    on_v = s * slope
                    constant += s * offset
                constant += on_v * bias[i]
                on_u = on_v + keep_u * on_u
                on_current[t, i] = on_u
        rows = on_current @ w
    if np.array_equal(first[0][0], first[0][1]) and np.array_equal(first[1][0], first[1][1]):
        rows = np.vstack([rows.sum(0), np.zeros((STEPS - 1, rows.shape[1]))])
    centre, radius = (first[0] + first[1]) / 2, (first[1] - first[0]) / 2
    return float(constant + (rows * centre - np.abs(rows) * radius).sum())


@pytest.mark.parametrize("columns", [1, STEPS])
@pytest.mark.parametrize("name", ["published", "current memory", "biases", "window"])
@torch.no_grad()
def test_bounds_are_those_of_the_plain_formulas(name: str, columns: int) -> None:
    network, (low, high) = network_of(name, columns), boxes(12, columns)
    y = torch.arange(12) % 3
    loose = worst_case(network, low, high, y, STEPS, method="s-ibp").logits.double().numpy()
    tight = worst_case(network, low, high, y, STEPS, method="s-crown").logits.double().numpy()
    for row in range(12):
        part = slice(row, row + 1)
        ibp, plain = written_out(network, low[:, part], high[:, part], int(y[row]))
        assert np.allclose(loose[row], ibp, atol=1e-3), row
        assert np.allclose(tight[row], np.minimum(ibp, plain), atol=1e-3), row


@pytest.mark.parametrize("columns", [1, STEPS])
@pytest.mark.parametrize("name", NETS)
@torch.no_grad()
def test_no_columns_of_a_box_come_nearer_than_the_bounds_say(name: str, columns: int) -> None:
    network, (low, high) = network_of(name, columns), boxes(20, columns)
    y, rows = torch.arange(20) % 3, torch.arange(20)
    found = {
        method: worst_case(network, low, high, y, STEPS, method=method).logits
        for method in ("s-ibp", "s-crown")
    }
    assert (found["s-crown"] <= found["s-ibp"]).all()
    reached = torch.full_like(found["s-ibp"], -math.inf)
    for _ in range(30):
        x = torch.where(torch.rand(low.shape) < 0.5, low, high)
        logits = network(x, STEPS).logits
        reached = torch.maximum(reached, logits - logits[rows, y][:, None])
    slack = 4 * STEPS * network.readout.scale / (64 * network.spiking_layers[-1].unit)
    assert (reached <= found["s-crown"] + slack).all()
    assert (found["s-crown"][rows, y].abs() < 1e-6).all()


@torch.no_grad()
def test_linear_bounds_are_better_somewhere() -> None:
    network, (low, high) = network_of("published"), narrow(60)
    y = network(low, STEPS).logits.argmax(1)
    ibp, both = (
        worst_case(network, low, high, y, STEPS, method=method).logits
        for method in ("s-ibp", "s-crown")
    )
    assert bool((both < ibp - 0.01).any())


def test_gradients_reach_every_weight() -> None:
    for name in ("published", "integrator", "conv, pool"):
        network, (low, high) = network_of(name), narrow(60)
        y = torch.arange(60) % 3
        found = worst_case(network, low, high, y, STEPS, method="s-crown").logits
        torch.nn.functional.cross_entropy(found, y).backward()
        for layer in network.spiking_layers:
            assert layer.weight.grad is not None, (name, layer.name)
            assert bool(layer.weight.grad.isfinite().all()), (name, layer.name)
            assert float(layer.weight.grad.abs().sum()) > 0, (name, layer.name)


RATE = TEXT.replace('"direct"', '"rate"').replace("levels = 16\n", "")
CERTIFIED = "[interval]\neps = 32.0\ncolumns = 3\nmethod = "


@pytest.mark.parametrize("method", ["s-ibp", "s-crown"])
def test_a_rate_code_is_bounded_for_the_numbers_drawn(method: str) -> None:
    text = RATE + CERTIFIED + f"'{method}'\n"
    assert equal(trained(RATE), trained(text + "weight = 0.0\n"))
    loop = looped(text)
    loop.run()
    assert not equal(trained(RATE), loop.network.state_dict())
    part, spec = loop.feed.data.validation, loop.config.interval
    network = loop.network.eval()
    margins = [worst_of(network, loop.feed, part, budget, spec).logits for budget in (0, 1, 2)]
    own = network(loop.feed.batch(part)[:3], 3).logits
    own = own - own[torch.arange(len(own)), torch.from_numpy(part.y)][:, None]
    assert torch.allclose(margins[0], own, atol=1e-2)
    assert (margins[0] <= margins[1] + 1e-4).all() or method == "s-crown"
    assert margins[0].mean() < margins[1].mean() < margins[2].mean()


WRONG = {
    TEXT + CERTIFIED + "'s-ibp'\n[readout]\nwindow = 2\n": (
        "interval.columns: is 3, first columns, but readout.window reads the last 2; leave one of "
        "them out"
    ),
    TEXT + "[interval]\neps = 32.0\nmethod = 'ibp'\n": (
        "interval.method: 'ibp', input should be 'ends', 's-ibp' or 's-crown'"
    ),
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: WRONG[text][:40])
def test_wrong_entries_are_named_in_one_line(text: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_config(text)
    assert str(caught.value) == WRONG[text]


def test_what_cannot_be_bounded_is_refused() -> None:
    with pytest.raises(OptionError) as caught:
        looped(TEXT + CERTIFIED.replace("3", "9").replace("92", "32") + "'s-ibp'\n")
    assert str(caught.value) == "interval.columns: is 9, a sample has 4 columns"
    delayed = TEXT.replace("size = 24", "size = 24\nmax_delay = 2")
    with pytest.raises(OptionError, match="layer hidden1 has delays, which 's-crown' does not"):
        looped(delayed + "[interval]\neps = 32.0\nmethod = 's-crown'\n").run()
