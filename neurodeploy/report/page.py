"""The page: one HTML file that opens offline, with the template, style and script inlined."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2

from neurodeploy.atomic import replacing
from neurodeploy.energy.report import Interval
from neurodeploy.energy.units import digits, energy, energy_ends, energy_range, time_range
from neurodeploy.errors import FormatError
from neurodeploy.report.build import build_report
from neurodeploy.report.figures import figures
from neurodeploy.run_folder import REPORT_HTML, REPORT_JSON, write_json

Json = dict[str, Any]


def write_report(folder: str | Path) -> Path:
    """Write report.json and report.html into the run folder; return the path of the page.

    Raises FormatError when the folder holds no program, or a damaged file.
    """
    folder = Path(folder)
    report = build_report(folder)
    try:
        page = render(report)
    except (KeyError, IndexError, TypeError, ValueError, jinja2.UndefinedError) as error:
        raise FormatError(
            f"{folder}: a file of this run lacks a part that the page shows ({error}); "
            "run its verb again"
        ) from error
    write_json(folder / REPORT_JSON, report)
    with replacing(folder / REPORT_HTML) as file:
        file.write(page.encode())
    return folder / REPORT_HTML


def render(report: Json) -> str:
    """Return the page of ``report`` as HTML text."""
    from plotly.offline import get_plotlyjs

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "percent": percent,
        "count": count,
        "energy": lambda value: micro(energy(value)),
        "energy_range": lambda value: micro(energy_range(Interval(**value))),
        "energy_ends": lambda value: micro(energy_ends(Interval(**value))),
        "time_range": lambda value: micro(time_range(Interval(**value))),
        "micro": micro,
        "constant": constant,
        "shape": lambda sizes: " \u00d7 ".join(str(size) for size in sizes),
        "listed": listed,
    }
    drawn = figures(report)
    return environment.from_string(_text("page.html.j2")).render(
        report=report,
        drawn=drawn,
        figures=_script_json(drawn),
        style=_text("page.css"),
        script=_text("page.js"),
        plotly=get_plotlyjs(),
    )


def _text(name: str) -> str:
    return resources.files("neurodeploy.report").joinpath(name).read_text(encoding="utf-8")


def _script_json(value: Any) -> str:
    """Return JSON that may stand inside a script element: nothing in it can end the element."""
    text = json.dumps(value, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def percent(rate: float, places: int = 1) -> str:
    """Return a share as ``97.2 %``."""
    return f"{100 * rate:.{places}f} %"


def count(value: float) -> str:
    """Return a count with thousands separated, one decimal below 100 unless whole."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.1f}"


def listed(items: list[str]) -> str:
    """Return ``a``, ``a and b`` or ``a, b and c``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def constant(term: Json) -> str:
    """Return the interval charged per event, or its one value, with a fitting unit."""
    interval = Interval(**term["constant"])
    if term["unit"] == "mW":
        ends = (digits(interval.low), digits(interval.high))
        return f"{ends[0]} mW" if ends[0] == ends[1] else f"{ends[0]} to {ends[1]} mW"
    scaled = interval.scaled(1e3 if term["unit"] == "nJ" else 1.0)
    return micro(energy_ends(scaled) or energy(scaled.mid))


def micro(text: str) -> str:
    """Return text with the sign of micro in its units: ``uJ`` and ``us`` are for terminals."""
    return re.sub(r"\bu(?=[Js]\b)", "\N{MICRO SIGN}", text)
