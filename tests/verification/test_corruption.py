"""Corruptions: each does what it says, at rising levels, on the data that it applies to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attack.networks import events, presented, program
from report.folders import digits_program

import neurodeploy as nd
from neurodeploy.data import Domain, Presentation, Split, load_data
from neurodeploy.data.presentation import present
from neurodeploy.encode import Columns, Direct
from neurodeploy.errors import OptionError
from neurodeploy.verification.campaign import Keeping, Spread, conduct
from neurodeploy.verification.corruption_suite import CorruptionSuite
from neurodeploy.verification.corruptions import CORRUPTIONS, applicable, corrupted
from neurodeploy.verification.suites import Flags
from neurodeploy.verification.verdicts import chosen, subject_of

IMAGES = ("uniform", "salt and pepper", "occlusion", "contrast", "brightness", "blur", "rotation")
EVENTS = ("jitter", "dropped", "added", "late")


def digits(samples: int = 60) -> Presentation:
    return present(digits_program(), load_data("digits").test).first(samples)


def of(x: Any) -> Presentation:
    """Return images of 0 to 9 as they are."""
    values = np.asarray(x, np.int32)
    split = Split(values, np.zeros(len(values), np.int64), np.arange(len(values)))
    return Presentation(split, Direct(2, 9, levels=9), Domain(0, 9, 9), values.shape[1:])


def made(name: str, data: Presentation, level: float, seed: int = 1) -> Any:
    return corrupted(CORRUPTIONS[name], data, level, seed)


def test_kinds_follow_the_data() -> None:
    assert applicable(digits()) == IMAGES
    assert applicable(events(program(6, 0))) == EVENTS
    graded = presented(Columns(4, 9), 3, (4, 6), program(6, 4))
    assert applicable(graded) == ("uniform", "salt and pepper", "contrast", "brightness")


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_every_level_keeps_the_range_and_more_of_it_changes_more(name: str) -> None:
    data = digits() if name in IMAGES else events(program(6, 0), samples=40)
    changes = []
    for level in CORRUPTIONS[name].levels:
        x = made(name, data, level)
        assert x.dtype == np.int32 and x.shape == data.x.shape
        assert x.min() >= data.domain.low and x.max() <= data.domain.high
        changes.append(np.abs(x - data.x).sum())
        assert np.array_equal(x, made(name, data, level))
    assert changes[0] > 0
    if name != "late":
        assert changes == sorted(changes)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_sample_is_corrupted_alike_whatever_the_batch(name: str) -> None:
    data = digits(9) if name in IMAGES else events(program(6, 0), samples=9)
    level = CORRUPTIONS[name].levels[-1]
    alone = [made(name, data.take(slice(k, k + 1)), level)[0] for k in range(9)]
    assert np.array_equal(made(name, data, level), np.stack(alone))


def test_values_of_closed_form() -> None:
    data = of([[[0, 9], [3, 4]]])
    assert made("contrast", data, 0.5).tolist() == [[[2, 6], [4, 4]]]
    assert made("brightness", data, 0.5).tolist() == [[[4, 9], [8, 8]]]
    assert made("salt and pepper", data, 1.0).max() in (0, 9)
    flat = of(np.full((1, 8, 8), 5))
    assert np.array_equal(made("blur", flat, 2.0), flat.x)
    turned = of(np.arange(9).reshape(1, 3, 3))
    quarter = made("rotation", turned, 90.0)[0]
    assert any(np.array_equal(quarter, np.rot90(turned.x[0], k)) for k in (1, 3))


def test_occlusion_hides_one_square() -> None:
    data = of(np.full((20, 1, 8, 8), 7))
    x = made("occlusion", data, 0.25)
    for image in x[:, 0]:
        rows, columns = np.nonzero(image == 0)
        assert len(rows) == 16
        assert np.ptp(rows) == np.ptp(columns) == 3
    assert len({image.tobytes() for image in x}) > 5


def test_events_of_closed_form() -> None:
    data = events(program(6, 0), samples=30)
    late = made("late", data, 2.0)
    assert np.array_equal(late[:, 2:], data.x[:, :-2]) and not late[:, :2].any()
    assert not made("late", data, 99.0).any()
    assert not made("dropped", data, 1.0).any()
    assert (made("dropped", data, 0.3) <= data.x).all()
    assert (made("added", data, 0.3) >= data.x).all()
    assert np.array_equal(made("jitter", data, 0.01), data.x != 0)
    share = (made("added", data, 0.4) - data.x).sum() / data.x.sum()
    assert 0.1 < share < 0.3


def test_nothing_is_added_behind_the_end_of_a_sample() -> None:
    data = events(program(6, 0), samples=30)
    lengths = np.full(30, 4)
    x = np.where(np.arange(10)[None, :, None] < 4, data.x, 0)
    data = replace(data, split=replace(data.split, x=x, lengths=lengths))
    for name in ("jitter", "added", "dropped"):
        assert not made(name, data, CORRUPTIONS[name].levels[-1])[:, 4:].any(), name


def test_rows_count_the_lines_and_processes_do_not_matter(tmp_path: Path) -> None:
    asked = subject_of(digits_program(), digits(300), name="digits")
    suite = CorruptionSuite(kinds=("uniform", "blur"))
    one = conduct(suite, asked, keeping=Keeping(tmp_path / "one"))
    conduct(suite, asked, keeping=Keeping(tmp_path / "two"), spread=Spread(2))
    kept = [(tmp_path / name / "verify" / "corruption.jsonl") for name in ("one", "two")]
    assert kept[0].read_bytes() == kept[1].read_bytes()
    assert [(row.kind, row.level) for row in one.rows[:3]] == [
        ("none", 0.0),
        ("uniform", 0.1),
        ("uniform", 0.2),
    ]
    for number, row in enumerate(one.rows):
        lines = one.lines[number :: len(one.rows)]
        assert row.correct == sum(line.predicted == line.label for line in lines)
        assert row.n == 300 and row.low <= row.rate <= row.high
    assert one.rows[-1].rate < one.rows[0].rate


def test_a_stream_is_answered_as_a_stream() -> None:
    net = program(9, 5, feedback=True, threshold=60)
    data = presented(Direct(6, 16, levels=16), 20, (9,), net)
    found = conduct(CorruptionSuite(kinds=("uniform",)), subject_of(net, data, name="random"))
    assert found.rows[0].n == 20


BAD = {
    "unknown": (("fog",), "corruption is 'fog', expected one of uniform, salt and pepper, "),
    "of events": (("jitter",), "corruption jitter: is one of events, these data take uniform, "),
    "twice": (("blur", "blur"), "corruptions are blur, blur, expected each once"),
    "none": ((), "corruptions are none, expected each once"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_kinds_give_one_line(name: str) -> None:
    kinds, message = BAD[name]
    with pytest.raises(OptionError) as caught:
        CorruptionSuite(kinds=kinds).check(subject_of(digits_program(), digits(3), name="digits"))
    assert str(caught.value).startswith(message)


def test_flags_give_the_seed() -> None:
    assert chosen(["corruption"], Flags(seed=5)) == (CorruptionSuite(seed=5),)
    assert nd.Corruption is CorruptionSuite
