"""Every encoder by its name. A new one is a module, and a line here."""

from __future__ import annotations

from neurodeploy.encode.columns import Columns
from neurodeploy.encode.delta import Delta
from neurodeploy.encode.direct import Direct
from neurodeploy.encode.encoder import Encoder
from neurodeploy.encode.latency import Latency
from neurodeploy.encode.level import Level
from neurodeploy.encode.rate import Rate
from neurodeploy.registry import ByName

ENCODERS: ByName[type[Encoder]] = ByName(
    "encoder",
    {kind.kind: kind for kind in (Direct, Rate, Latency, Delta, Level, Columns)},
)
"""By the name that metadata, configurations and the command line know an encoder by."""
