"""The twin's gradients are those of its formulas, written plainly and derived by autograd.

    python tests/twin/test_backward.py [programs] [first seed]

runs the fuzz at length; `pytest` runs a few hundred programs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import pytest
import torch
from torch import Tensor
from twin.plain import Plain, leaves
from twin.programs import twin_case

import neurodeploy as nd
from neurodeploy.errors import ProgramError
from neurodeploy.twin import PATHS, SURROGATES

TOLERANCE = 1e-5
SMALLEST = 1e-30
"""Gradients below it all count as none: float32 ends at 1e-38."""
NAMES = ("s", "u", "v", "vth", "sigma", "act")
Spoil = Callable[[str, Tensor], Tensor]


def distance(found: Tensor, expected: Tensor) -> float:
    """Return the largest error over the largest gradient."""
    largest = float(expected.abs().max()) if expected.numel() else 0.0
    error = float((found.double() - expected).abs().max()) if expected.numel() else 0.0
    return error / largest if largest > SMALLEST else float(error > SMALLEST)


class Case:
    """A random program, pass options and a loss over everything that a run gives back."""

    def __init__(self, seed: int) -> None:
        self.program, self.data, self.options, batch = twin_case(seed)
        rng = np.random.default_rng(seed + 10**9)
        torch.manual_seed(seed)
        self.batched = batch is not None
        self.surrogate = str(rng.choice(list(SURROGATES)))
        self.width: Any = float(rng.choice([0.5, 1.0, 3.0]))
        self.through = tuple(path for path in PATHS if rng.random() < 0.8)
        self.module = nd.to_torch(self.program, **self.options).double()
        self.steps = self._steps()
        if self.batched and rng.random() < 0.3:
            self.width = torch.rand(1, self.steps, *(1,) * 1) + 0.5
            if any(len(p.shape) != 1 for p in self.program.populations):
                self.width = 1.5

    def _steps(self) -> int:
        given = next(iter(self.data.values())).shape[int(self.batched)]
        wanted = self.options.get("steps")
        return given if wanted is None else wanted

    def loss(self, values: Callable[[int, str], Tensor]) -> Tensor:
        """Return a random sum over all variables, each of them ``(batch, steps, *shape)``."""
        total = torch.zeros((), dtype=torch.float64)
        generator = torch.Generator().manual_seed(1)
        for k, population in enumerate(self.program.populations):
            for name in population.neuron.variables:
                value = values(k, name)
                size = 1.0 if name == "s" and not population.neuron.graded else 1e-4
                drawn = torch.randn(value.shape, generator=generator, dtype=torch.float64)
                total = total + (value * drawn).sum() * size
        return total

    def own(self) -> tuple[Any, dict[str, Tensor]]:
        """Return the run and the gradients of the twin."""
        x = {n: torch.tensor(v, dtype=torch.float64).requires_grad_() for n, v in self.data.items()}
        self.module.requires_grad_(True)
        run = self.module(x, surrogate=self.surrogate, width=self.width, through=self.through)

        def values(k: int, name: str) -> Tensor:
            value: Tensor = getattr(run[k], name)
            return value if self.batched else value[None]

        self.loss(values).backward()
        found = {f"x.{name}": value.grad for name, value in x.items()}
        for k, connection in enumerate(self.module.connections):
            if hasattr(connection, "weight"):
                found[f"weight.{k}"] = connection.weight.grad
        for k, population in enumerate(self.module.populations):
            found |= {f"{k}.{name}": p.grad for name, p in population.named_parameters()}
        return run, {name: value for name, value in found.items() if value is not None}

    def plain(self) -> tuple[Plain, dict[str, Tensor]]:
        """Return the plain pass and its gradients."""
        parameters = leaves(self.module.plan)
        x = {n: torch.tensor(v, dtype=torch.float64).requires_grad_() for n, v in self.data.items()}
        inputs = [self._columns(x[node.name], node.size) for node in self.program.inputs]
        plain = Plain(
            self.module.plan, parameters, SURROGATES[self.surrogate], self.width, self.through
        )
        plain.run(inputs)
        self.loss(lambda k, name: torch.stack(plain.variables[k][name], 1)).backward()
        found = {f"x.{name}": value for name, value in x.items()} | parameters
        grads = {name: value.grad for name, value in found.items()}
        return plain, {name: grad for name, grad in grads.items() if grad is not None}

    def _columns(self, x: Tensor, size: int) -> Tensor:
        columns = (x if self.batched else x[None]).flatten(2)[:, : self.steps]
        missing = self.steps - columns.shape[1]
        return torch.cat([columns, columns.new_zeros((len(columns), missing, size))], 1)


def wrong(seed: int, spoil: Spoil = lambda name, grad: grad) -> list[str]:
    """Return what of the case's gradients is off; spoil : changes what the twin found."""
    try:
        case = Case(seed)
    except ProgramError as error:
        assert "which Lava cannot load" in str(error)
        return []
    if case.steps == 0:
        return []
    run, own = case.own()
    plain, expected = case.plain()
    for k, table in enumerate(plain.variables):
        for name in case.program.populations[k].neuron.variables:
            given = getattr(run[k], name).detach()
            same = torch.equal(given if case.batched else given[None], torch.stack(table[name], 1))
            assert same, f"seed {seed}: {k} {name} of the plain pass differs"
    result = []
    for name in sorted(own.keys() | expected.keys()):
        some = own.get(name, expected.get(name))
        found, wanted = own.get(name), expected.get(name)
        zero = torch.zeros_like(some)
        off = distance(
            spoil(name, zero if found is None else found), zero if wanted is None else wanted
        )
        if not off <= TOLERANCE:
            result.append(f"{name}: {off:.2g}")
    return result


@pytest.mark.parametrize("block", range(10))
def test_gradients_are_those_of_the_plain_formulas(block: int) -> None:
    assert not {
        seed: found for seed in range(20 * block, 20 * block + 20) if (found := wrong(seed))
    }


def test_a_made_up_gradient_fails_the_check() -> None:
    def made_up(name: str, grad: Tensor) -> Tensor:
        return torch.randn_like(grad) * grad.abs().max()

    def slightly_off(name: str, grad: Tensor) -> Tensor:
        return grad * (1 + 1e-4)

    for spoil in (made_up, slightly_off):
        assert sum(bool(wrong(seed, spoil)) for seed in range(10)) >= 8


if __name__ == "__main__":
    count, first = (int(value) for value in (sys.argv[1:] + ["2000", "0"][len(sys.argv) - 1 :]))
    bad = {seed: found for seed in range(first, first + count) if (found := wrong(seed))}
    print(f"{count} programs from seed {first}: {len(bad)} off {dict(list(bad.items())[:12])}")
    sys.exit(bool(bad))
