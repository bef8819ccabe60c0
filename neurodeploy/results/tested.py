"""On what a number was measured: a data set, its part, how many samples of how many, a seed."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Tested:
    """The samples behind a result.

    name : of the data set or file. part : ``"train"``, ``"validation"``, ``"test"``; None where
    there are no parts. samples : how many were run, the first ones. of : how many the part holds,
    None where a file does not say. place : where noise acts. split_seed : of a split that was
    drawn. notes : how the data were read. digest : of the samples that were run. An older file says
    none of ``of`` and what follows it.
    """

    name: str
    part: str | None = None
    samples: int | None = None
    of: int | None = None
    place: str = ""
    split_seed: int | None = None
    notes: tuple[str, ...] = ()
    digest: str = ""

    def filled(self, whole: Tested | None) -> Tested:
        """Return what is missing here from ``whole``, another result on the same part."""
        if whole is None or (self.name, self.part) != (whole.name, whole.part):
            return self
        return replace(
            self,
            of=whole.of if self.of is None else self.of,
            split_seed=whole.split_seed if self.split_seed is None else self.split_seed,
        )

    def same_samples(self, other: Tested | None) -> bool:
        """Whether both results speak of the same samples."""
        return self.same_name(other) and not self.contradicts(other)

    def same_name(self, other: Tested | None) -> bool:
        """Whether both results name the same samples."""
        key = (self.name, self.part, self.samples)
        return other is not None and key == (other.name, other.part, other.samples)

    def contradicts(self, other: Tested | None) -> bool:
        """Whether both name the same samples, whose digests differ."""
        return other is not None and self.same_name(other) and self.other_data(other)

    def other_data(self, other: Tested) -> bool:
        """Whether both say what they were run on, and it is not the same."""
        return bool(self.digest and other.digest) and self.digest != other.digest

    @property
    def set_name(self) -> str:
        """Data set and part: ``digits test``."""
        return self.name if self.part is None else f"{self.name} {self.part}"

    @property
    def size(self) -> str:
        """``20 of 359 samples``, ``all 359 samples``, or ``20 samples`` of an unknown number."""
        if self.samples is None:
            return "number of samples not recorded"
        plural = "" if self.samples == 1 else "s"
        if self.of is None:
            return f"{self.samples:,} sample{plural}"
        if self.samples == self.of:
            return f"all {self.samples:,} sample{plural}"
        return f"{self.samples:,} of {self.of:,} samples"

    @property
    def short(self) -> str:
        """Data set, part and size."""
        return f"{self.set_name}, {self.size}"

    @property
    def label(self) -> str:
        """Data set, part, size and split: what is printed at every number."""
        split = "" if self.split_seed is None else f", split seed {self.split_seed}"
        return f"{self.short}{split}"
