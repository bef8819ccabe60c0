"""What can surprise in a file: one line on load, all of it in inspect, and the way out."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from netx_files import Layer, conv, cuba, dense, recurrent, sdnn, source, weights, write_net

import neurodeploy as nd
from neurodeploy.cli import app
from neurodeploy.cli.failures import run
from neurodeploy.converters import netx
from neurodeploy.converters.netx.blocks import blocks
from neurodeploy.converters.netx.findings import bound_of_v, findings
from neurodeploy.converters.netx.reader import summed_up
from neurodeploy.errors import NeurodeployWarning
from neurodeploy.neuron import THRESHOLD_MAX


def said(path: Path, **options: Any) -> list[str]:
    """The warnings of loading, without the name of the file."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        netx.read(path, **options)
    return [str(entry.message).removeprefix(f"{path}: ") for entry in caught]


def quiet(path: Path, **options: Any) -> nd.Program:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeurodeployWarning)
        return netx.read(path, **options)


BIAS = np.full(8, 9, "f4")
HAZARDS: dict[str, tuple[list[Layer], str]] = {
    "bias": (
        [dense(8, 6, bias=BIAS), dense(4, 8)],
        "population layer0: has a bias and the network no reset",
    ),
    "delay": (
        [dense(8, 6, delay=np.arange(8), bias=BIAS), dense(4, 8)],
        "population layer0: has delays and the network biases",
    ),
    "threshold": (
        [dense(8, 6, neuron=cuba(vThMant=4480)), dense(4, 8)],
        "population layer0: threshold 4480 is 4096 or more, where lava-dl's slayer",
    ),
    "odd weights": (
        [dense(8, 6, weight=weights(8, 6) * 2 + 1)],
        "population layer0: odd weights of both signs beyond -128 to 127 take 9 bits",
    ),
}


