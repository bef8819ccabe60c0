"""The rules of the integer model in words: which rule computes which variable of which neuron.

The rule names (R0, R1, ...) are those of the comments in `neurodeploy.sim.dynamics`.
"""

from __future__ import annotations

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
from neurodeploy.synapse import Conv2d, Dense, Synapse

ORDER = ("u", "sigma", "re", "im", "act", "vth", "v", "s")
"""Order in which a step computes the variables: the earliest that differs is nearest the cause."""

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
_SDN_SHIFT = "(spike_exp + 6)"
_TABLE: dict[type[Neuron], dict[str, str]] = {
    Integrator: {"u": _U, "v": _V, "s": "an Integrator sends nothing: s = 0"},
    Delta: {
        "act": f"D1: act = wrap32(a << {_SDN_SHIFT})",
        "s": "D2, D3, D4: d = wrap32(act - old act + residue); o = d if |d| >= threshold << "
        f"{_SDN_SHIFT} else 0; residue = d - o; s = o >> 6 (floor)",
    },
    SigmaDelta: {
        "sigma": "D0: sigma = wrap32(sigma + a)",
        "act": f"D1: act = max(wrap32(sigma + (bias << {_SDN_SHIFT})), 0)",
        "s": "D2, D3, D4: d = wrap32(act - old act + residue); o = d if |d| >= threshold << "
        f"{_SDN_SHIFT} else 0; residue = d - o; s = o >> 6 (floor)",
    },
    Sigma: {"sigma": "D0: sigma = wrap32(sigma + a)", "s": "s = sigma"},
    ResonateFire: {
        "re": "F1, F2: re = clip(tz(cos * re) - tz(sin * im) + (a_re << 6), +-(2^23 - 1))",
        "im": "F1, F2: im = clip(tz(sin * re) + tz(cos * im) + (a_im << 6), +-(2^23 - 1))",
        "s": "F3: s = 1 if re >= threshold << 6 and im >= 0 and old im < 0",
    },
    ResonateFireIz: {
        "re": "F1, F2, F4: re = clip(tz(cos * re) - tz(sin * im) + (a_re << 6), +-(2^23 - 1)); "
        "0 after a spike (im >= threshold << 6)",
        "im": "F1, F2, F4: im = clip(tz(sin * re) + tz(cos * im) + (a_im << 6), +-(2^23 - 1)); "
        "(threshold << 6) - 1 after a spike (im >= threshold << 6)",
        "s": "F3: s = 1 if im >= threshold << 6 (at or above)",
    },
}


def rule(neuron: Neuron, variable: str, *, spike_differs: bool = False) -> str:
    """Return the rule that computes ``variable`` of ``neuron``, as one line.

    spike_differs : whether ``s`` differs in the same cell; then a differing v comes from the
        spike test or the reset after it rather than from the integration.
    """
    if isinstance(neuron, CubaLif):
        return f"{variable}: {_cuba(neuron, variable, spike_differs)}"
    return f"{variable}: {_TABLE[type(neuron)][variable]}"


def _cuba(neuron: CubaLif, variable: str, spike_differs: bool) -> str:
    if variable == "u":
        return _U if neuron.gain is None else _U_GAIN
    if variable == "vth":
        return (
            "R4a: vth = clip(vth + ((theta * (v - signature[c])) >> shift), low, high), "
            "frozen outside the sample"
        )
    if variable == "v" and not spike_differs:
        return _V if neuron.gain is None else _V_GAIN
    text = _S if variable == "s" else _RESET[neuron.reset]
    if isinstance(neuron, HomeostaticLif):
        return text.replace("threshold << 6", "vth").replace("(vth)", "vth")
    return text


_BINARY = "m = 1 for every non-zero binary message"


def current_rule(synapse: Synapse) -> str:
    """Return the rule of the current that a connection with ``synapse`` delivers."""
    if isinstance(synapse, Conv2d):
        return f"a = wrap24(conv(m, weight)), {_BINARY}"
    if not isinstance(synapse, Dense):
        return "a = the input itself, no latency"
    if synapse.delay is None:
        return f"a = wrap32(sum of weight * m) >> shift, {_BINARY}"
    return (
        "a = wrap32((sum of wrap32(weight * m) over one delay) >> shift), delay columns later, "
        f"{_BINARY}"
    )


RESET_RULE = "R0: a reset due in this column sets u = 0, v = initial before the current is added"
