"""The registry of formats: a toy format, added from outside, is read, written and offered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import neurodeploy as nd
from neurodeploy.cli import app
from neurodeploy.cli.failures import run
from neurodeploy.converters import formats
from neurodeploy.converters.formats import FORMATS, Format
from neurodeploy.converters.option import sizes, whole_number, word
from neurodeploy.errors import ExportError, FormatError, OptionError


def program() -> nd.Program:
    return nd.Program(
        (nd.Input("input", (6,)),),
        (nd.Population("layer0", (4,), nd.CubaLif(4096, 128, 40)),),
        (nd.Connection("input", "layer0", nd.Dense([[4, -2, 8, 6, 0, 2]] * 4)),),
        nd.Readout("layer0"),
    )


def is_toy(path: Path) -> bool:
    return path.read_bytes().startswith(b'{"toy"')


def read_toy(path: Path, threshold: int = 40) -> nd.Program:
    content = json.loads(path.read_text())
    return nd.Program(
        (nd.Input("input", (content["toy"],)),),
        (nd.Population("layer0", (1,), nd.CubaLif(4096, 128, threshold)),),
        (nd.Connection("input", "layer0", nd.Dense([[1] * content["toy"]])),),
        nd.Readout("layer0"),
    )


def write_toy(network: nd.Program, path: Path) -> None:
    path.write_text(json.dumps({"toy": network.inputs[0].size}))


@pytest.fixture
def toy() -> Iterator[Format]:
    option = whole_number("threshold", "N", "Threshold of all neurons.")
    form = Format("toy file", (".toy",), is_toy, read_toy, write_toy, reading=(option,))
    FORMATS.add("toy", form)
    yield form
    FORMATS.remove("toy")


@pytest.mark.usefixtures("toy")
def test_a_format_from_outside_is_known_by_content_and_by_suffix(tmp_path: Path) -> None:
    assert nd.save(program(), tmp_path / "x.toy") is None
    (tmp_path / "x.toy").rename(tmp_path / "x")
    assert nd.load(tmp_path / "x").inputs[0].size == 6
    assert nd.load(tmp_path / "x", threshold=7).populations[0].neuron == nd.CubaLif(4096, 128, 7)
    with pytest.raises(ExportError, match=r"ends in '\.x', expected \.net, \.h5, \.nir or \.toy$"):
        nd.save(program(), tmp_path / "x.x")


@pytest.mark.usefixtures("toy")
def test_a_format_from_outside_is_there_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    nd.save(program(), "a.h5")
    for words in (
        "convert a.h5 b.toy",
        "convert a.h5 c --to toy",
        "convert c d.h5 --from toy --read threshold=9",
        "inspect b.toy",
    ):
        assert run(app, words.split()) == 0, capsys.readouterr().err
    assert nd.load("d.h5").populations[0].neuron == nd.CubaLif(4096, 128, 9)
    assert run(app, ["inspect", "a.h5", "--read", "threshold=9"]) == 2
    expected = "a.h5: --threshold is 9, which is for toy files; this is a program container\n"
    assert capsys.readouterr().err.endswith(expected)


@pytest.mark.usefixtures("toy")
def test_an_option_of_another_format_is_refused(tmp_path: Path) -> None:
    write_toy(program(), tmp_path / "x.toy")
    with pytest.raises(OptionError, match="num_layers is 1, which is for NetX files; this is a t"):
        nd.load(tmp_path / "x.toy", num_layers=1)
    with pytest.raises(OptionError, match=r"no option 'treshold', did you mean 'threshold'\?"):
        nd.load(tmp_path / "x.toy", treshold=1)


def test_a_format_may_be_read_only(toy: Format, tmp_path: Path) -> None:
    FORMATS.remove("toy")
    FORMATS.add("toy", Format(toy.title, toy.suffixes, toy.sniff, toy.read))
    with pytest.raises(
        ExportError, match=r"a toy file is read only, expected \.net, \.h5 or \.nir$"
    ):
        nd.save(program(), tmp_path / "x", form="toy")
    with pytest.raises(ExportError, match=r"ends in '\.toy', expected \.net, \.h5 or \.nir$"):
        nd.save(program(), tmp_path / "x.toy")


def test_a_format_is_named_or_known_by_content(tmp_path: Path) -> None:
    nd.save(program(), tmp_path / "x.net")
    nd.save(program(), tmp_path / "x.h5")
    assert formats.sniff(tmp_path / "x.net") is FORMATS["netx"]
    assert formats.sniff(tmp_path / "x.h5") is FORMATS["program"]
    assert nd.load(tmp_path / "x.h5", form="program") == program()
    with pytest.raises(FormatError, match="has no group 'layer'"):
        nd.load(tmp_path / "x.h5", form="netx")
    with pytest.raises(
        OptionError,
        match=r"format is 'nir5', expected one of netx, program, nir; did you mean 'nir'",
    ):
        nd.load(tmp_path / "x.h5", form="nir5")


OPTIONS: list[tuple[Any, str, object]] = [
    (whole_number("n", "N", ""), "12", 12),
    (whole_number("n", "N", ""), "-3", -3),
    (word("n", "a|b", ""), "a", "a"),
    (sizes("n", "W,H", "", "2,3"), "7,8", (7, 8)),
    (sizes("n", "W,H", "", "2,3"), "7", (7,)),
]


@pytest.mark.parametrize(("option", "text", "value"), OPTIONS)
def test_values_are_read_from_text(option: Any, text: str, value: object) -> None:
    assert option.parsed(text, "--n") == value


def test_a_text_that_is_no_value_names_the_option_as_spelt() -> None:
    with pytest.raises(OptionError, match=r"^--shape is '2x3', expected N or W,H such as 2,3$"):
        sizes("shape", "W,H", "", "2,3").parsed("2x3", "--shape")
    assert whole_number("spike_exp", "N", "").flag == "--spike-exp"