@pytest.mark.parametrize("name", HAZARDS)
def test_what_the_writer_warns_of_is_said_on_reading_and_listed_by_inspect(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layers, expected = HAZARDS[name]
    path = write_net(tmp_path / "x.net", *layers)
    lines = said(path)
    assert len(lines) == 1
    assert re.match(r"\d+ findings?: population ", lines[0])
    assert any(line.startswith(expected) for line in findings(quiet(path)))
    with pytest.warns(NeurodeployWarning) as caught:
        nd.save(quiet(path), tmp_path / "y.net")
    assert any(expected in str(entry.message) for entry in caught)
    assert run(app, ["inspect", str(path), "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    listed = json.loads(out)["findings"]
    assert any(line.startswith(expected) for line in listed)
    assert len(set(listed)) == len(listed)


def test_a_network_without_findings_is_read_without_a_word(tmp_path: Path) -> None:
    assert said(write_net(tmp_path / "x.net", dense(4, 6))) == []


def test_what_is_repeated_in_every_layer_is_one_line_with_a_count(tmp_path: Path) -> None:
    layers = [dense(4, 4, neuron=cuba(refDelay=2 + k)) for k in range(8)]
    lines = said(write_net(tmp_path / "x.net", *layers))
    assert lines == [
        "layer/0/neuron/refDelay and 7 more like it: is 2, which is ignored: Lava has no "
        "refractory period"
    ]
    assert summed_up(["a/1: x", "b/1: y", "a/2: x"]) == ["a/1 and 1 more like it: x", "b/1: y"]


# --- Neurons that never spike --------------------------------------------------------------------


def test_a_last_layer_that_never_spikes_is_said_with_the_way_out(tmp_path: Path) -> None:
    path = write_net(tmp_path / "x.net", dense(8, 6), dense(4, 8, neuron=cuba(vThMant=130000)))
    program = quiet(path)
    assert program.readout == nd.Readout("layer1", "s")
    expected = (
        "population layer1: no neuron ever spikes, v stays below the threshold whatever the "
        "input; v can be read instead (--readout layer1:v, with --window N its last N steps)"
    )
    assert expected in findings(program)
    assert said(path)[-1].startswith(f"2 findings: {expected}")
    spikes = np.ones((1, 400, 6), int)
    assert not np.asarray(nd.simulate(program, spikes)[1].s).any()


def test_some_neurons_that_never_spike_are_counted(tmp_path: Path) -> None:
    threshold = np.array([40, 130000, 40, 130000])
    path = write_net(tmp_path / "x.net", dense(4, 6, neuron=cuba(vThMant=threshold)))
    assert findings(quiet(path))[0].startswith(
        "population layer0: 2 of 4 neurons never spike, v stays below the threshold"
    )


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**16),
    decays=st.tuples(st.integers(1, 4096), st.integers(1, 4096)),
    bias=st.integers(-50, 50),
    kind=st.sampled_from(["dense", "recurrent", "conv"]),
)
def test_the_bound_of_v_holds(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    decays: tuple[int, int],
    bias: int,
    kind: str,
) -> None:
    """No input, however lively, lifts v above it."""
    rng = np.random.default_rng(seed)
    neuron = cuba(iDecay=decays[0], vDecay=decays[1], vThMant=int(rng.integers(1, 400)))
    if kind == "conv":
        layers = [source(2, 5, 4), conv((3, 3, 2), 2, neuron=neuron, bias=np.full(3, bias))]
    else:
        make = dense if kind == "dense" else recurrent
        layers = [source(6), make(4, 6, neuron=neuron, bias=np.full(4, bias))]
    program = quiet(write_net(tmp_path_factory.mktemp("v") / "x.net", *layers))
    bound = bound_of_v(blocks(program)[0])
    x = (rng.random((3, 60, *program.inputs[0].shape)) < 0.8).astype(int)
    v = np.asarray(nd.simulate(program, x, record=("v",), engine="reference")[0].v)
    if bound is None:
        assert min(decays) < 100 or kind == "recurrent"
    else:
        assert np.all(v <= bound)


def test_binary_input_of_neurons_made_for_values_is_doubted(tmp_path: Path) -> None:
    doubt = "give input_message_bits if the values count"
    for name, layer in {
        "high": dense(4, 6, neuron=cuba(vThMant=100000)),
        "sums": dense(4, 6, neuron=sdnn()),
    }.items():
        path = write_net(tmp_path / f"{name}.net", layer)
        assert any(line.endswith(doubt) for line in findings(quiet(path)))
        assert not any(doubt in line for line in findings(quiet(path, input_message_bits=8)))
    path = write_net(tmp_path / "plain.net", dense(4, 6))
    assert not any(doubt in line for line in findings(quiet(path)))


# --- Thresholds of any width ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [np.int32(2**30), np.int64(2**25), np.int64(2**40), np.uint64(2**63), np.uint32(2**31)],
    ids=str,
)
def test_a_threshold_beyond_all_v_is_read_and_never_reached(value: Any, tmp_path: Path) -> None:
    path = write_net(tmp_path / "x.net", source(6), dense(4, 6, neuron=cuba(vThMant=value)))
    program = quiet(path)
    assert program.populations[0].neuron.threshold == THRESHOLD_MAX
    assert program.readout == nd.Readout("layer0", "v")
    assert f"layer/1/neuron/vThMant: holds {value}, kept as {THRESHOLD_MAX}, which is the " in str(
        said(path)
    )
    assert any("never spike since v stays below 131072" in line for line in said(path))


@pytest.mark.parametrize("threshold", [2**17, 2**18, 2**25 - 1, -(2**17), -(2**25) + 1])
def test_thresholds_beyond_v_are_all_the_same(threshold: int) -> None:
    """v lies within +-(2^23 - 1): from 2^17 on no threshold is passed, from -2^17 down any is."""

    def spikes(value: int) -> Any:
        neuron = nd.CubaLif(0, 0, value, bias=30000)
        program = nd.Program(
            (nd.Input("x", (2,)),),
            (nd.Population("p", (2,), neuron),),
            (nd.Connection("x", "p", nd.Dense([[254, 254], [-256, -256]])),),
            nd.Readout("p"),
        )
        x = np.ones((300, 2), int)
        return np.asarray(nd.simulate(program, x, engine="reference")[0].s)

    extreme = THRESHOLD_MAX if threshold > 0 else -THRESHOLD_MAX
    assert np.array_equal(spikes(threshold), spikes(extreme))
    assert spikes(extreme).all() == (threshold < 0)


def test_thresholds_in_an_array_are_shifted_within_their_type(tmp_path: Path) -> None:
    values = np.array([2**40, 50, -(2**40), 2**62], np.int64)
    path = write_net(tmp_path / "x.net", dense(4, 6, neuron=cuba(vThMant=values)))
    found = quiet(path).populations[0].neuron.threshold
    assert found.tolist() == [THRESHOLD_MAX, 50, -THRESHOLD_MAX, 0]


@pytest.mark.parametrize("value", [0, 1, np.array([0, 1])])
def test_ref_delay_of_no_or_one_step_is_silent(value: Any, tmp_path: Path) -> None:
    assert said(write_net(tmp_path / "x.net", dense(2, 6, neuron=cuba(refDelay=value)))) == []
