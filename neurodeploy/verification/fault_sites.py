"""Where a network can break: sites, the kinds of fault of each, and the faults that are tried.

Each (site, kind) is a row of a campaign. Faults of one row are numbered; where there are more than
the sample needs, numbers are drawn without repetition, a function of seed, site and kind alone.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.accuracy import Z95
from neurodeploy.draws import NORMAL_SEEDS, counter_words, integers
from neurodeploy.errors import OptionError
from neurodeploy.program import Program
from neurodeploy.sim.faults import (
    DeadCore,
    DelayFlip,
    DroppedSpikes,
    DuplicatedSpikes,
    Encoding,
    Fault,
    LateSpikes,
    MessageFlip,
    NeuronFault,
    ParameterFlip,
    StateFlip,
    WeightFlip,
    WordFormat,
)
from neurodeploy.sim.faults.broken import NEURON_KINDS
from neurodeploy.sim.faults.changed import weight_format
from neurodeploy.sim.faults.places import MESSAGE_BITS
from neurodeploy.sim.faults.records import STATES

Faults = tuple[Fault, ...]

FEW = 128
"""So many faults of a row are all tried, whatever the sample needs."""


@dataclass(frozen=True)
class Sampling:
    """What a campaign tries. flips : bits inverted together in one word. margin : wanted half width
    of the 95 % interval of the share of critical faults. rates : of flipped bits among all weights
    of a connection, and among those of all. drops : of lost, doubled and late messages. draws :
    random draws at each rate. cores : that may die. complete : every flip of stored words, and
    nothing else.
    """

    seed: int
    encoding: Encoding
    flips: int
    margin: float
    rates: tuple[float, ...]
    drops: tuple[float, ...]
    draws: int
    cores: tuple[DeadCore, ...] = ()
    complete: bool = False


@dataclass(frozen=True)
class Trials:
    """The faults of one row. of : faults that there are, None where they are drawn at a rate.

    injections : lists of faults that act together. bits : of the flipped word, one entry for each
    injection, empty where no single word is flipped. runs : whether they act while a program runs.
    """

    site: str
    kind: str
    of: int | None
    injections: tuple[Faults, ...]
    bits: tuple[tuple[int, ...], ...]
    runs: bool


def sample_size(of: int, margin: float) -> int:
    """Return how many of ``of`` faults show the share of critical ones to within ``margin``.

    ``ceil(N / (1 + e^2 (N - 1) / (z^2 p (1 - p))))`` with p = 1/2 and z of 95 %.

    Source: Leveugle et al., DATE 2009, "Statistical fault injection: quantified error and
    confidence".
    """
    return math.ceil(of / (1 + margin**2 * (of - 1) / (Z95**2 / 4)))


def sites(program: Program, steps: int, sampling: Sampling) -> Iterator[Trials | str]:
    """Yield the rows of ``program``, or why a site is left out.

    Raises OptionError for more flips than a word has bits.
    """
    for number, name in enumerate(program.connection_names):
        yield from _weights(program, number, name, sampling)
        yield from _delays(program, number, name, sampling)
    for population in program.populations:
        yield from _parameters(population.name, population.neuron, sampling)
    if sampling.complete:
        return
    yield from _all_weights(program, sampling)
    for population in program.populations:
        for variable in population.neuron.states:
            if variable in STATES:
                yield _states(population.name, population.size, variable, steps, sampling)
        yield from _neurons(population.name, population.size, population.neuron, sampling)
    for number, name in enumerate(program.connection_names):
        yield _messages(program, number, name, steps, sampling)
        for rate in sampling.drops:
            yield from _at_rate(name, rate, sampling)
    if sampling.cores:
        cores = tuple((core,) for core in sampling.cores)
        yield Trials("cores", "dead", len(cores), cores, (), runs=True)


def _weights(
    program: Program, number: int, name: str, sampling: Sampling
) -> Iterator[Trials | str]:
    rows = program.connections[number].synapse.rows
    if rows is None:
        return
    site, size = f"{name} weight", rows.size
    try:
        form = weight_format(program, number, sampling.encoding)
    except OptionError as error:
        yield f"{site}: {error}"
        return

    def flip(word: int, bits: tuple[int, ...]) -> Fault:
        return WeightFlip(name, word, bits, sampling.encoding)

    yield _flips(site, size, form.bits, flip, sampling)
    for rate in () if sampling.complete else sampling.rates:
        draws = weight_flips(
            program, sampling.encoding, rate, sampling.draws, sampling.seed, (name,)
        )
        yield Trials(site, f"bit rate {rate:g}", None, draws, (), runs=False)


def _all_weights(program: Program, sampling: Sampling) -> Iterator[Trials]:
    """Yield flips at a rate among the weights of all connections together."""
    stored = []
    for number, name in enumerate(program.connection_names):
        if program.connections[number].synapse.has_weight:
            try:
                weight_format(program, number, sampling.encoding)
            except OptionError:
                return
            stored.append(name)
    for rate in sampling.rates if len(stored) > 1 else ():
        draws = weight_flips(
            program, sampling.encoding, rate, sampling.draws, sampling.seed, stored
        )
        yield Trials("all weights", f"bit rate {rate:g}", None, draws, (), runs=False)


def weight_flips(
    program: Program,
    encoding: Encoding,
    rate: float,
    draws: int,
    seed: int,
    connections: Sequence[str],
) -> tuple[Faults, ...]:
    """Return random draws of flipped bits of the weights of some connections.

    Each bit flips with probability ``rate``; a function of seed, connection, rate and the number of
    the draw.
    """
    found = []
    for draw in range(draws):
        flips: list[Fault] = []
        for name in connections:
            number = program.connection_names.index(name)
            form = weight_format(program, number, encoding)
            rows = program.connections[number].synapse.rows
            size = 0 if rows is None else rows.size
            stream = _stream(seed, f"{name} weight", f"bit rate {rate:g}")
            words, bits = np.divmod(_chosen(stream, draw, rate, size * form.bits), form.bits)
            flips += [
                WeightFlip(name, word, (bit,), encoding)
                for word, bit in zip(words.tolist(), bits.tolist(), strict=True)
            ]
        found.append(tuple(flips))
    return tuple(found)


def _delays(program: Program, number: int, name: str, sampling: Sampling) -> Iterator[Trials]:
    delay = getattr(program.connections[number].synapse, "delay", None)
    if delay is None:
        return

    def flip(word: int, bits: tuple[int, ...]) -> Fault:
        return DelayFlip(name, word, bits, sampling.encoding)

    yield _flips(f"{name} delay", delay.size, sampling.encoding.delay_bits, flip, sampling)


def _parameters(name: str, neuron: Any, sampling: Sampling) -> Iterator[Trials | str]:
    for field, form in sampling.encoding.parameters().items():
        if field not in neuron.roles:
            continue
        values = np.reshape(getattr(neuron, field), -1)
        missing = _first_without_word(values, form)
        if missing is not None:
            yield f"{name} {field}: {missing}"
            continue

        def flip(word: int, bits: tuple[int, ...], field: str = field) -> Fault:
            return ParameterFlip(name, field, word, bits, sampling.encoding)

        yield _flips(f"{name} {field}", len(values), form.bits, flip, sampling)


def _first_without_word(values: NDArray[Any], form: WordFormat) -> str | None:
    for value in np.unique(values):
        try:
            form.encode(int(value))
        except OptionError as error:
            return str(error)
    return None


def _states(name: str, size: int, variable: str, steps: int, sampling: Sampling) -> Trials:
    def flip(word: int, bits: tuple[int, ...]) -> Fault:
        step, index = divmod(word, size)
        return StateFlip(name, variable, index, bits, step)

    return _flips(f"{name} {variable}", size * steps, STATES[variable], flip, sampling, runs=True)


def _neurons(name: str, size: int, neuron: Any, sampling: Sampling) -> Iterator[Trials]:
    exists = dict.fromkeys(NEURON_KINDS, neuron.spikes) | {"saturated": "v" in neuron.states}
    for kind in (kind for kind in NEURON_KINDS if exists[kind]):
        cells = _numbers(sampling, f"{name} neuron", kind, size, 1)
        faults = tuple((NeuronFault(name, cell, kind),) for cell, _ in cells)
        yield Trials(f"{name} neuron", kind, size, faults, (), runs=True)


def _messages(program: Program, number: int, name: str, steps: int, sampling: Sampling) -> Trials:
    source = program.connections[number].source
    binary = program.connections[number].synapse.binarises and not program.is_graded(source, None)
    size = program.node(source).size

    def flip(word: int, bits: tuple[int, ...]) -> Fault:
        step, index = divmod(word, size)
        return MessageFlip(name, index, bits, step)

    width = 1 if binary else MESSAGE_BITS
    single = replace(sampling, flips=min(sampling.flips, width))
    return _flips(f"{name} message", size * steps, width, flip, single, runs=True)


_RATES = {"dropped": DroppedSpikes, "doubled": DuplicatedSpikes, "late": LateSpikes}


def _at_rate(name: str, rate: float, sampling: Sampling) -> Iterator[Trials]:
    site = f"{name} spikes"
    for verb, fault in _RATES.items():
        kind = f"{verb} {rate:g}"
        first = _stream(sampling.seed, site, kind)
        faults = tuple((fault(name, rate, first + draw),) for draw in range(sampling.draws))
        yield Trials(site, kind, None, faults, (), runs=True)


def _flips(
    site: str,
    words: int,
    width: int,
    fault: Callable[[int, tuple[int, ...]], Fault],
    sampling: Sampling,
    *,
    runs: bool = False,
) -> Trials:
    """Return flips of ``sampling.flips`` bits of one word."""
    if sampling.flips > width:
        raise OptionError(
            f"fault: flips is {sampling.flips}, the words of {site} have {width} bits"
        )
    kind = "bit flip" if sampling.flips == 1 else f"{sampling.flips} bit flips"
    ways = math.comb(width, sampling.flips)
    numbers = _numbers(sampling, site, kind, words, ways)
    bits = tuple(_subset(way, sampling.flips) for _, way in numbers)
    faults = tuple((fault(word, own),) for (word, _), own in zip(numbers, bits, strict=True))
    return Trials(site, kind, words * ways, faults, bits, runs)


def _subset(rank: int, size: int) -> tuple[int, ...]:
    """Return the subset of that rank in colexicographic order: ``rank = sum comb(bit_i, i)``."""
    found = []
    for count in range(size, 0, -1):
        bit = count - 1
        while math.comb(bit + 1, count) <= rank:
            bit += 1
        rank -= math.comb(bit, count)
        found.append(bit)
    return tuple(reversed(found))


def _numbers(
    sampling: Sampling, site: str, kind: str, words: int, ways: int
) -> list[tuple[int, int]]:
    """Return (word, way) pairs: all of them, or a sample without repetition, in their order."""
    wanted = sample_size(words * ways, sampling.margin)
    if sampling.complete or max(wanted, FEW) >= words * ways:
        return [divmod(number, ways) for number in range(words * ways)]
    stream, tried = _stream(sampling.seed, site, kind), 2 * wanted
    while True:
        word = integers(sampling.seed, tried, words, stream)
        way = integers(sampling.seed, tried, ways, (stream + 1) % 2**32)
        found = list(dict.fromkeys(zip(word.tolist(), way.tolist(), strict=True)))
        if len(found) >= wanted:
            return sorted(found[:wanted])
        tried *= 2


def _chosen(stream: int, draw: int, rate: float, count: int) -> NDArray[np.intp]:
    """Return which of ``count`` bits flip, each with probability ``rate``."""
    words = counter_words(NORMAL_SEEDS, stream % 2**32, 1 + draw, count, second=True)
    return np.flatnonzero(words.astype(np.uint64) < np.uint64(round(rate * 2**32)))


def _stream(seed: int, site: str, kind: str) -> int:
    """Return the stream of a row: rows that come or go do not move the others."""
    return zlib.crc32(f"{seed}/{site}/{kind}".encode())
