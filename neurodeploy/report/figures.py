"""The figures of the page, as plotly's plain JSON: data and layout.

Colours of marks come from one palette that holds on light and dark ground; text, grid and ground
are set by the page's script from the theme.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]

BLUE, ORANGE, TEAL, VIOLET, ROSE, GREY = (
    "#3f78d8",
    "#d17a22",
    "#1f9e8f",
    "#8a63d2",
    "#cf4f76",
    "#8b93a1",
)
COLOURS = (BLUE, ORANGE, TEAL, VIOLET, ROSE)
STATE_BITS = 23
PJ = 1e-12


def figures(report: Json) -> dict[str, Json]:
    """Return the figures that ``report`` has data for, by the id of their place on the page."""
    found: dict[str, Json] = {}
    if report["noise"]:
        found["noise"] = noise(report["noise"], report["accuracy"]["trained"])
    if report["headroom"]:
        found["headroom"] = headroom(report["headroom"])
    if report["activity"]:
        found["rates"] = rates(report["activity"])
    if report["mppd"] and report["mppd"]["layers"]:
        found["mppd"] = mppd(report["mppd"])
    if report["sample"]:
        found |= _sample(report["sample"])
    for entry in report["energy"]:
        if "report" in entry:
            found[f"energy-{entry['profile']}"] = energy(entry["report"])
    if report["training"] and report["training"]["history"]:
        found["training"] = training(report["training"]["history"])
    return found


def _sample(sample: Json) -> dict[str, Json]:
    found = {"input": picture(sample["input"]), "raster": raster(sample)}
    for layer in sample["layers"]:
        if layer["membrane"]["v"]:
            found[f"membrane-{layer['name']}"] = membrane(layer)
    return found


def _figure(data: list[Json], height: int, x: Json, y: Json, **layout: Any) -> Json:
    """Return a figure with the page's common frame."""
    return {
        "data": data,
        "layout": {
            "height": height,
            "margin": {"l": 52, "r": 16, "t": 12, "b": 44},
            "xaxis": {"zeroline": False, "automargin": True, **x},
            "yaxis": {"zeroline": False, "automargin": True, **y},
            "showlegend": False,
            "hovermode": "closest",
            **layout,
        },
    }


_LEGEND = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}


def noise(result: Json, trained: Json | None) -> Json:
    """Accuracy against the level of noise, with the 95 % intervals drawn."""
    levels = [{"sigma": 0.0, **result["clean"]}, *result["levels"]]
    x = [level["sigma"] for level in levels]
    data: list[Json] = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": "integer network",
            "x": x,
            "y": [100 * level["rate"] for level in levels],
            "error_y": {
                "type": "data",
                "symmetric": False,
                "array": [100 * (level["high"] - level["rate"]) for level in levels],
                "arrayminus": [100 * (level["rate"] - level["low"]) for level in levels],
                "thickness": 1.5,
                "width": 5,
                "color": BLUE,
            },
            "line": {"color": BLUE, "width": 2.5},
            "marker": {"size": 7, "color": BLUE},
            "hovertemplate": "noise %{x}<br>%{y:.1f} %<extra></extra>",
        }
    ]
    if trained is not None:
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": "torch model, no noise",
                "x": [x[0], x[-1]],
                "y": [100 * trained["rate"]] * 2,
                "line": {"color": ORANGE, "width": 1.5, "dash": "dash"},
                "hovertemplate": "torch model %{y:.1f} %<extra></extra>",
            }
        )
    return _figure(
        data,
        320,
        {"title": {"text": "noise, share of the input's range"}},
        {"title": {"text": "accuracy, %"}, "range": [0, 103]},
        showlegend=True,
        legend=_LEGEND,
    )


def headroom(layers: Sequence[Json]) -> Json:
    """Bits between the largest state and 2^23, measured (bars) and for any input (ticks)."""
    names = [layer["population"] for layer in layers]
    data: list[Json] = []
    for state, colour in (("u", BLUE), ("v", TEAL)):
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": f"{state}, on the data",
                "y": names,
                "x": [layer[f"{state}_bits"] for layer in layers],
                "marker": {"color": colour},
                "hovertemplate": f"{state}: %{{x:.1f}} bits<extra>%{{y}}</extra>",
            }
        )
    known = [layer for layer in layers if layer["v_bound_bits"] is not None]
    if known:
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": "v, for any input (bound)",
                "y": [layer["population"] for layer in known],
                "x": [layer["v_bound_bits"] for layer in known],
                "marker": {"symbol": "diamond", "size": 10, "color": ORANGE},
                "hovertemplate": "bound of v: %{x:.1f} bits<extra>%{y}</extra>",
            }
        )
    return _figure(
        data,
        130 + 52 * len(names),
        {"title": {"text": "bits of headroom below 2<sup>23</sup>"}, "range": [0, STATE_BITS]},
        {"autorange": "reversed", "type": "category"},
        barmode="group",
        bargap=0.35,
        showlegend=True,
        legend=_LEGEND,
    )


