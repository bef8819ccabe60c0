"""The native engine as a component: choice of kernels, refusals, interrupts, memory, its stub."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.errors import EngineError, InputError, OptionError
from neurodeploy.recording import PackedSpikes
from neurodeploy.sim import _native, native
from neurodeploy.sim.native import INSTRUCTION_SETS, instruction_set, instruction_sets


def program(size: int = 3, neurons: int = 2) -> nd.Program:
    return nd.Program(
        (nd.Input("x", (size,)),),
        (nd.Population("n", (neurons,), nd.CubaLif(1, 1, 1)),),
        (nd.Connection("x", "n", nd.Dense(np.ones((neurons, size), int))),),
        nd.Readout("n"),
    )


def engine(**options: Any) -> Any:
    return nd.compile(program(), **options)._engine


def test_the_fastest_instruction_set_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEURODEPLOY_ISA", raising=False)
    order = [INSTRUCTION_SETS.index(name) for name in instruction_sets()]
    assert order == sorted(order)
    assert instruction_sets()[-1] == "portable"
    assert instruction_set() == instruction_sets()[0]
    assert engine().instruction_set == instruction_sets()[0]


@pytest.mark.parametrize("name", INSTRUCTION_SETS)
def test_an_instruction_set_can_be_forced_or_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURODEPLOY_ISA", name)
    if name in instruction_sets():
        assert engine().instruction_set == name
        return
    with pytest.raises(EngineError) as caught:
        engine()
    available = ", ".join(instruction_sets())
    assert str(caught.value) == f"NEURODEPLOY_ISA is {name!r}, available here are {available}"


def test_an_unknown_instruction_set_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODEPLOY_ISA", "sse9")
    with pytest.raises(OptionError) as caught:
        engine()
    assert str(caught.value) == (
        "NEURODEPLOY_ISA is 'sse9', expected one of avx512, avx2, portable"
    )


BAD_INPUTS: list[tuple[list[Any], str]] = [
    ([], "0 arrays are given for 1 inputs"),
    (
        [np.zeros((2, 4, 3), np.uint8)],
        "input x: has shape (2, 4, 3), expected (1, 4, 3)",
    ),
    (
        [np.zeros((1, 4, 2), np.uint8)],
        "input x: has shape (1, 4, 2), expected (1, 4, 3)",
    ),
    ([np.zeros((1, 3), np.uint8)], "input x: has shape (1, 3), expected (1, 3, 3)"),
    ([np.zeros((1, 4, 3))], "input x: has dtype float64, expected uint8 or int32"),
    ([np.zeros((1, 4, 3), ">i4")], "input x: has dtype >i4, expected uint8 or int32"),
]


@pytest.mark.parametrize(("inputs", "message"), BAD_INPUTS)
def test_arrays_of_the_wrong_kind_are_refused(inputs: list[Any], message: str) -> None:
    subject = engine()
    with pytest.raises(InputError) as caught:
        subject.advance(subject.fresh(1), inputs)
    assert str(caught.value) == message


def test_strided_and_unaligned_arrays_are_copied() -> None:
    data = np.arange(12, dtype=np.int32).reshape(1, 4, 3)
    unaligned = np.frombuffer(b"." + data.tobytes(), np.int32, offset=1).reshape(data.shape)
    strided = np.repeat(data, 2, axis=2)[:, :, ::2]
    expected = engine().run([data]).arrays[0]["s"]
    for array in (unaligned, strided):
        assert np.array_equal(engine().run([array]).arrays[0]["s"], expected)


def test_the_compiled_module_checks_sizes_itself() -> None:
    """A wrong call is a ValueError, never an access outside an array."""
    network = engine()._network
    data = [np.zeros((1, 4, 3), np.uint8)]

    def run(**changed: Any) -> None:
        arguments: dict[str, Any] = {
            "column": 0,
            "steps": 4,
            "inputs": data,
            "state_in": None,
            "state_out": None,
            "records": [],
            "counts": np.zeros((6, 1), np.int64),
            "threads": 1,
        }
        network.run(**(arguments | changed))

    run()
    short = np.zeros(3, np.int32)
    for changed, message in [
        ({"inputs": []}, "wrong number of inputs"),
        ({"steps": 5}, "an input has a wrong shape"),
        ({"inputs": [np.zeros((1, 4, 3), np.int16)]}, "an input is neither uint8 nor int32"),
        ({"counts": np.zeros((5, 1), np.int64)}, "the counters have a wrong shape"),
        ({"state_out": np.zeros((1, 3), np.uint8)}, "a state has a wrong shape"),
        ({"records": [(0, 0, short)]}, "a record has a wrong size"),
        ({"records": [(1, 0, short)]}, "no such variable"),
        ({"records": [(0, 0, np.zeros(8, np.int64))]}, "a record is not int32"),
        ({"records": [(0, -1, np.zeros(16, np.int32))]}, "a record of spikes is not uint8"),
        ({"records": [(0, -1, np.zeros(8, np.uint8))]}, "a record has a wrong size"),
    ]:
        with pytest.raises(ValueError, match=message):
            run(**changed)
    for ask in (network.lanes, network.order):
        with pytest.raises(ValueError, match="no such population"):
            ask(1)


def test_the_stub_names_what_the_module_has() -> None:
    """Every class, method and argument of ``_native.pyi`` exists, and nothing else does."""
    stub = ast.parse(Path(native.__file__).with_name("_native.pyi").read_text())
    declared = {node.name: node for node in stub.body if hasattr(node, "name")}
    assert set(declared) == {name for name in dir(_native) if not name.startswith("__")}
    network = declared["Network"]
    assert isinstance(network, ast.ClassDef)
    methods = {f.name: f for f in network.body if isinstance(f, ast.FunctionDef)}
    present = {name for name in dir(_native.Network) if not name.startswith("_")}
    assert set(methods) - {"__init__"} == present
    for name, function in methods.items():
        signature = getattr(_native.Network, name).__doc__ or ""
        arguments = [a.arg for a in (*function.args.args, *function.args.kwonlyargs)][1:]
        found = re.findall(r"[(,] (\w+):", signature.replace("(self, ", "( self, "))
        if arguments:
            assert found == arguments, name


# --- Recorded spikes ------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1,), (64,), (65,), (3, 5, 7), (16, 9, 9)])
def test_spikes_are_recorded_as_bits(shape: tuple[int, ...]) -> None:
    """One bit per lane; lanes fill granules of 32, maps are stored channels last."""
    rng = np.random.default_rng(3)
    maps = len(shape) == 3
    source = (2, shape[1] + 2, shape[2] + 2) if maps else (9,)
    weight = rng.integers(-60, 100, (shape[0], 2, 3, 3) if maps else (*shape, 9))
    subject = nd.Program(
        (nd.Input("x", source),),
        (nd.Population("n", shape, nd.CubaLif(500, 300, 20)),),
        (nd.Connection("x", "n", (nd.Conv2d if maps else nd.Dense)(weight)),),
        nd.Readout("n"),
    )
    data = rng.integers(0, 2, (3, 7, *source), np.uint8)
    trace = nd.simulate(subject, data)
    bits = trace["n"].recorded["s"]
    assert isinstance(bits, PackedSpikes)
    assert bits.bits.shape[:2] == (3, 7)
    assert bits.nbytes * 8 % (3 * 7 * 32) == 0
    expected = nd.simulate(subject, data, engine="reference")["n"].s
    assert expected.any()
    assert trace["n"].s.dtype == np.uint8
    assert np.array_equal(trace["n"].s, expected)


# --- Interrupts and memory -----------------------------------------------------------------------


def python(code: str) -> str:
    """Run ``code`` in a fresh interpreter and return what it prints."""
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return result.stdout.strip()


INTERRUPT = """
    import os, signal, threading, time
    import numpy as np
    import neurodeploy as nd

    # A shell that runs jobs in the background starts them deaf to interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    rng = np.random.default_rng(0)
    program = nd.Program(
        (nd.Input("x", (500,)),),
        (nd.Population("n", (2000,), nd.CubaLif(100, 100, 500)),),
        (nd.Connection("x", "n", nd.Dense(rng.integers(-99, 99, (2000, 500)))),),
        nd.Readout("n"),
    )
    chunk = np.ones((9, 500), np.uint8)

    def interrupted(simulator, x, after=0.3):
        threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT)).start()
        start = time.monotonic()
        try:
            while time.monotonic() < start + 60:
                simulator.run(x)
        except KeyboardInterrupt:
            return time.monotonic() - start < 30
        return False
