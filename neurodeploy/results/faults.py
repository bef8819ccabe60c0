"""What ``verify.json`` holds of faults."""

from __future__ import annotations

from dataclasses import dataclass

from neurodeploy.verification.fault_rows import BitRow, FaultRow, WorstFault


@dataclass(frozen=True)
class FaultRows:
    """All rows; bits and faults, those that lose most first; sites that were left out, and why."""

    rows: tuple[FaultRow, ...]
    bits: tuple[BitRow, ...]
    worst: tuple[WorstFault, ...]
    left_out: tuple[str, ...] = ()
