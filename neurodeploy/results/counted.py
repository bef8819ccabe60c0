"""Accuracy as a file states it: checked, since an interval cannot be made of impossible counts."""

from __future__ import annotations

from dataclasses import dataclass

from neurodeploy.accuracy import Accuracy


@dataclass(frozen=True)
class Counted(Accuracy):
    """Accuracy with ``0 <= correct, ties <= samples`` and at least one sample; else ValueError."""

    def __post_init__(self) -> None:
        if self.samples < 1 or not (0 <= self.correct <= self.samples >= self.ties >= 0):
            raise ValueError(
                f"{self.correct} correct and {self.ties} ties of {self.samples} samples"
            )

    @classmethod
    def from_accuracy(cls, accuracy: Accuracy) -> Counted:
        """Return the same counts, checked."""
        return cls(accuracy.correct, accuracy.ties, accuracy.samples)
