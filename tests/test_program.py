"""Records validate themselves, order themselves, and are identified by their digest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from generate import random_program

import neurodeploy as nd
from neurodeploy.errors import ProgramError


def lif(**changes: Any) -> nd.CubaLif:
    return nd.CubaLif(**{"current_decay": 1024, "voltage_decay": 512, "threshold": 80} | changes)


def chain(**changes: Any) -> nd.Program:
    fields: dict[str, Any] = {
        "inputs": (nd.Input("x", (3,)),),
        "populations": (nd.Population("a", (4,), lif()), nd.Population("b", (2,), lif())),
        "connections": (
            nd.Connection("x", "a", nd.Dense(np.ones((4, 3), int))),
            nd.Connection("a", "b", nd.Dense(np.ones((2, 4), int))),
        ),
        "readout": nd.Readout("b"),
    }
    return nd.Program(**fields | changes)


def test_arrays_are_copied_in_and_read_only() -> None:
    weight = np.ones((2, 2), np.int64)
    synapse = nd.Dense(weight)
    weight[0, 0] = 7
    assert synapse.weight[0, 0] == 1
    assert synapse.weight.dtype == np.int32
    with pytest.raises(ValueError, match="read-only"):
        synapse.weight[0, 0] = 3


def test_records_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        lif().threshold = 3  # type: ignore[misc]


def test_equality_and_hash_go_by_content() -> None:
    assert chain() == chain()
    assert hash(chain()) == hash(chain())
    assert chain() != chain(readout=nd.Readout("b", "v"))
    assert lif() != nd.Integrator(1024, 512)


def test_digest_covers_names_and_values_but_not_metadata() -> None:
    digest = chain().digest
    assert len(digest) == 64
    assert chain(metadata={"seed": 3}).digest == digest
    renamed = (nd.Population("a", (4,), lif()), nd.Population("c", (2,), lif()))
    connections = (chain().connections[0], nd.Connection("a", "c", chain().connections[1].synapse))
    other = chain(populations=renamed, connections=connections, readout=nd.Readout("c"))
    assert other.digest != digest


def test_scalar_and_array_parameters_are_different_records() -> None:
    assert lif(bias=0) != lif(bias=[0, 0, 0, 0])


def test_populations_are_sorted_topologically_with_ties_in_order_of_declaration() -> None:
    populations = tuple(nd.Population(name, (4,), lif()) for name in "dcba")
    square = nd.Dense(np.ones((4, 4), int))
    connections = (
        nd.Connection("x", "a", nd.Dense(np.ones((4, 3), int))),
        nd.Connection("a", "d", square),
        nd.Connection("b", "d", square),
    )
    program = chain(populations=populations, connections=connections, readout=nd.Readout("d"))
    assert program.names == ("c", "b", "a", "d")
    assert program.index("d") == 3


def test_feedback_does_not_count_for_the_order() -> None:
    square = nd.Dense(np.ones((4, 4), int))
    connections = (*chain().connections, nd.Connection("a", "a", square, feedback=True))
    assert chain(connections=connections).names == ("a", "b")


def test_connection_names_are_unique() -> None:
    twice = (*chain().connections, chain().connections[0])
    bias = nd.Connection("x", "a", nd.Dense(np.ones((4, 3), int)), port="bias")
    names = chain(connections=(*twice, bias)).connection_names
    assert names == ("x->a", "a->b", "x->a#2", "x->a:bias")


@pytest.mark.parametrize("seed", range(30))
def test_random_programs_rebuild_to_the_same_digest(seed: int) -> None:
    program = random_program(np.random.default_rng(seed))
    again = nd.Program(
        program.inputs, program.populations[::1], program.connections, program.readout
    )
    assert again.digest == program.digest


BAD: list[tuple[Callable[[], object], str]] = [
    (lambda: nd.Dense([[1.5]]), "Dense: weight has dtype float64, expected integers; round the"),
    (lambda: nd.Dense([[np.nan]]), "Dense: weight has dtype float64, expected integers"),
    (lambda: nd.Dense([[1, 2], [3]]), "Dense: weight is not a regular array of integers"),
    (lambda: nd.Dense([[2**31]]), "Dense: weight holds 2147483648, allowed are -2147483648 to"),
    (lambda: nd.Dense([1, 2]), r"Dense: weight has shape \(2,\), expected \(out, in\), both >= 1"),
    (lambda: nd.Dense([[1]], delay=[[63]]), "Dense: delay holds 63, allowed are 0 to 62"),
    (lambda: nd.Dense([[1]], delay=[[-1]]), "Dense: delay holds -1, allowed are 0 to 62"),
    (
        lambda: nd.Dense(np.ones((2, 3), int), delay=[1, 2]),
        r"Dense: delay has shape \(2,\), expected one of \[\(1, 3\), \(2, 1\), \(2, 3\)\]",
    ),
    (
        lambda: nd.Conv2d(np.ones((2, 2, 3), int)),
        r"Conv2d: weight has shape \(2, 2, 3\), expected \(Cout, Cin / groups, kH, kW\)",
    ),
    (
        lambda: nd.Conv2d(np.ones((2, 1, 3, 3), int), stride=0),
        "Conv2d: stride is 0, allowed are 1 to",
    ),
    (
        lambda: nd.Conv2d(np.ones((3, 1, 3, 3), int), groups=2),
        "Conv2d: groups is 2, which does not divide 3 output channels",
    ),
    (lambda: lif(threshold=2**25), "CubaLif: threshold holds 33554432, allowed are"),
    (lambda: lif(current_decay=70000), "CubaLif: current_decay holds 70000, allowed are -65535"),
    (lambda: lif(reset="soft"), "CubaLif: reset is 'soft', expected one of"),
    (lambda: lif(gain=[[64]]), r"CubaLif: gain has shape \(1, 1\), expected \(T,\) with T >= 1"),
    (lambda: nd.Delta(1, bias=2), "Delta: bias must be 0, this neuron has none"),
    (lambda: nd.Sigma(threshold=2), "Sigma: threshold must be 0, this neuron has none"),
    (lambda: nd.SigmaDelta(1, spike_exp=99), "SigmaDelta: spike_exp is 99, allowed are 0 to 24"),
    (lambda: nd.Input("x", (0,)), "input x: shape is 0, allowed are 1 to"),
    (lambda: nd.Input("x", (2, 3)), r"input x: shape is \(2, 3\), expected \(N,\) or \(C, H, W\)"),
    (lambda: nd.Input("x", (3,), -1), "input x: message_bits is -1, allowed are 0 to 32"),
    (lambda: nd.Input("a b", (3,)), "input name is 'a b', expected letters"),
    (lambda: nd.Input("x", (2**29,)), r"input x: shape \(536870912,\) has 536870912 values, limit"),
    (
        lambda: nd.Population("a", (4,), lif(threshold=[1, 2, 3])),
        r"population a: threshold has shape \(3,\), expected one of \(\), \(4,\)",
    ),
    (
        lambda: nd.Population("a", (3, 2, 2), lif(bias=[1, 2, 3])),
        r"population a: bias has shape \(3,\), expected one of \(\), \(3,",
    ),
    (
        lambda: nd.Population("a", (4,), nd.HomeostaticLif(1, 1, 1, signature=[[1, 2]])),
        r"population a: signature has shape \(1, 2\), expected \(T, 4\), T >= 1",
    ),
    (lambda: nd.Population("a", (4,), 3), "population a: neuron is 3, expected a neuron record"),
    (lambda: chain(inputs=()), "the program has no inputs, expected at least one"),
    (lambda: chain(populations=()), "the program has no populations"),
    (
        lambda: chain(inputs=(nd.Input("a", (3,)),)),
        "name 'a' is used twice, names must differ",
    ),
    (
        lambda: chain(connections=(nd.Connection("y", "a", nd.Dense([[1]])),)),
        "connection y->a: there is no input or population 'y'",
    ),
    (
        lambda: chain(connections=(nd.Connection("x", "x", nd.Dense([[1]])),)),
        "connection x->x: there is no population 'x'",
    ),
    (
        lambda: chain(connections=(nd.Connection("x", "a", nd.Dense([[1, 2]])),)),
        r"connection x->a: weight has shape \(1, 2\), expected \(4, 3\) for \(3,\) -> \(4,\)",
    ),
    (
        lambda: chain(
            connections=(nd.Connection("x", "a", nd.Dense(np.ones((4, 3), int)), port="re"),)
        ),
        "connection x->a: port is 're', CubaLif has a, bias",
    ),
    (
        lambda: chain(connections=(nd.Connection("a", "b", nd.Direct()),)),
        "connection a->b: a Direct synapse starts at an input, not at a population",
    ),
    (
        lambda: chain(
            connections=(nd.Connection("x", "a", nd.Dense(np.ones((4, 3), int)), feedback=True),)
        ),
        "connection x->a: a feedback connection starts at a population, not at an input",
    ),
    (
        lambda: chain(
            connections=(
                *chain().connections,
                nd.Connection("b", "a", nd.Dense(np.ones((4, 2), int))),
            )
        ),
        "cycle through a, b; mark one of its connections as feedback",
    ),
    (
        lambda: chain(
            connections=(nd.Connection("x", "a", nd.Conv2d(np.ones((1, 1, 1, 1), int))),)
        ),
        r"connection x->a: source has shape \(3,\), expected \(1, H, W\)",
    ),
    (lambda: chain(readout=nd.Readout("c")), "readout: no population 'c', there are a, b"),
    (
        lambda: chain(readout=nd.Readout("b", "sigma")),
        "readout: variable is 'sigma', population b has s, u, v",
    ),
    (lambda: nd.Readout("b", window=-1), "readout: window is -1, allowed are 0 to"),
    (lambda: chain(metadata={"a": [1]}), r"metadata 'a' is \[1\], expected text or a number"),
    (lambda: chain(metadata={"a": float("nan")}), "metadata 'a' is nan, expected a finite number"),
]


@pytest.mark.parametrize(("build", "message"), BAD, ids=[message[:40] for _, message in BAD])
def test_bad_records_name_the_record_the_value_and_the_limit(
    build: Callable[[], object], message: str
) -> None:
    with pytest.raises(ProgramError, match=f"^{message}") as caught:
        build()
    assert "\n" not in str(caught.value)


class TestGrownFields:
    """Fields that records gained later leave the digests of what existed before alone."""

    def program(self, **readout: int) -> nd.Program:
        return nd.Program(
            inputs=(nd.Input("x", (2,)),),
            populations=(nd.Population("a", (4,), nd.CubaLif(1, 2, 3)),),
            connections=(nd.Connection("x", "a", nd.Dense(np.ones((4, 2), np.int32))),),
            readout=nd.Readout("a", **readout),
        )

    def test_a_default_is_left_out_of_the_digest(self) -> None:
        pinned = "8920b30de95651b1de5aca665c61fb38c2d8c4d6b9cc7ded22ce6a6b7eaaf17b"
        assert self.program().digest == pinned
        assert self.program(pool=1).digest == pinned

    @pytest.mark.parametrize("initial", [0, np.zeros(4, np.int32)])
    def test_zero_initial_of_any_shape_is_the_default(self, initial: object) -> None:
        assert nd.CubaLif(1, 2, 3, initial=initial).digest == nd.CubaLif(1, 2, 3).digest

    def test_another_value_changes_the_digest(self) -> None:
        assert nd.CubaLif(1, 2, 3, initial=1).digest != nd.CubaLif(1, 2, 3).digest
        assert self.program(pool=2).digest != self.program().digest

    def test_pool_divides_the_neurons(self) -> None:
        with pytest.raises(ProgramError, match="pool is 3, which does not divide the 4 neurons"):
            self.program(pool=3)

    def test_classes_are_groups_of_neurons(self) -> None:
        assert self.program(pool=2).classes == 2
