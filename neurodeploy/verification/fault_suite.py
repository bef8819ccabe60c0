"""Faults: what breaks the network on the chip, in the words that the chip stores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from neurodeploy.accuracy import Accuracy
from neurodeploy.answers.faulty import answered, answers
from neurodeploy.answers.runner import fitted
from neurodeploy.errors import OptionError
from neurodeploy.program import Program
from neurodeploy.run_folder import plain
from neurodeploy.sim.faults import DeadCore, Encoding, stored_encoding
from neurodeploy.verification.fault_rows import BitRow, FaultRow, WorstFault
from neurodeploy.verification.fault_sites import Sampling, Trials, sites
from neurodeploy.verification.noise import SEED
from neurodeploy.verification.suites import Flags, Subject, Suite

if TYPE_CHECKING:
    from rich.console import RenderableType

PROFILE = "loihi1"
"""Chip whose stored words break, where none is named."""
BLOCK = 100
"""Samples that are worked on at a time."""
WORST = 5
"""Most damaging faults that a row names."""
RANKED = 20
"""Most critical bits, and most damaging faults of all, that are listed."""


@dataclass(frozen=True)
class FaultLine:
    """What the faults of one row do to one sample.

    clean : whether it is answered right without a fault. right, changed : injections under which it
    is answered right, and under which the class is another. lost : numbers of the injections, from
    0, under which a sample that is right without a fault is not.
    """

    sample: int
    label: int
    site: str
    kind: str
    clean: bool
    right: int
    changed: int
    lost: tuple[int, ...]


@dataclass(frozen=True)
class FaultSuite(Suite):
    """Accuracy under faults of stored words, states, neurons and messages.

    profile : of the chip, in whose words bits flip; encoding : in place of the chip's. flips :
    bits inverted together in one word. margin : half width of the 95 % interval of the share of
    critical faults, which decides how many are tried; all are where there are no more. rates : of
    flipped bits among the weights of a connection, and of all. drops : of lost, doubled and late
    messages. draws : at each rate. cores : that may die, as slices of populations. complete : every
    flip of stored words - weights, delays, thresholds, decays, biases - and nothing else. only :
    sites to take, None for all. seed : of all draws.
    """

    profile: str = PROFILE
    encoding: Encoding | None = None
    flips: int = 1
    margin: float = 0.1
    rates: tuple[float, ...] = (0.001, 0.01)
    drops: tuple[float, ...] = (0.01, 0.1)
    draws: int = 10
    cores: tuple[DeadCore, ...] = ()
    complete: bool = False
    only: tuple[str, ...] | None = None
    seed: int = SEED

    name: ClassVar[str] = "fault"
    title: ClassVar[str] = "accuracy under faults"
    line: ClassVar[type[Any] | None] = FaultLine
    row: ClassVar[type[Any]] = FaultRow

    @classmethod
    def from_flags(cls, flags: Flags) -> FaultSuite:
        profile = flags.profile or PROFILE
        return cls(profile=profile, complete=flags.complete, seed=flags.seed)

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "encoding": plain(self.words)}

    @property
    def words(self) -> Encoding:
        """How words are stored. Raises ProfileError where the profile does not say."""
        return self.encoding or stored_encoding(self.profile)

    def check(self, subject: Subject) -> None:
        if self.flips < 1:
            raise OptionError(f"fault: flips is {self.flips}, expected 1 or more")
        if not 0 < self.margin <= 0.5:
            raise OptionError(f"fault: margin is {self.margin}, expected more than 0, at most 0.5")
        for name in ("rates", "drops"):
            for rate in getattr(self, name):
                if not 0 <= rate <= 1:
                    raise OptionError(f"fault: {name} hold {rate}, allowed are 0 to 1")
        if self.draws < 1:
            raise OptionError(f"fault: draws is {self.draws}, expected 1 or more")
        rows, _ = self._found(subject)
        known = dict.fromkeys(trials.site for trials in rows)
        for site in self.only or ():
            if site not in known:
                raise OptionError(f"fault: no site {site!r}, there are {', '.join(known)}")
        if not self.trials(subject):
            raise OptionError("fault: nothing of this network can break in the words of the chip")

    def trials(self, subject: Subject) -> tuple[Trials, ...]:
        """Return the rows of the campaign, with their faults."""
        rows, _ = self._found(subject)
        return tuple(row for row in rows if self.only is None or row.site in self.only)

    def left_out(self, subject: Subject) -> tuple[str, ...]:
        """Return which sites are not tried, and why."""
        return self._found(subject)[1]

    def _found(self, subject: Subject) -> tuple[tuple[Trials, ...], tuple[str, ...]]:
        sampling = Sampling(
            self.seed,
            self.words,
            self.flips,
            self.margin,
            self.rates,
            self.drops,
            self.draws,
            self.cores,
            self.complete,
        )
        recipe = subject.recipe
        return _sites(subject.program, recipe.steps, recipe.streamed, sampling)

    def block(self, subject: Subject) -> int:
        return BLOCK

    def per_sample(self, subject: Subject) -> int:
        return len(self.trials(subject))

    def work(self, subject: Subject, rows: slice) -> Iterator[tuple[FaultLine, None]]:
        shown, program, recipe = subject.data.take(rows).encoded(), subject.program, subject.recipe
        columns = fitted(shown.columns(slice(0, len(shown))), recipe.steps)
        clean, label = answered(program, recipe, columns), np.asarray(shown.y)
        trials = self.trials(subject)
        found = [answers(program, recipe, columns, one.injections) for one in trials]
        for row, sample in enumerate(shown.index):
            for one, predicted in zip(trials, found, strict=True):
                right = predicted[:, row] == label[row]
                is_clean = bool(clean[row] == label[row])
                line = FaultLine(
                    int(sample),
                    int(label[row]),
                    one.site,
                    one.kind,
                    is_clean,
                    int(right.sum()),
                    int(np.count_nonzero(predicted[:, row] != clean[row])),
                    tuple(np.flatnonzero(~right).tolist()) if is_clean else (),
                )
                yield line, None

    def rows(self, subject: Subject, lines: Sequence[FaultLine]) -> tuple[FaultRow, ...]:
        trials = self.trials(subject)
        return tuple(_row(one, lines[k :: len(trials)]) for k, one in enumerate(trials))

    def more(self, subject: Subject, rows: Sequence[FaultRow]) -> dict[str, Any]:
        bits = sorted((bit for row in rows for bit in row.by_bit), key=lambda bit: -bit.lost)
        worst = sorted((fault for row in rows for fault in row.worst), key=lambda one: -one.lost)
        return {
            "faults": {
                "rows": list(rows),
                "bits": bits,
                "worst": worst[:RANKED],
                "left_out": self.left_out(subject),
            }
        }

    def remarks(self, subject: Subject, rows: Sequence[FaultRow]) -> tuple[str, ...]:
        weight, own = self.words.weight, self.encoding is None
        stored = f"stored as in profile {self.profile}" if own else "stored as given"
        told = f"faults: words {stored} (weights {weight}), seed {self.seed}"
        return (f"{told}; critical: loses one of the samples", *self.left_out(subject))

    def table(self, rows: Sequence[FaultRow]) -> RenderableType:
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("site", "fault", "tried", "of", "critical", "accuracy", "95 % interval"):
            table.add_column(name, justify="right" if name in _RIGHT else "left", overflow="fold")
        for row in rows:
            table.add_row(
                row.site,
                row.kind,
                f"{row.injections:,}",
                "draws" if row.of is None else f"{row.of:,}",
                f"{row.critical:,}",
                f"{row.rate:.1%}",
                f"{row.low:.1%} to {row.high:.1%}",
            )
        return table

    def footnotes(self, rows: Sequence[FaultRow], extra: Mapping[str, Any]) -> tuple[str, ...]:
        faults = extra["faults"]
        bits = [bit for bit in faults["bits"][:3] if bit.lost]
        worst = [fault for fault in faults["worst"][:3] if fault.lost]
        ranked = ", ".join(f"{one.site} bit {one.bit} ({one.lost:.1%} lost)" for one in bits)
        named = ", ".join(f"{one.fault} ({one.lost} lost)" for one in worst)
        return (f"most critical bits: {ranked or 'none'}", f"worst faults: {named or 'none'}")


_RIGHT = ("tried", "of", "critical", "accuracy")


@lru_cache(maxsize=4)
def _sites(
    program: Program, steps: int, streamed: bool, sampling: Sampling
) -> tuple[tuple[Trials, ...], tuple[str, ...]]:
    """Return the rows of a network, and the sites that are left out."""
    found, left_out = [], []
    for entry in sites(program, steps, sampling):
        if isinstance(entry, str):
            left_out.append(f"not tried: {entry}")
        elif not (streamed and entry.runs):
            found.append(entry)
    if streamed:
        left_out.append(
            "not tried: states, neurons and messages, whose faults act on samples from rest; "
            "this network runs as one stream"
        )
    return tuple(found), tuple(left_out)


def _row(trials: Trials, lines: Sequence[FaultLine]) -> FaultRow:
    n, count = len(lines), len(trials.injections)
    losses = Counter(number for line in lines for number in line.lost)
    rate = sum(line.right for line in lines) / (n * count)
    low, high = Accuracy(round(rate * n), 0, n).interval
    critical = len(losses)
    share = (critical / count,) * 2
    if trials.of != count:
        share = Accuracy(critical, 0, count).interval
    worst = sorted(losses.items(), key=lambda item: (-item[1], item[0]))[:WORST]
    return FaultRow(
        site=trials.site,
        kind=trials.kind,
        injections=count,
        of=trials.of,
        critical=critical,
        critical_low=share[0],
        critical_high=share[1],
        clean=sum(line.clean for line in lines) / n,
        rate=rate,
        low=low,
        high=high,
        changed=sum(line.changed for line in lines) / (n * count),
        n=n,
        by_bit=tuple(_by_bit(trials, losses, n)),
        worst=tuple(WorstFault(_text(trials, number), lost) for number, lost in worst),
    )


def _text(trials: Trials, number: int) -> str:
    """Return an injection in words: its one fault, or its number and how many act together."""
    faults = trials.injections[number]
    if len(faults) == 1:
        return faults[0].text
    return f"{trials.site} {trials.kind} draw {number}, {len(faults)} flips"


def _by_bit(trials: Trials, losses: Mapping[int, int], samples: int) -> Iterator[BitRow]:
    own: dict[int, list[int]] = {}
    for number, bits in enumerate(trials.bits):
        if len(bits) == 1:
            own.setdefault(bits[0], []).append(number)
    for bit, numbers in sorted(own.items()):
        lost = [losses.get(number, 0) for number in numbers]
        share = sum(lost) / (samples * len(numbers))
        yield BitRow(trials.site, bit, len(numbers), sum(map(bool, lost)), share)
