"""NetX, the HDF5 network exchange of lava-dl 0.6: `read` and `write`.

Reading is liberal: what Lava loads and runs becomes a Program, with a warning where Lava does
something else than the file says. Writing is strict: what NetX or Lava cannot carry is an
ExportError that says what to do instead.
"""

from neurodeploy.converters.netx.reader import read
from neurodeploy.converters.netx.writer import Written, write

__all__ = ["Written", "read", "write"]
