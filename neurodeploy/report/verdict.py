"""The verdict: what was checked, what came out, and the fidelity level that this supports.

Levels: *model-exact* (at least two engines of this package agree), *Lava-exact* (Lava's
fixed-point models on this machine agree as well), *chip-recorded* (recordings of a chip agree).
A level holds for the inputs that were compared, and never more is claimed than a file shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]

LEVELS = {
    "diverged": "Engines disagree",
    "not compared": "Engines were not compared",
    "model-exact": "The engines of this package agree bit for bit",
    "Lava-exact": "Lava's fixed-point models on this machine agree bit for bit",
    "chip-recorded": "Recordings of a chip agree bit for bit",
}
OWN_ENGINES = {"native", "reference"}


def level(comparisons: Sequence[Json]) -> str:
    """Return the fidelity level that the comparisons support."""
    if any(not entry["equal"] for entry in comparisons):
        return "diverged"
    compared = [set(entry["engines"]) for entry in comparisons if entry.get("compared", 0) > 0]
    if any("recording" in engines and len(engines) > 1 for engines in compared):
        return "chip-recorded"
    if any("lava" in engines and engines & OWN_ENGINES for engines in compared):
        return "Lava-exact"
    if any(engines >= OWN_ENGINES for engines in compared):
        return "model-exact"
    return "not compared"


def verdict(
    result: Json | None, verify: Json | None, comparisons: Sequence[Json], energy: Sequence[Json]
) -> Json:
    """Return level, good (True, False or None for open), headline and the single checks."""
    reached = level(comparisons)
    checks = [
        _lowering(result),
        _stream(result),
        _engines(reached, comparisons),
        _overflow(verify),
        _energy(energy),
    ]
    states = [check["state"] for check in checks if check["weight"]]
    good = False if "bad" in states else None if "open" in states else True
    return {
        "level": reached,
        "meaning": LEVELS[reached],
        "good": good,
        "headline": _headline(good, reached, result),
        "checks": [{k: v for k, v in check.items() if k != "weight"} for check in checks],
    }


def _headline(good: bool | None, reached: str, result: Json | None) -> str:
    if good is False:
        return "Not exact: see the failed checks"
    if good is None:
        return "Checked in part: see what is open"
    if result is None:
        return "Every engine computes the same integers"
    return "What was trained is what runs"


WORDS = {"good": "passed", "bad": "failed", "open": "open", "none": "not run"}


def _check(name: str, state: str, text: str, weight: bool = True, word: str = "") -> Json:
    """state : good, bad, open (not known) or none. weight : whether it decides the verdict."""
    return {
        "name": name,
        "state": state,
        "word": word or WORDS[state],
        "text": text,
        "weight": weight,
    }


def _lowering(result: Json | None) -> Json:
    name = "Torch model and integer network"
    if result is None:
        return _check(name, "none", "not trained here, there is no torch model to compare", False)
    found = result["lowering"]
    spikes, scores = found["spike_differences"], found["score_differences"]
    text = (
        f"{scores} scores and {spikes} spikes differ on {found['samples']:,} test samples "
        f"(engine {found['engine']})"
    )
    return _check(name, "good" if spikes == scores == 0 else "bad", text)


def _stream(result: Json | None) -> Json:
    name = "Pipelined stream, as on the chip"
    if result is None or "stream" not in result:
        return _check(name, "none", "not run", False)
    found = result["stream"]
    text = (
        f"{found['samples_different']} of {found['samples']:,} samples differ in one stream with "
        f"reset interval {found['reset_interval']}, offset {found['reset_offset']} "
        f"(engine {found['engine']})"
    )
    if found["identical"]:
        return _check(name, "good", text)
    return _check(name, "bad", f"{text}; {result['timing']['reason']}")


def _engines(reached: str, comparisons: Sequence[Json]) -> Json:
    name = "Engines"
    if not comparisons:
        return _check(name, "open", "not compared; run neurodeploy compare")
    unequal = [entry for entry in comparisons if not entry["equal"]]
    if unequal:
        return _check(name, "bad", _where(unequal[0]))
    parts = [
        f"{_listed(entry['engines'])} identical in {entry['compared']:,} values ({_extent(entry)})"
        for entry in comparisons
    ]
    return _check(name, "open" if reached == "not compared" else "good", "; ".join(parts))


def _extent(entry: Json) -> str:
    """Say what was run: samples one by one, or that many in one stream."""
    streamed = entry.get("streamed_samples")
    if streamed:
        return f"{streamed} samples in one stream of {entry['steps']} steps"
    plural = "" if entry["samples"] == 1 else "s"
    return f"{entry['samples']} sample{plural} of {entry['steps']} steps"


def _where(entry: Json) -> str:
    first = entry.get("first")
    if not first:
        return f"{_listed(entry['engines'])} differ in their activity counts"
    values = ", ".join(f"{name} {value}" for name, value in first["values"].items())
    return (
        f"{entry['differing']:,} values differ, first in {first['population']}.{first['variable']} "
        f"at step {first['step']}, index {tuple(first['index'])}: {values}"
    )


def _overflow(verify: Json | None) -> Json:
    name = "Overflow of states"
    rows = (verify or {}).get("overflow")
    if not rows:
        return _check(name, "none", "not measured; run neurodeploy verify", False)
    verdicts: dict[str, set[str]] = {}
    for row in rows:
        verdicts.setdefault(row["population"], set()).add(row["verdict"])
    over = [population for population, found in verdicts.items() if "seen" in found]
    if over:
        text = f"{', '.join(over)} left the range of their states, as the chip would"
        return _check(name, "bad", text, False)
    proven = sum("possible" not in found for found in verdicts.values())
    ever = sum(found == {"never"} for found in verdicts.values())
    text = (
        f"none on the data; impossible for {proven} of {len(verdicts)} layers "
        f"({rows[0]['assumes']}), for {ever} of them in any number of steps"
    )
    return _check(name, "good", text, False)


def _energy(energy: Sequence[Json]) -> Json:
    name = "Energy"
    if not energy:
        return _check(name, "none", "not estimated; run neurodeploy energy", False)
    refused = [entry["profile"] for entry in energy if "refused" in entry]
    given = [entry["profile"] for entry in energy if "report" in entry]
    parts = [f"intervals for {', '.join(given)}"] if given else []
    parts += [f"refused for {', '.join(refused)}"] if refused else []
    word = "estimate" if given else "refused"
    return _check(name, "none", "; ".join(parts), False, word)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
