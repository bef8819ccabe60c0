"""The rules of the integer model in words: which rule computes which variable of which neuron.

The rule names (R0, R1, ...) are those of the comments in `neurodeploy.sim.dynamics`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from neurodeploy.neuron import (
    CubaLif,
    Delta,
    HomeostaticLif,
    Integrator,
    Neuron,
    ResonateFire,
    ResonateFireIz,
    Sigma,
    SigmaDelta,
)
from neurodeploy.registry import ByType
from neurodeploy.synapse import Conv2d, Dense, Direct, Synapse

_U = (
    "R1, R2: x = wrap32(tz(u * (4096 - current_decay)) + wrap32(a << 6)); "
    "u = x folded back once by 2^24 if x > 2^23 or x <= -2^23"
)
_U_GAIN = _U.replace("a << 6", "a * gain[c]")
_V = "R3: v = clip(tz(v * (4096 - voltage_decay)) + u + (int16(bias) << 6), +-(2^23 - 1))"
_V_GAIN = _V.replace("(int16(bias) << 6)", "int16(bias) * gain[c]")
_S = "R4: s = 1 if v > threshold << 6 (strictly above), v taken before its reset"
_RESET = {
    "zero": "R4, R5: v = 0 after a spike, a spike needs v > threshold << 6 (strictly above)",
    "subtract": "R4, R5: v = v - (threshold << 6) after a spike, which needs v > threshold << 6",
    "none": "R4: a spike needs v > threshold << 6 (strictly above) and leaves v as it is",
}
_VTH = (
    "R4a: vth = clip(vth + ((theta * (v - signature[c])) >> shift), low, high), "
    "frozen outside the sample"
)
_SDN_SHIFT = "(spike_exp + 6)"
_CHANGE = (
    f"D2, D3, D4: d = wrap32(act - old act + residue); o = d if |d| >= threshold << {_SDN_SHIFT} "
    "else 0; residue = d - o; s = o >> 6 (floor)"
)
_SIGMA = "D0: sigma = wrap32(sigma + a)"
_RE = "re = clip(tz(cos * re) - tz(sin * im) + (a_re << 6), +-(2^23 - 1))"
_IM = "im = clip(tz(sin * re) + tz(cos * im) + (a_im << 6), +-(2^23 - 1))"
AFTER_SPIKE = "after a spike"
"""Key of the rule that a v which differs together with the spike comes from."""

Words = Mapping[str, str]
"""Variable -> the rule that computes it, in the order of a step, ``s`` last."""


def _lif(neuron: CubaLif) -> Words:
    plain = neuron.gain is None
    return {
        "u": _U if plain else _U_GAIN,
        "v": _V if plain else _V_GAIN,
        "s": _S,
        AFTER_SPIKE: _RESET[neuron.reset],
    }


def _homeostatic(neuron: HomeostaticLif) -> Words:
    lif = _lif(neuron)
    moved = {
        name: lif[name].replace("threshold << 6", "vth").replace("(vth)", "vth")
        for name in ("s", AFTER_SPIKE)
    }
    return {"u": lif["u"], "vth": _VTH, "v": lif["v"], **moved}


def _always(**words: str) -> Callable[[Neuron], Words]:
    """Return the words of a model whose rules do not depend on its parameters."""
    return lambda _: words


RULES: ByType[Callable[[Any], Words]] = ByType(
    "rules in words",
    Neuron,
    {
        CubaLif: _lif,
        HomeostaticLif: _homeostatic,
        Integrator: _always(u=_U, v=_V, s="an Integrator sends nothing: s = 0"),
        Delta: _always(act=f"D1: act = wrap32(a << {_SDN_SHIFT})", s=_CHANGE),
        SigmaDelta: _always(
            sigma=_SIGMA,
            act=f"D1: act = max(wrap32(sigma + (bias << {_SDN_SHIFT})), 0)",
            s=_CHANGE,
        ),
        Sigma: _always(sigma=_SIGMA, s="s = sigma"),
        ResonateFire: _always(
            re=f"F1, F2: {_RE}",
            im=f"F1, F2: {_IM}",
            s="F3: s = 1 if re >= threshold << 6 and im >= 0 and old im < 0",
        ),
        ResonateFireIz: _always(
            re=f"F1, F2, F4: {_RE}; 0 after a spike (im >= threshold << 6)",
            im=f"F1, F2, F4: {_IM}; (threshold << 6) - 1 after a spike (im >= threshold << 6)",
            s="F3: s = 1 if im >= threshold << 6 (at or above)",
        ),
    },
)


def order(neuron: Neuron) -> tuple[str, ...]:
    """Return the variables in the order of a step: the first to differ is nearest the cause."""
    return tuple(name for name in RULES.of(neuron)(neuron) if name != AFTER_SPIKE)


def rule(neuron: Neuron, variable: str, *, spike_differs: bool = False) -> str:
    """Return the rule that computes ``variable`` of ``neuron``, as one line.

    spike_differs : whether ``s`` differs in the same cell; then a differing v comes from the
        spike test or the reset after it rather than from the integration.
    """
    words = RULES.of(neuron)(neuron)
    after = variable == "v" and spike_differs and AFTER_SPIKE in words
    return f"{variable}: {words[AFTER_SPIKE if after else variable]}"


_BINARY = "m = 1 for every non-zero binary message"


def _dense(synapse: Dense) -> str:
    if synapse.delay is None:
        return f"a = wrap32(sum of weight * m) >> shift, {_BINARY}"
    return (
        "a = wrap32((sum of wrap32(weight * m) over one delay) >> shift), delay columns later, "
        f"{_BINARY}"
    )


CURRENT_RULES: ByType[Callable[[Any], str]] = ByType(
    "rule in words",
    Synapse,
    {
        Dense: _dense,
        Conv2d: lambda _: f"a = wrap24(conv(m, weight)), {_BINARY}",
        Direct: lambda _: "a = the input itself, no latency",
    },
)


def current_rule(synapse: Synapse) -> str:
    """Return the rule of the current that a connection with ``synapse`` delivers."""
    return CURRENT_RULES.of(synapse)(synapse)


RESET_RULE = "R0: a reset due in this column sets u = 0, v = initial before the current is added"
