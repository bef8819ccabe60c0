"""Noise: accuracy when the input is perturbed, and how far noise moves the membranes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurodeploy.accuracy import Accuracy
from neurodeploy.report.check import Card
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.parts.part import Part, template
from neurodeploy.report.svg import Figure, Linear, Plot, steps_scale
from neurodeploy.report.svg.element import COLOURS
from neurodeploy.report.words import percent
from neurodeploy.results.tested import Tested
from neurodeploy.results.verification import NoiseRows, Perturbation

SHOWN = 0.1
"""Level of noise of the key figure, where it was measured."""


@dataclass(frozen=True)
class Content:
    """trained : accuracy of the torch model, where it answered the very same samples."""

    noise: NoiseRows | None
    mppd: Perturbation | None
    tested: Tested
    trained: Accuracy | None

    @property
    def source(self) -> str:
        """What stands at every number under noise."""
        seed = self.noise.seed if self.noise is not None else self.mppd.seed if self.mppd else None
        return f"{self.tested.label}; noise seed {seed}"


def content(evidence: Evidence) -> Content | None:
    """Collect what the suite noise left."""
    verify, tested = evidence.verify, evidence.verified_on
    if verify is None or tested is None or (verify.noise is None and verify.mppd is None):
        return None
    trained = None
    if evidence.result is not None and tested.same_samples(evidence.trained_on):
        trained = evidence.result.accuracy.test_trained
    return Content(verify.noise, verify.mppd, tested, trained)


def figures(content: Content) -> Mapping[str, Figure]:
    """Accuracy against noise, and the perturbation over the steps."""
    found = {}
    if content.noise is not None:
        found["noise"] = _accuracy(content, content.noise)
    if content.mppd is not None and content.mppd.layers:
        found["mppd"] = _perturbation(content, content.mppd)
    return found


def _accuracy(content: Content, noise: NoiseRows) -> Figure:
    low, high = noise.clean.interval
    points = [
        (0.0, noise.clean.rate, low, high),
        *((row.sigma, row.rate, row.low, row.high) for row in noise.levels),
    ]
    x = [point[0] for point in points]
    plot = Plot(
        250,
        Linear(0.0, max(x)),
        Linear(0.0, 100.0),
        "noise, share of the largest value",
        "accuracy, %",
    )
    legend = [("integer network", "c0")]
    if content.trained is not None:
        plot.line([x[0], x[-1]], [100 * content.trained.rate] * 2, "c1", "dashed")
        legend.append(("torch model, no noise", "c1"))
    for sigma, _, under, over in points:
        plot.error_bar(sigma, 100 * under, 100 * over, "c0")
    y = [100 * point[1] for point in points]
    plot.line(x, y, "c0")
    tips = [f"noise {a:g}: {b:.1f} %" for a, b in zip(x, y, strict=True)]
    plot.points(x, y, "c0", tips)
    caption = "Accuracy against the level of noise, with 95 % intervals"
    told = "; ".join(tips)
    drawing = plot.markup(caption, f"{told}. The table below holds the values.")
    return Figure(caption, told, drawing, content.source, tuple(legend))


def _perturbation(content: Content, mppd: Perturbation) -> Figure:
    steps = max(len(layer.by_step) for layer in mppd.layers)
    most = max(max(layer.by_step, default=0.0) for layer in mppd.layers)
    units = {layer.unit for layer in mppd.layers}
    unit = "thresholds²" if units == {"threshold"} else "64² or thresholds²"
    plot = Plot(220, steps_scale(steps), Linear(0.0, most or 1.0), "step", f"mean of Y², {unit}")
    legend = []
    for k, layer in enumerate(mppd.layers):
        colour = COLOURS[k % len(COLOURS)]
        x = list(range(1, len(layer.by_step) + 1))
        plot.line(x, layer.by_step, colour)
        tips = [
            f"{layer.population}, step {step}: {y:.4g}"
            for step, y in zip(x, layer.by_step, strict=True)
        ]
        plot.points(x, layer.by_step, colour, tips)
        legend.append((layer.population, colour))
    caption = f"Perturbation of the membrane (MPPD) at noise {mppd.sigma:g}"
    told = "; ".join(f"{layer.population} {layer.squared:.3g} on average" for layer in mppd.layers)
    return Figure(caption, told, plot.markup(caption, told), content.source, tuple(legend))


def cards(content: Content) -> Sequence[Card]:
    """Accuracy at one level."""
    noise = content.noise
    if noise is None or not noise.levels:
        return ()
    row = min(noise.levels, key=lambda level: abs(level.sigma - SHOWN))
    label = f"Under noise of {100 * row.sigma:g} %"
    between = f"{percent(row.low)} to {percent(row.high)}"
    detail = f"{between}; {content.tested.short}, noise seed {noise.seed}"
    return (Card(label, percent(row.rate), detail),)


def json(content: Content | None) -> Mapping[str, Any]:
    """Noise and MPPD as two entries."""
    return {"noise": content and content.noise, "mppd": content and content.mppd}


PART = Part(content, template("noise"), figures, cards, json=json)
