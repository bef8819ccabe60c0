"""The Lava engine: equal to the reference, bounded in time, and clear when it cannot run.

Tests that need Lava are skipped where neither this interpreter nor NEURODEPLOY_LAVA_PYTHON has it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzz_lava import Tally, fuzz_one

import neurodeploy as nd
from neurodeploy.converters.netx import read
from neurodeploy.errors import EngineError, ExportError, NeurodeployError, OptionError
from neurodeploy.fixedpoint import condition
from neurodeploy.sim import lava_job
from neurodeploy.sim.lava import LavaEngine
from neurodeploy.sim.options import VARIABLES, RunOptions
from neurodeploy.sim.plan import prepare
from neurodeploy.trace import NOT_OBSERVABLE


def _why_no_lava() -> str:
    try:
        lava_job.interpreter()
    except EngineError as error:
        return str(error)
    return ""


needs_lava = pytest.mark.skipif(bool(_why_no_lava()), reason=_why_no_lava() or "Lava is here")
LAVA: dict[str, Any] = {"timing": "pipelined", "weights": "lava", "record": VARIABLES}


def chain(*neurons: nd.CubaLif, size: int = 5, **options: Any) -> nd.Program:
    """A dense chain input -> layer0 -> layer1 ... of populations of ``size``."""
    rng = np.random.default_rng(1)
    names = ["input", *(f"layer{k}" for k in range(len(neurons)))]
    populations = [nd.Population(n, (size,), p) for n, p in zip(names[1:], neurons, strict=True)]
    connections = [
        nd.Connection(a, b, nd.Dense(rng.integers(-60, 90, (size, size)), **options))
        for a, b in pairwise(names)
    ]
    return nd.Program(
        (nd.Input("input", (size,)),), tuple(populations), tuple(connections), nd.Readout(names[-1])
    )


def spikes(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(2).integers(0, 2, shape)


LIF = nd.CubaLif(1024, 256, 40, bias=3)


def assert_lava_equals_reference(program: nd.Program, x: Any, **options: Any) -> nd.Trace:
    options = LAVA | options
    expected = nd.simulate(program, x, engine="reference", **options)
    found = nd.simulate(program, x, engine="lava", **options)
    assert found.flat().keys() == expected.flat().keys()
    for name, array in expected.flat().items():
        assert found.flat()[name].dtype == array.dtype, name
        assert np.array_equal(found.flat()[name], array), name
    differing = found.activity.differences(expected.activity)
    assert all(entry.startswith(("u_wraps/", "v_saturations/")) for entry in differing)
    return found


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
def test_dense_weights_reach_a_map_in_channel_height_width_order() -> None:
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


# --- The interpreter -----------------------------------------------------------------------------


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this interpreter had no Lava."""
    monkeypatch.setattr(lava_job, "_has_lava", lambda: False)
    monkeypatch.delenv(lava_job.PYTHON_VARIABLE, raising=False)


def test_without_an_interpreter_the_error_says_what_to_install(elsewhere: None) -> None:
    with pytest.raises(EngineError) as caught:
        nd.compile(chain(LIF), engine="lava", **LAVA)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert str(caught.value) == (
        f"engine 'lava': this Python {version} has no Lava, which needs Python 3.10; install "
        "lava-nc==0.10.0 and lava-dl==0.6.0 there and set NEURODEPLOY_LAVA_PYTHON to its "
        "interpreter"
    )


def test_a_named_interpreter_that_is_no_program_is_refused(
    elsewhere: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(lava_job.PYTHON_VARIABLE, str(tmp_path))
    with pytest.raises(EngineError) as caught:
        lava_job.interpreter()
    assert str(caught.value) == (
        f"engine 'lava': NEURODEPLOY_LAVA_PYTHON is {str(tmp_path)!r}, "
        "expected an executable Python 3.10"
    )


def test_a_named_interpreter_without_lava_fails_with_its_last_line(
    elsewhere: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -E "$@"\n')
    python.chmod(0o755)
    monkeypatch.setenv(lava_job.PYTHON_VARIABLE, str(python))
    with pytest.raises(EngineError) as caught:
        nd.simulate(chain(LIF), spikes(3, 5), engine="lava", **LAVA)
    assert str(caught.value) == (
        f"engine 'lava': ModuleNotFoundError: No module named 'numpy' ({python})"
    )


@needs_lava
def test_the_named_interpreter_runs_the_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    link = tmp_path / "python3.10"
    link.write_text(f'#!/bin/sh\nexec "{lava_job.interpreter()}" "$@"\n')
    link.chmod(0o755)
    monkeypatch.setattr(lava_job, "_has_lava", lambda: False)
    monkeypatch.setenv(lava_job.PYTHON_VARIABLE, str(link))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "sim"))  # must not reach it
    assert_lava_equals_reference(chain(LIF), spikes(8, 5))


# --- Time, failure and cleaning up ---------------------------------------------------------------

MARK = "NEURODEPLOY_TEST_MARK"


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """Mark the processes of this test by an environment variable, its files by a directory."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    mark = uuid.uuid4().hex
    monkeypatch.setenv(MARK, mark)
    yield mark
    assert _processes(mark) == []
    assert list(tmp_path.iterdir()) == []


def _processes(mark: str) -> list[int]:
    """Process ids, zombies included, that carry ``mark``; this process and its parent aside."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"{MARK}={mark}".encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


def _children_are_zombies() -> bool:
    try:
        return os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return False


def slow() -> tuple[nd.Program, np.ndarray[Any, Any]]:
    """A program and an input that keep Lava busy for minutes."""
    return chain(LIF, size=60, delay=np.full((60, 1), 62)), spikes(60_000, 60)


linux = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")


