"""What a writer tells about the files that it has written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Written:
    """One file as it stands on the disk.

    path : the file. digest : of the Program that reading it gives. notes : what the user should
    know about the files, one line each.
    """

    path: Path
    digest: str
    notes: tuple[str, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """What to tell the user, one line each."""
        return self.notes
