"""Encoders: integers of a data set become the columns that a Program takes.

Every encoder works on integers only, so that the same data, seed and steps give the same columns
on every machine. An encoder describes itself as metadata of a Program (`Encoder.metadata`), and
`encoder_from_metadata` builds it again: whoever holds a trained Program can encode for it.
`Encoder.reachable` is the exact set of columns that data within a box give.

`reference` says in numpy what every spike encoder means; `compiled` does the same natively where
the compiled module is there.
"""

from neurodeploy.encode.budget import Domain, budget_steps
from neurodeploy.encode.columns import Columns
from neurodeploy.encode.delta import Delta
from neurodeploy.encode.direct import Direct
from neurodeploy.encode.encoder import MAX_STEPS, PREFIX, Encoder, Integers, Shape
from neurodeploy.encode.latency import Latency
from neurodeploy.encode.level import Level
from neurodeploy.encode.metadata import encoder_from_metadata
from neurodeploy.encode.rate import Rate
from neurodeploy.encode.reach import Reachable
from neurodeploy.encode.registry import ENCODERS
from neurodeploy.encode.text import ENCODER_HELP, encoder_from_text, encoder_text

__all__ = [
    "ENCODERS",
    "ENCODER_HELP",
    "MAX_STEPS",
    "PREFIX",
    "Columns",
    "Delta",
    "Direct",
    "Domain",
    "Encoder",
    "Integers",
    "Latency",
    "Level",
    "Rate",
    "Reachable",
    "Shape",
    "budget_steps",
    "encoder_from_metadata",
    "encoder_from_text",
    "encoder_text",
]
