"""The verdict never claims more than the files of a run show."""

from __future__ import annotations

from typing import Any

import pytest
from report.folders import comparison, digits_program, result

from neurodeploy.report.verdict import level, verdict

PROGRAM = digits_program()


def compared(*engines: str, **changes: Any) -> dict[str, Any]:
    return comparison(PROGRAM, engines, **changes)


LEVELS = {
    "nothing": ([], "not compared"),
    "one engine": ([compared("native")], "not compared"),
    "native and reference": ([compared("native", "reference")], "model-exact"),
    "lava among them": ([compared("native", "reference", "lava")], "Lava-exact"),
    "reference and lava": ([compared("reference", "lava")], "Lava-exact"),
    "lava alone": ([compared("lava")], "not compared"),
    "no value compared": ([compared("native", "reference", compared=0)], "not compared"),
    "two runs": (
        [compared("native", "reference"), compared("reference", "lava")],
        "Lava-exact",
    ),
    "one of two differs": (
        [compared("native", "lava"), compared("native", "reference", equal=False)],
        "diverged",
    ),
    "a recording": ([compared("native", "recording")], "chip-recorded"),
}


@pytest.mark.parametrize("name", LEVELS)
def test_the_level_is_what_the_comparisons_support(name: str) -> None:
    comparisons, expected = LEVELS[name]
    assert level(comparisons) == expected


def state(found: dict[str, Any], name: str) -> tuple[str, str]:
    check = next(check for check in found["checks"] if check["name"] == name)
    return check["state"], check["text"]


def test_a_trained_and_compared_network_is_good() -> None:
    found = verdict(result(PROGRAM), None, [compared("native", "reference", "lava")], [])
    assert found["good"] is True
    assert found["headline"] == "What was trained is what runs"
    assert state(found, "Engines") == (
        "good",
        "native, reference and lava identical in 1,234 values (3 samples of 6 steps)",
    )


def test_samples_in_one_stream_are_named_as_such() -> None:
    entry = compared("native", "lava", samples=1, steps=120, streamed_samples=20)
    text = state(verdict(None, None, [entry], []), "Engines")[1]
    assert text.endswith("(20 samples in one stream of 120 steps)")


def test_without_training_nothing_is_said_about_it() -> None:
    found = verdict(None, None, [compared("native", "reference")], [])
    assert found["headline"] == "Every engine computes the same integers"
    assert state(found, "Torch model and integer network")[0] == "none"


def test_what_was_not_compared_is_open() -> None:
    found = verdict(result(PROGRAM), None, [], [])
    assert found["good"] is None
    assert found["headline"] == "Checked in part: see what is open"
    assert state(found, "Engines") == ("open", "not compared; run neurodeploy compare")


def test_a_divergence_is_bad_and_says_where() -> None:
    first = {
        "population": "a",
        "variable": "v",
        "step": 4,
        "index": [1, 2],
        "values": {"native": 3, "lava": 5},
    }
    entry = compared("native", "lava", equal=False, differing=7, first=first)
    found = verdict(result(PROGRAM), None, [entry], [])
    assert found["good"] is False
    assert state(found, "Engines") == (
        "bad",
        "7 values differ, first in a.v at step 4, index (1, 2): native 3, lava 5",
    )


@pytest.mark.parametrize("key", ["spike_differences", "score_differences"])
def test_a_loss_in_lowering_is_bad(key: str) -> None:
    lossy = result(PROGRAM)
    lossy["lowering"][key] = 1
    found = verdict(lossy, None, [compared("native", "reference")], [])
    assert found["good"] is False
    assert state(found, "Torch model and integer network")[0] == "bad"


def test_a_stream_that_differs_is_bad_with_the_reason() -> None:
    recurrent = result(PROGRAM)
    recurrent["stream"] |= {"identical": False, "samples_different": 3, "spike_differences": 9}
    recurrent["timing"]["reason"] = "currents in flight survive a reset"
    found = verdict(recurrent, None, [compared("native", "reference")], [])
    assert found["good"] is False
    text = state(found, "Pipelined stream, as on the chip")[1]
    assert text.startswith("3 of 100 samples differ")
    assert text.endswith("currents in flight survive a reset")


def overflow(*verdicts: tuple[str, str]) -> dict[str, Any]:
    rows = [{"population": p, "verdict": v, "assumes": "from rest, 8 steps"} for p, v in verdicts]
    return {"overflow": rows}


def test_overflow_is_shown_without_deciding_the_verdict() -> None:
    verify = overflow(("a", "never"), ("a", "seen"), ("b", "impossible"))
    found = verdict(result(PROGRAM), verify, [compared("native", "reference")], [])
    assert state(found, "Overflow of states") == (
        "bad",
        "a left the range of their states, as the chip would",
    )
    assert found["good"] is True


def test_overflow_that_is_impossible_says_for_how_long() -> None:
    verify = overflow(("a", "never"), ("a", "impossible"), ("b", "never"), ("c", "possible"))
    found = verdict(result(PROGRAM), verify, [compared("native", "reference")], [])
    assert state(found, "Overflow of states") == (
        "good",
        "none on the data; impossible for 2 of 3 layers (from rest, 8 steps), for 1 of them in any "
        "number of steps",
    )


def test_energy_is_an_estimate_and_never_a_passed_check() -> None:
    energy = [{"profile": "p", "report": {}}, {"profile": "q", "refused": "why"}]
    found = verdict(None, None, [], energy)
    check = next(check for check in found["checks"] if check["name"] == "Energy")
    assert (check["state"], check["word"]) == ("none", "estimate")
    assert check["text"] == "intervals for p; refused for q"
