"""Facts on the records, and one table per room: every model is covered everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import pytest

from neurodeploy.neuron import Neuron
from neurodeploy.record import Record
from neurodeploy.synapse import Synapse


def models(base: type[Record]) -> Iterator[type[Record]]:
    """Yield the public records below ``base`` that the package defines."""
    for kind in base.__subclasses__():
        if kind.__module__.startswith("neurodeploy."):
            if not kind.__name__.startswith("_"):
                yield kind
            yield from models(kind)


NEURONS, SYNAPSES = tuple(models(Neuron)), tuple(models(Synapse))


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
