"""Files that people write: TOML read and checked against a pydantic model, with one-line errors."""

from __future__ import annotations

import sys
import typing
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from neurodeploy.errors import NeurodeployError, alike

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ModelT = TypeVar("ModelT", bound="Table")


class Table(BaseModel):
    """Base of every TOML table: immutable, unknown keys refused, numbers finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def read_toml(path: Path, error: type[NeurodeployError]) -> dict[str, Any]:
    """Return the content of a TOML file, or raise ``error`` with the file and the reason."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise error(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise error(f"{path}: cannot be read as UTF-8 text, {problem}") from problem
    except tomllib.TOMLDecodeError as problem:
        raise error(f"{path}: not valid TOML, {_one_line(str(problem))}") from problem


def checked(model: type[ModelT], data: Any, where: str, error: type[NeurodeployError]) -> ModelT:
    """Return ``data`` as ``model``, or raise ``error`` with ``where`` and the first problem."""
    try:
        return model.model_validate(data)
    except ValidationError as problem:
        raise error(f"{where}: {_first(model, problem)}") from None


def _first(model: type[Table], problem: ValidationError) -> str:
    """Describe the first problem in one line: path, what was found, what was expected."""
    entry = problem.errors()[0]
    path = ".".join(str(part) for part in entry["loc"]) or "file"
    if entry["type"] == "extra_forbidden":
        known = known_keys(model, entry["loc"][:-1])
        return f"{path}: unknown key, {nearest(str(entry['loc'][-1]), known)}"
    if entry["type"] == "missing":
        return f"{path}: missing, this key is required"
    if entry["type"] == "value_error":
        return f"{path}: {entry['ctx']['error']}"
    message = _one_line(entry["msg"])
    return f"{path}: {entry['input']!r}, {message[:1].lower()}{message[1:]}"


def nearest(key: str, known: list[str]) -> str:
    """Return ``did you mean 'x'?``, or the list of what is known."""
    close = alike(key, known)
    return f"did you mean {close!r}?" if close else f"known are {', '.join(known)}"


def known_keys(model: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    """Return the keys that the table at ``path`` below ``model`` may have."""
    current: type[BaseModel] = model
    for part in path:
        field = current.model_fields.get(str(part))
        inner = _model_within(field.annotation) if field is not None else None
        current = inner or current
    return [field.alias or name for name, field in current.model_fields.items()]


def _model_within(annotation: Any) -> type[BaseModel] | None:
    """Return the model in ``Model | None``, ``tuple[Model, ...]`` or ``dict[str, Model]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_within(part) for part in typing.get_args(annotation))
    return next((part for part in inner if part is not None), None)


def _one_line(text: str) -> str:
    return " ".join(text.split())
