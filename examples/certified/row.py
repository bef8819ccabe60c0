"""Make one row of the table of certificates: train, prove, check, attack; one file of results.

    python examples/certified/row.py examples/certified/fashion.toml --seed 1 --out runs/fashion-1

Steps that are done already are not done again, so that a run may be stopped and gone on with. The
last one puts it all into RUN/row.json: settings and seed, the accuracy of the integers, what was
certified, falsified and left open at every budget, what the attack left of the first samples, and
how long proving and checking took. Beside it stands what the training bounds say of the same
samples; certified <= attacked <= clean is asserted, sample by sample.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from neurodeploy import load
from neurodeploy.atomic import replacing
from neurodeploy.run_folder import read_json
from neurodeploy.train.checkpoint import read_checkpoint
from neurodeploy.train.config import read_config, to_toml
from neurodeploy.train.interval_loss import bound_held
from neurodeploy.train.loop import load_into
from neurodeploy.train.run import prepare

BUDGETS = {"fashion-mnist": (2.0, 4.0, 8.0, 16.0, 25.5), "digits": (16.0, 32.0)}
"""In 1/255 of the peak; a digit has 16 grey steps, of which 16/255 is one."""
TRAINING = ("name", "seed", "config_sha256", "program_sha256", "weights_sha256", "accuracy",
            "lowering", "versions")  # fmt: skip


def command(*words: Any) -> float:
    """Run the command line; return how many seconds it took."""
    started = time.perf_counter()
    found = subprocess.run([sys.executable, "-m", "neurodeploy", *map(str, words)], check=False)
    if found.returncode:
        raise SystemExit(f"neurodeploy {words[0]}: exit code {found.returncode}")
    return time.perf_counter() - started


def seeded(path: Path, seed: int, out: Path) -> Path:
    """Write the configuration with another seed; return where."""
    out.mkdir(parents=True, exist_ok=True)
    target = out / "seeded.toml"
    target.write_text(to_toml(read_config(path).model_copy(update={"seed": seed})))
    return target


def trained(config: Path, run: Path) -> None:
    """Train, or go on with it, unless it is done."""
    if not (run / "result.json").exists():
        command("train", config, "--out", run, "--resume")


def proved(run: Path, data: str, part: str) -> dict[str, Any]:
    """Prove and check all samples of a part; return the rows, with the seconds of both."""
    out = run / part
    target = out / "proved.json"
    if target.exists():
        return json.loads(target.read_text())
    eps = ",".join(f"{e:g}" for e in BUDGETS[data])
    program = run / "program.h5"
    proving = command("verify", program, "--data", data, "--part", part, "--suite",
                      "certify,overflow", "--eps", eps, "--out", out)  # fmt: skip
    checking = command("check", out / "verify" / "certificates.h5", program, "--data", data)
    found = read_json(out / "verify.json")
    suites = found["suites"]
    rows = {
        "certify": suites["certify"]["summary"],
        "overflow": suites["overflow"]["summary"],
        "seconds": {"verify": round(proving, 1), "check": round(checking, 1)},
    }
    with replacing(target) as file:
        file.write(json.dumps(rows, indent=1).encode())
    return rows


def attacked(run: Path, data: str, eps: str, samples: int, strength: str) -> dict[str, Any] | None:
    """Attack the first test samples; return rows that stand beside what is certified of them."""
    if not samples:
        return None
    out = run / f"attacked-{strength}"
    if not (out / "verify.json").exists():
        command("verify", run / "program.h5", "--data", data, "--suite", "attack", "--eps", eps,
                "--samples", samples, "--strength", strength, "--out", out, "--resume")  # fmt: skip
    robust = {(e["sample"], e["eps"]): e["robust"] for e in lines(out / "verify/attack.jsonl")}
    right = {e["sample"]: e["clean"] for e in lines(run / "test/verify/certify.jsonl")}
    verdict = {
        (e["sample"], e["eps"]): e["verdict"] for e in lines(run / "test/verify/certify.jsonl")
    }
    rows = []
    for budget in map(float, eps.split(",")):
        own = [sample for sample, e in robust if e == budget]
        for sample in own:
            certified, safe = verdict[sample, budget] == "certified", robust[sample, budget]
            assert certified <= safe <= right[sample], (sample, budget)
        share = {
            "clean": sum(right[s] for s in own) / len(own),
            "attacked": sum(robust[s, budget] for s in own) / len(own),
            "certified": sum(verdict[s, budget] == "certified" for s in own) / len(own),
        }
        gap = share["attacked"] - share["certified"]
        print(f"eps {budget:g}: certified {share['certified']:.1%} <= attacked "
              f"{share['attacked']:.1%} <= clean {share['clean']:.1%}; gap {gap:.1%}")  # fmt: skip
        rows.append({"eps": budget, "n": len(own), **share, "gap": gap})
    return {"strength": strength, "rows": rows}


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a file of verdicts, without its head."""
    return [json.loads(line) for line in path.read_text().splitlines()[1:]]


def training_bounds(config: Path, run: Path, eps: tuple[float, ...]) -> dict[str, float]:
    """Return the share of test samples whose margins the bounds of training hold, by eps."""
    settings = read_config(config)
    feed, network = prepare(settings)
    checkpoint = read_checkpoint(run, settings.digest)
    assert checkpoint is not None
    assert settings.interval is not None
    load_into(network, checkpoint.best_model)
    specs = [settings.interval.model_copy(update={"eps": e}) for e in eps]
    return {f"{s.eps:g}": bound_held(network, feed, feed.data.test, s) for s in specs}


def main() -> None:
    """Do what is left to do, and write the row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--attack", type=int, default=0, metavar="SAMPLES")
    parser.add_argument("--eps", default="8,16", help="budgets of the attack")
    parser.add_argument("--strength", default="standard")
    options = parser.parse_args()
    run, config = options.out, seeded(options.config, options.seed, options.out)
    trained(config, run)
    data = read_config(config).data.name
    validated, tested = proved(run, data, "validation"), proved(run, data, "test")
    result = read_json(run / "result.json")
    row = {
        "command": f"python examples/certified/row.py {options.config} --seed {options.seed}",
        "training": {name: result[name] for name in TRAINING},
        "seconds_per_epoch": result["epochs"]["seconds_mean"],
        "epochs": result["epochs"]["epochs"],
        "best_epoch": result["epochs"]["best_epoch"],
        "layers": [entry["shape"] for entry in result["layers"]],
        "program_sha256": load(str(run / "program.h5")).digest,
        "validation": validated["certify"],
        "test": tested,
        "training_bounds": training_bounds(config, run, BUDGETS[data]),
        "attack": attacked(run, data, options.eps, options.attack, options.strength),
    }
    with replacing(run / "row.json") as file:
        file.write((json.dumps(row, indent=1) + "\n").encode())
    print(run / "row.json")


if __name__ == "__main__":
    main()
