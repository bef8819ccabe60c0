"""Is `strong` the strongest? Against each of its attacks, a plain one, and noise.

    python benchmarks/strength.py NAME=RUN/program.h5:DATA:EPS ... [--samples 30] [--steps 20]
                                  [--out FILE]

Without a network: the shipped one on digits at eps 32. For each network and the first test samples:

* by_attack: what each attack of `strong` leaves by itself, nothing dropped; robust: what all leave.
* plain: PGD with three surrogates and three starts, written here over the twin alone, its iterates
  judged by the engine; it shares no line with `neurodeploy.attack`.
* assg, fixed: what SA-PGD with ASSG leaves, all of its shapes and losses, and the best single
  fixed surrogate, both losses and all restarts.
* full range: what stands where every value may be anything; noise: what random noise leaves.
* twin: attacked samples on which the twin's answers, or its scores, are not those of the engine.

A row that is not as it should be is marked; the exit code is 1 where there is one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import save
from numpy.typing import NDArray

import neurodeploy as nd
from neurodeploy.accuracy import predictions
from neurodeploy.attack.engine import Engine, alone
from neurodeploy.demo import shipped_program
from neurodeploy.encode import Direct
from neurodeploy.verification.suites import Subject

SURROGATES = ("fast_sigmoid", "triangle", "atan")


def plain(subject: Subject, eps: float, steps: int, seed: int = 0) -> NDArray[np.bool_] | None:
    """Return which samples stand against a plain PGD; None where the encoder is not direct."""
    data, encoder = subject.data, subject.data.encoder
    if not isinstance(encoder, Direct) or encoder.levels < encoder.peak or subject.recipe.streamed:
        return None
    program, options = alone(subject.program, subject.recipe)
    twin, engine = nd.to_torch(program, **options), Engine(subject.program, subject.recipe)
    clean, labels = torch.from_numpy(data.x.astype(np.float32)), torch.from_numpy(data.y)
    reach = data.budget(eps)
    low, high = (clean - reach).clamp(min=0), (clean + reach).clamp(max=encoder.peak)
    draw = torch.Generator().manual_seed(seed)
    stands = np.ones(len(data), np.bool_)
    for surrogate in SURROGATES:
        for _ in range(3):
            x = low + torch.floor(torch.rand(clean.shape, generator=draw) * (high - low + 1))
            for step in range(steps + 1):
                shown = data.columns(slice(0, len(data)), x.int().numpy())
                stands &= predictions(engine.scores(shown)) == data.y
                if step == steps:
                    break
                leaf = torch.from_numpy(shown.astype(np.float32)).requires_grad_()
                logits = twin(leaf, surrogate=surrogate).logits
                own = logits.gather(1, labels[:, None])[:, 0]
                others = logits.scatter(1, labels[:, None], -torch.inf).amax(1)
                (gradient,) = torch.autograd.grad((others - own).sum(), leaf)
                sign = gradient.sum(1).reshape(clean.shape).sign()
                x = torch.clamp(x + max(1, round(2.5 * reach / steps)) * sign, low, high)
    return stands


def twin_differs(subject: Subject, x: NDArray[Any]) -> int:
    """Return on how many attacked samples the twin's scores are not those of the engine."""
    program, options = alone(subject.program, subject.recipe)
    columns = subject.data.columns(slice(0, len(x)), x)
    with torch.no_grad():
        twin = nd.to_torch(program, **options)(torch.from_numpy(columns.astype(np.float32)))
    scores = Engine(subject.program, subject.recipe).scores(columns)
    return int((twin.scores.numpy() != scores).any(1).sum())


def best(names: dict[str, list[bool]], *words: str) -> float:
    """Return the share of samples that stand against all attacks whose names hold all words."""
    chosen = [stands for name, stands in names.items() if all(word in name for word in words)]
    return float(np.mean(np.all(chosen, axis=0))) if chosen else float("nan")


def measured(
    program: nd.Program, data: str, eps: float, samples: int, steps: int
) -> dict[str, Any]:
    """Return every figure of one network."""
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        suite = nd.Attack(eps=(eps,), strength="strong")
        found = nd.verify(program, data, [suite], samples=samples, out=folder)
        x = np.load(Path(folder) / "verify" / "attack.npz")["x"][0].astype(np.int64)
    subject, verdict = found.subject, found["attack"]
    (row,) = verdict.rows
    by_sample = {name: [line.by_attack[name] for line in verdict.lines] for name in row.by_attack}
    surrogates = [name.split()[-1] for name in by_sample if name.startswith("pgd-50x3")]
    simple = plain(subject, eps, steps)
    signs = {sign.name: (sign.rate, sign.against) for sign in row.masking}
    return {
        "data": data,
        "eps": eps,
        "n": row.n,
        "digest": program.digest,
        "clean": row.clean,
        "robust": row.robust,
        "by_attack": row.by_attack,
        "plain": None
        if simple is None
        else float((simple & [o.clean for o in verdict.lines]).mean()),
        "assg": best(by_sample, "sa-pgd", "assg"),
        "fixed": min(best(by_sample, "pgd-50x3", name) for name in set(surrogates)),
        "full_range": signs["budget that must reach 0"][0],
        "noise": signs["random noise against attacks"][0],
        "twin": twin_differs(subject, x),
        "suspicious": [sign.text for sign in row.masking if sign.suspicious],
        "cpu_s": time.process_time() - began,
    }


def faults(found: dict[str, Any]) -> list[str]:
    """Return what is not as it should be."""
    wrong = []
    if found["robust"] > min(found["by_attack"].values()):
        wrong.append("an attack by itself leaves less than all")
    if found["plain"] is not None and found["robust"] > found["plain"]:
        wrong.append("plain PGD leaves less")
    if found["assg"] > found["fixed"]:
        wrong.append("the best fixed surrogate leaves less than ASSG")
    if found["full_range"] > 0:
        wrong.append("samples stand at the full range")
    if found["robust"] >= found["noise"]:
        wrong.append("no better than noise")
    if found["twin"]:
        wrong.append("twin and engine differ")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", metavar="NAME=PROGRAM:DATA:EPS")
    parser.add_argument("--samples", type=int, default=30)
    parser.add_argument("--steps", type=int, default=20, help="of the plain attack")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    networks: list[tuple[str, nd.Program, str, float]] = []
    for text in given.networks:
        name, _, rest = text.partition("=")
        path, data, eps = rest.rsplit(":", 2)
        networks.append((name, nd.load(path), data, float(eps)))
    if not networks:
        networks = [("shipped digits", shipped_program(), "digits", 32.0)]
    result: dict[str, Any] = {"samples": given.samples, "networks": {}}
    failed = False
    for name, program, data, eps in networks:
        found = measured(program, data, eps, given.samples, given.steps)
        result["networks"][name] = {**found, "faults": faults(found)}
        failed |= bool(faults(found))
        simple = "-" if found["plain"] is None else f"{found['plain']:.1%}"
        print(
            f"{name:18s} eps {eps:g} n {found['n']} clean {found['clean']:.1%} strong "
            f"{found['robust']:.1%} plain {simple} assg {found['assg']:.1%} fixed "
            f"{found['fixed']:.1%} noise {found['noise']:.1%} full {found['full_range']:.1%} "
            f"{found['cpu_s']:.0f} s {'; '.join(faults(found))}",
            flush=True,
        )
        save(given.out, result)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
