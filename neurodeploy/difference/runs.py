"""Two run folders side by side: what is known about their networks, number by number."""

from __future__ import annotations

from neurodeploy.accuracy import Accuracy
from neurodeploy.difference.item import Item, paired
from neurodeploy.difference.programs import program_items
from neurodeploy.energy.units import energy_range
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.verdict import verdict
from neurodeploy.results.verification import Measurements

Words = dict[str, str]


def run_items(first: Evidence, second: Evidence) -> list[Item]:
    """Return the items of both folders: verdict, training, tests, energy, then the programs."""
    items = paired("verdict", _verdict(first), _verdict(second))
    items += paired("training", _training(first), _training(second))
    items += paired("test", _tests(first.verify), _tests(second.verify))
    items += paired("energy per inference", _energy(first), _energy(second))
    return items + program_items(first.program, second.program)


def _verdict(evidence: Evidence) -> Words:
    found = verdict(evidence)
    return {"headline": found.headline, "level": found.level}


def _training(evidence: Evidence) -> Words:
    result = evidence.result
    if result is None:
        return {}
    return {
        "name": result.name,
        "seed": str(result.seed),
        "data": result.data.name,
        "epochs": f"{result.epochs.epochs}, best {result.epochs.best_epoch}",
        "spikes lost in lowering": str(result.lowering.spike_differences),
    }


def _tests(found: Measurements | None) -> Words:
    if found is None:
        return {}
    words = {
        "data": found.data.label,
        "run": found.run.sentence() or found.run.timing,
        "accuracy": _rate(found.accuracy),
    }
    if found.noise is not None:
        words |= {
            f"accuracy at noise {row.sigma:g}": f"{row.rate:.2%}" for row in found.noise.levels
        }
    for layer in found.activity.layers:
        words[f"{'events' if layer.input else 'spikes'} of {layer.name}"] = f"{layer.events:,.1f}"
    for row in found.overflow or ():
        words[f"overflow of {row.population}.{row.state}"] = row.verdict
    return words


def _rate(accuracy: Accuracy) -> str:
    low, high = accuracy.interval
    return f"{accuracy.rate:.2%} ({low:.1%} to {high:.1%}), {accuracy.ties} ties"


def _energy(evidence: Evidence) -> Words:
    if evidence.energy is None:
        return {}
    return {
        chip.profile: "refused"
        if chip.report is None
        else energy_range(chip.report.headline_pj.mean)
        for chip in evidence.energy.profiles
    }
