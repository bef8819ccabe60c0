"""The networks that lava-dl ships load, and its records are met exactly.

Records are in (W, H, C, steps) or (N, steps) order; `rows` turns them into (steps, C, H, W).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from netx_files import LAVA_DL, Array, needs_lava_dl

import neurodeploy as nd
from neurodeploy.converters import netx
from neurodeploy.errors import NeurodeployWarning
from neurodeploy.program import with_readout

pytestmark = needs_lava_dl
RUN: dict[str, Any] = {"engine": "native", "timing": "pipelined", "weights": "lava"}


def record(name: str) -> Array:
    return np.asarray(np.load(LAVA_DL / "gts" / f"{name}.npy"))


def rows(array: Array) -> Array:
    return array.transpose(3, 2, 1, 0) if array.ndim == 4 else array.T


def mismatches(found: Array, expected: Array) -> int:
    assert found.shape == expected.shape
    return int(np.count_nonzero(found != expected))


@pytest.mark.parametrize(
    ("name", "neurons"),
    [
        ("mnist.net", [784, 512, 512, 10]),
        ("tiny.net", [768, 864, 36]),
        ("gts/ntidigits/ntidigits.net", [256, 256, 242]),
        (
            "gts/pilotnet_lif/network.net",
            [39600, 76032, 26460, 8064, 5632, 2560, 100, 50, 10, 1],
        ),
        ("gts/pilotnet_sdnn/network.net", [9900, 18816, 6048, 5632, 2560, 100, 50, 10, 1]),
        ("gts/pilotnet_sdnn/square_network.net", [3267, 6144, 1764, 1024, 256]),
    ],
)
def test_shipped_network_loads_and_is_saved_unchanged(
    name: str, neurons: list[int], tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    program = netx.read(LAVA_DL / name)
    assert [population.size for population in program.populations] == neurons
    said = [str(entry.message) for entry in recwarn]
    assert sum(" finding" not in text for text in said) == ("ntidigits" in name)
    netx.write(program, tmp_path / "again.net")
    assert netx.read(tmp_path / "again.net") == program


def test_every_network_that_lava_dl_ships_is_among_these() -> None:
    found = {path.relative_to(LAVA_DL).as_posix() for path in LAVA_DL.rglob("*.net")}
    shipped = {
        "mnist.net",
        "tiny.net",
        "gts/ntidigits/ntidigits.net",
        "gts/pilotnet_lif/network.net",
        "gts/pilotnet_sdnn/network.net",
        "gts/pilotnet_sdnn/square_network.net",
    }
    assert found - {"recurrent_example.net"} == shipped  # the exception is left by upstream's tests


def test_ntidigits_with_delays_over_3000_steps() -> None:
    program = netx.read(LAVA_DL / "gts/ntidigits/ntidigits.net", num_layers=5)
    x, expected = record("ntidigits/input").T.astype(int), record("ntidigits/output").T
    s = nd.simulate(program, x, **RUN)["layer2"].s
    assert mismatches(s[:-1], expected[1:]) == 0  # the record is one column late
    assert int(s.sum()) == 22572


def test_ntidigits_is_read_out_in_eleven_groups() -> None:
    with pytest.warns(NeurodeployWarning, match="layer/5/type: is 'average', which Lava cannot"):
        program = netx.read(LAVA_DL / "gts/ntidigits/ntidigits.net")
    assert program.readout == nd.Readout("layer2", pool=22)
    assert program.classes == 11
    whole = netx.read(LAVA_DL / "gts/ntidigits/ntidigits.net", num_layers=5)
    assert program == with_readout(whole, pool=22)


def test_pilotnet_sdnn_output() -> None:
    program = netx.read(LAVA_DL / "gts/pilotnet_sdnn/network.net")
    frame = rows(record("pilotnet_sdnn/input"))
    trace = nd.simulate(program, np.repeat(frame, 9, axis=0), **RUN)
    assert mismatches(trace["layer8"].sigma, record("pilotnet_sdnn/output").T) == 0


def test_tinynet_driven_by_a_bias_image_and_reset_every_17_steps() -> None:
    program = netx.read(LAVA_DL / "tiny.net", input_drive="bias")
    image = record("tinynet/input_bias").T.astype(int)
    trace = nd.simulate(
        program,
        np.repeat(image[None], 17, axis=0),
        reset_interval=17,
        record=("s", "u"),
        **RUN,
    )
    maps = {name: record(f"tinynet/{name}")[0] for name in ("input", "layer1", "current", "output")}
    expected = {name: array.transpose(3, 0, 1, 2) for name, array in maps.items()}
    assert mismatches(trace["layer0"].s[:15], expected["input"][1:]) == 0
    assert mismatches(trace["layer1"].s[1:16], expected["layer1"][1:]) == 0
    assert mismatches(trace["layer1"].u[1:16], 64 * expected["current"][1:]) == 0
    assert mismatches(trace["layer2"].s[2:17], expected["output"][1:]) == 0
    assert expected["output"].any()


def test_pilotnet_lif_records_of_a_chip() -> None:
    """Reset every 17 steps, first at t = k + 2; the record's v is a constant where it spikes."""
    program = netx.read(LAVA_DL / "gts/pilotnet_lif/network.net", skip_layers=1)
    assert program.inputs[0] == nd.Input("input", (3, 66, 200))
    trace = nd.simulate(
        program,
        rows(record("pilotnet_lif/input")).astype(int),
        reset_interval=17,
        reset_offset=1,
        record=("s", "u", "v"),
        **RUN,
    )
    names = [*(f"conv-{k}" for k in range(5)), *(f"fc-{k}" for k in range(3))]
    wrong, cells = dict.fromkeys("suv", 0), 0
    for k, name in enumerate(names):
        s, u, v = (rows(record(f"pilotnet_lif/{name}{end}")) for end in ("", "-u", "-v"))
        layer, silent = trace[k], s == 0
        wrong["s"] += mismatches(layer.s, s)
        wrong["u"] += mismatches(layer.u, u)
        wrong["v"] += mismatches(layer.v[silent], v[silent])
        cells += s.size
    assert cells == 2_853_792
    assert wrong == {"s": 0, "u": 0, "v": 0}


