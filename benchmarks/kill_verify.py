"""Kill -9 a verification at random moments, resume it each time, and compare the files it leaves.

    python benchmarks/kill_verify.py --work DIR [--kills 20] [--jobs 1,2] [--out FILE.json]

For each number of processes one run goes through without interruption; another is killed with its
whole process group after random times, drawn from a fixed seed, and resumed until it is done. The
journal and verify.json must be the same bytes, whatever the number of processes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from neurodeploy import container
from neurodeploy.atomic import replacing
from neurodeploy.demo import shipped_program

FILES = ("verify/noise.jsonl", "verify.json")


def command(work: Path, out: str, jobs: int, resume: bool) -> list[str]:
    """Return the command line of one run: the demo's network on all digits."""
    words = ["verify", "p.h5", "--data", "digits", "--part", "all", "--jobs", str(jobs)]
    more = ["--resume"] if resume else []
    return [sys.executable, "-m", "neurodeploy", *words, "--out", out, *more]


def run(work: Path, out: str, jobs: int, *, resume: bool, limit_s: float | None = None) -> bool:
    """Run to the end, or kill after ``limit_s`` seconds; return whether it ended by itself."""
    child = subprocess.Popen(
        command(work, out, jobs, resume),
        cwd=work,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _, message = child.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        return False
    if child.returncode != 0:
        raise RuntimeError(f"exit code {child.returncode}: {message.decode().strip()}")
    return True


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of the files that must agree."""
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}


def lines(folder: Path) -> int:
    """Return the lines that the journal holds."""
    path = folder / FILES[0]
    return path.read_bytes().count(b"\n") if path.exists() else 0


def tried(work: Path, jobs: int, kills: int, seed: int) -> dict[str, Any]:
    """Interrupt a run ``kills`` times and say what came of it."""
    began = time.monotonic()
    run(work, f"whole{jobs}", jobs, resume=False)
    seconds = time.monotonic() - began
    draw, rows, resume = random.Random(seed), [], False
    cut = work / f"cut{jobs}"
    for _ in range(kills):
        moment = draw.uniform(0, seconds)
        ended = run(work, cut.name, jobs, resume=resume, limit_s=moment)
        resume = (cut / FILES[0]).exists()
        rows.append({"seconds": round(moment, 2), "ended_before": ended, "lines": lines(cut)})
        print(json.dumps({"jobs": jobs, **rows[-1]}), flush=True)
    run(work, cut.name, jobs, resume=resume)
    return {
        "jobs": jobs,
        "uninterrupted_seconds": round(seconds, 1),
        "kills": rows,
        "files": digests(cut),
        "identical": digests(cut) == digests(work / f"whole{jobs}"),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--jobs", default="1,2")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    container.write(shipped_program(), given.work / "p.h5")
    jobs = [int(text) for text in given.jobs.split(",")]
    found = [tried(given.work, count, given.kills, given.seed + count) for count in jobs]
    same = len({json.dumps(entry["files"]) for entry in found}) == 1
    good = same and all(entry["identical"] for entry in found)
    print(f"identical: {good}", flush=True)
    if given.out:
        with replacing(given.out) as file:
            file.write((json.dumps({"runs": found, "identical": good}, indent=1) + "\n").encode())
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
