"""Networks from NetX files, attacked with data of one's own in the stream that the chip runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from netx_files import LAVA_DL, needs_lava_dl

import neurodeploy as nd
from neurodeploy.answers import Recipe, RunChoice, Runner, settle
from neurodeploy.answers.runner import as_samples
from neurodeploy.attack import Budget
from neurodeploy.data import Split
from neurodeploy.data.presentation import Presentation, present
from neurodeploy.encode import Direct
from neurodeploy.verification.suites import Verdict

pytestmark = pytest.mark.filterwarnings("ignore::neurodeploy.errors.NeurodeployWarning")
GOLDEN = Path(__file__).parents[1] / "golden"


def answers(program: nd.Program, recipe: Recipe, columns: Any) -> Any:
    """Return the classes of all samples, one stream after the other."""
    pieces = Runner(program, recipe).run(as_samples(columns))
    return np.concatenate([piece.predicted for piece in pieces])


def labelled(program: nd.Program, x: Any, encoder: Direct | None = None) -> Presentation:
    """Return data whose labels are the answers of the stream, so that the clean ones are right."""
    zeros = np.zeros(len(x), np.int64)
    data = present(program, Split(x, zeros, np.arange(len(x))), encoder)
    recipe = settle(program, data.steps, RunChoice(timing="pipelined"))
    found = answers(program, recipe, data.columns(slice(0, len(x))))
    return present(program, Split(x, np.maximum(found, 0), np.arange(len(x))), encoder)


def judged(program: nd.Program, data: Presentation, suite: nd.Attack, out: Path) -> Verdict:
    """Run the suite, and hold what it kept against the stream of all kept data."""
    run = RunChoice(timing="pipelined")
    found = nd.verify(program, data, [suite], run=run, out=out)
    assert found.subject.recipe.streamed
    kept = np.load(out / "verify" / "attack.npz")
    rows = slice(0, len(data))
    for number, row in enumerate(found["attack"].rows):
        x = kept["x"][number].astype(np.int64)
        assert not Budget.of(data, row.unit, row.eps).outside(data, x).any()
        said = answers(program, found.subject.recipe, data.columns(rows, x))
        assert np.array_equal(said, kept["predicted"][number])
        assert np.array_equal(said == data.y, kept["robust"][number])
    told = found["attack"].suite.remarks(found.subject, found["attack"].rows)
    assert any("searched as the first of a stream" in line for line in told)
    return found["attack"]


@pytest.mark.parametrize(("name", "flips"), [("recurrent", 30), ("delay_dense", 3)])
def test_events_of_a_recurrent_and_of_a_delayed_network(
    name: str, flips: int, tmp_path: Path
) -> None:
    program = nd.load(GOLDEN / name / "network.net")
    size = program.inputs[0].size
    x = (np.random.default_rng(3).random((10, 20, size)) < 0.3).astype(np.int32)
    data = labelled(program, x)
    suite = nd.Attack(flips=(flips,), shifts=(2,), strength="quick")
    rows = judged(program, data, suite, tmp_path).rows
    assert [row.unit for row in rows] == ["flips", "shift"]
    assert all(row.clean > 0 for row in rows)
    assert min(row.robust for row in rows) < rows[0].clean


@needs_lava_dl
def test_digits_through_the_mnist_network_of_lava_dl(tmp_path: Path) -> None:
    """Digits of 8 x 8, enlarged; it was trained on others, and is right on four of five."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    large = np.kron(images[:30].reshape(-1, 8, 8), np.ones((1, 3, 3)))
    x = np.rint(np.pad(large, ((0, 0), (2, 2), (2, 2))).reshape(30, -1) * (255 / 16))
    program = nd.load(LAVA_DL / "mnist.net")
    split = Split(x.astype(np.int32), labels[:30].astype(np.int64), np.arange(30))
    data = present(program, split, Direct(16, 255, levels=127))
    first, second = judged(program, data, nd.Attack(eps=(8, 32), strength="quick"), tmp_path).rows
    assert first.clean > 0.6
    assert second.robust <= first.robust < first.clean
    assert second.robust < first.clean / 2


@needs_lava_dl
def test_events_through_the_delays_of_the_spoken_digits_of_lava_dl(tmp_path: Path) -> None:
    program = nd.load(LAVA_DL / "gts" / "ntidigits" / "ntidigits.net")
    record = np.load(LAVA_DL / "gts" / "ntidigits" / "input.npy").T
    parts = (record[: 5 * 100].reshape(5, 100, -1) != 0).astype(np.int32)
    data = labelled(program, parts)
    (row,) = judged(program, data, nd.Attack(flips=(20,), strength="quick"), tmp_path).rows
    assert row.n == 5 and row.robust <= row.clean