def rates(activity: Json) -> Json:
    """Events per neuron and step of every layer."""
    layers = activity["layers"]
    return _figure(
        [
            {
                "type": "bar",
                "orientation": "h",
                "y": [layer["name"] for layer in layers],
                "x": [100 * layer["rate"] for layer in layers],
                "marker": {"color": [GREY if layer["input"] else BLUE for layer in layers]},
                "hovertemplate": "%{x:.2f} % per step<extra>%{y}</extra>",
            }
        ],
        84 + 36 * len(layers),
        {
            "title": {"text": "events per neuron and step, %"},
            "rangemode": "tozero",
        },
        {"autorange": "reversed", "type": "category"},
        bargap=0.4,
    )


def mppd(result: Json) -> Json:
    """Growth of the membrane perturbation over the steps, per layer."""
    mode = "lines+markers" if len(result["layers"][0]["by_step"]) <= 32 else "lines"
    data: list[Json] = [
        {
            "type": "scatter",
            "mode": mode,
            "name": layer["population"],
            "x": list(range(1, len(layer["by_step"]) + 1)),
            "y": layer["by_step"],
            "line": {"color": COLOURS[k % len(COLOURS)], "width": 2},
            "marker": {"size": 5},
            "hovertemplate": "step %{x}: %{y:.4g}<extra>" + layer["population"] + "</extra>",
        }
        for k, layer in enumerate(result["layers"])
    ]
    return _figure(
        data,
        280,
        {"title": {"text": "step"}, "dtick": _tick(len(result["layers"][0]["by_step"]))},
        {"title": {"text": "mean of Y², thresholds²"}, "rangemode": "tozero"},
        showlegend=True,
        legend=_LEGEND,
    )


def picture(data: Json) -> Json:
    """The input of the sample: its image, or its channels over the steps."""
    image = data["kind"] == "image"
    values = data["values"] if image else [list(row) for row in zip(*data["values"], strict=True)]
    figure = _figure(
        [
            {
                "type": "heatmap",
                "z": values,
                "colorscale": [[0, "rgba(63,120,216,0.04)"], [1, BLUE]],
                "showscale": False,
                "hovertemplate": "%{z}<extra></extra>",
            }
        ],
        240,
        {"visible": False, "constrain": "domain"} if image else {"title": {"text": "step"}},
        {"autorange": "reversed", "visible": not image},
    )
    figure["layout"]["margin"] = {"l": 8, "r": 8, "t": 8, "b": 8 if image else 44}
    if image:
        figure["layout"]["yaxis"] |= {"scaleanchor": "x", "constrain": "domain"}
    return figure


def raster(sample: Json) -> Json:
    """Every spike of the neurons shown, one band for each layer."""
    data, ticks, names = [], [], []
    base = 0
    sending = [layer for layer in sample["layers"] if layer["sends"]]
    for k, layer in enumerate(sending):
        rows = len(layer["shown"])
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": layer["name"],
                "x": [t + 1 for t, _ in layer["spikes"]],
                "y": [base + n for _, n in layer["spikes"]],
                "text": [f"neuron {layer['shown'][n]}" for _, n in layer["spikes"]],
                "marker": {
                    "symbol": "line-ns",
                    "size": 6,
                    "line": {"width": 3, "color": COLOURS[k % len(COLOURS)]},
                },
                "hovertemplate": "%{text}, step %{x}<extra>" + layer["name"] + "</extra>",
            }
        )
        ticks.append(base + (rows - 1) / 2)
        names.append(layer["name"])
        base += rows + 3
    return _figure(
        data,
        max(240, 90 + 5 * base),
        {
            "title": {"text": "step"},
            "range": [0.5, sample["steps"] + 0.5],
            "dtick": _tick(sample["steps"]),
        },
        {"tickvals": ticks, "ticktext": names, "range": [base - 2, -2], "showgrid": False},
    )


