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


def test_help_needs_no_heavy_package() -> None:
    code = (
        "import sys; sys.argv[1:] = ['--help']\n"
        "from neurodeploy.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(*(name for name in ('pydantic', 'h5py', 'scipy') if name in sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert answer.stdout.splitlines()[-1] == ""


def test_every_name_of_the_package_is_there() -> None:
    import neurodeploy

    assert all(getattr(neurodeploy, name) is not None for name in neurodeploy.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'simualte'"):
        _ = neurodeploy.simualte
