"""Print the table of certificates that examples/certified/row.py made, as Markdown.

python examples/certified/table.py examples/results/certified-*-levels.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def cells(row: dict[str, Any]) -> list[str]:
    """Return the cells of one row; percent of the test samples."""
    found = row["test"]["certify"]
    sizes = "-".join("x".join(map(str, shape)) for shape in row["layers"])
    clean = 100 * found[0]["clean"]
    proved = [f"{100 * e['certified']:.1f} (open {100 * e['open']:.1f})" for e in found]
    training = row["training"]
    return [training["name"], sizes, str(training["seed"]), f"{clean:.1f}", *proved]


def table(rows: list[dict[str, Any]]) -> str:
    """Return the table of rows that were proved at the same budgets."""
    eps = [f"{e['eps']:g}" for e in rows[0]["test"]["certify"]]
    head = ["run", "layers", "seed", "clean", *eps]
    lines = [head, ["---"] * len(head), *(cells(row) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    print(table([json.loads(Path(name).read_text()) for name in sys.argv[1:]]))
