"""The configuration of a training run: TOML, read strictly, refused in one clear line."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from neurodeploy.encode import ENCODERS
from neurodeploy.errors import OptionError, located
from neurodeploy.schema import nearest
from neurodeploy.train.consistency import check_consistency
from neurodeploy.train.methods import (
    Homeostasis,
    Hook,
    Interval,
    Loss,
    NotNegative,
    Perturbation,
)
from neurodeploy.train.specs import (
    Conv,
    Count,
    Dense,
    Flatten,
    LayerSpec,
    Neuron,
    Readout,
    Spec,
    SumPool,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SCHEMA = 1
"""Version of the configuration's meaning; part of its digest."""


class Data(Spec):
    """name : as for `neurodeploy.data.load_data`. The rest limit the samples of each part."""

    name: str
    train_samples: Count | None = None
    validation_samples: Count | None = None
    test_samples: Count | None = None


def _known_encoder(kind: str) -> str:
    if kind not in ENCODERS:
        raise PydanticCustomError("encoder", f"expected one of {', '.join(ENCODERS)}")
    return kind


class EncoderSpec(Spec):
    """How data become columns; see `neurodeploy.encode`.

    kind : a name of `neurodeploy.encode.ENCODERS`. steps : columns with data; left out for a
    series, which brings its own. gap : silent columns after each sample. levels : of direct
    (default 255) and level (8). threshold : of delta. seed : of rate. Encoders that were added may
    have other fields; whole numbers, all of them.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int]

    kind: Annotated[str, AfterValidator(_known_encoder)]
    steps: Count | None = None
    gap: Annotated[int, Field(ge=0, le=100_000)] = 0
    levels: Annotated[int, Field(ge=1, le=2**16)] | None = None
    threshold: Count | None = None
    seed: Annotated[int, Field(ge=0, le=2**62)] | None = None


class Optimizer(Spec):
    """kind : ``"adam"``, ``"adamw"`` (weight decay apart from the gradient) or ``"sgd"``.

    schedule : ``"cosine"`` to zero over all steps, or ``"constant"``. momentum : of sgd, default
    0.9.
    """

    kind: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: Annotated[float, Field(gt=0, le=100)] = 2e-3
    momentum: Annotated[float, Field(ge=0, lt=1)] | None = None
    weight_decay: NotNegative = 0.0
    schedule: Literal["cosine", "constant"] = "cosine"


class Training(Spec):
    """epochs, batch : samples per step. freeze_epochs : last epochs with batch-norm frozen.

    clip : limit of the gradient's norm, 0 for none. threads : of torch, None for all cores.
    device : ``"cpu"``, or a GPU: ``"cuda"``, ``"cuda:1"``; lowering and checks stay on the CPU.
    select : the epoch that is kept: the best on the validation part as it is (``"clean"``), with
    interval training of its mean with what the bounds hold; or under the perturbation at its whole
    budget (``"perturbed"``); or the ``"last"``. average : share that the averaged weights keep in
    each step; those are validated and lowered. 0 for none.
    """

    later: ClassVar[frozenset[str]] = frozenset({"select", "average"})

    epochs: Annotated[int, Field(ge=1, le=100_000)] = 10
    batch: Count = 64
    freeze_epochs: Annotated[int, Field(ge=0, le=100_000)] = 0
    clip: NotNegative = 0.0
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    device: Annotated[str, Field(pattern=r"^(cpu|cuda(:\d{1,3})?)$")] = "cpu"
    select: Literal["clean", "perturbed", "last"] = "clean"
    average: Annotated[float, Field(ge=0, lt=1)] = 0.0


class Config(Spec):
    """A whole run. layer : in order; the last one classifies. seed : of everything random.

    hook : what is done to the weights after each step, in order.
    """

    later: ClassVar[frozenset[str]] = frozenset({"hook", "homeostasis", "interval"})

    name: str = "run"
    seed: Annotated[int, Field(ge=0, le=2**62)] = 1
    data: Data
    encoder: EncoderSpec
    neuron: Neuron = Neuron()
    layer: tuple[LayerSpec, ...] = Field(strict=False, min_length=1)
    readout: Readout = Readout()
    loss: Loss = Loss()
    perturbation: Perturbation = Perturbation()
    interval: Interval | None = None
    hook: tuple[Hook, ...] = Field(default=(), strict=False)
    homeostasis: Homeostasis | None = None
    optimizer: Optimizer = Optimizer()
    training: Training = Training()

    @property
    def digest(self) -> str:
        """SHA-256 of all settings, defaults filled in; ``name``, ``threads`` and a CPU aside.

        Settings that came later are left out at their default: no digest changed with them.
        """
        settings = _without_later(self, self.model_dump(mode="json"))
        settings.pop("name")
        settings["training"].pop("threads")
        if self.training.device == "cpu":  # as before there was a choice
            settings["training"].pop("device")
        text = json.dumps({"schema": SCHEMA, **settings}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def _without_later(spec: Any, table: Any) -> Any:
    """Return the dumped ``table`` of ``spec`` without what is `Spec.later` and at its default."""
    if isinstance(spec, tuple):
        return [_without_later(item, entry) for item, entry in zip(spec, table, strict=True)]
    if not isinstance(spec, Spec):
        return table
    defaults = type(spec).model_fields
    return {
        name: _without_later(getattr(spec, name), entry)
        for name, entry in table.items()
        if name not in spec.later or getattr(spec, name) != defaults[name].default
    }


def read_config(path: str | Path) -> Config:
    """Return the configuration in a TOML file.

    Raises OptionError that names the file, the entry, its value and what is expected.
    """
    text = read_text(path)
    with located(str(path)):
        return parse_config(text)


def read_text(path: str | Path) -> str:
    """Return the text of a configuration file, or raise OptionError naming it."""
    with located(str(path)):
        try:
            return Path(path).read_bytes().decode("utf-8")
        except OSError as error:
            raise OptionError(f"cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise OptionError("is not UTF-8 text") from error


def parse_config(text: str) -> Config:
    """Return the configuration in TOML text; see `read_config`."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise OptionError(f"is not TOML: {error}") from error
    _inherit_neuron(table)
    try:
        config = Config.model_validate(table)
    except ValidationError as error:
        raise OptionError(_first_problem(error)) from error
    check_consistency(config)
    return config


