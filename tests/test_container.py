"""program.h5: round trip, versions, and every way a file can be wrong."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import h5py
import numpy as np
import pytest
from generate import random_program
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodeploy import container, hdf5
from neurodeploy.errors import ExportError, FormatError, NeurodeployError
from neurodeploy.neuron import CubaLif, HomeostaticLif, Integrator
from neurodeploy.program import Connection, Input, Population, Program, Readout
from neurodeploy.record import Role
from neurodeploy.synapse import Conv2d, Dense


def small() -> Program:
    """Two layers: a convolution, then a dense layer with delays and feedback."""
    weight = np.arange(-9, 9).reshape(2, 1, 3, 3)
    return Program(
        inputs=(Input("x", (1, 4, 4), 8),),
        populations=(
            Population(
                "maps", (2, 2, 2), CubaLif(100, 200, 30, bias=np.arange(8).reshape(2, 2, 2))
            ),
            Population("out", (3,), CubaLif(4096, 0, 64, reset="none", gain=[64, 32])),
        ),
        connections=(
            Connection("x", "maps", Conv2d(weight)),
            Connection("maps", "out", Dense(np.ones((3, 8), int), delay=np.ones((3, 1), int))),
            Connection("out", "out", Dense(np.eye(3, dtype=int)), feedback=True, group="rec"),
        ),
        readout=Readout("out", "v", 2),
        metadata={"seed": 7, "scale": 0.1, "encoder": "rate", "exact": True, "long": "x" * 100_000},
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A good file."""
    container.write(small(), tmp_path / "program.h5")
    return tmp_path / "program.h5"