"""

BATCH = """
    simulator = nd.compile(program, threads={threads}, record=())
    print(interrupted(simulator, np.ones((4000, 2, 500), np.uint8)))
"""

STREAM = """
    simulator = nd.compile(program)
    simulator.run(chunk)
    print(interrupted(simulator, np.ones((120_000, 500), np.uint8)))
    undisturbed = nd.compile(program)
    undisturbed.run(chunk)
    print(np.array_equal(undisturbed.run(chunk)["n"].s, simulator.run(chunk)["n"].s))
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_ends_a_batch(threads: int) -> None:
    assert python(INTERRUPT + BATCH.format(threads=threads)) == "True"


def test_ctrl_c_leaves_a_stream_where_it_was() -> None:
    """One long chunk is interrupted; the next continues from before it."""
    assert python(INTERRUPT + STREAM) == "True\nTrue"


LOPSIDED = """
    weight = rng.integers(-99, 101, (3000, 3000))
    program = nd.Program(
        (nd.Input("x", (1,)),),
        (nd.Population("n", (3000,), nd.CubaLif(100, 100, 50)),),
        (
            nd.Connection("x", "n", nd.Dense(np.full((3000, 1), 100))),
            nd.Connection("n", "n", nd.Dense(weight), feedback=True),
        ),
        nd.Readout("n", "s"),
    )
    x = np.zeros((2, 100_000, 1), np.uint8)
    x[{busy}] = 1
    simulator = nd.compile(program, threads=2, record=())
    print(interrupted(simulator, x, after=3))
"""


@pytest.mark.parametrize("busy", [0, 1])
def test_ctrl_c_ends_a_long_sample_beside_a_short_one(busy: int) -> None:
    """Whichever thread has the long one: the other has nothing left to do, and waits."""
    assert python(INTERRUPT + LOPSIDED.format(busy=busy)) == "True"


MEMORY = """
    import resource
    import numpy as np
    import neurodeploy as nd

    program = nd.Program(
        (nd.Input("x", (1,)),),
        (
            nd.Population("wide", (40000,), nd.CubaLif(9, 9, 9)),
            nd.Population("n", (1,), nd.CubaLif(9, 9, 9)),
        ),
        (nd.Connection("x", "wide", nd.Dense(np.ones((40000, 1), int))),),
        nd.Readout("n"),
    )
    simulator = nd.compile(program, threads=2, record=())
    peaks = []
    for batch in (16, 1000):
        simulator.run(np.ones((batch, 2, 1), np.uint8))
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    print(peaks[1] - peaks[0])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="peak memory is read through `resource`")
def test_memory_does_not_grow_with_the_batch() -> None:
    """States of 1000 samples would be 320 MB; workers hold a few samples each."""
    assert int(python(MEMORY)) * (1 if sys.platform == "darwin" else 1024) < 64 * 2**20
