"""The Lava engine equals the reference, and refuses by name what Lava cannot run.

Tests that need Lava are skipped where neither this interpreter nor NEURODEPLOY_LAVA_PYTHON has it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzz_lava import Tally, fuzz_one
from lava_chain import LAVA, LIF, assert_lava_equals_reference, chain, needs_lava, spikes

import neurodeploy as nd
from neurodeploy.conditioning import condition
from neurodeploy.converters.netx import read
from neurodeploy.errors import EngineError, ExportError, NeurodeployError, OptionError
from neurodeploy.trace import NOT_OBSERVABLE

# --- Equality ------------------------------------------------------------------------------------


@needs_lava
@pytest.mark.parametrize("seed", range(300, 306))
def test_lava_equals_reference_on_edges_and_random_programs(seed: int) -> None:
    """The short form of `tests/fuzz_lava.py`, which runs as many neuron-steps as asked."""
    tally = Tally()
    comparison = fuzz_one(seed, "reference", tally, steps=40)
    if comparison is None:
        assert tally.refused + tally.undefined == 1
    else:
        assert comparison.equal, comparison.first
        assert tally.values > 0


@needs_lava
def test_each_sample_of_a_batch_is_a_run_of_its_own() -> None:
    program = chain(LIF, LIF)
    x = spikes(3, 12, 5)
    trace = assert_lava_equals_reference(program, x, reset_interval=6, reset_offset=1)
    assert trace["layer1"].v.shape == (3, 12, 5)
    assert trace["layer1"].s.dtype == np.uint8


@needs_lava
def test_a_bias_image_drives_an_input_block_through_16_bits() -> None:
    program = nd.Program(
        (nd.Input("image", (2, 3, 4), 32),),
        (nd.Population("block", (2, 3, 4), nd.CubaLif(4096, 0, 500, bias=[[[7]], [[-7]]])),),
        (nd.Connection("image", "block", nd.Direct(), port="bias"),),
        nd.Readout("block"),
    )
    x = np.random.default_rng(3).choice([0, 1, -5, 32760, 32768, -32768, 40000], (9, 2, 3, 4))
    assert_lava_equals_reference(program, x)


@needs_lava
def test_parts_that_are_not_connected_run_together() -> None:
    dense = nd.Dense([[30, -20], [50, 2]])
    program = nd.Program(
        (nd.Input("x", (2,)), nd.Input("y", (2,))),
        (
            nd.Population("a", (2,), LIF),
            nd.Population("alone", (1, 2, 2), nd.CubaLif(0, 0, 100, bias=9)),
            nd.Population("b", (2,), LIF),
        ),
        (nd.Connection("x", "a", dense), nd.Connection("y", "b", dense)),
        nd.Readout("a"),
    )
    assert_lava_equals_reference(program, {"x": spikes(15, 2), "y": 1 - spikes(15, 2)})


@needs_lava
def test_skip_connections_and_long_feedback_run_in_lava() -> None:
    base = chain(LIF, LIF, LIF)
    weight = np.arange(25).reshape(5, 5) - 9
    extra = (
        nd.Connection("input", "layer2", nd.Dense(weight)),
        nd.Connection("layer2", "layer0", nd.Dense(-weight), feedback=True),
    )
    program = nd.Program(base.inputs, base.populations, base.connections + extra, base.readout)
    assert_lava_equals_reference(program, spikes(20, 5), reset_interval=7)


@needs_lava
def test_group_weights_reach_a_map_in_channel_height_width_order() -> None:
    rng = np.random.default_rng(4)
    conv = nd.Conv2d(rng.integers(-40, 60, (2, 2, 2, 3)), padding=(1, 0))
    shape = conv.output_shape((2, 3, 4))
    program = nd.Program(
        (nd.Input("input", (6,)),),
        (nd.Population("map", (2, 3, 4), LIF), nd.Population("next", shape, LIF)),
        (
            nd.Connection("input", "map", nd.Dense(rng.integers(-90, 120, (24, 6)))),
            nd.Connection("map", "next", conv),
        ),
        nd.Readout("next"),
    )
    assert_lava_equals_reference(program, spikes(15, 6))


@needs_lava
def test_no_steps_give_empty_records() -> None:
    trace = nd.simulate(chain(LIF), spikes(4, 5), engine="lava", steps=0, **LAVA)
    assert trace["layer0"].u.shape == (0, 5)


@needs_lava
def test_counts_are_exact_except_those_that_lava_hides() -> None:
    trace = assert_lava_equals_reference(chain(LIF, LIF), spikes(2, 10, 5))
    assert trace.activity.u_wraps["layer0"].tolist() == [NOT_OBSERVABLE, NOT_OBSERVABLE]
    assert trace.activity.totals()["v_saturations"] == {"layer0": -1, "layer1": -1}
    assert trace.activity.totals()["synops_taps"]["layer0->layer1"] > 0


@needs_lava
def test_exact_weights_run_when_conditioning_keeps_them() -> None:
    assert_lava_equals_reference(chain(LIF), spikes(10, 5), weights="exact")


@needs_lava
def test_exact_weights_are_refused_when_lavas_shifted_sums_may_wrap() -> None:
    program = nd.Program(
        (nd.Input("input", (2,), 32),),
        (nd.Population("one", (1,), LIF),),
        (nd.Connection("input", "one", nd.Dense([[-2, 60]])),),
        nd.Readout("one"),
    )
    assert_lava_equals_reference(program, [[2**22, -(2**22)], [9, 9], [0, 0]], weights="exact")
    with pytest.raises(OptionError) as caught:
        nd.simulate(program, [[2**24, 0]], engine="lava", **(LAVA | {"weights": "exact"}))
    assert str(caught.value) == (
        "connection input->one: messages up to 16777216 take Lava's sums, shifted left by 2, "
        "beyond int32, so weights 'exact' cannot run in Lava; use weights 'lava'"
    )


def test_one_signed_half_of_an_odd_mixed_group_becomes_zero() -> None:
    """As recorded from Lava: the shared number of weight bits is 9, the half drops -1 bits."""
    mixed, negative = condition([np.array([[-255, 253]]), np.array([[-96, -3]])])
    assert mixed.weight.tolist() == [[-255, 253]]
    assert negative.weight.tolist() == [[0, 0]]


def test_a_delayed_sum_is_wide_before_the_shift() -> None:
    """As recorded from Lava: weights << 1, three products below 2^31, their sum above it."""
    program = nd.Program(
        (nd.Input("input", (3,), 32),),
        (nd.Population("sum", (1,), nd.Sigma()),),
        (nd.Connection("input", "sum", nd.Dense([[96, 96, 96]], delay=[[1]])),),
        nd.Readout("sum", "sigma"),
    )
    x = np.zeros((4, 3), np.int32)
    x[0] = 2**23 - 1
    trace = nd.simulate(program, x, engine="reference", **LAVA)
    total = 3 * 96 * (2**23 - 1)
    assert trace["sum"].sigma[-1, 0] == (total + 2**31) % 2**32 - 2**31


@needs_lava
def test_a_delayed_sum_is_wide_in_lava_too() -> None:
    program = nd.Program(
        (nd.Input("input", (3,), 32),),
        (nd.Population("sum", (1,), nd.Sigma()),),
        (nd.Connection("input", "sum", nd.Dense([[96, 96, 96]], delay=[[1]])),),
        nd.Readout("sum", "sigma"),
    )
    x = np.array([[2**23 - 1] * 3, [2**24, -(2**23), 5], [0, 0, 0], [0, 0, 0]], np.int32)
    assert_lava_equals_reference(program, x)


GOLDEN = Path(__file__).parents[1] / "golden"


@needs_lava
@pytest.mark.filterwarnings("ignore::neurodeploy.errors.NeurodeployWarning")
@pytest.mark.parametrize(
    "name",
    [
        "conv_flatten_dense_reset",
        "cuba_input_block",
        "delay_dense_reset",
        "quirk_nonpos_power_of_two",
        "recurrent",
        "rf_iz_dense",
        "sdnn_conv_dense",
    ],
)
def test_lava_reproduces_what_netx_recorded(name: str) -> None:
    """The recordings come from `netx.hdf5.Network`, this engine builds from Lava's processes."""
    program = read(GOLDEN / name / "network.net")
    with np.load(GOLDEN / name / "case.npz") as case:
        interval = int(case["reset_interval"])
        trace = nd.simulate(
            program,
            case["input"],
            engine="lava",
            reset_interval=None if interval < 0 else interval,
            reset_offset=int(case["reset_offset"]),
            input_bits=int(case["num_message_bits"]),
            **LAVA,
        ).flat()
        recorded = [key for key in case.files if key.startswith("layer")]
        assert set(trace) == set(recorded)
        for key in recorded:
            assert np.array_equal(trace[key], case[key]), key


