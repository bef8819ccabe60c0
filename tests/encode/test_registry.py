"""Encoders by name: a new one from outside, and encoders as text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from neurodeploy.encode import (
    ENCODER_HELP,
    ENCODERS,
    Direct,
    Encoder,
    Level,
    Rate,
    encoder_from_metadata,
    encoder_from_text,
    encoder_text,
)
from neurodeploy.encode.encoder import Call, Integers
from neurodeploy.errors import OptionError


@dataclass(frozen=True)
class Burst(Encoder):
    """A toy: a value spikes in the first ``x * length / peak`` steps."""

    length: int = 4

    kind: ClassVar[str] = "burst"
    elementwise: ClassVar[bool] = True

    def _write(self, x: Integers, call: Call) -> None:
        spikes = x * self.length // self.peak
        step = np.arange(self.steps).reshape(1, -1, *[1] * (x.ndim - 1))
        call.data[...] = step < spikes[:, None]


@pytest.fixture
def burst() -> Iterator[type[Burst]]:
    ENCODERS.add("burst", Burst)
    yield Burst
    ENCODERS.remove("burst")


def test_an_encoder_from_outside_works_everywhere(burst: type[Burst]) -> None:
    """Columns, metadata, text and the set that a budget reaches, from one class and one line."""
    encoder = burst(steps=6, peak=8, length=5)
    assert encoder.encode(np.array([[0, 4, 8]]))[0].sum(axis=0).tolist() == [0, 2, 5]
    assert encoder_from_metadata(encoder.metadata()) == encoder
    assert encoder_from_text("burst:steps=6,peak=8,length=5") == encoder
    reached = encoder.reachable(np.array([3, 8]), np.array([5, 8]))
    assert [site.count for site in reached.sites] == [3, 1]


def test_text_describes_an_encoder() -> None:
    assert encoder_from_text("rate:steps=16,peak=255,seed=3") == Rate(16, 255, seed=3)
    assert encoder_from_text(" direct : steps = 6, peak=16 , levels=15") == Direct(6, 16, levels=15)


def test_text_may_leave_out_what_the_data_know() -> None:
    assert encoder_from_text("rate:steps=4", peak=16) == Rate(4, 16)
    assert encoder_from_text("level", steps=9, peak=127) == Level(9, 127)
    assert encoder_from_text("rate:peak=8", steps=2, peak=16) == Rate(2, 8)


@pytest.mark.parametrize("kind", ENCODERS)
def test_text_and_encoder_are_the_same(kind: str) -> None:
    encoder = ENCODERS[kind](steps=5, peak=16, gap=2)
    assert encoder_from_text(encoder_text(encoder)) == encoder
    assert kind in ENCODER_HELP


BAD: list[tuple[str, dict[str, int], str]] = [
    (
        "rat:steps=4",
        {},
        "encoder is 'rat', expected one of direct, rate, latency, delta, level, columns; did you "
        "mean 'rate'?",
    ),
    (
        "",
        {},
        "encoder is '', expected one of direct, rate, latency, delta, level, columns",
    ),
    ("rate", {"peak": 16}, "encoder rate: steps is missing; write rate:steps=N"),
    ("rate:seed=3", {"peak": 16}, "encoder rate: steps is missing; write rate:steps=N,seed=3"),
    ("rate:steps=4", {}, "encoder rate: peak is missing; write rate:peak=N,steps=4"),
    (
        "rate:steps=4,levels=3",
        {"peak": 16},
        "encoder rate: has no 'levels', there are steps, peak, gap, seed",
    ),
    (
        "direct:step=4",
        {"peak": 16},
        "encoder direct: has no 'step', there are steps, peak, gap, levels; did you mean 'steps'?",
    ),
    ("rate:steps=4,steps=5", {}, "encoder rate: steps is given twice"),
    ("rate:steps=four", {}, "encoder rate: steps is 'four', expected a whole number"),
    ("rate:steps", {}, "encoder rate: steps is '', expected a whole number"),
    ("rate:steps=0", {"peak": 16}, "encoder rate: steps is 0, allowed are 1 to 100000"),
]


@pytest.mark.parametrize(("text", "defaults", "message"), BAD)
def test_text_that_describes_none_gets_one_clear_line(
    text: str, defaults: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError) as caught:
        encoder_from_text(text, **defaults)
    assert str(caught.value) == message
