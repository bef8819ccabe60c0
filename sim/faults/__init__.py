"""Faults of a chip, as data: flipped bits of stored words and of states, stuck neurons, losses."""

from neurodeploy.sim.faults.broken import (
    DeadCore,
    DeadRoute,
    DroppedSpikes,
    DuplicatedSpikes,
    LateSpikes,
    MessageFlip,
    MessagesAtRate,
    NeuronFault,
    Slice,
)
from neurodeploy.sim.faults.changed import faulty_program
from neurodeploy.sim.faults.records import (
    DelayFlip,
    Fault,
    ParameterFlip,
    ParameterWord,
    StateFlip,
    WeightFlip,
    WeightWord,
)
from neurodeploy.sim.faults.run import Faults, simulate_faulty
from neurodeploy.sim.faults.words import LOIHI, Encoding, WordFormat, stored_encoding

__all__ = [
    "LOIHI",
    "DeadCore",
    "DeadRoute",
    "DelayFlip",
    "DroppedSpikes",
    "DuplicatedSpikes",
    "Encoding",
    "Fault",
    "Faults",
    "LateSpikes",
    "MessageFlip",
    "MessagesAtRate",
    "NeuronFault",
    "ParameterFlip",
    "ParameterWord",
    "Slice",
    "StateFlip",
    "WeightFlip",
    "WeightWord",
    "WordFormat",
    "faulty_program",
    "simulate_faulty",
    "stored_encoding",
]
