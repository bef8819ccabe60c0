"""Without the compiled module: data, encoders and the reference engine work, the rest says so."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

BLOCKED = """
    import sys
    sys.modules["neurodeploy.sim._native"] = None  # as if it had never been built
"""
ORDERS = [
    "import neurodeploy.data, neurodeploy.encode",
    "import neurodeploy.encode, neurodeploy.data",
    "import neurodeploy, neurodeploy.data",
]
ENCODE = """
    import numpy as np
    import neurodeploy as nd
    from neurodeploy.errors import EngineError
    from neurodeploy.encode import Delta, Latency, Level, Rate

    x = np.random.default_rng(0).integers(0, 17, (5, 4, 3))
    encoders = [Rate(9, 16, seed=3), Latency(9, 16)]
    series = [Delta(4, 16, threshold=3), Level(4, 16, levels=5)]
    for encoder in (*encoders, *series):
        columns = encoder.encode(x)
        print(int(columns.astype(np.int64).ravel() @ np.arange(columns.size)))
    program = nd.Program(
        (nd.Input("x", (3,)),),
        (nd.Population("n", (2,), nd.CubaLif(500, 300, 60)),),
        (nd.Connection("x", "n", nd.Dense(np.ones((2, 3), int))),),
        nd.Readout("n"),
    )
    nd.simulate(program, np.ones((4, 3), int), engine="reference")
    try:
        nd.simulate(program, np.ones((4, 3), int))
    except EngineError as error:
        print(error)
"""


def python(*code: str) -> list[str]:
    """Run ``code`` in a fresh interpreter and return the lines that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", "".join(textwrap.dedent(part) for part in code)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("order", ORDERS)
def test_data_and_encoders_import_in_any_order(order: str) -> None:
    assert python(BLOCKED, order) == []


def test_encoders_give_the_same_columns_without_the_compiled_module() -> None:
    alone, message = python(BLOCKED, ENCODE)[:4], python(BLOCKED, ENCODE)[4]
    assert alone == python(ENCODE)[:4]
    assert message == (
        "engine native: the compiled module is missing; install the project (pip install .), "
        "or use engine 'reference'"
    )


ALIVE = """
    import threading
    import numpy as np
    import neurodeploy as nd

    program = nd.Program(
        (nd.Input("x", (3,)),),
        (nd.Population("n", (2,), nd.CubaLif(500, 300, 60)),),
        (nd.Connection("x", "n", nd.Dense(np.ones((2, 3), int))),),
        nd.Readout("n"),
    )
    simulator = nd.compile(program)
    simulator.run(np.ones((4, 3), int))

    def hold(simulator):
        threading.Event().wait()

    threading.Thread(target=hold, args=(simulator,), daemon=True).start()
"""


def test_a_script_may_end_while_a_simulator_lives() -> None:
    """The binding library used to print what "leaked", a page of it."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(ALIVE)],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("", "")
