"""Silent neurons are found, with what is missing to their threshold."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.cli import app
from neurodeploy.cli.failures import run
from neurodeploy.data import load_data
from neurodeploy.data.presentation import present
from neurodeploy.verification.silence import Silence, first_dead, silence


def program(second: int = 100) -> nd.Program:
    """Neurons that fire at every event, never (v stays at half), and never (v falls)."""
    return nd.Program(
        (nd.Input("x", (1,)),),
        (
            nd.Population("a", (3,), nd.CubaLif(4096, 4096, [10, 100, 10])),
            nd.Population("b", (1,), nd.CubaLif(4096, 4096, second, bias=-5)),
        ),
        (
            nd.Connection("x", "a", nd.Dense([[50], [50], [-50]])),
            nd.Connection("a", "b", nd.Dense([[25, 200, 200]])),
        ),
        nd.Readout("b"),
    )


def found(network: nd.Program, folder: Path) -> tuple[Silence, ...]:
    np.savez(folder / "d.npz", x=np.array([[[0], [1], [1]]] * 4), y=np.zeros(4, int))
    split = load_data(str(folder / "d.npz")).part("all")
    return silence(network, present(network, split, None))


def test_neurons_that_never_spike_are_counted_with_what_they_lack(tmp_path: Path) -> None:
    first, second = found(program(), tmp_path)
    assert (first.silent, first.neurons, first.unreached, first.dead) == (2, 3, 1, False)
    assert first.factor == (6400 + 1) / 3200
    assert second.dead and second.reach == 0.2 and second.bias == -0.05
    assert first_dead((first, second)) == second


def test_the_scale_wakes_a_dead_population(tmp_path: Path) -> None:
    """Without a bias the weights times the factor, rounded up, reach the threshold."""
    base = program()
    quiet = replace(
        base,
        populations=(base.populations[0], nd.Population("b", (1,), nd.CubaLif(4096, 4096, 100))),
    )
    dead = found(quiet, tmp_path)[1]
    assert dead.dead and dead.factor is not None
    scaled = nd.Dense([[int(np.ceil(25 * dead.factor)), 200, 200]])
    woken = replace(quiet, connections=(quiet.connections[0], nd.Connection("a", "b", scaled)))
    assert not found(woken, tmp_path)[1].dead


def test_doctor_names_the_first_dead_population(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found(program(), tmp_path)
    nd.save(program(), "p.h5")
    nd.save(program(second=1), "q.h5")
    words = ["doctor", "--silent", "p.h5", "--data", "d.npz", "--part", "all"]
    assert run(app, words) == 1
    assert "first dead population: b; weights times 5" in capsys.readouterr().out
    assert run(app, [*words, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["first_dead"] == "b"
    assert run(app, [w.replace("p.h5", "q.h5") for w in words]) == 0
    assert "first dead" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--silent p.h5", "--silent needs data that the program should answer: --data D"),
        ("--data digits", "--data is 'digits', which is for --silent PROGRAM"),
        ("--silent none.h5 --data digits", "none.h5: no such file"),
    ],
)
def test_bad_use_is_one_line(
    words: str,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    nd.save(program(), "p.h5")
    assert run(app, ["doctor", *words.split()]) == 2
    assert message in capsys.readouterr().err
