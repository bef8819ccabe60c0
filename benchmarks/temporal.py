"""The temporal task over seeds: a recurrent network, trained and verified as a pipelined stream.

    python benchmarks/temporal.py --work RUNS --out examples/results/vowels.json [--lava 20]

For each seed the network is trained, lowered, and run over the whole test set as one pipelined
stream, by the native and the reference engine; every spike is compared with the aligned run that
training saw, and the stream of the first samples with Lava's. Runs that are complete are not
repeated.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from neurodeploy import container
from neurodeploy.answers import RunChoice, settle
from neurodeploy.atomic import replacing
from neurodeploy.data import encode_split, load_data
from neurodeploy.program import Program
from neurodeploy.runs.training import train
from neurodeploy.sim.compare import compare
from neurodeploy.train.config import Config, read_config
from neurodeploy.train.progress import ConsoleReporter
from neurodeploy.verification.stream import verify_stream


def measure(config: Config, folder: Path, lava_samples: int) -> dict[str, Any]:
    """Train (or resume, or reuse) one run, and stream its integer network through the engines."""
    if not (folder / "result.json").exists():
        train(config, folder, resume=True, reporter=ConsoleReporter())
    program = container.read(folder / "program.h5")
    result = json.loads((folder / "result.json").read_text())
    test = load_data(config.data.name).test
    columns = encode_split(program, test)
    streams = {
        engine: verify_stream(program, columns, test.y, engine=engine).to_dict()
        for engine in ("native", "reference")
    }
    if lava_samples:
        streams["lava"] = against_lava(program, columns[:lava_samples])
    return {
        "seed": config.seed,
        "program_sha256": program.digest,
        "validation": result["accuracy"]["validation_trained"]["rate"],
        "test_trained": result["accuracy"]["test_trained"]["rate"],
        "test_integer": result["accuracy"]["test_integer"]["rate"],
        "lowering": result["lowering"],
        "layers": result["layers"],
        "seconds": sum(result["epochs"]["seconds"]),
        "streams": streams,
    }


def against_lava(program: Program, columns: NDArray[Any]) -> dict[str, Any]:
    """Compare the stream of some samples, ``(samples, T, *shape)``, in Lava and in ours."""
    recipe = settle(program, columns.shape[1], RunChoice(timing="pipelined"))
    found = compare(
        program,
        columns.reshape(-1, *columns.shape[2:]),
        ("lava", "native"),
        reset_interval=recipe.reset_interval,
        reset_offset=recipe.reset_offset,
    )
    return {"samples": len(columns), "compared": found.compared, "differing": found.differing}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).parents[1] / "examples" / "vowels-recurrent.toml"
    parser.add_argument("--config", type=Path, default=default)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--lava", type=int, default=0, help="samples to stream through Lava")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    base = read_config(given.config)
    runs = []
    for seed in given.seeds:
        config = base.model_copy(update={"seed": seed})
        runs.append(measure(config, given.work / f"seed-{seed}", given.lava))
        print(seed, runs[-1]["test_integer"], flush=True)
    rates = [run["streams"]["native"]["accuracy"]["rate"] for run in runs]
    document = {
        "config": base.name,
        "seeds": given.seeds,
        "stream_accuracy": {
            "mean": statistics.fmean(rates),
            "std": statistics.stdev(rates) if len(rates) > 1 else 0.0,
            "each": rates,
        },
        "runs": runs,
    }
    with replacing(given.out) as file:
        file.write((json.dumps(document, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