def membrane(layer: Json) -> Json:
    """v of a few neurons after the reset, in thresholds; a tick marks a spike."""
    part = layer["membrane"]
    units = part["threshold"] or [64] * len(part["v"])
    data: list[Json] = []
    steps = list(range(1, len(part["v"][0]) + 1))
    for k, (v, s, unit, neuron) in enumerate(
        zip(part["v"], part["s"], units, part["neurons"], strict=True)
    ):
        colour = COLOURS[k % len(COLOURS)]
        name = f"{part['kind']} {neuron}"
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "x": steps,
                "y": [value / max(unit, 1) for value in v],
                "line": {"color": colour, "width": 2},
                "hovertemplate": "step %{x}: %{y:.2f}<extra>" + name + "</extra>",
            }
        )
        fired = [step for step, spike in zip(steps, s, strict=True) if spike]
        if fired and part["threshold"]:
            data.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "showlegend": False,
                    "x": fired,
                    "y": [1.0] * len(fired),
                    "marker": {"symbol": "triangle-up", "size": 9, "color": colour},
                    "hovertemplate": "spike at step %{x}<extra>" + name + "</extra>",
                }
            )
    shapes = [
        {
            "type": "line",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "y0": 1,
            "y1": 1,
            "line": {"color": GREY, "width": 1, "dash": "dot"},
        }
    ]
    return _figure(
        data,
        260,
        {"title": {"text": "step"}, "dtick": _tick(len(steps))},
        {"title": {"text": "v, thresholds" if part["threshold"] else "v / 64"}},
        shapes=shapes if part["threshold"] else [],
        showlegend=True,
        legend=_LEGEND,
    )


def energy(report: Json) -> Json:
    """One bar from low to high for every term and sum, with the mid marked; joules, log axis."""
    rows = [(term["name"], term["energy_pj"], BLUE) for term in report["terms"]]
    for name, key, colour in (("dynamic", "dynamic_pj", TEAL), ("total", "total_pj", ORANGE)):
        if report[key] is not None:
            rows.append((f"<b>{name}</b>", report[key]["mean"], colour))
    floor = _floor([interval for _, interval, _ in rows])
    highest = max(interval["high"] for _, interval, _ in rows) * PJ
    decades = math.log10(max(highest, floor) / floor)
    data: list[Json] = []
    for name, interval, colour in rows:
        low, mid, high = (max(interval[k] * PJ, floor) for k in ("low", "mid", "high"))
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": [low, high],
                "y": [name, name],
                "line": {"color": colour, "width": 9},
                "opacity": 0.45,
                "hovertemplate": f"{name}: %{{x:.3s}}J<extra></extra>",
            }
        )
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [mid],
                "y": [name],
                "marker": {"color": colour, "size": 11, "symbol": "line-ns"}
                | {"line": {"color": colour, "width": 3}},
                "hovertemplate": f"{name}, mid: %{{x:.3s}}J<extra></extra>",
            }
        )
    return _figure(
        data,
        96 + 34 * len(rows),
        {
            "type": "log",
            "tickformat": "~s",
            "ticksuffix": "J",
            "dtick": 1 if decades <= 4 else 2,
            "title": {"text": "per inference, logarithmic"},
        },
        {"autorange": "reversed", "type": "category"},
    )


def _floor(intervals: Sequence[Json]) -> float:
    """Return what stands for zero on the logarithmic axis: a decade below the least value."""
    values = [interval[k] for interval in intervals for k in ("low", "mid", "high")]
    least = min((value for value in values if value > 0), default=1.0)
    return float(10 ** math.floor(math.log10(least * PJ) - 0.5))


def training(history: Sequence[Json]) -> Json:
    """Loss and validation accuracy over the epochs."""
    x = [row["epoch"] for row in history]
    data: list[Json] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "validation accuracy, %",
            "x": x,
            "y": [100 * row["validation_accuracy"] for row in history],
            "line": {"color": BLUE, "width": 2},
            "hovertemplate": "epoch %{x}: %{y:.1f} %<extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "lines",
            "name": "loss",
            "yaxis": "y2",
            "x": x,
            "y": [row["loss"] for row in history],
            "line": {"color": ORANGE, "width": 2},
            "hovertemplate": "epoch %{x}: loss %{y:.3g}<extra></extra>",
        },
    ]
    return _figure(
        data,
        280,
        {"title": {"text": "epoch"}},
        {"title": {"text": "validation accuracy, %"}},
        yaxis2={
            "title": {"text": "loss"},
            "overlaying": "y",
            "side": "right",
            "showgrid": False,
            "zeroline": False,
            "rangemode": "tozero",
            "automargin": True,
            "tickmode": "auto",
            "nticks": 5,
        },
        showlegend=True,
        legend=_LEGEND,
    )


def _tick(count: int) -> int:
    """Return a step between ticks that gives at most about ten of them."""
    return next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 10**9) if count <= 11 * step)
