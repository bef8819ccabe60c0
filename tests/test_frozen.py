"""The read-only mapping: it is a mapping, cannot be changed, and travels."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from neurodeploy.frozen import FrozenMapping, read_only


def test_mapping_is_read_and_compared_like_any_other() -> None:
    source = {"a": 1, "b": 2}
    mapping = FrozenMapping(source)
    source["c"] = 3
    assert dict(mapping) == {"a": 1, "b": 2}
    assert mapping == {"b": 2, "a": 1} == mapping
    assert mapping != {"a": 1}
    assert ("a" in mapping, "c" in mapping, len(mapping), list(mapping)) == (
        True,
        False,
        2,
        ["a", "b"],
    )
    assert repr(mapping) == "FrozenMapping({'a': 1, 'b': 2})"
    assert FrozenMapping() == {}
    with pytest.raises(KeyError):
        mapping["c"]


def test_mapping_refuses_every_change() -> None:
    mapping: Any = FrozenMapping({"a": 1})
    with pytest.raises(TypeError):
        mapping["a"] = 2
    with pytest.raises(TypeError):
        del mapping["a"]
    with pytest.raises(AttributeError):
        mapping.other = 2


def test_mapping_is_hashed_where_its_values_are() -> None:
    assert hash(FrozenMapping({"a": 1, "b": 2})) == hash(FrozenMapping({"b": 2, "a": 1}))
    with pytest.raises(TypeError):
        hash(FrozenMapping({"a": []}))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_mapping_pickles(protocol: int) -> None:
    mapping = FrozenMapping({"a": (1, 2)})
    again = pickle.loads(pickle.dumps(mapping, protocol))
    assert type(again) is FrozenMapping
    assert again == mapping
    assert list(again) == list(mapping)


def test_deep_copy_shares_nothing_that_can_change() -> None:
    mapping = FrozenMapping({"a": [1]})
    deep = copy.deepcopy(mapping)
    mapping["a"].append(2)
    assert deep == {"a": [1]}


def test_read_only_array_is_the_array_itself() -> None:
    array = np.zeros(3)
    assert read_only(array) is array
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1
