"""Comparing engines: planted divergences are found at their place, equal traces are equal."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

import neurodeploy as nd
from neurodeploy.errors import OptionError
from neurodeploy.neuron import Neuron
from neurodeploy.sim import simulator
from neurodeploy.sim.compare import Comparison, compare, compare_traces, plan_of
from neurodeploy.sim.compare_view import render
from neurodeploy.sim.engine import Recording
from neurodeploy.sim.options import VARIABLES
from neurodeploy.sim.plan import Plan
from neurodeploy.sim.reference import ReferenceEngine
from neurodeploy.sim.step_rules import current_rule, order, rule
from neurodeploy.trace import NOT_OBSERVABLE, Trace

OPTIONS: dict[str, Any] = {"timing": "pipelined", "weights": "lava"}
RESET = OPTIONS | {"reset_interval": 6}
STEPS = 14


def network() -> nd.Program:
    """A map and a dense population behind it; the names are not in alphabetical order."""
    rng = np.random.default_rng(0)
    conv = nd.Conv2d(rng.integers(-40, 60, (2, 1, 2, 2)))
    return nd.Program(
        (nd.Input("input", (1, 4, 3)),),
        (
            nd.Population("map", (2, 3, 2), nd.CubaLif(1500, 300, [[[30]], [[60]]], bias=2)),
            nd.Population("end", (4,), nd.CubaLif(1024, 256, 50)),
        ),
        (
            nd.Connection("input", "map", conv),
            nd.Connection("map", "end", nd.Dense(rng.integers(-50, 80, (4, 12)))),
        ),
        nd.Readout("end"),
    )


PROGRAM = network()
DATA = np.random.default_rng(1).integers(0, 2, (2, STEPS, 1, 4, 3))
TRACE = nd.simulate(PROGRAM, DATA, engine="reference", record=VARIABLES, **OPTIONS)


def tampered(*changes: tuple[str, str, tuple[Any, ...], int]) -> Trace:
    """Return the trace with ``value`` added at ``place`` of a variable, for every change."""
    arrays = {name: dict(layer.arrays) for name, layer in TRACE.items()}
    for population, variable, place, value in changes:
        array = arrays[population][variable].copy()
        array[place] += value
        arrays[population][variable] = array
    return Trace(arrays, TRACE.activity)


def against(other: Trace, options: dict[str, Any] = OPTIONS) -> Comparison:
    plan = plan_of(PROGRAM, engine="reference", **options)
    return compare_traces(plan, {"reference": TRACE, "other": other})


# --- Counting and finding ------------------------------------------------------------------------


def test_equal_traces_are_equal_and_every_value_is_counted() -> None:
    comparison = against(TRACE)
    assert comparison.equal
    assert comparison.first is None
    assert comparison.compared == 2 * STEPS * (12 + 4) * 3
    assert comparison.differing == 0
    assert comparison.neurons == 16
    assert comparison.digest == PROGRAM.digest


def test_a_planted_divergence_is_found_at_its_place() -> None:
    comparison = against(tampered(("map", "v", (1, 5, 1, 2, 0), 7)))
    first = comparison.first
    assert first is not None
    assert not comparison.equal
    assert (first.population, first.number, first.variable) == ("map", 0, "v")
    assert (first.column, first.step, first.sample, first.index) == (5, 6, 1, (1, 2, 0))
    before = int(TRACE["map"].v[1, 5, 1, 2, 0])
    assert first.values == {"reference": before, "other": before + 7}
    assert first.also == ()
    assert first.cells == (1, 24)
    assert first.previous["v"] == TRACE["map"].v[1, 4, 1, 2, 0]
    assert first.parameters == {
        "current_decay": 1500,
        "voltage_decay": 300,
        "threshold": 60,
        "bias": 2,
        "reset": "zero",
    }
    assert first.rule.startswith("v: R3: v = clip(tz(v * (4096 - voltage_decay)) + u + ")
    assert comparison.differing == 1
    counted = {(v.population, v.variable): dict(v.differing) for v in comparison.variables}
    assert counted["map", "v"] == {"other": 1}
    assert counted["end", "v"] == {"other": 0}


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_single_tampered_value_is_the_first_divergence(data: st.DataObject) -> None:
    population = data.draw(st.sampled_from(["map", "end"]))
    variable = data.draw(st.sampled_from(["s", "u", "v"]))
    shape = TRACE[population].arrays[variable].shape
    place = tuple(data.draw(st.integers(0, size - 1)) for size in shape)
    first = against(tampered((population, variable, place, 1))).first
    assert first is not None
    assert (first.population, first.variable) == (population, variable)
    assert (first.sample, first.column, *first.index) == place


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([("end", "u", (0, 3, 0), 1), ("map", "v", (0, 4, 0, 0, 0), 1)], ("end", "u", 3)),
        ([("end", "u", (0, 4, 0), 1), ("map", "s", (0, 4, 0, 0, 0), 1)], ("map", "s", 4)),
        ([("end", "s", (0, 4, 0), 1), ("end", "v", (1, 4, 0), 1)], ("end", "v", 4)),
        ([("end", "v", (0, 4, 0), 1), ("end", "u", (1, 4, 3), 1)], ("end", "u", 4)),
    ],
    ids=["column", "topological order", "v before s", "u before v"],
)
def test_first_means_column_then_population_then_computation(
    changes: list[Any], expected: tuple[str, str, int]
) -> None:
    first = against(tampered(*changes)).first
    assert first is not None
    assert (first.population, first.variable, first.column) == expected


def test_a_differing_spike_points_to_the_threshold_not_to_the_integration() -> None:
    place = (0, 6, 2)
    first = against(tampered(("end", "s", place, 1), ("end", "v", place, -900))).first
    assert first is not None
    assert first.variable == "v"
    assert first.also == ("s",)
    assert first.rule == (
        "v: R4, R5: v = 0 after a spike, a spike needs v > threshold << 6 (strictly above)"
    )


def test_counts_differ_without_differing_values() -> None:
    other = nd.simulate(PROGRAM, 2 * DATA, engine="reference", record=VARIABLES, **OPTIONS)
    assert against(other).equal  # binary messages: twice the value is the same event
    fewer = DATA.copy()
    fewer[:, -1] = 0  # what is given in the last column arrives too late to be seen
    other = nd.simulate(PROGRAM, fewer, engine="reference", record=VARIABLES, **OPTIONS)
    comparison = against(other)
    assert comparison.differing == 0
    assert set(comparison.activity["other"]) == {
        "input_events/input",
        "synops_nonzero/input->map",
        "synops_taps/input->map",
    }
    assert not comparison.equal


def test_counts_that_an_engine_cannot_see_are_left_out() -> None:
    hidden = {name: np.full(2, NOT_OBSERVABLE) for name in PROGRAM.names}
    counts = {
        name: getattr(TRACE.activity, name)
        for name in ("input_events", "spikes", "updates", "synops_taps", "synops_nonzero")
    }
    activity = nd.Activity(TRACE.activity.steps, 2, **counts, u_wraps=hidden, v_saturations=hidden)
    other = Trace({name: layer.arrays for name, layer in TRACE.items()}, activity)
    comparison = against(other)
    assert comparison.equal
    assert comparison.unobserved == {"reference": (), "other": ("u_wraps", "v_saturations")}


def test_only_variables_in_both_traces_are_compared() -> None:
    other = nd.simulate(PROGRAM, DATA, engine="reference", record={"map": "s"}, **OPTIONS)
    comparison = against(other)
    assert [(v.population, v.variable) for v in comparison.variables] == [
        ("map", "s"),
        ("end", "s"),
    ]


# --- Causes --------------------------------------------------------------------------------------


def causes(other: Trace, options: dict[str, Any] = OPTIONS) -> tuple[str, ...]:
    first = against(other, options).first
    assert first is not None
    return first.causes


def test_a_shift_by_one_column_is_recognised() -> None:
    arrays = {name: dict(layer.arrays) for name, layer in TRACE.items()}
    for variable in ("s", "u", "v"):
        arrays["end"][variable] = np.roll(arrays["end"][variable], 1, axis=1)
        arrays["end"][variable][:, 0] = 0
    assert causes(Trace(arrays, TRACE.activity))[0] == (
        "timing: other has the values of reference one column later, from this column to the end"
    )


def test_a_missing_reset_is_recognised() -> None:
    trace = nd.simulate(PROGRAM, DATA, engine="reference", record=VARIABLES, **RESET)
    plan = plan_of(PROGRAM, engine="reference", **RESET)
    first = compare_traces(plan, {"reference": trace, "other": TRACE}).first
    assert first is not None
    assert (first.population, first.column) == ("map", 6)
    assert first.causes[0].startswith("reset: map is cleared in this very column (R0: ")


def test_a_reset_one_column_early_is_recognised() -> None:
    traces = {
        name: nd.simulate(PROGRAM, DATA, engine="reference", record=VARIABLES, **options)
        for name, options in (("reference", RESET), ("early", RESET | {"reset_offset": 5}))
    }
    first = compare_traces(plan_of(PROGRAM, engine="reference", **RESET), traces).first
    assert first is not None
    assert first.column == 5
    assert first.causes[0] == "reset: this is one column before a reset column of map"


def test_conditioned_weights_are_recognised() -> None:
    program = nd.Program(
        (nd.Input("input", (2,)),),
        (nd.Population("one", (1,), nd.CubaLif(1024, 256, -9)),),
        (nd.Connection("input", "one", nd.Dense([[-64, -2]])),),
        nd.Readout("one"),
    )
    x = np.ones((5, 2), int)
    traces = {
        weights: nd.simulate(
            program, x, engine="reference", timing="pipelined", weights=weights, record="s,u,v"
        )
        for weights in ("exact", "lava")
    }
    first = compare_traces(plan_of(program, engine="reference", **OPTIONS), traces).first
    assert first is not None
    assert (first.variable, first.column) == ("u", 1)
    assert first.causes == (
        "start: the first column in which data reach one",
        "weights: Lava's conditioning changes 1 of 2 weights of input->one, this run uses weights "
        "'lava'",
        "current of input->one: a = wrap32(sum of weight * m) >> shift, m = 1 for every non-zero "
        "binary message",
    )


def test_the_very_first_column_has_no_past() -> None:
    first = against(tampered(("map", "v", (0, 0, 0, 0, 0), 1))).first
    assert first is not None
    assert first.previous == {}
    assert first.causes[0].startswith("start: the first column of all")


# --- Rules ---------------------------------------------------------------------------------------

NEURONS: list[Neuron] = [
    nd.CubaLif(1, 2, 3),
    nd.CubaLif(1, 2, 3, reset="subtract", gain=[64]),
    nd.CubaLif(1, 2, 3, reset="none"),
    nd.HomeostaticLif(1, 2, 3, signature=np.zeros((1, 2), int)),
    nd.Integrator(1, 2),
    nd.Delta(1),
    nd.SigmaDelta(1),
    nd.Sigma(),
    nd.ResonateFire(1, 2, 3),
    nd.ResonateFireIz(1, 2, 3),
]


@pytest.mark.parametrize("neuron", NEURONS, ids=lambda neuron: type(neuron).__name__)
def test_every_variable_of_every_neuron_has_a_rule(neuron: Neuron) -> None:
    assert sorted(order(neuron)) == sorted(neuron.variables)
    assert order(neuron)[-1] == "s"
    for variable in neuron.variables:
        for spiked in (False, True):
            text = rule(neuron, variable, spike_differs=spiked)
            assert text.startswith(f"{variable}: ")
            assert "\n" not in text


def test_rules_follow_the_parameters() -> None:
    assert "gain[c]" in rule(NEURONS[1], "u")
    assert "gain[c]" in rule(NEURONS[1], "v")
    assert "v - (threshold << 6)" in rule(NEURONS[1], "v", spike_differs=True)
    assert "leaves v as it is" in rule(NEURONS[2], "v", spike_differs=True)
    assert rule(NEURONS[3], "s") == "s: R4: s = 1 if v > vth (strictly above), v taken before " + (
        "its reset"
    )
    assert current_rule(nd.Conv2d([[[[1]]]])).startswith("a = wrap24")
    assert current_rule(nd.Direct()) == "a = the input itself, no latency"
    assert "delay columns later" in current_rule(nd.Dense([[1]], delay=[[1]]))


# --- Running engines -----------------------------------------------------------------------------


class Faulty(ReferenceEngine):
    """The reference with one wrong value: u of neuron 3 of `end` in column 7."""

    def _run(self, state: Any, inputs: Sequence[np.ndarray[Any, Any]]) -> Recording:
        recording = super()._run(state, inputs)
        if "u" in recording.arrays[1]:
            recording.arrays[1]["u"][:, 7, 3] ^= 1
        return recording


@pytest.fixture
def faulty_native(monkeypatch: pytest.MonkeyPatch) -> None:
    def engine(plan: Plan) -> ReferenceEngine:
        return Faulty(plan) if plan.options.engine == "native" else ReferenceEngine(plan)

    monkeypatch.setattr(simulator, "_engine", engine)


def test_compare_runs_the_engines_and_names_the_faulty_value(faulty_native: None) -> None:
    comparison = compare(PROGRAM, DATA, ("native", "reference"))
    assert comparison.engines == ("reference", "native")
    assert comparison.differing == 2
    assert comparison.samples == 2
    assert comparison.first is not None
    assert (comparison.first.population, comparison.first.column) == ("end", 7)
    assert comparison.first.index == (3,)
    assert set(comparison.seconds) == {"reference", "native"}
    assert comparison.options["timing"] == "aligned"
    assert comparison.options["weights"] == "exact"


def test_compare_passes_the_run_options_on(faulty_native: None) -> None:
    comparison = compare(
        PROGRAM,
        DATA[0],
        "native,reference",
        timing="pipelined",
        steps=5,
        reset_interval=3,
        reset_offset=1,
        record={"map": "v"},
    )
    assert comparison.equal
    assert comparison.steps == 5
    assert comparison.compared == 5 * (12 + 4)
    assert comparison.options == {
        "timing": "pipelined",
        "weights": "exact",
        "steps": 5,
        "reset_interval": 3,
        "reset_offset": 1,
        "input_bits": None,
    }


@pytest.mark.parametrize(
    ("engines", "message"),
    [
        (("native",), "engines is 'native', expected two or more different ones"),
        ((), "engines is '', expected two or more different ones"),
        (
            ("lava", "lava"),
            "engines is 'lava, lava', expected two or more different ones",
        ),
        (
            ("native", "loihi"),
            "engines: no engine 'loihi', there are native, reference, lava",
        ),
    ],
)
def test_lists_of_engines_that_make_no_comparison_are_refused(
    engines: tuple[str, ...], message: str
) -> None:
    with pytest.raises(OptionError) as caught:
        compare(PROGRAM, DATA, engines)
    assert str(caught.value) == message


def test_with_lava_in_the_list_aligned_time_is_refused() -> None:
    with pytest.raises(OptionError, match="engine 'lava' runs pipelined only"):
        compare(PROGRAM, DATA, ("lava", "reference"), timing="aligned")


# --- Showing -------------------------------------------------------------------------------------


def shown(comparison: Comparison, width: int = 100) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(render(comparison))
    return console.export_text()


def test_a_comparison_is_plain_values_for_json(faulty_native: None) -> None:
    comparison = compare(PROGRAM, DATA, ("native", "reference"))
    plain: Mapping[str, Any] = json.loads(json.dumps(comparison.to_dict()))
    assert plain["equal"] is False
    assert plain["differing"] == 2
    assert plain["first"]["population"] == "end"
    assert plain["first"]["values"].keys() == {"reference", "native"}
    assert plain["variables"][0]["differing"] == {"native": 0}


def test_the_terminal_shows_verdict_place_values_and_rule() -> None:
    text = shown(against(tampered(("map", "v", (1, 5, 1, 2, 0), 7))))
    assert text.startswith("different: reference, other; 1 of 1,344 values of 16 neurons")
    assert (
        "first divergence: population 0 (map), v[1, 2, 0], sample 1, column 5 (Lava's t = 6)"
        in (text)
    )
    assert re.search(rf"v in other +{int(TRACE['map'].v[1, 5, 1, 2, 0]) + 7:,} ", text)
    assert "R3: v = clip(" in text
    assert "threshold = 60" in text


def test_the_terminal_shows_equality_and_options() -> None:
    text = shown(against(TRACE))
    assert text.startswith("equal: reference, other; 1,344 values of 16 neurons over 14 steps")
    assert f"timing pipelined, weights lava; program {PROGRAM.digest[:12]}" in text
    assert "divergence" not in text


def test_the_terminal_shows_a_narrow_window_without_losing_the_verdict() -> None:
    assert shown(against(TRACE), width=40).startswith("equal: reference, other;")