@needs_lava
@linux
def test_a_time_out_ends_the_whole_group(marked: str) -> None:
    program, x = slow()
    engine = LavaEngine(prepare(program, RunOptions(engine="lava", **LAVA)), timeout_seconds=4)
    with pytest.raises(EngineError, match=r"engine 'lava': stopped after 4 s at step \d+ of 60000"):
        engine.advance(engine.fresh(1), [x[None].astype(np.uint8)])
    assert not _children_are_zombies()


@needs_lava
@linux
def test_the_environment_sets_the_time_limit(marked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program, x = slow()
    monkeypatch.setenv(lava_job.TIMEOUT_VARIABLE, "0.5")
    with pytest.raises(EngineError) as caught:
        nd.simulate(program, x, engine="lava", **LAVA)
    assert str(caught.value) == (
        "engine 'lava': stopped after 0.5 s at step 0 of 60000, sample 0 of 1; allow more with "
        "NEURODEPLOY_LAVA_TIMEOUT (seconds)"
    )


@pytest.mark.parametrize("text", ["0", "-3", "soon", "nan", "inf"])
def test_a_time_limit_that_is_no_time_is_refused(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(lava_job.TIMEOUT_VARIABLE, text)
    plan = prepare(chain(LIF), RunOptions(engine="lava", **LAVA))
    with pytest.raises(EngineError) as caught:
        lava_job.time_limit_seconds(plan, 1, 1)
    assert str(caught.value) == (f"NEURODEPLOY_LAVA_TIMEOUT is {text!r}, expected seconds above 0")


def test_the_time_limit_grows_with_size_steps_and_samples() -> None:
    small = prepare(chain(LIF), RunOptions(engine="lava", **LAVA))
    large = prepare(slow()[0], RunOptions(engine="lava", **LAVA))
    limit = lava_job.time_limit_seconds
    assert limit(small, 1, 10) < limit(small, 1, 1000) < limit(large, 1, 1000)
    assert limit(small, 1, 10) < limit(small, 100, 10)


@needs_lava
@linux
def test_a_failure_inside_lava_is_reported_with_its_place(marked: str) -> None:
    """Lava casts the float64 sum of a convolution to int32: beyond that the result is undefined."""
    program = nd.Program(
        (nd.Input("input", (1, 2, 2), 32),),
        (nd.Population("map", (1, 2, 2), LIF),),
        (nd.Connection("input", "map", nd.Conv2d([[[[200]]]])),),
        nd.Readout("map"),
    )
    x = np.zeros((6, 1, 2, 2), np.int32)
    x[3, 0, 1, 1] = 2**25
    with pytest.raises(EngineError) as caught:
        nd.simulate(program, x, engine="lava", **LAVA)
    assert str(caught.value) == (
        "engine 'lava': connection input->map at step 4: OverflowError: a sum leaves int32, what "
        f"Lava makes of it is undefined ({lava_job.interpreter()})"
    )
    assert "Traceback" in str(caught.value.__cause__)


@needs_lava
@linux
def test_a_failure_while_building_is_reported(marked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = lava_job._numbers

    def without_weight(*arguments: Any) -> Any:
        arrays = numbers(*arguments)
        del arrays["connection0_weight"]
        return arrays

    monkeypatch.setattr(lava_job, "_numbers", without_weight)
    with pytest.raises(EngineError) as caught:
        nd.simulate(chain(LIF), spikes(3, 5), engine="lava", **LAVA)
    assert str(caught.value) == (
        f"engine 'lava': KeyError: 'connection0_weight' ({lava_job.interpreter()})"
    )


@needs_lava
@linux
def test_a_killed_process_of_lava_ends_the_run(marked: str) -> None:
    program, x = slow()
    threading.Thread(target=_kill_a_leaf, args=(marked,)).start()
    with pytest.raises(EngineError, match="a process of Lava was ended by SIGKILL"):
        nd.simulate(program, x, engine="lava", **LAVA)


def _kill_a_leaf(mark: str) -> None:
    """Wait until Lava's processes run, then kill one of those that have no children."""
    while True:
        time.sleep(0.2)
        parents = {pid: _parent(pid) for pid in _processes(mark)}
        leaves = [
            pid
            for pid in parents
            if pid not in parents.values() and b"lava_worker" in _command(pid)
        ]
        if len(leaves) >= 4:  # input, synapse, neuron, runtime service
            time.sleep(1)
            os.kill(max(leaves), signal.SIGKILL)
            return


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


SCRIPT = """
import tempfile, sys
import numpy as np
import neurodeploy as nd
tempfile.tempdir = sys.argv[1]
dense = nd.Dense(np.full((60, 60), 3), delay=np.full((60, 1), 62))
program = nd.Program(
    (nd.Input("input", (60,)),),
    (nd.Population("layer0", (60,), nd.CubaLif(1024, 256, 40)),),
    (nd.Connection("input", "layer0", dense),),
    nd.Readout("layer0"),
)
print("ready", flush=True)
x = np.ones((60000, 60), np.uint8)
nd.simulate(program, x, engine="lava", timing="pipelined", weights="lava")
"""


@needs_lava
@linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ending_the_caller_ends_lava_and_removes_its_files(
    marked: str, number: signal.Signals, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    ) as caller:
        assert caller.stdout is not None
        assert caller.stdout.readline() == b"ready\n"
        while len(_processes(marked)) < 6:
            time.sleep(0.1)
        caller.send_signal(number)
        caller.wait(30)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and (_processes(marked) or list(tmp_path.iterdir())):
        time.sleep(0.1)


@needs_lava
@linux
def test_a_full_disk_is_named_before_the_run(marked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(EngineError, match=r"^engine 'lava': .*: No space left on device$"):
        nd.simulate(chain(LIF), spikes(3, 5), engine="lava", **LAVA)
