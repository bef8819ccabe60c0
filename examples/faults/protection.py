"""What protects a network against flipped bits of its weights, and what that costs.

    python examples/faults/protection.py --data digits --work DIR [--seeds 1,2,3] [--out FILE.json]

For every seed the network is trained four times: plainly, with clipped weights, with bits of its
weights flipped at random in every step, with the worst flips of every step. Each is then stored in
several ways, and the random flips of `neurodeploy verify --suite fault` act on all its weights.
What is trained is kept in ``--work``, so that a run that stops goes on. Critical neurons are chosen
on the validation part, everything is measured on the test part.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

import neurodeploy as nd
from neurodeploy.accuracy import predictions
from neurodeploy.answers import Recipe, settle
from neurodeploy.answers.faulty import scored
from neurodeploy.data import load_data
from neurodeploy.data.presentation import present
from neurodeploy.program import Program
from neurodeploy.run_folder import write_json
from neurodeploy.runs.training import train
from neurodeploy.sim.faults import Encoding
from neurodeploy.verification.fault_sites import weight_flips
from neurodeploy.verification.protection import critical_neurons, rescaled, triplicated

RATES = (0.001, 0.01)
SEED = 2024
SHARE = 0.1
"""Of the hidden neurons that are triplicated."""
SHOWN = 1000
"""Test samples at most, and validation samples for the choice of neurons at most 300."""

NETWORKS = {
    "digits": """
[data]
name = "digits"
[encoder]
kind = "direct"
steps = 8
levels = 16
[neuron]
current_decay = 4096
voltage_decay = 512
learn = ["voltage_decay", "threshold"]
surrogate = "atan"
[[layer]]
kind = "dense"
size = 128
[[layer]]
kind = "dense"
size = 10
[readout]
kind = "integrator"
[optimizer]
learning_rate = 3e-3
[training]
epochs = 20
batch = 32
threads = 1
""",
    "fashion-mnist": """
[data]
name = "fashion-mnist"
train_samples = 20000
[encoder]
kind = "direct"
steps = 4
levels = 15
[neuron]
current_decay = 4096
voltage_decay = 512
learn = ["voltage_decay", "threshold"]
[[layer]]
kind = "dense"
size = 256
[[layer]]
kind = "dense"
size = 10
[readout]
kind = "integrator"
[optimizer]
learning_rate = 2e-3
[training]
epochs = 4
batch = 128
threads = 1
""",
}
TRAININGS = {
    "plain": "",
    "clipped": '[[hook]]\nkind = "clip"\nlimit = 0.5\n',
    "random flips": '[perturbation]\nkind = "bit-flips"\nrate = 0.01\n',
    "worst flips": '[perturbation]\nkind = "worst-flips"\nflips = 4\n',
}
STORED = {
    "chip": Encoding(),
    "sign-magnitude": Encoding("sign-magnitude"),
    "saturating": Encoding(saturating=True),
    "sign-magnitude and saturating": Encoding("sign-magnitude", saturating=True),
}


@dataclass(frozen=True)
class Row:
    """One network, stored in one way. under : mean accuracy over the draws, by rate of flips.

    neurons : of all populations. energy_pj : of synapses and neurons, per inference on Loihi 1,
    the middle of the interval, 0 where it has none.
    """

    data: str
    seed: int
    training: str
    protection: str
    clean: float
    under: dict[str, float]
    neurons: int
    energy_pj: float


def trained(data: str, seed: int, training: str, work: Path) -> Program:
    """Return the network of that training, from ``work`` where it is there already."""
    folder = work / f"{data}-{seed}-{training.replace(' ', '-')}"
    if not (folder / "program.h5").exists():
        text = f"seed = {seed}\n{NETWORKS[data]}{TRAININGS[training]}"
        train(text, folder, resume=folder.exists())
    return nd.load(folder / "program.h5")


class Bench:
    """The samples, and what is measured on them."""

    def __init__(self, data: str, draws: int) -> None:
        self.data, self.draws = data, draws
        self.sets = load_data(data)
        self.profile = nd.load_profile("loihi1")

    def row(self, seed: int, training: str, name: str, program: Program, words: Encoding) -> Row:
        """Measure one network in those words."""
        columns, labels, recipe = self.samples(program, "test", SHOWN)
        names = program.connection_names
        under = {}
        for rate in RATES:
            flips = weight_flips(program, words, rate, self.draws, SEED, names)
            found = [predictions(s) for _, s in scored(program, recipe, columns, flips)]
            answers = np.concatenate(found).reshape(self.draws, -1)
            under[f"{rate:g}"] = float((answers == labels).mean())
        trace = nd.simulate(program, columns, record=(), **recipe.options())
        (clean,) = [predictions(s) for _, s in scored(program, recipe, columns, [()])]
        report = nd.estimate_energy(program, trace.activity, self.profile)
        energy = report.parts.network.mid if report.parts.network else None
        return Row(
            self.data, seed, training, name, float((clean == labels).mean()), under,
            program.neurons, float(energy or 0.0),
        )  # fmt: skip

    def samples(
        self, program: Program, part: str, most: int
    ) -> tuple[np.ndarray, np.ndarray, Recipe]:
        """Return columns, labels and how to run them."""
        shown = present(program, getattr(self.sets, part).first(most))
        recipe = replace(settle(program, shown.steps), threads=1)
        return shown.columns(slice(0, len(shown))), np.asarray(shown.y), recipe


def tripled(bench: Bench, program: Program) -> Program:
    """Return the network with three of each of its most critical hidden neurons."""
    columns, labels, recipe = bench.samples(program, "validation", 300)
    name = program.populations[0].name
    count = round(SHARE * program.populations[0].size)
    worst = critical_neurons(program, recipe, columns, labels, name)
    return triplicated(program, name, [one.neuron for one in worst[:count]])


CHANGES: dict[str, Callable[[Bench, Program], Program]] = {
    "rescaled": lambda _, program: rescaled(program),
    "triplicated": tripled,
}
"""Protections that change the network itself."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", choices=list(NETWORKS), default="digits")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--trainings", default=",".join(TRAININGS))
    parser.add_argument("--protections", default=",".join([*STORED, *CHANGES]))
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--out", type=Path)
    flags = parser.parse_args()
    bench, rows, started = Bench(flags.data, flags.draws), list[Row](), time.process_time()
    protections = flags.protections.split(",")
    for seed in map(int, flags.seeds.split(",")):
        for training in flags.trainings.split(","):
            program = trained(flags.data, seed, training, flags.work)
            for name in protections:
                other = CHANGES[name](bench, program) if name in CHANGES else program
                words = STORED.get(name, Encoding())
                rows.append(bench.row(seed, training, name, other, words))
                print(rows[-1], flush=True)
    if flags.out is not None:
        settings = {"rates": RATES, "draws": flags.draws, "seed": SEED, "share": SHARE}
        spent = time.process_time() - started
        found = [asdict(row) for row in rows]
        write_json(flags.out, {"settings": settings, "cpu_seconds": spent, "rows": found})


if __name__ == "__main__":
    main()
