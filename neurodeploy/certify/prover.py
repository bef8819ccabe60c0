"""The prover: from samples and budgets to verdicts, by whatever method decides first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.answers import Recipe, Runner
from neurodeploy.certificates.claims import CERTIFIED, FALSIFIED, OPEN, Method, known
from neurodeploy.certify.boxes import Boxes
from neurodeploy.certify.constant import Constant, constant_of
from neurodeploy.certify.points import few, margins, points, scores, searched
from neurodeploy.data.presentation import Presentation
from neurodeploy.encode import Domain, Encoder
from neurodeploy.program import Program
from neurodeploy.sim.options import RunOptions
from neurodeploy.sim.plan import Plan, prepare

Integers = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Proof:
    """What was found, arrays ``(samples, budgets)``.

    verdict, method : uint8, see `neurodeploy.certificates.claims`. margin : int64, what the method
    proves of ``score[label] - any other``, in parts of a score's unit. counter :
    ``(samples, budgets, *shape)``, the datum that is not answered right where the verdict is
    falsified, else the sample's own. clean : ``(samples,)``, whether the sample itself is answered
    right.
    """

    verdict: NDArray[np.uint8]
    method: NDArray[np.uint8]
    margin: NDArray[np.int64]
    counter: Integers
    clean: NDArray[np.bool_]

    @classmethod
    def begun(cls, data: Presentation, budgets: int, clean: NDArray[np.bool_]) -> Proof:
        """Return one in which everything is open."""
        shape = (len(data), budgets)
        counter = np.repeat(data.x[:, None], budgets, axis=1)
        verdict, method = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
        return cls(verdict, method, np.zeros(shape, np.int64), counter, clean)

    def close(
        self, at: Any, budget: int, verdict: int, method: Method, margin: Any, x: Any = None
    ) -> None:
        """Write down what was found of the samples ``at``."""
        self.verdict[at, budget], self.method[at, budget] = verdict, method
        self.margin[at, budget] = margin
        if x is not None:
            self.counter[at, budget] = x


class Prover:
    """A program with its data's encoder and range, made ready to prove.

    limit : most data of a ball that are tried one by one.
    """

    def __init__(
        self, program: Program, encoder: Encoder, domain: Domain, recipe: Recipe, limit: int
    ) -> None:
        self.program, self.recipe, self.limit = program, recipe, limit
        options = RunOptions(weights=recipe.weights, input_bits=recipe.input_bits)
        self.plan: Plan = prepare(program, options)
        self.boxes = Boxes(self.plan, recipe.steps) if known(program) else None
        self.constant: Constant | None = constant_of(self.plan, encoder, domain, recipe.steps)

    @cached_property
    def runner(self) -> Runner:
        """Runs data on the engine of the recipe."""
        return Runner(self.program, replace(self.recipe, threads=1))

    def prove(self, data: Presentation, budgets: tuple[int, ...]) -> Proof:
        """Judge every sample of ``data`` at every budget, in steps of the data, rising."""
        clean = self._clean(data)
        proof = Proof.begun(data, len(budgets), clean > 0)
        for number, steps in enumerate(budgets):
            if number:
                self._inherit(proof, number)
            else:
                wrong = clean <= 0
                proof.close(wrong, 0, FALSIFIED, Method.COMPLETE, clean[wrong])
            self._bound(proof, data, number, steps)
            self._search(proof, data, number, steps)
        return proof

    def _clean(self, data: Presentation) -> NDArray[np.int64]:
        return np.concatenate([margins(p.scores, data.y[p.rows]) for p in self.runner.run(data)])

    @staticmethod
    def _inherit(proof: Proof, number: int) -> None:
        """What falls within a smaller budget falls within this one."""
        at = proof.verdict[:, number - 1] == FALSIFIED
        for array in (proof.verdict, proof.method, proof.margin, proof.counter):
            array[at, number] = array[at, number - 1]

    def _bound(self, proof: Proof, data: Presentation, number: int, steps: int) -> None:
        """Try segments, then intervals where segments do not apply or leave more to be found."""
        todo = np.flatnonzero(proof.verdict[:, number] == OPEN)
        if self.constant is not None and len(todo):
            found, applies = self.constant.margins(data.take(todo), steps)
            self._certify(proof, todo, number, Method.SEGMENT, found)
            todo = todo[(found <= 0) & ~(applies & self.constant.exact)]
        if self.boxes is not None and len(todo):
            found = self.boxes.margins(data.take(todo), steps)
            self._certify(proof, todo, number, Method.INTERVAL, found)

    @staticmethod
    def _certify(
        proof: Proof, rows: Integers, number: int, method: Method, found: NDArray[np.int64]
    ) -> None:
        good = found > 0
        proof.close(rows[good], number, CERTIFIED, method, found[good])

    def _search(self, proof: Proof, data: Presentation, number: int, steps: int) -> None:
        """Try every datum of the ball where there are few enough, else the worst corner."""
        rows = np.flatnonzero(proof.verdict[:, number] == OPEN)
        if not len(rows):
            return
        searchable = few(data.take(rows), steps, self.limit)
        for row in rows[searchable].tolist():
            margin, counter = searched(self.runner, data, row, points(data, row, steps))
            verdict = CERTIFIED if counter is None else FALSIFIED
            proof.close(row, number, verdict, Method.COMPLETE, margin, counter)
        if self.constant is not None and not searchable.all():
            self._replay(self.constant, proof, data, number, rows[~searchable], steps)

    def _replay(
        self,
        constant: Constant,
        proof: Proof,
        data: Presentation,
        number: int,
        rows: Integers,
        steps: int,
    ) -> None:
        """Run the corner of each ball that the first layer's weights point to."""
        x = constant.corners(data.take(rows), steps)
        score = scores(self.runner, data, rows, x)
        margin = margins(score, data.y[rows])
        fell = margin <= 0
        proof.close(rows[fell], number, FALSIFIED, Method.COMPLETE, margin[fell], x[fell])
