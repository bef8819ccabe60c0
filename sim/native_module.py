"""The compiled module `_native`, or one clear error where it was never built."""

from __future__ import annotations

from neurodeploy.errors import EngineError

try:
    from neurodeploy.sim import _native
except ImportError as error:
    raise EngineError(
        "engine native: the compiled module is missing; install the project (pip install .), "
        "or use engine 'reference'"
    ) from error

__all__ = ["_native"]
