"""Encoders by name, and out of the metadata of a Program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from neurodeploy.encode.changes import Delta, Level
from neurodeploy.encode.encoder import PREFIX, Encoder
from neurodeploy.encode.still import Direct, Latency, Rate
from neurodeploy.errors import OptionError, ProgramError
from neurodeploy.program import MetadataValue
from neurodeploy.registry import ByName

ENCODERS: ByName[type[Encoder]] = ByName(
    "encoder", {kind.kind: kind for kind in (Direct, Rate, Latency, Delta, Level)}
)
"""Every encoder, by the name that metadata, configurations and the command line know it by."""


def encoder_from_metadata(metadata: Mapping[str, MetadataValue]) -> Encoder:
    """Return the encoder that `Encoder.metadata` described.

    Raises ProgramError when the metadata name no encoder, an unknown one, or lack a field.
    """
    kind = metadata.get(PREFIX)
    if kind is None:
        raise ProgramError(
            "metadata name no encoder; encode the data yourself and give the columns"
        )
    try:
        chosen = ENCODERS.named(kind)
    except OptionError as error:
        raise ProgramError(f"metadata {error}") from error
    entries: dict[str, Any] = {}
    for field in fields(chosen):
        key = f"{PREFIX}.{field.name}"
        if key not in metadata:
            raise ProgramError(f"metadata lack {key!r}, which encoder {kind} needs")
        entries[field.name] = metadata[key]
    return chosen(**entries)
