"""What a twin is given: layouts, options of a pass, parameters, and what it refuses."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import neurodeploy as nd
from neurodeploy.errors import InputError, ModelError, OptionError
from neurodeploy.twin import SURROGATES

SHAPE = (2, 3, 3)


def small(bits: int = 8, **lif: Any) -> nd.Program:
    """Return maps through a convolution and a dense layer to two classes of two neurons each."""
    rng = np.random.default_rng(3)
    kernel, weight = rng.integers(-9, 10, (3, 2, 2, 2)), rng.integers(-60, 60, (4, 12))
    return nd.Program(
        (nd.Input("x", SHAPE, bits),),
        (
            nd.Population("maps", (3, 2, 2), nd.CubaLif(2000, 900, 20, **lif)),
            nd.Population("out", (4,), nd.CubaLif(3000, 500, 30)),
        ),
        (
            nd.Connection("x", "maps", nd.Conv2d(kernel)),
            nd.Connection("maps", "out", nd.Dense(weight)),
        ),
        nd.Readout("out", "s", pool=2),
        {"unit.out": 4},
    )


def data(*leading: int, seed: int = 0) -> Tensor:
    """Return whole numbers of a few bits."""
    drawn = np.random.default_rng(seed).integers(-3, 9, (*leading, *SHAPE))
    return torch.from_numpy(drawn.astype(np.float32))


def test_every_layout_of_simulate_gives_the_same() -> None:
    x, twin = data(2, 5), nd.to_torch(small())
    expected = twin(x)["out"].v
    assert expected.shape == (2, 5, 4) and expected.dtype == torch.float64
    for given in (x.flatten(2), x.int(), x.double(), x.numpy(), {"x": x}, x.tolist(), x.long()):
        assert torch.equal(twin(given)["out"].v, expected)
    stream = twin(x[0])
    assert torch.equal(stream["out"].v, expected[0]) and torch.equal(stream[1].v, expected[0])
    assert stream.scores.shape == stream.logits.shape == (2,)


def test_bool_data_and_steps() -> None:
    x = data(2, 4) > 0
    program = small(0)
    longer = nd.to_torch(program, steps=6)(x)
    trace = nd.simulate(program, x.numpy(), engine="reference", steps=6, record=("v",))
    assert np.array_equal(longer["out"].v.numpy(), trace["out"].v)
    assert nd.to_torch(program, steps=0)(x).scores.tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("variable", ["s", "u", "v"])
@pytest.mark.parametrize("window", [0, 2, 5])
def test_logits_are_scores_over_window_and_unit(variable: str, window: int) -> None:
    program = small()
    readout = nd.Readout("out", variable, window, pool=2)
    program = nd.Program(
        program.inputs, program.populations, program.connections, readout, program.metadata
    )
    run = nd.to_torch(program)(data(2, 5))
    steps = window or 5
    size = 1 if variable == "s" else 64 * 4
    assert run.scores.dtype == torch.int64 and run.logits.dtype == torch.float32
    assert torch.allclose(run.logits, (run.scores.double() / (steps * size)).float())


def test_a_window_longer_than_the_run_is_refused() -> None:
    program = small()
    readout = nd.Readout("out", "s", 9)
    program = nd.Program(program.inputs, program.populations, program.connections, readout)
    run = nd.to_torch(program)(data(2, 5))
    with pytest.raises(
        OptionError, match=r"^readout: window is 9 steps, the run has 5; run as many"
    ):
        _ = run.logits


def test_expanded_data_are_computed_with_once_and_give_the_same_gradient() -> None:
    twin, base = nd.to_torch(small()), data(2).requires_grad_()
    every = data(2)[:, None].repeat(1, 5, 1, 1, 1).requires_grad_()
    (once,) = torch.autograd.grad(twin(base[:, None].expand(-1, 5, -1, -1, -1)).logits.sum(), base)
    (each,) = torch.autograd.grad(twin(every).logits.sum(), every)
    assert torch.allclose(once, each.sum(1), rtol=1e-5)
    leaf = data(2)[:, None].expand(-1, 5, -1, -1, -1).requires_grad_()
    twin(leaf).logits.sum().backward()
    assert torch.allclose(leaf.grad, each, rtol=1e-5)


def test_the_precision_of_the_data_is_that_of_the_gradient() -> None:
    twin = nd.to_torch(small(reset="subtract"))
    single, double = data(2, 5).requires_grad_(), data(2, 5).double().requires_grad_()
    twin(single).logits.sum().backward()
    twin(double).logits.sum().backward()
    assert single.grad.dtype == torch.float32 and double.grad.dtype == torch.float64
    assert torch.allclose(single.grad.double(), double.grad, rtol=1e-4, atol=1e-9)


def test_compiled_and_torch_paths_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    program = small(0)
    found = []
    for compiled in (True, False):
        if not compiled:
            monkeypatch.setattr("neurodeploy.twin.compiled.available", lambda: False)
            monkeypatch.setattr("neurodeploy.twin.fused.available", lambda: False)
        x = data(3, 6, seed=2).requires_grad_()
        twin = nd.to_torch(program).requires_grad_(True)
        run = twin(x, surrogate="atan")
        (run.logits.sum() + run["maps"].u.sum() * 1e-3 + run["out"].v.sum() * 1e-3).backward()
        grads = [x.grad] + [p.grad for p in twin.parameters()]
        found.append(([run[n].inner(v) for n in run for v in "suv"], grads))
    for one, other in zip(*(values for values, _ in found), strict=True):
        assert torch.equal(one.double(), other.double())
    for one, other in zip(*(grads for _, grads in found), strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-6 * float(other.abs().max()))


@pytest.mark.parametrize("name", SURROGATES)
def test_a_surrogate_is_even_with_area_one_and_peak_one_over_width(name: str) -> None:
    z = torch.linspace(-1000, 1000, 200_001, dtype=torch.float64)
    for width in (0.5, 2.0):
        slope = SURROGATES[name](z, width)
        assert torch.allclose(slope, slope.flip(0), atol=1e-9)
        assert float(torch.trapezoid(slope, z)) == pytest.approx(1, abs=0.03)
        assert float(slope.max()) == pytest.approx(1 / width)


def test_surrogate_and_width_are_chosen_per_call_and_population() -> None:
    twin, x = nd.to_torch(small()), data(2, 5)

    def gradient(**options: Any) -> Tensor:
        leaf = x.clone().requires_grad_()
        twin(leaf, **options).logits.sum().backward()
        return leaf.grad

    seen = {}

    def adaptive(z: Tensor, width: Any) -> Tensor:
        seen["shape"] = tuple(z.shape)
        return SURROGATES["fast_sigmoid"](z, width)

    plain = gradient()
    assert torch.allclose(gradient(surrogate=adaptive), plain, rtol=1e-5)
    assert seen["shape"] == (2, 5, 3, 2, 2)  # all steps, as in a trace
    assert not torch.allclose(gradient(width=3.0), plain)
    widths = {"maps": torch.ones(2, 5, 3, 2, 2), "out": torch.ones(5, 1)}
    assert torch.allclose(gradient(width=widths), plain, rtol=1e-5)
    mixed = gradient(surrogate={"maps": "atan", "out": "gaussian"})
    assert not torch.allclose(mixed, plain)


def test_no_parameter_wants_a_gradient_until_asked() -> None:
    twin, x = nd.to_torch(small()), data(2, 5).requires_grad_()
    names = {name.rsplit(".", 1)[1] for name, _ in twin.named_parameters()}
    assert names == {"weight", "threshold", "bias"}
    assert not any(p.requires_grad for p in twin.parameters())
    twin(x).logits.sum().backward()
    assert x.grad is not None and all(p.grad is None for p in twin.parameters())
    twin.requires_grad_(True)
    twin(data(2, 5)).logits.sum().backward()
    assert all(p.grad is not None for p in twin.parameters())


def test_a_weight_that_was_moved_is_rounded() -> None:
    twin, x = nd.to_torch(small()), data(2, 5)
    before = twin(x)["out"].v
    weight = twin.connections[1].weight
    with torch.no_grad():
        weight += 0.4
    assert torch.equal(twin(x)["out"].v, before)
    with torch.no_grad():
        weight += 20
    assert not torch.equal(twin(x)["out"].v, before)


def test_integers_stay_exact_under_autocast_and_low_precision() -> None:
    twin, x = nd.to_torch(small()), data(2, 5) * 37
    expected = twin(x)["out"].v
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(twin(x)["out"].v, expected)
    precision = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        assert torch.equal(twin(x)["out"].v, expected)
    finally:
        torch.set_float32_matmul_precision(precision)


BAD_DATA = [
    (data(2, 5) + 0.5, "input x: holds 7.5, expected whole numbers; round them, or encode them"),
    (data(2, 5) / 0, "input x: holds "),
    (data(2, 5) * float("nan"), "input x: holds nan, expected whole numbers"),
    (data(2, 5).double() * 2.0**31, "input x: holds -6442450944, allowed are -2147483648 to"),
    (data(5)[0], "input x: has shape (2, 3, 3), expected (steps, 2, 3, 3) or (batch, steps, 2, 3"),
    (data(2, 5)[..., :2], "input x: has shape (2, 5, 2, 3, 2), expected (steps, 2, 3, 3) or"),
    (data(2, 5).to(torch.complex64), "input x: has dtype torch.complex64, layout torch.strided"),
    ({"y": data(2, 5)}, "data is given for y, the program has inputs x"),
    ({}, "data is given for nothing, the program has inputs x"),
    ([[1, 2], [3]], "input x: is not a regular array of numbers: "),
    ("text", "input x: is not a regular array of numbers: "),
]


@pytest.mark.parametrize(("given", "message"), BAD_DATA)
def test_bad_data_are_one_clear_line(given: Any, message: str) -> None:
    with pytest.raises(InputError, match="^" + re.escape(message)) as caught:
        nd.to_torch(small())(given)
    assert "\n" not in str(caught.value)


BAD_OPTIONS = [
    ({"surrogate": "boxcar"}, "population maps: surrogate is 'boxcar', expected one of triangle"),
    ({"surrogate": {"maps": "atan"}}, "population out: surrogate is given for maps, expected one"),
    ({"width": 0}, "population maps: width is 0, expected a positive number"),
    ({"width": "wide"}, "population maps: width is 'wide', expected a number or a tensor"),
    ({"width": float("nan")}, "population maps: width is nan, expected a positive number"),
    ({"width": torch.ones(7)}, "population maps: width has shape (7,), expected one like (2, 5, 3"),
    ({"width": -torch.ones(2)}, "population maps: width holds a value that is not above 0"),
    ({"through": "reset"}, "through is 'reset', expected names out of reset, threshold, gain"),
    ({"through": ("leak",)}, "through holds 'leak', expected names out of reset, threshold, gain"),
]


@pytest.mark.parametrize(("options", "message"), BAD_OPTIONS)
def test_bad_options_are_one_clear_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match="^" + re.escape(message)):
        nd.to_torch(small())(data(2, 5), **options)


def test_two_inputs_need_a_mapping_of_one_length() -> None:
    program = small()
    extra = nd.Connection("y", "out", nd.Dense(np.ones((4, 2), np.int32)))
    twin = nd.to_torch(
        nd.Program(
            (*program.inputs, nd.Input("y", (2,))),
            program.populations,
            (*program.connections, extra),
            program.readout,
        )
    )
    with pytest.raises(InputError, match=r"^the program has inputs x, y; give a mapping by name$"):
        twin(data(2, 5))
    with pytest.raises(InputError, match=r"^inputs differ in their leading axes: x \(2, 5\), y"):
        twin({"x": data(2, 5), "y": torch.ones(2, 4, 2)})


def test_resonate_and_fire_is_refused_by_name() -> None:
    program = nd.Program(
        (nd.Input("x", (2,)),),
        (nd.Population("ringing", (2,), nd.ResonateFire(100, 4000, 10)),),
        (nd.Connection("x", "ringing", nd.Dense(np.ones((2, 2), np.int32)), port="re"),),
        nd.Readout("ringing"),
    )
    message = "^population ringing: ResonateFire has no surrogate gradient; the twin takes the CUBA"
    with pytest.raises(ModelError, match=message):
        nd.to_torch(program)


def test_bad_run_options_are_those_of_compile() -> None:
    with pytest.raises(
        OptionError, match=r"^timing is 'late', expected one of aligned, pipelined$"
    ):
        nd.to_torch(small(), timing="late")
    with pytest.raises(OptionError, match=r"^reset_interval is 0, allowed are 1 to "):
        nd.to_torch(small(), reset_interval=0)


def test_a_run_names_what_it_has() -> None:
    run = nd.to_torch(small())(data(2, 5))
    assert list(run) == ["maps", "out"] and len(run) == 2 and "out" in run
    with pytest.raises(OptionError, match=r"^run has no population 'in', there are maps, out$"):
        run["in"]
    with pytest.raises(AttributeError, match=r"out has s, u, v, not 'sigma'"):
        _ = run["out"].sigma


def test_a_twin_is_copied_and_pickled() -> None:
    twin, x = nd.to_torch(small()), data(2, 5)
    expected = twin(x)["out"].v
    for other in (copy.deepcopy(twin), pickle.loads(pickle.dumps(twin))):
        assert torch.equal(other(x)["out"].v, expected)
    other.load_state_dict(twin.state_dict())


def test_a_gpu_gives_the_same_integers() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    x, twin = data(2, 5).requires_grad_(), nd.to_torch(small())
    expected = twin(x)
    found = copy.deepcopy(twin).cuda()(x)
    for name in expected:
        for variable in "suv":
            one, other = (getattr(run[name], variable).detach().cpu() for run in (expected, found))
            assert torch.equal(one, other)
    grads = [torch.autograd.grad(run.logits.sum(), x)[0] for run in (expected, found)]
    assert torch.allclose(*grads, rtol=1e-4)
