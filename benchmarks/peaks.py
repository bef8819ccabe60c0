"""Measured peaks of one core: compiles peaks.cpp with the system's compiler and runs it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("peaks.cpp")
FLAGS = (["-O3", "-march=native", "-std=c++17"], ["-O3", "-std=c++17"])
"""Tried in this order; the second for compilers that do not know this processor."""


@dataclass(frozen=True)
class Peaks:
    """Operations per CPU second of one core; see the head of peaks.cpp.

    level : what they were measured with: avx512, avx2 or portable. dot_products : of 64-byte
    vectors, 0 without the instruction. adds_l1, adds_l2 : of 64-byte vectors. updates : of neurons.
    """

    level: str
    dot_products: float
    adds_l1: float
    adds_l2: float
    updates: float

    def describe(self) -> str:
        """Return one line."""
        return (
            f"peaks ({self.level}): {self.dot_products / 1e9:.2f} G dot products/s, "
            f"{self.adds_l1 / 1e9:.2f} G vector adds/s from L1 "
            f"({64e-9 * self.adds_l1:.0f} GB/s), {self.adds_l2 / 1e9:.2f} G from L2, "
            f"{self.updates / 1e9:.2f} G neuron updates/s"
        )

    def record(self) -> dict[str, float | str]:
        """Return the peaks for JSON."""
        return asdict(self)


def measure() -> Peaks:
    """Compile and run; raises RuntimeError when no compiler can."""
    compiler = shlex.split(os.environ.get("CXX", "c++"))
    with tempfile.TemporaryDirectory(prefix="neurodeploy-peaks-") as folder:
        program = Path(folder) / "peaks"
        for flags in FLAGS:
            command = [*compiler, *flags, str(SOURCE), "-o", str(program)]
            try:
                built = subprocess.run(command, capture_output=True, text=True, check=False)
            except OSError as error:
                raise RuntimeError(f"peaks: {compiler[0]}: {error.strerror}") from error
            if built.returncode == 0:
                break
        else:
            raise RuntimeError(f"peaks: {compiler[0]} fails: {built.stderr.splitlines()[:1]}")
        output = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    return Peaks(**json.loads(output))
