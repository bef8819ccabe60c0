"""NetX files for tests, put together key by key as lava-dl's slayer writes them."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neurodeploy.errors import EngineError
from neurodeploy.sim import lava_job

Layer = dict[str, Any]
Array = np.ndarray[Any, Any]


def write_net(path: Path, *layers: Layer | None) -> Path:
    """Write the groups ``layer/0``, ``layer/1`` ... to ``path``; None leaves a number out."""
    with h5py.File(path, "w") as file:
        file.create_group("layer")
        for index, layer in enumerate(layers):
            if layer is not None:
                _put(file.create_group(f"layer/{index}"), layer)
    return path


def _put(group: Any, values: Layer) -> None:
    for key, value in values.items():
        if isinstance(value, dict):
            _put(group.create_group(key), value)
        elif key == "type" and group.name.count("/") == 2 and isinstance(value, str):
            group.create_dataset(key, (1,), "S10", [value.encode()])
        else:
            group.create_dataset(key, data=value)


def cuba(**changes: Any) -> Layer:
    values = {"type": "CUBA", "iDecay": 1024, "vDecay": 128, "vThMant": 40}
    return {**values, "refDelay": 1, "gradedSpike": False, **changes}


def sdnn(**changes: Any) -> Layer:
    return {"type": "SDNN", "activation": "relu", "vThMant": 1, **changes}


def resonator(**changes: Any) -> Layer:
    values = {"type": "RF_PHASE", "sinDecay": 1200, "cosDecay": 3800, "vThMant": 5}
    return {**values, "gradedSpike": False, **changes}


def weights(*shape: int) -> Array:
    """Even weights of both signs, the same for the same shape."""
    rng = np.random.default_rng(sum(shape))
    return rng.integers(-30, 50, shape).astype(np.float32) * 2


def dense(size: int, inputs: int, **changes: Any) -> Layer:
    """A dense layer; ``neuron=None`` leaves the neuron out."""
    values: Layer = {
        "type": "dense",
        "shape": [size],
        "weight": weights(size, inputs),
        "neuron": cuba(),
    }
    return _without_none({**values, **changes})


def recurrent(size: int, inputs: int, **changes: Any) -> Layer:
    own = weights(size, size)
    return dense(size, inputs, **{"type": "dense_rec", "weight_rec": own, **changes})


def complex_dense(size: int, inputs: int, **changes: Any) -> Layer:
    parts = {"real": weights(size, inputs), "imag": -weights(size, inputs)}
    return dense(size, inputs, **{"weight": parts, "neuron": resonator(), **changes})


def conv(shape: tuple[int, int, int], channels: int, kernel: int = 3, **changes: Any) -> Layer:
    values: Layer = {
        "type": "conv",
        "shape": shape,
        "weight": weights(shape[0], channels, kernel, kernel),
        "stride": [1, 1],
        "padding": [0, 0],
        "dilation": [1, 1],
        "groups": 1,
        "neuron": cuba(),
    }
    return _without_none({**values, **changes})


def pool(shape: tuple[int, int, int], window: int = 2, **changes: Any) -> Layer:
    """A pool as slayer writes it; ``neuron=None`` leaves the neurons out."""
    values: Layer = {
        "type": "pool",
        "shape": shape,
        "weight": np.full((1, 1, window, window), 64, np.float32),
        "kernelSize": [window, window],
        "stride": [window, window],
        "padding": [0, 0],
        "dilation": [1, 1],
        "neuron": cuba(),
    }
    return _without_none({**values, **changes})


def average(groups: int) -> Layer:
    return {"type": "average", "shape": [groups, 1, 1]}


def source(*shape: int, **changes: Any) -> Layer:
    return _without_none({"type": "input", "shape": shape, **changes})


def flatten() -> Layer:
    return {"type": "flatten", "shape": [1]}


def _without_none(values: Layer) -> Layer:
    return {key: value for key, value in values.items() if value is not None}


def _lava_dl_data() -> Path | None:
    """Folder of the networks and records that lava-dl ships with its tests."""
    try:
        found = Path(str(importlib.metadata.distribution("lava-dl").locate_file("tests")))
    except importlib.metadata.PackageNotFoundError:
        try:
            root = lava_job.interpreter().parent.parent
        except EngineError:
            return None
        found = next(iter(root.glob("lib/python*/site-packages/tests")), root)
    found = found / "lava/lib/dl/netx"
    return found if found.is_dir() else None


LAVA_DL = _lava_dl_data() or Path("lava-dl is not installed")
needs_lava_dl = pytest.mark.skipif(
    not LAVA_DL.is_dir(), reason="lava-dl, which ships these networks and records, is not here"
)
