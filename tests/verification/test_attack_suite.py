"""The suite attack: what it keeps, that it can be interrupted, and what it refuses."""

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
from neurodeploy.answers import Runner
from neurodeploy.attack import Attack, Field
from neurodeploy.attack.gradient import Fgsm, Pgd
from neurodeploy.attack.search import Noise, Square
from neurodeploy.data import Presentation, Split
from neurodeploy.encode import Direct, Rate
from neurodeploy.errors import EngineError, OptionError
from neurodeploy.verification import attack_suite, contest, grader, gradients
from neurodeploy.verification.attack_suite import AttackSuite
from neurodeploy.verification.campaign import Keeping, Spread, conduct
from neurodeploy.verification.suites import Flags, Subject
from neurodeploy.verification.verdicts import chosen, subject_of

ENCODER = Direct(6, 16, levels=16)
EPS = (32, 64)
METHODS: tuple[Attack, ...] = (
    Fgsm(),
    Pgd("margin", steps=5),
    Square(queries=20),
    Noise(),
)


def subject(samples: int = 30, feedback: bool = False, wrong: int = 2) -> Subject:
    """Return random data of which the first ``wrong`` samples are answered wrongly."""
    net = program(9, ENCODER.message_bits, feedback=feedback, threshold=60)
    data = presented(ENCODER, samples, (9,), net)
    y = data.y.copy()
    y[:wrong] = (y[:wrong] + 1) % 3
    data = replace(data, split=replace(data.split, y=y))
    return subject_of(net, data, name="random")


def answers(asked: Subject, x: Any) -> Any:
    """Return the answers to the data ``x``, each sample as the recipe says."""

    class Changed:
        def __len__(self) -> int:
            return len(x)

        def columns(self, rows: slice) -> Any:
            return asked.data.columns(rows, x[rows])

    pieces = Runner(asked.program, asked.recipe).run(Changed())
    return predictions(np.concatenate([piece.scores for piece in pieces]))


@pytest.mark.parametrize("feedback", [False, True], ids=["aligned", "stream"])
@pytest.mark.parametrize("strength", ["quick", "standard"])
def test_kept_data_give_the_verdicts_of_the_lines(
    tmp_path: Path, feedback: bool, strength: str
) -> None:
    asked = subject(12 if strength == "standard" else 30, feedback)
    assert asked.recipe.streamed == feedback
    suite = AttackSuite(eps=EPS, strength=strength)
    found = conduct(suite, asked, keeping=Keeping(tmp_path))
    kept = np.load(tmp_path / "verify" / "attack.npz", allow_pickle=False)
    count = len(asked.data)
    assert kept["x"].shape == (2, count, 9) and kept["x"].dtype == np.uint8
    assert np.array_equal(kept["sample"], asked.data.index)
    assert np.array_equal(kept["y"], asked.data.y)
    assert kept["eps"].tolist() == list(EPS)
    for number, row in enumerate(found.rows):
        lines = found.lines[number::2]
        robust = np.array([line.robust for line in lines])
        assert np.array_equal(kept["robust"][number], robust)
        right = answers(asked, kept["x"][number]) == asked.data.y
        clean = answers(asked, asked.data.x) == asked.data.y
        assert np.array_equal(robust, right & clean)
        assert [line.clean for line in lines] == clean.tolist()
        assert np.abs(kept["x"][number].astype(int) - asked.data.x).max() <= row.steps
        assert kept["x"][number].max() <= 16
        assert row.robust == robust.mean() and row.clean == clean.mean()
        assert row.low - 1e-9 <= row.robust <= row.high and row.n == count
        assert sum(row.fell_to.values()) <= (clean & ~robust).sum() + (0 if not feedback else count)
        assert set(row.by_attack) == set(lines[0].by_attack)
    assert found.rows[1].robust <= found.rows[0].robust < 1


def test_samples_wrong_when_clean_are_not_robust_and_keep_their_data(tmp_path: Path) -> None:
    asked = subject(10, wrong=4)
    found = conduct(AttackSuite(eps=(32,), attacks=METHODS), asked, keeping=Keeping(tmp_path))
    kept = np.load(tmp_path / "verify" / "attack.npz")
    assert not any(line.robust or line.clean for line in found.lines[:4])
    assert not any(any(line.by_attack.values()) for line in found.lines[:4])
    assert np.array_equal(kept["x"][0, :4], asked.data.x[:4])


