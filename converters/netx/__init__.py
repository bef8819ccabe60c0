"""NetX, the HDF5 network exchange of lava-dl 0.6: `read` and `write`.

Reading is liberal: what Lava loads and runs becomes a Program, with a warning where Lava does
something else than the file says. Writing is strict: what NetX or Lava cannot carry is an
ExportError that says what to do instead.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurodeploy.converters.netx.reader import read
    from neurodeploy.converters.netx.writer import Written, write

__all__ = ["Written", "read", "write"]

_MODULES = {"Written": "writer", "read": "reader", "write": "writer"}


def __getattr__(name: str) -> Any:
    """Import on first use, so that the options are known without HDF5."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