# --- Refusals ------------------------------------------------------------------------------------

ADVICE = "use engine 'native' or 'reference'"
BIAS_FROM_DENSE = nd.Program(
    (nd.Input("input", (2,)),),
    (nd.Population("one", (2,), LIF),),
    (nd.Connection("input", "one", nd.Dense([[1, 2], [3, 4]]), port="bias"),),
    nd.Readout("one"),
)
WIDE_PADDING = nd.Program(
    (nd.Input("input", (1, 2, 2)),),
    (nd.Population("map", (1, 258, 2), LIF),),
    (nd.Connection("input", "map", nd.Conv2d(np.ones((1, 1, 1, 1), int), padding=(128, 0))),),
    nd.Readout("map"),
)
TWO_THRESHOLDS = nd.Program(
    (nd.Input("input", (2,), 8),),
    (nd.Population("delta", (2,), nd.Delta([1, 2])),),
    (nd.Connection("input", "delta", nd.Direct()),),
    nd.Readout("delta"),
)
TALIF = nd.HomeostaticLif(1024, 256, 40, signature=np.zeros((3, 5), int))


@pytest.mark.parametrize(
    ("program", "options", "error", "message"),
    [
        (
            chain(LIF, nd.CubaLif(0, 0, 9, reset="subtract")),
            {},
            ExportError,
            f"population layer1: reset is 'subtract', Lava resets to zero only; {ADVICE}",
        ),
        (
            chain(nd.CubaLif(0, 0, 9, gain=[64, 32])),
            {},
            ExportError,
            f"population layer0: gain is set, Lava's input mantissa is always 64; {ADVICE}",
        ),
        (
            chain(TALIF),
            {},
            ExportError,
            f"population layer0: HomeostaticLif adapts its threshold, Lava cannot; {ADVICE}",
        ),
        (
            TWO_THRESHOLDS,
            {},
            ExportError,
            "population delta: threshold differs between neurons, Lava's Delta has one for all; "
            + ADVICE,
        ),
        (
            BIAS_FROM_DENSE,
            {},
            ExportError,
            "connection input->one:bias: Dense drives the port 'bias', Lava takes a bias from an "
            f"input only (Direct); {ADVICE}",
        ),
        (
            WIDE_PADDING,
            {},
            ExportError,
            "connection input->map: padding is 128, Lava keeps 8 bits: at most 127",
        ),
        (
            BIAS_FROM_DENSE,
            {"timing": "aligned"},
            OptionError,
            "engine 'lava' runs pipelined only; use timing 'pipelined'",
        ),
        (
            nd.Program(
                (nd.Input("input", (2,)),),
                (nd.Population("one", (1,), LIF),),
                (nd.Connection("input", "one", nd.Dense([[-64, -2]])),),
                nd.Readout("one"),
            ),
            {"weights": "exact"},
            OptionError,
            "connection input->one: Lava's conditioning changes 1 of 2 weights, so weights 'exact' "
            "cannot run in Lava; use weights 'lava'",
        ),
        (
            nd.Program(
                (nd.Input("input", (2,)),),
                (nd.Population("one", (1,), LIF),),
                (nd.Connection("input", "one", nd.Dense([[0, 0]])),),
                nd.Readout("one"),
            ),
            {"weights": "exact"},
            OptionError,
            "connection input->one: all weights are zero, which Lava cannot load",
        ),
    ],
)
def test_what_lava_cannot_run_is_refused_by_name(
    program: nd.Program, options: dict[str, Any], error: type[NeurodeployError], message: str
) -> None:
    with pytest.raises(error) as caught:
        nd.compile(program, engine="lava", **(LAVA | options))
    assert str(caught.value) == message


@needs_lava
def test_a_stream_cannot_be_continued() -> None:
    simulator = nd.compile(chain(LIF), engine="lava", **LAVA)
    simulator.run(spikes(3, 5))
    with pytest.raises(EngineError) as caught:
        simulator.run(spikes(3, 5))
    assert str(caught.value) == (
        "engine 'lava': a stream cannot be continued in a second run; give all columns in one "
        "call, or call reset() to start a new stream"
    )
    simulator.reset()
    simulator.run(spikes(3, 5))
