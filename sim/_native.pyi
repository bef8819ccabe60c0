"""Compiled kernels of the native engine."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Int32 = NDArray[np.int32]
_Int64 = NDArray[np.int64]
_Bytes = NDArray[np.uint8]

def instruction_sets() -> list[str]: ...
def surrogates() -> list[str]: ...
def models() -> list[Model]: ...
def tally(
    bits: _Bytes,
    classes: _Int32,
    starts: _Int64,
    columns: _Int32,
    amounts: _Int64,
    out: _Int64,
    threads: int,
) -> None: ...

class Model:
    @property
    def name(self) -> str: ...
    @property
    def states(self) -> list[str]: ...
    @property
    def parameters(self) -> list[str]: ...
    @property
    def ports(self) -> list[str]: ...
    @property
    def graded(self) -> bool: ...
    @property
    def gain(self) -> bool: ...
    @property
    def fires(self) -> bool: ...
    @property
    def cleared(self) -> bool: ...

class Population:
    shape: Sequence[int]
    by_rows: bool
    model: str
    parameters: dict[str, _Int32]
    gain: _Int32 | None
    signature: _Int32 | None
    reset: str
    theta_shift: int
    low: int
    high: int
    message_shift: int
    reset_interval: int
    reset_column: int
    lead: int
    def __init__(self) -> None: ...

class Edge:
    population: int
    port: int
    source: int
    lag: int
    graded: bool
    weight: _Int32 | None
    columns: Sequence[int]
    row_delays: Sequence[int]
    delays: _Int32 | None
    shift: int
    stride: Sequence[int]
    padding: Sequence[int]
    dilation: Sequence[int]
    groups: int
    def __init__(self) -> None: ...

class Network:
    def __init__(self, instruction_set: str = "", kernel: str = "") -> None: ...
    @property
    def instruction_set(self) -> str: ...
    @property
    def state_bytes(self) -> int: ...
    def add_input(self, shape: Sequence[int]) -> None: ...
    def add_population(self, population: Population) -> None: ...
    def add_edge(self, edge: Edge) -> None: ...
    def add_fan_out(self, source: int, taps: _Int32, nonzero: _Int32) -> None: ...
    def describe(self, edge: Edge, latest: int) -> None: ...
    def seal(self) -> None: ...
    @property
    def operations(self) -> int: ...
    def efforts(self) -> list[tuple[int, str, int, int]]: ...
    @property
    def held_bytes(self) -> int: ...
    def operation_reports(
        self,
    ) -> list[tuple[str, int, int, tuple[int, int] | None, list[str], str]]: ...
    def population_reports(self) -> list[tuple[int, int, bool, str, str]]: ...
    def lanes(self, population: int) -> int: ...
    def order(self, population: int) -> list[int]: ...
    def run(
        self,
        column: int,
        steps: int,
        inputs: Sequence[NDArray[Any]],
        state_in: _Bytes | None,
        state_out: _Bytes | None,
        records: Sequence[tuple[int, int, NDArray[Any]]],
        counts: _Int64,
        threads: int,
        faults: _Int64 | None = None,
        owners: _Int32 | None = None,
        input_rows: _Int32 | None = None,
    ) -> None: ...

def train_forward(
    a: NDArray[np.float32],
    current_decay: _Int32,
    voltage_decay: _Int32,
    threshold: _Int32,
    bias: _Int32,
    spiking: bool,
    s: NDArray[np.float32],
    v: NDArray[np.float32],
    u: NDArray[np.float32] | None,
    threads: int,
    instruction_set: str = "",
) -> None: ...
def train_backward(
    grad_s: NDArray[np.float32] | None,
    grad_v: NDArray[np.float32] | None,
    s: NDArray[np.float32],
    v: NDArray[np.float32],
    u: NDArray[np.float32] | None,
    current_decay: _Int32,
    voltage_decay: _Int32,
    threshold: _Int32,
    surrogate: str,
    width: float,
    unit: float,
    spiking: bool,
    reset_gradient: bool,
    grad_a: NDArray[np.float32],
    sums: NDArray[np.float64] | None,
    threads: int,
    instruction_set: str = "",
) -> None: ...
def encode_rate(
    x: _Int32,
    index: _Int64,
    steps: int,
    peak: int,
    seed: int,
    draw: int,
    out: _Bytes,
    threads: int,
    instruction_set: str = "",
) -> None: ...
def encode_latency(
    x: _Int32, steps: int, peak: int, out: _Bytes, threads: int, instruction_set: str = ""
) -> None: ...
def encode_level(
    x: _Int32,
    channels: int,
    peak: int,
    levels: int,
    out: _Bytes,
    threads: int,
    instruction_set: str = "",
) -> None: ...
def encode_delta(x: _Int64, threshold: int, out: _Bytes, threads: int) -> None: ...
def train_pack(
    x: NDArray[np.float32], bits: NDArray[np.uint32], threads: int, instruction_set: str = ""
) -> bool: ...
def train_layer_forward(
    bits: NDArray[np.uint32],
    window: _Int32,
    weight: NDArray[np.float32],
    current_decay: _Int32,
    voltage_decay: _Int32,
    threshold: _Int32,
    bias: _Int32,
    spiking: bool,
    s: NDArray[np.float32],
    v: NDArray[np.float32],
    spikes: NDArray[np.uint32],
    patterns: NDArray[np.uint32],
    threads: int,
    instruction_set: str = "",
) -> bool: ...
def train_layer_backward(
    grad_s: NDArray[np.float32] | None,
    grad_v: NDArray[np.float32] | None,
    v: NDArray[np.float32],
    patterns: NDArray[np.uint32],
    current_decay: _Int32,
    voltage_decay: _Int32,
    threshold: _Int32,
    surrogate: str,
    width: float,
    unit: float,
    spiking: bool,
    reset_gradient: bool,
    grad_a: NDArray[np.float32] | None,
    weight: NDArray[np.float32],
    totals: NDArray[np.float64] | None,
    threads: int,
    instruction_set: str = "",
) -> None: ...
