"""The encoders without the compiled module: the numpy twins run, and give the same columns."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
{block}
import hashlib
import numpy as np
import neurodeploy.data
from neurodeploy.encode import ENCODERS, compiled

digest = hashlib.sha256()
for kind in ENCODERS.values():
    encoder = kind(steps=6, peak=16, gap=1)
    shape = (5, 6, 3) if encoder.of_series else (5, 3, 2)
    x = np.arange(5 * 18).reshape(5, 18)[:, : shape[1] * shape[2]].reshape(shape) % 17
    digest.update(encoder.encode(x, np.arange(5) * 7).tobytes())
print(compiled.AVAILABLE, digest.hexdigest())
"""
BLOCK = "sys.modules['neurodeploy.sim._native'] = None"


def run(block: str) -> list[str]:
    code = PROGRAM.format(block=block)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.split()


def test_columns_without_the_compiled_module_are_those_with_it() -> None:
    """Importing the data works too; the one difference is which code ran."""
    without, with_it = run(BLOCK), run("")
    assert without[0] == "False"
    assert with_it[0] == "True"
    assert without[1] == with_it[1]


def test_importing_the_data_imports_neither_torch_nor_hdf5() -> None:
    code = (
        "import sys, neurodeploy.data, neurodeploy.encode\n"
        "print([name for name in ('torch', 'h5py', 'pydantic', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"
