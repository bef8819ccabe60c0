"""The options of reading: the same on every verb that reads a program, named as there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from netx_files import conv, cuba, dense, sdnn, source, write_net

import neurodeploy as nd
from neurodeploy.cli.options import in_place_of, parameter
from neurodeploy.cli.reading import Reading
from neurodeploy.cli.words import spelt
from neurodeploy.converters.formats import reading_options
from neurodeploy.errors import FormatError, OptionError


def test_every_option_of_every_format_has_a_flag_in_inspect_and_convert(cli: Any) -> None:
    for verb in ("inspect", "convert"):
        text = " ".join(cli(verb, "--help")[1].split())
        for flag in (*(o.flag for o in reading_options()), "--read", "--readout", "--window"):
            assert f" {flag} " in text


def test_options_act_as_in_python(files: Path, cli: Any) -> None:
    first = source(6, neuron=sdnn())
    write_net(files / "n.net", first, dense(4, 6, neuron=sdnn()))
    for flags, options in (
        ("--spike-exp 4", {"spike_exp": 4}),
        ("--read spike_exp=4", {"spike_exp": 4}),
        ("--read spike-exp=4 --num-layers 1", {"spike_exp": 4, "num_layers": 1}),
        ("--input-message-bits 8", {"input_message_bits": 8}),
    ):
        expected = nd.load(files / "n.net", **options)
        code, _, err = cli("convert", "n.net", "n.h5", *flags.split())
        assert (code, err) == (0, "")
        assert nd.load(files / "n.h5") == expected
        assert expected != nd.load(files / "n.net")


def test_readout_is_replaced(files: Path, cli: Any, program: nd.Program) -> None:
    cli("convert", "p.h5", "q.h5", "--readout", "hidden:v", "--window", "3", "--pool", "5")
    assert nd.load(files / "q.h5").readout == nd.Readout("hidden", "v", 3, pool=5)
    cli("convert", "q.h5", "r.h5", "--window", "0")
    assert nd.load(files / "r.h5").readout == nd.Readout("hidden", "v", 0, pool=5)
    cli("convert", "q.h5", "r.h5", "--readout", "out:u")
    assert nd.load(files / "r.h5").readout == nd.Readout("out", "u", 3)


BAD = {
    "--spike-exp four": "--spike-exp is 'four', expected a whole number",
    "--read spike_exp=four": "--read spike_exp is 'four', expected a whole number",
    "--read spike_exp": (
        "--read is 'spike_exp', expected KEY=VALUE with a key of num_layers, skip_layers, "
        "input_drive, input_shape, input_message_bits, spike_exp, "
        "dt, rule, synapse, reset"
    ),
    "--read colour=red": (
        "--read is 'colour=red', expected KEY=VALUE with a key of num_layers, skip_layers, "
        "input_drive, input_shape, input_message_bits, spike_exp, "
        "dt, rule, synapse, reset"
    ),
    "--input-drive up": (
        "p.h5: --input-drive is 'up', which is for NetX files; this is a program container"
    ),
    "--readout out": "--readout is 'out', expected NAME:VARIABLE such as out:s",
    "--readout :v": "--readout is ':v', expected NAME:VARIABLE such as out:s",
    "--readout in:v": "--readout: no population 'in', there are hidden, out",
    "--readout out:w": "--readout: variable is 'w', population out has s, u, v",
    "--window -1": "--window is -1, allowed are 0 to 2147483647",
    "--window x": "--window: 'x' is not a whole number",
    "--pool 2": "--pool is 2, which does not divide the 3 neurons of out",
}


@pytest.mark.parametrize("flags", BAD)
def test_wrong_option_is_one_line(files: Path, cli: Any, flags: str) -> None:
    code, out, err = cli("inspect", "p.h5", *flags.split())
    assert (code, out, err) == (2, "", f"neurodeploy inspect: {BAD[flags]}\n")


def test_messages_name_the_option_of_the_command_line(files: Path, cli: Any) -> None:
    write_net(files / "n.net", dense(4, 6))
    _, _, err = cli("inspect", "n.net", "--skip-layers", "3")
    assert err == ("neurodeploy inspect: n.net: --skip-layers is 3, the file gives 1 layers\n")
    assert spelt("num_layers.net: num_layers is 9", reading_options()) == (
        "num_layers.net: --num-layers is 9"
    )


def test_warnings_and_ways_out_are_in_the_words_of_the_command_line(files: Path, cli: Any) -> None:
    write_net(files / "n.net", conv((2, 3, 3), 1))
    assert cli("inspect", "n.net")[2].endswith(
        "give its width, height and channels as --input-shape\n"
    )
    assert cli("inspect", "n.net", "--input-shape", "5,5,1")[0] == 0
    write_net(files / "n.net", dense(4, 6, weight=np.full((4, 6), -64), neuron=cuba()))
    code, _, err = cli("convert", "n.net", "o.net")
    assert code == 2
    assert err.splitlines()[-1].endswith("--repair nearest changes as little as will do")
    write_net(files / "n.net", dense(4, 6, bias=np.full(4, 3.0)))
    code, _, err = cli("convert", "n.net", "o.h5")
    assert code == 0
    assert err.startswith("warning: n.net: 1 finding: population layer0: has a bias and the net")
    assert "give --reset-interval" in err


def test_a_reading_is_a_value(program: nd.Program, files: Path) -> None:
    assert Reading().program(files / "p.h5") == program
    assert Reading(window=2) == Reading(window=2)
    with pytest.raises(OptionError, match=r"p\.h5: --num-layers is 1, which is for NetX"):
        Reading({"num_layers": "1"}).program(files / "p.h5")
    np.save(files / "x.npy", np.zeros(3))
    with pytest.raises(FormatError, match=r"x\.npy: is not an HDF5 file but an \.npy array"):
        Reading().program(files / "x.npy")


def test_a_verb_keeps_its_own_parameters() -> None:
    """The keyword is gone, the options stand in its place, the call is the same."""

    def verb(a: int, *, both: tuple[int, int]) -> tuple[int, tuple[int, int]]:
        return a, both

    made = in_place_of(
        "both",
        [parameter(name, int, "", "N", "") for name in ("low", "high")],
        lambda values: (values["low"], values["high"]),
    )(verb)
    assert made(a=1, low=2, high=3) == (1, (2, 3))
