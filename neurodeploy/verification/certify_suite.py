"""Certificates: which samples nothing within a budget can change, proved on the integers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from neurodeploy.answers import Recipe
from neurodeploy.certificates.claims import METHODS, VERDICTS, Method
from neurodeploy.encode import Domain, Encoder
from neurodeploy.errors import OptionError
from neurodeploy.program import Program
from neurodeploy.verification.suites import Flags, Payload, Subject, Suite

if TYPE_CHECKING:
    from rich.console import RenderableType

    from neurodeploy.certify.prover import Prover

BLOCK = 500
"""Samples that are worked on at a time."""
LIMIT = 2**16
"""Most data of one ball that are tried one by one."""
WORST = 200
"""Most samples whose largest cost is bounded."""
FILE = "certificates.h5"


@dataclass(frozen=True)
class CertifyLine:
    """The verdict on one sample at one budget.

    clean : whether the sample itself is answered right. method : what decided it, None where open.
    """

    sample: int
    label: int
    eps: float
    clean: bool
    verdict: str
    method: str | None


@dataclass(frozen=True)
class CertifyRow:
    """Shares of the n samples at one budget.

    clean : right without perturbation. certified : no datum within the budget changes the answer.
    falsified : some datum is not answered right, the sample's own included; a tie is not right.
    open : undecided. by_method : decided by each method.
    """

    eps: float
    steps: int
    clean: float
    certified: float
    falsified: float
    open: float
    n: int
    by_method: dict[str, float]


@dataclass(frozen=True)
class CertifySuite(Suite):
    """Certificates for every sample.

    eps : budgets in 1/255 of the peak. limit : most data of a ball that are tried one by one.
    """

    eps: tuple[float, ...]
    limit: int = LIMIT

    name: ClassVar[str] = "certify"
    title: ClassVar[str] = "certificates"
    line: ClassVar[type[Any] | None] = CertifyLine
    row: ClassVar[type[Any]] = CertifyRow

    def __post_init__(self) -> None:
        object.__setattr__(self, "eps", tuple(sorted({float(eps) for eps in self.eps})))

    @classmethod
    def from_flags(cls, flags: Flags) -> CertifySuite:
        if not flags.eps:
            raise OptionError("certify needs budgets in 1/255 of the peak; name them: --eps 2,8")
        return cls(flags.eps)

    def check(self, subject: Subject) -> None:
        if not self.eps:
            raise OptionError("certify: eps is empty, expected budgets in 1/255 of the peak")
        if self.limit < 0:
            raise OptionError(f"certify: limit is {self.limit}, expected 0 or more")
        for eps in self.eps:
            subject.data.budget(eps)
        recipe = subject.recipe
        if recipe.streamed:
            raise OptionError(
                "certify: the samples follow one another in one pipelined stream, where an answer "
                f"depends on other samples, and certificates speak of single ones; {recipe.reason}"
            )
        if recipe.reset_interval is not None:
            raise OptionError(
                f"certify: reset interval is {recipe.reset_interval}, certificates speak of "
                "samples that run from rest without one"
            )
        _prover_of(subject, self.limit)

    def block(self, subject: Subject) -> int:
        return BLOCK

    def per_sample(self, subject: Subject) -> int:
        return len(self.eps)

    def payload(self, subject: Subject) -> np.dtype[Any]:
        shape, domain = subject.data.x.shape[1:], subject.data.domain
        held = np.promote_types(np.min_scalar_type(domain.low), np.min_scalar_type(domain.high))
        return np.dtype([("margin", "<i8"), ("x", held.newbyteorder("<"), shape)])

    def work(self, subject: Subject, rows: slice) -> Iterator[tuple[CertifyLine, Payload]]:
        data = subject.data.take(rows)
        prover = _prover_of(subject, self.limit)
        proof = prover.prove(data, tuple(data.budget(eps) for eps in self.eps))
        kind = self.payload(subject)
        for row, (sample, label) in enumerate(zip(data.index, data.y, strict=True)):
            for number, eps in enumerate(self.eps):
                method = Method(int(proof.method[row, number]))
                line = CertifyLine(
                    int(sample),
                    int(label),
                    eps,
                    bool(proof.clean[row]),
                    VERDICTS[proof.verdict[row, number]],
                    method.name.lower() if method else None,
                )
                record = (proof.margin[row, number], proof.counter[row, number])
                yield line, np.array(record, kind)

    def rows(self, subject: Subject, lines: Sequence[CertifyLine]) -> tuple[CertifyRow, ...]:
        return tuple(self._row(subject, eps, lines) for eps in self.eps)

    def _row(self, subject: Subject, eps: float, lines: Sequence[CertifyLine]) -> CertifyRow:
        own = [line for line in lines if line.eps == eps]
        n, verdicts = len(own), Counter(line.verdict for line in own)
        methods = Counter(line.method for line in own)
        return CertifyRow(
            eps=eps,
            steps=subject.data.budget(eps),
            clean=sum(line.clean for line in own) / n,
            n=n,
            by_method={name: methods[name] / n for name in METHODS},
            **{name: verdicts[name] / n for name in VERDICTS},
        )

    def finish(self, subject: Subject, lines: Sequence[Any], payload: Payload, out: Path) -> None:
        from neurodeploy.certify.claim import claims
        from neurodeploy.certify.store import write

        shape = (len(subject.data), len(self.eps))
        verdict = np.array([VERDICTS.index(line.verdict) for line in lines], np.uint8)
        method = np.array([Method[(line.method or "none").upper()] for line in lines], np.uint8)
        counter = payload["x"].reshape(*shape, *subject.data.x.shape[1:])
        found = claims(
            _prover_of(subject, self.limit),
            subject.data,
            tuple(subject.data.budget(eps) for eps in self.eps),
            verdict.reshape(shape),
            method.reshape(shape),
            payload["margin"].reshape(shape),
            counter,
        )
        write(found, out / FILE)

    def more(self, subject: Subject, rows: Sequence[Any]) -> dict[str, Any]:
        from neurodeploy.certify.worst import worst_cases

        budgets = tuple(subject.data.budget(eps) for eps in self.eps)
        prover = _prover_of(subject, self.limit)
        found = worst_cases(prover, subject.data.first(WORST), budgets)
        record = {"eps": list(self.eps), "samples": min(WORST, len(subject.data)), **vars(found)}
        return {"certify": list(rows), "worst_case": record}

    def remarks(self, subject: Subject, rows: Sequence[Any]) -> tuple[str, ...]:
        seed = getattr(subject.data.encoder, "seed", None)
        kind = subject.data.encoder.kind
        text = "certified: no datum within the budget changes the answer of the integer network"
        if seed is None:
            return (text,)
        return (f"{text}, for the spikes that encoder {kind} draws with seed {seed}",)

    def table(self, rows: Sequence[CertifyRow]) -> RenderableType:
        from rich.table import Table

        used = [name for name in METHODS if any(row.by_method[name] for row in rows)]
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("eps", "steps", "clean", *VERDICTS[1:], VERDICTS[0], *used):
            table.add_column(name, justify="right")
        for row in rows:
            shares = (row.clean, row.certified, row.falsified, row.open)
            methods = (row.by_method[name] for name in used)
            cells = (f"{share:.1%}" for share in (*shares, *methods))
            table.add_row(f"{row.eps:g}", f"{row.steps}", *cells)
        return table


def sentence(rows: Sequence[CertifyRow]) -> str:
    """Return what is certified at every budget, as one line."""
    shares = (f"{row.certified:.1%} at {row.eps:g}/255 (open {row.open:.1%})" for row in rows)
    return f"certified {', '.join(shares)} of {rows[0].n:,} samples, proved on the integers"


def _prover_of(subject: Subject, limit: int) -> Prover:
    data = subject.data
    return _prover(subject.program, data.encoder, data.domain, subject.recipe, limit)


@lru_cache(maxsize=2)
def _prover(
    program: Program, encoder: Encoder, domain: Domain, recipe: Recipe, limit: int
) -> Prover:
    from neurodeploy.certify.prover import Prover

    return Prover(program, encoder, domain, recipe, limit)
