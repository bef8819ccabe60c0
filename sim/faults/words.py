"""Stored words: how a chip keeps weights, thresholds, decays and biases, bit by bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import OptionError, ProfileError
from neurodeploy.registry import ByName

TWOS_COMPLEMENT, SIGN_MAGNITUDE, MAGNITUDE = "twos-complement", "sign-magnitude", "magnitude"
WEIGHT_BITS = 8
"""Width of the widest weight word."""
MAX_SHIFT = 8
"""Most low zero bits that an encoding leaves out."""

Matrices = Sequence[NDArray[Any]]


@dataclass(frozen=True)
class WordFormat:
    """A word: ``value = sign * (mantissa << shift) + offset``, the mantissa in ``bits`` bits.

    code : of the mantissa. ``"twos-complement"``; ``"sign-magnitude"``, the highest bit the sign,
    minus zero reads 0; ``"magnitude"``, no sign. least, most : a word beyond reads as these, None
    for no limit.
    """

    bits: int
    code: str
    shift: int = 0
    sign: int = 1
    offset: int = 0
    least: int | None = None
    most: int | None = None

    @property
    def mantissas(self) -> tuple[int, int]:
        """The smallest and the largest mantissa."""
        if self.code == MAGNITUDE:
            return 0, 2**self.bits - 1
        top = 2 ** (self.bits - 1) - 1
        return -top - (self.code == TWOS_COMPLEMENT), top

    def encode(self, value: int) -> int:
        """Return the word of ``value``. Raises OptionError for a value that has none."""
        mantissa, rest = divmod(self.sign * (int(value) - self.offset), 1 << self.shift)
        low, high = self.mantissas
        if rest or not low <= mantissa <= high:
            raise OptionError(f"value {value} has no {self.bits}-bit {self.code} word")
        if self.code == SIGN_MAGNITUDE and mantissa < 0:
            return (1 << (self.bits - 1)) | -mantissa
        return mantissa % (1 << self.bits)

    def decode(self, word: int) -> int:
        """Return the value of ``word``, 0 to ``2^bits - 1``."""
        mantissa, half = int(word), 1 << (self.bits - 1)
        if self.code == TWOS_COMPLEMENT and mantissa >= half:
            mantissa -= 2 * half
        elif self.code == SIGN_MAGNITUDE and mantissa >= half:
            mantissa = half - mantissa
        value = self.sign * (mantissa << self.shift) + self.offset
        if self.least is not None and self.most is not None:
            return min(max(value, self.least), self.most)
        return value

    def flipped(self, value: int, bits: Sequence[int]) -> int:
        """Return what ``value`` reads once those bits of its word are inverted.

        Raises OptionError for a bit that the word does not have.
        """
        word = self.encode(value)
        for bit in bits:
            if not 0 <= bit < self.bits:
                raise OptionError(f"bit is {bit}, the word has bits 0 to {self.bits - 1}")
            word ^= 1 << bit
        return self.decode(word)


def loihi(matrices: Matrices) -> WordFormat:
    """Return the word that holds just the bits that the weights of one exponent need, 8 at most.

    Mixed signs: two's complement; one sign: the magnitude alone, the sign belongs to the matrix.
    Low bits that are zero throughout are not kept: even weights of mixed sign in [-256, 254] are
    words of 8 bits, as odd ones in [-128, 127] are. The width is Lava's number of weight bits.

    Raises OptionError for weights that need more than 8 bits.

    Source: lava-dl 0.6.0, `lava.lib.dl.netx.utils.optimize_weight_bits`.
    """
    low, high = _range(matrices)
    shift = next(n for n in range(MAX_SHIFT, -1, -1) if _divisible(matrices, n))
    if low < 0 < high:
        bits = 1 + max(_length(high >> shift), _length(-(low >> shift) - 1))
        return _narrow(WordFormat(bits, TWOS_COMPLEMENT, shift), low, high)
    bits = max(1, _length(max(-low, high) >> shift))
    return _narrow(WordFormat(bits, MAGNITUDE, shift, -1 if low < 0 else 1), low, high)


def twos_complement(matrices: Matrices) -> WordFormat:
    """Return 8 bits of two's complement, of halves where even weights need it."""
    return _of_eight(TWOS_COMPLEMENT, matrices)


