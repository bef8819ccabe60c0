"""NetX neuron groups and the records they stand for.

Source: lava-dl 0.6.0, `Network.get_neuron_params` and `AbstractBlock._neuron`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.converters.netx.source import RawNeuron
from neurodeploy.converters.netx.values import (
    Note,
    Shape,
    as_stored_integers,
    exact,
    from_file,
    one,
    spread,
    stored_as_integers,
    truncated,
)
from neurodeploy.errors import FormatError
from neurodeploy.fixedpoint import BIAS_BITS, DECAY_ONE, MANTISSA_SHIFT, IntArray, M
from neurodeploy.neuron import (
    THRESHOLD_MAX,
    CubaLif,
    Delta,
    Integrator,
    Neuron,
    ResonateFire,
    ResonateFireIz,
    Sigma,
    SigmaDelta,
)

CHIP_THRESHOLD_MAX = 2**17 - 1
"""Largest threshold mantissa of the chip (17 bits)."""
NEVER = 2**18 - 1
"""Threshold that slayer writes for layers without spikes: above the range of v."""
STATE_EXP = 6
"""Fraction bits that netx gives sigma-delta states below a message."""
UNHEEDED_DEFAULTS = {
    "refDelay": ((0, 1), "Lava has no refractory period"),
    "gradedSpike": ((0,), "Lava sends 0/1 spikes"),
    "wgtExp": ((0,), "Lava uses the weights as they are"),
    "weight_exp": ((0,), "Lava uses the weights as they are"),
}
"""Key that netx ignores -> (values without effect, what Lava does instead)."""


@dataclass(frozen=True)
class Place:
    """Where a neuron group stands.

    where : path of the layer. role : ``"input"``, ``"dense"``, ``"complex"`` or ``"conv"``.
    shape : (N,) or (C, H, W). lava : the same neurons in Lava. bias : as stored, or None.
    """

    where: str
    role: str
    shape: Shape
    lava: Shape
    bias: NDArray[Any] | None
    spike_exp: int


def read_neuron(raw: RawNeuron | None, place: Place, note: Note) -> Neuron:
    """Return the record of a ``neuron`` group; a dense layer without one integrates.

    Raises FormatError for what Lava cannot load or run.
    """
    if raw is None:
        if place.role != "dense":
            raise FormatError(f"{place.where}: has no 'neuron', which a {place.role} layer needs")
        return Integrator(0, DECAY_ONE, _bias(place, note))
    kind = family(raw)
    if (kind == "RF") != (place.role == "complex"):
        _refuse_resonators(raw, place)
    _note_unheeded(raw, note)
    if "messageBits" in raw.keys:
        if kind != "RF":
            raise FormatError(
                f"{raw.where}/messageBits: is set, Lava stops at it; remove it from the file"
            )
        note(f"{raw.where}/messageBits: is ignored by Lava for {raw.kind} neurons")
    with from_file(raw.where):
        if kind == "CUBA":
            return _cuba(raw, place, note)
        return _sigma_delta(raw, place, note) if kind == "SDNN" else _resonator(raw, place, note)


def family(raw: RawNeuron) -> str:
    """Return ``"CUBA"``, ``"SDNN"`` or ``"RF"``, chosen as netx does."""
    if raw.kind in ("LOIHI", "CUBA"):
        return "CUBA"
    if raw.kind == "SDNN":
        return "SDNN"
    if "RF" in raw.kind:
        return "RF"
    raise FormatError(
        f"{raw.where}/type: is {raw.kind!r}, Lava loads CUBA, LOIHI, SDNN, RF_PHASE and "
        "RF_IZHIKEVICH"
    )


def _refuse_resonators(raw: RawNeuron, place: Place) -> None:
    if place.role == "complex":
        raise FormatError(
            f"{raw.where}/type: is {raw.kind!r}, a complex dense layer needs resonate-and-fire"
        )
    raise FormatError(
        f"{raw.where}/type: is {raw.kind!r}, Lava runs resonate-and-fire only behind a dense layer "
        "with weight/real and weight/imag"
    )


def _note_unheeded(raw: RawNeuron, note: Note) -> None:
    for key, (harmless, instead) in UNHEEDED_DEFAULTS.items():
        value = raw.values.get(key)
        if isinstance(value, np.ndarray) and not np.all(np.isin(value, harmless)):
            shown = value[~np.isin(value, harmless)].reshape(-1)[0]
            note(f"{raw.where}/{key}: is {shown}, which is ignored: {instead}")
    activation = raw.values.get("activation")
    if isinstance(activation, str) and activation.lower() != "relu":
        note(f"{raw.where}/activation: is {activation!r}, which is ignored: Lava runs ReLU")


def _parameter(raw: RawNeuron, key: str) -> NDArray[Any]:
    value = raw.values.get(key)
    if not isinstance(value, np.ndarray):
        raise FormatError(f"{raw.where}: has no {key!r}, which {raw.kind} neurons need")
    return value


def _cuba(raw: RawNeuron, place: Place, note: Note) -> CubaLif | Integrator:
    """du = iDecay - 1, dv = vDecay, vth = vThMant, bias exponent 6."""
    decays = {}
    for key in ("iDecay", "vDecay"):
        where = f"{raw.where}/{key}"
        values = _without_leading_ones(stored_as_integers(_parameter(raw, key), where), place)
        decays[key] = spread(values, place.lava, place.shape, where)
        _note_range(decays[key], 0, DECAY_ONE, where, note)
    threshold = _threshold(raw, place, note)
    bias = _bias(place, note)
    _note_wrapped_bias(bias, place, note)
    if np.all(threshold == NEVER):
        return Integrator(decays["iDecay"], decays["vDecay"], bias)
    never = _out_of_reach(threshold)
    _note_range(threshold, 0, CHIP_THRESHOLD_MAX, f"{raw.where}/vThMant", note, never)
    return CubaLif(decays["iDecay"], decays["vDecay"], threshold, bias)


def _threshold(raw: RawNeuron, place: Place, note: Note) -> IntArray:
    """Lava shifts an array by 6 bits within its own type; a single number has room.

    Beyond +-(2^25 - 1) a threshold is kept as that: v lies within +-(2^23 - 1), so that the test
    ``v > threshold << 6`` has one outcome from +-2^17 on, and the Program computes the same.
    """
    where = f"{raw.where}/vThMant"
    stored = as_stored_integers(_parameter(raw, "vThMant"), where)
    kept = (stored << MANTISSA_SHIFT) >> MANTISSA_SHIFT if stored.ndim else stored
    if np.any(kept != stored):
        changed = int(np.flatnonzero(kept != stored)[0])
        note(
            f"{where}: is stored as {stored.dtype}, in which Lava's shift by 6 bits overflows: "
            f"{stored.reshape(-1)[changed]} becomes {kept.reshape(-1)[changed]}"
        )
    if np.any(kept > THRESHOLD_MAX) or np.any(kept < -THRESHOLD_MAX):
        outside = kept[(kept > THRESHOLD_MAX) | (kept < -THRESHOLD_MAX)].reshape(-1)[0]
        note(
            f"{where}: holds {outside}, kept as {THRESHOLD_MAX if outside > 0 else -THRESHOLD_MAX}"
            f", which is the same to v of 24 bits"
        )
    lowest, highest = _range(kept)
    low, high = max(-THRESHOLD_MAX, lowest), min(THRESHOLD_MAX, highest)
    return spread(np.clip(kept, low, high).astype(np.int64), place.lava, place.shape, where)


def _range(values: NDArray[Any]) -> tuple[int, int]:
    """Lowest and highest value of an integer type."""
    info = np.iinfo(values.dtype)
    return int(info.min), int(info.max)


def _out_of_reach(threshold: IntArray) -> str:
    """Say of how many neurons no v of 24 bits reaches the threshold."""
    silent = threshold << MANTISSA_SHIFT >= M - 1
    if not np.any(silent):
        return ""
    who = "the neurons" if np.all(silent) else f"{np.count_nonzero(silent)} of the neurons"
    return f", where {who} never spike since v stays below {M >> MANTISSA_SHIFT}"


def _without_leading_ones(values: IntArray, place: Place) -> IntArray:
    """Drop axes of length 1 that numpy ignores when Lava assigns the result to the state."""
    while values.ndim > len(place.lava) and values.shape[0] == 1:
        values = values[0]
    return values


def _note_range(
    values: IntArray, low: int, high: int, where: str, note: Note, more: str = ""
) -> None:
    if values.min() < low or values.max() > high:
        outside = values.min() if values.min() < low else values.max()
        note(f"{where}: holds {outside}, the chip has {low} to {high}; Lava runs it{more}")


def _bias(place: Place, note: Note) -> IntArray:
    """Bias as Lava's blocks spread it: per channel or in full for maps, anything that fits else."""
    if place.bias is None:
        return np.asarray(0, dtype=np.int64)
    where = f"{place.where}/bias"
    values = truncated(place.bias, where, note)
    if len(place.lava) == 3 and values.shape != place.lava:
        if values.shape[:1] != place.lava[-1:]:
            raise FormatError(
                f"{where}: has shape {values.shape}, expected ({place.lava[-1]},) or {place.lava}"
            )
    elif len(place.lava) == 1:
        values = _without_leading_ones(values, place)
    return spread(values, place.lava, place.shape, where)


