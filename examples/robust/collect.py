"""Collect what a robust run left into one file of results.

    python examples/robust/collect.py RUN [--certified FILE] [--out FILE.json] [--command TEXT ...]

RUN holds ``result.json`` of ``neurodeploy train`` and ``verify.json`` of ``neurodeploy verify``.
The file says which commands made it, the accuracy of the integers, and the rows of the attack; and
what was proved on more samples, where FILE is the ``verify.json`` of the suite ``certify``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from neurodeploy.atomic import replacing

TRAINING = ("name", "seed", "config_sha256", "program_sha256", "weights_sha256", "data", "encoder",
            "accuracy", "lowering", "versions")  # fmt: skip


def collected(run: Path, commands: list[str], proofs: Path | None = None) -> dict[str, Any]:
    """Return the content of the file; ValueError when the files are of different programs."""
    result = json.loads((run / "result.json").read_text())
    verified = json.loads((run / "verify.json").read_text())
    if verified["digest"] != result["program_sha256"]:
        raise ValueError(f"{run}: verify.json is of another program than result.json")
    attack = verified["suites"]["attack"]
    more = {}
    if proofs is not None:
        proved = json.loads(proofs.read_text())
        if proved["digest"] != result["program_sha256"]:
            raise ValueError(f"{proofs}: is of another program than result.json")
        more["certified"] = proved["suites"]["certify"]["summary"]
    return {
        "commands": commands,
        "training": {name: result[name] for name in TRAINING if name in result},
        "epochs": {name: result["epochs"][name] for name in ("epochs", "best_epoch")},
        "attacked": verified["data"],
        "attack": {"settings": attack["settings"], "summary": attack["summary"]},
        **more,
    }


def main() -> int:
    """Write the file; return 1 when there is nothing whole to write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--certified", type=Path)
    parser.add_argument("--out", type=Path, default=Path("robust.json"))
    parser.add_argument("--command", nargs="*", default=[], dest="commands")
    options = parser.parse_args()
    try:
        content = collected(options.run, options.commands, options.certified)
    except (OSError, KeyError, ValueError) as error:
        print(f"{options.run}: {error}", file=sys.stderr)
        return 1
    with replacing(options.out) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
