"""The page: one HTML file that opens offline, with style, figures and script inlined."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import jinja2
from markupsafe import Markup

from neurodeploy.atomic import replacing
from neurodeploy.report.build import Piece, Report, build_report
from neurodeploy.report.words import FILTERS
from neurodeploy.run_folder import REPORT_HTML, REPORT_JSON, write_json

MACROS = "macros.html.j2"


def write_report(folder: str | Path, report: Report | None = None) -> Path:
    """Write report.json and report.html into the run folder; return the path of the page.

    report : of `build_report`, built here if it is not given.

    Raises FormatError when the folder holds no program, or a file that is damaged or too new.
    """
    folder = Path(folder)
    report = report or build_report(folder)
    page = render(report)
    write_json(folder / REPORT_JSON, report.to_dict())
    with replacing(folder / REPORT_HTML) as file:
        file.write(page.encode())
    return folder / REPORT_HTML


def render(report: Report) -> str:
    """Return the page of ``report`` as HTML text."""
    environment = _environment()
    shown = [piece for piece in report.pieces if piece.content is not None]
    return environment.from_string(_text("page.html.j2")).render(
        report=report,
        sections=[(piece.name, _section(environment, piece)) for piece in shown],
        style=Markup(_text("page.css")),
        script=Markup(_text("page.js")),
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.DictLoader({MACROS: _text(MACROS)}),
    )
    environment.filters |= FILTERS
    environment.globals["macros"] = environment.get_template(MACROS).module
    return environment


def _section(environment: jinja2.Environment, piece: Piece) -> Markup:
    text = environment.from_string(piece.part.template).render(
        name=piece.name, content=piece.content, figures=piece.part.figures(piece.content)
    )
    return Markup(text)


def _text(name: str) -> str:
    return resources.files("neurodeploy.report").joinpath(name).read_text(encoding="utf-8")
