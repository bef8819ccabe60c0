"""`simulate` reuses what it prepared, for as long as the program lives, and shares no state."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy import memory
from neurodeploy.errors import CapacityError, OptionError
from neurodeploy.sim import _native, prepared, simulator
from neurodeploy.sim.native import instruction_sets
from neurodeploy.sim.prepared import Recent


def program(seed: int = 0, neurons: int = 20) -> nd.Program:
    rng = np.random.default_rng(seed)
    return nd.Program(
        (nd.Input("x", (6,)),),
        (nd.Population("n", (neurons,), nd.CubaLif(500, 300, 60)),),
        (nd.Connection("x", "n", nd.Dense(rng.integers(-99, 99, (neurons, 6)))),),
        nd.Readout("n"),
    )


DATA = np.random.default_rng(1).integers(0, 2, (4, 9, 6), np.uint8)


class Counted(Recent):
    """Counts what it has to build."""

    built = 0

    def get(self, program: Any, options: Any, build: Any) -> Any:
        def counting() -> Any:
            self.built += 1
            return build()

        return super().get(program, options, counting)


@pytest.fixture
def recent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    subject = Counted()
    monkeypatch.setattr(simulator, "_recent", subject)
    yield subject


def test_a_second_call_prepares_nothing(recent: Counted) -> None:
    subject = program()
    first, second = (nd.simulate(subject, DATA) for _ in range(2))
    nd.simulate(subject, DATA[:2, :5])
    assert recent.built == 1
    assert np.array_equal(first["n"].s, second["n"].s)
    assert first.activity == second.activity


OTHER_OPTIONS: list[dict[str, Any]] = [
    {"timing": "pipelined"},
    {"weights": "lava"},
    {"steps": 5},
    {"reset_interval": 3},
    {"reset_interval": 3, "reset_offset": 1},
    {"input_bits": 4},
    {"record": "u"},
    {"record": ("u", "v")},
    {"record": {"n": "u"}},
    {"threads": 3},
]


def test_every_option_tells_preparations_apart(
    recent: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "KEPT", 100)
    subject = program()
    for count, options in enumerate(OTHER_OPTIONS, start=1):
        for _ in range(2):
            found = nd.simulate(subject, DATA, **options)
            assert recent.built == count
        expected = nd.simulate(subject, DATA, engine="reference", **options)
        assert found.activity == expected.activity
        for name, array in expected.flat().items():
            assert np.array_equal(found.flat()[name], array)
    assert recent.built == len(OTHER_OPTIONS)


def test_the_instruction_set_tells_preparations_apart(
    recent: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = program()
    for name in ("", *instruction_sets()):
        monkeypatch.setenv("NEURODEPLOY_ISA", name)
        nd.simulate(subject, DATA)
    assert recent.built == 1 + len(instruction_sets())
    monkeypatch.setenv("NEURODEPLOY_ISA", "sse9")
    with pytest.raises(OptionError, match="NEURODEPLOY_ISA is 'sse9'"):
        nd.simulate(subject, DATA)


def test_a_stream_starts_afresh_in_every_call(recent: Counted) -> None:
    subject = program()
    first, second = (nd.simulate(subject, DATA[0], record="v")["n"].v for _ in range(2))
    assert recent.built == 1
    assert np.array_equal(first, second)
    assert np.array_equal(first, nd.simulate(subject, DATA[:1], record="v")["n"].v[0])


def test_equal_programs_are_prepared_apart_and_other_engines_each_time(recent: Counted) -> None:
    for _ in range(2):
        nd.simulate(program(), DATA)
    assert recent.built == 2
    nd.simulate(program(), DATA, engine="reference")
    assert recent.built == 2


def test_nothing_keeps_a_program_alive(recent: Counted) -> None:
    subject = program()
    trace = nd.simulate(subject, DATA)
    nd.simulate(subject, DATA, timing="pipelined")
    alive = weakref.ref(subject)
    assert len(recent) == 2
    del subject
    gc.collect()
    assert alive() is None
    assert len(recent) == 0
    assert trace.activity.samples == len(DATA)
    assert trace["n"].s.shape == (4, 9, 20)


def test_a_program_that_dies_meanwhile_is_dropped_with_the_next_call(recent: Counted) -> None:
    """The lock of the table may be held when a program is collected."""
    subject = program()
    nd.simulate(subject, DATA)
    with recent._lock:
        del subject
        gc.collect()
        assert len(recent) == 1
    nd.simulate(program(1), DATA)
    assert len(recent) <= 1


def test_only_the_latest_are_kept(recent: Counted) -> None:
    programs = [program(seed) for seed in range(prepared.KEPT + 3)]
    for subject in programs:
        nd.simulate(subject, DATA)
    assert len(recent) == prepared.KEPT
    nd.simulate(programs[-1], DATA)
    assert recent.built == len(programs)
    nd.simulate(programs[0], DATA)
    assert recent.built == len(programs) + 1


def test_programs_with_many_weights_make_room(
    recent: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = [program(seed) for seed in range(3)]
    nd.simulate(programs[0], DATA)
    (first,) = recent._entries.values()
    monkeypatch.setattr(prepared, "KEPT_BYTES", 2 * first.held_bytes)
    for subject in programs:
        nd.simulate(subject, DATA)
    assert len(recent) == 2
    huge = program(neurons=3000)
    nd.simulate(huge, DATA)
    assert len(recent) == 0


def test_what_is_held_is_tables_and_the_memory_of_workers_too() -> None:
    """A convolution by patterns: 5 kB of weights, and tables of 2^4 sums for each four of them."""
    rng = np.random.default_rng(0)
    subject = nd.Program(
        (nd.Input("x", (16, 9, 9)),),
        (nd.Population("n", (32, 7, 7), nd.CubaLif(500, 300, 60)),),
        (nd.Connection("x", "n", nd.Conv2d(rng.integers(-50, 50, (32, 16, 3, 3)))),),
        nd.Readout("n"),
    )
    weights = prepared.weight_bytes(subject) // 2  # as packed, in 16 bits
    simulator = nd.compile(subject)
    before = simulator._prepared.held_bytes
    assert before > weights + 4 * weights
    simulator.run(rng.integers(0, 2, (4, 5, 16, 9, 9), np.uint8))
    states = 4 * 2 * 32 * 7 * 7  # u and v of one sample
    assert simulator._prepared.held_bytes > before + states


def test_a_program_read_by_reference_holds_nothing_of_its_own() -> None:
    assert nd.compile(program(), engine="reference")._prepared.held_bytes == 0


def test_calls_from_many_threads_agree(recent: Counted) -> None:
    programs = [program(seed) for seed in range(12)]
    expected = [nd.simulate(p, DATA, engine="reference")["n"].s for p in programs]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda k: nd.simulate(programs[k % 12], DATA)["n"].s, range(120)))
    assert all(np.array_equal(s, expected[k % 12]) for k, s in enumerate(found))


@pytest.mark.parametrize("record", [None, [["s"]]])
def test_options_that_are_no_key_are_refused_as_ever(record: Any) -> None:
    with pytest.raises((OptionError, TypeError)):
        nd.simulate(program(), DATA, record=record)


# --- Memory --------------------------------------------------------------------------------------


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SMALL_BYTES", 0)
    monkeypatch.setattr(memory, "available_bytes", lambda: 1000)


@pytest.mark.parametrize(
    ("engine", "record", "size"),
    [("native", "s", "216 bytes"), ("reference", "s", "1.08 kB"), ("native", "s,u,v", "8.86 kB")],
)
def test_records_that_do_not_fit_are_refused(
    little: None, engine: str, record: str, size: str
) -> None:
    data = np.repeat(DATA, 3, axis=1)[:2]  # 2 samples x 27 steps x 20 neurons
    if size == "216 bytes":
        assert nd.simulate(program(), data, engine=engine, record=record).activity.samples == 2
        return
    with pytest.raises(CapacityError) as caught:
        nd.simulate(program(), data, engine=engine, record=record)
    assert str(caught.value) == (
        f"recording 2 samples x 27 steps needs {size} of memory, 1 kB are available "
        "and a tenth of it is spared; record less, "
        "or run fewer samples or steps at a time"
    )


def test_an_input_padded_beyond_memory_is_refused(little: None) -> None:
    with pytest.raises(CapacityError) as caught:
        nd.simulate(program(), DATA, steps=10**9)
    assert str(caught.value) == (
        "input x: padding to 1000000000 steps needs 24 GB of memory, 1 kB are available "
        "and a tenth of it is spared; "
        "take fewer steps or fewer samples at a time"
    )


def test_a_refusal_leaves_a_stream_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = nd.compile(program(), record="v")
    subject.run(DATA[0])
    with monkeypatch.context() as patch:
        patch.setattr(memory, "SMALL_BYTES", 0)
        patch.setattr(memory, "available_bytes", lambda: 700)
        with pytest.raises(CapacityError):
            subject.run(DATA[1])
    whole = nd.simulate(program(), np.concatenate(DATA[:2]), record="v")
    assert np.array_equal(subject.run(DATA[1])["n"].v, whole["n"].v[9:])


def failing(*_: Any, **__: Any) -> Any:
    raise MemoryError("std::bad_alloc")


def test_memory_that_ends_in_the_kernels_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subject = nd.compile(program())
    monkeypatch.setattr(subject._prepared.engine, "run", failing)
    with pytest.raises(CapacityError) as caught:
        subject.run(DATA)
    assert str(caught.value) == (
        "out of memory in a run of 4 samples x 9 steps, whose records need 144 bytes; record less, "
        "or run fewer samples or steps at a time"
    )


def test_memory_that_ends_while_preparing_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_native, "Network", failing)
    with pytest.raises(CapacityError) as caught:
        nd.compile(program())
    assert str(caught.value) == (
        "out of memory while preparing 20 neurons with 480 bytes of weights; free some, or run a "
        "smaller program"
    )


def test_an_input_that_cannot_be_copied_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prepared, "columns", failing)
    with pytest.raises(CapacityError, match=r"^a copy of the input does not fit: .*; give uint8"):
        nd.compile(program()).run(DATA)


LIMITED = """
    import resource
    import numpy as np
    import neurodeploy as nd
    from neurodeploy import memory
    from neurodeploy.errors import CapacityError

    program = nd.Program(
        (nd.Input("x", (1,)),),
        (nd.Population("n", (2000,), nd.CubaLif(1, 1, 1)),),
        (nd.Connection("x", "n", nd.Dense(np.ones((2000, 1), int))),),
        nd.Readout("n"),
    )
    simulator = nd.compile(program, record="u", threads=1, steps=600_000)
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 10**9,) * 2)
    for known in (True, False):
        if not known:
            memory.available_bytes = lambda: None
        try:
            simulator.run(np.ones((1, 3, 1), np.uint8))
        except CapacityError as error:
            print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS is enforced on Linux")
def test_a_limit_of_the_process_is_met_before_and_after_asking() -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LIMITED)],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    asked, refused = done.stdout.splitlines()
    assert asked.startswith("recording 1 samples x 600000 steps needs 4.95 GB of memory, ")
    assert refused.startswith(
        "out of memory in a run of 1 samples x 600000 steps, whose records need 4.95 GB; "
    )
