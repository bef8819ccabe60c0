"""What MS-MPPD does for the integer network: trained with and without it, same seeds and budget.

    python benchmarks/ms_mppd.py --work RUNS --out examples/results/ms-mppd-digits.json

Four ways to train one network, three seeds each: plain cross-entropy, cross-entropy under Gaussian
noise (the same two passes, without the term), and that with MS-MPPD or its l1 variant. Each is
lowered; the integer network is measured on the whole test set: accuracy clean and under five levels
of Gaussian noise, and MPPD per layer. Means and sample standard deviations are written as JSON.
Runs that are complete are not repeated.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from neurodeploy import container
from neurodeploy.atomic import replacing
from neurodeploy.data import load_data
from neurodeploy.data.presentation import present
from neurodeploy.runs.training import train
from neurodeploy.train.config import Config, Loss, Perturbation, read_config
from neurodeploy.train.progress import ConsoleReporter
from neurodeploy.verification.mppd import mppd
from neurodeploy.verification.noise_suite import noise_accuracy

MPPD_SIGMA = 0.1


def variants(config: Config, std: float, weight: float) -> dict[str, Config]:
    """Return the four configurations that are compared."""
    noise = Perturbation(kind="gaussian", std=std)
    losses = {
        "noise": Loss(term="none"),
        "noise + ms-mppd": Loss(term="ms-mppd", term_weight=weight),
        "noise + mppd-l1": Loss(term="mppd-l1", term_weight=weight),
    }
    plain = config.model_copy(update={"loss": Loss(), "perturbation": Perturbation()})
    noisy = {
        name: config.model_copy(update={"loss": loss, "perturbation": noise})
        for name, loss in losses.items()
    }
    return {"plain": plain, **noisy}


def measure(config: Config, folder: Path) -> dict[str, Any]:
    """Train (or resume, or reuse) one run, and measure its integer network."""
    if not (folder / "result.json").exists():
        train(config, folder, resume=True, reporter=ConsoleReporter())
    program = container.read(folder / "program.h5")
    result = json.loads((folder / "result.json").read_text())
    data = present(program, load_data(config.data.name).test)
    noise, energy = noise_accuracy(program, data), mppd(program, data, sigma=MPPD_SIGMA)
    return {
        "seed": config.seed,
        "program_sha256": program.digest,
        "lowering_differences": result["lowering"]["spike_differences"],
        "validation": result["accuracy"]["validation_trained"]["rate"],
        "seconds": sum(result["epochs"]["seconds"]),
        "clean": noise.clean.rate,
        "noise": {str(level.sigma): level.accuracy.rate for level in noise.levels},
        "mppd_squared": {layer.population: layer.squared for layer in energy.layers},
        "mppd_absolute": {layer.population: layer.absolute for layer in energy.layers},
        "rates": {layer["name"]: layer["rate"] for layer in result["layers"]},
    }


def spread(values: list[float]) -> dict[str, float]:
    """Return mean and sample standard deviation."""
    return {
        "mean": statistics.fmean(values),
        "std": statistics.stdev(values) if len(values) > 1 else 0.0,
    }


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return mean and spread of every measured number over the seeds."""
    table: dict[str, Any] = {"clean": spread([run["clean"] for run in runs])}
    for name in ("noise", "mppd_squared", "mppd_absolute", "rates"):
        table[name] = {key: spread([run[name][key] for run in runs]) for key in runs[0][name]}
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).parents[1] / "neurodeploy" / "train" / "demo.toml"
    parser.add_argument("--config", type=Path, default=default)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--std", type=float, default=0.1, help="training noise, share of the peak")
    parser.add_argument("--weight", type=float, default=1.0, help="factor of the term")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    base = read_config(given.config)
    found: dict[str, list[dict[str, Any]]] = {}
    for seed in given.seeds:
        seeded = base.model_copy(update={"seed": seed})
        for name, config in variants(seeded, given.std, given.weight).items():
            folder = given.work / f"{name.replace(' + ', '-')}-{seed}"
            found.setdefault(name, []).append(measure(config, folder))
            print(name, seed, json.dumps(found[name][-1]["noise"]), flush=True)
    document = {
        "question": "MS-MPPD on against off, same budget, integer network",
        "config": base.name,
        "training_noise_std": given.std,
        "term_weight": given.weight,
        "mppd_sigma": MPPD_SIGMA,
        "seeds": given.seeds,
        "summary": {name: summary(runs) for name, runs in found.items()},
        "runs": found,
    }
    with replacing(given.out) as file:
        file.write((json.dumps(document, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
