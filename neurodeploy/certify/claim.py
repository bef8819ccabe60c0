"""From what was proved to what a certificate file claims."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.certificates.claims import FALSIFIED, Claims, Method
from neurodeploy.certify.prover import Prover
from neurodeploy.certify.segments import Segments
from neurodeploy.data.presentation import Presentation


def claims(
    prover: Prover,
    data: Presentation,
    budgets: tuple[int, ...],
    verdict: NDArray[np.uint8],
    method: NDArray[np.uint8],
    margin: NDArray[np.int64],
    counter: NDArray[Any],
) -> Claims:
    """Return the claims about ``data``; arrays ``(samples, budgets)``, as in `Proof`."""
    recipe = prover.recipe
    segments = None if prover.constant is None else prover.constant.segments
    used = segments is not None and bool((method == Method.SEGMENT).any())
    found, at = _counters(verdict, counter)
    count, start, end, train = _ragged(segments if used else None, recipe.steps)
    return Claims(
        program=prover.program.digest,
        data=data.digest,
        encoder=data.encoder.metadata(),
        weights=recipe.weights,
        columns=recipe.steps,
        input_bits=recipe.input_bits,
        low=data.domain.low,
        high=data.domain.high,
        budget=np.array(budgets, np.int64),
        sample=data.index,
        label=data.y,
        length=np.full(len(data), -1) if data.split.lengths is None else data.split.lengths,
        x=data.x.astype(np.int32),
        verdict=verdict,
        method=method,
        margin=margin,
        counter=found,
        counter_at=at,
        table_count=count,
        table_start=start,
        table_end=end,
        table_train=train,
    )


def _ragged(
    segments: Segments | None, steps: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return count, start, end and train of all neurons, one after the other."""
    if segments is None:
        empty = np.zeros(0, np.int64)
        return empty, empty, empty, np.zeros((0, steps), np.uint8)
    fresh = np.ones(segments.start.shape, np.bool_)
    fresh[1:] = segments.start[1:] != segments.start[:-1]
    train = segments.train.transpose(2, 0, 1)[fresh.T]
    return fresh.sum(axis=0), segments.start.T[fresh.T], segments.end, train


def _counters(verdict: NDArray[Any], counter: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return ``counter`` and ``counter_at`` of counter-examples ``(n, E, *shape)``."""
    at = np.full(verdict.shape, -1, np.int64)
    fell = verdict == FALSIFIED
    at[fell] = np.arange(int(fell.sum()))
    return np.ascontiguousarray(counter[fell], np.int32), at
