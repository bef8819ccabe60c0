"""From a run folder to the content of ``report.json``; the page shows nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.energy.report import NOT_MEASURED
from neurodeploy.errors import FormatError
from neurodeploy.program import Input, Population, Program
from neurodeploy.report.evidence import Evidence, read_evidence
from neurodeploy.report.verdict import verdict
from neurodeploy.run_folder import FORMAT, versions
from neurodeploy.sim.fanout import fan_out

Json = dict[str, Any]

RASTER_NEURONS = 48
"""Most neurons of a layer that a raster shows, evenly spread over the layer."""
MEMBRANES = 3
"""Most neurons of a layer whose membrane is drawn."""


def build_report(folder: str | Path) -> Json:
    """Return everything that is known about the network in ``folder``, as plain values.

    Raises FormatError when the folder holds no program, or a damaged file.
    """
    evidence = read_evidence(Path(folder))
    try:
        return _content(evidence)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        lacking = str(error) if isinstance(error, KeyError) else "a part that it should have"
        raise FormatError(
            f"{folder}: a file of this run lacks {lacking}; run its verb again"
        ) from error


def _content(evidence: Evidence) -> Json:
    result, verify = evidence.result, evidence.verify
    return {
        "format": FORMAT,
        "title": _title(evidence),
        "generated": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "statement": NOT_MEASURED,
        "verdict": verdict(result, verify, evidence.comparisons, evidence.energy),
        "ignored": list(evidence.ignored),
        "program": _program(evidence.program),
        "accuracy": _accuracy(result, verify),
        "noise": (verify or {}).get("noise"),
        "mppd": (verify or {}).get("mppd"),
        "headroom": (verify or {}).get("headroom"),
        "activity": (verify or {}).get("activity"),
        "comparisons": [_comparison(entry) for entry in evidence.comparisons],
        "stream": (result or {}).get("stream"),
        "timing": _timing(evidence),
        "sample": _sample(evidence),
        "energy": list(evidence.energy),
        "training": _training(evidence),
        "provenance": _provenance(evidence),
    }


def _title(evidence: Evidence) -> str:
    if evidence.result is not None:
        return str(evidence.result.get("name") or "run")
    return evidence.folder.resolve().name


def _program(program: Program) -> Json:
    inputs = [
        {"name": node.name, "shape": list(node.shape), "message_bits": node.message_bits}
        for node in program.inputs
    ]
    taps = [int(fan_out(program, k).taps.sum()) for k in range(len(program.connections))]
    readout = program.readout
    return {
        "digest": program.digest,
        "inputs": inputs,
        "populations": [_population(k, p) for k, p in enumerate(program.populations)],
        "connections": [
            {"name": name, "synapse": type(c.synapse).__name__, "synapses": count}
            for name, c, count in zip(
                program.connection_names, program.connections, taps, strict=True
            )
        ],
        "neurons": program.neurons,
        "synapses": sum(taps),
        "readout": {
            "population": readout.population,
            "variable": readout.variable,
            "window": readout.window,
        },
        "metadata": dict(program.metadata),
    }


def _population(number: int, population: Population) -> Json:
    neuron = population.neuron
    parameters = {
        name: [int(np.min(value)), int(np.max(value))]
        for name, value in neuron.having("decay", "threshold", "bias").items()
    }
    return {
        "number": number,
        "name": population.name,
        "shape": list(population.shape),
        "neurons": population.size,
        "neuron": type(neuron).__name__,
        "parameters": parameters,
    }


def _accuracy(result: Json | None, verify: Json | None) -> Json:
    """Return accuracy of the torch model, of the integers, and how many answers were lost."""
    trained = (result or {}).get("accuracy", {}).get("test_trained")
    integer = (result or {}).get("accuracy", {}).get("test_integer")
    if integer is None and verify is not None:
        integer = verify["accuracy"]
    return {
        "trained": trained,
        "integer": integer,
        "lowering": (result or {}).get("lowering"),
        "data": (result or {}).get("data") or (verify or {}).get("data"),
    }


def _comparison(entry: Json) -> Json:
    keys = ("engines", "samples", "steps", "options", "equal", "compared", "differing", "first")
    optional = ("streamed_samples", "seconds")
    return {key: entry[key] for key in keys} | {key: entry.get(key) for key in optional}


def _timing(evidence: Evidence) -> Json | None:
    metadata = evidence.program.metadata
    if "timing.rule" not in metadata:
        return None
    return {key: metadata[f"timing.{key}"] for key in ("rule", "needs_reset", "reason")}


def _training(evidence: Evidence) -> Json | None:
    result = evidence.result
    if result is None:
        return None
    keys = ("name", "seed", "data", "encoder", "layers", "epochs", "versions")
    return {**{key: result.get(key) for key in keys}, "history": list(evidence.history)}


def _provenance(evidence: Evidence) -> Json:
    result, verify = evidence.result or {}, evidence.verify or {}
    seeds = {
        "training": result.get("seed"),
        "data split": (result.get("data") or {}).get("split_seed"),
        **(verify.get("seeds") or {}),
    }
    digests = {
        "program": evidence.program.digest,
        "configuration": result.get("config_sha256"),
        "float weights": result.get("weights_sha256"),
    }
    return {
        "digests": {name: value for name, value in digests.items() if value},
        "seeds": {name: value for name, value in seeds.items() if value is not None},
        "versions": {
            "this page": versions(),
            **({"verification": verify["versions"]} if "versions" in verify else {}),
            **({"training": result["versions"]} if "versions" in result else {}),
        },
    }


def _sample(evidence: Evidence) -> Json | None:
    """Return one sample: the input, spikes of some neurons of every layer, some membranes."""
    arrays = evidence.sample
    if arrays is None:
        return None
    program = evidence.program
    return {
        "row": int(arrays["row"]),
        "label": int(arrays["label"]),
        "predicted": int(arrays["predicted"]),
        "scores": arrays["scores"].tolist(),
        "steps": int(arrays["columns"].shape[0]),
        "input": _image(program.inputs[0], arrays["columns"]),
        "layers": [_sampled(k, p, program, arrays) for k, p in enumerate(program.populations)],
    }


def _image(node: Input, columns: NDArray[Any]) -> Json:
    """Return the input summed over the steps: an image of (C, H, W), else ``(steps, N)``."""
    data = columns.reshape(len(columns), *node.shape).astype(np.int64)
    if len(node.shape) == 3 and node.shape[1] > 1:
        return {"kind": "image", "values": data.sum(axis=0).sum(axis=0).tolist()}
    flat = data.reshape(len(columns), -1)
    kept = _spread(flat.shape[1], RASTER_NEURONS)
    return {"kind": "series", "neurons": kept, "values": flat[:, kept].tolist()}


def _sampled(
    k: int, population: Population, program: Program, arrays: dict[str, NDArray[Any]]
) -> Json:
    spikes = arrays[f"layer{k}_s"]
    shown = _spread(spikes.shape[1], RASTER_NEURONS)
    steps, neurons = np.nonzero(spikes[:, shown])
    return {
        "name": population.name,
        "neurons": population.size,
        "sends": population.neuron.sends,
        "shown": shown,
        "spikes": [[int(t), int(n)] for t, n in zip(steps, neurons, strict=True)],
        "spikes_total": int(np.count_nonzero(spikes)),
        "membrane": _membranes(k, population.name == program.readout.population, arrays),
    }


def _membranes(k: int, is_readout: bool, arrays: dict[str, NDArray[Any]]) -> Json:
    """Return v of a few neurons: of the read-out those with the best scores, else a spread."""
    neurons = arrays[f"layer{k}_neurons"]
    if is_readout:
        chosen = np.argsort(-arrays["scores"][neurons], kind="stable")[:MEMBRANES]
    else:
        chosen = np.array(_spread(len(neurons), MEMBRANES), np.int64)
    threshold = arrays.get(f"layer{k}_threshold")
    return {
        "kind": "class" if is_readout else "neuron",
        "neurons": neurons[chosen].tolist(),
        "v": arrays[f"layer{k}_v"][:, chosen].T.tolist(),
        "s": arrays[f"layer{k}_s"][:, neurons[chosen]].T.tolist(),
        "threshold": None if threshold is None else threshold[chosen].tolist(),
    }


def _spread(size: int, most: int) -> Sequence[int]:
    """Return up to ``most`` numbers below ``size``, evenly spread, all of them if few."""
    if size <= most:
        return list(range(size))
    return [int(x) for x in np.linspace(0, size - 1, most)]
