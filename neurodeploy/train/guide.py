"""The keys of a training configuration as a table, made from the schema itself.

``python -m neurodeploy.train.guide > docs/configuration.md`` writes the guide anew.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from neurodeploy.train.config import Config
from neurodeploy.train.specs import Spec

TITLE = """# Keys of a training configuration

`neurodeploy train CONFIG.toml --out RUN` reads one TOML file. Here is every key that it may have,
with its default; a key without one must be there. Any other key is an error that names the
nearest one. This page is made from the schema: `python -m neurodeploy.train.guide`.
"""
_LIMITS = {"ge": "from", "gt": "above", "le": "to", "lt": "below"}
_HEAD = "| key | value | default |\n|---|---|---|\n"


def guide() -> str:
    """Return the guide as Markdown: a table for each table of the file, and what keys mean."""
    parts = [TITLE]
    for path, model in tables(Config):
        parts.append(f"## `{path}`\n" if path else "## the file itself\n")
        parts.append(_meaning(model))
        parts.append(_HEAD + "".join(_rows(model)))
    return "\n".join(part.rstrip() + "\n" for part in parts)


def tables(model: type[Spec], path: str = "") -> Iterator[tuple[str, type[Spec]]]:
    """Yield (path in the file, model) of ``model`` and of every table within it, once each."""
    yield path, model
    for name, field in model.model_fields.items():
        for inner, listed in _models(field.annotation):
            longer = f"{path}.{name}".lstrip(".")
            kind = inner.model_fields.get("kind")
            if listed and (kind is None or kind.is_required()):
                yield f"[[{longer}]]", inner
            elif listed and kind is not None:
                yield f'[[{longer}]] kind = "{kind.default}"', inner
                yield from _entries(inner, longer, str(kind.default))
            else:
                yield from tables(inner, f"[{longer}]" if not path else longer)


def _entries(model: type[Spec], path: str, kind: str) -> Iterator[tuple[str, type[Spec]]]:
    """Yield the tables in lists within an entry of a list."""
    for name, field in model.model_fields.items():
        for inner, listed in _models(field.annotation):
            if listed:
                yield f'{path}.{name} of kind "{kind}"', inner


def _models(annotation: Any) -> list[tuple[type[Spec], bool]]:
    """Return the models within a type, and whether they stand in a list."""
    if inspect.isclass(annotation) and issubclass(annotation, Spec):
        return [(annotation, False)]
    listed = get_origin(annotation) in (tuple, list)
    found = [entry for part in get_args(annotation) for entry in _models(part)]
    return [(model, listed or inner) for model, inner in found]


def _meaning(model: type[Spec]) -> str:
    text = inspect.cleandoc(model.__doc__ or "").replace("``", "`")
    text = re.sub(r"((?:\b[a-z_0-9]+, )*\b[a-z_0-9]+) : ", r"`\1`: ", text)
    paragraphs = (" ".join(part.split()) for part in text.split("\n\n"))
    return "\n\n".join(paragraphs) + "\n"


def _rows(model: type[Spec]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if _models(field.annotation) and not _is_optional_model(field.annotation):
            continue
        yield f"| `{name}` | {_type(field)} | {_default(field)} |\n"


def _is_optional_model(annotation: Any) -> bool:
    return type(None) in get_args(annotation)


def _type(field: FieldInfo) -> str:
    text = _plain(field.annotation)
    limits: dict[str, Any] = {}
    for entry in field.metadata:
        for mark, word in _LIMITS.items():
            value = getattr(entry, mark, None)
            if value is not None:
                limits[word] = value
    return " ".join([text, *(f"{word} {value:g}" for word, value in limits.items())])


def _plain(annotation: Any) -> str:
    """Return a type in words."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _plain(inner[0])
    if origin is Literal:
        return ", ".join(_word(value) for value in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(_plain(part) for part in inner if part is not type(None))
    if origin in (tuple, list):
        return f"list of {_plain(inner[0])}"
    words = {int: "whole number", float: "number", str: "text", bool: "true or false"}
    return words.get(annotation, "table")


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "" if field.default_factory is None else "empty"
    return "-" if field.default is None else _word(field.default)


def _word(value: object) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f'`"{value}"`'
    if isinstance(value, float):
        return f"`{value:.6g}`"
    return f"`{list(value)}`" if isinstance(value, tuple) else f"`{value}`"


if __name__ == "__main__":
    print(guide(), end="")
