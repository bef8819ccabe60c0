"""Training: quantised CUBA-LIF networks whose eval-mode forward pass is the integer network."""

from neurodeploy.train.builder import quantised_layer
from neurodeploy.train.config import Config, parse_config, read_config
from neurodeploy.train.network import Network
from neurodeploy.train.run import Trained, train_network
from neurodeploy.train.specs import (
    Conv,
    ConvSkip,
    Dense,
    DenseSkip,
    Flatten,
    Neuron,
    Readout,
    SumPool,
)

__all__ = [
    "Config",
    "Conv",
    "ConvSkip",
    "Dense",
    "DenseSkip",
    "Flatten",
    "Network",
    "Neuron",
    "Readout",
    "SumPool",
    "Trained",
    "parse_config",
    "quantised_layer",
    "read_config",
    "train_network",
]
