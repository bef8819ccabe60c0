"""What a part tells the top of the page: checks for the verdict, and key figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

WORDS = {"good": "passed", "bad": "failed", "open": "open", "none": "not run"}
"""What a person reads for each state of a check."""


@dataclass(frozen=True)
class Check:
    """One line of the verdict.

    state : ``"good"``, ``"bad"``, ``"open"`` (not known, or near a limit) or ``"none"``.
    weight : whether it decides the verdict. word : for the state, that of `WORDS` if empty.
    """

    name: str
    state: str
    text: str
    weight: bool = True
    word: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        word = self.word or WORDS[self.state]
        return {"name": self.name, "state": self.state, "word": word, "text": self.text}


@dataclass(frozen=True)
class Card:
    """A key figure: what it is, its value, and on what it was measured or what bounds it.

    state : colours the value as that of a check would be.
    """

    label: str
    value: str
    detail: str
    state: str = ""
