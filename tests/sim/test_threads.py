"""A thread that cannot start is one clear error in every kernel, never the end of the process."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="RLIMIT_STACK and RLIMIT_AS make threads fail on Linux"
)

CODE = """
    import resource
    import numpy as np
    import neurodeploy as nd
    from neurodeploy.errors import EngineError
    from neurodeploy.sim import _native

    THREADS = 8
    program = nd.Program(
        (nd.Input("x", (400,)),),
        (nd.Population("n", (2000,), nd.CubaLif(100, 100, 500)),),
        (nd.Connection("x", "n", nd.Dense(np.ones((2000, 400), int))),),
        nd.Readout("n"),
    )
    simulator = nd.compile(program, record=(), threads=THREADS)
    data = np.ones((64, 60, 400), np.uint8)
    still = np.zeros((256, 4096), np.int32)
    row = np.ones(4096, np.int32)
    a, s, v = (np.zeros((50, 1, 4096), np.float32) for _ in range(3))
    bits = np.zeros((16384, 3), np.uint32)

    def layer(threads):
        out = [np.zeros((1, 16384, 8), np.float32) for _ in range(2)]
        _native.train_layer_forward(
            bits, np.zeros(0, np.int32), np.zeros((8, 64), np.float32), *[row[:8]] * 4, True, *out,
            np.zeros((16384, 2), np.uint32), np.zeros((2, 16384), np.uint32), threads,
        )

    def pack(threads):
        x = np.zeros((1, 16384, 64), np.float32)
        _native.train_pack(x, bits, threads)

    def scan(threads):
        _native.train_forward(a, row, row, row, row, True, s, v, None, threads)

    def encode(threads):
        out = np.zeros((256, 64, 4096), np.uint8)
        _native.encode_latency(still, 64, 15, out, threads)

    def stream(threads):
        simulator.run(data)

    def build(threads):
        nd.compile(program, record=(), threads=threads).run(data)

    kernels = {kernel.__name__: kernel for kernel in (stream, encode, scan, layer, pack)}
    kernel = kernels[WHICH]
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, used + ROOM))
    try:
        kernel(THREADS)
    except EngineError as error:
        print(error)
    (build if kernel is stream else kernel)(1)
    print("alone")
"""
KERNELS = ["stream", "encode", "scan", "layer", "pack"]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_thread_that_cannot_start_is_one_clear_error(kernel: str) -> None:
    """Every thread asks for 512 MB of stack, and the process may have a few of them.

    What has failed runs in one thread afterwards: nothing was left behind.
    """
    room = 2**31
    code = textwrap.dedent(CODE).replace("WHICH", repr(kernel)).replace("ROOM", str(room))
    done = subprocess.run(
        ["sh", "-c", 'ulimit -s 524288; exec "$0" -c "$1"', sys.executable, code],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    message, alone = done.stdout.splitlines()
    given = int(message.split("gives ")[1].split(";")[0])
    assert message == (
        f"threads: cannot start 8, the system gives {given}; ask for fewer, "
        "or raise the limits on memory and processes"
    )
    assert 1 <= given < 8
    assert alone == "alone"
