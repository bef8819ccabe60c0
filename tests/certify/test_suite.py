"""The suite: rows, lines, refusals, any number of processes, going on after a stop."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from presentations import given_columns, repeated

import neurodeploy as nd
from neurodeploy.answers import RunChoice
from neurodeploy.certificates.file import read
from neurodeploy.cli import app
from neurodeploy.cli.failures import run
from neurodeploy.encode import Rate
from neurodeploy.errors import NeurodeployError
from neurodeploy.verification.campaign import Keeping, Spread, conduct
from neurodeploy.verification.certify_suite import BLOCK, CertifyRow, CertifySuite, sentence
from neurodeploy.verification.suites import Subject
from neurodeploy.verification.verdicts import subject_of

STEPS, PEAK, SIZE = 3, 15, 12
EPS = (17.0, 34.0, 60.0)


def program(**fields: Any) -> nd.Program:
    """Return a network with room for certificates: the class is the third with most light."""
    rng = np.random.default_rng(5)
    first = np.kron(np.eye(3, dtype=np.int32), np.ones((4, 4), np.int32)) * 10
    first = first + 2 * rng.integers(-1, 2, first.shape).astype(np.int32)
    last = np.kron(np.eye(3, dtype=np.int32), np.ones((1, 4), np.int32)) * 20
    hidden = nd.CubaLif(
        current_decay=4096, voltage_decay=512, threshold=rng.integers(200, 900, 12).astype(np.int32)
    )
    parts: dict[str, Any] = {
        "inputs": (nd.Input("x", (SIZE,), 4),),
        "populations": (
            nd.Population("hidden", (12,), hidden),
            nd.Population("out", (3,), nd.Integrator(4096, 0)),
        ),
        "connections": (
            nd.Connection("x", "hidden", nd.Dense(first.astype(np.int32))),
            nd.Connection("hidden", "out", nd.Dense(last)),
        ),
        "readout": nd.Readout("out", "v"),
        "metadata": {},
    }
    return nd.Program(**{**parts, **fields})


def subject(count: int = 30) -> Subject:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, count)
    x = rng.integers(0, 6, (count, SIZE))
    x += np.repeat(np.eye(3, dtype=int)[y] * 8, 4, axis=1)
    return subject_of(program(), repeated(x, y, steps=STEPS, high=PEAK), name="light")


def test_rows_are_the_shares_of_the_lines(tmp_path: Path) -> None:
    asked = subject()
    found = conduct(CertifySuite(EPS), asked, keeping=Keeping(tmp_path))
    lines = [json.loads(t) for t in (tmp_path / "verify/certify.jsonl").read_text().splitlines()]
    head, *lines = lines
    assert head["settings"]["eps"] == list(EPS)
    assert [(line["sample"], line["eps"]) for line in lines] == [
        (sample, eps) for sample in range(30) for eps in EPS
    ]
    for row in found.rows:
        own = [line for line in lines if line["eps"] == row.eps]
        for name in ("certified", "falsified", "open"):
            assert getattr(row, name) == sum(line["verdict"] == name for line in own) / row.n
        for name, share in row.by_method.items():
            assert share == sum(line["method"] == name for line in own) / row.n
        assert row.certified + row.falsified + row.open == pytest.approx(1)
    shares = [row.certified for row in found.rows]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.5 > shares[-1]
    assert [row.steps for row in found.rows] == [1, 2, 3]


def test_a_sample_that_is_wrong_when_clean_is_falsified_by_itself(tmp_path: Path) -> None:
    asked = subject(10)
    wrong = replace(asked.data.split, y=(asked.data.y + 1) % 3)
    other = replace(asked, data=replace(asked.data, split=wrong))
    found = conduct(CertifySuite(EPS), other, keeping=Keeping(tmp_path))
    assert {line.verdict for line in found.lines} == {"falsified"}
    assert not any(line.clean for line in found.lines)
    claims = read(tmp_path / "verify" / "certificates.h5")
    assert (claims.counter[claims.counter_at] == other.data.x[:, None]).all()


def test_a_sentence_says_what_is_proved() -> None:
    row = CertifyRow(16.0, 1, 0.9, 0.75, 0.2, 0.05, 1200, {})
    assert sentence((row,)) == (
        "certified 75.0% at 16/255 (open 5.0%) of 1,200 samples, proved on the integers"
    )


def test_a_tie_is_no_right_answer() -> None:
    silent = program(
        connections=(
            nd.Connection("x", "hidden", nd.Dense(np.full((12, SIZE), -2, np.int32))),
            nd.Connection("hidden", "out", nd.Dense(np.full((3, 12), 2, np.int32))),
        )
    )
    data = repeated(np.full((1, SIZE), 3), [0], steps=STEPS, high=PEAK)
    found = conduct(CertifySuite(EPS), subject_of(silent, data, name="dark"))
    assert [row.falsified for row in found.rows] == [1.0] * 3


def test_files_do_not_depend_on_the_processes_or_on_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neurodeploy.verification.certify_suite.BLOCK", 7)
    asked, suite = subject(), CertifySuite(EPS)
    names = ("certify.jsonl", "certificates.h5")
    conduct(suite, asked, keeping=Keeping(tmp_path / "one"))
    expected = [(tmp_path / "one" / "verify" / name).read_bytes() for name in names]
    conduct(suite, asked, keeping=Keeping(tmp_path / "two"), spread=Spread(jobs=2))

    def stop(_: str, done: int, __: int) -> None:
        if done == 14:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        conduct(suite, asked, keeping=Keeping(tmp_path / "three"), report=stop)
    conduct(suite, asked, keeping=Keeping(tmp_path / "three", resume=True))
    for folder in ("two", "three"):
        assert [(tmp_path / folder / "verify" / name).read_bytes() for name in names] == expected
    assert BLOCK != 7


BAD: dict[str, Any] = {
    "eps 4 is 0 steps of data with peak 15, the smallest that has one is 17": {"eps": (4,)},
    "eps 300 is 17 steps, data of 0 to 15 allow 1 to 15": {"eps": (300,)},
    "eps is -1, expected a positive number of 1/255 of the peak": {"eps": (-1,)},
    "certify: eps is empty, expected budgets in 1/255 of the peak": {"eps": ()},
    "certify: limit is -1, expected 0 or more": {"limit": -1},
    "certify: the samples follow one another in one pipelined stream, where an answer depends on "
    "other samples, and certificates speak of single ones; feed-forward without delays and biases: "
    "aligned and pipelined agree, each population from its own first data column on": {
        "run": RunChoice(timing="pipelined")
    },
    "certify: reset interval is 2, certificates speak of samples that run from rest without one": {
        "run": RunChoice(timing="aligned", reset_interval=2)
    },
}


@pytest.mark.parametrize("message", BAD)
def test_bad_settings_give_one_line(message: str) -> None:
    settings = dict(BAD[message])
    asked = subject(3)
    choice = settings.pop("run", None)
    asked = subject_of(asked.program, asked.data, name="light", run=choice)
    with pytest.raises(NeurodeployError) as error:
        conduct(CertifySuite(**{"eps": EPS, **settings}), asked)
    assert str(error.value) == message


def test_binary_columns_have_no_budget() -> None:
    binary = program(inputs=(nd.Input("x", (SIZE,), 0),))
    data = replace(given_columns(np.ones((2, STEPS, SIZE), np.int32), peak=1), graded=False)
    with pytest.raises(NeurodeployError) as error:
        conduct(CertifySuite(EPS), subject_of(binary, data, name="events"))
    assert str(error.value) == (
        "eps 17: the data are binary columns, whose budget is a number of flips or a shift in steps"
    )


def test_a_seed_is_part_of_what_is_said() -> None:
    asked = subject(2)
    encoder = Rate(steps=STEPS, peak=PEAK, seed=77)
    data = replace(asked.data, encoder=encoder, graded=False)
    seeded = subject_of(program(inputs=(nd.Input("x", (SIZE,), 0),)), data, name="light")
    suite = CertifySuite((17.0,))
    rows = conduct(suite, seeded).rows
    assert suite.remarks(seeded, rows) == (
        "certified: no datum within the budget changes the answer of the integer network, for the "
        "spikes that encoder rate draws with seed 77",
    )


def test_certificates_are_written_checked_and_refused(tmp_path: Path, capsys: Any) -> None:
    asked = subject(20)
    metadata = asked.data.encoder.metadata()
    network, other = program(metadata=metadata), program(readout=nd.Readout("out", "v", window=1))
    nd.save(network, str(tmp_path / "p.h5"))
    nd.save(other, str(tmp_path / "other.h5"))
    np.savez(tmp_path / "d.npz", x=asked.data.x, y=asked.data.y)
    np.savez(tmp_path / "e.npz", x=np.roll(asked.data.x, 1, axis=1), y=asked.data.y)
    words = ["--part", "all", "--suite", "certify", "--eps", "17,34"]
    data, out = str(tmp_path / "d.npz"), str(tmp_path / "run")
    assert run(app, ["verify", str(tmp_path / "p.h5"), "--data", data, *words, "--out", out]) == 0
    assert "certified" in capsys.readouterr().out
    file = str(tmp_path / "run" / "verify" / "certificates.h5")
    assert run(app, ["check", file, str(tmp_path / "p.h5"), "--data", data]) == 0
    assert capsys.readouterr().out.startswith("all claims hold: ")
    assert run(app, ["check", file, str(tmp_path / "p.h5"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["holds"] is True
    assert run(app, ["check", file, str(tmp_path / "other.h5")]) == 2
    assert "certificates are of program " in capsys.readouterr().err
    wrong = ["check", file, str(tmp_path / "p.h5"), "--data", str(tmp_path / "e.npz")]
    assert run(app, wrong) == 2
    assert "is not the one that a certificate speaks of" in capsys.readouterr().err
    (tmp_path / "cut.h5").write_bytes(Path(file).read_bytes()[:-100])
    assert run(app, ["check", str(tmp_path / "cut.h5"), str(tmp_path / "p.h5")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_false_claim_ends_with_1(tmp_path: Path, capsys: Any) -> None:
    from neurodeploy.certify.store import write

    asked = subject(5)
    conduct(CertifySuite((17.0,)), asked, keeping=Keeping(tmp_path))
    claims = read(tmp_path / "verify" / "certificates.h5")
    write(replace(claims, margin=claims.margin + 1), tmp_path / "false.h5")
    nd.save(asked.program, str(tmp_path / "p.h5"))
    assert run(app, ["check", str(tmp_path / "false.h5"), str(tmp_path / "p.h5")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("sample 0, 1 steps: certified with margin ")
    assert lines[-1].startswith("5 claims do not hold, of ")
