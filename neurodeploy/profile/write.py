"""Writing a profile as TOML: one line per key, numbers with their evidence as inline tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from neurodeploy.atomic import replacing
from neurodeploy.profile.chip import ChipProfile


def write_profile(profile: ChipProfile, path: Path) -> None:
    """Write ``profile`` so that `load_profile` reads the same; whole or not at all."""
    text = "\n".join(_lines(profile.model_dump(exclude_none=True, exclude_defaults=True))) + "\n"
    with replacing(path) as new:
        new.write(text.encode())


def _lines(content: Mapping[str, Any]) -> Iterator[str]:
    for table, entries in content.items():
        if table == "cases":
            for name, case in entries.items():
                yield from _table(f"cases.{_text(name)}", case)
        else:
            yield from _table(table, entries)


def _table(name: str, entries: Mapping[str, Any]) -> Iterator[str]:
    yield f"[{name}]"
    for key, value in entries.items():
        yield f"{_key(key)} = {_value(value)}"
    yield ""


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return _text(value) if isinstance(value, str) else repr(value)


def _text(value: str) -> str:
    """Return a basic string of TOML, whose escapes are those of JSON."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
