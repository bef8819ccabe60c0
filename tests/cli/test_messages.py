"""Every message of the package through the command line: it speaks of options, not of Python.

The catalogue is read from the source: each text of three words or more that is no docstring, with a
number where a value is filled in. Each is warned of and raised in a verb, as the library does.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import neurodeploy
import neurodeploy.converters
import neurodeploy.sim
from neurodeploy.cli.failures import run
from neurodeploy.cli.words import in_words_of_options, in_words_of_runs
from neurodeploy.converters.formats import reading_options, writing_options
from neurodeploy.errors import OptionError, warn

ROOMS = {
    module.__name__: Path(str(module.__file__)).parent
    for module in (neurodeploy, neurodeploy.sim, neurodeploy.converters)
}
OPTIONS = (*reading_options(), *writing_options())
SPELT = [
    name
    for name in ("reset_interval", "reset_offset", "input_bits", *(o.name for o in OPTIONS))
    if "_" in name
]
"""Options whose name in Python is another one than on the command line."""
NO_MESSAGES = (
    "neurodeploy/neuron.py",
    "neurodeploy/train/guide.py",
    "sim/step_rules.py",
    "converters/netx/script.py",
    "converters/torch_modules/",
    "sim/lava_worker.py",
)
"""Units, a page in Markdown, formulas that `compare` shows, networks in memory,
which no verb takes, and what runs in Lava's interpreter."""
ARRAYS = re.compile(r"np\.\w+\([^)]*\)(\.astype\(np\.\w+\))?|\w+\.(astype|argmax)\([^)]*\)")
"""Arrays are made in numpy, whatever reads them: its expressions are the way out."""
PYTHON = (
    re.compile(r"(?<![\w:,-])[a-z_]+=['\"\w(\[]"),
    re.compile(r"[a-z_]\((['\"][\w ]*['\"])?\)|[a-z_]\(\w+=|[a-z_]\([a-z_]+\)"),
    re.compile(r"\b(nd|np|torch)\.\w|\b(None|True|False|self)\b|`"),
    re.compile(rf"\b({'|'.join(SPELT)})\b"),
)
PYTHON_ONLY = {
    "steps is 7, expected a whole number, 1 or more, or None": "of neurodeploy.bounds",
    "reset_offset is None, expected a whole number": "no option left out is None",
    "7 of 7 was not recorded, only 7; ask for it with record=(7,)": "of a Trace",
    "take it in parts, with blocks(), or record less": "of an array of a Trace",
    "engine 'lava': a stream cannot be continued": "of a Simulator",
    "trace holds no spikes of 7": "of core_counts, which takes a Trace",
    "profile is 7, expected a ChipProfile; give load_profile(7)": "profiles are names there",
    "spiking=False, as readout.kind": "of layers that users put together",
}
"""Beginnings of messages that no verb can cause, and of what they are."""


def catalogue() -> Iterator[tuple[str, str]]:
    """Yield (file, text) of every message."""
    for name, root in ROOMS.items():
        for path in sorted(root.rglob("*.py")):
            file = f"{name.rpartition('.')[2]}/{path.relative_to(root)}"
            if not file.startswith(NO_MESSAGES):
                yield from ((file, text) for text in texts(ast.parse(path.read_text("utf-8"))))


def texts(tree: ast.AST) -> Iterator[str]:
    """Yield the texts of a module that are no docstrings and no parts of another."""
    inside = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in ast.walk(node) if part is not node}
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inside.add(id(node.value))
    for node in ast.walk(tree):
        text = "" if id(node) in inside else filled(node)
        if text.strip().count(" ") >= 2:
            yield text


def filled(node: ast.AST) -> str:
    """Return the text of a string, with 7 for each value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            part.value if isinstance(part, ast.Constant) else "7" for part in node.values
        )
    return ""


MESSAGES = [(file, text) for file, text in catalogue() if not text.startswith(tuple(PYTHON_ONLY))]


def test_the_catalogue_is_whole() -> None:
    found = {text for _, text in catalogue()}
    assert len(found) > 1000
    assert "steps is 7, a sample needs 1 or more" in found
    for beginning in PYTHON_ONLY:
        assert any(text.startswith(beginning) for text in found), beginning


@pytest.mark.parametrize("room", sorted({file.split("/")[0] for file, _ in MESSAGES}))
def test_no_message_speaks_python(room: str, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = []
    for file, text in MESSAGES:
        if file.split("/")[0] == room:
            code = run(verbs(text, of_a_file=room == "converters"), ["attempt"])
            said = ARRAYS.sub("", capsys.readouterr().err)
            assert code == 2
            wrong += [f"{file}: {said}" for form in PYTHON if form.search(said)]
    assert not wrong, "\n".join(wrong)


def verbs(text: str, of_a_file: bool) -> typer.Typer:
    """Return a command line with a verb that warns with ``text``, then fails with it."""
    app = typer.Typer()

    def attempt() -> None:
        if of_a_file:
            with in_words_of_options(OPTIONS):
                fail()
        fail()

    def fail() -> None:
        warn(text)
        raise OptionError(text)

    def other() -> None:
        """A second verb: with one alone, typer makes it no verb."""

    for verb in (attempt, other):
        app.command()(verb)
    return app


WORDS = {
    "reset_offset=1": "--reset-offset 1",
    "timing='pipelined'": "--timing pipelined",
    "use timing 'pipelined'": "use --timing pipelined",
    "steps is 0, a sample needs 1 or more": "--steps is 0, a sample needs 1 or more",
    "record: no variable 'w'": "--record: no variable 'w'",
    "reset_interval has no effect": "--reset-interval has no effect",
    "give one, such as rate:steps=16,seed=1": "give one, such as rate:steps=16,seed=1",
    "loss.steps is 3": "loss.steps is 3",
    "a.toml: steps is 3": "a.toml: steps is 3",
    "runs/input_bits/a.h5: is empty": "runs/input_bits/a.h5: is empty",
}


@pytest.mark.parametrize("message", WORDS)
def test_options_of_a_run_are_named_as_flags(message: str) -> Any:
    assert in_words_of_runs(message) == WORDS[message]
