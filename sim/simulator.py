"""Running a Program: `compile` prepares it once, `simulate` runs it once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurodeploy.errors import CapacityError, warn
from neurodeploy.memory import amount
from neurodeploy.program import Program
from neurodeploy.sim.engine import Engine
from neurodeploy.sim.inputs import Data
from neurodeploy.sim.options import Record, RunOptions
from neurodeploy.sim.plan import Plan, prepare
from neurodeploy.sim.prepared import Prepared, Recent, weight_bytes
from neurodeploy.sim.resets import reset_remarks
from neurodeploy.trace import Trace

if TYPE_CHECKING:
    from neurodeploy.sim.faults.run import Faults


class Simulator:
    """A Program prepared for one engine and one set of options.

    `run` with a batch axis runs independent samples, each from a fresh state. Without one it
    continues a single stream: the state is kept between calls until `reset`.
    """

    def __init__(self, program: Program, options: RunOptions) -> None:
        self.program = program
        self.options = options
        self.plan: Plan = prepare(program, options)
        self._prepared = prepared(self.plan)
        self._engine: Engine = self._prepared.engine
        self._stream: Any = None

    def reset(self) -> None:
        """Forget the stream: the next chunk starts at column 0 from a fresh state."""
        self._stream = None

    def run(self, x: Data) -> Trace:
        """Run ``x``, integers ``(steps, *shape)`` or ``(batch, steps, *shape)``.

        Returns the `Trace` of this call. Raises InputError for data that do not fit, CapacityError
        when records or data need more memory than there is.
        """
        data = self._prepared.data(x)
        if data.batched:
            return self._prepared.run(data)
        if self._stream is None:
            self._stream = self._engine.fresh(1)
        return self._prepared.run(data, self._stream)

    def require_memory(self, samples: int, steps: int) -> None:
        """Raise CapacityError unless there is memory for the records of so many samples."""
        self._prepared.require_memory(samples, steps)


def _engine(plan: Plan) -> Engine:
    if plan.options.engine == "reference":
        from neurodeploy.sim.reference import ReferenceEngine

        return ReferenceEngine(plan)
    if plan.options.engine == "lava":
        from neurodeploy.sim.lava import LavaEngine

        return LavaEngine(plan)
    from neurodeploy.sim.native import NativeEngine

    return NativeEngine(plan)


def compile(
    program: Program,
    *,
    engine: str = "native",
    timing: str = "aligned",
    weights: str = "exact",
    steps: int | None = None,
    reset_interval: int | None = None,
    reset_offset: int = 0,
    input_bits: int | None = None,
    record: Record = ("s",),
    threads: int | None = None,
) -> Simulator:
    """Prepare ``program`` once for many runs; the options are those of `RunOptions`.

    A reset that cannot do what it is asked gives a NeurodeployWarning with the way out.
    """
    options = RunOptions(
        engine=engine,
        timing=timing,
        weights=weights,
        steps=steps,
        reset_interval=reset_interval,
        reset_offset=reset_offset,
        input_bits=input_bits,
        record=record,
        threads=threads,
    )
    _warn_of_reset(program, options)
    return Simulator(program, options)


def _warn_of_reset(program: Program, options: RunOptions) -> None:
    for remark in reset_remarks(program, options):
        warn(remark)


def simulate(
    program: Program,
    x: Data,
    *,
    engine: str = "native",
    timing: str = "aligned",
    weights: str = "exact",
    steps: int | None = None,
    reset_interval: int | None = None,
    reset_offset: int = 0,
    input_bits: int | None = None,
    record: Record = ("s",),
    threads: int | None = None,
    faults: Faults = (),
) -> Trace:
    """Run ``program`` on ``x`` once; the options are those of `RunOptions`.

    x : integers or bool, ``(steps, *input_shape)`` or ``(batch, steps, *input_shape)``, C,H,W
        order; a mapping from input name to such arrays when there are several inputs.
    faults : records of `neurodeploy.sim.faults`, one list for all samples, or one for each; see
        `neurodeploy.sim.faults.simulate_faulty`.

    What was prepared for the native engine is kept for the next call with the same Program object
    and options, see `Recent`.

    Returns a `Trace`. Raises InputError, OptionError, ProgramError, CapacityError or EngineError.
    """
    options = RunOptions(
        engine=engine,
        timing=timing,
        weights=weights,
        steps=steps,
        reset_interval=reset_interval,
        reset_offset=reset_offset,
        input_bits=input_bits,
        record=record,
        threads=threads,
    )

    if faults:
        from neurodeploy.sim.faults import simulate_faulty

        return simulate_faulty(program, x, options, faults)

    def build() -> Prepared:
        _warn_of_reset(program, options)
        return prepared(prepare(program, options))

    found = _recent.get(program, options, build) if engine == "native" else build()
    return found.run(found.data(x))


_recent = Recent()


def prepared(plan: Plan, engine: Engine | None = None) -> Prepared:
    """Return ``plan`` prepared to run, by ``engine`` or by the one that its options name.

    Raises CapacityError when that needs more memory than there is.
    """
    try:
        return Prepared(engine or _engine(plan), plan.outline)
    except MemoryError as error:
        raise CapacityError(
            f"out of memory while preparing {plan.program.neurons} neurons with "
            f"{amount(weight_bytes(plan.program))} of weights; free some, or run a smaller program"
        ) from error
