"""Reading a NIR file as a Program."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from neurodeploy.converters.float_network import FloatNetwork
from neurodeploy.converters.nir import stored
from neurodeploy.converters.nir.graph import Graph, graph_of
from neurodeploy.converters.nir.layout import layout_of
from neurodeploy.converters.nir.options import ReadOptions
from neurodeploy.converters.nir.source import Discretisation, gains, network
from neurodeploy.converters.nir.tree import read_tree
from neurodeploy.converters.quantise import quantised
from neurodeploy.errors import located, warn
from neurodeploy.program import Program


def read(path: Path | str, **options: Any) -> Program:
    """Return the network of a NIR file as a Program.

    dt : seconds of a step. rule : ``"euler"`` (decay dt / tau) or ``"exponential"``
        (1 - exp(-dt / tau)). reset : ``"zero"`` (to v_reset) or ``"subtract"``.
    synapse : ``"filter"`` (NIR's equation) or ``"jump"`` (a spike adds w_in to the current).
    input_shape : (N,) or (C, H, W) of inputs whose shape the file does not say.
    input_message_bits : 0 for binary events, > 0 where the values count.

    A file that this package wrote holds the integers, and gives the very Program again, unless its
    parameters were changed since or an option asks for other steps.

    Raises FormatError for what is no NIR file, is damaged, or has no integer form; OptionError for
    an option out of range.
    """
    chosen = ReadOptions(**options)
    path = Path(path)
    with located(str(path)):
        graph = graph_of(read_tree(path)[1])
        kept = stored.found(graph)
        asked = (chosen.dt, chosen.rule, chosen.reset, chosen.synapse)
        if kept is not None and asked == (None,) * 4:
            if stored.unchanged(graph, kept):
                return stored.program(graph, kept)
            warn(f"{path}: changed since it was written, its integers are made anew")
        program = program_of(graph, _completed(chosen, kept))
        return replace(program, metadata={**program.metadata, "source_file": path.name})


def read_float(path: Path | str, **options: Any) -> FloatNetwork:
    """Return the network of a NIR file in floats and steps; options and errors as for `read`."""
    chosen = ReadOptions(**options)
    with located(str(path)):
        graph = graph_of(read_tree(Path(path))[1])
        chosen = _completed(chosen, stored.found(graph))
        return network(graph, _how(chosen), chosen.input_shape)


def program_of(graph: Graph, chosen: ReadOptions) -> Program:
    """Return the Program that a graph gives, with its layout in the metadata."""
    how = _how(chosen)
    floats = network(graph, how, chosen.input_shape)
    program = quantised(floats, chosen.input_message_bits or 0)
    layout = layout_of(graph, gains(graph, how))
    metadata = {**program.metadata, "source_format": "nir", "nir.layout": layout}
    return replace(program, metadata=metadata)


def _how(chosen: ReadOptions) -> Discretisation:
    return Discretisation(
        chosen.dt, chosen.rule or "euler", chosen.reset or "zero", chosen.synapse or "filter"
    )


def _completed(chosen: ReadOptions, kept: stored.Stored | None) -> ReadOptions:
    """Return the options with what the file says of its steps."""
    if kept is None:
        return chosen
    return replace(chosen, dt=chosen.dt or kept.dt, rule=chosen.rule or kept.rule)
