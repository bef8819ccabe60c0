"""The checker: it accepts what is proved, nothing that was changed, and needs no prover."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from certify import tiny
from numpy.random import Generator

import neurodeploy as nd
from neurodeploy.certificates.check import check
from neurodeploy.certificates.claims import CERTIFIED, FALSIFIED, OPEN, Claims, Method
from neurodeploy.certificates.file import read
from neurodeploy.certify.store import write
from neurodeploy.errors import FormatError, NeurodeployError

BUDGETS = (1, 2)
Told = tuple[tiny.Case, Claims]


@cache
def told() -> tuple[Told, ...]:
    """Cases with a claim of every kind among them."""
    found = []
    for seed in range(40):
        case = tiny.case(np.random.default_rng(seed))
        for limit in (0, 2**12):
            claims = tiny.claimed(case, limit, BUDGETS)
            if (claims.verdict == CERTIFIED).any():
                found.append((case, claims))
    kinds = {int(m) for _, c in found for m in np.unique(c.method)}
    assert kinds == {Method.NONE, Method.INTERVAL, Method.SEGMENT, Method.COMPLETE}
    return tuple(found)


def refused(claims: Claims, program: nd.Program) -> bool:
    """Whether the checker does not take all of the claims."""
    try:
        return any(check(claims, program))
    except NeurodeployError:
        return True


def moved(array: np.ndarray[Any, Any], at: Any, by: int) -> np.ndarray[Any, Any]:
    """Return a copy with one entry changed by ``by``."""
    changed = array.copy()
    changed[at] = changed[at].astype(np.int64) + by
    return changed


def cell(rng: Generator, where: np.ndarray[Any, Any]) -> tuple[int, ...]:
    """Return a place that ``where`` marks."""
    places = np.argwhere(where)
    return tuple(int(n) for n in places[rng.integers(len(places))])


def test_what_was_proved_holds() -> None:
    for case, claims in told():
        assert list(check(claims, case.program)) == []


# Each changes one thing and forges the digest, as `check` sees the content alone. The second entry
# says where it can be done.
FORGERIES: dict[str, tuple[Callable[[Claims, Generator], Claims], Callable[[Claims], Any]]] = {
    "an open sample becomes certified": (
        lambda c, r: _verdict(c, cell(r, c.verdict == OPEN), CERTIFIED, Method.SEGMENT, 1),
        lambda c: (c.verdict == OPEN).any(),
    ),
    "a falsified sample becomes certified": (
        lambda c, r: _verdict(c, cell(r, c.verdict == FALSIFIED), CERTIFIED, Method.COMPLETE, 5),
        lambda c: (c.verdict == FALSIFIED).any(),
    ),
    "a certified sample becomes falsified": (
        lambda c, r: _verdict(c, cell(r, c.verdict == CERTIFIED), FALSIFIED, Method.COMPLETE, -1),
        lambda c: True,
    ),
    "a bound moves inward": (
        lambda c, r: replace(
            c, margin=moved(c.margin, cell(r, c.verdict == CERTIFIED), int(r.integers(1, 99)))
        ),
        lambda c: True,
    ),
    "a spike of the table changes": (
        lambda c, r: replace(c, table_train=_flipped(c.table_train, r)),
        lambda c: c.table_train.size,
    ),
    "a segment of the table begins elsewhere": (
        lambda c, r: replace(c, table_start=_shifted(c, r)),
        lambda c: (c.table_count > 1).any(),
    ),
    "the program is another": (
        lambda c, r: replace(c, program="0" * 64),
        lambda c: True,
    ),
    "the counter-example is the sample itself": (
        lambda c, r: replace(c, counter=_own(c)),
        lambda c: (_right(c) & (c.verdict == FALSIFIED)).any(),
    ),
}


def _verdict(c: Claims, at: Any, verdict: int, method: int, margin: int) -> Claims:
    parts = {"verdict": verdict, "method": method, "margin": margin}
    arrays = {name: getattr(c, name).copy() for name in parts}
    for name, value in parts.items():
        arrays[name][at] = value
    return replace(c, **arrays)


def _flipped(train: np.ndarray[Any, Any], rng: Generator) -> np.ndarray[Any, Any]:
    changed = train.copy()
    changed[cell(rng, np.ones(train.shape, bool))] ^= 1
    return changed


def _shifted(c: Claims, rng: Generator) -> np.ndarray[Any, Any]:
    """Move a start that is not the first of its neuron."""
    first = np.cumsum(c.table_count) - c.table_count
    inner = np.ones(len(c.table_start), bool)
    inner[first] = False
    return moved(c.table_start, cell(rng, inner), int(rng.choice([-1, 1])))


def _right(c: Claims) -> np.ndarray[Any, Any]:
    """Samples that some smaller budget certifies, so that their own answer is right."""
    return np.repeat((c.verdict == CERTIFIED).any(axis=1)[:, None], c.verdict.shape[1], axis=1)


def _own(c: Claims) -> np.ndarray[Any, Any]:
    changed = c.counter.copy()
    for row, number in np.argwhere(_right(c) & (c.verdict == FALSIFIED)):
        changed[c.counter_at[row, number]] = c.x[row]
    return changed


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_claim_is_refused(name: str) -> None:
    forge, possible = FORGERIES[name]
    tried = 0
    for seed, (case, claims) in enumerate(told()):
        rng = np.random.default_rng(seed)
        for _ in range(3 if possible(claims) else 0):
            assert refused(forge(claims, rng), case.program), seed
            tried += 1
    assert tried > 10


def test_a_false_claim_about_other_data_is_refused() -> None:
    """Datum, label or budget change, and the digest is forged: what passes is true by trying."""
    found = Counter[bool]()
    for seed, (case, claims) in enumerate(told()):
        rng = np.random.default_rng(seed)
        for _ in range(6):
            forged = _about_others(claims, rng)
            passes = not refused(forged, case.program)
            found[passes] += 1
            if passes:
                assert _true(case, forged), seed
    assert found[False] > found[True]


def _about_others(c: Claims, rng: Generator) -> Claims:
    kind = rng.integers(3)
    if kind == 0:
        by = int(rng.choice([-1, 1]))
        return replace(c, x=moved(c.x, cell(rng, (c.x + by >= 0) & (c.x + by <= tiny.PEAK)), by))
    if kind == 1:
        row = int(rng.integers(len(c.label)))
        return replace(c, label=moved(c.label, row, int(rng.choice([1, 2]))) % tiny.CLASSES)
    return replace(c, budget=moved(c.budget, int(rng.integers(2)), 1))


def _true(case: tiny.Case, claims: Claims) -> bool:
    split = replace(case.data.split, x=claims.x, y=claims.label)
    changed = tiny.Case(case.program, replace(case.data, split=split))
    prover = tiny.made(changed.program, changed.data, 0)
    return all(
        tiny.least(changed, prover, row, int(claims.budget[number])) > 0
        for row, number in np.argwhere(claims.verdict == CERTIFIED)
    )


def test_1000_changed_files_are_refused(tmp_path: Path) -> None:
    """Any array, any entry, any attribute: the digest of the content does not fit."""
    case, claims = told()[0]
    write(claims, tmp_path / "good.h5")
    good = (tmp_path / "good.h5").read_bytes()
    assert not refused(read(tmp_path / "good.h5"), case.program)
    rng, seen = np.random.default_rng(0), Counter[str]()
    for _ in range(1000):
        path = tmp_path / "changed.h5"
        path.write_bytes(good)
        with h5py.File(path, "r+") as file:
            arrays = [name for name in file if file[name].size]
            name = str(rng.choice([*arrays, "budget", "label", "columns", "low", "program"]))
            if name in file:
                values = file[name][()]
                at = cell(rng, np.ones(values.shape, bool))
                values[at] = values[at] + 1
                file[name][...] = values
            else:
                old = file.attrs[name]
                file.attrs[name] = np.bytes_("f" * 64) if name == "program" else old + 1
        seen[name] += 1
        with pytest.raises(FormatError):
            read(path)
    assert len(seen) > 12


def test_the_checker_runs_without_the_prover(tmp_path: Path) -> None:
    case, claims = next(t for t in told() if (t[1].method == Method.SEGMENT).any())
    write(claims, tmp_path / "c.h5")
    nd.save(case.program, str(tmp_path / "p.h5"))
    code = f"""
import sys
class Blocked:
    def find_spec(self, name, *_):
        if name.startswith(("neurodeploy.certify", "neurodeploy.bounds",
                            "neurodeploy.verification", "neurodeploy.answers")):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
from neurodeploy.cli import app
from neurodeploy.cli.failures import run
sys.exit(run(app, ["check", {str(tmp_path / "c.h5")!r}, {str(tmp_path / "p.h5")!r}]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("all claims hold: ")


def test_the_checker_is_short() -> None:
    """It is read by people. Counted without blank lines, comments and docstrings."""
    import neurodeploy.certificates as room

    paths = sorted(Path(room.__path__[0]).glob("*.py"))
    assert sum(code_lines(path) for path in paths) <= 691


def code_lines(path: Path) -> int:
    """Return the number of lines of code in a file."""
    text = path.read_text()
    told_apart = {n for n, line in enumerate(text.splitlines(), 1) if not line.strip(" #")}
    for node in ast.walk(ast.parse(text)):
        value = getattr(node, "value", None)
        if isinstance(node, ast.Expr) and isinstance(getattr(value, "value", None), str):
            told_apart |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return text.count("\n") - len(told_apart)
