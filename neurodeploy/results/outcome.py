"""``result.json`` and ``metrics.jsonl``: the outcome of a training run, `neurodeploy.runs`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from neurodeploy.results.counted import Counted
from neurodeploy.results.tested import Tested
from neurodeploy.run_folder import FORMAT, plain

Versions = Mapping[str, str | int]


@dataclass(frozen=True)
class TrainedOn:
    """The data set of a training. samples : part -> number. digest : of the data set.

    Older files may lack all but name.
    """

    name: str
    source: str = ""
    split_seed: int | None = None
    samples: Mapping[str, int] = field(default_factory=dict)
    digest: str = ""

    def tested(self, part: str, samples: int | None = None) -> Tested:
        """Return the label of a result on the first ``samples`` of ``part``, all for None."""
        whole = self.samples.get(part)
        return Tested(
            self.name, part, whole if samples is None else samples, whole, "", self.split_seed
        )


@dataclass(frozen=True)
class TrainedAccuracy:
    """Accuracies of the torch model and of the Program lowered from it; None: not measured."""

    validation_trained: Counted | None = None
    test_trained: Counted | None = None
    test_integer: Counted | None = None


@dataclass(frozen=True)
class LoweringCheck:
    """Torch model against integer network on the test samples."""

    engine: str
    samples: int
    spike_differences: int
    score_differences: int


@dataclass(frozen=True)
class StreamCheck:
    """The pipelined stream of test samples against the samples run one by one.

    See `neurodeploy.verification.stream`.
    """

    samples: int
    columns: int
    reset_interval: int
    reset_offset: int
    engine: str
    spike_differences: int
    samples_different: int
    busy_samples: int
    accuracy: Counted
    identical: bool


@dataclass(frozen=True)
class TimingRule:
    """Whether aligned and pipelined time agree, and why."""

    rule: str
    needs_reset: bool
    reason: str


@dataclass(frozen=True)
class TrainedLayer:
    """One layer. bits : effective bits of the weights over its channels."""

    name: str
    kind: str
    weights: int
    bits_min: float
    bits_mean: float
    bits_max: float
    shape: tuple[int, ...] = ()
    unit: float | None = None
    rate: float | None = None


@dataclass(frozen=True)
class Epochs:
    """How long was trained, and which epoch was kept."""

    epochs: int
    best_epoch: int
    seconds: tuple[float, ...] = ()
    seconds_mean: float | None = None


@dataclass(frozen=True)
class Epoch:
    """One line of metrics.jsonl. validation_held : only of interval training."""

    epoch: int
    loss: float
    validation_accuracy: float
    learning_rate: float | None = None
    seconds: float | None = None
    validation_held: float | None = None


@dataclass(frozen=True)
class Outcome:
    """``result.json``. stream, timing : None in files without them.

    config_sha256 : digest of the configuration. program_sha256 : of program.h5. weights_sha256 : of
    the float parameters behind it. encoder : kind and settings, as in the program's metadata.
    """

    name: str
    seed: int
    data: TrainedOn
    accuracy: TrainedAccuracy
    lowering: LoweringCheck
    epochs: Epochs
    encoder: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
    stream: StreamCheck | None = None
    timing: TimingRule | None = None
    layers: tuple[TrainedLayer, ...] = ()
    versions: Versions = field(default_factory=dict)
    config_sha256: str = ""
    program_sha256: str = ""
    weights_sha256: str = ""

    @property
    def exact(self) -> bool:
        """Whether nothing was lost on the way from torch to integers."""
        return self.lowering.spike_differences == self.lowering.score_differences == 0

    def to_dict(self) -> dict[str, Any]:
        """Return the content of ``result.json``."""
        return {"format": FORMAT, **{name: plain(value) for name, value in vars(self).items()}}
