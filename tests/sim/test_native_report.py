"""What the compiled kernels chose is told by them, with the reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.sim.native import NativeEngine, instruction_set
from neurodeploy.sim.native_report import ConnectionReport, EngineReport, PopulationReport


def report(program: nd.Program, **options: Any) -> EngineReport:
    engine = nd.compile(program, **options)._engine
    assert isinstance(engine, NativeEngine)
    return engine.report()


def layer(weight: Any, neuron: Any, *, bits: int = 0, delay: Any = None, **options: Any) -> Any:
    """Return the reports of one dense layer: connections and the population."""
    weight = np.asarray(weight)
    program = nd.Program(
        (nd.Input("x", (weight.shape[1],), bits),),
        (nd.Population("n", (len(weight),), neuron),),
        (nd.Connection("x", "n", nd.Dense(weight, delay)),),
        nd.Readout("n"),
    )
    found = report(program, **options)
    (population,) = found.populations
    return found.connections, population


def full(weight: int, inputs: int = 3) -> Any:
    return np.full((2, inputs), weight)


LIF = nd.CubaLif(2048, 1024, 60)
UNKNOWN = "currents may reach any value, beyond 262144"
WIDTHS: dict[str, tuple[int, int, int, str, int]] = {
    "narrow": (9, 16, 16, "", 16),
    "all together": (20000, 16, 32, "few inputs together leave 16 bits", 32),
    "large weights": (100_000, 32, 32, "few inputs together leave 16 bits", 32),
}


@pytest.mark.parametrize("kind", WIDTHS)
def test_weights_and_sums_are_as_narrow_as_bounds_allow(kind: str) -> None:
    weight, _, sum_bits, reason, currents = WIDTHS[kind]
    (connection,), population = layer(full(weight), LIF)
    assert (connection.sum_bits, connection.reason) == (sum_bits, reason)
    assert connection.bounds == (0, 3 * weight)
    assert connection.weight_bits == (16 if sum_bits == 16 else 32)
    assert population.current_bits == currents
    assert population.update_bits == 32


def test_many_inputs_take_tiles_of_16_bits() -> None:
    (connection,), _ = layer(full(100, 400), LIF)
    assert connection == ConnectionReport(
        "x->n", "dense", 16, 32, (0, 40_000), connection.ways, "all inputs together leave 16 bits"
    )
    assert connection.ways[:2] == ("rows", "subsets")


def test_ways_are_those_that_a_forced_kernel_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way that is told is taken when asked for, and another one is not."""
    rng = np.random.default_rng(0)
    data = rng.integers(0, 2, (3, 8, 40), np.uint8)
    for weight in (rng.integers(-99, 99, (70, 40)), rng.integers(-9999, 9999, (70, 40)) * 3):
        program = nd.Program(
            (nd.Input("x", (40,)),),
            (nd.Population("n", (70,), LIF),),
            (nd.Connection("x", "n", nd.Dense(weight)),),
            nd.Readout("n"),
        )
        for kernel in ("rows", "subsets", "tiles", "dense"):
            monkeypatch.setenv("NEURODEPLOY_KERNEL", kernel)
            simulator = nd.compile(program)
            engine: Any = simulator._engine
            simulator.run(data)
            taken = {work.kernel for work in engine.kernel_work()}
            (connection,) = engine.report().connections
            assert (taken == {kernel}) == (kernel in connection.ways)


UPDATES: dict[str, tuple[Any, dict[str, Any], PopulationReport]] = {
    "plain": (LIF, {}, PopulationReport("n", 16, 32, False, (), "")),
    "v may saturate": (
        nd.CubaLif(2048, 0, 2**17),
        {},
        PopulationReport("n", 16, 32, False, ("v",), ""),
    ),
    "v may start at its edge": (
        nd.CubaLif(2048, 4096, 60, reset="none", initial=2**23 - 1),
        {},
        PopulationReport("n", 16, 32, False, (), ""),
    ),
    "u may wrap": (nd.CubaLif(0, 0, 60), {}, PopulationReport("n", 16, 32, False, ("u", "v"), "")),
    "decay": (
        nd.CubaLif(5000, 1, 1),
        {},
        PopulationReport("n", 32, 64, False, (), "keep_u is -904, beyond 0 to 4096"),
    ),
    "values": (LIF, {"bits": 8}, PopulationReport("n", 32, 32, True, ("u", "v"), UNKNOWN)),
    "gain": (
        nd.CubaLif(2048, 1024, 60, gain=[32, 100]),
        {},
        PopulationReport("n", 32, 32, False, ("u", "v"), ""),
    ),
    "homeostatic": (
        nd.HomeostaticLif(1, 1, 60, theta=[1, 20_000], signature=[[0, 0]]),
        {},
        PopulationReport("n", 32, 64, False, (), "theta is 1 to 20000, beyond 0 to 16384"),
    ),
    "shift": (
        nd.HomeostaticLif(1, 1, 60, signature=[[0, 0]], shift=5),
        {},
        PopulationReport("n", 32, 64, False, (), "shift is 5, below 12"),
    ),
    "sigma-delta": (
        nd.SigmaDelta(1),
        {"bits": 8},
        PopulationReport("n", 32, 32, False, (), "modulo 2^32, as the model is"),
    ),
}


@pytest.mark.parametrize("kind", UPDATES)
def test_the_update_of_a_population_and_its_reason(kind: str) -> None:
    neuron, options, expected = UPDATES[kind]
    _, population = layer(full(9), neuron, **options)
    assert population == expected


def test_delays_make_parts_and_wait_in_32_bits() -> None:
    by_column, by_row = np.array([[0, 1, 1]]), np.array([[0], [2]])
    parts, _ = layer(full(9), LIF, delay=by_column)
    assert [part.bounds for part in parts] == [(0, 9), (0, 18)]
    (rows,), population = layer(full(9), LIF, delay=by_row)
    assert (rows.form, rows.sum_bits) == ("dense, a delay per row", 32)
    assert population.current_bits == 32
    (free,), _ = layer(full(9), LIF, delay=by_column + by_row)
    assert (free.form, free.ways) == ("dense, a delay per synapse", ())


def lines(subject: nd.Program, caplog: pytest.LogCaptureFixture) -> list[str]:
    with caplog.at_level("DEBUG", logger="neurodeploy.sim.native"):
        nd.compile(subject)
    return [record.getMessage() for record in caplog.records]


def test_the_log_says_it_at_debug_level_only(caplog: pytest.LogCaptureFixture) -> None:
    isa = instruction_set()
    subject = nd.Program(
        (nd.Input("x", (3, 5, 5)), nd.Input("y", (2,), 8)),
        (nd.Population("n", (2, 3, 3), LIF), nd.Population("m", (2,), LIF)),
        (
            nd.Connection("x", "n", nd.Conv2d(np.full((2, 3, 3, 3), 5))),
            nd.Connection("y", "m", nd.Direct()),
        ),
        nd.Readout("n"),
    )
    assert lines(subject, caplog) == [
        f"{isa}: connection x->n: convolution, 16-bit weights, 16-bit sums of 0 to 135, "
        "rows or subsets",
        f"{isa}: connection y->m: direct, no weights, 32-bit sums (the values themselves)",
        f"{isa}: population n: 32-bit update of 16-bit currents",
        f"{isa}: population m: 32-bit update of 32-bit currents, 64-bit in columns with larger "
        f"ones ({UNKNOWN}), checks u, v",
    ]
    caplog.clear()
    with caplog.at_level("INFO", logger="neurodeploy.sim.native"):
        nd.compile(subject)
    assert caplog.records == []
