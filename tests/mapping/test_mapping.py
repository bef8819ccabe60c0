"""Does it fit: all limits at once, repairs with their measured cost, the link, real time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rules.chips import chip

import neurodeploy as nd
from neurodeploy.data.dataset import Split
from neurodeploy.data.presentation import Presentation, present
from neurodeploy.errors import OptionError, ProfileError
from neurodeploy.mapping import MapReport, Span, map_program
from neurodeploy.profile import ChipProfile, load_profile, profile_names

STEPS = 6


@pytest.fixture(scope="module")
def program() -> nd.Program:
    rng = np.random.default_rng(4)
    return nd.Program(
        (nd.Input("x", 5),),
        (
            nd.Population("a", 7, nd.CubaLif(1024, 512, 60)),
            nd.Population("b", 3, nd.Integrator(4096, 0)),
        ),
        (
            nd.Connection("x", "a", nd.Dense(2 * rng.integers(-40, 60, (7, 5)))),
            nd.Connection("a", "b", nd.Dense(2 * rng.integers(-40, 60, (3, 7)))),
        ),
        nd.Readout("b", "v"),
        {"encoder.steps": STEPS},
    )


def samples(program: nd.Program, still: bool = False) -> Presentation:
    rng = np.random.default_rng(5)
    x = rng.integers(0, 2, (20, 1 if still else STEPS, *program.inputs[0].shape))
    x = np.repeat(x, STEPS, axis=1) if still else x
    y = rng.integers(0, 3, 20)
    return present(program, Split(x.astype(np.int32), y, np.arange(20)))


def test_a_program_that_fits_is_placed(program: nd.Program) -> None:
    report = map_program(program, load_profile("loihi2"))
    assert report.fits
    assert report.fits_repaired
    assert report.repaired.program == program
    assert report.placement is not None
    assert report.placement.digest == program.digest
    assert report.chips == 1
    assert report.findings == ()


def test_a_violation_is_told_with_what_mends_it(program: nd.Program) -> None:
    report = map_program(program, load_profile("loihi1"))
    assert not report.fits
    assert report.fits_repaired
    (finding,) = report.findings
    assert (finding.violation.rule, finding.repairs, finding.mended) == (
        "models",
        ("stand-in",),
        True,
    )
    assert report.placement is not None
    assert report.placement.digest == report.repaired.program.digest


def test_what_cannot_be_mended_is_told_why(program: nd.Program, tmp_path: Path) -> None:
    report = map_program(program, chip(tmp_path, outputs_max=2, fan_in_per_neuron_max=4))
    assert not report.fits_repaired
    assert report.placement is None
    told = {f.violation.rule: (f.mended, f.repairs, f.refused) for f in report.findings}
    assert told["outputs"] == (False, (), ())
    assert told["fan_in"] == (True, ("split-readout", "prune"), ())


def test_repairs_have_a_measured_cost(program: nd.Program, tmp_path: Path) -> None:
    profile = chip(tmp_path, "precision", weight_levels_per_neuron_max=1)
    data = samples(program)
    report = map_program(program, profile, data)
    measured = report.measured
    assert measured is not None
    assert measured.samples == 20
    (cost,) = measured.costs
    answers = [
        np.argmax(nd.simulate(one, data.columns(slice(0, 20)), record={"b": "v"})["b"].v.sum(1), 1)
        for one in (program, report.repaired.program)
    ]
    assert cost.differing == int(np.count_nonzero(answers[0] != answers[1])) > 0
    assert measured.correct == int(np.count_nonzero(answers[0] == data.y))
    assert cost.correct == int(np.count_nonzero(answers[1] == data.y))
    assert not cost.exact


def test_what_is_exact_costs_nothing(program: nd.Program) -> None:
    report = map_program(program, load_profile("loihi1"), samples(program))
    assert report.measured is not None
    (cost,) = report.measured.costs
    assert (cost.exact, cost.differing) == (True, 0)
    assert cost.correct == report.measured.correct


def test_a_limit_is_told_where_most_of_it_is_used(program: nd.Program) -> None:
    report = map_program(program, load_profile("truenorth"))
    by_key = {entry.use.key: entry for entry in report.uses}
    entry = by_key["limits.fan_in_per_neuron_max"]
    assert (entry.use.where, entry.use.used, entry.use.allowed) == ("population b", 7, 256)
    assert (entry.grade, entry.sources) == ("secondary", ("merolla_2014",))


def test_one_rule_alone_is_checked(program: nd.Program) -> None:
    report = map_program(program, load_profile("loihi1"), rules=["weights"])
    assert report.fits
    assert {entry.rule for entry in report.uses} == {"weights"}


def test_where_no_core_holds_a_neuron_it_does_not_fit(program: nd.Program, tmp_path: Path) -> None:
    profile = chip(
        tmp_path,
        neurons_per_core_max=10,
        synapse_memory_words_per_core=1,
        synapse_memory_word_bits=8,
    )
    report = map_program(program, profile)
    assert report.findings == ()
    assert not report.fits
    assert "population a" in report.unplaced


def test_levels_of_a_core_are_those_of_one_population(program: nd.Program) -> None:
    report = map_program(program, load_profile("tianjic"))
    assert report.placement is not None
    assert len(report.placement.cores) == len(program.populations)


def test_chips_are_counted_where_there_is_no_placement(tmp_path: Path) -> None:
    program = nd.Program(
        (nd.Input("x", 1),),
        (nd.Population("a", 25, nd.CubaLif(0, 0, 1)),),
        (nd.Connection("x", "a", nd.Dense(np.ones((25, 1), int))),),
        nd.Readout("a"),
    )
    assert map_program(program, chip(tmp_path, neurons_per_chip_max=10)).chips == 3
    two = chip(tmp_path, neurons_per_chip_max=20, chips_max=2)
    assert map_program(program, two).chips == 2


LINK = """
[link]
injection = ["events", "bias"]
input_value_us = { low = 1.0, mid = 2.0, high = 3.0, grade = "vendor", source = "book" }
readout_value_us = { value = 0.5, grade = "vendor", source = "book" }
[timing]
synop_ns = { value = 0.0, grade = "vendor", source = "book" }
neuron_update_ns = { low = 1e3, mid = 1e3, high = 2e3, grade = "vendor", source = "book" }
"""


@pytest.fixture
def linked(tmp_path: Path) -> ChipProfile:
    chip(tmp_path, neurons_per_core_max=100, cores_per_chip=1)
    path = tmp_path / "chip.toml"
    text = path.read_text("utf-8").replace("\n[citations]", f"{LINK}\n[citations]")
    path.write_text(text, "utf-8")
    return load_profile(path)


def test_input_events_are_counted(program: nd.Program, linked: ChipProfile) -> None:
    data = samples(program)
    link = map_program(program, linked, data).link
    events = np.count_nonzero(data.columns(slice(0, 20)), axis=2)
    assert link.values_mean == pytest.approx(events.mean())
    assert link.values_max == events.max()
    assert (link.read, link.steps) == (3, STEPS)
    assert link.injected_us is not None
    assert link.injected_us.low == pytest.approx(events.sum(1).mean())
    assert link.injected_us.high == pytest.approx(3 * events.sum(1).mean())
    assert link.read_us == Span(9.0, 9.0, 9.0)
    assert link.bias_us is None
    assert link.reasons["bias_us"] == "the input goes over synapses, not straight to neurons"


def test_without_data_every_value_comes_in_every_step(
    program: nd.Program, linked: ChipProfile
) -> None:
    link = map_program(program, linked).link
    assert (link.values_mean, link.values_max) == (5.0, 5)
    assert link.injected_us == Span(30.0, 60.0, 90.0)


def test_an_image_is_written_once_where_it_does_not_change(linked: ChipProfile) -> None:
    program = nd.Program(
        (nd.Input("x", 4, 8),),
        (nd.Population("a", 4, nd.CubaLif(0, 0, 9)),),
        (nd.Connection("x", "a", nd.Direct(), port="bias"),),
        nd.Readout("a"),
        {"encoder.steps": STEPS},
    )
    assert map_program(program, linked).link.reasons["bias_us"] == (
        "needs data, to know whether the input is the same in every step"
    )
    moving = map_program(program, linked, samples_of(program, still=False)).link
    assert moving.reasons["bias_us"] == "the input is not the same in every step"
    link = map_program(program, linked, samples_of(program, still=True)).link
    assert link.bias_us == Span(4.0, 8.0, 12.0)
    assert link.input_us == link.bias_us


def samples_of(program: nd.Program, still: bool) -> Presentation:
    rng = np.random.default_rng(6)
    x = rng.integers(1, 9, (5, 1 if still else STEPS, 4))
    x = np.repeat(x, STEPS, axis=1) if still else x
    return present(program, Split(x.astype(np.int32), np.zeros(5, np.int64), np.arange(5)))


# 10 neurons, 6 steps, 1 to 2 us each: at most 120 us on one core; the link 30 to 90 us in, 9 out
PERIODS = {130.0: "yes", 120.0: "yes", 100.0: "open", 38.0: "no"}


@pytest.mark.parametrize("period", PERIODS)
def test_real_time_is_judged_by_both_ends(
    program: nd.Program, linked: ChipProfile, period: float
) -> None:
    found = map_program(program, linked, period_us=period).real_time
    assert found is not None
    assert found.inference_us == Span(39.0, 69.0, 120.0)
    assert (found.verdict, found.bound) == (PERIODS[period], "the link")


def test_real_time_is_refused_by_the_name_of_what_is_missing(program: nd.Program) -> None:
    found = map_program(program, load_profile("loihi2"), period_us=1e6).real_time
    assert found is not None
    assert (found.verdict, found.bound) == ("refused", "profile has no timing.synop_ns")
    slow = map_program(program, load_profile("loihi2"), period_us=10.0).real_time
    assert slow is not None
    assert (slow.verdict, slow.bound) == ("no", "the link")


def test_a_chip_that_counts_cycles_says_which_clock_is_enough(
    program: nd.Program, tmp_path: Path
) -> None:
    found = map_program(program, load_profile("xylo_audio2"), period_us=1000.0).real_time
    weights = [np.count_nonzero(c.synapse.rows) for c in program.connections]
    cycles = STEPS * (1 * 5 + 22 * 7 + 12 * 3 + 3.5 * weights[0] + 8 * weights[1])
    assert found is not None
    assert found.verdict == "refused"
    assert found.bound == (
        f"profile xylo_audio2 has no timing.clock_hz; {cycles:,.0f} cycles an inference and a "
        f"fifth more ask for a clock of {cycles * 1.2 / 1000:,.3g} MHz"
    )
    path = tmp_path / "clocked.toml"
    path.write_text(
        'extends = "xylo_audio2"\n[identity]\nname = "clocked"\n[timing]\n'
        'clock_hz = { value = 1e6, grade = "vendor", source = "rockpool_3" }\n'
    )
    timed = map_program(program, load_profile(path), period_us=1000.0).real_time
    assert timed is not None
    assert timed.inference_us == Span(cycles, cycles, pytest.approx(1.2 * cycles))
    assert (timed.verdict, timed.bound) == ("no", "the cycles of the core")
    data = samples(program)
    counted = map_program(program, load_profile(path), data, period_us=1000.0).real_time
    assert counted is not None
    assert counted.inference_us is not None
    assert counted.inference_us.low < counted.inference_us.mid < cycles


@pytest.mark.parametrize("period", [0.0, -1.0, float("inf"), float("nan")])
def test_a_period_is_a_positive_number(program: nd.Program, period: float) -> None:
    with pytest.raises(OptionError, match=f"period is {period:g} us, expected a positive number"):
        map_program(program, load_profile("loihi1"), period_us=period)


def test_what_is_no_chip_is_refused(program: nd.Program, tmp_path: Path) -> None:
    with pytest.raises(ProfileError) as raised:
        map_program(program, load_profile("generic_45nm"))
    assert str(raised.value) == (
        "profile generic_45nm: is of arithmetic in 45 nm, not a chip, nothing can be mapped to it"
    )
    with pytest.raises(ProfileError) as raised:
        map_program(program, chip(tmp_path))
    assert str(raised.value) == (
        "profile chip: states no limit that a program could exceed, so that nothing can be said "
        "of what fits"
    )


def test_notes_tell_what_the_chip_does_otherwise(program: nd.Program, tmp_path: Path) -> None:
    assert "the order of events on the chip is not reproducible, and answers may differ by it" in (
        map_program(program, load_profile("speck2e")).notes
    )
    path = tmp_path / "mine.toml"
    path.write_text(
        'extends = "loihi1"\n[identity]\nname = "mine"\n[precision]\noverflow_u = "saturate"\n'
        'rounding = "floor"\n'
    )
    assert map_program(program, load_profile(path)).notes == (
        "u overflows by saturate there, here by wrap-once",
        "decays round floor there, here toward zero",
    )


@pytest.mark.parametrize("name", sorted(set(profile_names()) - {"generic_45nm", "spinnaker2"}))
def test_a_report_is_plain_data_and_prints(
    program: nd.Program, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.console import Console

    from neurodeploy.mapping.table import rendered, side_by_side

    report = map_program(program, load_profile(name), samples(program), period_us=100.0)
    content: Any = json.loads(json.dumps(report.to_dict()))
    assert content["fits"] is report.fits
    assert content["repaired"]["fits"] is report.fits_repaired
    assert len(content["findings"]) == len(report.findings)
    console = Console(width=80)
    console.print(rendered(program, report))
    console.print(side_by_side(program, [report]))
    out = capsys.readouterr().out
    assert max(len(line.rstrip()) for line in out.splitlines()) <= 80
    assert name in out
    assert isinstance(report, MapReport)
