"""Engines that run a Program: reference (numpy), native (C++) and lava, and their comparison."""

from neurodeploy.sim.options import RunOptions
from neurodeploy.sim.simulator import Simulator, compile, simulate

__all__ = ["RunOptions", "Simulator", "compile", "simulate"]
