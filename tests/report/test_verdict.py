"""The verdict never claims more than the files of a run show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from report.folders import (
    compared,
    digits_program,
    headroom,
    layer,
    measurements,
    outcome,
    result,
    state_row,
)

from neurodeploy.report.check import Check
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.levels import level
from neurodeploy.report.verdict import Verdict, verdict
from neurodeploy.results.energy import Energies
from neurodeploy.run_folder import as_record

PROGRAM = digits_program()
OWN = compared(PROGRAM, "native", "reference")
LEVELS = {
    "nothing": ([], "not compared"),
    "one engine": ([compared(PROGRAM, "native")], "not compared"),
    "native and reference": ([OWN], "model-exact"),
    "lava among them": ([compared(PROGRAM, "native", "reference", "lava")], "Lava-exact"),
    "reference and lava": ([compared(PROGRAM, "reference", "lava")], "Lava-exact"),
    "lava alone": ([compared(PROGRAM, "lava")], "not compared"),
    "no value compared": ([compared(PROGRAM, "native", "reference", compared=0)], "not compared"),
    "two runs": ([OWN, compared(PROGRAM, "reference", "lava")], "Lava-exact"),
    "one of two differs": (
        [compared(PROGRAM, "native", "lava"), compared(PROGRAM, "native", "lava", equal=False)],
        "diverged",
    ),
    "a recording": ([compared(PROGRAM, "native", "recording")], "chip-recorded"),
}


@pytest.mark.parametrize("name", LEVELS)
def test_the_level_is_what_the_comparisons_support(name: str) -> None:
    comparisons, expected = LEVELS[name]
    assert level(comparisons) == expected


def judged(**parts: Any) -> Verdict:
    return verdict(Evidence(Path("run"), PROGRAM, **parts))


def check(found: Verdict, name: str) -> Check:
    return next(check for check in found.checks if check.name == name)


def state(found: Verdict, name: str) -> tuple[str, str]:
    one = check(found, name)
    return one.state, one.text


def test_a_trained_and_compared_network_is_good() -> None:
    entry = compared(PROGRAM, "native", "reference", "lava", data={"name": "x.npy", "samples": 3})
    found = judged(result=outcome(PROGRAM), comparisons=(entry,))
    assert found.good is True
    assert found.headline == "What was trained is what runs"
    assert state(found, "Engines") == (
        "good",
        "native, reference and lava identical in 1,234 values (3 samples of 6 steps; "
        "x.npy, 3 samples)",
    )
    assert state(found, "Torch model and integer network") == (
        "good",
        "0 scores and 0 spikes differ on digits test, 100 of 359 samples (engine reference)",
    )


def test_samples_in_one_stream_are_named_as_such() -> None:
    entry = compared(PROGRAM, "native", "lava", samples=1, steps=120, streamed_samples=20)
    text = state(judged(comparisons=(entry,)), "Engines")[1]
    assert text.endswith("(20 samples in one stream of 120 steps; input not recorded)")


def test_without_training_nothing_is_said_about_it() -> None:
    found = judged(comparisons=(OWN,))
    assert found.headline == "Every engine computes the same integers"
    assert state(found, "Torch model and integer network")[0] == "none"


def test_what_was_not_compared_is_open_and_the_way_out_is_named() -> None:
    found = judged(result=outcome(PROGRAM))
    assert found.good is None
    assert found.headline == "Checked in part: see what is open"
    advice = "not compared; run neurodeploy compare PROGRAM --input X.npy --out RUN"
    assert state(found, "Engines") == ("open", advice)


def test_a_divergence_is_bad_and_says_where() -> None:
    first = {
        "population": "a",
        "variable": "v",
        "step": 4,
        "index": [1, 2],
        "values": {"native": 3, "lava": 5},
    }
    entry = compared(PROGRAM, "native", "lava", equal=False, differing=7, first=first)
    found = judged(result=outcome(PROGRAM), comparisons=(entry,))
    assert found.good is False
    assert state(found, "Engines") == (
        "bad",
        "7 values differ, first in a.v at step 4, index (1, 2): native 3, lava 5",
    )


@pytest.mark.parametrize("key", ["spike_differences", "score_differences"])
def test_a_loss_in_lowering_is_bad(key: str) -> None:
    lowering = {**result(PROGRAM)["lowering"], key: 1}
    found = judged(result=outcome(PROGRAM, lowering=lowering), comparisons=(OWN,))
    assert found.good is False
    assert state(found, "Torch model and integer network")[0] == "bad"


def test_a_stream_that_differs_is_bad_with_the_reason() -> None:
    plain = result(PROGRAM)
    recurrent = outcome(
        PROGRAM,
        stream={**plain["stream"], "identical": False, "samples_different": 3},
        timing={**plain["timing"], "reason": "currents in flight survive a reset"},
    )
    found = judged(result=recurrent, comparisons=(OWN,))
    assert found.good is False
    text = state(found, "Pipelined stream, as on the chip")[1]
    assert text.startswith("3 of 100 samples differ")
    assert text.endswith("currents in flight survive a reset")


def overflow(**changes: Any) -> tuple[str, str, str]:
    found = judged(verify=measurements(**changes), comparisons=(OWN,))
    assert found.good is True  # shown without deciding the verdict
    one = check(found, "Overflow of states")
    return one.state, one.to_dict()["word"], one.text


def test_impossible_holds_for_the_steps_of_a_sample_from_rest() -> None:
    assert overflow() == (
        "good",
        "passed",
        "none on the data; impossible for 2 of 2 layers (from rest, 6 steps, inputs 0 to 16), for "
        "1 of them in any number of steps (digits test, 60 of 359 samples)",
    )


def test_saturations_of_a_population_without_headroom_are_not_hidden() -> None:
    layers = [layer("pixels", v_saturations=1186), layer("classes")]
    counts = {"steps": 6, "samples": 60, "layers": layers}
    assert overflow(activity=counts, overflow=[state_row("classes", "u")]) == (
        "bad",
        "failed",
        "left the range of their states, as the chip would: pixels: 1,186 saturations "
        "(digits test, 60 of 359 samples)",
    )


def test_one_counter_of_re_and_im_is_not_added_twice() -> None:
    seen = {"overflows": 7, "verdict": "seen"}
    rows = [state_row("pixels", name, **seen) for name in ("re", "im")]
    assert "pixels: 7 saturations" in overflow(overflow=rows)[2]


CLOSE = {"observed": 5_931_642, "bound": 1 << 24, "verdict": "possible"}
"""Half a bit below the limit, without a proof."""


def test_little_headroom_without_a_proof_is_near_and_not_passed() -> None:
    state, word, text = overflow(overflow=[state_row("pixels", "v", **CLOSE)])
    assert (state, word) == ("open", "near")
    assert "pixels came within 0.5 bits of overflow, and no bound rules it out" in text
    proven = {**CLOSE, "bound": 1 << 22, "verdict": "impossible"}
    assert overflow(overflow=[state_row("pixels", "v", **proven)])[0] == "good"


def test_a_bound_from_rest_is_no_proof_for_a_stream_that_a_reset_does_not_clear() -> None:
    leaking = {"timing": "pipelined", "holds": False, "reason": "recurrent"}
    state, _, text = overflow(run=leaking)
    assert state == "good"
    assert "in the stream that was run, samples do not begin from rest" in text
    for known, expected in (("impossible", ("open", "near")), ("never", ("good", "passed"))):
        close = [state_row("pixels", "v", **{**CLOSE, "verdict": known})]
        assert overflow(overflow=close, run=leaking)[:2] == expected


def test_overflow_that_was_not_counted_is_open_unless_it_is_ruled_out() -> None:
    rows = [state_row("pixels", "sigma", overflows=None, verdict="possible", limit=(1 << 31) - 1)]
    text = "not counted for pixels, and no bound rules it out"
    assert overflow(overflow=rows) == (
        "open",
        "open",
        f"{text} (digits test, 60 of 359 samples)",
    )
    proven = [state_row("pixels", "sigma", overflows=None, verdict="never", limit=(1 << 31) - 1)]
    assert overflow(overflow=proven)[0] == "good"
    counts = {"steps": 6, "samples": 60, "layers": [layer("classes", u_wraps=None)]}
    text = overflow(activity=counts, overflow=None, headroom=None)[2]
    assert text.startswith("not counted for pixels, classes")


def test_counts_alone_are_no_passed_check() -> None:
    state, word, text = overflow(overflow=None, headroom=None)
    assert (state, word) == ("none", "counted")
    assert text.startswith("none on the data; headroom not measured")


def test_headroom_of_the_first_release_is_read_as_states() -> None:
    older = [headroom("pixels"), headroom("classes", proven=False)]
    assert overflow(overflow=None, headroom=older)[2].startswith(
        "none on the data; impossible for 1 of 2 layers (from rest, 6 steps, inputs in the same "
        "range), for 0 of them in any number of steps"
    )


def test_energy_is_an_estimate_and_never_a_passed_check() -> None:
    refused = {"profiles": [{"profile": "q", "refused": "why"}]}
    energies = as_record(Energies, refused, "energy.json")
    one = check(judged(energy=energies), "Energy")
    assert one.to_dict() == {
        "name": "Energy",
        "state": "none",
        "word": "refused",
        "text": "refused for q",
    }
