"""How samples are run: what the user chose, and what the program needs where nothing was chosen.

A program for which `neurodeploy.equivalence` holds is run aligned, each sample from rest: the chip
gives the same answers. Any other is run as the chip runs it: one pipelined stream of all samples,
reset once per sample.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from neurodeploy.equivalence import equivalence
from neurodeploy.errors import OptionError
from neurodeploy.program import Program

NEVER = -1
"""Reset interval of a stream that is never reset."""


@dataclass(frozen=True)
class RunChoice:
    """What a user asks of a run on data; None leaves a choice to the program.

    engine : ``"native"`` or ``"reference"``. timing : ``"aligned"``, every sample from rest, or
    ``"pipelined"``, one stream. weights : ``"exact"`` or ``"lava"``. steps : columns of a sample,
    cut or padded with zeros to so many. reset_interval : in steps, -1 never; None in a stream is
    once per sample. reset_offset : as in NetX. input_bits : overrides the program's message bits.
    threads : of the native engine, None for all cores.
    """

    engine: str = "native"
    timing: str | None = None
    weights: str = "exact"
    steps: int | None = None
    reset_interval: int | None = None
    reset_offset: int | None = None
    input_bits: int | None = None
    threads: int | None = None


@dataclass(frozen=True)
class Recipe:
    """How the samples of a data set are run.

    timing : ``"aligned"`` (a batch, each sample from rest) or ``"pipelined"`` (one stream of all
    samples). steps : columns of a sample. reset_interval : None for never. decided : whether the
    program decided the timing, not the user. holds : whether aligned samples and the stream are
    known to give the same answers. begins_from_rest : whether every sample does, in a stream by
    the reset that clears it whole. reason : why, one sentence.
    """

    engine: str
    timing: str
    weights: str
    steps: int
    reset_interval: int | None
    reset_offset: int
    input_bits: int | None
    threads: int | None
    decided: bool
    holds: bool
    begins_from_rest: bool
    reason: str

    @property
    def streamed(self) -> bool:
        """Whether the samples follow one another in one stream."""
        return self.timing == "pipelined"

    def options(self) -> dict[str, Any]:
        """Return the options of `neurodeploy.compile`; ``steps`` is seen to by the runner."""
        return {
            "engine": self.engine,
            "timing": self.timing,
            "weights": self.weights,
            "reset_interval": self.reset_interval,
            "reset_offset": self.reset_offset,
            "input_bits": self.input_bits,
            "threads": self.threads,
        }

    def options_from_rest(self) -> dict[str, Any]:
        """Return the options of a run of single samples from rest, in the timing of the recipe."""
        return {**self.options(), "reset_interval": None, "reset_offset": 0}

    def sentence(self) -> str:
        """Return how samples are run and why, in one line."""
        if not self.streamed:
            known = "as on the chip" if self.holds else "which is not what a chip runs"
            return f"aligned, each sample from rest, {known}: {self.reason}"
        reset = "never reset"
        if self.reset_interval is not None:
            reset = f"reset every {self.reset_interval} columns (offset {self.reset_offset})"
        return f"one pipelined stream, {reset}: {self.reason}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        plain = asdict(self)
        del plain["threads"]
        return plain


def settle(program: Program, steps: int, choice: RunChoice | None = None) -> Recipe:
    """Return the recipe of ``program`` for samples of ``steps`` columns.

    Raises OptionError for the engine ``"lava"``, which does not take samples one after another,
    and for fewer than one step.
    """
    asked = choice or RunChoice()
    if asked.engine == "lava":
        raise OptionError(
            "engine 'lava' runs a single stream and counts no samples; judge with 'native' or "
            "'reference', and see with compare that Lava agrees"
        )
    columns = steps if asked.steps is None else asked.steps
    if columns < 1:
        raise OptionError(f"steps is {columns}, a sample needs 1 or more")
    known = equivalence(program)
    timing = asked.timing or ("aligned" if known.holds else "pipelined")
    interval, offset = asked.reset_interval, asked.reset_offset
    if timing == "pipelined":
        interval = columns if interval is None else interval
        offset = known.reset_offset if offset is None else offset
    cleared = known.holds and (interval, offset) == (columns, known.reset_offset)
    return Recipe(
        engine=asked.engine,
        timing=timing,
        weights=asked.weights,
        steps=columns,
        reset_interval=None if interval == NEVER else interval,
        reset_offset=offset or 0,
        input_bits=asked.input_bits,
        threads=asked.threads,
        decided=asked.timing is None,
        holds=known.holds,
        begins_from_rest=timing == "aligned" or cleared,
        reason=known.reason,
    )
