"""Kill -9 a training run at random moments, resume it each time, and compare the final weights.

    python benchmarks/kill_resume.py --work DIR [--kills 10] [--out FILE.json]

One run goes through without interruption; another is killed with SIGKILL after random times, drawn
from a fixed seed, and resumed until it is done. Weights, program and test accuracy must be equal.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from neurodeploy.atomic import replacing
from neurodeploy.train.config import read_config, to_toml

COMMAND = (sys.executable, "-m", "neurodeploy", "train")


def lengthened(source: Path, epochs: int, target: Path) -> Path:
    """Write the configuration ``source`` with so many epochs to ``target``."""
    config = read_config(source)
    training = config.training.model_copy(update={"epochs": epochs})
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(to_toml(config.model_copy(update={"training": training})))
    return target


def start(config: Path, folder: Path) -> subprocess.Popen[bytes]:
    """Start or resume the run in a child process."""
    return subprocess.Popen(
        [*COMMAND, str(config), "--out", str(folder), "--resume", "--json"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(config: Path, folder: Path) -> float:
    """Run to the end and return the seconds it took. Raises RuntimeError when it fails."""
    started = time.monotonic()
    child = start(config, folder)
    _, message = child.communicate()
    if child.returncode != 0:
        raise RuntimeError(f"exit code {child.returncode}: {message.decode().strip()}")
    return time.monotonic() - started


def epochs_done(folder: Path) -> int:
    """Return the number of epochs whose metrics are on disk."""
    path = folder / "metrics.jsonl"
    return len(path.read_text().splitlines()) if path.exists() else 0


def await_training(child: subprocess.Popen[bytes], folder: Path, since: float) -> None:
    """Return when the run has loaded its data: it then writes its config.toml anew."""
    path = folder / "config.toml"
    while child.poll() is None:
        if path.exists() and path.stat().st_mtime > since:
            return
        time.sleep(0.005)


def interrupt(config: Path, folder: Path, moments: list[float]) -> list[dict[str, Any]]:
    """Kill the run after each of ``moments`` (seconds of training) and note where it stood."""
    table = []
    for moment in moments:
        before = time.time()
        child = start(config, folder)
        await_training(child, folder, before - 0.01)
        try:
            child.wait(moment)
            finished = True
        except subprocess.TimeoutExpired:
            finished = False
            child.send_signal(signal.SIGKILL)
            child.wait()
        row = {
            "seconds": round(moment, 3),
            "finished_before": finished,
            "epochs_on_disk": epochs_done(folder),
            "files": sorted(path.name for path in folder.iterdir()),
        }
        table.append(row)
        print(json.dumps(row), flush=True)
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).parents[1] / "neurodeploy" / "train" / "demo.toml"
    parser.add_argument("--config", type=Path, default=default)
    parser.add_argument("--epochs", type=int, default=60, help="long enough for all kills")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    whole, killed = given.work / "whole", given.work / "killed"
    config = lengthened(given.config, given.epochs, given.work / "config.toml")
    seconds = finish(config, whole)
    draw = random.Random(given.seed)
    trained = sum(json.loads((whole / "result.json").read_text())["epochs"]["seconds"])
    moments = [draw.uniform(0, 2 / given.kills) * trained for _ in range(given.kills)]
    table = interrupt(config, killed, moments)
    finish(config, killed)
    first, second = (json.loads((f / "result.json").read_text()) for f in (whole, killed))
    keys = ("weights_sha256", "program_sha256", "accuracy")
    same = {key: first[key] == second[key] for key in keys}
    document = {
        "uninterrupted_seconds": round(seconds, 1),
        "kills": table,
        "weights_sha256": [first["weights_sha256"], second["weights_sha256"]],
        "identical": same,
    }
    print(json.dumps(document["identical"]), flush=True)
    if given.out:
        with replacing(given.out) as file:
            file.write((json.dumps(document, indent=1) + "\n").encode())
    return 0 if all(same.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
