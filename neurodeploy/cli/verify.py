"""``neurodeploy verify``: what a network does on data, under noise, and how near overflow is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from neurodeploy.cli.datasets import (
    DataName,
    OutFolder,
    Part,
    Samples,
    check_folder,
    claim_folder,
    presented,
)
from neurodeploy.cli.options import AsJson, JudgingEngine, ProgramFile
from neurodeploy.cli.output import columns, console, print_json
from neurodeploy.cli.reading import Reading, reads_program
from neurodeploy.cli.run_flags import RunFlags, runs_program

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import RenderableType

    from neurodeploy.answers import RunChoice
    from neurodeploy.data.presentation import Presentation
    from neurodeploy.program import Program


@reads_program
@runs_program
def verify(
    program: ProgramFile,
    data: DataName,
    suite: Annotated[
        str, typer.Option(metavar="A,B,...", help="Some of noise and overflow.")
    ] = "noise,overflow",
    part: Part = "test",
    samples: Samples = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the noise.")] = 2024,
    engine: JudgingEngine = "native",
    out: OutFolder = None,
    json: AsJson = False,
    *,
    flags: RunFlags,
    reading: Reading,
) -> None:
    """Measure accuracy, noise, activity and headroom on a data set."""
    from neurodeploy.verification.suite import verify as measure

    network = reading.program(program)
    shown, name = presented(network, data, part, samples)
    check_folder(network, out)
    run = flags.choice(engine)
    suites = tuple(name for name in suite.split(",") if name)
    content, _ = measure(network, shown, name=name, part=part, suites=suites, seed=seed, run=run)
    if out is not None:
        claim_folder(network, out)
        keep(network, shown, content, out, run)
    if json:
        print_json(content)
    else:
        for table in rendered(content):
            console().print(table)


def keep(
    program: Program, data: Presentation, content: dict[str, Any], folder: Path, run: RunChoice
) -> None:
    """Write verify.json and sample.npz into a run folder."""
    from neurodeploy.run_folder import SAMPLE, VERIFY, write_json
    from neurodeploy.verification.sample import record_sample
    from neurodeploy.verification.suite import write_sample

    write_sample(record_sample(program, data, run=run), program.digest, folder / SAMPLE)
    write_json(folder / VERIFY, content)


def rendered(content: dict[str, Any]) -> list[RenderableType]:
    """Return what a terminal shows of the content of ``verify.json``."""
    parts: list[RenderableType] = [_accuracy(content), *_manner(content)]
    if "noise" in content:
        parts += ["", content["noise"]["rule"], _noise(content["noise"])]
    if "headroom" in content:
        parts += ["", _headroom(content["headroom"])]
    parts += ["", _activity(content["activity"])]
    if "mppd" in content:
        parts += ["", _mppd(content["mppd"])]
    return parts


def _accuracy(content: dict[str, Any]) -> str:
    entry, data = content["accuracy"], content["data"]
    return (
        f"accuracy {_percent(entry['rate'])} ({_percent(entry['low'])} to "
        f"{_percent(entry['high'])}) on {entry['samples']:,} samples of {data['name']} "
        f"{data['part']}, {entry['ties']} ties counted as wrong"
    )


def _manner(content: dict[str, Any]) -> list[str]:
    """How the samples were run, and what a user should know about their answers."""
    from neurodeploy.answers import Recipe
    from neurodeploy.verification.activity import Undecided

    run = dict(content["run"])
    differing = run.pop("answers_differing")
    lines = [f"run: {Recipe(**run, threads=None).sentence()}"]
    if differing is not None:
        lines.append(
            f"{differing:,} of {content['accuracy']['samples']:,} answers differ from those of "
            "aligned samples, which a chip does not give"
        )
    undecided = Undecided(**content["undecided"]).sentence()
    return [*lines, f"[bold]{undecided}[/]"] if undecided else lines


def _noise(noise: dict[str, Any]) -> RenderableType:
    table = columns("noise", "units", "accuracy", "95 % interval", right=("units", "accuracy"))
    for level in noise["levels"]:
        table.add_row(
            f"{level['sigma']:g}",
            f"{level['sigma_units']:g}",
            _percent(level["rate"]),
            f"{_percent(level['low'])} to {_percent(level['high'])}",
        )
    return table


def _headroom(layers: list[dict[str, Any]]) -> RenderableType:
    numbers = ("u bits", "v bits", "bound of u", "bound of v")
    table = columns("headroom of", *numbers, "overflow", right=numbers)
    for layer in layers:
        over = layer["u_wraps"] or layer["v_saturations"]
        table.add_row(
            layer["population"],
            f"{layer['u_bits']:.1f}",
            f"{layer['v_bits']:.1f}",
            *(_bits(layer[f"{state}_bound_bits"]) for state in "uv"),
            "seen" if over else "impossible" if layer["proven"] else "not seen",
        )
    return table


def _activity(activity: dict[str, Any]) -> RenderableType:
    numbers = ("neurons", "events", "rate")
    table = columns("activity per sample", *numbers, right=numbers)
    for layer in activity["layers"]:
        table.add_row(
            layer["name"],
            f"{layer['neurons']:,}",
            f"{layer['events']:,.1f}",
            f"{layer['rate']:.2%}",
        )
    return table


def _mppd(mppd: dict[str, Any]) -> str:
    layers = ", ".join(f"{e['population']} {e['squared']:.4g}" for e in mppd["layers"])
    return f"MPPD energy at noise {mppd['sigma']:g}, thresholds squared: {layers or 'no layer'}"


def _percent(rate: float) -> str:
    return f"{100 * rate:.1f} %"


def _bits(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1f}"
