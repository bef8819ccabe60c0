"""Networks of torch, snnTorch, SpikingJelly and norse, in memory, as Programs."""

from neurodeploy.converters.torch_modules.convert import float_network, from_torch

__all__ = ["float_network", "from_torch"]
