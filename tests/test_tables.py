"""Facts on the records, and one table per room: every model is covered everywhere."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import neurodeploy
from neurodeploy import container
from neurodeploy.neuron import Neuron
from neurodeploy.record import Record
from neurodeploy.registry import TABLES, ByType
from neurodeploy.synapse import Synapse

NEEDS_LAVA = ("neurodeploy.sim.lava_worker", "neurodeploy.sim.lava_network")
"""Modules of the worker, which runs in the interpreter that has Lava."""


def rooms() -> None:
    """Import every module, those that need torch where it is installed."""
    home = str(Path(neurodeploy.__file__).parent)  # an editable install adds the whole project
    names = [module.name for module in pkgutil.walk_packages([home], "neurodeploy.")]
    has_torch = importlib.util.find_spec("torch") is not None
    for name in names:
        if name in NEEDS_LAVA or name.endswith("__main__"):
            continue
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if has_torch or error.name != "torch":
                raise


rooms()


def models(base: type[Record]) -> Iterator[type[Record]]:
    """Yield the public records below ``base`` that the package defines."""
    for kind in base.__subclasses__():
        if kind.__module__.startswith("neurodeploy."):
            if not kind.__name__.startswith("_"):
                yield kind
            yield from models(kind)


NEURONS, SYNAPSES = tuple(models(Neuron)), tuple(models(Synapse))
MODELS: dict[type, tuple[type[Record], ...]] = {Neuron: NEURONS, Synapse: SYNAPSES}
OURS = [table for table in TABLES if table.base in MODELS]


def test_every_room_has_its_table() -> None:
    found = {table.what for table in OURS}
    assert {"dynamics", "rules in words", "currents", "fan-out", "Lava process"} <= found


@pytest.mark.parametrize("table", OURS, ids=lambda table: f"{table.what}-{table.base.__name__}")
def test_a_table_covers_every_model_or_says_which_it_is_without(table: ByType[Any]) -> None:
    known = set(MODELS[table.base])
    assert set(table) | table.without == known
    assert not set(table) & table.without


def test_the_container_holds_every_model() -> None:
    assert set(container.RECORDS["neuron"].values()) == set(NEURONS)
    assert set(container.RECORDS["synapse"].values()) == set(SYNAPSES)


@pytest.mark.parametrize("kind", NEURONS + SYNAPSES, ids=lambda kind: kind.__name__)
def test_every_field_has_a_role(kind: type[Record]) -> None:
    assert set(kind.roles) == {field.name for field in fields(kind)}


@pytest.mark.parametrize("kind", NEURONS, ids=lambda kind: kind.__name__)
def test_what_can_be_recorded_is_kept_or_sent(kind: type[Neuron]) -> None:
    assert kind.variables[0] == "s"
    assert set(kind.variables[1:]) <= set(kind.states)
    assert kind.family is not None
    assert not (kind.spikes and kind.graded)


@pytest.mark.parametrize("kind", SYNAPSES, ids=lambda kind: kind.__name__)
def test_a_layout_means_a_weight(kind: type[Synapse]) -> None:
    names = {field.name for field in fields(kind)}
    assert (kind.layout is not None) == ("weight" in names)