def sign_magnitude(matrices: Matrices) -> WordFormat:
    """Return a sign and 7 bits, of halves where even weights need it."""
    return _of_eight(SIGN_MAGNITUDE, matrices)


def _of_eight(code: str, matrices: Matrices) -> WordFormat:
    low, high = _range(matrices)
    for shift in (0, 1):
        form = WordFormat(WEIGHT_BITS, code, shift)
        least, most = form.mantissas
        if _divisible(matrices, shift) and least <= low >> shift and high >> shift <= most:
            return form
    raise OptionError(f"weights {low} to {high} do not fit {WEIGHT_BITS}-bit {code} words")


def _narrow(form: WordFormat, low: int, high: int) -> WordFormat:
    if form.bits > WEIGHT_BITS:
        raise OptionError(
            f"weights {low} to {high} need {form.bits}-bit words, {WEIGHT_BITS} are kept"
        )
    return form


def _range(matrices: Matrices) -> tuple[int, int]:
    return min(int(m.min()) for m in matrices), max(int(m.max()) for m in matrices)


def _divisible(matrices: Matrices, bits: int) -> bool:
    mask = (1 << bits) - 1
    return not any(int(np.bitwise_or.reduce(m, axis=None)) & mask for m in matrices)


def _length(value: int) -> int:
    return max(value, 0).bit_length()


WEIGHT_ENCODINGS: ByName[Callable[[Matrices], WordFormat]] = ByName(
    "weight encoding",
    {"loihi": loihi, TWOS_COMPLEMENT: twos_complement, SIGN_MAGNITUDE: sign_magnitude},
)
"""The word of weights by the name of the encoding, from the matrices that share an exponent."""


@dataclass(frozen=True)
class Encoding:
    """How a chip stores the words of a program.

    weight : one of `WEIGHT_ENCODINGS`. threshold_bits : of the mantissa, no sign. decay_bits : no
    sign; the current decay is stored less 1, as Lava's ``du``. bias_bits : two's complement.
    delay_bits : of a delay in columns, no sign. saturating : a weight that reads beyond the
    smallest and largest of its matrices reads as those.

    Raises OptionError for a weight encoding that does not exist.
    """

    weight: str = "loihi"
    threshold_bits: int = 17
    decay_bits: int = 12
    bias_bits: int = 16
    delay_bits: int = 6
    saturating: bool = False

    def __post_init__(self) -> None:
        WEIGHT_ENCODINGS.named(self.weight)

    @property
    def delay(self) -> WordFormat:
        """The word of a delay."""
        return WordFormat(self.delay_bits, MAGNITUDE)

    def weights(self, matrices: Matrices) -> WordFormat:
        """Return the word of the weights that share one exponent."""
        form = WEIGHT_ENCODINGS.named(self.weight)(matrices)
        if not self.saturating:
            return form
        least, most = _range(matrices)
        return replace(form, least=least, most=most)

    def parameters(self) -> dict[str, WordFormat]:
        """Return the words of the parameters of neurons, by field."""
        return {
            "threshold": WordFormat(self.threshold_bits, MAGNITUDE),
            "current_decay": WordFormat(self.decay_bits, MAGNITUDE, offset=1),
            "voltage_decay": WordFormat(self.decay_bits, MAGNITUDE),
            "bias": WordFormat(self.bias_bits, TWOS_COMPLEMENT),
        }


LOIHI = Encoding()
"""Widths of the fixed-point model. That mixed signs are two's complement is inferred from its range
of weights, -256 to 254; no public text states the bits on the chip."""

STORED = {"loihi1": LOIHI, "loihi2": LOIHI}
"""Stored encoding by the name of the chip profile."""


def stored_encoding(profile: str) -> Encoding:
    """Return how the chip of that profile stores words; ProfileError where that is not known."""
    if profile not in STORED:
        raise ProfileError(
            f"profile {profile}: states no stored encoding of its words, profiles that do are "
            f"{', '.join(STORED)}"
        )
    return STORED[profile]