@given(st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_write_then_read_is_the_identity(tmp_path_factory: Any, seed: int) -> None:
    program = random_program(np.random.default_rng(seed), extreme=seed % 2 == 0)
    path = tmp_path_factory.mktemp("round") / "program.h5"
    container.write(program, path)
    again = container.read(path)
    assert again == program
    assert again.metadata == program.metadata
    assert again.names == program.names


def test_metadata_keeps_values_and_types(path: Path) -> None:
    metadata = container.read(path).metadata
    assert metadata == small().metadata
    assert [type(metadata[key]) for key in ("seed", "scale", "exact")] == [int, float, bool]


def test_homeostatic_neuron_is_kept(tmp_path: Path) -> None:
    neuron = HomeostaticLif(1, 2, 3, theta=4, signature=np.arange(10).reshape(2, 5), low=-8)
    program = Program(
        (Input("x", (2,)),),
        (Population("p", (5,), neuron),),
        (Connection("x", "p", Dense(np.ones((5, 2), int))),),
        Readout("p"),
    )
    container.write(program, tmp_path / "p.h5")
    assert container.read(tmp_path / "p.h5") == program


def test_same_program_gives_the_same_bytes(tmp_path: Path) -> None:
    container.write(small(), tmp_path / "a")
    container.write(small(), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_file_is_known_by_content(path: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "program.net"
    path.rename(renamed)
    (tmp_path / "text").write_text("hello")
    (tmp_path / "empty").touch()
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file.attrs["format"] = "something else"
    assert container.is_container(renamed)
    assert not any(
        container.is_container(tmp_path / name) for name in ("text", "empty", "other.h5")
    )
    with pytest.raises(FileNotFoundError):
        container.is_container(tmp_path / "absent")


STORED = Path(__file__).parent / "stored"
"""Files written by the first release, and in index.json the digests that it gave them."""
DIGESTS: dict[str, str] = json.loads((STORED / "index.json").read_text())


@pytest.mark.parametrize("name", DIGESTS)
def test_files_of_the_first_release_keep_their_digests(name: str, tmp_path: Path) -> None:
    program = container.read(STORED / f"{name}.h5")
    assert program.digest == DIGESTS[name]
    container.write(program, tmp_path / "again.h5")
    assert container.read(tmp_path / "again.h5") == program


def test_stored_files_hold_every_kind_of_record() -> None:
    programs = [container.read(STORED / f"{name}.h5") for name in DIGESTS]
    neurons = {type(p.neuron).__name__ for program in programs for p in program.populations}
    synapses = {type(c.synapse).__name__ for program in programs for c in program.connections}
    assert neurons == set(container.RECORDS["neuron"])
    assert synapses == set(container.RECORDS["synapse"])


GROWN: dict[str, Callable[[Program], tuple[object, object]]] = {
    "populations/0/neuron/initial": lambda p: (p.populations[0].neuron.initial, [[[5]], [[-3]]]),
    "populations/1/neuron/initial": lambda p: (p.populations[1].neuron.initial, 7),
    "readout/pool": lambda p: (p.readout.pool, 3),
}


def grown() -> Program:
    """`small` with every field that a record gained later, none at its default."""
    first, last = small().populations
    return dataclasses.replace(
        small(),
        populations=(
            dataclasses.replace(
                first, neuron=dataclasses.replace(first.neuron, initial=[[[5]], [[-3]]])
            ),
            dataclasses.replace(last, neuron=dataclasses.replace(last.neuron, initial=7)),
        ),
        readout=Readout("out", "v", 2, pool=3),
    )


def test_grown_fields_are_kept(tmp_path: Path) -> None:
    container.write(grown(), tmp_path / "p.h5")
    again = container.read(tmp_path / "p.h5")
    assert again == grown() != small()
    for get in GROWN.values():
        np.testing.assert_array_equal(*get(again))


@pytest.mark.parametrize("neuron", [HomeostaticLif, Integrator])
def test_initial_of_every_cuba_neuron_is_kept(tmp_path: Path, neuron: type[Any]) -> None:
    fields = {"current_decay": 1, "voltage_decay": 2, "initial": [1, -2, 3]}
    if neuron is HomeostaticLif:
        fields |= {"threshold": 3, "theta": 4, "signature": np.ones((2, 3), int)}
    program = Program(
        (Input("x", (2,)),),
        (Population("p", (3,), neuron(**fields)),),
        (Connection("x", "p", Dense(np.ones((3, 2), int))),),
        Readout("p", "v"),
    )
    container.write(program, tmp_path / "p.h5")
    again = container.read(tmp_path / "p.h5")
    assert again == program
    np.testing.assert_array_equal(again.populations[0].neuron.initial, [1, -2, 3])


def names_in(path: Path) -> set[str]:
    """Return the paths of all datasets and attributes of a file."""
    found = set()
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: found.update({name, *(f"{name}/{a}" for a in item.attrs)})
        )
    return found


def test_grown_fields_at_their_defaults_are_neither_stored_nor_hashed(tmp_path: Path) -> None:
    container.write(small(), tmp_path / "old.h5")
    container.write(grown(), tmp_path / "new.h5")
    assert not GROWN.keys() & names_in(tmp_path / "old.h5")
    assert names_in(tmp_path / "new.h5") - names_in(tmp_path / "old.h5") == GROWN.keys()
    first, last = small().populations
    neuron = dataclasses.replace(first.neuron, initial=np.zeros((2, 2, 2), int))
    plain = dataclasses.replace(
        small(), populations=(dataclasses.replace(first, neuron=neuron), last)
    )
    assert plain.digest == small().digest


@dataclasses.dataclass(frozen=True, eq=False)
class Toy(CubaLif):
    """A neuron with a field of any kind."""

    extra: Any = dataclasses.field(default=None, kw_only=True)

    roles: ClassVar[Mapping[str, Role]] = {**CubaLif.roles, "extra": Role("mode", "", "setting")}


@pytest.fixture
def toy_is_known() -> Iterator[None]:
    container.RECORDS["neuron"].add("Toy", Toy)
    yield
    container.RECORDS["neuron"].remove("Toy")


def with_extra(value: object) -> Program:
    """A program whose neuron has ``value`` in a field."""
    return Program(
        (Input("x", (2,)),),
        (Population("p", (2,), Toy(1, 2, 3, extra=value)),),
        (Connection("x", "p", Dense(np.ones((2, 2), int))),),
        Readout("p"),
    )


KEPT = {
    "text": "ab",
    "flag": True,
    "number": 1,
    "negative": -(2**63),
    "row": (1, 2, 3),
    "int32": np.array([1, 2], np.int32),
    "int8": np.array([1, 2], np.int8),
}


@pytest.mark.parametrize("value", KEPT.values(), ids=KEPT)
@pytest.mark.usefixtures("toy_is_known")
def test_field_of_a_type_that_is_held_comes_back_as_it_was(tmp_path: Path, value: object) -> None:
    container.write(with_extra(value), tmp_path / "p.h5")
    again = container.read(tmp_path / "p.h5")
    assert again == with_extra(value)
    found = again.populations[0].neuron.extra
    assert type(found) is type(value)
    assert getattr(found, "dtype", None) == getattr(value, "dtype", None)


REFUSED = {
    "float": (0.5, "0.5"),
    "whole float": (2.0, "2.0"),
    "infinite": (np.inf, "inf"),
    "numpy float": (np.float64(0.5), repr(np.float64(0.5))),
    "numpy integer": (np.int64(3), repr(np.int64(3))),
    "row of floats": ((1, 0.5), "(1, 0.5)"),
    "row of flags": ((True, False), "(True, False)"),
    "row of texts": (("a", "b"), "('a', 'b')"),
    "empty row": ((), "()"),
    "list": ([1, 2], "[1, 2]"),
    "mapping": ({"a": 1}, "{'a': 1}"),
    "empty text": ("", "''"),
    "text with a zero": ("a\0b", r"'a\x00b'"),
    "wide number": (2**63, "9223372036854775808"),
    "array of floats": (np.ones(2), "an array of float64"),
    "array of int64": (np.ones(2, np.int64), "an array of int64"),
    "array of uint8": (np.ones(2, np.uint8), "an array of uint8"),
    "array of flags": (np.ones(2, bool), "an array of bool"),
}


@pytest.mark.parametrize(("value", "text"), REFUSED.values(), ids=REFUSED)
@pytest.mark.usefixtures("toy_is_known")
def test_field_of_another_type_is_refused_and_nothing_is_written(
    tmp_path: Path, value: object, text: str
) -> None:
    """A float used to be cut to an integer without a word."""
    with pytest.raises(ExportError) as error:
        container.write(with_extra(value), tmp_path / "p.h5")
    assert str(error.value) == (
        f"populations/0/neuron/extra: is {text}, a program file holds {container.HELD}"
    )
    assert list(tmp_path.iterdir()) == []


def test_record_that_no_file_may_hold_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ExportError) as error:
        container.write(with_extra(1), tmp_path / "p.h5")
    assert str(error.value) == (
        f"populations/0/neuron: is a Toy, a program file holds {NEURONS}; "
        "add it to neurodeploy.container.RECORDS['neuron']"
    )
    assert list(tmp_path.iterdir()) == []


# Files that are wrong


def text(value: str) -> np.bytes_:
    return np.bytes_(value.encode())


def soft_link(file: Any) -> None:
    file["aside"] = file["readout"]
    del file["readout"]
    file["readout"] = h5py.SoftLink("/aside")


def external_link(file: Any) -> None:
    del file["readout"]
    file["readout"] = h5py.ExternalLink("/etc/hostname", "/readout")


def external_storage(file: Any) -> None:
    del file["metadata"]
    file.create_dataset("metadata", (8,), "u1", external=[("/etc/hostname", 0, 8)])


def virtual_storage(file: Any) -> None:
    del file["metadata"]
    layout = h5py.VirtualLayout((8,), "u1")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", (8,))
    file.create_virtual_dataset("metadata", layout)


def replace(name: str, **options: Any) -> Callable[[Any], None]:
    """Return a change that puts a dataset made from ``options`` in the place of ``name``."""

    def change(file: Any) -> None:
        del file[name]
        file.create_dataset(name, **options)

    return change


def set_attribute(name: str, attribute: str, value: Any) -> Callable[[Any], None]:
    def change(file: Any) -> None:
        file[name].attrs[attribute] = value

    return change


def drop_attribute(name: str, attribute: str) -> Callable[[Any], None]:
    def change(file: Any) -> None:
        del file[name].attrs[attribute]

    return change


def delete(name: str) -> Callable[[Any], None]:
    def change(file: Any) -> None:
        del file[name]

    return change


def number_for_array(file: Any) -> None:
    del file[THRESHOLD]
    file["populations/0/neuron"].attrs["threshold"] = 30


def flag_for_array(file: Any) -> None:
    del file[THRESHOLD]
    file["populations/0/neuron"].attrs["threshold"] = True


def loop(file: Any) -> None:
    file["populations/0/neuron/neuron"] = file["populations/0"]


def named_type(file: Any) -> None:
    del file["readout"]
    file["readout"] = np.dtype("i4")


WEIGHT = "connections/0/synapse/weight"
DELAY = "connections/1/synapse/delay"
THRESHOLD = "populations/0/neuron/threshold"
FOREIGN = "is HDF5 without the attribute format = 'neurodeploy-program'"
NO_ARRAY = "expected an array of integers"
NO_VALUE = "expected text or whole numbers"
NAMES = "expected letters, digits, '_', '-' or '.', at most 100"
NEURONS = (
    "CubaLif, HomeostaticLif, Integrator, Delta, SigmaDelta, Sigma, ResonateFire, ResonateFireIz"
)
Change = Callable[[Any], object]


def json_bytes(value: bytes) -> Change:
    return replace("metadata", data=np.frombuffer(value, np.uint8))


BAD_HEADERS: dict[str, tuple[Change, str]] = {
    "another format": (set_attribute("/", "format", text("other")), FOREIGN),
    "no format": (drop_attribute("/", "format"), FOREIGN),
    "newer": (
        set_attribute("/", "version", 2),
        "version is 2, this release reads up to 1; use a newer neurodeploy",
    ),
    "version 0": (
        set_attribute("/", "version", 0),
        "version is 0, expected a whole number from 1 on",
    ),
    "version true": (
        set_attribute("/", "version", True),
        "version is True, expected a whole number from 1 on",
    ),
    "no version": (
        drop_attribute("/", "version"),
        "version is None, expected a whole number from 1 on",
    ),
    "no digest": (drop_attribute("/", "digest"), "lacks digest"),
}
BAD_GROUPS: dict[str, tuple[Change, str]] = {
    "no readout": (delete("readout"), "lacks readout"),
    "no populations": (delete("populations"), "lacks populations"),
    "a gap": (delete("populations/0"), "populations: holds 1, expected 0 to 0"),
    "an extra group": (
        lambda file: file.create_group("extra"),
        "has extra, which version 1 does not know",
    ),
    "a space": (
        lambda file: file.create_group("a b"),
        "the file: has an item named 'a b', expected letters, digits and '_'",
    ),
    "a new line": (
        lambda file: file.create_group("populations/x\n"),
        r"populations: has an item named 'x\n', expected letters, digits and '_'",
    ),
    "a name twice": (
        lambda file: file.create_group("format"),
        "the file: has format as an attribute and as an object",
    ),
    "array for group": (replace("readout", data=np.zeros(3, int)), "readout: is not a group"),
    "array for list": (replace("inputs", data=np.zeros(3, int)), "inputs: is not a group"),
    "soft link": (soft_link, "readout: is a soft or external link, expected the object itself"),
    "external link": (
        external_link,
        "readout: is a soft or external link, expected the object itself",
    ),
    "named type": (named_type, "readout: is a named type, expected a group or a dataset"),
    "loop": (loop, "populations/0/neuron/neuron: is nested deeper than 3 groups"),
}
BAD_RECORDS: dict[str, tuple[Change, str]] = {
    "unknown": (
        set_attribute("readout", "record", text("Popen")),
        "readout: record is 'Popen', expected Readout",
    ),
    "a number": (
        set_attribute("readout", "record", 3),
        "readout: record is 3, expected Readout",
    ),
    "misplaced": (
        set_attribute("populations/0/neuron", "record", text("Dense")),
        f"populations/0/neuron: record is 'Dense', expected {NEURONS}",
    ),
    "extra field": (
        set_attribute("populations/0", "neuron2", 1),
        "populations/0: has neuron2, which version 1 does not know",
    ),
    "no neuron": (delete("populations/0/neuron"), "populations/0: lacks neuron"),
    "no threshold": (delete(THRESHOLD), "populations/0/neuron: lacks threshold"),
    "terminal codes": (
        set_attribute("inputs/0", "name", text("x\x1b[2J")),
        rf"inputs/0: input name is 'x\x1b[2J', {NAMES}",
    ),
    "name is a number": (
        set_attribute("inputs/0", "name", 7),
        f"inputs/0: input name is 7, {NAMES}",
    ),
    "variable-length text": (
        set_attribute("inputs/0", "name", "abc"),
        f"inputs/0: name has type object, {NO_VALUE}",
    ),
    "shape of floats": (
        set_attribute("inputs/0", "shape", 1.5),
        f"inputs/0: shape has type float64, {NO_VALUE}",
    ),
    "shape with two axes": (
        set_attribute("inputs/0", "shape", np.ones((2, 2), int)),
        f"inputs/0: shape has type int64, {NO_VALUE}",
    ),
    "long shape": (
        set_attribute("inputs/0", "shape", np.ones(513, int)),
        "inputs/0: shape takes 4104 bytes, limit 4096",
    ),
    "huge shape": (
        set_attribute("inputs/0", "shape", [2**20, 2**20, 1]),
        "inputs/0: input x: shape (1048576, 1048576, 1) has 1099511627776 values, limit 268435456",
    ),
    "feedback is a number": (
        set_attribute("connections/0", "feedback", 1),
        "connections/0: connection x->maps: feedback is 1, expected a truth value",
    ),
    "groups is a flag": (
        set_attribute("connections/0/synapse", "groups", True),
        "connections/0/synapse: Conv2d: groups is True, expected a whole number",
    ),
    "threshold is an attribute": (
        number_for_array,
        "populations/0/neuron: threshold is stored as a whole number, expected an array of int32",
    ),
    "threshold is a flag": (
        flag_for_array,
        "populations/0/neuron: threshold is stored as a flag, expected an array of int32",
    ),
    "stride is a number": (
        set_attribute("connections/0/synapse", "stride", 1),
        "connections/0/synapse: stride is stored as a whole number, "
        "expected a row of whole numbers",
    ),
    "variable is a number": (
        set_attribute("readout", "variable", 3),
        "readout: variable is 3, population out has s, u, v",
    ),
    "source unknown": (
        set_attribute("connections/0", "source", text("nobody")),
        "connection nobody->maps: there is no input or population 'nobody'",
    ),
    "another weight": (replace(WEIGHT, data=np.ones((2, 1, 3, 3), np.int32)), "digest is "),
    "another kernel": (
        replace(WEIGHT, data=np.ones((2, 1, 5, 5), np.int32)),
        "connection x->maps: kernel reaches over 5 cells, source (1, 4, 4) with padding (0, 0) "
        "is smaller",
    ),
}
BAD_ARRAYS: dict[str, tuple[Change, str]] = {
    "beyond the range": (
        replace(THRESHOLD, data=2**30),
        "populations/0/neuron: CubaLif: threshold holds 1073741824, "
        "allowed are -33554431 to 33554431",
    ),
    "floats": (
        replace(THRESHOLD, data=1.5),
        f"{THRESHOLD}: has type float64, {NO_ARRAY}",
    ),
    "text": (replace(THRESHOLD, data="text"), f"{THRESHOLD}: has type object, {NO_ARRAY}"),
    "no space": (
        replace(THRESHOLD, data=h5py.Empty("i4")),
        f"{THRESHOLD}: has type int32, {NO_ARRAY}",
    ),
    "compound": (
        replace(THRESHOLD, data=np.zeros(2, [("a", "i4")])),
        f"{THRESHOLD}: has type [('a', '<i4')], {NO_ARRAY}",
    ),
    "references": (
        replace(THRESHOLD, shape=(2,), dtype=h5py.ref_dtype),
        f"{THRESHOLD}: has type object, {NO_ARRAY}",
    ),
    "rows of references": (
        replace(THRESHOLD, shape=(2,), dtype=h5py.vlen_dtype(h5py.ref_dtype)),
        f"{THRESHOLD}: has type object, {NO_ARRAY}",
    ),
    "wide integers": (
        replace(WEIGHT, data=np.ones((2, 1, 3, 3), np.int64)),
        "connections/0/synapse: weight is stored as an array of int64, expected an array of int32",
    ),
    "narrow integers": (
        replace(WEIGHT, data=np.ones((2, 1, 3, 3), np.int8)),
        "connections/0/synapse: weight is stored as an array of int8, expected an array of int32",
    ),
    "delays of int32": (
        replace(DELAY, data=np.ones((3, 1), np.int32)),
        "connections/1/synapse: delay is stored as an array of int32, expected an array of int8",
    ),
    "another shape": (
        replace(THRESHOLD, data=np.zeros(3, np.int32)),
        "populations/0: population maps: threshold has shape (3,), "
        "expected one of (), (2, 1, 1), (2, 2, 2)",
    ),
    "never stored": (
        replace(THRESHOLD, shape=(2**40,), dtype="i4"),
        f"{THRESHOLD}: claims 4398046511104 bytes of which 0 are stored, limit 1100 to one",
    ),
    "huge chunk": (
        replace(THRESHOLD, shape=(1,), maxshape=(None,), chunks=(2**29,), dtype="i4"),
        f"{THRESHOLD}: claims 2147483648 bytes of which 0 are stored, limit 1100 to one",
    ),
    "another filter": (
        replace(THRESHOLD, data=np.zeros(9), dtype="i4", compression="lzf"),
        f"{THRESHOLD}: uses HDF5 filters [32000], allowed are deflate, shuffle, fletcher32",
    ),
    "external storage": (
        external_storage,
        "metadata: keeps its values in another file, expected them in this one",
    ),
    "virtual storage": (
        virtual_storage,
        "metadata: keeps its values in another file, expected them in this one",
    ),
}
BAD_METADATA: dict[str, tuple[Change, str]] = {
    "integers": (
        replace("metadata", data=np.zeros(3, np.int32)),
        "metadata: is not a row of bytes (uint8)",
    ),
    "cut": (json_bytes(b"{"), "metadata: is not valid JSON, Expecting property name"),
    "deep": (json_bytes(b"[" * 100_000), "metadata: is not valid JSON, "),
    "a list": (json_bytes(b"[]"), "metadata: is not a JSON object"),
    "nested": (json_bytes(b'{"a": []}'), "metadata 'a' is [], expected text or a number"),
    "infinite": (json_bytes(b'{"a": 1e999}'), "metadata 'a' is inf, expected a finite number"),
}
BAD_FILES = BAD_HEADERS | BAD_GROUPS | BAD_RECORDS | BAD_ARRAYS | BAD_METADATA


@pytest.mark.parametrize(("change", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_wrong_file_is_one_format_error(path: Path, change: Change, message: str) -> None:
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(FormatError) as error:
        container.read(path)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < len(str(path)) + 400


def test_not_hdf5_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.h5").write_bytes(b"PK\x03\x04 a zip file")
    with pytest.raises(FormatError, match=r"x\.h5: is not an HDF5 file but a damaged zip"):
        container.read(tmp_path / "x.h5")


def test_expanding_file_is_refused_before_memory_is_taken(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hdf5, "MAX_BYTES", 100)
    with pytest.raises(FormatError, match=r"brings the arrays to \d+ bytes, limit 100$"):
        container.read(path)
    monkeypatch.setattr(hdf5, "MAX_ITEMS", 10)
    with pytest.raises(FormatError, match=r"holds 11 groups, arrays and attributes, limit 10$"):
        container.read(path)


def test_every_truncation_is_a_format_error(path: Path) -> None:
    whole = path.read_bytes()
    for length in {*range(0, 200, 7), *np.linspace(200, len(whole) - 1, 60, dtype=int).tolist()}:
        path.write_bytes(whole[:length])
        with pytest.raises(FormatError):
            container.read(path)


def test_flipped_bytes_give_the_program_or_one_error(path: Path) -> None:
    """A flipped byte is detected, or falls where no value is stored."""
    whole, rng, refused = path.read_bytes(), np.random.default_rng(0), 0
    for _ in range(150):
        damaged = bytearray(whole)
        for index in rng.integers(len(whole), size=rng.integers(1, 4)):
            damaged[index] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        try:
            assert container.read(path) == small()
        except NeurodeployError as error:
            assert isinstance(error, FormatError)
            assert "\n" not in str(error)
            refused += 1
    assert refused > 50


# Versions


def test_older_version_goes_through_the_migrations(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version 2 that counts the window from 1 reads the file of version 1."""

    def lengthen(tree: hdf5.Tree) -> hdf5.Tree:
        readout = {**tree["readout"], "window": tree["readout"]["window"] + 1}
        return {**tree, "readout": readout}

    monkeypatch.setattr(container, "VERSION", 2)
    monkeypatch.setattr(container, "MIGRATIONS", {1: lengthen})
    assert container.read(path).readout == Readout("out", "v", 3)


def test_every_older_version_has_a_migration() -> None:
    assert sorted(container.MIGRATIONS) == list(range(1, container.VERSION))


# Writing whole or not at all


FULL_DISK = """
import resource, sys
from neurodeploy import container
program = container.read(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))
try:
    container.write(program, sys.argv[2])
except OSError as error:
    print(error.filename, error.strerror)
"""


@pytest.mark.skipif(os.name == "nt", reason="file size limits need POSIX")
def test_full_disk_leaves_nothing(path: Path) -> None:
    """A limit of 1 KiB a file stands for the full disk; a process of its own bears it."""
    target = path.with_name("copy.h5")
    command = [sys.executable, "-c", FULL_DISK, str(path), str(target)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert answer.stdout == f"{target} File too large\n"
    assert list(path.parent.iterdir()) == [path]


def test_failure_keeps_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left on device"):
        container.write(small(), path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_target_must_be_a_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="is not a regular file and cannot be replaced"):
        container.write(small(), tmp_path)
    with pytest.raises(OSError, match="is not a regular file and cannot be replaced"):
        container.write(small(), "/dev/null")
    with pytest.raises(FileNotFoundError, match=r"absent/program\.h5"):
        container.write(small(), tmp_path / "absent" / "program.h5")


def test_link_keeps_pointing_at_the_file(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    container.write(small(), tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert container.read(tmp_path / "real") == small()


def test_metadata_is_json(path: Path) -> None:
    with h5py.File(path) as file:
        assert json.loads(file["metadata"][()].tobytes()) == dict(small().metadata)
