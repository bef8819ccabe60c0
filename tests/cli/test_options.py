"""Options come in groups; a verb that takes one of a group takes them all.

A program is read with the options of reading, run with those of a run, and shown data with those of
the data; the verbs and their groups are found in the command line itself.
"""

from __future__ import annotations

from typing import Any

import pytest
from typer.main import get_command

from neurodeploy.cli import app

COMMAND: Any = get_command(app)
VERBS = {name: {p.name: p for p in verb.params} for name, verb in COMMAND.commands.items()}
RUN = {"engine", "timing", "weights", "steps", "reset_interval", "reset_offset", "input_bits",
       "threads"}  # fmt: skip
DATA = {"part", "samples", "encoder"}
READING = {"num_layers", "skip_layers", "input_drive", "input_shape", "input_message_bits",
           "spike_exp", "read", "readout", "window", "pool"}  # fmt: skip
OWN = {
    "compare": {"engine"},  # it takes --engines
    "convert": RUN - {"reset_interval"},  # of the script for Lava
}
"""What a verb need not have of a group, and why."""


def with_arguments(*names: str) -> list[str]:
    """Return the verbs that take one of these arguments."""
    return [verb for verb, known in VERBS.items() if known.keys() & set(names)]


def whole(group: set[str], *, unless: frozenset[str] = frozenset()) -> list[str]:
    """Return the verbs that lack a part of ``group``, of those that have any of it."""
    return [
        verb
        for verb, known in VERBS.items()
        if known.keys() & (group - OWN.get(verb, set()) - unless)
        and not known.keys() >= group - OWN.get(verb, set())
    ]


def test_the_verbs_are_those_that_are_known() -> None:
    assert set(with_arguments("program")) >= {"inspect", "simulate", "compare", "verify", "energy"}
    assert set(OWN) <= set(VERBS)


@pytest.mark.parametrize("verb", with_arguments("program", "source"))
def test_every_verb_that_reads_a_program_has_every_option_of_reading(verb: str) -> None:
    assert VERBS[verb].keys() >= READING


@pytest.mark.parametrize("group", [READING, DATA], ids=["reading", "data"])
def test_a_verb_has_a_group_of_options_whole_or_not_at_all(group: set[str]) -> None:
    assert whole(group) == []


def test_a_verb_has_the_options_of_a_run_whole_or_not_at_all() -> None:
    """``--threads`` and ``--steps`` alone mean other things, such as the threads of training."""
    assert whole(RUN, unless=frozenset({"threads", "steps"})) == []


@pytest.mark.parametrize("verb", [verb for verb, known in VERBS.items() if "data" in known])
def test_every_verb_that_takes_data_takes_parts_samples_and_encoders(verb: str) -> None:
    if verb != "check":  # certificates name their samples and encoder
        assert VERBS[verb].keys() >= DATA


def test_options_of_one_name_are_spelt_and_explained_alike() -> None:
    """In every verb, but for the engines that it can run."""
    for name in RUN | DATA | READING:
        found = {
            (tuple(known[name].opts), known[name].help)
            for known in VERBS.values()
            if name in known and name not in ("engine", "reset_interval")
        }
        assert len(found) <= 1, name
