"""Neuron records: the parameters of the integer neuron models, without state or time.

Parameters are int32 arrays of shape ``()``, ``(N,)``, ``(C, 1, 1)`` or the population's full shape;
they broadcast against ``(*leading, *shape)``. What each model computes per step is written in
`neurodeploy.sim.reference`, one rule per line.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import ProgramError, located
from neurodeploy.fixedpoint import DECAY_BITS, DECAY_ONE, M
from neurodeploy.record import Integers, Record, Role, grown, integers, whole

DECAY_FIELD_MAX = 2**16 - 1
"""Decays lie in 0..4096; Lava runs any 16-bit value, so records hold them and writers refuse."""
THRESHOLD_MAX = 2**25 - 1
"""Largest threshold mantissa: ``threshold << 6`` must fit int32."""
INITIAL_MAX = M - 1
"""Largest magnitude of ``initial``: the value at which v saturates."""
RESETS = ("zero", "subtract", "none")

Names = tuple[str, ...]
Family = str | None


@dataclass(frozen=True, eq=False)
class Neuron(Record):
    """Base of all neuron records: what each states of itself, so that others need not ask its type.

    family : ``"cuba"``, ``"sigma-delta"``, ``"resonate-and-fire"``, or what a new model calls it;
        models of one family share states and the fields that move them.
    states : what is kept between steps, in the order of the compiled kernels, whether it can be
        recorded or not.
    variables : names that an engine can record, ``s`` first.
    ports : names of the inputs that a connection can drive.
    spikes : whether ``s`` is the 0/1 outcome of a spike test. graded : whether ``s`` carries int32
        messages. A neuron with neither sends nothing.
    resets : whether a due reset of the run clears the states.
    roles : of every field, see `Role`.
    """

    family: ClassVar[Family] = None
    states: ClassVar[Names] = ()
    variables: ClassVar[Names] = ("s",)
    ports: ClassVar[Names] = ("a",)
    spikes: ClassVar[bool] = False
    graded: ClassVar[bool] = False
    resets: ClassVar[bool] = False

    @property
    def sends(self) -> bool:
        """Whether ``s`` can be other than 0."""
        return self.spikes or self.graded

    @property
    def moving_threshold(self) -> bool:
        """Whether the threshold is a state, ``vth``, rather than a parameter alone."""
        return "vth" in self.states

    @property
    def per_step(self) -> tuple[str, ...]:
        """Fields whose first axis is the step of the sample rather than space."""
        return tuple(name for name, role in self.roles.items() if role.per == "step")

    def check_shapes(self, shape: tuple[int, ...]) -> None:
        """Raise ProgramError unless every array broadcasts against ``shape`` as documented."""
        allowed = {(), shape} | ({(shape[0], 1, 1)} if len(shape) == 3 else set())
        for name, role in self.roles.items():
            found = np.shape(getattr(self, name))
            if role.per == "neuron" and found not in allowed:
                raise ProgramError(
                    f"{name} has shape {found}, expected one of "
                    f"{', '.join(str(s) for s in sorted(allowed, key=len))}"
                )

    def _check(self, name: str, low: int, high: int) -> None:
        with located(type(self).__name__):
            self._set(name, integers(name, getattr(self, name), low, high))


_CUBA: Mapping[str, Role] = {
    "current_decay": Role("decay", "1/4096 of u a step"),
    "voltage_decay": Role("decay", "1/4096 of v a step"),
    "bias": Role("bias", "64 in v"),
    "initial": Role("initial", "1 in v"),
}


def _check_cuba(neuron: CubaLif | Integrator) -> None:
    neuron._check("current_decay", -DECAY_FIELD_MAX, DECAY_FIELD_MAX)
    neuron._check("voltage_decay", -DECAY_FIELD_MAX, DECAY_FIELD_MAX)
    neuron._check("bias", -(2**31), 2**31 - 1)
    neuron._check("initial", -INITIAL_MAX, INITIAL_MAX)


@dataclass(frozen=True, eq=False)
class CubaLif(Neuron):
    """Current-based leaky integrate-and-fire neuron (NetX ``CUBA``).

    current_decay, voltage_decay : 12-bit decays d; the keep factor is (4096 - d) / 4096.
    threshold : mantissa; a spike needs v > threshold << 6.
    bias : mantissa, wrapped to 16 bits, added to v as bias << 6 in every step.
    reset : ``"zero"`` (v = 0), ``"subtract"`` (v - 64 * threshold) or ``"none"`` after a spike.
    gain : int32 ``(T,)`` or None; step c of the sample multiplies input and bias by gain[c] instead
        of 64 (DLIF).
    initial : raw v at the start of a sample and after every due reset, where u = 0; neither Lava
        nor NetX has another value than 0.

    Source: lava-nc 0.10.0 `PyLifModelBitAcc`; gain: Ding et al., ICML 2024, arXiv:2405.20694, 3.2.
    """

    current_decay: Integers
    voltage_decay: Integers
    threshold: Integers
    bias: Integers = 0
    reset: str = "zero"
    gain: Integers | None = None
    initial: Integers = grown(0)

    family: ClassVar[Family] = "cuba"
    states: ClassVar[Names] = ("u", "v")
    variables: ClassVar[Names] = ("s", "u", "v")
    ports: ClassVar[Names] = ("a", "bias")
    spikes: ClassVar[bool] = True
    resets: ClassVar[bool] = True
    roles: ClassVar[Mapping[str, Role]] = {
        **_CUBA,
        "threshold": Role("threshold", "64 in v"),
        "reset": Role("mode", "name", "setting"),
        "gain": Role("gain", "1 in u for a current of 1, 1 in v for a bias of 1", "step"),
    }

    def __post_init__(self) -> None:
        _check_cuba(self)
        self._check("threshold", -THRESHOLD_MAX, THRESHOLD_MAX)
        if self.reset not in RESETS:
            raise ProgramError(
                f"{type(self).__name__}: reset is {self.reset!r}, expected one of {RESETS}"
            )
        if self.gain is not None:
            self._check("gain", -(2**15), 2**15 - 1)
            if np.ndim(self.gain) != 1 or np.size(self.gain) == 0:
                raise ProgramError(
                    f"{type(self).__name__}: gain has shape {np.shape(self.gain)}, "
                    "expected (T,) with T >= 1"
                )


@dataclass(frozen=True, eq=False)
class HomeostaticLif(CubaLif):
    """CUBA-LIF whose threshold follows the error against a stored clean trajectory (TA-LIF).

    Per step, before the spike test:
    ``vth = clamp(vth + ((theta * (v - signature[c])) >> shift), low, high)``, 64-bit product,
    starting from threshold << 6; frozen outside the steps 0..T-1 of the sample.

    theta : non-negative gains, int32, any parameter shape.
    signature : int32 ``(T, *shape)`` in units of v.
    shift : right shift (floor) of the product. low, high : limits of vth in units of v.

    Source: Geng and Li, arXiv:2308.10373, section 3; integer form of this project.
    """

    theta: Integers = 0
    signature: Integers = 0
    shift: int = 12
    low: int = 64
    high: int = 2**23 - 1

    states: ClassVar[Names] = ("u", "v", "vth")
    variables: ClassVar[Names] = ("s", "u", "v", "vth")
    roles: ClassVar[Mapping[str, Role]] = {
        **CubaLif.roles,
        "theta": Role("adaptation", "2^-shift in vth for 1 in v"),
        "signature": Role("adaptation", "1 in v", "step"),
        "shift": Role("adaptation", "bits", "setting"),
        "low": Role("adaptation", "1 in v", "setting"),
        "high": Role("adaptation", "1 in v", "setting"),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("theta", 0, 2**24)
        with located("HomeostaticLif"):
            self._set("signature", integers("signature", self.signature))
            self._set("shift", whole("shift", self.shift, 0, 31))
            self._set("low", whole("low", self.low, -(2**31)))
            self._set("high", whole("high", self.high, self.low))

    def check_shapes(self, shape: tuple[int, ...]) -> None:
        super().check_shapes(shape)
        found = np.shape(self.signature)
        if found[1:] != shape or found[:1] in ((), (0,)):
            expected = ", ".join(str(size) for size in shape)
            raise ProgramError(f"signature has shape {found}, expected (T, {expected}), T >= 1")


@dataclass(frozen=True, eq=False)
class Integrator(Neuron):
    """CUBA-LIF without the spike test: a read-out of u or v. ``s`` is always 0.

    initial : as in `CubaLif`.

    Source: what lava-dl 0.6.0 netx builds for a dense layer without ``neuron`` (a LIF whose
    threshold lies above the range of v).
    """

    current_decay: Integers
    voltage_decay: Integers
    bias: Integers = 0
    initial: Integers = grown(0)

    family: ClassVar[Family] = "cuba"
    states: ClassVar[Names] = ("u", "v")
    variables: ClassVar[Names] = ("s", "u", "v")
    ports: ClassVar[Names] = ("a", "bias")
    resets: ClassVar[bool] = True
    roles: ClassVar[Mapping[str, Role]] = _CUBA

    def __post_init__(self) -> None:
        _check_cuba(self)


@dataclass(frozen=True, eq=False)
class _SigmaDeltaFamily(Neuron):
    """Fields of the sigma-delta family.

    threshold : a message needs ``|d| >= threshold << (spike_exp + 6)``.
    bias : added as ``bias << (spike_exp + 6)``. spike_exp : fraction bits of a message.
    """

    threshold: Integers = 0
    bias: Integers = 0
    spike_exp: int = 6

    family: ClassVar[Family] = "sigma-delta"
    graded: ClassVar[bool] = True
    unused: ClassVar[Names] = ()
    roles: ClassVar[Mapping[str, Role]] = {
        "threshold": Role("threshold", "2^(spike_exp + 6) in act"),
        "bias": Role("bias", "2^(spike_exp + 6) in act"),
        "spike_exp": Role("mode", "bits", "setting"),
    }

    def __post_init__(self) -> None:
        self._check("threshold", -(2**31), 2**31 - 1)
        self._check("bias", -(2**31), 2**31 - 1)
        with located(type(self).__name__):
            self._set("spike_exp", whole("spike_exp", self.spike_exp, 0, 24))
            for name in self.unused:
                if np.any(np.asarray(getattr(self, name))):
                    raise ProgramError(f"{name} must be 0, this neuron has none")


@dataclass(frozen=True, eq=False)
class Delta(_SigmaDeltaFamily):
    """Sends the change of its input when that is large enough (NetX SDNN input block)."""

    states: ClassVar[Names] = ("act", "residue")
    variables: ClassVar[Names] = ("s", "act")
    unused: ClassVar[Names] = ("bias",)


@dataclass(frozen=True, eq=False)
class SigmaDelta(_SigmaDeltaFamily):
    """Sums messages, applies bias and ReLU, sends the change of the result (NetX ``SDNN``)."""

    states: ClassVar[Names] = ("sigma", "act", "residue")
    variables: ClassVar[Names] = ("s", "sigma", "act")


@dataclass(frozen=True, eq=False)
class Sigma(_SigmaDeltaFamily):
    """Sums messages and sends the sum (NetX ``sigma_output``)."""

    states: ClassVar[Names] = ("sigma",)
    variables: ClassVar[Names] = ("s", "sigma")
    unused: ClassVar[Names] = ("threshold", "bias")


@dataclass(frozen=True, eq=False)
class ResonateFire(Neuron):
    """Resonate-and-fire neuron that spikes when the phase crosses zero (NetX ``RF_PHASE``).

    sin_decay, cos_decay : int32, as NetX stores them; the multipliers that Lava runs are
        `coefficients`. threshold : mantissa; a spike needs re >= threshold << 6.
    """

    sin_decay: Integers
    cos_decay: Integers
    threshold: Integers

    family: ClassVar[Family] = "resonate-and-fire"
    states: ClassVar[Names] = ("re", "im")
    variables: ClassVar[Names] = ("s", "re", "im")
    ports: ClassVar[Names] = ("re", "im")
    spikes: ClassVar[bool] = True
    roles: ClassVar[Mapping[str, Role]] = {
        "sin_decay": Role("decay", "1/4096 a step"),
        "cos_decay": Role("decay", "1/4096 a step"),
        "threshold": Role("threshold", "64 in re"),
    }

    def __post_init__(self) -> None:
        self._check("sin_decay", -DECAY_FIELD_MAX, DECAY_FIELD_MAX)
        self._check("cos_decay", -DECAY_FIELD_MAX, DECAY_FIELD_MAX)
        self._check("threshold", -THRESHOLD_MAX, THRESHOLD_MAX)

    def coefficients(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the (sin, cos) multipliers, in 1/4096, after netx's and Lava's float round trip.

        period = 1 / (atan2(sin, cos) / 2 / pi); alpha = 1 - sqrt(sin^2 + cos^2);
        multiplier = int32((1 - alpha) * sin|cos(2 pi / period) * 4096), truncated.

        In exact arithmetic that is the identity: the last bit of the functions decides whether the
        truncation takes 1 away. They are those of the C library, value by value, so that a program
        is the same everywhere. Lava takes numpy's, which are the same ones unless numpy 1.26 finds
        AVX-512: there it has its own, and one pair of decays in eight gives another multiplier.

        Source: lava-dl 0.6.0 `slayer/neuron/rf.py`, lava-nc 0.10.0 `rf/process.py`.
        """
        sin, cos = np.broadcast_arrays(self.sin_decay, self.cos_decay)
        pairs = {pair: _round_trip(*pair) for pair in zip(sin.flat, cos.flat, strict=True)}
        found = [pairs[pair] for pair in zip(sin.flat, cos.flat, strict=True)]
        both = np.array(found, np.int64).reshape(*sin.shape, 2)
        return both[..., 0], both[..., 1]


def _round_trip(sin_decay: int, cos_decay: int) -> tuple[int, int]:
    """Return the (sin, cos) multipliers of one neuron; see `ResonateFire.coefficients`."""
    sin, cos = float(sin_decay) / DECAY_ONE, float(cos_decay) / DECAY_ONE
    turns = math.atan2(sin, cos) / 2 / math.pi
    period = 1 / turns if turns else math.inf
    length = 1 - (1 - math.sqrt(sin**2 + cos**2))
    angle = math.pi * 2 * 1 / period
    scale = 1 << DECAY_BITS
    return int(length * math.sin(angle) * scale), int(length * math.cos(angle) * scale)


@dataclass(frozen=True, eq=False)
class ResonateFireIz(ResonateFire):
    """Resonate-and-fire neuron with threshold on im and a reset (NetX ``RF_IZHIKEVICH``).

    A spike needs im >= threshold << 6 and sets re = 0, im = (threshold << 6) - 1.
    """

    roles: ClassVar[Mapping[str, Role]] = {
        **ResonateFire.roles,
        "threshold": Role("threshold", "64 in im"),
    }
