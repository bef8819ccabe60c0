"""Which single faults break the network of the demo: rows, critical bits and worst faults.

    python examples/faults/digits.py [--out FILE.json] [--encoding sign-magnitude] [--samples N]

The words of weights are those of the chip unless ``--encoding`` names another. The same rows come
from the command line: ``neurodeploy verify PROGRAM --data digits --suite fault``.
"""

from __future__ import annotations

import argparse
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
    flags = parser.parse_args()
    suite = nd.Fault(encoding=Encoding(flags.encoding) if flags.encoding else None)
    found = nd.verify(shipped_program(), "digits", (suite,), samples=flags.samples)
    console, rows = Console(), found["fault"].rows
    console.print(suite.table(rows))
    for line in suite.footnotes(rows, found.extra):
        console.print(line)
    if flags.out is not None:
        entry = found.to_dict()
        kept = {key: entry[key] for key in ("digest", "data", "run", "accuracy", "versions")}
        settings = entry["suites"]["fault"]["settings"]
        write_json(
            flags.out, {**kept, "settings": settings, "faults": plain(found.extra["faults"])}
        )


if __name__ == "__main__":
    main()
