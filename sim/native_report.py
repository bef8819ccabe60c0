"""What the compiled kernels chose for each connection and population, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from neurodeploy.sim.native_module import _native


@dataclass(frozen=True)
class ConnectionReport:
    """A connection, or a part of one that has its own delay.

    form : what carries it out. weight_bits : of a weight as packed, 0 where there are none.
    sum_bits : of its sums, 16 or 32. bounds : smallest and largest sum, None where messages count
    by value. ways : `neurodeploy.sim.native.KERNELS` among which the activity of each run chooses;
    `NativeEngine.kernel_work` says what was taken. reason : why the sums are not narrower, or "".
    """

    edge: str
    form: str
    weight_bits: int
    sum_bits: int
    bounds: tuple[int, int] | None
    ways: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        bounds = "" if self.bounds is None else f" of {self.bounds[0]} to {self.bounds[1]}"
        parts = [
            f"{self.weight_bits}-bit weights" if self.weight_bits else "no weights",
            f"{self.sum_bits}-bit sums{bounds}" + (f" ({self.reason})" if self.reason else ""),
            *([" or ".join(self.ways)] if self.ways else []),
        ]
        return f"connection {self.edge}: {self.form}, {', '.join(parts)}"


@dataclass(frozen=True)
class PopulationReport:
    """A population.

    current_bits : of its currents, 16 or 32. update_bits : of its arithmetic, 32 or 64. looks :
    whether columns with currents that are too large for 32 bits are sought, and advanced in 64.
    checks : states whose range is checked in every step; bounds keep the others. reason : why the
    update is not narrower, or "".
    """

    population: str
    current_bits: int
    update_bits: int
    looks: bool
    checks: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        update = f"{self.update_bits}-bit update of {self.current_bits}-bit currents"
        update += ", 64-bit in columns with larger ones" if self.looks else ""
        update += f" ({self.reason})" if self.reason else ""
        checks = f", checks {', '.join(self.checks)}" if self.checks else ""
        return f"population {self.population}: {update}{checks}"


@dataclass(frozen=True)
class EngineReport:
    """What was chosen when an engine was built.

    instruction_set : of all kernels. held_bytes : packed weights, tables, parameters and the memory
    of idle workers, as it is now.
    """

    instruction_set: str
    held_bytes: int
    connections: tuple[ConnectionReport, ...]
    populations: tuple[PopulationReport, ...]

    def lines(self) -> Iterator[str]:
        """Yield one line per connection, then one per population."""
        for entry in (*self.connections, *self.populations):
            yield f"{self.instruction_set}: {entry}"


def engine_report(
    network: _native.Network, edges: Sequence[str], populations: Sequence[str]
) -> EngineReport:
    """Return what ``network`` says of itself; edges : names by operation."""
    connections = [
        ConnectionReport(edge, form, weight_bits, sum_bits, bounds, tuple(ways), reason)
        for edge, (form, weight_bits, sum_bits, bounds, ways, reason) in zip(
            edges, network.operation_reports(), strict=True
        )
    ]
    updates = [
        PopulationReport(name, currents, update, looks, _names(checks), reason)
        for name, (currents, update, looks, checks, reason) in zip(
            populations, network.population_reports(), strict=True
        )
    ]
    return EngineReport(
        network.instruction_set, network.held_bytes, tuple(connections), tuple(updates)
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(", ")) if text else ()