def _inherit_neuron(table: dict[str, Any]) -> None:
    """Let a layer's neuron table override single entries of the network's."""
    base, layers = table.get("neuron", {}), table.get("layer")
    if not isinstance(base, dict) or not isinstance(layers, list):
        return
    for layer in layers:
        if isinstance(layer, dict) and isinstance(layer.get("neuron"), dict):
            layer["neuron"] = {**base, **layer["neuron"]}


def to_toml(config: Config) -> str:
    """Return ``config`` as TOML text; what was left to its default is left out."""
    table = config.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    layers = [
        {"kind": spec.kind, **entries}
        for spec, entries in zip(config.layer, table.pop("layer"), strict=True)
    ]
    rows = [("layer", entries) for entries in layers]
    rows += [("hook", entries) for entries in table.pop("hook", [])]
    lines = [_line(key, value) for key, value in table.items() if not isinstance(value, dict)]
    for name, entries in table.items():
        if isinstance(entries, dict):
            lines += ["", f"[{name}]", *(_line(key, value) for key, value in entries.items())]
    for name, entries in rows:
        lines += ["", f"[[{name}]]", *(_line(key, value) for key, value in entries.items())]
    return "\n".join(lines) + "\n"


def _line(key: str, value: Any) -> str:
    return f"{key} = {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(_line(name, item) for name, item in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value)  # texts, numbers and flags read alike in TOML


_VARIANTS: dict[str, type[BaseModel]] = {
    "dense": Dense,
    "conv": Conv,
    "pool": SumPool,
    "flatten": Flatten,
}


def _first_problem(error: ValidationError) -> str:
    """Return one line: the entry, its value, what is expected, and the nearest known key."""
    problems = error.errors(include_url=False)
    # An unknown key explains more than the key that is missing because of it.
    problem = min(problems, key=lambda p: p["type"] != "extra_forbidden")
    where, kind = problem["loc"], problem["type"]
    name = _entry(where)
    if kind == "extra_forbidden":
        return f"{name}: unknown key, {nearest(str(where[-1]), _known_keys(where[:-1]))}"
    if kind == "missing":
        return f"{name}: is missing"
    if kind == "union_tag_not_found":
        return f"{name}: has no kind, expected one of {', '.join(_VARIANTS)}"
    value = problem["input"]
    if kind == "union_tag_invalid":
        value, expected = value.get("kind"), f"expected one of {', '.join(_VARIANTS)}"
        return f"{name}.kind: {value!r}, {expected}"
    message = problem["msg"]
    return f"{name}: {value!r}, {message[0].lower()}{message[1:]}"


def _entry(where: tuple[int | str, ...]) -> str:
    """Return ``layer 2 (dense).size`` for ``("layer", 1, "dense", "size")``."""
    text = ""
    for item in where:
        if isinstance(item, int):
            text += f" {item + 1}"
        elif item in _VARIANTS and text.startswith("layer "):
            text += f" ({item})"
        else:
            text += f".{item}" if text else str(item)
    return text or "configuration"


def _known_keys(where: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Config
    for item in where:
        if isinstance(item, int) or item == "layer":
            continue
        if item in _VARIANTS and model is Config:
            model = _VARIANTS[str(item)]
            continue
        annotation = model.model_fields[str(item)].annotation
        options = [annotation, *get_args(annotation)]
        model = next(o for o in options if isinstance(o, type) and issubclass(o, BaseModel))
    return list(model.model_fields)
