"""Networks of torch libraries spike in floats as they do there; ReLUs keep their classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import neurodeploy as nd
from neurodeploy.errors import FormatError, OptionError

torch = pytest.importorskip("torch", reason="needs torch")
nn = torch.nn

from neurodeploy.answers.runner import as_samples  # noqa: E402
from neurodeploy.conversion.agreement import agreement  # noqa: E402
from neurodeploy.conversion.float_simulation import simulate_float  # noqa: E402
from neurodeploy.converters.torch_modules import float_network  # noqa: E402

SAMPLES, STEPS = 3, 50


def spikes(*shape: int) -> NDArray[np.int64]:
    return (np.random.default_rng(3).random((SAMPLES, STEPS, *shape)) < 0.3).astype(np.int64)


def layer(inputs: int, outputs: int, seed: int) -> Any:
    torch.manual_seed(seed)
    made = nn.Linear(inputs, outputs)
    nn.init.normal_(made.weight, 0.1, 0.4)
    return made


def agree(module: Any, x: NDArray[np.int64], expected: NDArray[Any]) -> None:
    """The floats give the spikes of the source but for float32, the integers most of them."""
    network = float_network(module, x.shape[2:])
    found = simulate_float(network, x)[network.readout].s
    assert 0.02 < expected.mean() < 0.95, "the source must spike, but not always"
    assert np.mean(found.reshape(expected.shape) != expected) <= 0.002
    program = nd.from_torch(module, x.shape[2:])
    assert agreement(network, program, as_samples(x)).lowest > 0.9


def stepped(x: NDArray[np.int64], step: Any) -> NDArray[Any]:
    values = [step(torch.tensor(x[:, t], dtype=torch.float32)) for t in range(STEPS)]
    return np.stack([v.detach().numpy() for v in values], 1)


@pytest.mark.parametrize(
    ("mechanism", "late"),
    [("zero", True), ("zero", False), ("subtract", True), ("none", True), ("none", False)],
)
def test_snntorch_leaky(mechanism: str, late: bool) -> None:
    snn = pytest.importorskip("snntorch", reason="needs snntorch: pip install snntorch")
    how = {"reset_mechanism": mechanism, "reset_delay": late, "init_hidden": True}
    module = nn.Sequential(
        layer(20, 15, 0),
        snn.Leaky(beta=0.8, threshold=2.0, **how),
        nn.Dropout(0.5),
        layer(15, 6, 1),
        snn.Leaky(beta=0.7, threshold=2.0, **how),
    ).eval()
    x = spikes(20)
    agree(module, x, stepped(x, module))


def test_snntorch_that_subtracts_at_once_is_refused() -> None:
    snn = pytest.importorskip("snntorch", reason="needs snntorch: pip install snntorch")
    module = nn.Sequential(layer(4, 3, 0), snn.Leaky(beta=0.8, reset_delay=False))
    with pytest.raises(FormatError, match=r"1: subtracts at once.*reset_delay=True"):
        nd.from_torch(module, (4,))


def test_snntorch_synaptic() -> None:
    snn = pytest.importorskip("snntorch", reason="needs snntorch: pip install snntorch")
    how = {"reset_mechanism": "zero", "init_hidden": True}
    neuron = snn.Synaptic(alpha=0.5, beta=0.8, threshold=4.0, reset_delay=False, **how)
    module = nn.Sequential(nn.Linear(20, 15, bias=False), neuron)
    module[0].weight.data = layer(20, 15, 2).weight.data
    x = spikes(20)
    agree(module, x, stepped(x, module))
    late = nn.Sequential(module[0], snn.Synaptic(alpha=0.5, beta=0.8, **how))
    with pytest.raises(FormatError, match=r"1: resets a step late.*reset_delay=False"):
        nd.from_torch(late, (20,))


@pytest.mark.parametrize("reset", [0.0, None, -0.5])
def test_spikingjelly(reset: float | None) -> None:
    pytest.importorskip("spikingjelly", reason="needs spikingjelly: pip install spikingjelly")
    from spikingjelly.activation_based import functional, neuron
    from spikingjelly.activation_based import layer as layers

    module = nn.Sequential(
        layers.Conv2d(2, 4, 3, padding=1),
        layers.BatchNorm2d(4),
        neuron.LIFNode(tau=2.5, decay_input=False, v_reset=reset),
        layers.AvgPool2d(2),
        layers.Flatten(),
        layers.Linear(36, 8),
        neuron.LIFNode(tau=3.0, v_threshold=0.2, v_reset=reset),
        layers.Linear(8, 5),
        neuron.IFNode(v_threshold=0.7, v_reset=reset),
    )
    torch.manual_seed(5)
    for part in (module[0], module[5], module[7]):
        nn.init.normal_(part.weight, 0.1, 0.5)
    module[1].running_mean += 0.2
    module[1].running_var *= 1.7
    module.eval()
    functional.reset_net(module)
    x = spikes(2, 6, 6)
    agree(module, x, stepped(x, module))


def test_norse() -> None:
    norse = pytest.importorskip("norse.torch", reason="needs norse: pip install norse")
    module = norse.SequentialState(
        layer(20, 15, 6), norse.LIFBoxCell(), layer(15, 6, 7), norse.LIFCell()
    )
    module[1].p = module[1].p._replace(v_th=torch.tensor(0.3), v_reset=torch.tensor(-0.2))
    module[2].bias.data.zero_()
    x, state = spikes(20), None
    found = []
    for step in range(STEPS):
        out, state = module(torch.tensor(x[:, step], dtype=torch.float32), state)
        found.append(out.detach().numpy())
    agree(module, x, np.stack(found, 1))


def digits() -> tuple[NDArray[Any], NDArray[Any]]:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return x.astype(np.int64), y


def trained(*layers: Any, shape: tuple[int, ...]) -> Any:
    """Return a network trained on the first 1000 digits, and the rest of them."""
    x, y = digits()
    torch.manual_seed(0)
    module = nn.Sequential(*layers)
    optimiser = torch.optim.Adam(module.parameters(), 5e-3)
    inputs = torch.tensor(x / 16, dtype=torch.float32).reshape(-1, *shape)
    labels = torch.tensor(y)
    for _ in range(120):
        optimiser.zero_grad()
        nn.functional.cross_entropy(module(inputs[:1000]), labels[:1000]).backward()
        optimiser.step()
    return module.eval()


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_relus_keep_their_classes(kind: str) -> None:
    if kind == "dense":
        shape: tuple[int, ...] = (64,)
        module = trained(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10), shape=shape)
    else:
        shape = (1, 8, 8)
        module = trained(
            nn.Conv2d(1, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(128, 10),
            shape=shape,
        )
    x, y = digits()
    data = x.reshape(-1, *shape)
    program = nd.from_torch(
        module, shape, calibration=data[:500] / 16, input_message_bits=8, input_unit=1 / 16
    )
    test = data[1000:]
    steps = 32
    columns = np.repeat(test[:, None], steps, 1)
    v = nd.simulate(program, columns, record=("v",))[program.readout.population].v
    spiking = v[:, -1].reshape(len(test), -1).argmax(1)
    floats = torch.tensor(test / 16, dtype=torch.float32)
    before = module(floats).argmax(1).numpy()
    assert np.mean(before == y[1000:]) > 0.88
    assert np.mean(before == y[1000:]) - np.mean(spiking == y[1000:]) <= 0.01
    assert np.mean(spiking == before) > 0.97


def test_a_state_dict_is_loaded_as_weights_only(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    torch.save(module.state_dict(), tmp_path / "a.pt")
    other = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    expected = nd.from_torch(module, (4,)).digest
    assert nd.from_torch(other, (4,), weights=tmp_path / "a.pt").digest == expected
    assert nd.from_torch(other, (4,)).digest != expected


class Hostile:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("executed"),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "a.pt: no such file"),
        (b"hello", "a.pt: is no state dict of weights only"),
        (Hostile(), "a.pt: is no state dict of weights only"),
        ({"0.weight": 1}, "a.pt: does not fit the module"),
    ],
)
def test_bad_checkpoints_are_one_line(
    content: Any, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("a.pt")
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(FormatError, match=message) as caught:
        nd.from_torch(nn.Sequential(nn.Linear(4, 3)), (4,), weights=path)
    assert "\n" not in str(caught.value) and not Path("executed").exists()


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ([nn.Linear(4, 3), nn.ReLU()], "1: is a ReLU, whose threshold is balanced on data"),
        ([nn.Linear(4, 3), nn.Tanh()], "1: is a Tanh, known are "),
        ([nn.Conv2d(1, 1, 1), nn.MaxPool2d(2)], "1: takes a maximum, which no weights can"),
        ([nn.Linear(5, 3)], r"0: weight has shape \(3, 5\), its input has shape \(1, 2, 2\)"),
        ([nn.BatchNorm2d(1, track_running_stats=False)], "0: has no running statistics"),
    ],
)
def test_what_cannot_be_taken_over_is_refused(modules: list[Any], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        nd.from_torch(
            nn.Sequential(*modules),
            (4,)
            if modules[0].__class__ is nn.Linear and modules[0].in_features == 4
            else (1, 2, 2),
        )


def test_bad_arguments() -> None:
    module = nn.Sequential(nn.Linear(4, 3))
    with pytest.raises(OptionError, match="percentile is 0, allowed are above 0 to 100"):
        nd.from_torch(module, (4,), percentile=0)
    with pytest.raises(OptionError, match="input_unit is -1, expected a number above 0"):
        nd.from_torch(module, (4,), input_unit=-1)
    with pytest.raises(OptionError, match=r"calibration has shape \(2,\), expected"):
        nd.from_torch(module, (4,), calibration=[1.0, 2.0])
