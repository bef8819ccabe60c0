"""Encoders by name, and out of the metadata of a Program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from neurodeploy.errors import ProgramError
from neurodeploy.program import MetadataValue
from neurodeploy.sim.encode.changes import Delta, Level
from neurodeploy.sim.encode.encoder import PREFIX, Encoder
from neurodeploy.sim.encode.still import Direct, Latency, Rate

ENCODERS: dict[str, type[Encoder]] = {
    encoder.kind: encoder for encoder in (Direct, Rate, Latency, Delta, Level)
}


def encoder_from_metadata(metadata: Mapping[str, MetadataValue]) -> Encoder:
    """Return the encoder that `Encoder.metadata` described.

    Raises ProgramError when the metadata name no encoder, an unknown one, or lack a field.
    """
    kind = metadata.get(PREFIX)
    if kind is None:
        raise ProgramError(
            "metadata name no encoder; encode the data yourself and give the columns"
        )
    if kind not in ENCODERS:
        raise ProgramError(f"metadata encoder is {kind!r}, known are {', '.join(ENCODERS)}")
    chosen = ENCODERS[str(kind)]
    entries: dict[str, Any] = {}
    for field in fields(chosen):
        key = f"{PREFIX}.{field.name}"
        if key not in metadata:
            raise ProgramError(f"metadata lack {key!r}, which encoder {kind} needs")
        entries[field.name] = metadata[key]
    return chosen(**entries)
