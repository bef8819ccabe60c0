"""Corruptions that nobody chose: of values in the data's own space, of events in time.

Every random number is a function of seed, corruption, sample number and place, the same at every
level, so that a curve compares like with like.

Source: kinds after Hendrycks and Dietterich, ICLR 2019, arXiv:1903.12261.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.attack.chance import stream, uniforms
from neurodeploy.data.presentation import Presentation
from neurodeploy.draws import normals
from neurodeploy.registry import ByName

Data = NDArray[Any]
Change = Callable[[Presentation, float, int], Data]
"""``change(data, level, seed)``: the data of all samples at a level, before rounding."""


@dataclass(frozen=True)
class Corruption:
    """One kind. levels : rising. unit : of a level. of : data it applies to, see `APPLIES`."""

    levels: tuple[float, ...]
    unit: str
    of: str
    change: Change


def corrupted(corruption: Corruption, data: Presentation, level: float, seed: int) -> Data:
    """Return the data of all samples at a level: rounded half to even, clipped to the range."""
    domain = data.domain
    changed = np.rint(corruption.change(data, level, seed))
    return np.asarray(np.clip(changed, domain.low, domain.high), np.int32)


def _values(data: Presentation) -> bool:
    return data.graded or not data.encoder.identity


def _images(data: Presentation) -> bool:
    return _values(data) and not data.encoder.of_series and data.x.ndim >= 3


def _events(data: Presentation) -> bool:
    return not _values(data)


APPLIES: dict[str, Callable[[Presentation], bool]] = {
    "values": _values,
    "images": _images,
    "events": _events,
}


def applicable(data: Presentation) -> tuple[str, ...]:
    """Return the names of the corruptions that ``data`` can suffer, in their order."""
    return tuple(name for name, kind in CORRUPTIONS.items() if APPLIES[kind.of](data))


def uniform(data: Presentation, level: float, seed: int) -> Data:
    """``x + level * (high - low) * t``, t uniform in -1 to 1, each value anew."""
    draws = _draws(data, "uniform", seed, _size(data)).reshape(data.x.shape)
    return np.asarray(data.x + level * _width(data) * (2 * draws - 1))


def salt_and_pepper(data: Presentation, level: float, seed: int) -> Data:
    """A share ``level`` of the values becomes the lowest or the highest there is."""
    draws = _draws(data, "salt and pepper", seed, _size(data)).reshape(data.x.shape)
    ends = np.where(draws < level / 2, data.domain.high, data.domain.low)
    return np.where(draws < level, ends, data.x)


def occlusion(data: Presentation, level: float, seed: int) -> Data:
    """A square of a share ``level`` of the image, anywhere in it, becomes the value nearest to 0.

    Sides ``round(sqrt(level) * H)`` and ``round(sqrt(level) * W)``, at least 1.
    """
    height, width = data.x.shape[-2:]
    tall, wide = (max(1, round(level**0.5 * side)) for side in (height, width))
    draws = _draws(data, "occlusion", seed, 2)
    top = np.floor(draws[:, :1] * (height - tall + 1))
    left = np.floor(draws[:, 1:] * (width - wide + 1))
    line, column = np.arange(height), np.arange(width)
    rows = (line >= top) & (line < top + tall)
    columns = (column >= left) & (column < left + wide)
    hidden = rows[:, :, None] & columns[:, None, :]
    hidden = hidden.reshape(len(data), *[1] * (data.x.ndim - 3), height, width)
    return np.where(hidden, np.clip(0, data.domain.low, data.domain.high), data.x)


def contrast(data: Presentation, level: float, seed: int) -> Data:
    """``m + (1 - level) * (x - m)``, m the mean of the sample."""
    mean = _mean(data)
    return mean + (1 - level) * (data.x - mean)


def brightness(data: Presentation, level: float, seed: int) -> Data:
    """``x + level * (high - low)``."""
    return data.x + level * _width(data)


def blur(data: Presentation, level: float, seed: int) -> Data:
    """Gaussian filter of ``level`` pixels over the two last axes, edges continued."""
    from scipy.ndimage import gaussian_filter

    sigma = (*[0.0] * (data.x.ndim - 2), level, level)
    return np.asarray(gaussian_filter(data.x.astype(np.float64), sigma, mode="nearest"))


def rotation(data: Presentation, level: float, seed: int) -> Data:
    """Turned by ``level`` degrees, left or right at random, bilinear; 0 comes in at the corners."""
    from scipy.ndimage import rotate

    right = _draws(data, "rotation", seed, 1)[:, 0] < 0.5
    turned = data.x.astype(np.float64)
    fill = float(np.clip(0, data.domain.low, data.domain.high))
    axes = (data.x.ndim - 1, data.x.ndim - 2)
    for sign, rows in ((1, right), (-1, ~right)):
        if rows.any():
            turned[rows] = rotate(
                turned[rows], sign * level, axes, reshape=False, order=1, cval=fill
            )
    return turned


def jitter(data: Presentation, level: float, seed: int) -> Data:
    """Each event moves by ``round(level * n)`` steps, n standard normal; two in a cell are one.

    Events stay within the sample.
    """
    count = _size(data)
    draws = normals(seed, data.index, count, stream("jitter")).reshape(data.x.shape)
    sample, step, *rest = np.nonzero(data.x)
    old = (sample, step, *rest)
    to = np.rint(step + level * draws[old]).astype(np.int64)
    changed = np.zeros_like(data.x)
    new = (sample, np.clip(to, 0, _ends(data)[sample] - 1), *rest)
    changed[new] = 1
    return changed


def dropped(data: Presentation, level: float, seed: int) -> Data:
    """Each event is lost with probability ``level``."""
    draws = _draws(data, "dropped", seed, _size(data)).reshape(data.x.shape)
    return np.where(draws < level, 0, data.x)


def added(data: Presentation, level: float, seed: int) -> Data:
    """Each cell without event gets one with probability ``level`` times the sample's share of them.

    None comes in behind the end of a sample.
    """
    draws = _draws(data, "added", seed, _size(data)).reshape(data.x.shape)
    held = (data.x != 0).reshape(len(data), -1).mean(1)
    chance = level * held.reshape(-1, *[1] * (data.x.ndim - 1))
    step = np.arange(data.x.shape[1]).reshape(1, -1, *[1] * (data.x.ndim - 2))
    inside = step < _ends(data).reshape(-1, *[1] * (data.x.ndim - 1))
    return np.where((data.x == 0) & (draws < chance) & inside, 1, data.x)


def late(data: Presentation, level: float, seed: int) -> Data:
    """All events come ``level`` steps later; those behind the last step are lost."""
    steps = min(int(level), data.x.shape[1])
    changed = np.zeros_like(data.x)
    changed[:, steps:] = data.x[:, : data.x.shape[1] - steps]
    return changed


CORRUPTIONS: ByName[Corruption] = ByName(
    "corruption",
    {
        "uniform": Corruption((0.1, 0.2, 0.3, 0.5), "share of the range", "values", uniform),
        "salt and pepper": Corruption(
            (0.02, 0.05, 0.1, 0.2), "share of the values", "values", salt_and_pepper
        ),
        "occlusion": Corruption((0.05, 0.1, 0.2, 0.3), "share of the image", "images", occlusion),
        "contrast": Corruption((0.25, 0.5, 0.75, 0.9), "share lost", "values", contrast),
        "brightness": Corruption((0.1, 0.2, 0.3, 0.5), "share of the range", "values", brightness),
        "blur": Corruption((0.5, 1.0, 1.5, 2.0), "pixels", "images", blur),
        "rotation": Corruption((5.0, 10.0, 20.0, 30.0), "degrees", "images", rotation),
        "jitter": Corruption((0.5, 1.0, 2.0, 4.0), "steps", "events", jitter),
        "dropped": Corruption((0.05, 0.1, 0.2, 0.4), "share of the events", "events", dropped),
        "added": Corruption((0.05, 0.1, 0.2, 0.4), "share of the events", "events", added),
        "late": Corruption((1.0, 2.0, 4.0), "steps", "events", late),
    },
)
"""Every corruption, with its levels."""


def _size(data: Presentation) -> int:
    return int(np.prod(data.x.shape[1:], dtype=np.int64))


def _width(data: Presentation) -> int:
    return data.domain.high - data.domain.low


def _mean(data: Presentation) -> NDArray[np.float64]:
    mean = data.x.reshape(len(data), -1).mean(1)
    return np.asarray(mean.reshape(-1, *[1] * (data.x.ndim - 1)))


def _ends(data: Presentation) -> NDArray[np.int64]:
    lengths = data.split.lengths
    return np.full(len(data), data.x.shape[1]) if lengths is None else lengths


def _draws(data: Presentation, name: str, seed: int, count: int) -> NDArray[np.float64]:
    return uniforms(seed, data.index, count, stream("corruption", name))
