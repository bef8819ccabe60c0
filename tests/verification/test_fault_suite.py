"""The suite fault: which faults are tried, what they do to each sample, and the sums of it."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from presentations import repeated
from rich.console import Console

import neurodeploy as nd
from neurodeploy.answers import RunChoice
from neurodeploy.cli import app
from neurodeploy.cli.failures import run as command_line
from neurodeploy.cli.verify import rendered
from neurodeploy.data.presentation import Presentation
from neurodeploy.demo import shipped_program
from neurodeploy.errors import NeurodeployError, OptionError, ProfileError
from neurodeploy.sim.faults import DeadCore, Encoding, Fault, Slice, StateFlip, WeightFlip
from neurodeploy.verification import fault_suite
from neurodeploy.verification.campaign import conduct
from neurodeploy.verification.fault_sites import Sampling, Trials, _subset, sample_size, sites
from neurodeploy.verification.suites import Flags, Subject
from neurodeploy.verification.verdicts import subject_of

STEPS = 3


def network(**fields: Any) -> nd.Program:
    """Four inputs, three hidden neurons, two classes."""
    neuron: dict[str, Any] = {"current_decay": 4096, "voltage_decay": 300, "threshold": 90}
    first = np.array([[60, -20, 0, 8], [-30, 62, 2, 0], [4, 4, -40, 50]])
    return nd.Program(
        (nd.Input("x", (4,), 4),),
        (
            nd.Population("h", (3,), nd.CubaLif(**{**neuron, **fields})),
            nd.Population("y", (2,), nd.Integrator(4096, 300)),
        ),
        (
            nd.Connection("x", "h", nd.Dense(first)),
            nd.Connection("h", "y", nd.Dense(np.array([[9, -8, 3], [-7, 9, 2]]))),
        ),
        nd.Readout("y", "v"),
    )


def samples(count: int = 12) -> Presentation:
    y = np.arange(count) % 2
    x = np.zeros((count, 4), np.int32)
    x[np.arange(count), y] = 4 + np.arange(count) % 5
    x[:, 3] = np.arange(count) % 3
    return repeated(x, y, steps=STEPS, high=15)


def subject(program: nd.Program | None = None, **choice: Any) -> Subject:
    run = RunChoice(**choice) if choice else None
    return subject_of(program or network(), samples(), name="given", run=run)


SMALL = nd.Fault(margin=0.3, draws=2)
DEFAULT = Sampling(1, Encoding(), 1, 0.1, (0.001,), (0.01,), 3)


def rows_of(program: nd.Program, sampling: Sampling = DEFAULT) -> dict[tuple[str, str], Trials]:
    found = [row for row in sites(program, STEPS, sampling) if isinstance(row, Trials)]
    return {(row.site, row.kind): row for row in found}


# --- Which faults --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "margin", "expected"),
    [(10**9, 0.05, 385), (10**9, 0.01, 9604), (1000, 0.05, 278), (1, 0.1, 1), (100, 0.5, 4)],
)
def test_the_sample_is_as_large_as_the_interval_needs(
    of: int, margin: float, expected: int
) -> None:
    assert sample_size(of, margin) == expected


@pytest.mark.parametrize(("width", "size"), [(1, 1), (7, 1), (8, 3), (5, 5)])
def test_every_set_of_bits_has_a_number(width: int, size: int) -> None:
    found = {_subset(rank, size) for rank in range(math.comb(width, size))}
    assert found == set(itertools.combinations(range(width), size))


def test_few_faults_are_all_tried_and_many_are_drawn_once_each() -> None:
    rows = rows_of(network())
    few = rows["h->y weight", "bit flip"]  # two's complement of -8 to 9: five bits
    assert few.of == len(few.injections) == 6 * 5
    expected = {WeightFlip("h->y", index, (bit,)) for index in range(6) for bit in range(5)}
    assert {fault for (fault,) in few.injections} == expected
    many = rows["h u", "bit flip"]
    assert many.of == 3 * STEPS * 24 > len(many.injections) == sample_size(216, 0.1)
    assert len(set(many.injections)) == len(many.injections)
    for (fault,), bits in zip(many.injections, many.bits, strict=True):
        assert isinstance(fault, StateFlip)
        assert fault.bits == bits
        assert fault.step < STEPS


def test_a_seed_names_the_faults_and_other_rows_do_not_move_them() -> None:
    first, again = rows_of(network()), rows_of(network())
    assert first == again
    other = rows_of(network(), replace(DEFAULT, seed=2))
    assert other["h u", "bit flip"].injections != first["h u", "bit flip"].injections
    more = rows_of(network(), replace(DEFAULT, rates=(), drops=(0.5, 0.01)))
    assert more["h u", "bit flip"] == first["h u", "bit flip"]
    assert more["x->h spikes", "dropped 0.01"] == first["x->h spikes", "dropped 0.01"]


def test_bits_of_weights_flip_at_the_rate() -> None:
    rng = np.random.default_rng(0)
    wide = nd.Program(
        (nd.Input("x", (200,)),),
        (nd.Population("y", (100,), nd.Integrator(4096, 0)),),
        (nd.Connection("x", "y", nd.Dense(rng.integers(-128, 128, (100, 200)))),),
        nd.Readout("y", "v"),
    )
    rows = rows_of(wide, replace(DEFAULT, rates=(0.0, 0.01, 1.0)))
    assert [len(draw) for draw in rows["x->y weight", "bit rate 0"].injections] == [0, 0, 0]
    assert {len(draw) for draw in rows["x->y weight", "bit rate 1"].injections} == {160_000}
    draws = rows["x->y weight", "bit rate 0.01"].injections
    assert all(1400 < len(draw) < 1800 for draw in draws)
    assert len(set(draws)) == 3


def test_words_that_the_chip_cannot_store_are_named_and_left_out() -> None:
    found = list(sites(network(voltage_decay=4096), STEPS, DEFAULT))
    assert "h voltage_decay: value 4096 has no 12-bit magnitude word" in found
    assert ("h", "voltage_decay") not in rows_of(network(voltage_decay=4096))


# --- What they do --------------------------------------------------------------------------------


def predicted(program: nd.Program, x: Any, faults: tuple[Fault, ...]) -> int:
    """The class of one sample, run alone by the reference."""
    score = nd.simulate(program, x, faults=faults, engine="reference")["y"].v.sum(axis=0)
    best = np.flatnonzero(score == score.max())
    return int(best[0]) if len(best) == 1 else -1


def test_lines_and_rows_are_what_each_fault_does_to_each_sample() -> None:
    asked, suite = subject(), SMALL
    verdict = conduct(suite, asked)
    trials, data = suite.trials(asked), asked.data.encoded().columns(slice(0, 12))
    clean = [predicted(asked.program, x, ()) for x in data]
    lines = iter(verdict.lines)
    lost: list[list[set[int]]] = [[set() for _ in one.injections] for one in trials]
    right = [0] * len(trials)
    for k, (x, label) in enumerate(zip(data, asked.data.y, strict=True)):
        for number, one in enumerate(trials):
            line = next(lines)
            answers = [predicted(asked.program, x, faults) for faults in one.injections]
            assert (line.sample, line.label, line.site, line.kind) == (
                k, label, one.site, one.kind,
            )  # fmt: skip
            assert line.clean == (clean[k] == label)
            assert line.right == answers.count(label)
            assert line.changed == len(answers) - answers.count(clean[k])
            expected = [i for i, a in enumerate(answers) if line.clean and a != label]
            assert list(line.lost) == expected
            right[number] += line.right
            for i in expected:
                lost[number][i].add(k)
    for row, one, losses, hits in zip(verdict.rows, trials, lost, right, strict=True):
        count = len(one.injections)
        assert (row.site, row.kind, row.injections) == (one.site, one.kind, count)
        assert row.critical == sum(map(bool, losses))
        assert row.rate == hits / (12 * count)
        assert row.low <= row.rate <= row.high
        assert row.critical_low <= row.critical / count <= row.critical_high
        assert (row.critical_low == row.critical_high) == (row.of == count)
        assert [fault.lost for fault in row.worst] == sorted(
            (len(own) for own in losses if own), reverse=True
        )[: fault_suite.WORST]
        for bit in row.by_bit:
            own = [losses[i] for i, bits in enumerate(one.bits) if bits == (bit.bit,)]
            assert (bit.injections, bit.critical) == (len(own), sum(map(bool, own)))
            assert bit.lost == sum(map(len, own)) / (12 * len(own))
    assert sum(row.critical for row in verdict.rows) > 10


def test_the_ranking_stands_beside_the_suites() -> None:
    found = nd.verify(network(), samples(), (SMALL,))
    ranked = found.extra["faults"]
    assert [bit.lost for bit in ranked["bits"]] == sorted(
        (bit.lost for bit in ranked["bits"]), reverse=True
    )
    assert {bit.site for bit in ranked["bits"]} >= {"x->h weight", "h threshold", "y v"}
    assert ranked["worst"][0].lost == max(fault.lost for fault in ranked["worst"])
    entry = json.loads(json.dumps(found.to_dict()))
    assert entry["suites"]["fault"]["settings"]["encoding"]["weight"] == "loihi"
    assert entry["seeds"] == {"fault": SMALL.seed}


def test_blocks_processes_and_a_resumed_run_find_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = nd.verify(network(), samples(), (SMALL,), out=tmp_path / "whole")
    monkeypatch.setattr(fault_suite, "BLOCK", 5)
    nd.verify(network(), samples(), (SMALL,), out=tmp_path / "two", jobs=2)
    journals = [tmp_path / name / "verify" / "fault.jsonl" for name in ("whole", "two")]
    text = journals[0].read_text()
    assert journals[1].read_text() == text
    journals[1].write_text(text[: len(text) // 2])
    again = nd.verify(network(), samples(), (SMALL,), out=tmp_path / "two", resume=True)
    assert journals[1].read_text() == text
    assert again.to_dict()["suites"] == whole.to_dict()["suites"]


def test_sites_may_be_chosen_and_several_bits_flip_together() -> None:
    suite = nd.Fault(only=("y bias", "h threshold"), flips=2)
    rows = conduct(suite, subject()).rows
    assert [(row.site, row.kind) for row in rows] == [
        ("h threshold", "2 bit flips"),
        ("y bias", "2 bit flips"),
    ]
    assert [row.of for row in rows] == [math.comb(17, 2), math.comb(16, 2)]
    assert rows[0].by_bit == ()


def test_a_complete_campaign_tries_every_flip_of_a_stored_word_and_nothing_else() -> None:
    suite = nd.Fault(complete=True, margin=0.5)
    rows = conduct(suite, subject()).rows
    assert {row.kind for row in rows} == {"bit flip"}
    assert all(row.injections == row.of for row in rows)
    assert {row.site for row in rows} == {
        *("x->h weight", "h->y weight"),
        *(f"h {name}" for name in ("threshold", "current_decay", "voltage_decay", "bias")),
        *(f"y {name}" for name in ("current_decay", "voltage_decay", "bias")),
    }
    assert nd.Fault.from_flags(Flags(complete=True)).complete


def test_cores_are_a_site_where_they_are_told() -> None:
    core = DeadCore((Slice("h", 0, 2),))
    asked = nd.Fault(margin=0.3, draws=2, cores=(core,), only=("cores",))
    (row,) = conduct(asked, subject()).rows
    assert (row.site, row.kind, row.injections, row.of) == ("cores", "dead", 1, 1)
    assert row.worst[0].fault == "core of h 0 to 1 dead"


def test_delays_and_messages_are_sites() -> None:
    delayed = replace(
        network(),
        connections=(
            nd.Connection("x", "h", nd.Dense(np.full((3, 4), 6), np.array([[0], [1], [2]]))),
            network().connections[1],
        ),
    )
    rows = rows_of(delayed, replace(DEFAULT, drops=(0.5,)))
    assert rows["x->h delay", "bit flip"].of == 3 * 6
    assert rows["h->y message", "bit flip"].of == 3 * STEPS
    assert rows["x->h message", "bit flip"].of == 4 * STEPS * 32
    assert {kind for site, kind in rows if site == "h->y spikes"} == {
        "dropped 0.5", "doubled 0.5", "late 0.5",
    }  # fmt: skip
    assert ("h neuron", "slow") in rows
    assert ("all weights", "bit rate 0.001") in rows


def test_a_stream_is_asked_about_its_stored_words_only() -> None:
    asked = subject(timing="pipelined")
    rows = conduct(SMALL, asked).rows
    assert {row.site for row in rows} == {
        *("x->h weight", "h->y weight", "all weights"),
        *(f"h {name}" for name in ("threshold", "current_decay", "voltage_decay", "bias")),
        *(f"y {name}" for name in ("current_decay", "voltage_decay", "bias")),
    }
    assert "one stream" in SMALL.remarks(asked, rows)[-1]
    aligned = {(row.site, row.kind): row for row in conduct(SMALL, subject()).rows}
    for row in rows:
        if row.site.endswith("weight"):
            assert row == aligned[row.site, row.kind]


# --- What is refused -----------------------------------------------------------------------------

BAD: dict[str, tuple[dict[str, Any], type[NeurodeployError]]] = {
    "fault: margin is 0, expected more than 0": ({"margin": 0}, OptionError),
    "fault: rates hold 1.5, allowed are 0 to 1": ({"rates": (0.1, 1.5)}, OptionError),
    "fault: drops hold -0.1, allowed are 0 to 1": ({"drops": (-0.1,)}, OptionError),
    "fault: flips is 0, expected 1 or more": ({"flips": 0}, OptionError),
    "fault: flips is 6, the words of h->y weight have 5 bits": ({"flips": 6}, OptionError),
    "fault: draws is 0, expected 1 or more": ({"draws": 0}, OptionError),
    "fault: no site 'z bias', there are x->h weight, h->y": ({"only": ("z bias",)}, OptionError),
    "fault: nothing of this network can break": ({"only": ()}, OptionError),
    "profile generic_45nm: states no stored encoding": ({"profile": "generic_45nm"}, ProfileError),
}


@pytest.mark.parametrize("message", BAD)
def test_what_cannot_be_asked_is_refused(message: str) -> None:
    given, error = BAD[message]
    with pytest.raises(error, match=message.replace(">", "\\>")):
        nd.verify(network(), samples(), (nd.Fault(**given),))


def test_the_command_line_refuses_a_profile_without_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nd.save(shipped_program(), str(tmp_path / "p.h5"))
    asked = ["verify", str(tmp_path / "p.h5"), "--data", "digits", "--suite", "fault"]
    assert command_line(app, [*asked, "--profile", "speck2"]) == 2
    told = capsys.readouterr().err
    assert "profile speck2: states no stored encoding of its words" in " ".join(told.split())


def test_a_terminal_shows_the_rows_and_what_breaks_most() -> None:
    console = Console(width=200, record=True)
    for part in rendered(nd.verify(network(), samples(), (SMALL,))):
        console.print(part)
    told = console.export_text()
    assert "most critical bits: " in told
    assert "stored as in profile loihi1" in told
    assert "h neuron" in told
