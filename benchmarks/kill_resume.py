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

COMMAND = (sys.executable, "-m", "neurodeploy", "train")


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


def interrupt(config: Path, folder: Path, moments: list[float]) -> list[dict[str, Any]]:
    """Kill the run after each of ``moments`` (seconds after its start) and note where it stood."""
    table = []
    for moment in moments:
        child = start(config, folder)
        try:
            child.wait(moment)
            finished = True
        except subprocess.TimeoutExpired:
            finished = False
            child.send_signal(signal.SIGKILL)
            child.wait()
        leftover = sorted(path.name for path in folder.glob("*")) if folder.exists() else []
        row = {
            "seconds": round(moment, 2),
            "finished_before": finished,
            "epochs_on_disk": epochs_done(folder),
            "files": leftover,
        }
        table.append(row)
        print(json.dumps(row), flush=True)
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).parents[1] / "neurodeploy" / "train" / "demo.toml"
    parser.add_argument("--config", type=Path, default=default)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    whole, killed = given.work / "whole", given.work / "killed"
    seconds = finish(given.config, whole)
    draw = random.Random(given.seed)
    # Each resumed run starts with imports and data; beyond that it needs time to get anywhere.
    moments = [draw.uniform(0.05, 0.35) * seconds for _ in range(given.kills)]
    table = interrupt(given.config, killed, moments)
    finish(given.config, killed)
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
