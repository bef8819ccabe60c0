"""What a file may surprise with is said when it is loaded; tests of that look at it themselves."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest

from neurodeploy.errors import NeurodeployWarning


@pytest.fixture(autouse=True)
def _findings_are_no_errors() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r".*: \d+ findings?: ", NeurodeployWarning)
        yield
