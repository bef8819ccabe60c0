"""How many threads compiled kernels may use."""

from __future__ import annotations

import os

from neurodeploy.errors import OptionError


def workers(threads: int | None = None) -> int:
    """Return ``threads``, or for None the number of cores that this process may use.

    Raises OptionError for another number than 1 or more.
    """
    if threads is None:
        allowed = getattr(os, "sched_getaffinity", None)
        return len(allowed(0)) if allowed else os.cpu_count() or 1
    if isinstance(threads, bool) or not hasattr(threads, "__index__"):
        raise OptionError(f"threads is {threads!r}, expected a whole number")
    if not 1 <= int(threads) < 2**31:
        raise OptionError(f"threads is {threads}, allowed are 1 to {2**31 - 1}")
    return int(threads)
