"""Foreign formats behind one registry: sniff, read and write, with the options of each.

`load` recognises a file by its content, `save` chooses the format by the suffix.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurodeploy.converters.files import load, save

__all__ = ["load", "save"]


def __getattr__(name: str) -> Any:
    """Import on first use, so that the options of the formats are known without HDF5."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("neurodeploy.converters.files"), name)
