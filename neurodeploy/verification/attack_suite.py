"""Accuracy of the integer network on data that attacks have changed within a budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from neurodeploy.accuracy import Accuracy
from neurodeploy.atomic import replacing
from neurodeploy.attack import Attack, Budget
from neurodeploy.attack.transfer import RELU, Transfer
from neurodeploy.data.presentation import Presentation
from neurodeploy.encode.budget import EPS_SCALE
from neurodeploy.errors import OptionError
from neurodeploy.program import Program
from neurodeploy.run_folder import plain
from neurodeploy.verification import contest
from neurodeploy.verification.arsenal import arsenal
from neurodeploy.verification.elsewhere import Elsewhere, check_source, relu_missing
from neurodeploy.verification.gradients import check_gradient, gradients_missing, torch_is_here
from neurodeploy.verification.masking import Sign, rate, signs
from neurodeploy.verification.noise import SEED
from neurodeploy.verification.suites import Flags, Payload, Subject, Suite

if TYPE_CHECKING:
    from rich.console import RenderableType

EPS = (2.0, 8.0)
"""Default budgets in 1/255 of the peak, where the data have as many steps."""
BLOCK = 200
"""Samples that are worked on at a time, fewer of a network whose states are many."""
BLOCK_VALUES = 1 << 24
"""States over all samples and steps of a block."""
LOOKED = 200
"""First samples on which every attack runs, whatever others have found."""
NPZ = "attack.npz"


@dataclass(frozen=True)
class AttackLine:
    """The verdict on one sample at one budget. eps, unit : the budget and what it counts.

    robust : answered with its label on the kept data, and right when clean. predicted : the class
    that the kept data get, -1 for a tie. by_attack : whether it stands against each attack alone,
    {} beyond the first samples. yardsticks : the same for random noise and for the full range.
    attack : what made the kept data, "" where nothing fooled the network.
    """

    sample: int
    label: int
    eps: float
    unit: str
    clean: bool
    robust: bool
    predicted: int
    by_attack: dict[str, bool]
    yardsticks: dict[str, bool]
    attack: str


@dataclass(frozen=True)
class AttackRow:
    """Robust accuracy at one budget, with its 95 % Wilson interval over n samples.

    eps, unit : the budget and what it counts: eps, flips or shift. steps : whole steps or events.
    by_attack, masking : on the first ``looked`` samples, each attack by itself. fell_to : samples
    by the attack that was the first to fool them.
    """

    eps: float
    unit: str
    steps: int
    clean: float
    robust: float
    low: float
    high: float
    n: int
    looked: int
    by_attack: dict[str, float]
    fell_to: dict[str, int]
    masking: tuple[Sign, ...]


@dataclass(frozen=True)
class AttackSuite(Suite):
    """Robust accuracy under attacks, graded on the integers.

    eps : budgets in 1/255 of the peak (raw steps of graded columns). flips, shifts : budgets of
    binary columns, in events that appear or vanish, and in steps by which events move. Where none
    is given: `EPS` or the smallest that the data have, or 1 and 4 flips. strength : quick, standard
    or strong. attacks : given in place of those of the strength. seed : of all random draws.
    sources : programs that attacks are transferred from, beside those of the strength. iterations :
    of SA-PGD and Auto-PGD, in place of those of the strength; 500 for figures to be published.
    """

    eps: tuple[float, ...] | None = None
    flips: tuple[int, ...] | None = None
    shifts: tuple[int, ...] | None = None
    strength: str = "standard"
    attacks: tuple[Attack, ...] | None = None
    seed: int = SEED
    sources: tuple[Program, ...] = ()
    iterations: int | None = None

    name: ClassVar[str] = "attack"
    title: ClassVar[str] = "accuracy under attack"
    line: ClassVar[type[Any] | None] = AttackLine
    row: ClassVar[type[Any]] = AttackRow

    @classmethod
    def from_flags(cls, flags: Flags) -> AttackSuite:
        return cls(
            flags.eps,
            flags.flips,
            flags.shifts,
            flags.strength,
            seed=flags.seed,
            sources=flags.transfer,
            iterations=flags.iterations,
        )

    def settings(self) -> dict[str, Any]:
        given = None if self.attacks is None else [repr(method) for method in self.attacks]
        return {
            **{name: plain(getattr(self, name)) for name in ("eps", "flips", "shifts")},
            "strength": self.strength,
            "attacks": given,
            "seed": self.seed,
            "gradients": torch_is_here(),
            "sources": [program.digest for program in self.sources],
            "iterations": self.iterations,
        }

    def check(self, subject: Subject) -> None:
        budgets = self.budgets(subject.data)
        subject.data.ball(slice(0, len(subject.data)), 1)
        if self.iterations is not None and self.iterations < 1:
            raise OptionError(f"iterations is {self.iterations}, expected 1 or more")
        for program in self.sources:
            check_source(program, subject.data)
        for method in self.attacks or ():
            if method.needs_gradient:
                check_gradient(method.name, subject)
        for budget in budgets:
            methods = self.methods(subject, budget)
            names = [method.name for method in methods]
            if all(method.sign_only for method in methods) or len(set(names)) < len(names):
                raise OptionError(f"attacks are {', '.join(names) or 'none'}, expected each once")

    def budgets(self, data: Presentation) -> tuple[Budget, ...]:
        """Return every budget. Raises what `Budget.of` raises, and OptionError for none."""
        given = {"eps": self.eps, "flips": self.flips, "shift": self.shifts}
        if all(sizes is None for sizes in given.values()):
            unit, sizes = self._usual(data)
            given = {unit: sizes}
        budgets = tuple(
            Budget.of(data, unit, size) for unit, sizes in given.items() for size in sizes or ()
        )
        if not budgets or len(set(budgets)) < len(budgets):
            texts = ", ".join(budget.text for budget in budgets)
            raise OptionError(f"budgets are {texts or 'none'}, expected each once")
        return budgets

    @staticmethod
    def _usual(data: Presentation) -> tuple[str, tuple[float, ...]]:
        if data.encoder.identity:
            return ("eps", (1, 2)) if data.graded else ("flips", (1, 4))
        usual = tuple(eps for eps in EPS if eps * data.domain.peak >= EPS_SCALE)
        least = -(-EPS_SCALE // data.domain.peak)
        return "eps", usual or (least, 2 * least)

    def methods(self, subject: Subject, budget: Budget) -> tuple[Attack, ...]:
        """Return the attacks to run: those that were given, or those of the strength."""
        if self.attacks is not None:
            return self.attacks
        return arsenal(subject, budget, self.strength, self.sources, self.iterations, self.seed)

    def _asks_relu(self) -> bool:
        """Whether some attack is transferred from a network of ReLUs."""
        given = self.attacks or ()
        return (self.attacks is None and self.strength == "strong") or any(
            isinstance(method, Transfer) and method.source == RELU for method in given
        )

    def block(self, subject: Subject) -> int:
        states = subject.program.neurons * subject.recipe.steps
        return max(1, min(BLOCK, BLOCK_VALUES // states))

    def per_sample(self, subject: Subject) -> int:
        return len(self.budgets(subject.data))

    def payload(self, subject: Subject) -> np.dtype[Any]:
        domain = subject.data.domain
        kind = np.result_type(np.min_scalar_type(domain.low), np.min_scalar_type(domain.high))
        return np.dtype([("x", kind, subject.data.x.shape[1:])])

    def work(self, subject: Subject, rows: slice) -> Iterator[tuple[AttackLine, Payload]]:
        looked = max(0, min(LOOKED, len(subject.data)) - rows.start)
        elsewhere = Elsewhere(subject, self.sources, self._asks_relu(), self.seed)
        ring = contest.Ring(subject, subject.data.take(rows), looked, self.seed, elsewhere)
        budgets = self.budgets(subject.data)
        found = [ring.fought(budget, self.methods(subject, budget)) for budget in budgets]
        data, kind = ring.data, self.payload(subject)
        for row, (sample, label) in enumerate(zip(data.index, data.y, strict=True)):
            for budget, bout in zip(budgets, found, strict=True):
                line = AttackLine(
                    int(sample),
                    int(label),
                    budget.size,
                    budget.unit,
                    bool(bout.clean[row]),
                    bool(bout.robust[row]),
                    int(bout.answers[row]),
                    bout.alone(row),
                    bout.against(row),
                    bout.attack[row],
                )
                yield line, np.array((bout.x[row],), kind)

    def rows(self, subject: Subject, lines: Sequence[AttackLine]) -> tuple[AttackRow, ...]:
        budgets = self.budgets(subject.data)
        return tuple(
            _row(budget, self.methods(subject, budget), lines[number :: len(budgets)])
            for number, budget in enumerate(budgets)
        )

    def finish(
        self, subject: Subject, lines: Sequence[AttackLine], payload: Payload, out: Path
    ) -> None:
        count, data = self.per_sample(subject), subject.data
        shape = (len(data), count)
        robust = np.array([line.robust for line in lines]).reshape(shape).T
        image = BytesIO()
        np.savez_compressed(
            image,
            sample=data.index,
            y=data.y,
            eps=np.array([budget.size for budget in self.budgets(data)]),
            unit=np.array([budget.unit for budget in self.budgets(data)]),
            x=payload["x"].reshape(*shape, *data.x.shape[1:]).swapaxes(0, 1),
            clean=data.x.astype(payload["x"].dtype),
            robust=robust,
            predicted=np.array([line.predicted for line in lines]).reshape(shape).T,
            attack=np.array([line.attack for line in lines]).reshape(shape).T,
            digest=np.array(subject.program.digest),
        )
        with replacing(out / NPZ) as file:
            file.write(image.getvalue())

    def remarks(self, subject: Subject, rows: Sequence[AttackRow]) -> tuple[str, ...]:
        budgets = self.budgets(subject.data)
        methods = {one for budget in budgets for one in self.methods(subject, budget)}
        count = sum(not method.sign_only for method in methods)
        named = "" if self.attacks is not None else f", strength {self.strength}"
        told = f"{count} attacks{named}, graded on the integers; ties count as losses"
        return (told, *self._left_out(subject, bool(named)))

    def _left_out(self, subject: Subject, named: bool) -> Iterator[str]:
        """Yield what of the strength could not be tried, and how a stream was searched."""
        missing = gradients_missing(subject.program, subject.recipe)
        if missing and named:
            yield f"black box only: {missing}"
        if subject.recipe.streamed and not subject.recipe.begins_from_rest:
            yield (
                "each sample is searched as the first of a stream, and judged where it stands in "
                "the stream of all: what others leave behind may undo or add to a change"
            )
        elif subject.recipe.streamed:
            yield "each sample is searched as the first of a stream: the reset clears the others"
        lacking = relu_missing(subject)
        if self._asks_relu() and lacking:
            yield f"no transfer from a network of ReLUs: {lacking}"
        if self.strength == "strong" and named and subject.aside.validation is None:
            yield "the parameter of ASSG is not searched for: the data have no validation part"

    def table(self, rows: Sequence[AttackRow]) -> RenderableType:
        from rich.table import Table

        table = Table(box=None, pad_edge=False)
        for name in ("attack", "steps", "clean", "robust", "95 % interval", "strongest attack"):
            right = name in ("steps", "clean", "robust")
            whole = name != "strongest attack"
            table.add_column(name, justify="right" if right else "left", no_wrap=whole)
        for row in rows:
            best = min(row.by_attack, key=lambda name: row.by_attack[name], default="none")
            alone = f" ({row.by_attack[best]:.1%} alone)" if best in row.by_attack else ""
            table.add_row(
                f"{row.unit} {row.eps:g}",
                str(row.steps),
                f"{row.clean:.1%}",
                f"{row.robust:.1%}",
                f"{row.low:.1%} to {row.high:.1%}",
                f"{best}{alone}",
            )
        return table

    def footnotes(self, rows: Sequence[AttackRow], extra: Mapping[str, Any]) -> tuple[str, ...]:
        alarms = [
            f"[bold]{row.unit} {row.eps:g}: {sign.name}: {sign.text}[/]"
            for row in rows
            for sign in row.masking
            if sign.suspicious
        ]
        compared = sum(len(row.masking) for row in rows)
        told = tuple(alarms) or (f"signs of masked gradients: none of {compared} comparisons",)
        return (f"alone: on the first {rows[0].looked} samples", *told)


def _row(budget: Budget, methods: Sequence[Attack], lines: Sequence[AttackLine]) -> AttackRow:
    robust = np.array([line.robust for line in lines])
    found = Accuracy(int(robust.sum()), 0, len(lines))
    low, high = found.interval
    looked = [line for line in lines if line.by_attack]
    verdicts = [line.by_attack for line in looked]
    names = list(verdicts[0]) if verdicts else []
    fooled = [line.attack for line in lines if line.attack]
    count: Callable[[str], int] = fooled.count
    return AttackRow(
        eps=budget.size,
        unit=budget.unit,
        steps=budget.steps,
        clean=sum(line.clean for line in lines) / len(lines),
        robust=found.rate,
        low=low,
        high=high,
        n=len(lines),
        looked=len(looked),
        by_attack={name: rate([name], verdicts) for name in names},
        fell_to={name: count(name) for name in names if count(name)},
        masking=signs(methods, verdicts, [line.yardsticks for line in looked]),
    )
