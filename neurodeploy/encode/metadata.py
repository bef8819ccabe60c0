"""Encoders out of the metadata of a Program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from neurodeploy.encode.encoder import PREFIX, Encoder
from neurodeploy.encode.registry import ENCODERS
from neurodeploy.errors import OptionError, ProgramError
from neurodeploy.program import MetadataValue


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
