"""Encoders: integers of a data set become the columns that a Program takes.

Every encoder works on integers only, so that the same data, seed and steps give the same columns
on every machine. An encoder describes itself as metadata of a Program (`Encoder.metadata`), and
`encoder_from_metadata` builds it again: whoever holds a trained Program can encode for it.

`reference` says in numpy what every spike encoder means; `compiled` does the same natively.
"""

from neurodeploy.encode.changes import Delta, Level
from neurodeploy.encode.encoder import MAX_STEPS, PREFIX, Encoder, Integers, Shape
from neurodeploy.encode.metadata import ENCODERS, encoder_from_metadata
from neurodeploy.encode.philox import counter_words
from neurodeploy.encode.still import Direct, Latency, Rate

__all__ = [
    "ENCODERS",
    "MAX_STEPS",
    "PREFIX",
    "Delta",
    "Direct",
    "Encoder",
    "Integers",
    "Latency",
    "Level",
    "Rate",
    "Shape",
    "counter_words",
    "encoder_from_metadata",
]
