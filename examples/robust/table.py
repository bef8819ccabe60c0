"""One table of everything in ``examples/results`` that was trained to be robust.

    python examples/robust/table.py [FOLDER]

Each row is made from the JSON of a run: what it was trained by, the attack with its budget and
samples, the accuracy of the integers clean and attacked (95 % Wilson), and what was proved.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HEADS = ("run", "attack", "clean", "robust", "samples", "certified", "seed")
Row = tuple[str, ...]


def percent(share: float) -> str:
    """Return a share as text."""
    return f"{100 * share:.1f} %"


def between(row: dict[str, Any]) -> str:
    """Return a robust accuracy with its interval."""
    return f"{percent(row['robust'])} ({100 * row['low']:.1f} to {100 * row['high']:.1f})"


def of_suite(content: dict[str, Any]) -> Iterator[Row]:
    """Yield the rows of a run that ``neurodeploy verify --suite attack`` attacked."""
    training, proved = content["training"], content.get("certified", [])
    strength = content["attack"]["settings"]["strength"]
    for row in content["attack"]["summary"]:
        found = [one for one in proved if one["eps"] == row["eps"]]
        text = f"{percent(found[0]['certified'])} of {found[0]['n']}" if found else ""
        yield (
            training["name"], f"{strength}, eps {row['eps']:g}", percent(row["clean"]),
            between(row), str(row["n"]), text, str(training["seed"]),
        )  # fmt: skip


def of_published(content: dict[str, Any]) -> Iterator[Row]:
    """Yield the rows of a run that `published_attack.py` attacked."""
    training = content["training"]
    for name, row in content["attack"].items():
        kind = name if name == "strong" else f"PGD-7, {name}"
        yield (
            training["name"], f"{kind}, eps {row['eps']:g}", percent(row["clean"]), between(row),
            str(row["n"]), "", str(training["seed"]),
        )  # fmt: skip


def of_relu(content: dict[str, Any]) -> Iterator[Row]:
    """Yield the rows of a ReLU network of `relu.py`; clean is that of the whole test part."""
    given = content["settings"]
    name = f"ReLU {given['network']}, {given['method'].upper()} {given['eps']:g}/255"
    for attack, share in content["robust"].items():
        yield (
            name, f"{attack} (floats), eps {given['attack']:g}", percent(content["clean"]),
            percent(share), str(given["samples"]), "", str(given["seed"]),
        )  # fmt: skip


def rows(folder: Path) -> Iterator[Row]:
    """Yield the rows of every file ``robust-*.json`` of ``folder``, in order of their names."""
    for path in sorted(folder.glob("robust-*.json")):
        content = json.loads(path.read_text())
        if "settings" in content:
            yield from of_relu(content)
        elif "summary" in content.get("attack", {}):
            yield from of_suite(content)
        elif "attack" in content:
            yield from of_published(content)


def table(folder: Path) -> str:
    """Return the table as Markdown."""
    lines = ["| " + " | ".join(HEADS) + " |", "|---" * len(HEADS) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows(folder)]
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).parents[1] / "results"
    parser.add_argument("folder", type=Path, nargs="?", default=default)
    print(table(parser.parse_args().folder))


if __name__ == "__main__":
    main()
