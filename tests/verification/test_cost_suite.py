"""The suite cost: what it keeps, counts and refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attack.networks import events, presented, program

import neurodeploy as nd
from neurodeploy.accuracy import predictions
from neurodeploy.answers import RunChoice
from neurodeploy.attack import Budget, Engine
from neurodeploy.attack.cost import CostAscent, CostSquare
from neurodeploy.encode import Columns, Direct, Encoder, Latency, Rate
from neurodeploy.energy import estimate_energy
from neurodeploy.errors import OptionError
from neurodeploy.report.evidence import read_evidence
from neurodeploy.report.parts import cost as part
from neurodeploy.results.cost import CaseRow
from neurodeploy.results.energy import Priced, known_ceilings
from neurodeploy.run_folder import as_record, write_json
from neurodeploy.verification.campaign import Keeping, conduct
from neurodeploy.verification.certify_suite import CertifySuite
from neurodeploy.verification.cost_suite import CostSuite, Counter
from neurodeploy.verification.suites import Subject
from neurodeploy.verification.verdicts import ask, subject_of

ENCODERS: dict[str, tuple[Encoder, tuple[int, ...], float]] = {
    "direct": (Direct(6, 16, levels=16), (9,), 48),
    "direct of fewer levels": (Direct(6, 100, levels=7), (9,), 40),
    "rate": (Rate(8, 20, seed=3), (9,), 60),
    "latency": (Latency(8, 20), (9,), 60),
    "graded columns": (Columns(6, 12), (6, 9), 3),
}


def subject(name: str = "direct", samples: int = 20, feedback: bool = False) -> Subject:
    encoder, shape, _ = ENCODERS[name]
    net = program(9, encoder.message_bits, feedback=feedback, threshold=60)
    return subject_of(net, presented(encoder, samples, shape, net), name="random")


@pytest.mark.parametrize("measure", ["synops", "spikes"])
@pytest.mark.parametrize("name", ENCODERS)
def test_kept_data_keep_their_class_and_cost_what_the_lines_say(
    tmp_path: Path, name: str, measure: str
) -> None:
    asked, eps = subject(name), ENCODERS[name][2]
    suite = CostSuite(eps=(eps,), measure=measure, strength="quick")
    found = conduct(suite, asked, keeping=Keeping(tmp_path))
    kept = np.load(tmp_path / "verify" / "cost.npz", allow_pickle=False)
    x, data = kept["x"][0].astype(np.int64), asked.data
    budget = Budget.of(data, "eps", eps)
    assert not budget.outside(data, x).any()
    assert np.array_equal(kept["clean"], data.x)
    scores, activity = Engine(asked.program, asked.recipe).counted(
        data.columns(slice(0, len(data)), x)
    )
    was, before = Engine(asked.program, asked.recipe).counted(data.columns(slice(0, len(data))))
    assert np.array_equal(predictions(scores), predictions(was))
    for row, line in enumerate(found.lines):
        assert line.spikes == {k: int(v[row]) for k, v in activity[0].spikes.items()}
        assert line.synops == {k: int(v[row]) for k, v in activity[0].synops_taps.items()}
        assert line.clean_spikes == {k: int(v[row]) for k, v in before[0].spikes.items()}
        own, clean = getattr(line, measure), getattr(line, f"clean_{measure}")
        assert sum(own.values()) >= sum(clean.values())
        assert (sum(own.values()) > sum(clean.values())) == bool(line.attack)
    (row,) = found.rows
    assert row.raised > 0.3
    for cases in (row.spikes, row.synops):
        assert all(case.mean <= case.largest <= case.attacked for case in cases)
    total = next(case for case in getattr(row, measure) if case.name == "all")
    assert total.attacked_mean > total.mean


def test_a_sample_without_a_class_is_left_alone() -> None:
    asked = subject()
    dark = replace(asked.data.split, x=np.zeros_like(asked.data.x))
    found = conduct(
        CostSuite(eps=(16,), strength="quick"), replace(asked, data=replace(asked.data, split=dark))
    )
    assert all(line.predicted == -1 and line.attack == "" for line in found.lines)
    assert found.rows[0].raised == 0


def test_gradient_and_search_each_find_more_than_random_data() -> None:
    asked = subject(samples=30)
    budget = Budget.of(asked.data, "eps", 48)
    space = budget.space(asked.data)
    counter = Counter(asked, asked.data, "synops", 1)
    coins = np.random.default_rng(3).random(space.clean.shape) < 0.5
    _, activity = counter.engine.counted(
        asked.data.columns(slice(0, 30), np.where(coins, space.high, space.low))
    )
    drawn = counter._cost(activity[0]).mean()
    for attack in (CostAscent(steps=20), CostSquare(queries=100)):
        driven = counter.driven(budget, [attack])
        assert counter._cost(driven.activity).mean() > drawn, attack.name


def test_what_is_found_is_a_function_of_the_sample_and_the_seed(tmp_path: Path) -> None:
    """Fewer samples at a time, and a run that stopped and goes on, leave the same bytes."""

    class Small(CostSuite):
        def block(self, subject: Subject) -> int:
            return 7

    asked, suite = subject(), Small(eps=(32, 48), strength="quick")
    whole = conduct(suite, asked, keeping=Keeping(tmp_path))
    path = tmp_path / "verify" / "cost.jsonl"
    written = path.read_bytes()
    assert len(whole.lines) == 40
    few = conduct(suite, replace(asked, data=asked.data.first(7)))
    assert few.lines == whole.lines[:14]
    again = conduct(suite, asked, keeping=Keeping(tmp_path, resume=True))
    assert again.lines == whole.lines and path.read_bytes() == written


def test_a_model_without_a_twin_is_searched() -> None:
    neuron = nd.ResonateFire(
        sin_decay=np.int32(300), cos_decay=np.int32(4000), threshold=np.int32(40)
    )
    net = nd.Program(
        inputs=(nd.Input("x", (4,), message_bits=5),),
        populations=(nd.Population("out", (3,), neuron),),
        connections=(
            nd.Connection("x", "out", nd.Dense(np.eye(3, 4, dtype=np.int32) * 20), port="re"),
        ),
        readout=nd.Readout("out", "s"),
    )
    data = presented(ENCODERS["direct"][0], 6, (4,), net)
    asked = subject_of(net, data, name="resonators", run=RunChoice(timing="aligned"))
    found = conduct(CostSuite(eps=(32,), strength="quick"), asked)
    assert set(found.rows[0].found_by) <= {"cost-square 50"}
    assert found.suite.remarks(asked, found.rows)[1].startswith("search only: ")


def test_energy_prices_what_was_found_between_the_samples_and_the_bounds(tmp_path: Path) -> None:
    asked = subject()
    found = ask(asked, [CostSuite(eps=(16, 48), strength="quick")])
    write_json(tmp_path / "verify.json", found.to_dict())
    ceilings = known_ceilings(tmp_path, asked.program, Priced(asked.shown, asked.recipe, 6))
    assert [one.basis for one in ceilings] == [
        f"the most that attacks within eps {eps} of 20 samples found" for eps in (16, 48)
    ]
    activity = found.activity
    for one in ceilings:
        for table, counts in ((one.spikes, activity.spikes), (one.synops, activity.synops_taps)):
            assert {
                name: int(values.max()) for name, values in counts.items()
            }.keys() == table.keys()
            assert all(counts[name].mean() <= counts[name].max() <= table[name] for name in table)
    report = estimate_energy(asked.program, activity, nd.load_profile("loihi1"), ceilings=ceilings)
    assert report.dynamic_pj is not None
    for one in report.ceilings:
        assert report.dynamic_pj.maximum.high <= one.dynamic_pj.high
        assert one.dynamic_pj.high <= report.worst_case.dynamic_pj.high


def test_no_attack_finds_more_than_certificates_bound() -> None:
    asked = subject(samples=12)
    found = ask(asked, [CostSuite(eps=(16, 32), strength="quick"), CertifySuite((16.0, 32.0))])
    bounds = found.extra["worst_case"]
    for number, row in enumerate(found["cost"].rows):
        for cases, worst in ((row.spikes, bounds["spikes"]), (row.synops, bounds["synops"])):
            within = {one.name: one.within[number] for one in worst}
            for case in cases[1:]:
                assert case.mean <= case.largest <= case.attacked <= within[case.name]


def test_the_page_shows_the_totals(tmp_path: Path) -> None:
    from report.folders import digits_program

    from neurodeploy import container
    from neurodeploy.report import build_report, write_report

    net = digits_program()
    container.write(net, tmp_path / "program.h5")
    nd.verify(net, "digits", [nd.Cost(eps=(16,), strength="quick")], samples=12, out=tmp_path)
    content = part.content(read_evidence(tmp_path))
    assert content is not None
    assert [what for what, _ in content.rows[0].totals] == ["spikes", "synaptic operations"]
    (card,) = part.cards(content)
    assert card.label == "Cost under attack" and card.value.endswith(" x")
    assert "Cost under attack" in write_report(tmp_path).read_text(encoding="utf-8")
    assert build_report(tmp_path).to_dict()["cost"]["rows"]


BAD: dict[str, tuple[Any, str]] = {
    "measure": ({"measure": "joules"}, "measure is 'joules', expected one of synops, spikes"),
    "budget": (
        {"eps": (1,)},
        "eps 1 is 0 steps of data with peak 16, the smallest that has one is 16",
    ),
    "none": ({"eps": ()}, "budgets are none, expected each once"),
    "strength": (
        {"strength": "weak"},
        "strength is 'weak', expected one of quick, standard, strong",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_settings_give_one_line(name: str) -> None:
    fields, message = BAD[name]
    with pytest.raises(OptionError) as caught:
        CostSuite(**fields).check(subject(samples=3))
    assert str(caught.value) == message


def test_streams_and_events_are_refused() -> None:
    with pytest.raises(OptionError, match=r"^cost: the samples run in one pipelined stream"):
        CostSuite().check(subject(samples=3, feedback=True))
    net = program(6, 0)
    with pytest.raises(OptionError, match=r"^cost: budgets are in eps, which binary columns have"):
        CostSuite().check(subject_of(net, events(net), name="events", run=RunChoice()))


def test_counts_that_fall_are_a_damaged_file() -> None:
    row = {"name": "all", "mean": 3.0, "largest": 2, "attacked_mean": 3.0, "attacked": 9}
    with pytest.raises(Exception, match="all falls where it should rise: mean 3, largest 2"):
        as_record(CaseRow, json.loads(json.dumps(row)), "verify.json")
