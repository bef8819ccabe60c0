"""Encoders as a user writes them: ``rate:steps=16,peak=255,seed=3``."""

from __future__ import annotations

from dataclasses import MISSING, fields

from neurodeploy.encode.encoder import Encoder
from neurodeploy.encode.registry import ENCODERS
from neurodeploy.errors import OptionError, alike

ENCODER_HELP = (
    "KIND:FIELD=N,..., such as rate:steps=16 or direct:steps=6,levels=15; kinds are direct, rate, "
    "latency (still data), delta, level and columns (series). peak and the steps of a series are "
    "the data's where they are left out."
)
"""What ``--help`` says of ``--encoder E``."""


def encoder_from_text(text: str, *, steps: int | None = None, peak: int | None = None) -> Encoder:
    """Return the encoder that ``KIND:FIELD=N,FIELD=N`` describes.

    steps, peak : taken where the text leaves them out, as a data set knows them.

    Raises OptionError that names the kind or field, and what there is.
    """
    kind, _, rest = text.partition(":")
    chosen = ENCODERS.named(kind.strip())
    known = {field.name: field for field in fields(chosen)}
    values = {n: v for n, v in (("steps", steps), ("peak", peak)) if v is not None}
    given: dict[str, int] = {}
    for item in (item.strip() for item in rest.split(",")):
        if not item:
            continue
        name, _, value = (word.strip() for word in item.partition("="))
        if name not in known:
            near = alike(name, known)
            hint = f"; did you mean {near!r}?" if near else ""
            raise OptionError(
                f"encoder {kind}: has no {name!r}, there are {', '.join(known)}{hint}"
            )
        if name in given:
            raise OptionError(f"encoder {kind}: {name} is given twice")
        given[name] = _whole(kind, name, value)
    values.update(given)
    for name, field in known.items():
        if name not in values and field.default is MISSING:
            raise OptionError(
                f"encoder {kind}: {name} is missing; write {kind}:{name}=N"
                f"{',' + rest if rest else ''}"
            )
    return chosen(**values)


def encoder_text(encoder: Encoder) -> str:
    """Return ``encoder`` as `encoder_from_text` reads it."""
    items = ",".join(f"{field.name}={getattr(encoder, field.name)}" for field in fields(encoder))
    return f"{encoder.kind}:{items}"


def _whole(kind: str, name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise OptionError(f"encoder {kind}: {name} is {value!r}, expected a whole number") from None
