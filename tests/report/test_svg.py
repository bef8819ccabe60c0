"""The drawings: scales and ticks, what is drawn where, and that nothing can escape its text."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurodeploy.report.svg import (
    Band,
    Bar,
    Linear,
    Log,
    Plot,
    Row,
    Span,
    bars,
    intervals,
    picture,
    raster,
    steps_scale,
)
from neurodeploy.report.svg.element import clean, number

SIZES = st.floats(1e-9, 1e9, allow_nan=False)


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def texts(svg: str, kind: str) -> list[str]:
    return [e.text or "" for e in parsed(svg).iter("text") if kind in e.get("class", "").split()]


def named(value: float) -> str:
    return f"{value:g}"


@given(st.floats(-1e9, 1e9), SIZES, st.integers(2, 8))
def test_linear_ticks_are_few_even_and_within_the_axis(low: float, size: float, most: int) -> None:
    size = max(size, 1e-6 * abs(low))  # what double precision can still tell apart
    axis = Linear(low, low + size)
    values = [value for value, _ in axis.ticks(most)]
    assert len(values) <= most + 1
    assert all(low - 1e-6 * size <= value <= low + size * (1 + 1e-6) for value in values)
    steps = np.diff(values)
    assert steps.size == 0 or np.allclose(steps, steps[0], rtol=1e-3)


@given(st.integers(1, 5000))
def test_steps_have_whole_ticks_from_one_on(steps: int) -> None:
    axis = steps_scale(steps)
    values = [value for value, _ in axis.ticks()]
    assert all(value == int(value) and 1 <= value <= steps for value in values)
    assert values
    assert 0 < axis.place(1) <= axis.place(steps) < 1


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 100, ["0", "20", "40", "60", "80", "100"]),
        (0, 0.5, ["0", "0.1", "0.2", "0.3", "0.4", "0.5"]),
        (0, 5000, ["0", "1,000", "2,000", "3,000", "4,000", "5,000"]),
        (-1, 1, ["-1.0", "-0.5", "0", "0.5", "1.0"]),
    ],
)
def test_ticks_read_well(low: float, high: float, expected: list[str]) -> None:
    assert [text for _, text in Linear(low, high).ticks()] == expected


@given(st.lists(SIZES, min_size=1, max_size=5))
def test_a_logarithmic_axis_holds_every_positive_value_in_whole_decades(
    values: list[float],
) -> None:
    axis = Log.around([0.0, *values], named)
    assert all(-1e-9 <= axis.place(value) <= 1 + 1e-9 for value in values)
    assert len(axis.ticks()) <= 6
    assert math.log10(axis.low) == pytest.approx(round(math.log10(axis.low)))


def test_zero_has_no_place_on_a_logarithmic_axis() -> None:
    with pytest.raises(ValueError, match="no place on a logarithmic axis"):
        Log(1.0, 10.0, named).place(0.0)


def test_an_interval_that_reaches_zero_is_open_to_the_left() -> None:
    axis = Log(1.0, 100.0, named)
    rows = [Span("open", 0.0, 10.0, 100.0, "10", "c0"), Span("closed", 10.0, 10.0, 100.0, "", "c1")]
    root = parsed(intervals(rows, axis, "pJ", "label", "told"))
    first, second = (rect.get("x") for rect in root.iter("rect"))
    assert (first, second) == ("0%", "50%")
    arrows = [path.findtext("title") for path in root.iter("path")]
    assert arrows == ["open reaches down to 0"]
    assert "0" not in texts(intervals(rows, axis, "pJ", "l", "d"), "tick")


def test_an_interval_of_zero_is_an_arrow_alone() -> None:
    axis = Log.around([0.0], named)
    root = parsed(intervals([Span("none", 0.0, 0.0, 0.0, "0", "c0")], axis, "pJ", "l", "d"))
    assert list(root.iter("rect")) == []
    assert len(list(root.iter("path"))) == 1


def test_every_drawing_has_a_name_a_description_and_titled_axes() -> None:
    plot = Plot(100, Linear(0, 1), Linear(0, 1), "across", "up")
    drawings = {
        "plot": plot.markup("name", "told"),
        "bars": bars([Row("a", (Bar(1, "1", "c0"),))], Linear(0, 1), "across", "name", "told"),
        "raster": raster([Band("a", ((3, (1, 2)),))], 4, "name", "told"),
        "series": picture(np.eye(3, dtype=int), "name", "told", over_steps=True),
    }
    for kind, svg in drawings.items():
        root = parsed(svg)
        assert (root.get("role"), root.get("aria-label")) == ("img", "name"), kind
        assert root.findtext("desc") == "told"
        assert texts(svg, "axis"), kind
    assert texts(drawings["plot"], "axis") == ["across", "up"]
    assert texts(drawings["raster"], "axis") == ["step"]


def test_hostile_names_stay_text() -> None:
    name = "</svg><script>alert(1)</script>\x00\ud800&"
    svg = bars([Row(name, (Bar(1, name, "c0"),))], Linear(0, 1), name, name, name)
    assert "<script" not in svg
    root = parsed(svg)
    assert {e.tag for e in root.iter()} == {"svg", "desc", "line", "text", "rect", "title"}
    assert texts(svg, "axis") == ["</svg><script>alert(1)</script>\ufffd\ufffd&"]
    assert clean("a\tb") == "a\tb"


def test_long_names_are_shortened_and_told_whole() -> None:
    name = "population" * 9
    svg = bars([Row(name, (Bar(1, "1", "c0"),))], Linear(0, 1), "x", "l", "d")
    text = next(e for e in parsed(svg).iter("text") if e.get("class") == "name")
    assert text.findtext("title") == name
    assert (text[0].tail or text.text or "").endswith("\u2026")


def test_a_neuron_without_spikes_is_an_empty_line_of_the_raster() -> None:
    svg = raster([Band("a", ((0, ()), (7, (2, 4)), (9, ())))], 5, "l", "d")
    (path,) = parsed(svg).iter("path")
    assert path.findtext("title") == "neuron 7: step 2, 4"
    assert path.get("d") == "M300 0v4 M700 0v4"


def test_an_image_has_a_path_for_each_shade_and_signs_have_colours() -> None:
    svg = picture(np.array([[0, 16], [-16, 8]]), "l", "d")
    paths = {
        path.get("d"): (path.get("class"), path.get("fill-opacity"))
        for path in parsed(svg).iter("path")
    }
    assert paths == {
        "M1 0h1v1h-1z": ("cell c0", "1"),
        "M0 1h1v1h-1z": ("cell c1", "1"),
        "M1 1h1v1h-1z": ("cell c0", "0.5"),
    }
    assert list(parsed(picture(np.zeros((2, 2), int), "l", "d")).iter("path")) == []


def test_a_curve_of_many_points_is_a_line_without_marks() -> None:
    def marks(count: int) -> int:
        plot = Plot(100, Linear(0, count), Linear(0, 1), "x", "y")
        values = [0.5] * count
        plot.line(range(count), values, "c0")
        plot.points(range(count), values, "c0", ["told"] * count)
        return len(list(parsed(plot.markup("l", "d")).iter("circle")))

    assert (marks(64), marks(65)) == (64, 0)


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (12.5, "12.5"), (3.14159, "3.14"), (-0.001, "-0"), (7, "7")]
)
def test_coordinates_are_short(value: float, text: str) -> None:
    assert number(value) == text
