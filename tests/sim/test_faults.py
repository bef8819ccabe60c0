"""Faults: words as a chip stores them, what each fault does, and engines that agree on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from generate import random_input, random_options, random_program
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.random import Generator

import neurodeploy as nd
from neurodeploy.conditioning import condition
from neurodeploy.errors import NeurodeployError, OptionError, ProfileError
from neurodeploy.sim import RunOptions
from neurodeploy.sim.faults import (
    LOIHI,
    DeadCore,
    DeadRoute,
    DelayFlip,
    DroppedSpikes,
    DuplicatedSpikes,
    Encoding,
    Fault,
    LateSpikes,
    MessageFlip,
    NeuronFault,
    ParameterFlip,
    ParameterWord,
    Slice,
    StateFlip,
    WeightFlip,
    WeightWord,
    faulty_program,
    stored_encoding,
)
from neurodeploy.sim.faults import injector as injector_module
from neurodeploy.sim.faults.changed import weight_format
from neurodeploy.sim.faults.engine import struck
from neurodeploy.sim.faults.records import STATES
from neurodeploy.sim.faults.words import (
    MAGNITUDE,
    SIGN_MAGNITUDE,
    TWOS_COMPLEMENT,
    WordFormat,
    loihi,
    sign_magnitude,
    twos_complement,
)
from neurodeploy.sim.native import INSTRUCTION_SETS, KERNELS, NativeEngine, instruction_sets

ALL = ("s", "u", "v", "vth", "sigma", "act", "re", "im")
M = 2**23
CODES = (TWOS_COMPLEMENT, SIGN_MAGNITUDE, MAGNITUDE)


def chain(**neuron: Any) -> nd.Program:
    """Two neurons behind two inputs, then a read-out of both; weights even, of mixed sign."""
    fields = {"current_decay": 4096, "voltage_decay": 0, "threshold": 5, **neuron}
    return nd.Program(
        (nd.Input("x", (2,)),),
        (
            nd.Population("a", (2,), nd.CubaLif(**fields)),
            nd.Population("y", (1,), nd.Integrator(4096, 0)),
        ),
        (
            nd.Connection("x", "a", nd.Dense(np.array([[4, -6], [2, 100]]))),
            nd.Connection("a", "y", nd.Dense(np.array([[3, 2]]))),
        ),
        nd.Readout("y", "v"),
    )


ONES = np.ones((4, 2), np.uint8)


def same(mine: nd.Trace, theirs: nd.Trace) -> None:
    for name, array in theirs.flat().items():
        found = mine.flat()[name]
        assert found.dtype == array.dtype, name
        assert np.array_equal(found, array), name
    assert mine.activity.differences(theirs.activity) == []


# --- Words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("bits", [1, 2, 7, 8, 12])
def test_every_word_reads_a_value_that_is_stored_as_that_word(code: str, bits: int) -> None:
    form = WordFormat(bits, code, shift=1, sign=-1, offset=1)
    for word in range(2**bits):
        value = form.decode(word)
        minus_zero = code == SIGN_MAGNITUDE and word == 2 ** (bits - 1)
        assert form.encode(value) == (0 if minus_zero else word)


@given(
    code=st.sampled_from(CODES),
    word=st.integers(0, 255),
    flips=st.sets(st.integers(0, 7), min_size=1),
)
def test_a_flip_undoes_itself(code: str, word: int, flips: set[int]) -> None:
    form, bits = WordFormat(8, code, shift=1), tuple(flips)
    value = form.decode(word)
    there = form.flipped(value, bits)
    if code == SIGN_MAGNITUDE and there == 0:
        return  # minus zero reads 0: its sign is lost
    assert form.flipped(there, bits) == value


def test_words_by_hand() -> None:
    twos, sign = WordFormat(8, TWOS_COMPLEMENT, 1), WordFormat(8, SIGN_MAGNITUDE, 1)
    assert [twos.flipped(2, (bit,)) for bit in (0, 1, 6, 7)] == [0, 6, 130, -254]
    assert [sign.flipped(2, (bit,)) for bit in (0, 1, 6, 7)] == [0, 6, 130, -2]
    decay = LOIHI.parameters()["current_decay"]
    assert (decay.encode(4096), decay.flipped(4096, (0,)), decay.flipped(1, (11,))) == (
        4095,
        4095,
        2049,
    )


FORMATS: list[tuple[list[int], WordFormat]] = [
    ([-256, 254], WordFormat(8, TWOS_COMPLEMENT, 1)),
    ([-128, 127], WordFormat(8, TWOS_COMPLEMENT, 0)),
    ([-98, 74], WordFormat(7, TWOS_COMPLEMENT, 1)),
    ([-1, 3], WordFormat(3, TWOS_COMPLEMENT, 0)),
    ([0, 255], WordFormat(8, MAGNITUDE, 0)),
    ([0, 60], WordFormat(4, MAGNITUDE, 2)),
    ([-255, 0], WordFormat(8, MAGNITUDE, 0, -1)),
    ([-256, 0], WordFormat(1, MAGNITUDE, 8, -1)),
    ([0, 0], WordFormat(1, MAGNITUDE, 8)),
]


@pytest.mark.parametrize(("values", "form"), FORMATS)
def test_the_word_of_loihi_is_as_wide_as_the_weights_need(
    values: list[int], form: WordFormat
) -> None:
    matrix = np.array([values])
    assert loihi([matrix]) == form
    for value in values:
        assert form.decode(form.encode(value)) == value


def test_the_word_of_loihi_has_the_number_of_bits_that_lava_conditions_to() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        low, high = -int(rng.integers(1, 129)), int(rng.integers(1, 128))
        matrix = rng.integers(low, high + 1, (3, 5)) << int(rng.integers(0, 2))
        matrix[0, 0], matrix[0, 1] = 2 * low, 2 * high - 2 if high > 1 else 2
        matrix &= -2
        form = loihi([matrix.astype(np.int64)])
        (entry,) = condition([matrix.astype(np.int64)])
        top = 8 - entry.shift  # bits of a full word above the shift to full scale
        assert form.bits + form.shift == top + 1
        assert np.array_equal(entry.effective, matrix)


def test_even_weights_beyond_127_are_stored_as_halves() -> None:
    wide, narrow = np.array([[-200, 254]]), np.array([[-100, 98]])
    assert (twos_complement([wide]).shift, sign_magnitude([wide]).shift) == (1, 1)
    assert (twos_complement([narrow]).shift, sign_magnitude([narrow]).shift) == (0, 0)


def test_matrices_of_one_exponent_share_the_format() -> None:
    weight, own = np.array([[2, -4], [6, 8]]), np.array([[0, -200], [200, 0]])
    program = nd.Program(
        (nd.Input("x", (2,)),),
        (nd.Population("a", (2,), nd.CubaLif(0, 0, 1)),),
        (
            nd.Connection("x", "a", nd.Dense(weight), group="g"),
            nd.Connection("a", "a", nd.Dense(own), feedback=True, group="g"),
        ),
        nd.Readout("a"),
    )
    assert weight_format(program, 0, LOIHI) == weight_format(program, 1, LOIHI)
    assert weight_format(program, 0, LOIHI).bits == 8
    assert loihi([weight]).bits == 4


# --- What a fault does ---------------------------------------------------------------------------


def test_a_flipped_weight_is_the_neighbour_of_its_stored_word() -> None:
    changed = faulty_program(chain(), [WeightFlip("x->a", 1, (0,)), WeightFlip("x->a", 3, (6,))])
    assert changed.connections[0].synapse.weight.tolist() == [[4, -8], [2, 100 - 128]]
    assert faulty_program(chain(), []) == chain()


def test_a_word_that_all_neurons_share_breaks_for_all() -> None:
    shared = faulty_program(chain(), [ParameterFlip("a", "threshold", 0, (1,))])
    assert shared.populations[0].neuron.threshold.tolist() == 7
    own = faulty_program(chain(threshold=[5, 5]), [ParameterFlip("a", "threshold", 1, (1,))])
    assert own.populations[0].neuron.threshold.tolist() == [5, 7]


def test_a_dead_neuron_sends_nothing_and_a_stuck_one_always() -> None:
    clean = nd.simulate(chain(), ONES)
    assert clean["a"].s.tolist() == [[0, 1]] * 4
    dead = nd.simulate(chain(), ONES, faults=[NeuronFault("a", 1, "dead")])
    assert dead["a"].s.tolist() == [[0, 0]] * 4
    assert dead.activity.spikes["a"].tolist() == [0]
    assert dead.activity.synops_taps["a->y"].tolist() == [0]
    stuck = nd.simulate(chain(), ONES, faults=[NeuronFault("a", 0, "stuck-on")])
    assert stuck["a"].s.tolist() == [[1, 1]] * 4
    assert stuck["y"].v.reshape(-1).tolist() == [320, 640, 960, 1280]


def test_a_saturated_neuron_stays_at_its_limit_whatever_resets_it() -> None:
    found = nd.simulate(
        chain(), ONES, faults=[NeuronFault("a", 0, "saturated")], record=ALL, reset_interval=2
    )
    assert found["a"].v[:, 0].tolist() == [M - 1] * 4
    assert found["a"].s[:, 0].tolist() == [1] * 4


def test_a_state_flips_once_at_its_step() -> None:
    silent = np.zeros((4, 2), np.uint8)
    fault = StateFlip("y", "v", 0, (3, 5), 2)
    found = nd.simulate(chain(), silent, faults=[fault], record=ALL)
    assert found["y"].v.reshape(-1).tolist() == [0, 0, 40, 40]


@pytest.mark.parametrize(("variable", "read"), [("u", M), ("v", -(M - 1))])
def test_the_top_bit_of_a_state_reads_as_far_as_the_state_goes(variable: str, read: int) -> None:
    program = replace(
        chain(), populations=(chain().populations[0], nd.Population("y", (1,), nd.Integrator(0, 0)))
    )
    fault = StateFlip("y", variable, 0, (23,), 1)
    found = nd.simulate(program, np.zeros((2, 2), np.uint8), faults=[fault], record=ALL)
    assert found["y"].arrays[variable].reshape(-1).tolist() == [0, read]


def test_a_due_reset_clears_a_flipped_state() -> None:
    silent = np.zeros((4, 2), np.uint8)
    fault = StateFlip("y", "v", 0, (3,), 2)
    found = nd.simulate(chain(), silent, faults=[fault], record=ALL, reset_interval=2)
    assert not found["y"].v.any()


def test_lost_messages_are_drawn_by_column_and_are_no_events() -> None:
    everything = nd.simulate(chain(), ONES, faults=[DroppedSpikes("x->a", 1.0, 0)])
    assert not everything["a"].s.any()
    assert everything.activity.input_events["x"].tolist() == [8]
    assert everything.activity.synops_taps["x->a"].tolist() == [0]
    nothing = nd.simulate(chain(), ONES, faults=[DroppedSpikes("x->a", 0.0, 0)])
    same(nothing, nd.simulate(chain(), ONES))
    fault = DroppedSpikes("x->a", 0.25, 7)
    drawn = np.stack([struck(fault, 0, column, 1001) for column in range(40)])
    assert 0.24 < drawn.mean() < 0.26
    assert not np.array_equal(drawn[0], drawn[1])
    assert np.array_equal(drawn[3, :10], struck(fault, 0, 3, 10))


def test_a_slow_neuron_sends_each_spike_a_step_late() -> None:
    x = np.array([[1, 1], [0, 0], [1, 1], [0, 0]], np.uint8)
    clean = nd.simulate(chain(), x)["a"].s[:, 1].tolist()
    assert clean == [1, 0, 1, 0]
    for engine in ("native", "reference"):
        slow = nd.simulate(chain(), x, faults=[NeuronFault("a", 1, "slow")], engine=engine)
        assert slow["a"].s[:, 1].tolist() == [0, 1, 0, 1]


def test_messages_arrive_twice_or_late_or_are_made_up() -> None:
    x = np.array([[1, 0], [0, 0], [0, 0], [0, 0]], np.uint8)  # a fires once, in column 0
    program = chain(threshold=3)
    clean = nd.simulate(program, x)
    assert clean["a"].s[:, 0].tolist() == [1, 0, 0, 0]
    assert clean["y"].v[:, 0].tolist() == [64 * 3] * 4
    twice = nd.simulate(program, x, faults=[DuplicatedSpikes("a->y", 1.0, 0)])
    assert twice["y"].v[:, 0].tolist() == [64 * 6] * 4
    assert twice.activity.synops_taps["a->y"].tolist() == [2]
    late = nd.simulate(program, x, faults=[LateSpikes("a->y", 1.0, 0)])
    assert late["y"].v[:, 0].tolist() == [0, 64 * 3, 64 * 3, 64 * 3]
    both = nd.simulate(
        program, x, faults=[LateSpikes("a->y", 1.0, 0), DuplicatedSpikes("a->y", 1.0, 0)]
    )
    assert both["y"].v[:, 0].tolist() == [0, 64 * 6, 64 * 6, 64 * 6]
    made = nd.simulate(program, x, faults=[MessageFlip("a->y", 1, (0,), 2)])
    assert made["y"].v[:, 0].tolist() == [64 * 3, 64 * 3, 64 * 5, 64 * 5]
    gone = nd.simulate(program, x, faults=[MessageFlip("a->y", 0, (0,), 0)])
    assert not gone["y"].v.any()
    assert gone.activity.synops_taps["a->y"].tolist() == [0]


def test_a_dead_core_is_its_neurons_dead_and_a_dead_route_its_messages_lost() -> None:
    core = nd.simulate(chain(), ONES, faults=[DeadCore((Slice("a", 0, 2),))])
    same(core, nd.simulate(chain(), ONES, faults=[NeuronFault("a", n, "dead") for n in (0, 1)]))
    route = nd.simulate(chain(), ONES, faults=[DeadRoute("x->a", 0, 1)])
    assert route["a"].s.tolist() == nd.simulate(chain(), ONES * [[0, 1]])["a"].s.tolist()
    assert route.activity.input_events["x"].tolist() == [8]
    everything = nd.simulate(chain(), ONES, faults=[DeadRoute("x->a")])
    same(everything, nd.simulate(chain(), ONES, faults=[DroppedSpikes("x->a", 1.0, 0)]))


def test_a_flipped_delay_is_the_program_with_that_delay() -> None:
    def delayed(*delays: int) -> nd.Program:
        synapse = nd.Dense(np.array([[4, -6], [2, 100]]), np.array(delays)[:, None])
        connections = (nd.Connection("x", "a", synapse), chain().connections[1])
        return replace(chain(), connections=connections)

    fault = DelayFlip("x->a", 1, (1,))
    for engine in ("native", "reference"):
        found = nd.simulate(delayed(0, 1), ONES, faults=[fault], engine=engine, record=ALL)
        same(found, nd.simulate(delayed(0, 3), ONES, engine=engine, record=ALL))
    longest = faulty_program(delayed(0, 62), [DelayFlip("x->a", 1, (0,))])
    assert longest.connections[0].synapse.delay.tolist() == [[0], [62]]


def test_a_saturating_read_stays_within_the_weights() -> None:
    form = Encoding(saturating=True).weights([np.array([[-100, 98]])])
    assert (form.flipped(-100, (6,)), form.flipped(98, (6,)), form.flipped(2, (0,))) == (28, -30, 0)
    assert form.flipped(-30, (6,)) == 98
    assert LOIHI.weights([np.array([[-100, 98]])]).flipped(-30, (6,)) == 98
    assert Encoding(saturating=True).weights([np.array([[-70, 66]])]).flipped(2, (6,)) == -70


# --- Engines and batches -------------------------------------------------------------------------


def random_faults(rng: Generator, program: nd.Program, steps: int) -> list[Fault]:
    """Return some faults that exist in ``program``, of every kind that its records have."""
    found: list[Fault] = []
    for number in range(len(program.connections)):
        found += _faults_of_connection(rng, program, number, steps)
    for population in program.populations:
        found += _faults_of_population(rng, population, steps)
    count = int(rng.integers(1, 5))
    return [found[i] for i in rng.choice(len(found), min(count, len(found)), replace=False)]


def _faults_of_connection(
    rng: Generator, program: nd.Program, number: int, steps: int
) -> Iterator[Fault]:
    name, connection = program.connection_names[number], program.connections[number]
    source, synapse = program.node(connection.source), connection.synapse
    kind = (DroppedSpikes, DuplicatedSpikes, LateSpikes)[int(rng.integers(3))]
    yield kind(name, float(rng.choice([1.0, rng.random()])), int(rng.integers(2**40)))
    cell = int(rng.integers(source.size))
    yield MessageFlip(name, cell, (0,), int(rng.integers(steps)))
    yield DeadRoute(name, cell, None if rng.random() < 0.5 else cell + 1)
    if not synapse.has_weight:
        return
    weights: Any = synapse.rows
    index = int(rng.integers(weights.size))
    yield WeightWord(name, index, int(rng.choice([0, rng.integers(-256, 255), 2**31 - 1])))
    delays = getattr(synapse, "delay", None)
    if delays is not None:
        yield DelayFlip(name, int(rng.integers(delays.size)), (int(rng.integers(6)),))
    try:
        form = weight_format(program, number, LOIHI)
    except OptionError:
        return  # odd weights of mixed sign beyond 127 have no word
    for _ in range(int(rng.integers(1, 4))):
        index = int(rng.integers(weights.size))
        yield WeightFlip(name, index, (int(rng.integers(form.bits)),))


def _faults_of_population(rng: Generator, population: nd.Population, steps: int) -> Iterator[Fault]:
    neuron, name, cell = population.neuron, population.name, int(rng.integers(population.size))
    for field, form in LOIHI.parameters().items():
        words = np.reshape(getattr(neuron, field, ()), -1)
        low, high = form.decode(0), form.decode(form.mantissas[1])
        if len(words) and low <= words.min() and words.max() <= high:
            index = int(rng.integers(len(words)))
            yield ParameterFlip(name, field, index, (int(rng.integers(form.bits)),))
            yield ParameterWord(name, field, index, int(rng.integers(1, 4096)))
    for variable in (set(neuron.states) | {"residue"}) & set(STATES):
        if variable in neuron.states:
            bits = tuple(int(b) for b in rng.choice(STATES[variable], 2, replace=False))
            yield StateFlip(name, variable, cell, bits, int(rng.integers(steps)))
    kinds = ["dead", "slow"] if neuron.sends else []
    kinds += ["stuck-on"] if neuron.spikes else []
    kinds += ["saturated"] if "v" in neuron.states else []
    for kind in kinds:
        yield NeuronFault(name, cell, kind)
    yield DeadCore((Slice(name, cell // 2, cell + 1),))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32 - 1))
def test_engines_agree_on_a_list_for_each_sample(seed: int) -> None:
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    steps, batch = int(rng.integers(1, 12)), int(rng.integers(1, 5))
    data = random_input(rng, program, steps, batch)
    options = {"record": ALL} | random_options(rng, steps)
    lists = [random_faults(rng, program, steps) for _ in range(batch)]
    lists[int(rng.integers(batch))] = lists[0]
    try:
        mine = nd.simulate(program, data, faults=lists, **options)
    except NeurodeployError as error:  # a matrix of zeros that Lava cannot load
        with pytest.raises(type(error)):
            nd.simulate(program, data, faults=lists, engine="reference", **options)
        return
    same(mine, nd.simulate(program, data, faults=lists, engine="reference", **options))
    for row, own in enumerate(lists):
        one = {name: array[row : row + 1] for name, array in data.items()}
        alone = nd.simulate(program, one, faults=own, engine="reference", **options)
        for name, array in alone.flat().items():
            assert np.array_equal(mine.flat()[name][row : row + 1], array), (name, row)


@pytest.mark.parametrize("kernel", ["", *KERNELS])
@pytest.mark.parametrize("isa", INSTRUCTION_SETS)
def test_every_kernel_and_instruction_set_agrees(
    isa: str, kernel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isa not in instruction_sets():
        pytest.skip(f"no {isa} here")
    monkeypatch.setenv("NEURODEPLOY_ISA", isa)
    monkeypatch.setenv("NEURODEPLOY_KERNEL", kernel)
    for number in range(6):
        rng = np.random.default_rng((number, len(isa), len(kernel)))
        program = random_program(rng, extreme=number % 2 == 0)
        steps = 70 if number == 3 else int(rng.integers(1, 12))  # 70: more than a chunk
        data = random_input(rng, program, steps, 3)
        options = {**random_options(rng, steps), "weights": "exact", "record": ALL}
        lists = [random_faults(rng, program, steps) for _ in range(3)]
        try:
            theirs = nd.simulate(program, data, faults=lists, engine="reference", **options)
        except NeurodeployError:  # a word that the record refuses
            continue
        same(nd.simulate(program, data, faults=lists, **options), theirs)


def test_all_faults_of_a_program_run_in_one_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    class Counted(NativeEngine):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            made.append(self)
            super().__init__(*arguments, **named)

    monkeypatch.setattr(injector_module, "NativeEngine", Counted)
    monkeypatch.setattr("neurodeploy.sim.native.NativeEngine", Counted)
    rng, program = np.random.default_rng(1), chain()
    for _ in range(30):
        lists = [random_faults(rng, program, 4) for _ in range(3)]
        nd.simulate(program, ONES[None].repeat(3, 0), faults=lists)
    assert len(made) == 1


@pytest.mark.parametrize(
    "row",
    [
        (0, 0, 0, 4, 0, 1, 0, 0),  # weight
        (0, 0, 2, 0, 0, 1, 0, 0),  # connection
        (0, 1, 0, 0, 0, 1, 0, 0),  # list
        (1, 0, 0, 9, 0, 1, 0, 0),  # parameter
        (2, 0, 0, 1, 2, 0, 1, 0),  # neuron
        (3, 0, 0, 0, 0, 3, 0, 0),  # last neuron
        (4, 0, 0, 4, 0, 1, 0, 0),  # what happens
        (5, 0, 0, 0, 0, 0, 0, 0),  # kind
    ],
)
def test_the_kernels_refuse_rows_of_sites_that_are_not(row: tuple[int, ...]) -> None:
    engine = injector_module.Injector(chain(), RunOptions())
    data = engine.data(ONES[None])
    with pytest.raises(ValueError, match="no such"):
        engine.engine.run_faulty(  # type: ignore[attr-defined]
            data.arrays, np.array([row], np.int64), np.zeros(1, np.int32)
        )


@pytest.mark.parametrize("timing", ["aligned", "pipelined"])
@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_fault_of_a_word_equals_the_program_with_that_word_changed(
    engine: str, timing: str
) -> None:
    rng = np.random.default_rng(5)
    weight = 2 * rng.integers(-100, 100, (6, 9))
    program = nd.Program(
        (nd.Input("x", (9,)),),
        (nd.Population("a", (6,), nd.CubaLif(2000, 100, 60, 3)),),
        (nd.Connection("x", "a", nd.Dense(weight)),),
        nd.Readout("a"),
    )
    data = (rng.random((3, 10, 9)) < 0.5).astype(np.uint8)
    options = {"engine": engine, "timing": timing, "record": ALL}
    form = twos_complement([weight])
    for bit in range(8):
        changed = weight.copy()
        changed[2, 4] = form.decode(form.encode(int(weight[2, 4])) ^ (1 << bit))
        other = replace(program, connections=(nd.Connection("x", "a", nd.Dense(changed)),))
        fault = WeightFlip("x->a", 2 * 9 + 4, (bit,), Encoding(TWOS_COMPLEMENT))
        found = nd.simulate(program, data, faults=[fault], **options)
        same(found, nd.simulate(other, data, **options))
    neuron = nd.CubaLif(2000, 100, 60 ^ 8, 3)
    other = replace(program, populations=(nd.Population("a", (6,), neuron),))
    found = nd.simulate(program, data, faults=[ParameterFlip("a", "threshold", 0, (3,))], **options)
    same(found, nd.simulate(other, data, **options))


def test_no_faults_change_nothing_and_a_stream_takes_one_list() -> None:
    same(nd.simulate(chain(), ONES, faults=[]), nd.simulate(chain(), ONES))
    fault = NeuronFault("a", 1, "dead")
    one = nd.simulate(chain(), ONES, faults=[[fault]])
    assert one["a"].s.shape == (4, 2)
    same(one, nd.simulate(chain(), ONES, faults=[fault]))
    batch = nd.simulate(chain(), ONES[None].repeat(2, 0), faults=[[], [fault]])
    assert batch["a"].s[:, 0].tolist() == [[0, 1], [0, 0]]


# --- What is refused -----------------------------------------------------------------------------

BAD: dict[str, Any] = {
    "no connection 'x->b', there are x->a, a->y": lambda: WeightFlip("x->b", 0, (0,)),
    "no population 'b', there are a, y": lambda: ParameterWord("b", "bias", 0, 1),
    "x->a weight 4 bit 0: weight is 4, allowed are 0 to 3": lambda: WeightFlip("x->a", 4, (0,)),
    "x->a weight 0 bit 7: bit is 7, the word has bits 0 to 6": lambda: WeightFlip("x->a", 0, (7,)),
    "x->a weight -1 reads 0: weight is -1, allowed are": lambda: WeightWord("x->a", -1, 0),
    "value is 2147483648, allowed are": lambda: WeightWord("x->a", 0, 2**31),
    "bits are 1, 1, expected each once": lambda: WeightFlip("x->a", 0, (1, 1)),
    "bits are none, expected each once": lambda: WeightFlip("x->a", 0, ()),
    "Integrator has no threshold": lambda: ParameterFlip("y", "threshold", 0, (0,)),
    "word is 1, allowed are 0 to 0": lambda: ParameterFlip("a", "threshold", 1, (0,)),
    "bit is 17, the word has bits 0 to 16": lambda: ParameterFlip("a", "threshold", 0, (17,)),
    "value 0 has no 12-bit magnitude word": None,
    "field is 'gain', expected one of": lambda: ParameterFlip("a", "gain", 0, (0,)),
    "neuron is 2, allowed are 0 to 1": lambda: NeuronFault("a", 2, "dead"),
    "kind is 'odd', expected one of dead, stuck-on, slow": lambda: NeuronFault("a", 0, "odd"),
    "Integrator sends no spikes": lambda: NeuronFault("y", 0, "stuck-on"),
    "state is 'w', expected one of u, v": lambda: StateFlip("a", "w", 0, (0,), 0),
    "bit is 24, the word has bits 0 to 23": lambda: StateFlip("a", "v", 0, (24,), 0),
    "step is -1, expected 0 or more": lambda: StateFlip("a", "v", 0, (0,), -1),
    "rate is 1.5, allowed are 0 to 1": lambda: DroppedSpikes("x->a", 1.5, 0),
    "rate is nan, allowed are 0 to 1": lambda: DroppedSpikes("x->a", float("nan"), 0),
    "seed is -1, allowed are": lambda: DroppedSpikes("x->a", 0.5, -1),
    "drops 0.5 seed 0: no connection 'y->a'": lambda: DroppedSpikes("y->a", 0.5, 0),
    "doubles 2 seed 0: rate is 2, allowed are 0 to 1": lambda: DuplicatedSpikes("x->a", 2, 0),
    "delays -1 seed 0: rate is -1, allowed are 0 to 1": lambda: LateSpikes("x->a", -1, 0),
    "a dead core holds no neurons; give the slices": lambda: DeadCore(()),
    "core of a 0 to 5 dead: neurons end at 6, allowed are 1 to 2": lambda: DeadCore(
        (Slice("a", 0, 6),)
    ),
    "x->a route of 2 to the end dead: neuron is 2, allowed are 0 to 1": lambda: DeadRoute(
        "x->a", 2
    ),
    "bit is 1, a spike has bit 0 only": lambda: MessageFlip("x->a", 0, (1,), 0),
    "message 0 bit 0 step -2: step is -2": lambda: MessageFlip("x->a", 0, (0,), -2),
    "connection x->a has no delays": lambda: DelayFlip("x->a", 0, (0,)),
}


@pytest.mark.parametrize("message", BAD)
def test_faults_that_cannot_be_are_refused_in_one_line(message: str) -> None:
    program, make = chain(), BAD[message]
    if make is None:
        program = chain(current_decay=0)

        def make() -> Fault:
            return ParameterFlip("a", "current_decay", 0, (0,))

    with pytest.raises(OptionError) as caught:
        nd.simulate(program, ONES, faults=[make()])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_lists_that_do_not_fit_are_refused() -> None:
    fault, batch = NeuronFault("a", 0, "dead"), ONES[None].repeat(3, 0)
    with pytest.raises(OptionError, match="faults: 2 lists are given for 3 samples"):
        nd.simulate(chain(), batch, faults=[[fault], []])
    with pytest.raises(OptionError, match="expected one list of faults, or one list for each"):
        nd.simulate(chain(), batch, faults=[fault, []])  # type: ignore[list-item]
    with pytest.raises(OptionError, match="'dead' is none, expected records of faults"):
        nd.simulate(chain(), ONES, faults=[["dead"]])  # type: ignore[list-item]
    with pytest.raises(OptionError, match="engine 'lava' takes none"):
        nd.simulate(chain(), ONES, faults=[fault], engine="lava", timing="pipelined")


def test_weights_without_words_and_unknown_encodings_are_refused() -> None:
    with pytest.raises(OptionError, match="weights -3 to 129 need 9-bit words, 8 are kept"):
        loihi([np.array([[-3, 129]])])
    with pytest.raises(OptionError, match="weights -256 to 254 do not fit 8-bit sign-magnitude"):
        sign_magnitude([np.array([[-256, 254]])])
    with pytest.raises(OptionError, match="weight encoding is 'gray', expected one of loihi"):
        Encoding("gray")
    assert stored_encoding("loihi1") == LOIHI
    with pytest.raises(ProfileError, match="profile speck2: states no stored encoding"):
        stored_encoding("speck2")
