"""A profile that extends another one: its tables laid over the other's."""

from __future__ import annotations

from typing import Any

from neurodeploy.errors import ProfileError

EXTENDS = "extends"
"""Key of a file, before its first table, that names the profile beneath it."""
TABLES_OF_TABLES = ("cases",)
"""Tables whose entries are tables themselves."""


def merged(parent: dict[str, Any], own: dict[str, Any], where: str) -> dict[str, Any]:
    """Return ``own`` over ``parent``: each key of a table replaces the key of that name whole.

    A number comes with its evidence or not at all, so that no part of one outlives it; to forget a
    number write ``{ grade = "none" }``. The name is the file's own, and what it rests on is kept as
    ``identity.based_on``.

    Raises ProfileError for a file without a name, or with a table that is none.
    """
    result: dict[str, Any] = {name: _copied(table) for name, table in parent.items()}
    for name, table in own.items():
        beneath = result.get(name)
        if isinstance(beneath, dict) and not isinstance(table, dict):
            raise ProfileError(f"{where}: {name} is {table!r}, expected a table")
        if not isinstance(beneath, dict):
            result[name] = _copied(table)
        elif name in TABLES_OF_TABLES:
            for entry, content in table.items():
                both = isinstance(content, dict) and isinstance(beneath.get(entry), dict)
                beneath[entry] = {**beneath[entry], **content} if both else content
        else:
            beneath.update(table)
    identity = result.setdefault("identity", {})
    if "name" not in own.get("identity", {}):
        raise ProfileError(
            f"{where}: identity.name is missing, a profile that extends another has its own"
        )
    below = parent.get("identity", {})
    identity["based_on"] = f"{below.get('name')}, version {below.get('profile_version', '1')}"
    return result


def _copied(table: Any) -> Any:
    return dict(table) if isinstance(table, dict) else table
