"""Data as a program takes them: shapes, domains, budgets, labels, and what is refused."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.data import Domain, Presentation, Split, check_labels, load_data, present
from neurodeploy.encode import Columns, Delta, Direct, Encoder, Latency, Level, Rate
from neurodeploy.errors import DataError, InputError, OptionError, ProgramError


def program(
    shape: tuple[int, ...] = (4,),
    encoder: Encoder | None = None,
    bits: int = 0,
    classes: int = 3,
) -> nd.Program:
    """One layer of integrators, one per class."""
    size = int(np.prod(shape))
    return nd.Program(
        inputs=(nd.Input("x", shape, bits if encoder is None else encoder.message_bits),),
        populations=(nd.Population("y", classes, nd.Integrator(4096, 4096)),),
        connections=(nd.Connection("x", "y", nd.Dense(np.ones((classes, size), int))),),
        readout=nd.Readout("y", "u"),
        metadata={} if encoder is None else encoder.metadata(),
    )


def split(*shape: int, high: int = 16, **fields: Any) -> Split:
    """Three samples of a shape, numbered 10, 11, 12."""
    x = np.arange(3 * int(np.prod(shape))).reshape(3, *shape) % (high + 1)
    return Split(x.astype(np.int32), np.array([0, 1, 2]), np.array([10, 11, 12]), **fields)


ENCODERS: list[tuple[Encoder, tuple[int, ...], tuple[int, ...]]] = [
    (Direct(3, 16, levels=15, gap=1), (4,), (4,)),
    (Rate(3, 16, seed=5), (1, 2, 2), (1, 2, 2)),
    (Latency(3, 16, gap=2), (1, 2, 2), (4,)),
    (Level(3, 16, levels=2), (3, 2), (4,)),
    (Delta(3, 16, threshold=2), (3, 2), (4,)),
    (Columns(3, 16), (3, 4), (4,)),
    (Columns(3, 16, gap=1), (3, 1, 2, 2), (1, 2, 2)),
    (Columns(3, 16), (3, 1, 2, 2), (4,)),
    (Columns(3, 16), (3, 4), (1, 2, 2)),
]


@pytest.mark.parametrize(("encoder", "sample", "node"), ENCODERS)
def test_columns_are_the_encoders_in_the_inputs_shape(
    encoder: Encoder, sample: tuple[int, ...], node: tuple[int, ...]
) -> None:
    given = split(*sample)
    for shown in (
        present(program(node, encoder), given),
        present(program(node), given, encoder),
    ):
        expected = encoder.encode(given.x, given.index).reshape(3, -1, *node)
        assert np.array_equal(shown.columns(slice(0, 3)), expected)
        assert np.array_equal(shown.columns(np.array([2, 0])), expected[[2, 0]])
        changed = np.zeros_like(given.x[1:2])
        alone = encoder.encode(changed, given.index[1:2]).reshape(1, -1, *node)
        assert np.array_equal(shown.columns(slice(1, 2), changed), alone)
        assert shown.steps == expected.shape[1]
        assert shown.digest == given.digest
        nd.simulate(program(node, encoder), shown.columns(slice(0, 3)), engine="reference")


@pytest.mark.parametrize(("encoder", "sample", "node"), ENCODERS)
def test_a_budget_reaches_what_every_datum_of_the_ball_gives(
    encoder: Encoder, sample: tuple[int, ...], node: tuple[int, ...]
) -> None:
    shown = present(program(node, encoder), split(*sample))
    low, high = shown.ends(slice(0, 3), 2)
    draw = np.random.default_rng(1)
    for row in range(3):
        reached = shown.reachable(row, 2)
        assert reached.holds(shown.columns(slice(row, row + 1))[0])
        assert np.array_equal(reached.ends[0], low[row])
        assert np.array_equal(reached.ends[1], high[row])
        for _ in range(20):
            x = shown.x[row : row + 1] + draw.integers(-2, 3, (1, *sample))
            x = np.clip(x, shown.domain.low, shown.domain.high)
            assert reached.holds(shown.columns(slice(row, row + 1), x)[0])


def test_lengths_silence_columns_as_they_are_and_changed() -> None:
    given = split(3, 4, lengths=np.array([3, 1, 2]))
    shown = present(program(bits=5), given)
    assert not shown.columns(slice(1, 2))[0, 1:].any()
    assert not shown.columns(slice(1, 2), 15 - given.x[1:2] // 2)[0, 1:].any()
    assert not shown.reachable(1, 1).ends[1][1:].any()


def test_an_encoder_may_be_text_that_takes_peak_and_steps_from_the_data() -> None:
    digits = load_data("digits").test
    shown = present(program((64,), classes=10), digits, "rate:steps=4,seed=2")
    assert shown.encoder == Rate(4, 16, seed=2)
    assert shown.columns(slice(0, 2)).shape == (2, 4, 64)
    series = split(3, 2, domain=Domain(-16, 16, 16))
    assert present(program(), series, "level:levels=2").encoder == Level(3, 16, levels=2)


def test_domains_come_from_encoder_and_data_set() -> None:
    signed = Domain(-16, 16, 16)
    still, series = split(4), split(3, 2)
    assert present(program(encoder=Rate(3, 16)), still).domain == Domain(0, 16, 16)
    direct = Direct(3, 16, levels=8)
    assert present(program(encoder=direct), split(4, domain=signed)).domain == signed
    assert present(program(encoder=direct), still).domain == Domain(0, 16, 16)
    assert present(program(encoder=Level(3, 16, levels=2)), series).domain == signed
    assert present(program(encoder=Rate(3, 32)), still).domain == Domain(0, 32, 32)
    assert present(program(bits=5), split(3, 4, domain=signed)).domain == signed
    assert present(program(), split(3, 4, high=1)).domain == Domain(0, 1, 1)


def test_noise_acts_on_levels_of_direct_encoding_and_else_on_the_data() -> None:
    encoder = Direct(3, 16, levels=8)
    shown = present(program(encoder=encoder), split(4, domain=Domain(-16, 16, 16)))
    levels = shown.encoded()
    assert levels.domain == Domain(-8, 8, 8)
    assert np.array_equal(levels.x, encoder.values(shown.x))
    assert np.array_equal(levels.columns(slice(0, 3)), shown.columns(slice(0, 3)))
    rate = present(program(encoder=Rate(3, 16)), split(4))
    assert rate.encoded() is rate


def test_a_presentation_travels() -> None:
    shown = present(program(encoder=Rate(3, 16)), split(4))
    for other in (pickle.loads(pickle.dumps(shown)), copy.deepcopy(shown)):
        assert np.array_equal(other.columns(slice(0, 3)), shown.columns(slice(0, 3)))
        assert other.shown("d") == shown.shown("d")


def test_what_was_presented_is_plain_data() -> None:
    shown = present(program(encoder=Rate(3, 16, seed=4)), split(4))
    assert vars(shown.shown("d.npz", "test", 9, ["a note"])) == {
        "name": "d.npz",
        "part": "test",
        "samples": 3,
        "of": 9,
        "notes": ("a note",),
        "digest": split(4).digest,
        "place": "data before encoding",
        "encoder": "rate:steps=3,peak=16,gap=0,seed=4",
        "low": 0,
        "high": 16,
        "peak": 16,
    }


def test_first_samples_keep_their_numbers() -> None:
    shown = present(program(encoder=Rate(5, 16, seed=3)), split(4))
    assert shown.first(2).index.tolist() == [10, 11]
    assert np.array_equal(shown.first(2).columns(slice(1, 2)), shown.columns(slice(1, 2)))


# Budgets


def test_budgets_are_in_units_of_the_data() -> None:
    shown = present(program((1, 8, 8), Direct(3, 16, levels=255), classes=10), digits())
    assert [shown.budget(eps) for eps in (16, 32, 255)] == [1, 2, 16]
    low, high = shown.ball(slice(0, 4), 1)
    assert (low.min(), high.max()) == (0, 16)


def digits() -> Split:
    return load_data("digits").part("test")


def test_graded_columns_take_raw_steps() -> None:
    shown = present(program(bits=5), split(3, 4))
    assert shown.budget(2) == 2
    for eps, message in (
        (0.5, "eps is 0.5, graded columns take a whole number of steps"),
        (0, "a budget is 0 steps, data of 0 to 16 allow 1 to 16"),
        (17, "a budget is 17 steps, data of 0 to 16 allow 1 to 16"),
    ):
        with pytest.raises(OptionError) as caught:
            shown.budget(eps)
        assert str(caught.value) == message


@pytest.mark.parametrize("encoder", [None, Columns(3, 1)])
def test_binary_columns_take_no_eps(encoder: Encoder | None) -> None:
    shown = present(program(encoder=encoder), split(3, 4, high=1))
    with pytest.raises(OptionError) as caught:
        shown.budget(8)
    assert str(caught.value) == (
        "eps 8: the data are binary columns, whose budget is a number of flips or a shift in steps"
    )


def test_message_bits_of_a_run_make_a_binary_input_graded() -> None:
    shown = present(program(), split(3, 4, high=3), input_bits=2)
    assert shown.budget(1) == 1


# What does not fit


def several() -> nd.Program:
    base = program()
    return nd.Program(
        inputs=(*base.inputs, nd.Input("z", 2)),
        populations=base.populations,
        connections=(
            *base.connections,
            nd.Connection("z", "y", nd.Dense(np.ones((3, 2), int))),
        ),
        readout=base.readout,
    )


STILL = Rate(3, 16)
A = "a sample of x has shape"
COLUMNS_4 = "input x of this program takes columns (steps, 4)"
COLUMNS_C = "input x of this program takes columns (steps, 2, 8, 7)"
EVENTS = split(6, 2, 8, 7, high=1)
BAD: dict[str, tuple[nd.Program, Split, Any, type[Exception], str]] = {
    "still data and no encoder": (
        program(),
        split(4),
        None,
        DataError,
        f"{A} (4,), {COLUMNS_4}; the metadata name no encoder: give one for still "
        "samples, such as rate:steps=16, or give the columns",
    ),
    "images and no encoder": (
        program((1, 8, 8)),
        split(1, 8, 8),
        None,
        DataError,
        f"{A} (1, 8, 8), input x of this program takes columns (steps, 1, 8, "
        "8); the metadata name no encoder: give one for still samples, such as rate:steps=16, or "
        "give the columns",
    ),
    "another size": (
        program(),
        split(6, 5),
        None,
        DataError,
        f"{A} (6, 5), {COLUMNS_4}, or with an encoder still samples (4,)",
    ),
    "time last": (
        program(),
        split(4, 6),
        None,
        DataError,
        f"{A} (4, 6), {COLUMNS_4}; time is last: np.moveaxis(x, -1, 1)",
    ),
    "time last of frames": (
        program((2, 8, 7)),
        split(2, 8, 7, 6),
        None,
        DataError,
        f"{A} (2, 8, 7, 6), {COLUMNS_C}; time is last: np.moveaxis(x, -1, 1)",
    ),
    "channels last of frames": (
        program((2, 8, 7)),
        split(6, 8, 7, 2),
        None,
        DataError,
        f"{A} (6, 8, 7, 2), {COLUMNS_C}; channels are last: np.moveaxis(x, -1, 2)",
    ),
    "channels last of images": (
        program((3, 8, 7), STILL),
        split(8, 7, 3),
        None,
        DataError,
        f"{A} (8, 7, 3), encoder rate and input x of this program take still samples "
        "(3, 8, 7); channels are last: np.moveaxis(x, -1, 1)",
    ),
    "images without an axis of channels": (
        program((1, 8, 7), STILL),
        split(8, 7),
        None,
        DataError,
        f"{A} (8, 7), encoder rate and input x of this program take still samples (1, 8, 7); the "
        "axis of channels is missing: np.expand_dims(x, 1)",
    ),
    "frames without an axis of channels": (
        program((1, 8, 7)),
        split(6, 8, 7),
        None,
        DataError,
        f"{A} (6, 8, 7), input x of this program takes columns (steps, 1, 8, 7); the axis of "
        "channels is missing: np.expand_dims(x, 2)",
    ),
    "columns for an encoder of still data": (
        program(encoder=STILL),
        split(6, 4),
        None,
        DataError,
        f"{A} (6, 4), encoder rate and input x of this program take still samples "
        "(4,); for data that are columns the encoder is columns",
    ),
    "time last of a series": (
        program(encoder=Level(6, 16, levels=2)),
        split(2, 6),
        None,
        DataError,
        f"{A} (2, 6), encoder level and input x of this program take series (6, "
        "2); time is last: np.moveaxis(x, -1, 1)",
    ),
    "other steps": (
        program(encoder=Level(6, 16, levels=2)),
        split(5, 2),
        None,
        DataError,
        f"{A} (5, 2), 5 steps, the encoder level takes 6",
    ),
    "still data for a series": (
        program(encoder=Level(6, 16, levels=2)),
        split(4),
        None,
        DataError,
        f"{A} (4,), encoder level and input x of this program take series (6, 2)",
    ),
    "lines that do not divide the input": (
        program(encoder=Level(6, 16, levels=3)),
        split(6, 2),
        None,
        DataError,
        f"{A} (6, 2), encoder level and input x of this program do not fit: 4 lines are "
        "no multiple of 3",
    ),
    "signed events": (
        program(),
        Split(split(6, 4, high=2).x - 1, np.array([0, 1, 2]), np.arange(3)),
        None,
        DataError,
        "x holds -1 (24 times), input x takes binary events; two polarities are two channels: "
        "np.stack([x > 0, x < 0], axis=2).astype(np.uint8)",
    ),
    "labels beyond the outputs": (
        program(classes=2),
        split(6, 4, high=1),
        None,
        DataError,
        "label 2 of sample 12 has no output, the program has 2: labels 0 to 1",
    ),
    "several labels beyond the outputs": (
        program(classes=1),
        split(6, 4, high=1),
        None,
        DataError,
        "label 1 of sample 11 has no output, the program has 1: labels 0 to 0; 2 of 3 samples "
        "have such labels",
    ),
    "negative labels": (
        program(),
        Split(split(6, 4, high=1).x, np.array([0, -1, 2]), np.arange(3)),
        None,
        DataError,
        "label -1 of sample 1 has no output, the program has 3: labels 0 to 2",
    ),
    "no samples": (
        program(),
        split(6, 4).first(0),
        None,
        DataError,
        "there are no samples, expected at least one",
    ),
    "several inputs": (
        several(),
        split(6, 4),
        None,
        ProgramError,
        "the program has 2 inputs (x, z), data sets serve one",
    ),
    "text of no encoder": (
        program(),
        split(4),
        "rates",
        OptionError,
        "encoder is 'rates', expected one of direct, rate, latency, delta, level, columns; did "
        "you mean 'rate'?",
    ),
    "text without steps": (
        program(),
        split(4),
        "rate",
        OptionError,
        "encoder rate: steps is missing; write rate:steps=N",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_data_that_do_not_fit_are_refused_in_one_line(name: str) -> None:
    network, given, encoder, error, message = BAD[name]
    with pytest.raises(error) as caught:
        present(network, given, encoder)
    assert str(caught.value) == message


def test_frames_of_events_fit_a_convolution() -> None:
    shown = present(program((2, 8, 7)), EVENTS)
    columns = shown.columns(slice(0, 3))
    assert columns.shape == (3, 6, 2, 8, 7)
    assert np.array_equal(columns, EVENTS.x)


def test_signed_values_of_a_graded_input_are_kept() -> None:
    given = Split(split(6, 4, high=2).x - 1, np.array([0, 1, 2]), np.arange(3))
    for shown in (present(program(bits=2), given), present(program(), given, input_bits=2)):
        assert np.array_equal(shown.columns(slice(0, 3)), given.x)
        assert shown.domain.low == -1


def test_labels_are_checked_on_their_own_too() -> None:
    check_labels(program(), split(4))
    with pytest.raises(DataError, match="label 2 of sample 12 has no output"):
        check_labels(program(classes=2), split(4))


def test_a_presentation_by_hand_checks_itself() -> None:
    with pytest.raises(DataError) as caught:
        Presentation(
            Split(np.zeros((2, 4)), np.zeros(2, int), np.arange(2)),  # type: ignore[arg-type]
            STILL,
            Domain(0, 16, 16),
            (4,),
        )
    assert str(caught.value) == "x has dtype float64, expected integers"


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (
            np.array([[[0], [-1], [1]]]),
            "encoder columns: data hold -1, events are 0 or 1; two polarities are two channels: "
            "np.stack([x > 0, x < 0], axis=2).astype(np.uint8)",
        ),
        (np.array([[[0], [2], [1]]]), "encoder columns: data hold 2, allowed are 0 to 1"),
        (
            np.array([[0, 1, 1]]),
            "encoder columns: data have shape (1, 3), expected columns (samples, 3, N) or "
            "(samples, 3, C, H, W)",
        ),
    ],
)
def test_columns_of_events_take_nothing_else(x: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        Columns(3, 1).encode(x)
    assert str(caught.value) == message


def test_columns_pass_through() -> None:
    events = Columns(2, 1, gap=1)
    assert (events.message_bits, events.dtype, events.high) == (0, np.uint8, 1)
    assert events.encode(np.array([[[1], [0]]])).tolist() == [[[1], [0], [0]]]
    graded = Columns(2, 16)
    assert (graded.message_bits, graded.dtype) == (5, np.int32)
    assert graded.encode(np.array([[[-16], [3]]])).tolist() == [[[-16], [3]]]
