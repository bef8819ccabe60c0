"""What the NetX writer writes, refuses, warns of and repairs."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from netx_files import weights

import neurodeploy as nd
from neurodeploy.conditioning import changes
from neurodeploy.converters import netx
from neurodeploy.converters.netx import script
from neurodeploy.converters.netx.repair import repair as repaired
from neurodeploy.errors import ExportError, NeurodeployWarning, OptionError
from neurodeploy.program import with_readout

LIF = nd.CubaLif(4096, 128, 40)
MAP = (2, 5, 4)
OUT = (3, 3, 2)


def even(*shape: int) -> np.ndarray[Any, Any]:
    return weights(*shape).astype(int)


def dense(neuron: Any = LIF, weight: Any = None, **options: Any) -> nd.Program:
    """input (6,) -> layer0 (4,)."""
    synapse = nd.Dense(even(4, 6) if weight is None else weight, options.pop("delay", None))
    return nd.Program(
        (nd.Input("input", (6,), options.pop("bits", 0)),),
        (nd.Population("layer0", (4,), neuron),),
        (nd.Connection("input", "layer0", synapse, **options),),
        nd.Readout("layer0"),
    )


def conv(neuron: Any = LIF, weight: Any = None, bits: int = 0, **options: Any) -> nd.Program:
    """input (2, 5, 4) -> layer0, (3, 3, 2) unless the options change it."""
    synapse = nd.Conv2d(even(3, 2, 3, 3) if weight is None else weight, **options)
    return nd.Program(
        (nd.Input("input", MAP, bits),),
        (nd.Population("layer0", synapse.output_shape(MAP), neuron),),
        (nd.Connection("input", "layer0", synapse),),
        nd.Readout("layer0"),
    )


def recurrent(neuron: Any = LIF, weight: Any = None, own: Any = None, **options: Any) -> nd.Program:
    start = dense(neuron, weight, group="g", **options)
    synapse = nd.Dense(even(4, 4) if own is None else own)
    loop = nd.Connection("layer0", "layer0", synapse, feedback=True, group="g")
    return replace(start, connections=(*start.connections, loop))


def block(neuron: Any = LIF, shape: tuple[int, ...] = (6,), port: str = "a") -> nd.Program:
    """input -> layer0 directly -> layer1 (4,)."""
    size = int(np.prod(shape))
    return nd.Program(
        (nd.Input("input", shape),),
        (nd.Population("layer0", shape, neuron), nd.Population("layer1", (4,), LIF)),
        (
            nd.Connection("input", "layer0", nd.Direct(), port=port),
            nd.Connection("layer0", "layer1", nd.Dense(even(4, size))),
        ),
        nd.Readout("layer1"),
    )


def resonators(threshold: Any = 5, **options: Any) -> nd.Program:
    return nd.Program(
        (nd.Input("input", (6,)),),
        (nd.Population("layer0", (4,), nd.ResonateFire(1200, 3800, threshold)),),
        tuple(
            nd.Connection("input", "layer0", nd.Dense(even(4, 6), **options), port=port)
            for port in ("im", "re")
        ),
        nd.Readout("layer0"),
    )


def stack() -> nd.Program:
    """A convolution and two dense layers."""
    return nd.Program(
        (nd.Input("input", MAP),),
        (
            nd.Population("layer0", OUT, LIF),
            nd.Population("layer1", (5,), LIF),
            nd.Population("layer2", (4,), LIF),
        ),
        (
            nd.Connection("input", "layer0", nd.Conv2d(even(3, 2, 3, 3))),
            nd.Connection("layer0", "layer1", nd.Dense(even(5, 18))),
            nd.Connection("layer1", "layer2", nd.Dense(even(4, 5))),
        ),
        nd.Readout("layer2"),
    )


def with_connection(program: nd.Program, *args: Any, **options: Any) -> nd.Program:
    more = nd.Connection(*args, **options)
    return replace(program, connections=(*program.connections, more))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.net"


def quietly(program: nd.Program, path: Path, **options: Any) -> netx.Written:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeurodeployWarning)
        return netx.write(program, path, **options)


def keys(path: Path) -> dict[str, Any]:
    """Every dataset of a file: name -> (dtype, shape, value)."""
    found: dict[str, Any] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = (item.dtype.str, item.shape, item[()])

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


# --- What is written -----------------------------------------------------------------------------


def test_types_and_shapes_are_those_of_slayer(path: Path) -> None:
    quietly(stack(), path)
    found = keys(path)
    types = [found[f"layer/{k}/type"][2][0] for k in range(5)]
    assert types == [b"input", b"conv", b"flatten", b"dense", b"dense"]
    assert found["layer/0/type"][:2] == ("|S10", (1,))
    assert found["layer/1/shape"][:2] == ("<i8", (3,))
    assert found["layer/1/weight"][:2] == ("<f4", (3, 2, 3, 3))
    assert found["layer/3/weight"][:2] == ("<f4", (5, 18))
    for key in ("stride", "padding", "dilation", "kernelSize"):
        assert found[f"layer/1/{key}"][:2] == ("<i8", (2,))
    for key in ("groups", "inChannels", "outChannels"):
        assert found[f"layer/1/{key}"][:2] == ("<i8", ())
    assert found["layer/3/neuron/type"] == ("|O", (), b"CUBA")
    for key in ("iDecay", "vDecay", "vThMant", "refDelay"):
        assert found[f"layer/3/neuron/{key}"][:2] == ("<i8", ())
    assert found["layer/3/neuron/gradedSpike"][2] == np.False_


def test_maps_are_written_in_the_order_of_lava(path: Path) -> None:
    channel, full = np.array([[[1]], [[2]], [[3]]]), np.arange(18).reshape(OUT)
    neuron = nd.CubaLif(channel + 100, full + 100, full + 50, bias=full)
    quietly(conv(neuron), path, reset_interval=9)
    found = keys(path)
    assert np.array_equal(found["layer/1/neuron/iDecay"][2], [101, 102, 103])
    assert np.array_equal(found["layer/1/neuron/vDecay"][2], full.T + 100)
    assert np.array_equal(found["layer/1/bias"][2], full.T)
    assert found["layer/1/bias"][:2] == ("<f4", (2, 3, 3))
    quietly(conv(nd.CubaLif(9, 9, 9, bias=channel)), path, reset_interval=9)
    assert np.array_equal(keys(path)["layer/1/bias"][2], [1, 2, 3])


def test_bias_of_a_dense_layer_is_written_for_every_neuron_and_zeros_not_at_all(path: Path) -> None:
    quietly(dense(nd.CubaLif(9, 9, 9, bias=5)), path)
    assert keys(path)["layer/1/bias"][:2] == ("<f4", (4,))
    quietly(dense(nd.CubaLif(9, 9, 9, bias=[0, 0, 0, 0])), path)
    assert "layer/1/bias" not in keys(path)


@pytest.mark.parametrize(
    ("delay", "shape"),
    [
        ([[0], [1], [2], [3]], (4,)),
        ([[0, 1, 2, 3, 4, 5]], (6,)),
        (np.arange(24).reshape(4, 6), (4, 6)),
        (np.full((4, 6), 7), (4,)),
    ],
)
def test_delays_are_written_so_that_netx_cannot_mistake_them(
    path: Path, delay: Any, shape: Any
) -> None:
    program = dense(delay=delay)
    netx.write(program, path)
    assert keys(path)["layer/1/delay"][:2] == ("<f4", shape)
    back: Any = netx.read(path).connections[0].synapse
    assert np.array_equal(np.broadcast_to(back.delay, (4, 6)), np.broadcast_to(delay, (4, 6)))


def test_input_delays_of_a_square_layer_are_written_in_full(path: Path) -> None:
    program = nd.Program(
        (nd.Input("input", (4,)),),
        (nd.Population("layer0", (4,), LIF),),
        (nd.Connection("input", "layer0", nd.Dense(even(4, 4), [[0, 1, 2, 3]])),),
        nd.Readout("layer0"),
    )
    netx.write(program, path)
    assert keys(path)["layer/1/delay"][1] == (4, 4)
    assert netx.read(path) == program


def test_default_integrator_has_no_neuron_group_and_another_an_unreachable_threshold(
    path: Path,
) -> None:
    for neuron, there in ((nd.Integrator(0, 4096), False), (nd.Integrator(4096, 0), True)):
        program = replace(dense(neuron), readout=nd.Readout("layer0", "v"))
        quietly(program, path)
        assert ("layer/1/neuron/vThMant" in keys(path)) == there
        assert netx.read(path) == program
    assert keys(path)["layer/1/neuron/vThMant"][2] == 2**18 - 1


def test_transform_of_an_input_block_survives(path: Path) -> None:
    program = replace(block(), metadata={"input_weight": 36, "input_bias": 34})
    netx.write(program, path)
    again = netx.read(path)
    assert (again.metadata["input_weight"], again.metadata["input_bias"]) == (36, 34)
    assert again == program


@pytest.mark.parametrize(
    "program",
    [
        dense(),
        conv(bits=8),
        stack(),
        recurrent(),
        block(),
        block(nd.Delta(3)),
        block(shape=MAP),
        resonators(),
        dense(nd.SigmaDelta(3, [1, 2, 3, 4]), bits=8),
        dense(nd.CubaLif([1, 2, 3, 4], 9, [5, 6, 7, 8], bias=[1, 0, 0, 0])),
        replace(dense(nd.Sigma(), bits=8), readout=nd.Readout("layer0", "sigma")),
    ],
)
def test_what_is_written_is_read_back(program: nd.Program, path: Path) -> None:
    quietly(program, path)
    bits = program.inputs[0].message_bits
    again = netx.read(path, input_message_bits=bits)
    assert again.populations == program.populations
    assert again.inputs == program.inputs
    assert [c.synapse for c in again.connections] == [
        c.synapse for c in sorted(program.connections, key=lambda c: c.port == "im")
    ]


def test_the_same_program_gives_the_same_bytes(path: Path) -> None:
    quietly(stack(), path)
    first = path.read_bytes()
    quietly(stack(), path)
    assert path.read_bytes() == first


# --- What is refused -----------------------------------------------------------------------------

NONPOSITIVE = -np.full((4, 6), 64)


def two_inputs() -> nd.Program:
    start = dense()
    return nd.Program(
        (*start.inputs, nd.Input("more", (2,))),
        start.populations,
        (*start.connections, nd.Connection("more", "layer0", nd.Dense(even(4, 2)))),
        start.readout,
    )


REFUSED: list[tuple[str, Callable[[], nd.Program], str]] = [
    (
        "several inputs",
        two_inputs,
        "inputs are input, more, NetX has one; join them into one input; population layer0: takes "
        "input from more",
    ),
    (
        "skip connection",
        lambda: with_connection(stack(), "layer0", "layer2", nd.Dense(even(4, 18))),
        "population layer2: takes input from layer0, NetX is a chain in which only layer1 comes "
        "before it; drop skip connections and branches, or save it as .h5",
    ),
    (
        "skip from the input",
        lambda: with_connection(stack(), "input", "layer2", nd.Dense(even(4, 40))),
        "population layer2: takes input from input, NetX is a chain in which only layer1 comes",
    ),
    (
        "parallel connections",
        lambda: with_connection(dense(), "input", "layer0", nd.Dense(even(4, 6))),
        "population layer0: has 2 connections from one source, NetX has one; add their weights",
    ),
    (
        "population without input",
        lambda: replace(dense(), connections=()),
        "population layer0: has no forward connection, NetX needs one from input",
    ),
    (
        "long feedback",
        lambda: with_connection(stack(), "layer2", "layer1", nd.Dense(even(5, 4)), feedback=True),
        "population layer1: takes feedback from layer2, NetX has recurrence of a population onto",
    ),
    (
        "convolutional feedback",
        lambda: with_connection(
            conv(weight=even(2, 2, 3, 3), padding=1),
            "layer0",
            "layer0",
            nd.Conv2d(even(2, 2, 3, 3), padding=1),
            feedback=True,
        ),
        "population layer0: is recurrent, for which NetX has one dense connection behind another",
    ),
    (
        "recurrent with delays",
        lambda: recurrent(delay=[[1], [2], [3], [4]]),
        "population layer0: is recurrent with delays, where Lava stops or loses the exponent; remo",
    ),
    (
        "recurrent and graded behind binary input",
        lambda: recurrent(nd.SigmaDelta(1)),
        "population layer0: sends values to itself behind binary input, where Lava cuts them to 0/",
    ),
    (
        "delays into resonators",
        lambda: resonators(delay=[[1], [2], [3], [4]]),
        "population layer0: has delays into resonate-and-fire, which Lava ignores; remove them",
    ),
    (
        "half a resonator",
        lambda: replace(resonators(), connections=resonators().connections[:1]),
        "population layer0: resonate-and-fire needs one dense connection to 're' and one to 'im'",
    ),
    (
        "weights on the bias",
        lambda: dense(port="bias"),
        "population layer0: is driven at port 'bias' by weights, NetX drives the current only",
    ),
    (
        "map behind dense weights",
        lambda: nd.Program(
            (nd.Input("input", (6,)),),
            (nd.Population("maps", (1, 2, 2), LIF),),
            (nd.Connection("input", "maps", nd.Dense(even(4, 6))),),
            nd.Readout("maps"),
        ),
        "population maps: has shape (1, 2, 2) behind dense weights, NetX makes it flat; give it sh",
    ),
    (
        "input block of another shape",
        lambda: replace(block(), inputs=(nd.Input("input", (1, 2, 3)),)),
        "population layer0: has shape (6,) and its input (1, 2, 3), NetX has one shape for both",
    ),
    (
        "group over two layers",
        lambda: replace(
            stack(),
            connections=tuple(
                c if k == 0 else replace(c, group="g") for k, c in enumerate(stack().connections)
            ),
        ),
        "population layer1: shares group 'g' over 2 connections, NetX conditions only the weights",
    ),
    (
        "reset by subtraction",
        lambda: dense(nd.CubaLif(9, 9, 9, reset="subtract")),
        "population layer0: reset is 'subtract', NetX neurons reset to zero; train with reset 'zer",
    ),
    (
        "no reset",
        lambda: dense(nd.CubaLif(9, 9, 9, reset="none")),
        "population layer0: reset is 'none', NetX neurons reset to zero; train with reset 'zero',",
    ),
    (
        "gain",
        lambda: dense(nd.CubaLif(9, 9, 9, gain=[64, 32])),
        "population layer0: gain changes over the sample, NetX neurons have a constant one; leave ",
    ),
    (
        "homeostatic threshold",
        lambda: dense(nd.HomeostaticLif(9, 9, 9, signature=np.zeros((3, 4), int))),
        "population layer0: HomeostaticLif adapts its threshold, NetX neurons cannot; use CubaLif",
    ),
    (
        "decay",
        lambda: dense(nd.CubaLif(4097, 9, 9)),
        "population layer0: current_decay holds 4097, NetX takes 0 to 4096",
    ),
    (
        "negative decay",
        lambda: dense(nd.Integrator(0, -1)),
        "population layer0: voltage_decay holds -1, NetX takes 0 to 4096",
    ),
    (
        "threshold",
        lambda: dense(nd.CubaLif(9, 9, 131072)),
        "population layer0: threshold holds 131072, NetX takes 0 to 131071",
    ),
    (
        "negative threshold",
        lambda: dense(nd.CubaLif(9, 9, [-1, 2, 3, 4])),
        "population layer0: threshold holds -1, NetX takes 0 to 131071",
    ),
    (
        "sigma-delta threshold that leaves int32",
        lambda: dense(nd.SigmaDelta(2**10, spike_exp=16), bits=8),
        "population layer0: threshold holds 1024, NetX takes 0 to 511",
    ),
    (
        "bias",
        lambda: dense(nd.CubaLif(9, 9, 9, bias=[0, 0, 0, 32768])),
        "population layer0: bias holds 32768, NetX takes -32768 to 32767",
    ),
    (
        "sigma-delta thresholds per neuron",
        lambda: dense(nd.SigmaDelta([1, 2, 3, 4]), bits=8),
        "population layer0: threshold differs between neurons, Lava's SigmaDelta has one for all",
    ),
    (
        "resonator thresholds per neuron",
        lambda: resonators([1, 2, 3, 4]),
        "population layer0: threshold differs between neurons, Lava's ResonateFire has one for all",
    ),
    (
        "two spike exponents",
        lambda: replace(
            block(nd.Delta(3, spike_exp=4)),
            populations=(
                nd.Population("layer0", (6,), nd.Delta(3, spike_exp=4)),
                nd.Population("layer1", (4,), nd.SigmaDelta(3)),
            ),
        ),
        "spike_exp is 4, 6 in one network, Lava has one for all; give all the same",
    ),
    (
        "delta inside the network",
        lambda: dense(nd.Delta(3), bits=8),
        "population layer0: Delta neurons stand directly behind the input only; use SigmaDelta",
    ),
    (
        "sigma-delta as input block",
        lambda: block(nd.SigmaDelta(3)),
        "population layer0: SigmaDelta neurons stand directly behind the input, NetX has CubaLif",
    ),
    (
        "bias of an input block",
        lambda: block(nd.CubaLif(9, 9, 9, bias=3)),
        "population layer0: bias of an input block is never applied by Lava; set it to 0",
    ),
    (
        "weight above 254",
        lambda: dense(weight=np.where(np.eye(4, 6) > 0, 255, 1)),
        "population layer0: weight holds 255, NetX takes -256 to 254",
    ),
    (
        "weight below -256",
        lambda: dense(weight=np.where(np.eye(4, 6) > 0, -257, 1)),
        "population layer0: weight holds -257, NetX takes -256 to 254",
    ),
    (
        "recurrent weight",
        lambda: recurrent(own=np.eye(4, dtype=int) * 300),
        "population layer0: weight holds 300, NetX takes -256 to 254",
    ),
    (
        "zeros",
        lambda: dense(weight=np.zeros((4, 6), int)),
        "population layer0: weights are all zero, which Lava cannot load; set one of them",
    ),
    (
        "power of two",
        lambda: dense(weight=NONPOSITIVE),
        "population layer0: 24 of 24 weights act otherwise than stored, most of all -64 as 0 at "
        "[0, 0]: a non-positive matrix with a power of two as its minimum loses its low bits in "
        "Lava; repair='nearest' changes as little as will do",
    ),
    (
        "odd with zeros",
        lambda: dense(weight=np.where(np.eye(4, 6) > 0, 0, -129)),
        "population layer0: 20 of 24 weights act otherwise than stored, most of all -129 as 0 at",
    ),
    (
        "lateral inhibition",
        lambda: recurrent(weight=even(4, 6) // 2, own=-128 * (1 - np.eye(4, dtype=int))),
        "population layer0: 12 of 16 weights act otherwise than stored, most of all -128 as",
    ),
    (
        "kernel above 8 bits",
        lambda: conv(weight=even(3, 2, 3, 3) * 4),
        "population layer0: kernel weights span -224 to 392, a chip holds 8 bits: -128 to 127, or",
    ),
    (
        "odd kernel above 127",
        lambda: conv(weight=np.where(np.arange(54).reshape(3, 2, 3, 3) == 5, 129, -2)),
        "population layer0: kernel weights span -2 to 129, a chip holds 8 bits: -128 to 127, or",
    ),
    (
        "groups",
        lambda: nd.Program(
            (nd.Input("input", (128, 1, 1)),),
            (nd.Population("layer0", (128, 1, 1), LIF),),
            (nd.Connection("input", "layer0", nd.Conv2d(even(128, 1, 1, 1), groups=128)),),
            nd.Readout("layer0"),
        ),
        "population layer0: groups is 128, Lava's limit is 127 (8 bits)",
    ),
    (
        "padding",
        lambda: conv(padding=128),
        "population layer0: padding is 128, Lava's limit is 127 (8 bits)",
    ),
    (
        "stride",
        lambda: conv(stride=128),
        "population layer0: stride is 128, Lava's limit is 127 (8 bits)",
    ),
    (
        "kernel size",
        lambda: conv(weight=np.ones((1, 2, 128, 1), int), padding=70),
        "population layer0: kernel size is 128, Lava's limit is 127 (8 bits)",
    ),
]


@pytest.mark.parametrize(
    ("make", "message"), [entry[1:] for entry in REFUSED], ids=[entry[0] for entry in REFUSED]
)
def test_what_netx_cannot_carry_is_refused_and_nothing_is_written(
    make: Callable[[], nd.Program], message: str, path: Path
) -> None:
    with pytest.raises(ExportError) as caught:
        netx.write(make(), path)
    text = str(caught.value)
    assert text.startswith(f"{path}: {message}")
    assert "\n" not in text
    assert list(path.parent.iterdir()) == []


def test_every_violation_is_named_at_once(path: Path) -> None:
    program = dense(nd.CubaLif(5000, 9, 131072, bias=40000, reset="none"), weight=even(4, 6) * 6)
    with pytest.raises(ExportError) as caught:
        netx.write(program, path)
    for word in ("reset", "current_decay", "threshold", "bias", "weight"):
        assert f"population layer0: {word}" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reset_interval": 0}, "reset_interval is 0, expected 1 or more"),
        ({"reset_interval": 2.5}, "reset_interval is 2.5, expected a whole number"),
        ({"repair": "some"}, "repair is 'some', expected one of none, nearest"),
    ],
)
def test_options_are_checked(path: Path, options: Any, message: str) -> None:
    with pytest.raises(OptionError, match=re.escape(message)):
        netx.write(dense(), path, **options)
    assert not path.exists()


# --- What is warned of ---------------------------------------------------------------------------

DELAYED = dense(delay=[[0], [1], [2], [3]])


@pytest.mark.parametrize(
    ("program", "options", "message"),
    [
        (
            dense(nd.CubaLif(4096, 9, 40, bias=3)),
            {},
            "population layer0: has a bias and the network no reset: Lava integrates it before",
        ),
        (
            dense(nd.CubaLif(4096, 9, 4096)),
            {},
            "population layer0: threshold 4096 is 4096 or more, where lava-dl's slayer spikes at",
        ),
        (
            dense(weight=np.where(np.eye(4, 6) > 0, 129, -2)),
            {},
            "population layer0: odd weights of both signs beyond -128 to 127 take 9 bits",
        ),
        (
            conv(nd.SigmaDelta(1), bits=22),
            {},
            "population layer0: the convolution can reach 3967810638, beyond 8388608 it wraps",
        ),
        (
            dense(nd.SigmaDelta(1), bits=22),
            {},
            "population layer0: the sum of products can reach 1426063020, Lava wraps it from "
            "1073741824 on, since its weights are 2 times larger until the sum is shifted",
        ),
        (
            dense(nd.CubaLif(1, 9, 40)),
            {},
            "population layer0: u can reach 7.707e+07 if all inputs spike, beyond 8388608 it is",
        ),
        (
            dense(nd.Integrator(0, 4096)),
            {},
            "population layer0: u grows without limit if all inputs spike, beyond 8388608 it is",
        ),
        (
            DELAYED,
            {"reset_interval": 9},
            "population layer0: has delays and the network a reset: currents in flight survive",
        ),
        (
            dense(nd.SigmaDelta(1, 3), delay=[[0], [1], [2], [3]]),
            {},
            "population layer0: has delays and the network biases, which act from the first step",
        ),
        (
            recurrent(),
            {"reset_interval": 9},
            "population layer0: is recurrent and the network has a reset: the recurrent current",
        ),
        (
            resonators(),
            {"reset_interval": 9},
            "population layer0: reset_interval has no effect on ResonateFire in Lava",
        ),
        (
            dense(bits=8),
            {},
            "NetX cannot carry message_bits 8: give Lava input_message_bits=8, as the run script",
        ),
        (
            block(nd.Delta(3, spike_exp=4)),
            {},
            "NetX cannot carry spike_exp 4: give Lava spike_exp=4, as the run script does",
        ),
        (
            block(port="bias"),
            {},
            "NetX cannot say that the input drives the bias: set bias_mant of the input block in",
        ),
    ],
)
def test_what_may_surprise_is_warned_of(
    program: nd.Program, options: Any, message: str, path: Path
) -> None:
    with pytest.warns(NeurodeployWarning) as caught:
        netx.write(program, path, **options)
    texts = [str(entry.message) for entry in caught]
    if program.inputs[0].message_bits and "message_bits" not in message:
        assert "NetX cannot carry message_bits" in texts.pop()
    assert len(texts) == 1
    assert texts[0].startswith(f"{path}: {message}")


def test_ordinary_network_is_written_without_a_word(path: Path) -> None:
    written = netx.write(stack(), path)
    assert written.path == path
    assert written.repairs == ()
    assert written.notes == ()


def test_what_the_file_cannot_hold_is_noted(path: Path) -> None:
    program = nd.Program(
        (nd.Input("x", (6,)),),
        (nd.Population("out", (4,), LIF),),
        (nd.Connection("x", "out", nd.Dense(even(4, 6))),),
        nd.Readout("out", "v", 3),
        {"seed": 7},
    )
    assert netx.write(program, path).notes == (
        "names are lost: x, out read back as input, layer0, ...",
    )
    read = netx.read(path)
    assert read.readout == nd.Readout("layer0", "v", 3)
    assert read.metadata["seed"] == 7


def test_a_readout_in_groups_is_written_as_average(path: Path) -> None:
    program = with_readout(stack(), pool=2)
    written = netx.write(program, path)
    assert written.recipe.num_layers == 5  # input, conv, flatten, dense, dense
    assert written.notes == (
        "the read-out in groups of 2 is written as a layer 'average', which netx does not know: "
        "give it num_layers, as the run script does",
    )
    assert "NUM_LAYERS = 5 " in written.script.read_text()
    with pytest.warns(NeurodeployWarning, match="the read-out sums . outputs in . groups of 2"):
        assert netx.read(path) == program


# --- Repair --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        (NONPOSITIVE, "1 weight changed: [0, 0] from -64 to -65"),
        (np.full((4, 6), -1), "1 weight changed: [0, 0] from -1 to -3"),
        (np.where(np.eye(4, 6) > 0, 0, -129), "1 weight changed: [0, 0] from 0 to 1"),
        (np.where(np.eye(4, 6) > 0, -256, -100), "4 weights changed: [0, 0] from -256 to -255"),
    ],
)
def test_repair_changes_as_little_as_will_do_and_says_so(
    weight: Any, expected: str, path: Path
) -> None:
    with pytest.warns(NeurodeployWarning) as caught:
        written = netx.write(dense(weight=weight), path, repair="nearest")
    assert str(caught[0].message).startswith(f"{path}: population layer0: {expected}")
    assert written.repairs[0].startswith(f"population layer0: {expected}")
    again: Any = netx.read(path).connections[0].synapse  # without a warning of its own
    assert 0 < np.abs(again.weight - weight).sum() <= 4


def test_repair_leaves_good_weights_alone(path: Path) -> None:
    assert netx.write(dense(), path, repair="nearest").repairs == ()
    assert netx.read(path) == dense()


def test_repair_mends_each_half_of_a_layer(path: Path) -> None:
    program = recurrent(weight=even(4, 6) // 2, own=-128 * (1 - np.eye(4, dtype=int)))
    with pytest.warns(NeurodeployWarning, match="1 weight changed: "):
        netx.write(program, path, repair="nearest")
    real, imag = resonators().connections
    broken = (replace(real, synapse=nd.Dense(NONPOSITIVE)), imag)
    with pytest.warns(NeurodeployWarning, match="1 weight changed: "):
        netx.write(replace(resonators(), connections=broken), path, repair="nearest")


def test_repair_does_not_touch_weights_out_of_range(path: Path) -> None:
    with pytest.raises(ExportError, match="weight holds 300, NetX takes -256 to 254"):
        netx.write(dense(weight=np.full((4, 6), 300)), path, repair="nearest")
    with pytest.raises(ExportError, match="weights are all zero"):
        netx.write(dense(weight=np.zeros((4, 6), int)), path, repair="nearest")


def test_every_faulty_matrix_in_range_is_repaired() -> None:
    rng = np.random.default_rng(8)
    faulty = 0
    for _ in range(600):
        weight = -rng.integers(0, 2 ** rng.integers(1, 9) + 1, rng.integers(1, 5, 2)).astype(
            np.int64
        )
        if rng.random() < 0.5:
            weight[weight == 0] = -1
        if not weight.any() or changes([weight]) == (None,):
            continue
        faulty += 1
        found = repaired([weight])
        assert found is not None
        mended, steps = found
        assert changes(mended) == (None,)
        assert mended[0].min() >= -256
        assert len(steps) == np.count_nonzero(mended[0] != weight) > 0
    assert faulty > 100


# --- Files ---------------------------------------------------------------------------------------


def test_both_files_are_replaced_together_or_not_at_all(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quietly(dense(), path)
    before = {item: item.read_bytes() for item in path.parent.iterdir()}
    assert {item.name for item in before} == {"x.net", "x_run.py"}

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ExportError, match=r"x\.net: cannot be written: No space left on device$"):
        netx.write(stack(), path)
    assert {item: item.read_bytes() for item in path.parent.iterdir()} == before


def test_place_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"cannot be written: No such file or directory$"):
        netx.write(dense(), tmp_path / "none" / "x.net")
    (tmp_path / "x.net").mkdir()
    with pytest.raises(ExportError, match="is not a regular file and cannot be replaced"):
        netx.write(dense(), tmp_path / "x.net")


def test_path_may_be_written_while_a_loader_has_it_open(path: Path) -> None:
    quietly(dense(), path)
    with h5py.File(path):
        quietly(stack(), path)
    assert netx.read(path) == stack()


# --- The run script ------------------------------------------------------------------------------


def values_of(written: netx.Written) -> dict[str, Any]:
    """The constants of a run script."""
    scope: dict[str, Any] = {"__name__": "script", "__file__": str(written.script)}
    exec(compile(written.script.read_text(), "script", "exec"), scope)
    return {key: value for key, value in scope.items() if key.isupper()}


@pytest.mark.parametrize(
    ("program", "options", "expected"),
    [
        (
            stack(),
            {"reset_interval": 9},
            {
                "INPUT_SHAPE": MAP,
                "OUTPUT_SHAPE": (4,),
                "DRIVE": "synapse",
                "OUTPUT": "s",
                "MESSAGE_BITS": 0,
                "RESET_INTERVAL": 9,
                "RESET_OFFSET": 1,
                "LATENCY": 3,
            },
        ),
        (
            block(shape=MAP),
            {},
            {"DRIVE": "current", "RESET_INTERVAL": None, "RESET_OFFSET": 0, "LATENCY": 1},
        ),
        (block(port="bias"), {}, {"DRIVE": "bias", "RESET_OFFSET": 0}),
        (conv(bits=8), {}, {"MESSAGE_BITS": 8, "OUTPUT_SHAPE": OUT}),
        (block(nd.Delta(1, spike_exp=5)), {}, {"SPIKE_EXP": 5}),
        (
            replace(dense(nd.Integrator(4096, 0)), readout=nd.Readout("layer0", "u")),
            {},
            {"OUTPUT": "u"},
        ),
    ],
)
def test_run_script_knows_what_the_file_cannot_say(
    program: nd.Program, options: Any, expected: dict[str, Any], path: Path
) -> None:
    found = values_of(quietly(program, path, **options))
    assert {key: found[key] for key in expected} == expected
    assert found["NETWORK"] == path


def test_run_script_bears_the_digest_and_no_path_of_this_machine(path: Path) -> None:
    text = quietly(dense(), path).script.read_text()
    assert netx.read(path).digest in text
    assert str(path.parent) not in text
    assert 'if __name__ == "__main__":' in text


@pytest.mark.parametrize(
    "name", ['a"""b.net', "a\\b.net", "a b.net", "$name.net", "ü.net", "'.net"]
)
def test_any_file_name_gives_a_script_that_finds_its_network(name: str, tmp_path: Path) -> None:
    written = quietly(dense(), tmp_path / name)
    assert written.script == script.script_path(tmp_path / name)
    assert values_of(written)["NETWORK"] == tmp_path / name