def test_results_do_not_depend_on_processes_or_interruptions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = subject(24)
    monkeypatch.setattr(attack_suite, "LOOKED", 10)
    suite = _Blocks(eps=EPS, attacks=METHODS)
    conduct(suite, asked, keeping=Keeping(tmp_path / "once"))
    wanted = (tmp_path / "once" / "verify" / "attack.jsonl").read_bytes()
    assert b'"by_attack": {}' in wanted
    with pytest.raises(KeyboardInterrupt):
        conduct(replace(suite, stop=16), asked, keeping=Keeping(tmp_path / "twice"))
    path = tmp_path / "twice" / "verify" / "attack.jsonl"
    assert 1 < len(path.read_bytes().splitlines()) < len(wanted.splitlines())
    conduct(suite, asked, keeping=Keeping(tmp_path / "twice", resume=True))
    assert path.read_bytes() == wanted
    once, twice = (
        np.load(tmp_path / name / "verify" / "attack.npz")["x"] for name in ("once", "twice")
    )
    assert np.array_equal(once, twice)


def test_more_processes_give_the_same_file(tmp_path: Path) -> None:
    asked = subject(130)
    suite = AttackSuite(eps=(32,), attacks=METHODS)
    for name, jobs in (("one", 1), ("two", 2)):
        conduct(suite, asked, keeping=Keeping(tmp_path / name), spread=Spread(jobs))
    one, two = ((tmp_path / name / "verify" / "attack.jsonl") for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


class _Blocks(AttackSuite):
    """Blocks of eight samples; interrupted before the block that begins at ``stop``."""

    stop: int | None = None

    def __init__(self, stop: int | None = None, **fields: Any) -> None:
        super().__init__(**fields)
        object.__setattr__(self, "stop", stop)

    def settings(self) -> dict[str, Any]:
        return AttackSuite.settings(self)

    def block(self, subject: Subject) -> int:
        return 8

    def work(self, subject: Subject, rows: slice) -> Any:
        if rows.start == self.stop:
            raise KeyboardInterrupt
        return super().work(subject, rows)


def test_by_attack_drops_nothing_and_robust_is_the_worst_case() -> None:
    found = conduct(AttackSuite(eps=(48,), attacks=METHODS), subject(40))
    row, lines = found.rows[0], found.lines
    for name, rate in row.by_attack.items():
        assert rate == np.mean([line.by_attack[name] for line in lines])
    assert row.robust == np.mean([all(line.by_attack.values()) for line in lines])
    assert row.looked == 40 and set(row.by_attack) == {a.name for a in METHODS[:3]}
    names = [sign.name for sign in row.masking]
    assert names == [
        "training surrogate against ensemble",
        "single step against iterated",
        "black box against white box",
        "random noise against attacks",
        "budget that must reach 0",
    ]


def test_events_are_attacked_in_events(tmp_path: Path) -> None:
    net = program(6, 0, threshold=40)
    asked = subject_of(net, events(net), name="events")
    suite = AttackSuite(flips=(2,), shifts=(1, 3), strength="quick")
    found = conduct(suite, asked, keeping=Keeping(tmp_path))
    assert [(row.unit, row.eps) for row in found.rows] == [("flips", 2), ("shift", 1), ("shift", 3)]
    kept = np.load(tmp_path / "verify" / "attack.npz")
    assert kept["unit"].tolist() == ["flips", "shift", "shift"]
    assert (np.abs(kept["x"][0].astype(int) - asked.data.x).sum((1, 2)) <= 2).all()


def test_without_gradients_only_searches_run_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gradients, "torch_is_here", lambda: False)
    gradients.gradients_missing.cache_clear()
    asked = subject(10)
    try:
        found = conduct(AttackSuite(eps=(32,), strength="quick"), asked)
        assert list(found.rows[0].by_attack) == ["square 50"]
        (_, said) = found.suite.remarks(asked, found.rows)
        assert said == (
            "black box only: gradients need torch, which is not installed; "
            "pip install 'neurodeploy[train]'"
        )
        with pytest.raises(OptionError, match="attack pgd-20 ce fast_sigmoid: needs a gradient: "):
            AttackSuite(eps=(32,), attacks=(Pgd(),)).check(asked)
    finally:
        gradients.gradients_missing.cache_clear()


def test_a_random_encoder_is_attacked_over_its_draws() -> None:
    encoder = Rate(8, 20, seed=3)
    net = program(9, 0, threshold=60)
    asked = subject_of(net, presented(encoder, 8, (9,), net), name="rates")
    suite = AttackSuite(eps=(60,), strength="standard")
    (budget,) = suite.budgets(asked.data)
    assert "pgd-30 ce hart eot4" in [method.name for method in suite.methods(asked, budget)]
    assert conduct(suite, asked).rows[0].robust < 1


