"""Provenance: digests, seeds, versions, and what the program says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neurodeploy.report.evidence import Evidence
from neurodeploy.report.parts.part import Part, template
from neurodeploy.results.outcome import Versions
from neurodeploy.run_folder import versions


@dataclass(frozen=True)
class Content:
    """digests : of what. seeds : of what. versions : by place. metadata : of the program."""

    digests: Mapping[str, str]
    seeds: Mapping[str, int]
    versions: Mapping[str, Versions]
    metadata: Mapping[str, Any]


def content(evidence: Evidence) -> Content:
    """Collect where everything came from."""
    result, verify = evidence.result, evidence.verify
    digests = {"program": evidence.program.digest}
    seeds: dict[str, int] = {}
    places: dict[str, Versions] = {"this page": versions()}
    if verify is not None and verify.versions:
        places["verification"] = verify.versions
    if result is not None:
        digests |= {"configuration": result.config_sha256, "float weights": result.weights_sha256}
        seeds["training"] = result.seed
        if result.data.split_seed is not None:
            seeds["data split"] = result.data.split_seed
        if result.versions:
            places["training"] = result.versions
    if verify is not None:
        seeds |= verify.seeds
        digests["verified samples"] = verify.data.digest
    kept = {name: value for name, value in digests.items() if value}
    return Content(kept, seeds, places, evidence.program.metadata)


def json(content: Content) -> Mapping[str, Any]:
    """Without the metadata, which stand with the program."""
    found = {"digests": content.digests, "seeds": content.seeds, "versions": content.versions}
    return {"provenance": found}


PART = Part(content, template("provenance"), json=json)
