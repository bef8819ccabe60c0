"""``neurodeploy map``: does a network fit a chip, why not, and what would make it fit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neurodeploy.cli import failures
from neurodeploy.cli.chips import Profiles, chosen_profiles
from neurodeploy.cli.datasets import DataFlags, presented, takes_data
from neurodeploy.cli.options import AsJson, JudgingEngine, ProgramFile
from neurodeploy.cli.output import console, print_json
from neurodeploy.cli.reading import Reading, reads_program
from neurodeploy.cli.run_flags import RunFlags, runs_program
from neurodeploy.data import DATA_HELP
from neurodeploy.errors import OptionError, ProfileError

if TYPE_CHECKING:
    from neurodeploy.mapping import MapReport
    from neurodeploy.profile import ChipProfile
    from neurodeploy.program import Program

MapData = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="D",
        help=f"Measure what repairs cost, and count input events. {DATA_HELP}",
    ),
]
Repairing = Annotated[
    bool, typer.Option("--repair", help="Write the program that fits to --out; one profile.")
]
Written = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Where --repair writes, .h5, .net or .nir."),
]
Only = Annotated[str | None, typer.Option("--only", metavar="R,..", help="Check these rules only.")]
Period = Annotated[
    float | None,
    typer.Option(metavar="US", help="A new input comes every so many us: is it done in time?"),
]


@reads_program
@runs_program
@takes_data
def map_(
    program: ProgramFile,
    profile: Profiles,
    data: MapData = None,
    repair: Repairing = False,
    out: Written = None,
    only: Only = None,
    period_us: Period = None,
    engine: JudgingEngine = "native",
    json: AsJson = False,
    *,
    taken: DataFlags,
    flags: RunFlags,
    reading: Reading,
) -> int:
    """Say whether a network fits a chip, why not, what would make it fit, and on how many cores.

    Several profiles are shown side by side. Exit code 1 where it does not fit or is too slow for
    --period-us, with --repair where no repair makes it fit.
    """
    from neurodeploy.mapping import map_program

    chips = chosen_profiles(profile)
    _check(chips, repair, out, data, taken)
    chips, left_out = _usable(chips)
    network = reading.program(program)
    samples = None if data is None else presented(network, data, taken, flags.input_bits)
    rules = None if only is None else [name.strip() for name in only.split(",") if name.strip()]
    entries = [
        map_program(
            network,
            chip,
            None if samples is None else samples.data,
            rules=rules,
            period_us=period_us,
            shown=None if samples is None else samples.shown,
            choice=flags.choice(engine),
        )
        for chip in chips
    ]
    if json:
        print_json({**content(program, network, entries), "left_out": left_out})
    else:
        _show(network, entries, left_out)
    if repair and out is not None:
        return _write(entries[0], out, quiet=json)
    return failures.GOOD if all(_good(entry) for entry in entries) else failures.NO


def _good(entry: MapReport) -> bool:
    """Whether a program fits, and is not known to be too slow."""
    return entry.fits and (entry.real_time is None or entry.real_time.verdict != "no")


def _usable(chips: list[ChipProfile]) -> tuple[list[ChipProfile], list[str]]:
    """Return the profiles that can be mapped to, and why others cannot; one alone must."""
    from neurodeploy.mapping import check_can_map

    kept, left_out = [], []
    for chip in chips:
        try:
            check_can_map(chip)
            kept.append(chip)
        except ProfileError as error:
            if len(chips) == 1:
                raise
            left_out.append(str(error))
    return kept, left_out


def _check(
    chips: list[ChipProfile],
    repair: bool,
    out: Path | None,
    data: str | None,
    taken: DataFlags,
) -> None:
    """Raise OptionError for options that do not go together."""
    if repair != (out is not None):
        raise OptionError("--repair and --out FILE go together")
    if repair and len(chips) != 1:
        raise OptionError(f"--repair mends for one profile, {len(chips)} are given")
    if data is None and taken != DataFlags():
        raise OptionError("--part, --samples and --encoder go with --data")


def content(path: Path, network: Program, entries: list[MapReport]) -> dict[str, Any]:
    """Return what --json prints."""
    return {
        "file": str(path),
        "digest": network.digest,
        "profiles": [entry.to_dict() for entry in entries],
    }


def _show(network: Program, entries: list[MapReport], others: list[str]) -> None:
    from neurodeploy.mapping.table import rendered, side_by_side

    screen = console()
    if len(entries) == 1:
        screen.print(rendered(network, entries[0]))
    else:
        screen.print(side_by_side(network, entries))
    for reason in others:
        screen.print(f"left out: {reason}")


def _write(entry: MapReport, out: Path, quiet: bool) -> int:
    """Write the repaired program where it fits; say so."""
    from neurodeploy.converters import save

    if not entry.fits_repaired:
        if not quiet:
            print(f"{out}: not written, no repair makes the program fit {entry.profile}")
        return failures.NO
    save(entry.repaired.program, out)
    if not quiet:
        print(f"{out}: written, digest {entry.repaired.program.digest}")
    return failures.GOOD
