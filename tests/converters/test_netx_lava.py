"""lava-dl's own loader agrees: odd files mean what we read, written files run, scripts run.

Skipped where neither this interpreter nor the one of NEURODEPLOY_LAVA_PYTHON has Lava.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from lava_chain import needs_lava
from netx_files import (
    Array,
    Layer,
    complex_dense,
    conv,
    cuba,
    dense,
    flatten,
    recurrent,
    resonator,
    sdnn,
    source,
    weights,
    write_net,
)

import neurodeploy as nd
from neurodeploy.converters import netx
from neurodeploy.converters.netx import remarks
from neurodeploy.program import with_readout
from neurodeploy.sim import lava_job

pytestmark = needs_lava
STEPS = 20
LIMIT_SECONDS = 600
DRIVER = Path(__file__).parent.parent / "netx_in_lava.py"


def in_lava(*arguments: str) -> None:
    """Run a script in Lava's interpreter; a hang ends with the whole process group."""
    process = subprocess.Popen(
        [str(lava_job.interpreter()), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=LIMIT_SECONDS)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, output[-2000:]


def spikes(shape: tuple[int, ...], low: int = 0, high: int = 2) -> Array:
    return np.random.default_rng(6).integers(low, high, (STEPS, *shape)).astype(np.int32)


def quiet_read(path: Path, **options: Any) -> nd.Program:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return netx.read(path, **options)


MAP = (2, 5, 4)
FULL = np.arange(18).reshape(2, 3, 3) * 40 + 5
FRONT = source(*MAP)


def kernel(*shape: int) -> Array:
    return weights(*shape) / 4


ODD: dict[str, list[Layer]] = {
    "fractions are cut off": [dense(6, 5, weight=weights(6, 5) * 0.37)],
    "weights above the range are clipped": [dense(6, 5, weight=weights(6, 5) * 6)],
    "power of two": [
        dense(6, 5, weight=-(2.0 ** np.arange(30).reshape(6, 5).clip(0, 7)), bias=[90] * 6)
    ],
    "leading axis of a decay": [dense(6, 5, neuron=cuba(iDecay=np.arange(6)[None] * 600))],
    "threshold of 8 bits overflows": [
        dense(6, 5, neuron=cuba(vThMant=np.arange(70, 76, dtype="u1")))
    ],
    "negative and large decays": [dense(6, 5, neuron=cuba(iDecay=4500, vDecay=-40))],
    "bias wraps": [dense(6, 5, bias=np.arange(6) * 13000)],
    "maps of parameters": [
        FRONT,
        conv((3, 3, 2), 2, neuron=cuba(iDecay=FULL, vDecay=FULL + 9, vThMant=FULL)),
    ],
    "bias that numpy spreads": [FRONT, conv((3, 3, 2), 2, bias=np.arange(9).reshape(3, 3) * 9)],
    "bias map": [FRONT, conv((3, 3, 2), 2, bias=FULL)],
    "kernel with unread channels": [FRONT, conv((4, 3, 2), 2, weight=kernel(4, 2, 3, 3), groups=2)],
    "conv of large weights": [FRONT, conv((3, 3, 2), 2, weight=weights(3, 2, 3, 3) * 1e5)],
    "delay per input": [dense(6, 5, delay=np.arange(5))],
    "delay per synapse": [dense(6, 5, delay=np.arange(30).reshape(6, 5) % 9)],
    "delays clipped": [dense(6, 5, delay=[70, -3, 0, 1.7, 2, 3])],
    "delays of a square layer": [dense(6, 5), dense(6, 6, delay=np.arange(6))],
    "recurrent with delays": [recurrent(6, 6, delay=np.arange(6) % 3)],
    "recurrent in a row": [
        recurrent(6, 5, weight=weights(6, 5).ravel(), weight_rec=weights(6, 6).ravel())
    ],
    "resonators take no bias": [complex_dense(6, 5, bias=np.arange(6.0), delay=np.arange(6.0))],
    "name with RF in it": [complex_dense(6, 5, neuron=resonator(type="ADRF_IZHIKEVICH"))],
    "input in the middle": [dense(6, 5), source(3), dense(4, 6)],
    "sigma output": [
        source(5, neuron=sdnn(vThMant=2)),
        dense(4, 5, neuron=sdnn(vThMant=[1], activation="tanh"), bias=np.arange(4)),
        dense(2, 4, neuron=sdnn(sigma_output=False)),
    ],
    "flatten before a convolution counts later": [
        FRONT,
        flatten(),
        conv((3, 3, 2), 2),
        dense(4, 18),
    ],
    "input block of two axes": [source(3, 4, neuron=cuba(vThMant=np.arange(12).reshape(4, 3) * 9))],
}


def write_repaired(path: Path) -> Path:
    """Two layers whose weights Lava would turn to zero, mended."""
    program = nd.Program(
        (nd.Input("in", (7,)),),
        (
            nd.Population("a", (6,), nd.CubaLif(1200, 200, 60, 4000)),
            nd.Population("b", (4,), nd.CubaLif(1200, 200, 60, 3000)),
        ),
        (
            nd.Connection("in", "a", nd.Dense(-np.full((6, 7), 128))),
            nd.Connection("a", "b", nd.Dense(np.where(np.eye(4, 6) > 0, 0, -129))),
        ),
        nd.Readout("b"),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert len(netx.write(program, path, repair="nearest").repairs) == 2
    return path


STACK = [source(*MAP, neuron=cuba()), conv((3, 3, 2), 2), flatten(), dense(4, 18)]
CHOICES: list[dict[str, Any]] = [
    {"skip_layers": 1},
    {"skip_layers": 2},
    {"num_layers": 3},
    {"skip_layers": 1, "input_message_bits": 8},
    {"reset_interval": 5, "reset_offset": 0},
    {"reset_interval": 5, "reset_offset": 3, "skip_layers": 1},
]
REPAIRED = "repaired weights"
Loaded = dict[str, tuple[nd.Program, dict[str, Any], Array, Path]]
"""Name -> program as read, reset options, input, file of Lava's output."""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """Every odd file and every choice of layers, run by lava-dl's loader in one process."""
    folder = tmp_path_factory.mktemp("loaded")
    cases: dict[str, tuple[Path, dict[str, Any]]] = {}
    for name, layers in ODD.items():
        cases[name] = (write_net(folder / f"{len(cases)}.net", *layers), {})
    for options in CHOICES:
        cases[str(options)] = (write_net(folder / f"{len(cases)}.net", *STACK), options)
    cases[REPAIRED] = (write_repaired(folder / "repaired.net"), {})
    result, jobs = Loaded(), []
    for k, (name, (path, options)) in enumerate(cases.items()):
        program = quiet_read(path, **{key: options[key] for key in options if "reset" not in key})
        direct = isinstance(program.connections[0].synapse, nd.Direct)
        x = spikes(program.inputs[0].shape, 0, 90 if direct else 2)
        np.save(folder / f"x{k}.npy", x)
        reset = {key: options[key] for key in options if "reset" in key}
        result[name] = (program, reset, x, folder / f"y{k}.npy")
        job = {"network": str(path), "options": options, "input": str(folder / f"x{k}.npy")}
        jobs.append({**job, "output": str(folder / f"y{k}.npy")})
    (folder / "job.json").write_text(json.dumps(jobs))
    in_lava(str(DRIVER), str(folder / "job.json"))
    return result


@pytest.mark.parametrize("name", [*ODD, *map(str, CHOICES), REPAIRED])
def test_file_means_what_the_loader_of_lava_dl_makes_of_it(name: str, loaded: Loaded) -> None:
    program, reset, x, output = loaded[name]
    options: dict[str, Any] = {"engine": "reference", "timing": "pipelined", **reset}
    s = nd.simulate(program, x, weights="exact" if name == REPAIRED else "lava", **options)[-1].s
    assert np.array_equal(np.load(output).reshape(s.shape), s)
    assert s.any()


# --- What we write -------------------------------------------------------------------------------


def even(*shape: int) -> Array:
    return weights(*shape).astype(int)


def lif(bias: Any = 0) -> nd.CubaLif:
    return nd.CubaLif(1200, 200, 60, bias)


def dense_stack() -> nd.Program:
    """Two dense layers with bias, a sample every 7 steps."""
    return nd.Program(
        (nd.Input("in", (7,)),),
        (nd.Population("a", (6,), lif([-9, 3, 9, 12, 15, 20])), nd.Population("b", (4,), lif())),
        (
            nd.Connection("in", "a", nd.Dense(even(6, 7))),
            nd.Connection("a", "b", nd.Dense(even(4, 6), [[0, 1, 2, 0, 1, 2]])),
        ),
        nd.Readout("b"),
    )


def maps() -> nd.Program:
    """Graded input, a convolution with parameter maps, a flattened dense layer."""
    neuron = nd.CubaLif(FULL.T + 9, 200, FULL.T, [[[5]], [[-5]], [[9]]])
    return nd.Program(
        (nd.Input("in", MAP, 8),),
        (nd.Population("a", (3, 3, 2), neuron), nd.Population("b", (4,), lif())),
        (
            nd.Connection("in", "a", nd.Conv2d(even(3, 2, 3, 3))),
            nd.Connection("a", "b", nd.Dense(even(4, 18))),
        ),
        nd.Readout("b"),
    )


def image(port: str) -> nd.Program:
    """An input block, driven at its current or its bias."""
    return nd.Program(
        (nd.Input("in", (2, 3, 4)),),
        (nd.Population("i", (2, 3, 4), nd.CubaLif(2000, 300, 60)), nd.Population("a", (5,), lif())),
        (
            nd.Connection("in", "i", nd.Direct(), port=port),
            nd.Connection("i", "a", nd.Dense(even(5, 24))),
        ),
        nd.Readout("a"),
    )


def sigma_delta() -> nd.Program:
    return nd.Program(
        (nd.Input("in", (7,), 8),),
        (
            nd.Population("i", (7,), nd.Delta(1, spike_exp=4)),
            nd.Population("a", (4,), nd.SigmaDelta(2, [-4, 0, 4, 9], spike_exp=4)),
            nd.Population("b", (3,), nd.Sigma()),
        ),
        (
            nd.Connection("in", "i", nd.Direct()),
            nd.Connection("i", "a", nd.Dense(even(4, 7))),
            nd.Connection("a", "b", nd.Dense(even(3, 4))),
        ),
        nd.Readout("b", "sigma"),
    )


def loop() -> nd.Program:
    """A recurrent layer read by the v of an integrator."""
    return nd.Program(
        (nd.Input("in", (7,)),),
        (nd.Population("a", (6,), lif()), nd.Population("b", (4,), nd.Integrator(300, 500, 3))),
        (
            nd.Connection("in", "a", nd.Dense(even(6, 7)), group="g"),
            nd.Connection("a", "a", nd.Dense(-even(6, 6)), feedback=True, group="g"),
            nd.Connection("a", "b", nd.Dense(even(4, 6))),
        ),
        nd.Readout("b", "v"),
    )


def resonators() -> nd.Program:
    neuron = nd.ResonateFireIz([900, 1000, 1100, 1200, 1250, 1300], 3800, 20)
    return nd.Program(
        (nd.Input("in", (1, 2, 3)),),
        (nd.Population("a", (6,), neuron),),
        tuple(
            nd.Connection("in", "a", nd.Dense(even(6, 6) * sign), port=port)
            for port, sign in (("im", 1), ("re", -1))
        ),
        nd.Readout("a"),
    )


WRITTEN: list[tuple[nd.Program, int | None, int]] = [
    (dense_stack(), 7, 2),
    (maps(), 7, 40),
    (image("a"), 7, 90),
    (image("bias"), 7, 90),
    (sigma_delta(), None, 40),
    (loop(), None, 2),
    (resonators(), None, 2),
    (with_readout(loop(), pool=2), None, 2),
    (with_readout(maps(), pool=2), 7, 40),
]
"""Program, reset interval, and the bound of its input."""

MODULES = """
import importlib.util, json, sys
import numpy as np
for script, x, y in json.loads(sys.argv[1]):
    spec = importlib.util.spec_from_file_location("script", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    np.save(y, module.run(module.load_input(x, None)))
"""
"""Runs several run scripts in one process: importing Lava takes seconds."""


def prepared(k: int, tmp_path: Path) -> tuple[netx.Written, Array]:
    program, interval, bound = WRITTEN[k]
    low = -bound if program.inputs[0].message_bits else 0
    x = spikes(program.inputs[0].shape, low, bound)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return netx.write(program, tmp_path / f"{k}.net", reset_interval=interval), x


def expected(k: int, written: netx.Written, x: Array) -> Array:
    """What the Program as it was given computes, with the recipe of the script."""
    program, interval, _ = WRITTEN[k]
    trace = nd.simulate(
        program,
        x,
        engine="reference",
        timing="pipelined",
        steps=len(x),
        reset_interval=interval,
        reset_offset=written.recipe.reset_offset,
        record=("s", "u", "v"),
    )
    return np.asarray(trace[-1].arrays[written.recipe.output])


def test_run_scripts_give_in_lava_what_the_programs_compute(tmp_path: Path) -> None:
    jobs, wanted = [], []
    for k in range(len(WRITTEN)):
        written, x = prepared(k, tmp_path)
        np.save(tmp_path / f"x{k}.npy", x)
        jobs.append([str(written.script), *(str(tmp_path / f"{n}{k}.npy") for n in "xy")])
        wanted.append(expected(k, written, x))
    in_lava("-c", MODULES, json.dumps(jobs))
    for k, array in enumerate(wanted):
        found = np.load(tmp_path / f"y{k}.npy")
        assert found.dtype == np.int32
        assert np.array_equal(found, array), k
        assert array.any(), k


def test_lava_loads_and_runs_files_with_remarks_as_those_without(tmp_path: Path) -> None:
    """The group ``neurodeploy`` is taken out of a copy; netx sees the same network."""
    written, x = prepared(1, tmp_path)
    bare = tmp_path / "bare.net"
    with h5py.File(written.path) as file, h5py.File(bare, "w") as copy:
        assert remarks.GROUP in file
        file.copy("layer", copy)
    script = tmp_path / "bare_run.py"
    script.write_text(written.script.read_text().replace("1.net", "bare.net"))
    np.save(tmp_path / "x.npy", x)
    jobs = [
        [str(path), str(tmp_path / "x.npy"), str(tmp_path / f"{path.stem}.npy")]
        for path in (written.script, script)
    ]
    in_lava("-c", MODULES, json.dumps(jobs))
    found = [np.load(job[2]) for job in jobs]
    assert found[0].any()
    assert np.array_equal(*found)
    assert quiet_read(written.path).inputs[0].message_bits == 8
    assert quiet_read(bare).inputs[0].message_bits == 0


def test_run_script_as_a_program_with_more_steps_than_rows(tmp_path: Path) -> None:
    written, x = prepared(0, tmp_path)
    np.save(tmp_path / "x.npy", x[:10])
    names = str(written.script), str(tmp_path / "x.npy"), str(tmp_path / "y.npy")
    in_lava(*names, "--steps", "16")
    padded = np.concatenate([x[:10], np.zeros((6, 7), np.int32)])
    assert np.array_equal(np.load(tmp_path / "y.npy"), expected(0, written, padded))


def test_run_script_refuses_data_of_another_shape(tmp_path: Path) -> None:
    """Before Lava is imported."""
    written, _ = prepared(0, tmp_path)
    for bad in (np.zeros((5, 8), np.int32), np.zeros((5, 7))):
        np.save(tmp_path / "x.npy", bad)
        names = [str(written.script), str(tmp_path / "x.npy"), str(tmp_path / "y.npy")]
        done = subprocess.run(
            [str(lava_job.interpreter()), *names], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert done.stderr.startswith(f"{tmp_path / 'x.npy'}: has dtype {bad.dtype} and shape")
        assert done.stderr.count("\n") == 1
        assert not (tmp_path / "y.npy").exists()
