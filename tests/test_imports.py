"""Importing neurodeploy stays light."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "lava", "sklearn", "plotly", "pandas", "matplotlib")


@pytest.mark.parametrize("module", ["neurodeploy", "neurodeploy.cli", "neurodeploy.converters"])
def test_import_leaves_heavy_packages_alone(module: str) -> None:
    code = f"import sys, {module}; print(*(name for name in {HEAVY} if name in sys.modules))"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert answer.stdout.split() == []


def test_help_needs_neither_pydantic_nor_scipy() -> None:
    code = (
        "import sys; sys.argv[1:] = ['--help']\n"
        "from neurodeploy.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(*(name for name in ('pydantic', 'scipy') if name in sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert answer.stdout.splitlines()[-1] == ""
