"""Writing a NetX file and the script that runs it in Lava.

Source: the keys, types and axis orders are those that lava-dl 0.6.0 slayer exports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from neurodeploy.atomic import replacing
from neurodeploy.converters import written
from neurodeploy.converters.netx import remarks
from neurodeploy.converters.netx.blocks import Block, blocks, weight_of
from neurodeploy.converters.netx.hazards import hazards
from neurodeploy.converters.netx.image import averaged, image
from neurodeploy.converters.netx.options import SPIKE_EXP, LoadOptions
from neurodeploy.converters.netx.reader import read_quietly
from neurodeploy.converters.netx.repair import repair as repaired
from neurodeploy.converters.netx.script import Recipe, recipe, script, script_path
from neurodeploy.converters.netx.write_rules import spike_exponents, violations
from neurodeploy.errors import ExportError, OptionError, located, warn
from neurodeploy.program import Program

REPAIRS = ("none", "nearest")
SHOWN_REPAIRS = 5
REREAD = {"source_format", "source_file", "input_weight", "input_bias"}
"""Metadata that reading the file gives again."""


@dataclass(frozen=True)
class Written(written.Written):
    """A NetX file and its run script.

    script : path of the run script. recipe : how Lava must be called. repairs : weights that differ
    from the Program.
    """

    script: Path
    recipe: Recipe
    repairs: tuple[str, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        return (f"{self.script}: runs it in Lava", *self.notes)


def write(
    program: Program,
    path: Path | str,
    *,
    reset_interval: int | None = None,
    repair: str = "none",
) -> Written:
    """Write ``program`` as NetX, and beside it ``<stem>_run.py``, which runs it in Lava.

    reset_interval : steps of a sample when samples follow each other, for the run script.
    repair : ``"nearest"`` changes the weights of a dense layer that Lava's conditioning would
        damage by as little as possible, and warns; ``"none"`` refuses them.

    Both files appear whole or not at all. Warns with NeurodeployWarning of what may surprise.

    Raises ExportError with everything that NetX or Lava cannot carry, and when a file cannot be
    written; OptionError for an argument that is not allowed.
    """
    path = Path(path)
    _check_options(reset_interval, repair)
    with located(str(path)):
        chain = blocks(program)
        repairs: tuple[str, ...] = ()
        if repair == "nearest":
            chain, repairs = _repair(chain)
        if found := violations(chain, program.inputs[0].message_bits):
            raise ExportError("; ".join(found))
        exponents = spike_exponents(block.population for block in chain) or {SPIKE_EXP}
        how = recipe(program, chain, exponents.pop(), reset_interval)
        drive = "bias" if how.drive == "bias" else "current"
        network = image(program, chain, remarks.of(program, drive, how.spike_exp, REREAD))
        try:
            digest = _replace(path, network, program, chain, how)
        except OSError as error:
            raise ExportError(f"cannot be written: {error.strerror or error}") from error
    for line in (*repairs, *hazards(chain, reset_interval), *_unsaid(how)):
        warn(f"{path}: {line}")
    return Written(path, digest, _notes(program, chain), script_path(path), how, repairs)


def _check_options(reset_interval: object, repair: object) -> None:
    if reset_interval is not None and (
        isinstance(reset_interval, bool) or not isinstance(reset_interval, int)
    ):
        raise OptionError(f"reset_interval is {reset_interval!r}, expected a whole number")
    if isinstance(reset_interval, int) and reset_interval < 1:
        raise OptionError(f"reset_interval is {reset_interval}, expected 1 or more")
    if repair not in REPAIRS:
        raise OptionError(f"repair is {repair!r}, expected one of {', '.join(REPAIRS)}")


def _repair(chain: Sequence[Block]) -> tuple[tuple[Block, ...], tuple[str, ...]]:
    """Mend the weights that conditioning would change; what cannot be mended stays as it is."""
    result, texts = [], []
    for block in chain:
        weights = []
        for group in block.conditioned:
            matrices = [weight_of(connection) for connection in group]
            mended = repaired(matrices) if any(weight.any() for weight in matrices) else None
            weights += matrices if mended is None else mended[0]
            if mended is not None and mended[1]:
                shown = ", ".join(
                    f"{list(r.at)} from {r.before} to {r.after}" for r in mended[1][:SHOWN_REPAIRS]
                )
                more = ", ..." if len(mended[1]) > SHOWN_REPAIRS else ""
                count = f"{len(mended[1])} weight{'s' if len(mended[1]) > 1 else ''} changed"
                texts.append(f"{block.where}: {count}: {shown}{more}")
        result.append(block.with_weights(weights) if weights else block)
    return tuple(result), tuple(texts)


def _replace(
    path: Path, network: bytes, program: Program, chain: tuple[Block, ...], how: Recipe
) -> str:
    """Put both files in place, neither before both are on the disk; return the digest as read."""
    with replacing(path) as file:
        file.write(network)
        file.flush()
        digest = read_quietly(Path(file.name), LoadOptions())[0].digest
        text = script(path, program.inputs[0], chain, digest, how)
        with replacing(script_path(path)) as other:
            other.write(text.encode())
    return digest


def _unsaid(how: Recipe) -> list[str]:
    """What a user who does not take the run script must tell Lava."""
    found = []
    if how.message_bits and how.drive == "synapse":
        found.append(
            f"NetX cannot carry message_bits {how.message_bits}: give Lava "
            f"input_message_bits={how.message_bits}, as the run script does"
        )
    if how.spike_exp != SPIKE_EXP:
        found.append(
            f"NetX cannot carry spike_exp {how.spike_exp}: give Lava spike_exp={how.spike_exp}, as "
            "the run script does"
        )
    if how.drive == "bias":
        found.append(
            "NetX cannot say that the input drives the bias: "
            "set bias_mant of the input block in Lava, as the run script does"
        )
    return found


def _notes(program: Program, chain: Sequence[Block]) -> tuple[str, ...]:
    notes = []
    names = [program.inputs[0].name, *program.names]
    if names != ["input", *(f"layer{k}" for k in range(len(chain)))]:
        notes.append(f"names are lost: {', '.join(names)} read back as input, layer0, ...")
    if averaged(program, chain):
        notes.append(
            f"the read-out in groups of {program.readout.pool} is written as a layer 'average', "
            "which netx does not know: give it num_layers, as the run script does"
        )
    return tuple(notes)