class _Cheat(Attack):
    """Leaves its budget."""

    kind = "cheat"

    def run(self, field: Field) -> Any:
        return field.space.clean + 5


def test_an_attack_that_leaves_its_budget_is_found_out() -> None:
    with pytest.raises(EngineError, match="attack cheat: data of sample 9 left the budget eps 32"):
        conduct(AttackSuite(eps=(32,), attacks=(_Cheat(),)), subject(4))


def rate_program() -> Subject:
    """Return a network of resonators, which has no twin."""
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
    return subject_of(net, presented(ENCODER, 6, (4,), net), name="resonators")


def test_a_model_without_a_twin_is_searched() -> None:
    asked = rate_program()
    found = conduct(AttackSuite(eps=(32,), strength="quick"), asked)
    assert list(found.rows[0].by_attack) == ["square 50"]
    assert "ResonateFire" in found.suite.remarks(asked, found.rows)[1]


BAD: dict[str, tuple[Any, str]] = {
    "eps of no step": (
        {"eps": (1,)},
        "eps 1 is 0 steps of data with peak 16, the smallest that has one is 16",
    ),
    "eps beyond the range": (
        {"eps": (300,)},
        "eps 300 is 18 steps, data of 0 to 16 allow 1 to 16",
    ),
    "eps that is none": (
        {"eps": (-1,)},
        "eps is -1, expected a positive number of 1/255 of the peak",
    ),
    "no budget": ({"eps": ()}, "budgets are none, expected each once"),
    "one budget twice": ({"eps": (32, 32)}, "budgets are eps 32, eps 32, expected each once"),
    "flips of values": (
        {"flips": (2,)},
        "flips and shifts are budgets of binary columns, these data have a budget eps",
    ),
    "strength": (
        {"strength": "strongest"},
        "strength is 'strongest', expected one of quick, standard, strong; did you mean 'strong'?",
    ),
    "only noise": ({"attacks": (Noise(),)}, "attacks are noise 1, expected each once"),
    "one attack twice": (
        {"attacks": (Fgsm(), Fgsm())},
        "attacks are fgsm ce fast_sigmoid, fgsm ce fast_sigmoid, expected each once",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_settings_give_one_line(name: str) -> None:
    fields, message = BAD[name]
    with pytest.raises(OptionError) as caught:
        AttackSuite(**fields).check(subject(4))
    assert str(caught.value) == message


def test_an_attack_that_needs_a_gradient_is_refused_on_a_model_without_a_twin() -> None:
    with pytest.raises(
        OptionError, match=r"attack pgd-20 ce fast_sigmoid: needs a gradient: .*Reson"
    ):
        AttackSuite(eps=(32,), attacks=(Pgd(),)).check(rate_program())


def test_the_usual_budgets_are_the_smallest_that_data_have() -> None:
    suite = AttackSuite()
    assert [(b.size, b.steps) for b in suite.budgets(subject(4).data)] == [(16, 1), (32, 2)]
    net = program(9, 8)
    fine = presented(Direct(2, 255, levels=255), 3, (9,), net)
    assert [(b.size, b.steps) for b in suite.budgets(fine)] == [(2, 2), (8, 8)]
    binary = events(program(6, 0))
    assert [(b.unit, b.size) for b in suite.budgets(binary)] == [("flips", 1), ("flips", 4)]


def test_flags_become_settings() -> None:
    (suite,) = chosen(["attack"], Flags(eps=(2.0,), flips=(3,), shifts=(1,), strength="quick"))
    assert suite == AttackSuite((2.0,), (3,), (1,), "quick")
    assert json.loads(json.dumps(suite.settings()))["strength"] == "quick"
    assert nd.Attack is AttackSuite


def test_data_outside_of_the_range_are_refused() -> None:
    asked = subject(4)
    split: Split = replace(asked.data.split, x=asked.data.x + 3)
    data: Presentation = replace(asked.data, split=split)
    with pytest.raises(Exception, match="outside of the data's range 0 to 16"):
        AttackSuite(eps=(32,)).check(replace(asked, data=data))


def test_grader_and_engine_answer_alike() -> None:
    asked = subject(9)
    judge = grader.Grader(asked, contest.Engine(asked.program, asked.recipe))
    found = judge.lost(asked.data, asked.data.x)
    assert np.array_equal(found, answers(asked, asked.data.x) != asked.data.y)
    assert found[:2].all() and not found[2:].all()
