"""Which attacks a strength stands for on a network, and the search for the parameter of ASSG."""

from __future__ import annotations

from dataclasses import replace

import pytest
from attack.networks import presented, program

import neurodeploy as nd
from neurodeploy.attack import Budget
from neurodeploy.attack.backward import Adaptive
from neurodeploy.attack.gradient import Apgd, SaPgd
from neurodeploy.encode import Direct
from neurodeploy.errors import OptionError
from neurodeploy.verification import tuning
from neurodeploy.verification.arsenal import arsenal
from neurodeploy.verification.suites import Aside, Flags, Subject
from neurodeploy.verification.tuning import HIGH, LOW, Trial, tuned
from neurodeploy.verification.verdicts import chosen, subject_of

ENCODER = Direct(6, 16, levels=16)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Subject:
    monkeypatch.setattr(tuning, "STEPS", 4)
    net = program(9, ENCODER.message_bits, threshold=60)
    judged, train, validation = (
        presented(ENCODER, count, (9,), net, seed) for count, seed in ((8, 1), (30, 2), (12, 3))
    )
    return subject_of(net, judged, name="random", aside=Aside(train, validation))


def budget(asked: Subject) -> Budget:
    return Budget.of(asked.data, "eps", 32)


def test_strong_searches_the_share_on_validation_data_and_transfers(asked: Subject) -> None:
    found = arsenal(asked, budget(asked), "strong", seed=1)
    shares = {
        one.backward.shape: one.backward.share
        for one in found
        if isinstance(one, SaPgd) and one.draws == 1 and isinstance(one.backward, Adaptive)
    }
    validation = asked.aside.validation
    assert validation is not None
    trial = Trial.of(asked.program, asked.recipe, budget(asked), validation, 1)
    assert shares == {shape: tuned(trial, shape) for shape in ("triangle", "gaussian", "atan")}
    assert all(LOW <= share <= HIGH for share in shares.values())
    names = [one.name for one in found]
    assert len(set(names)) == len(names)
    assert "transfer relu mi-fgsm-20 ce" in names
    without = arsenal(replace(asked, aside=Aside()), budget(asked), "strong")
    assert not any(one.name.startswith("transfer") for one in without)
    assert "sa-pgd-100 ce assg-atan" in [one.name for one in without]


def test_the_share_is_one_that_leaves_the_fewest_of_those_tried(
    asked: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[float] = []
    own = tuning.SaPgd

    def noted(loss: str, backward: Adaptive, steps: int) -> SaPgd:
        tried.append(backward.share)
        return own(loss, backward, steps=steps)

    monkeypatch.setattr(tuning, "SaPgd", noted)
    tuned.cache_clear()
    assert asked.aside.validation is not None
    trial = Trial.of(asked.program, asked.recipe, budget(asked), asked.aside.validation, 1)
    share = tuned(trial, "atan")
    assert share in tried and len(set(tried)) == len(tried) >= 4
    assert tried[:2] == [0.363, 0.427]


def test_iterations_replace_those_of_the_long_attacks_alone(asked: Subject) -> None:
    found = arsenal(replace(asked, aside=Aside()), budget(asked), "strong", iterations=500)
    for one in found:
        if isinstance(one, SaPgd) or type(one) is Apgd:
            assert one.steps == 500
        else:
            assert getattr(one, "steps", 0) <= 50
    with pytest.raises(OptionError, match=r"^iterations is 0, expected 1 or more$"):
        nd.Attack(eps=(32,), iterations=0).check(asked)


def test_a_given_network_is_transferred_from_at_any_strength(asked: Subject) -> None:
    other = program(9, ENCODER.message_bits, seed=4, threshold=60)
    (suite,) = chosen(["attack"], Flags(eps=(32.0,), strength="quick", transfer=(other,)))
    (row,) = nd.verify(asked.program, asked.data, [suite])["attack"].rows
    names = [name for name in row.by_attack if name.startswith(f"transfer {other.digest[:8]}")]
    assert len(names) == 2
    assert row.robust <= min(row.by_attack[name] for name in names)
    assert suite.settings()["sources"] == [other.digest]


def test_what_strong_left_out_is_said(asked: Subject) -> None:
    suite = nd.Attack(eps=(32,), strength="strong")
    told = suite.remarks(replace(asked, aside=Aside()), ())
    assert told[1:] == (
        "no transfer from a network of ReLUs: the data have no training part",
        "the parameter of ASSG is not searched for: the data have no validation part",
    )
    assert len(suite.remarks(asked, ())) == 1
