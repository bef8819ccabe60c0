"""Certificates in ``verify.json``: how many samples are proved at each budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class CertifiedRow:
    """Shares of the n samples at one budget; see `neurodeploy.verification.certify_suite`."""

    eps: float
    steps: int
    clean: float
    certified: float
    falsified: float
    open: float
    n: int
    by_method: Mapping[str, float]
