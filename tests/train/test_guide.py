"""The guide to configurations is what the schema says, and every example keeps to it."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from neurodeploy.train.config import Config
from neurodeploy.train.guide import guide, tables

ROOT = Path(__file__).parents[2]


def test_the_guide_is_made_from_the_schema() -> None:
    written = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert written == guide(), "run python -m neurodeploy.train.guide > docs/configuration.md"


def test_every_key_of_every_table_is_in_the_guide() -> None:
    text = guide()
    for path, model in tables(Config):
        section = text.split(f"## `{path}`\n" if path else "## the file itself\n")[1].split(
            "\n## "
        )[0]
        plain = [name for name in model.model_fields if f"| `{name}` |" in section]
        assert plain, path
