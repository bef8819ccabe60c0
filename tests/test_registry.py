"""Registries answer by type or by name, say what they lack, and grow from outside."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from neurodeploy.errors import DataError, ModelError, OptionError
from neurodeploy.registry import TABLES, ByName, ByType


class Base: ...


class One(Base): ...


class Two(Base): ...


@pytest.fixture
def table() -> Iterator[ByType[str]]:
    made = ByType("colour", Base, {One: "red"})
    yield made
    TABLES.remove(made)


def test_a_table_goes_by_the_exact_type(table: ByType[str]) -> None:
    class Narrower(One): ...

    assert table.of(One()) == "red"
    with pytest.raises(TypeError, match=r"^no colour for Narrower$"):
        table.of(Narrower())


def test_a_table_says_what_it_lacks_in_its_own_words() -> None:
    table = ByType("colour", Base, {One: "red"}, "{name} is colourless; paint it", without=(Two,))
    TABLES.remove(table)
    assert table.without == {Two}
    with pytest.raises(ModelError, match=r"^Two is colourless; paint it$"):
        table.of(Two())


def test_a_table_grows_and_shrinks(table: ByType[str]) -> None:
    table.add(Two, "blue")
    assert table.of(Two()) == "blue" and list(table) == [One, Two] and len(table) == 2
    with pytest.raises(ValueError, match="colour of Two is there already"):
        table.add(Two, "green")
    table.remove(Two)
    assert Two not in table


def test_every_table_is_known(table: ByType[str]) -> None:
    assert any(entry is table for entry in TABLES)


def test_a_name_that_is_not_there_names_those_that_are() -> None:
    suites = ByName("suite", {"noise": 1, "overflow": 2})
    assert suites.named("noise") == 1
    with pytest.raises(OptionError, match=r"^suite is 'x', expected one of noise, overflow$"):
        suites.named("x")
    with pytest.raises(OptionError, match="did you mean 'noise'"):
        suites.named("nois")
    with pytest.raises(OptionError, match="suite is None"):
        suites.named(None)


def test_names_grow_in_order_and_raise_the_error_of_their_room() -> None:
    formats = ByName("format", {"a": 1}, DataError)
    formats.add("b", 2)
    assert list(formats) == ["a", "b"] and formats["b"] == 2
    with pytest.raises(ValueError, match="format b is there already"):
        formats.add("b", 3)
    formats.remove("b")
    with pytest.raises(DataError):
        formats.named("b")