def _block(
    neuron: nd.CubaLif | nd.ResonateFire, matrices: dict[str, Array], path: Path
) -> nd.Program:
    """One dense block of 256 neurons, written and read back."""
    program = nd.Program(
        (nd.Input("input", (200,)),),
        (nd.Population("layer0", (256,), neuron),),
        tuple(
            nd.Connection("input", "layer0", nd.Dense(weight.astype(int)), port=port)
            for port, weight in matrices.items()
        ),
        nd.Readout("layer0"),
    )
    netx.write(program, path)
    assert netx.read(path) == program
    return netx.read(path)


def test_dense_block_over_2000_steps(tmp_path: Path) -> None:
    weight = {"a": record("dense/weight")}
    program = _block(nd.CubaLif(4096, 415, 6), weight, tmp_path / "dense.net")
    s = nd.simulate(program, record("dense/in").T.astype(int), **RUN)["layer0"].s
    assert mismatches(s, record("dense/out").T) == 0
    assert int(s.sum()) == 1826


def test_resonator_block_over_2000_steps(tmp_path: Path) -> None:
    """Period 11, alpha 0.05: decays whose round trip gives the record's multipliers."""
    neuron = nd.ResonateFire(2104, 3273, 25)
    angle = 2 * np.pi / 11
    expected = [int(0.95 * part * 4096) for part in (np.sin(angle), np.cos(angle))]
    assert [int(part) for part in neuron.coefficients()] == expected
    matrices = {
        "re": record("complex_dense/weight_r"),
        "im": record("complex_dense/weight_img"),
    }
    program = _block(neuron, matrices, tmp_path / "complex.net")
    s = nd.simulate(program, record("complex_dense/in").T.astype(int), **RUN)["layer0"].s
    assert mismatches(s, record("complex_dense/out").T) == 0
    assert int(s.sum()) == 41512


def test_tinynet_sdnn_input_block() -> None:
    image = record("tinynet_sdnn/input_bias")[..., None]
    wave = (image * np.sin(2 * np.pi * np.arange(15) / 15)).astype(int)
    program = nd.Program(
        (nd.Input("input", (3, 16, 16)),),
        (nd.Population("layer0", (3, 16, 16), nd.Delta(20)),),
        (nd.Connection("input", "layer0", nd.Direct()),),
        nd.Readout("layer0"),
    )
    s = nd.simulate(program, rows(wave), **RUN)["layer0"].s
    assert mismatches(s, rows(record("tinynet_sdnn/input"))) == 0


def test_tinynet_sdnn_convolution_in_the_only_step_that_was_recorded() -> None:
    kernel = record("tinynet_sdnn/layer1_kernel")  # (Cout, W, H, Cin), turned by 180 degrees
    synapse = nd.Conv2d(kernel.transpose(0, 3, 2, 1)[:, :, ::-1, ::-1], stride=2)
    bias = record("tinynet_sdnn/layer1_bias").reshape(24, 1, 1)
    program = nd.Program(
        (nd.Input("input", (3, 16, 16), 16),),
        (nd.Population("layer0", (24, 6, 6), nd.SigmaDelta(20, bias)),),
        (nd.Connection("input", "layer0", synapse),),
        nd.Readout("layer0"),
    )
    messages = rows(record("tinynet_sdnn/input")).astype(int)
    s = nd.simulate(program, messages, **RUN)["layer0"].s
    expected = rows(record("tinynet_sdnn/layer1"))
    assert mismatches(s[:1], expected[:1]) == 0
    assert expected[0].any()
    assert not expected[1:].any()


def test_tinynet_sdnn_output_of_a_dense_block_behind_binary_messages() -> None:
    weight = record("tinynet_sdnn/layer2_weight")
    program = nd.Program(
        (nd.Input("input", (864,)),),
        (nd.Population("layer0", (100,), nd.Sigma()),),
        (nd.Connection("input", "layer0", nd.Dense(weight)),),
        nd.Readout("layer0", "sigma"),
    )
    messages = record("tinynet_sdnn/layer1").reshape(-1, 16).T.astype(int)
    sigma = nd.simulate(program, messages, **RUN)["layer0"].sigma
    assert mismatches(sigma, record("tinynet_sdnn/layer2").T) == 0
