"""Costs and cases that cannot be. One line names the key and the expectation."""

from __future__ import annotations

from pathlib import Path

import pytest
from profile_edits import Edit, add, both, ends, fitted, key, point, refused, swap, without

IMPOSSIBLE: dict[str, tuple[str, Edit, str]] = {
    "inactive above active": (
        "loihi1",
        key("neuron_update_inactive_pj", ends(112, 588, 600)),
        "energy: neuron_update_inactive_pj is 112 at its low, above neuron_update_active_pj, 72.8",
    ),
    "inactive above active at the low end": (
        "loihi1",
        key("neuron_update_inactive_pj", ends(75, 76, 77)),
        "energy: neuron_update_inactive_pj is 75 at its low, above neuron_update_active_pj, 72.8",
    ),
    "negative synop": (
        "loihi1",
        key("synop_pj", ends(-23.6, 27.1, 35.5)),
        "energy: synop_pj is -23.6, expected 0 to 1e+06",
    ),
    "huge synop": (
        "loihi1",
        key("synop_pj", ends(23.6, 27.1, "1e300")),
        "energy: synop_pj is 1e+300, expected 0 to 1e+06",
    ),
    "infinite synop": (
        "loihi1",
        key("synop_pj", ends(23.6, 27.1, "inf")),
        "energy.synop_pj.high: inf, input should be a finite number",
    ),
    "synop not a number": (
        "loihi1",
        key("synop_pj", ends(23.6, "nan", 35.5)),
        "energy.synop_pj.mid: nan, input should be a finite number",
    ),
    "synop a flag": (
        "loihi1",
        key("synop_pj", ends(23.6, 27.1, "true")),
        "energy.synop_pj.high: True, input should be a valid number",
    ),
    "synop a list": (
        "loihi1",
        key("synop_pj", "[23.6, 27.1, 35.5]"),
        (
            "energy.synop_pj: [23.6, 27.1, 35.5], input should be a valid dictionary or "
            "instance of Quantity"
        ),
    ),
    "ends equal at a weak grade": (
        "loihi1",
        key("synop_pj", ends(27.1, 27.1, 27.1)),
        (
            "energy: synop_pj is a single value of grade simulated, expected an interval with "
            "low, mid and high, low below high"
        ),
    ),
    "value at a weak grade": (
        "loihi1",
        key("synop_pj", '{ value = 27.1, grade = "simulated", source = "sanafe_2_2_9" }'),
        (
            "energy: synop_pj is a single value of grade simulated, expected an interval with "
            "low, mid and high, low below high"
        ),
    ),
    "cases of 0": (
        "loihi1",
        key("host_work_mw", fitted(1.0, 2.0, 3.0, cases="0")),
        "power.host_work_mw.cases: 0, input should be greater than or equal to 1",
    ),
    "cases a flag": (
        "loihi1",
        key("host_work_mw", fitted(1.0, 2.0, 3.0, cases="true")),
        "power.host_work_mw.cases: True, input should be a valid integer",
    ),
    "unknown sub-cost": (
        "loihi1",
        swap('includes = ["hop"]', 'includes = ["hops"]'),
        (
            "energy.synop_pj.includes.0: 'hops', input should be 'neuron_update', 'spike', "
            "'axon_in', 'axon_out', 'hop', 'barrier_sync', 'host' or 'input_event'"
        ),
    ),
    "unknown end": (
        "loihi1",
        swap('includes_at = ["mid"]', 'includes_at = ["middle"]'),
        "energy.synop_pj.includes_at.0: 'middle', input should be 'low', 'mid' or 'high'",
    ),
    "fraction of 7": (
        "loihi1",
        add("power", "chip_fraction = " + point(7)),
        "power: chip_fraction is 7, expected more than 0, at most 1",
    ),
    "fraction of 0": (
        "loihi1",
        add("power", "chip_fraction = " + point(0)),
        "power: chip_fraction is 0, expected more than 0, at most 1",
    ),
    "fraction below 0": (
        "loihi1",
        add("power", "chip_fraction = " + point(-0.5)),
        "power: chip_fraction is -0.5, expected more than 0, at most 1",
    ),
    "negative static": (
        "loihi1",
        key("static_mw", point(-29.5)),
        "power: static_mw is -29.5, expected 0 to 1e+06",
    ),
    "a gigawatt": (
        "loihi1",
        key("static_mw", point("1e12")),
        "power: static_mw is 1e+12, expected 0 to 1e+06",
    ),
    "power as text": (
        "loihi1",
        key("static_mw", '"29.5"'),
        "power.static_mw: '29.5', input should be a valid dictionary or instance of Quantity",
    ),
    "clock of 0": (
        "loihi1",
        add("timing", "clock_hz = " + point(0)),
        "timing: clock_hz is 0, expected more than 0, at most 1e+12",
    ),
    "negative synop time": (
        "loihi1",
        key("synop_ns", ends(-3.1, 3.8, 4.7)),
        "timing: synop_ns is -3.1, expected 0 to 1e+09",
    ),
    "negative step": (
        "loihi1",
        key("whole_step_us", point(-875)),
        "timing: whole_step_us is -875, expected 0 to 1e+09",
    ),
    "activity of 7": (
        "loihi1",
        swap(
            "activity = { low = 0.0, mid = 0.071, high = 1.0",
            "activity = { low = 0.0, mid = 0.071, high = 7.0",
        ),
        "cases.blouw_2019_n2: activity is 7, expected 0 to 1",
    ),
    "layers without activity": (
        "loihi1",
        without("activity"),
        "cases.blouw_2019_n2: layers and activity go together",
    ),
    "layer without neurons": (
        "loihi1",
        swap("{ neurons = 256, fan_in = 390", "{ neurons = 0, fan_in = 390"),
        "cases.blouw_2019_n2.layers.0.neurons: 0, input should be greater than or equal to 1",
    ),
    "layer copies negative": (
        "loihi1",
        swap("copies = 20", "copies = -20"),
        "cases.blouw_2019_n2.layers.1.copies: -20, input should be greater than or equal to 1",
    ),
    "case of no steps": (
        "loihi1",
        swap("steps = { value = 10", "steps = { value = 0"),
        "cases.blouw_2019_n2: steps is 0, expected a whole number from 1 to 1e+12",
    ),
    "case of no step time": (
        "loihi1",
        swap("step_us = { value = 874.5", "step_us = { value = 0"),
        "cases.blouw_2019_n2: step_us is 0, expected more than 0, at most 1e+09",
    ),
    "case role unknown": (
        "loihi1",
        swap('role = "held-out"', 'role = "heldout"'),
        "cases.blouw_2019_n1.role: 'heldout', input should be 'calibration' or 'held-out'",
    ),
    "case measured nothing": (
        "loihi1",
        both(without("running_mw"), without("dynamic_mj")),
        "cases.blouw_2019_n2: nothing measured: dynamic_mj, static_mj or running_mw",
    ),
    "spikes above updates": (
        "loihi2",
        key("updates", '{ value = 100000, grade = "derived", source = "lavadl_pilotnet_lif" }'),
        "cases.lavadl_pilotnet_lif: spikes are 815453, above updates, 100000",
    ),
    "nonzero above taps": (
        "loihi2",
        key(
            "synops_taps", '{ value = 40000000, grade = "derived", source = "lavadl_pilotnet_lif" }'
        ),
        "cases.lavadl_pilotnet_lif: synops_nonzero is 4.49584e+07, above synops_taps, 4e+07",
    ),
    "counts in part": (
        "loihi2",
        without("spikes"),
        "cases.lavadl_pilotnet_lif: spikes is missing, beside updates",
    ),
    "constants above their own case": (
        "loihi2",
        key("synop_pj", fitted(12.0, 19.6, 2270.0)),
        (
            "file: energy.synop_pj 2270 puts 98.6 mJ on the case 'lavadl_pilotnet_lif', which "
            "measured 1.09 mJ in all"
        ),
    ),
    "constants together above their case": (
        "loihi2",
        both(
            key("neuron_update_active_pj", fitted(400.0, 410.0, 420.0)),
            key("synop_pj", fitted(20.0, 21.0, 22.0)),
        ),
        (
            "file: energy: the lows of the constants put 1.88 mJ on the case "
            "'lavadl_pilotnet_lif', which measured 1.09 mJ in all"
        ),
    ),
    "joint without such a case": (
        "loihi2",
        key("joint_constraint", '"pilotnet"'),
        "file: energy.joint_constraint: no case 'pilotnet' in [cases]",
    ),
    "joint without convention": (
        "loihi2",
        swap('count_convention = "taps"\n', ""),
        "energy: joint_constraint needs count_convention, 'taps' or 'nonzero'",
    ),
    "joint case without energy": (
        "loihi2",
        without("dynamic_mj"),
        "file: cases.lavadl_pilotnet_lif: dynamic_mj is missing, the joint constraint needs it",
    ),
    "convention unknown": (
        "loihi2",
        key("count_convention", '"all"'),
        "energy.count_convention: 'all', input should be 'taps' or 'nonzero'",
    ),
    "predictions written down": (
        "loihi2",
        swap("[citations]", '[[validation]]\ncase = "a"\n[citations]'),
        (
            "validation: predictions are not written down but made when they are asked for; "
            "give what was counted and measured as a case, [cases.NAME]"
        ),
    ),
    "cases a list": (
        "loihi2",
        swap("[citations]", '[[cases.other]]\ntitle = "a"\n[citations]'),
        "cases.other: [{'title': 'a'}], input should be a valid dictionary or instance of Case",
    ),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_it_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    shipped, edit, message = IMPOSSIBLE[name]
    assert refused(shipped, edit, tmp_path) == message
