"""The figures: what they show for kinds of network that the page's own test does not have."""

from __future__ import annotations

import math
from typing import Any

from neurodeploy.report.figures import energy, headroom, membrane, mppd, picture, raster


def interval(low: float, mid: float, high: float) -> dict[str, float]:
    return {"low": low, "mid": mid, "high": high}


def test_a_series_is_drawn_as_channels_over_steps() -> None:
    figure = picture({"kind": "series", "neurons": [0, 1], "values": [[1, 0], [0, 2], [3, 0]]})
    assert figure["data"][0]["z"] == [[1, 0, 3], [0, 2, 0]]
    assert figure["layout"]["xaxis"]["title"]["text"] == "step"


def test_an_image_keeps_its_proportions() -> None:
    figure = picture({"kind": "image", "values": [[1, 2, 3]]})
    assert figure["layout"]["yaxis"]["scaleanchor"] == "x"


def layer(**changes: Any) -> dict[str, Any]:
    part = {"kind": "neuron", "neurons": [4], "v": [[64, 128]], "s": [[0, 1]], "threshold": [128]}
    return {"name": "a", "membrane": {**part, **changes}}


def test_membranes_are_in_thresholds_with_a_mark_at_each_spike() -> None:
    line, mark = membrane(layer())["data"]
    assert (line["name"], line["y"]) == ("neuron 4", [0.5, 1.0])
    assert (mark["x"], mark["y"]) == ([2], [1.0])


def test_without_a_threshold_membranes_are_in_mantissa_units() -> None:
    figure = membrane(layer(threshold=None))
    assert [trace["y"] for trace in figure["data"]] == [[1.0, 2.0]]
    assert figure["layout"]["yaxis"]["title"]["text"] == "v / 64"
    assert figure["layout"]["shapes"] == []


def test_a_threshold_of_zero_does_not_divide() -> None:
    assert membrane(layer(threshold=[0]))["data"][0]["y"] == [64.0, 128.0]


def test_populations_that_never_send_have_no_band_in_the_raster() -> None:
    spiking = {"name": "a", "sends": True, "shown": [0, 5], "spikes": [[0, 1], [2, 0]]}
    silent = {"name": "out", "sends": False, "shown": [0], "spikes": []}
    figure = raster({"steps": 3, "layers": [spiking, silent]})
    (band,) = figure["data"]
    assert (band["x"], band["y"]) == ([1, 3], [1, 0])
    assert band["text"] == ["neuron 5", "neuron 0"]
    assert figure["layout"]["yaxis"]["ticktext"] == ["a"]


def test_unknown_bounds_have_no_mark() -> None:
    known = {"population": "a", "u_bits": 3.0, "v_bits": 2.0, "v_bound_bits": 1.0}
    unknown = {"population": "b", "u_bits": 3.0, "v_bits": 2.0, "v_bound_bits": None}
    assert headroom([known, unknown])["data"][2]["y"] == ["a"]
    assert len(headroom([unknown])["data"]) == 2


def test_long_perturbations_are_lines_without_points() -> None:
    short, long = (
        mppd({"layers": [{"population": "a", "by_step": [0.0] * steps}]})["data"][0]["mode"]
        for steps in (8, 100)
    )
    assert (short, long) == ("lines+markers", "lines")


def test_energies_are_drawn_in_joules_from_low_to_high() -> None:
    term = {"name": "synaptic operations", "energy_pj": interval(0.0, 2e6, 4e6)}
    total = {"mean": interval(1e6, 2e6, 4e6)}
    figure = energy({"terms": [term], "dynamic_pj": total, "total_pj": None})
    bar, mid = figure["data"][:2]
    assert bar["x"][1] == mid["x"][0] * 2 == 4e-6
    assert 0 < bar["x"][0] <= 2e-7
    assert figure["layout"]["xaxis"]["type"] == "log"


def test_energies_that_are_all_zero_can_still_be_drawn() -> None:
    term = {"name": "synaptic operations", "energy_pj": interval(0.0, 0.0, 0.0)}
    figure = energy({"terms": [term], "dynamic_pj": None, "total_pj": None})
    assert all(math.isfinite(x) and x > 0 for trace in figure["data"] for x in trace["x"])
