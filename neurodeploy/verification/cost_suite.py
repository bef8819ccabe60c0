"""How much more a network can be made to work by data within a budget that keep their class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurodeploy.accuracy import predictions
from neurodeploy.atomic import replacing
from neurodeploy.attack import Budget, Engine, Field
from neurodeploy.attack.cost import COST_STRENGTHS, MEASURES, CostAttack, Ledger, Meter
from neurodeploy.attack.threads import one_thread
from neurodeploy.data.presentation import Presentation
from neurodeploy.encode.budget import EPS_SCALE
from neurodeploy.errors import OptionError
from neurodeploy.run_folder import plain
from neurodeploy.trace import Activity, concatenated
from neurodeploy.verification.attack_suite import BLOCK, BLOCK_VALUES, EPS
from neurodeploy.verification.grader import check_within
from neurodeploy.verification.gradients import gradients_missing, torch_is_here
from neurodeploy.verification.noise import SEED
from neurodeploy.verification.suites import Flags, Payload, Subject, Suite

if TYPE_CHECKING:
    from rich.console import RenderableType

NPZ = "cost.npz"


@dataclass(frozen=True)
class CostLine:
    """The costliest datum found of one sample at one budget, and the sample as it is.

    predicted : the class of both, -1 where the sample has none and is left alone. attack : that
    found the datum, "" where it is the sample itself. clean_spikes, spikes : by population.
    clean_synops, synops : by connection, every tap inside the border.
    """

    sample: int
    eps: float
    unit: str
    predicted: int
    attack: str
    clean_spikes: dict[str, int]
    clean_synops: dict[str, int]
    spikes: dict[str, int]
    synops: dict[str, int]


@dataclass(frozen=True)
class CostCase:
    """Counts of one population, or of one connection; ``all`` is their sum in a sample.

    mean, largest : of the samples as they are. attacked_mean, attacked : of the data found; the
    largest of both.
    """

    name: str
    mean: float
    largest: int
    attacked_mean: float
    attacked: int


@dataclass(frozen=True)
class CostRow:
    """Cost at one budget over n samples. measure : what was driven up. raised : share of samples
    of which costlier data were found. found_by : of these, by attack.
    """

    eps: float
    unit: str
    steps: int
    measure: str
    n: int
    raised: float
    spikes: tuple[CostCase, ...]
    synops: tuple[CostCase, ...]
    found_by: dict[str, int]


@dataclass(frozen=True)
class CostSuite(Suite):
    """The largest cost that was found, a lower bound of the worst case.

    eps : budgets in 1/255 of the peak; where none is given `EPS` or the smallest that the data
    have. measure : synops or spikes. strength : quick, standard or strong. seed : of all draws.
    """

    eps: tuple[float, ...] | None = None
    measure: str = "synops"
    strength: str = "standard"
    seed: int = SEED

    name: ClassVar[str] = "cost"
    title: ClassVar[str] = "cost under attack"
    line: ClassVar[type[Any] | None] = CostLine
    row: ClassVar[type[Any]] = CostRow

    @classmethod
    def from_flags(cls, flags: Flags) -> CostSuite:
        return cls(flags.eps, strength=flags.strength, seed=flags.seed)

    def settings(self) -> dict[str, Any]:
        own = {name: plain(value) for name, value in vars(self).items()}
        return {**own, "gradients": torch_is_here()}

    def check(self, subject: Subject) -> None:
        COST_STRENGTHS.named(self.strength)
        if self.measure not in MEASURES:
            raise OptionError(f"measure is {self.measure!r}, expected one of {', '.join(MEASURES)}")
        if subject.recipe.streamed:
            raise OptionError(
                "cost: the samples run in one pipelined stream, where the counts of one are mixed "
                "with those of its neighbours; --timing aligned counts each from rest"
            )
        data = subject.data
        if data.encoder.identity and not data.graded:
            raise OptionError("cost: budgets are in eps, which binary columns have none of")
        self.budgets(data)

    def budgets(self, data: Presentation) -> tuple[Budget, ...]:
        """Return every budget. Raises what `Budget.of` raises, and OptionError for none."""
        sizes = self.eps
        if sizes is None:
            usual = tuple(eps for eps in EPS if eps * data.domain.peak >= EPS_SCALE)
            least = -(-EPS_SCALE // data.domain.peak)
            sizes = (1, 2) if data.encoder.identity else usual or (least, 2 * least)
        budgets = tuple(Budget.of(data, "eps", size) for size in sizes)
        if not budgets or len(set(budgets)) < len(budgets):
            texts = ", ".join(budget.text for budget in budgets)
            raise OptionError(f"budgets are {texts or 'none'}, expected each once")
        return budgets

    def block(self, subject: Subject) -> int:
        states = subject.program.neurons * subject.recipe.steps
        return max(1, min(BLOCK, BLOCK_VALUES // states))

    def per_sample(self, subject: Subject) -> int:
        return len(self.budgets(subject.data))

    def payload(self, subject: Subject) -> np.dtype[Any]:
        domain = subject.data.domain
        kind = np.result_type(np.min_scalar_type(domain.low), np.min_scalar_type(domain.high))
        return np.dtype([("x", kind, subject.data.x.shape[1:])])

    def work(self, subject: Subject, rows: slice) -> Iterator[tuple[CostLine, Payload]]:
        data, kind = subject.data.take(rows), self.payload(subject)
        counter = Counter(subject, data, self.measure, self.seed)
        found = [
            counter.driven(budget, COST_STRENGTHS.named(self.strength)())
            for budget in self.budgets(data)
        ]
        for row in range(len(data)):
            for budget, one in zip(self.budgets(data), found, strict=True):
                yield one.line(counter, budget, row), np.array((one.x[row],), kind)

    def rows(self, subject: Subject, lines: Sequence[CostLine]) -> tuple[CostRow, ...]:
        budgets = self.budgets(subject.data)
        return tuple(
            _row(budget, self.measure, lines[number :: len(budgets)])
            for number, budget in enumerate(budgets)
        )

    def finish(
        self, subject: Subject, lines: Sequence[CostLine], payload: Payload, out: Path
    ) -> None:
        budgets, data = self.budgets(subject.data), subject.data
        shape = (len(data), len(budgets))
        image = BytesIO()
        np.savez_compressed(
            image,
            sample=data.index,
            eps=np.array([budget.size for budget in budgets]),
            x=payload["x"].reshape(*shape, *data.x.shape[1:]).swapaxes(0, 1),
            clean=data.x.astype(payload["x"].dtype),
            predicted=np.array([line.predicted for line in lines]).reshape(shape).T,
            attack=np.array([line.attack for line in lines]).reshape(shape).T,
            digest=np.array(subject.program.digest),
        )
        with replacing(out / NPZ) as file:
            file.write(image.getvalue())

    def remarks(self, subject: Subject, rows: Sequence[CostRow]) -> tuple[str, ...]:
        told = (
            f"the most {self.measure} found with the class kept, strength {self.strength}, counted "
            "by the engine: the worst case is no less"
        )
        missing = gradients_missing(subject.program, subject.recipe)
        return (told, f"search only: {missing}") if missing else (told,)

    def table(self, rows: Sequence[CostRow]) -> RenderableType:
        from rich.table import Table

        table = Table(box=None, pad_edge=False)
        for name in ("cost", "mean", "largest", "attacked mean", "attacked largest", "raised"):
            table.add_column(name, justify="left" if name == "cost" else "right", no_wrap=True)
        for row in rows:
            for what, cases in (("spikes", row.spikes), ("synops", row.synops)):
                case = next(case for case in cases if case.name == ALL)
                table.add_row(
                    f"{what}, {row.unit} {row.eps:g}",
                    f"{case.mean:,.1f}",
                    f"{case.largest:,}",
                    f"{case.attacked_mean:,.1f}",
                    f"{case.attacked:,}",
                    f"{row.raised:.1%}",
                )
        return table


ALL = "all"
"""Name of the sum over populations or connections."""


@dataclass
class Driven:
    """What a budget made of a block. x : data ``(samples, *shape)``. attack : that found them."""

    x: NDArray[Any]
    attack: list[str]
    activity: Activity

    def line(self, counter: Counter, budget: Budget, row: int) -> CostLine:
        """Return the line of one sample."""
        return CostLine(
            int(counter.data.index[row]),
            budget.size,
            budget.unit,
            int(counter.classes[row]),
            self.attack[row],
            _of(counter.clean.spikes, row),
            _of(counter.clean.synops_taps, row),
            _of(self.activity.spikes, row),
            _of(self.activity.synops_taps, row),
        )


class Counter:
    """The samples of a block, the engine that counts and, where there is one, the twin."""

    def __init__(self, subject: Subject, data: Presentation, measure: str, seed: int) -> None:
        self.data, self.measure, self.seed = data, measure, seed
        self.engine = Engine(subject.program, subject.recipe)
        scores, activity = self.engine.counted(data.columns(slice(0, len(data))))
        self.classes, self.clean = predictions(scores), concatenated(list(activity))
        self._twins: Any = None
        if not gradients_missing(subject.program, subject.recipe):
            from neurodeploy.attack.oracle import Twins

            self._twins = Twins(subject.program, subject.recipe)

    def driven(self, budget: Budget, methods: Sequence[CostAttack]) -> Driven:
        """Return the costliest data that ``methods`` find at a budget."""
        data, names = self.data, [""] * len(self.data)
        space = budget.space(data)
        slopes = None
        if self._twins is not None:
            from neurodeploy.attack.cost_oracle import cost_slopes

            slopes = cost_slopes(self._twins, space, self.classes, self.measure)

        def count(x: Any, rows: Any) -> tuple[Any, Any]:
            scores, activity = self.engine.counted(space.columns(x, rows))
            return scores, np.concatenate([self._cost(one) for one in activity])

        def answer(x: Any, rows: Any) -> Any:
            return count(x, rows)[0]

        arena = Field(space, self.classes, data.index, answer, None, self.seed)
        ledger = Ledger(Meter(arena, count, slopes))
        with one_thread(self._twins is not None):
            for method in methods:
                before = ledger.cost.copy()
                method.run(ledger)
                for row in np.flatnonzero(ledger.cost > before):
                    names[row] = method.name
        x = budget.data_of(space, ledger.x)
        check_within("cost", data, x, budget)
        scores, activity = self.engine.counted(data.columns(slice(0, len(data)), x))
        kept = predictions(scores) == self.classes
        assert kept.all()
        return Driven(x, names, concatenated(list(activity)))

    def _cost(self, activity: Activity) -> NDArray[np.int64]:
        counts = activity.spikes if self.measure == "spikes" else activity.synops_taps
        total: NDArray[np.int64] = np.sum([*counts.values()], axis=0)
        return total


def _of(counts: Mapping[str, NDArray[np.int64]], row: int) -> dict[str, int]:
    return {name: int(values[row]) for name, values in counts.items()}


def _row(budget: Budget, measure: str, lines: Sequence[CostLine]) -> CostRow:
    found = [line.attack for line in lines if line.attack]
    return CostRow(
        eps=budget.size,
        unit=budget.unit,
        steps=budget.steps,
        measure=measure,
        n=len(lines),
        raised=len(found) / len(lines),
        spikes=_cases([(line.clean_spikes, line.spikes) for line in lines]),
        synops=_cases([(line.clean_synops, line.synops) for line in lines]),
        found_by={name: found.count(name) for name in dict.fromkeys(found)},
    )


def _cases(pairs: Sequence[tuple[Mapping[str, int], Mapping[str, int]]]) -> tuple[CostCase, ...]:
    """Return the sums of each sample, then the counts by name."""
    cases = []
    for name in (ALL, *pairs[0][0]):
        clean, driven = (
            np.array([sum(one.values()) if name == ALL else one[name] for one in side])
            for side in zip(*pairs, strict=True)
        )
        largest = int(clean.max())
        most = max(largest, int(driven.max()))
        cases.append(CostCase(name, float(clean.mean()), largest, float(driven.mean()), most))
    return tuple(cases)
