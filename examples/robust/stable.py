"""Robust Stable SNN, cell by cell: neuron, training and term, measured on the integers.

    python examples/robust/stable.py --work RUNS --out examples/results/robust-stable.json

Cells: LIF or DLIF (a learned gain per step); Gaussian training (std 0.1) or adversarial training as
published (noise of 0.001, then one step of FGSM, half of the larger budget of the attack); rho 0,
MS-MPPD with rho 1, or TV-l1 with rho 2.5, on the last spiking layer. Each is attacked at 2 of
16 grey steps, tried under noise, and its MPPD is measured per layer. Cells that carry a claim have
more seeds. What is there is not done again; the file is written after every cell.
"""

from __future__ import annotations

import argparse
import json
from itertools import product
from pathlib import Path
from typing import Any

import neurodeploy as nd
from neurodeploy import container
from neurodeploy.atomic import replacing
from neurodeploy.data import load_data
from neurodeploy.data.presentation import present
from neurodeploy.runs.training import train
from neurodeploy.train.config import Config, Loss, Perturbation, read_config
from neurodeploy.verification.mppd import mppd
from neurodeploy.verification.noise_suite import noise_accuracy

EPS = (32.0,)
NEURONS = {"LIF": False, "DLIF": True}
TRAININGS = {
    "gaussian": Perturbation(kind="gaussian", std=0.1, clamp=False),
    "adversarial": Perturbation(kind="gaussian-fgsm", std=0.001, eps=16.0),
}
TERMS = {
    "rho 0": Loss(),
    "MS-MPPD": Loss(term="ms-mppd", term_weight=1.0),
    "TV-l1": Loss(term="mppd-l1", term_weight=2.5),
}
CLAIM = (
    ("LIF", "adversarial", "rho 0"),
    ("DLIF", "adversarial", "rho 0"),
    ("DLIF", "adversarial", "MS-MPPD"),
    ("DLIF", "adversarial", "TV-l1"),
)
Cell = tuple[str, str, str]


def config_of(base: Config, cell: Cell, seed: int) -> Config:
    """Return the configuration of a cell."""
    neuron, training, term = cell
    learn = {"learn": ("gain",)} if NEURONS[neuron] else {}
    return base.model_copy(
        update={
            "name": f"robust stable: {', '.join(cell)}",
            "seed": seed,
            "neuron": base.neuron.model_copy(update=learn),
            "perturbation": TRAININGS[training],
            "loss": TERMS[term],
        }
    )


def measured(config: Config, folder: Path, strength: str, samples: int) -> dict[str, Any]:
    """Train a cell, or go on with it, and measure its integers on the test part."""
    if not (folder / "result.json").exists():
        train(config, folder, resume=True)
    program = container.read(folder / "program.h5")
    result = json.loads((folder / "result.json").read_text())
    data = present(program, load_data(config.data.name).test)
    noise, energy = noise_accuracy(program, data), mppd(program, data, sigma=0.1)
    suite = nd.Attack(eps=EPS, strength=strength)
    found = nd.verify(program, config.data.name, [suite], samples=samples)["attack"].rows
    gains = [getattr(p.neuron, "gain", None) for p in program.populations]
    return {
        "seed": config.seed,
        "config_sha256": config.digest,
        "program_sha256": program.digest,
        "lowering_differences": result["lowering"]["spike_differences"],
        "clean": noise.clean.rate,
        "noise": {f"{level.sigma:g}": level.accuracy.rate for level in noise.levels},
        "attack": {
            f"{row.eps:g}": {
                "robust": row.robust,
                "n": row.n,
                "low": row.low,
                "high": row.high,
                "alarms": [sign.text for sign in row.masking if sign.suspicious],
            }
            for row in found
        },
        "mppd_squared": {layer.population: layer.squared for layer in energy.layers},
        "gains": [None if g is None else [int(x) for x in g] for g in gains],
        "seconds": sum(result["epochs"]["seconds"]),
    }


def main() -> None:
    """Run every cell that is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("stable.toml"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--strength", default="standard")
    parser.add_argument("--samples", type=int, default=100, help="of the attack")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    base = read_config(options.config)
    runs: dict[str, list[dict[str, Any]]] = {}
    if options.out.exists():
        runs = json.loads(options.out.read_text())["runs"]
    asked = [(cell, seed) for seed in options.seeds for cell in CLAIM]
    asked += [(cell, options.seeds[0]) for cell in product(NEURONS, TRAININGS, TERMS)]
    for cell, seed in asked:
        name = ", ".join(cell)
        if any(run["seed"] == seed for run in runs.get(name, [])):
            continue
        folder = options.work / f"{name.replace(', ', '-').replace(' ', '')}-{seed}"
        config = config_of(base, cell, seed)
        run = measured(config, folder, options.strength, options.samples)
        runs.setdefault(name, []).append(run)
        print(name, seed, run["clean"], {k: v["robust"] for k, v in run["attack"].items()})
        content = {
            "command": "python examples/robust/stable.py --work runs/stable "
            "--out examples/results/robust-stable.json",
            "data": base.data.name,
            "strength": options.strength,
            "samples": options.samples,
            "runs": runs,
        }
        with replacing(options.out) as file:
            file.write((json.dumps(content, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
