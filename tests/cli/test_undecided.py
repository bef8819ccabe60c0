"""A network that decides nothing has no accuracy: in the terminal, in the files, on the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

import neurodeploy as nd


def test_ties_alone_are_no_accuracy(files: Path, cli: Any) -> None:
    silent = nd.Program(
        inputs=(nd.Input("x", 4),),
        populations=(nd.Population("out", 3, nd.CubaLif(4096, 4096, 131_071)),),
        connections=(nd.Connection("x", "out", nd.Dense(np.full((3, 4), 2))),),
        readout=nd.Readout("out"),
    )
    nd.save(silent, "silent.h5")
    x, y = np.ones((9, 5, 4), int), np.arange(9) % 3
    np.savez("d.npz", x=x, y=y, x_test=x, y_test=y)
    code, out, _ = cli(
        "verify", "silent.h5", "--data", "d.npz", "--suite", "overflow", "--out", "r"
    )
    said = " ".join(out.split())
    assert code == 0
    assert "no accuracy: not one of 9 samples of d.npz test is decided" in said
    assert "accuracy 0.0%" not in said
    assert "population out never sends anything" in said
    content = json.loads(Path("r/verify.json").read_text())
    assert content["accuracy"]["ties"] == 9
    assert (content["undecided"]["ties"], content["undecided"]["first_silent"]) == (9, "out")
    cli("report", "r")
    page = Path("r/report.html").read_text()
    assert "no sample is decided, all tie" in page
    assert "none, all tie" in page
