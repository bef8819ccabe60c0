"""NIR: the Neuromorphic Intermediate Representation, files of HDF5 in continuous time.

Source: Pedersen et al., "Neuromorphic intermediate representation", Nature Communications 15,
8122 (2024); nir 1.0.8.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurodeploy.converters.nir.reader import read, read_float
    from neurodeploy.converters.nir.writer import write

__all__ = ["read", "read_float", "write"]

_HOMES = {"read": "reader", "read_float": "reader", "write": "writer"}


def __getattr__(name: str) -> Any:
    """Import on first use, so that the options are known without HDF5."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
