"""Options that several verbs share, stated once: a record of options as one parameter of a verb."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_type_hints

Verb = Callable[..., Any]


def expanded(verb: Verb) -> Verb:
    """Return ``verb`` with the fields of its option records as options of its own.

    A parameter that is annotated with a dataclass is replaced by the fields of that class, which
    are annotated as options of typer and have defaults; the verb receives the record.
    """
    hints = get_type_hints(verb, include_extras=True)
    given = inspect.signature(verb).parameters
    records = {name: hints[name] for name in given if is_dataclass(hints[name])}
    plain = [p.replace(annotation=hints[name]) for name, p in given.items() if name not in records]
    options = [option for record in records.values() for option in _options(record)]

    @functools.wraps(verb)
    def call(**values: Any) -> Any:
        made = {
            name: record(**{f.name: values.pop(f.name) for f in fields(record)})
            for name, record in records.items()
        }
        return verb(**values, **made)

    parameters = [*plain, *options]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in parameters}
    return call


def _options(record: type) -> list[inspect.Parameter]:
    hints = get_type_hints(record, include_extras=True)
    result = []
    for entry in fields(record):
        if entry.default is MISSING:
            raise TypeError(f"{record.__name__}.{entry.name} has no default, an option needs one")
        result.append(
            inspect.Parameter(
                entry.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=entry.default,
                annotation=hints[entry.name],
            )
        )
    return result
