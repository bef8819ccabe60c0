"""What NetX cannot say stands beside it in the file, and comes back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.converters import netx
from neurodeploy.converters.netx.remarks import GROUP
from neurodeploy.errors import NeurodeployWarning

pytestmark = pytest.mark.filterwarnings("ignore:.*NetX cannot")


def graded(**metadata: Any) -> nd.Program:
    """Values of 8 bits into two layers, read by the v of the first one's last steps."""
    lif = nd.CubaLif(1024, 512, 40)
    return nd.Program(
        (nd.Input("input", (4,), 8),),
        (nd.Population("layer0", (6,), lif), nd.Population("layer1", (4,), lif)),
        (
            nd.Connection("input", "layer0", nd.Dense(2 * np.arange(24).reshape(6, 4) - 20)),
            nd.Connection("layer0", "layer1", nd.Dense(2 * np.arange(24).reshape(4, 6) - 18)),
        ),
        nd.Readout("layer0", "v", 5, pool=3),
        metadata,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.net"


def edit(path: Path, **values: Any) -> None:
    """Change datasets of the group; None takes one out."""
    with h5py.File(path, "r+") as file:
        for name, value in values.items():
            if name in file[GROUP]:
                del file[GROUP][name]
            if value is not None:
                file[GROUP][name] = value


def test_bits_readout_and_metadata_come_back(path: Path) -> None:
    program = graded(encoder="rate", seed=7, peak=15.5, note="Grüße")
    written = netx.write(program, path)
    loaded = netx.read(path)
    assert loaded == program
    assert written.digest == program.digest == loaded.digest
    kept = {key: loaded.metadata[key] for key in ("encoder", "seed", "peak", "note")}
    assert kept == dict(program.metadata)


def test_verify_sees_the_data_that_the_program_was_made_for(path: Path) -> None:
    """The same values give the same spikes before and after the export."""
    program = graded()
    netx.write(program, path)
    x = np.random.default_rng(0).integers(0, 200, (3, 9, 4))
    before, after = (nd.simulate(p, x, record=("s", "v")) for p in (program, netx.read(path)))
    assert all(np.array_equal(before.flat()[name], after.flat()[name]) for name in before.flat())


@pytest.mark.parametrize(
    ("options", "bits"), [({}, 8), ({"input_message_bits": 0}, 0), ({"input_message_bits": 3}, 3)]
)
def test_what_the_caller_says_comes_first(options: dict[str, Any], bits: int, path: Path) -> None:
    netx.write(graded(), path)
    assert netx.read(path, **options).inputs[0].message_bits == bits


def test_a_file_without_remarks_reads_as_netx_does(path: Path) -> None:
    netx.write(graded(seed=7), path)
    with h5py.File(path, "r+") as file:
        del file[GROUP]
    loaded = netx.read(path)
    assert loaded.inputs[0].message_bits == 0
    assert loaded.readout == nd.Readout("layer1", "s")
    assert "seed" not in loaded.metadata


def test_spike_exp_and_the_port_of_the_input_come_back(path: Path) -> None:
    program = nd.Program(
        (nd.Input("input", (4,)),),
        (nd.Population("layer0", (4,), nd.Delta(3, spike_exp=4)),),
        (nd.Connection("input", "layer0", nd.Direct()),),
        nd.Readout("layer0"),
    )
    netx.write(program, path)
    assert netx.read(path) == program
    assert netx.read(path, spike_exp=5).populations[0].neuron.spike_exp == 5
    lif = nd.CubaLif(4096, 512, 40)
    driven = replace(
        program,
        populations=(nd.Population("layer0", (4,), lif),),
        connections=(nd.Connection("input", "layer0", nd.Direct(), port="bias"),),
    )
    netx.write(driven, path)
    assert netx.read(path) == driven
    assert netx.read(path, input_drive="current").connections[0].port == "a"


def test_parts_of_a_file_keep_what_is_true_of_them(path: Path) -> None:
    netx.write(graded(seed=7), path)
    first = netx.read(path, num_layers=2)
    assert first.inputs[0].message_bits == 8
    assert first.readout == nd.Readout("layer0", "s")
    assert "seed" not in first.metadata
    with pytest.warns(NeurodeployWarning, match="the input shape"):
        assert netx.read(path, skip_layers=2).inputs[0].message_bits == 0


NONSENSE: dict[str, dict[str, Any]] = {
    "bits": {"message_bits": 99},
    "bits as text": {"message_bits": "eight"},
    "negative bits": {"message_bits": -1},
    "many bits": {"message_bits": np.arange(3)},
    "null": {"message_bits": h5py.Empty("i8")},
    "exponent": {"spike_exp": 1000},
    "drive": {"input_drive": "up"},
    "population": {"readout_population": 9},
    "variable": {"readout_variable": "w"},
    "pool": {"readout_pool": 4},
    "negative pool": {"readout_pool": -2},
    "window": {"readout_window": -3},
    "huge window": {"readout_window": 2**40},
    "text": {"metadata": np.frombuffer(b"not json", np.uint8)},
    "list": {"metadata": np.frombuffer(b"[1, 2]", np.uint8)},
    "deep": {"metadata": np.frombuffer(b"[" * 100_000, np.uint8)},
    "not UTF-8": {"metadata": np.frombuffer(b"\xff\xfe", np.uint8)},
    "values": {"metadata": np.frombuffer(b'{"a": [1], "b": null, "c": NaN}', np.uint8)},
    "other type": {"metadata": np.arange(3)},
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_passed_over(name: str, path: Path) -> None:
    netx.write(graded(seed=7), path)
    edit(path, **NONSENSE[name])
    loaded = netx.read(path)
    assert [c.synapse for c in loaded.connections] == [c.synapse for c in graded().connections]
    key = next(iter(NONSENSE[name]))
    assert (loaded.inputs[0].message_bits == 8) != (key == "message_bits")
    assert (loaded.readout == graded().readout) != key.startswith("readout")
    assert ("seed" in loaded.metadata) != (key == "metadata")
    assert not {"a", "b", "c"} & set(loaded.metadata)


def test_a_group_that_is_no_group_is_passed_over(path: Path) -> None:
    netx.write(graded(), path)
    with h5py.File(path, "r+") as file:
        del file[GROUP]
        file[GROUP] = 8
    assert netx.read(path).inputs[0].message_bits == 0


def test_digest_of_convert_is_that_of_the_file(path: Path) -> None:
    """Names are lost, so that the file's digest is not the Program's."""
    program = graded()
    named = replace(
        program,
        inputs=(nd.Input("x", (4,), 8),),
        connections=(replace(program.connections[0], source="x"), program.connections[1]),
    )
    written = netx.write(named, path)
    assert written.digest == netx.read(path).digest != named.digest
    assert written.digest in written.script.read_text()


def test_what_lava_must_be_told_is_still_said(path: Path) -> None:
    with pytest.warns(NeurodeployWarning, match="NetX cannot carry message_bits 8: give Lava"):
        netx.write(graded(), path)
