"""Which single faults break the network of the demo: rows, critical bits and worst faults.

    python examples/faults/digits.py [--out FILE.json] [--encoding sign-magnitude] [--samples N]
                                     [--complete]

The words of weights are those of the chip unless ``--encoding`` names another; ``--complete`` tries
every flip of a stored word instead of a sample of all faults. The same rows come from the command
line: ``neurodeploy verify PROGRAM --data digits --suite fault [--complete]``.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from rich.console import Console

import neurodeploy as nd
from neurodeploy.demo import shipped_program
from neurodeploy.run_folder import plain, write_json
from neurodeploy.sim.faults import Encoding


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--encoding")
    parser.add_argument("--samples", type=int)
    parser.add_argument("--complete", action="store_true")
    flags = parser.parse_args()
    encoding = Encoding(flags.encoding) if flags.encoding else None
    suite = nd.Fault(encoding=encoding, complete=flags.complete)
    started, spent = time.perf_counter(), time.process_time()
    found = nd.verify(shipped_program(), "digits", (suite,), samples=flags.samples)
    console, rows = Console(), found["fault"].rows
    console.print(suite.table(rows))
    for line in suite.footnotes(rows, found.extra):
        console.print(line)
    if flags.out is not None:
        entry = found.to_dict()
        kept = {key: entry[key] for key in ("digest", "data", "run", "accuracy", "versions")}
        settings = entry["suites"]["fault"]["settings"]
        kept["seconds"] = {
            "wall": time.perf_counter() - started,
            "cpu": time.process_time() - spent,
        }
        write_json(
            flags.out, {**kept, "settings": settings, "faults": plain(found.extra["faults"])}
        )


if __name__ == "__main__":
    main()
