"""Labelled data as a Program takes them: their numbers, their range, and how columns are made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.data.dataset import Split
from neurodeploy.data.layout import check_layout, check_polarities
from neurodeploy.data.shown import Shown
from neurodeploy.encode import (
    ENCODERS,
    PREFIX,
    Columns,
    Domain,
    Encoder,
    Reachable,
    encoder_from_metadata,
    encoder_from_text,
    encoder_text,
)
from neurodeploy.errors import DataError, OptionError, ProgramError
from neurodeploy.program import Input, Program

Integers = NDArray[Any]
Rows = slice | NDArray[np.int64]

CHUNK_BYTES = 1 << 26
"""Memory that the recorded states of one chunk of samples may take."""


@dataclass(frozen=True, eq=False)
class Presentation:
    """Samples of a data set, as one Program takes them.

    split : the samples; what a perturbation changes is ``split.x``, in units of the data.
    encoder : makes columns of them. domain : what a value may be, and the peak of budgets.
    input_shape : of the program's input. graded : whether that input's values count.
    """

    split: Split
    encoder: Encoder
    domain: Domain
    input_shape: tuple[int, ...]
    graded: bool = True

    def __post_init__(self) -> None:
        if len(self.split) == 0:
            raise DataError("there are no samples, expected at least one")
        if self.x.dtype.kind not in "iub":
            raise DataError(f"x has dtype {self.x.dtype}, expected integers")

    def __len__(self) -> int:
        return len(self.split)

    @property
    def x(self) -> Integers:
        """The data, integers ``(samples, ...)``."""
        return self.split.x

    @property
    def y(self) -> NDArray[np.int64]:
        """The labels, ``(samples,)``."""
        return self.split.y

    @property
    def index(self) -> NDArray[np.int64]:
        """The numbers of the samples in their data set, ``(samples,)``."""
        return self.split.index

    @property
    def digest(self) -> str:
        """That of the samples, `Split.digest`."""
        return self.split.digest

    @property
    def place(self) -> str:
        """What noise acts on, in words."""
        return self.encoder.place

    @property
    def steps(self) -> int:
        """Columns of one sample."""
        return self.encoder.columns

    def columns(self, rows: Rows, x: Integers | None = None) -> Integers:
        """Return the columns of ``rows``, integers ``(samples, steps, *input_shape)``.

        rows : slice or int64 numbers of rows. x : changed data of these rows; what an encoder
        draws stays that of the samples' numbers.
        """
        split = self.split
        lengths = None if split.lengths is None else split.lengths[rows]
        data = split.x[rows] if x is None else x
        columns = self.encoder.encode(data, split.index[rows], lengths)
        return columns.reshape(*columns.shape[:2], *self.input_shape)

    def encoded(self) -> Presentation:
        """Return the same columns presented by the values that noise acts on.

        Those are the data themselves, or with the direct encoder its levels, 0 (or -levels) to
        levels.
        """
        x, encoder = self.encoder.carried(self.x)
        if encoder is self.encoder:
            return self
        domain = Domain(-encoder.peak if self.domain.low < 0 else 0, encoder.peak, encoder.peak)
        return replace(self, split=replace(self.split, x=x), encoder=encoder, domain=domain)

    def budget(self, eps: float) -> int:
        """Return ``eps`` in steps of the data; see `neurodeploy.encode.budget_steps`.

        Data that are graded columns themselves take raw steps, so a whole number.

        Raises OptionError for a budget that has no step or is beyond the range, and for data that
        are binary columns.
        """
        if not self.encoder.identity:
            return self.domain.steps(eps)
        if not self.graded:
            raise OptionError(
                f"eps {eps:g}: the data are binary columns, whose budget is a number of flips or a "
                "shift in steps"
            )
        if not float(eps).is_integer():
            raise OptionError(f"eps is {eps:g}, graded columns take a whole number of steps")
        return self.domain.allowed(int(eps))

    def ball(self, rows: Rows, steps: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the ends of the data within ``steps`` of each value, in the shape of ``x[rows]``.

        Raises DataError for data outside of the domain.
        """
        return self.domain.ball(self.x[rows], steps)

    def ends(self, rows: Rows, steps: int) -> tuple[Integers, Integers]:
        """Return the smallest and the largest columns that a budget of ``steps`` gives.

        Each ``(samples, steps, *input_shape)``: the tightest box around what `reachable` lists.
        """
        low, high = self.ball(rows, steps)
        split = self.split
        lengths = None if split.lengths is None else split.lengths[rows]
        found = self.encoder.ends(low, high, split.index[rows], lengths)
        least, most = (part.reshape(*part.shape[:2], *self.input_shape) for part in found)
        return least, most

    def reachable(self, row: int, steps: int) -> Reachable:
        """Return the exact set of columns that a budget of ``steps`` gives one sample.

        Its columns have the shape ``(steps, *input_shape)``; see `Encoder.reachable`.
        """
        low, high = self.ball(slice(row, row + 1), steps)
        lengths = self.split.lengths
        length = None if lengths is None else int(lengths[row])
        reached = self.encoder.reachable(low[0], high[0], int(self.index[row]), length)
        return replace(reached, shape=(self.steps, *self.input_shape))

    def take(self, rows: Rows) -> Presentation:
        """Return the samples of ``rows``; they keep their numbers."""
        return replace(self, split=self.split.take(rows))

    def first(self, count: int) -> Presentation:
        """Return the first ``count`` samples; they keep their numbers."""
        return replace(self, split=self.split.first(count))

    def chunks(self, program: Program, variables: int = 1) -> Iterator[slice]:
        """Yield row slices small enough to record ``variables`` states of every neuron."""
        size = max(1, CHUNK_BYTES // (4 * max(1, variables) * program.neurons * self.steps))
        for start in range(0, len(self), size):
            yield slice(start, min(start + size, len(self)))

    def shown(
        self, name: str, part: str | None = None, of: int | None = None, notes: Sequence[str] = ()
    ) -> Shown:
        """Return which samples these are of the data set ``name``, and how they are presented."""
        return Shown(
            name=name,
            part=part,
            samples=len(self),
            of=len(self) if of is None else of,
            notes=tuple(notes),
            digest=self.digest,
            place=self.place,
            encoder=encoder_text(self.encoder),
            low=self.domain.low,
            high=self.domain.high,
            peak=self.domain.peak,
        )


def present(
    program: Program,
    split: Split,
    encoder: Encoder | str | None = None,
    *,
    input_bits: int | None = None,
) -> Presentation:
    """Return ``split`` as ``program`` takes it.

    encoder : an `Encoder`, or text as in `encoder_from_text`; None for the one in the program's
    metadata, or, where it names none, data that are columns themselves. input_bits : where given,
    the message bits of the input in place of the program's own.

    Shapes need to agree in C,H,W order only: flat data serve a (C, H, W) input and the reverse.

    Raises DataError that names the shapes expected for this program, or the label and sample that
    no output stands for; ProgramError for a program of several inputs; OptionError for text that
    describes no encoder.
    """
    node = _only_input(program)
    if len(split) == 0:
        raise DataError("there are no samples, expected at least one")
    graded = bool(node.message_bits if input_bits is None else input_bits)
    chosen = _encoder(program, split, encoder)
    check_layout(node, split.x.shape, chosen)
    check_labels(program, split)
    if chosen is None:
        if not graded:
            check_polarities(node, split.x)
        domain = _columns_domain(split, graded)
        peak = max(domain.peak, 2 if graded or domain.low < 0 else 1)
        chosen = Columns(int(split.x.shape[1]), peak)
    else:
        domain = _domain(split, chosen)
        graded = bool(chosen.message_bits)
    return Presentation(split, chosen, domain, node.shape, graded)


def check_labels(program: Program, split: Split) -> None:
    """Raise DataError for labels that no output of ``program`` stands for."""
    classes = program.classes
    wrong = np.flatnonzero((split.y < 0) | (split.y >= classes))
    if len(wrong):
        row = int(wrong[0])
        count = f"; {len(wrong)} of {len(split)} samples have such labels" if len(wrong) > 1 else ""
        raise DataError(
            f"label {int(split.y[row])} of sample {int(split.index[row])} has no output, the "
            f"program has {classes}: labels 0 to {classes - 1}{count}"
        )


def _only_input(program: Program) -> Input:
    if len(program.inputs) != 1:
        names = ", ".join(node.name for node in program.inputs)
        raise ProgramError(
            f"the program has {len(program.inputs)} inputs ({names}), data sets serve one"
        )
    return program.inputs[0]


def _encoder(program: Program, split: Split, given: Encoder | str | None) -> Encoder | None:
    """Return the encoder to use, None where the data are columns and nothing names one."""
    if isinstance(given, str):
        series = ENCODERS.named(given.partition(":")[0].strip()).of_series
        steps = int(split.x.shape[1]) if series and split.x.ndim > 1 else None
        return encoder_from_text(given, steps=steps, peak=_peak(split))
    if given is not None:
        return given
    return encoder_from_metadata(program.metadata) if PREFIX in program.metadata else None


def _peak(split: Split) -> int:
    if split.domain is not None:
        return split.domain.peak
    return max(1, int(np.abs(split.x.astype(np.int64)).max(initial=0)))


def _domain(split: Split, encoder: Encoder) -> Domain:
    """Return 0..peak or -peak..peak of the encoder, by the sign that the data may have."""
    if split.domain is None:
        signed = encoder.of_series and not encoder.identity
        signed = signed or int(split.x.min(initial=0)) < 0
    else:
        signed = split.domain.low < 0
    return Domain(-encoder.peak if signed else 0, encoder.peak, encoder.peak)


def _columns_domain(split: Split, graded: bool) -> Domain:
    """Return what a value of a column may be: as the data set says, else as the data show."""
    low, high = int(split.x.min(initial=0)), int(split.x.max(initial=1))
    if split.domain is not None and graded:
        low, high = min(low, split.domain.low), max(high, split.domain.high)
    return Domain(low, high, max(-low, high))