def _note_wrapped_bias(bias: IntArray, place: Place, note: Note) -> None:
    limit = 1 << (BIAS_BITS - 1)
    if bias.min() < -limit or bias.max() >= limit:
        outside = int(bias.min() if bias.min() < -limit else bias.max())
        note(
            f"{place.where}/bias: holds {outside}, Lava wraps it to 16 bits: "
            f"{(outside + limit) % (2 * limit) - limit}"
        )


def _sigma_delta(raw: RawNeuron, place: Place, note: Note) -> Neuron:
    """Delta for an input, Sigma where ``sigma_output`` is present, SigmaDelta otherwise."""
    if place.role != "input" and "sigma_output" in raw.keys:
        if place.bias is not None:
            raise FormatError(
                f"{place.where}/bias: is set, a sigma_output layer has none and Lava stops; "
                "remove it from the file"
            )
        return Sigma()
    where = f"{raw.where}/vThMant"
    reason = "which Lava runs in units of 1/4096 and a Program holds as a whole number"
    threshold = one(exact(_parameter(raw, "vThMant"), where, reason), where)
    if place.role == "input":
        return Delta(threshold, spike_exp=place.spike_exp)
    return SigmaDelta(threshold, _bias(place, note), spike_exp=place.spike_exp)


def _resonator(raw: RawNeuron, place: Place, note: Note) -> ResonateFire:
    if raw.kind not in ("RF_PHASE", "RF_IZHIKEVICH"):
        shown = "RF_PHASE" if "PHASE" in raw.kind else "RF_IZHIKEVICH"
        note(f"{raw.where}/type: is {raw.kind!r}, Lava runs it as plain {shown}")
    reason = "which Lava runs as it is and a Program holds as a whole number"
    decays = {}
    for key in ("sinDecay", "cosDecay"):
        where = f"{raw.where}/{key}"
        values = exact(_parameter(raw, key), where, reason)
        decays[key] = spread(values, place.lava, place.shape, where)
    where = f"{raw.where}/vThMant"
    threshold = one(exact(_parameter(raw, "vThMant"), where, reason), where)
    record = ResonateFire if "PHASE" in raw.kind else ResonateFireIz
    return record(decays["sinDecay"], decays["cosDecay"], threshold)
