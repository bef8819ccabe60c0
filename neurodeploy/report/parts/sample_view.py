"""What is drawn of one sample."""

from __future__ import annotations

from dataclasses import dataclass

Table = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class InputView:
    """kind : ``"image"``, summed over channels and steps, or ``"series"``, ``(steps, channels)``.

    of : channels that there are. neurons : numbers of the channels of a series that are shown.
    """

    kind: str
    values: Table
    of: int
    neurons: tuple[int, ...] = ()


@dataclass(frozen=True)
class Membrane:
    """kind : ``"class"`` of a read-out or ``"neuron"``. v, s : one row for each neuron, by step.

    threshold : in units of v, one for each neuron, None for models without.
    """

    kind: str
    neurons: tuple[int, ...]
    v: Table
    s: Table
    threshold: tuple[int, ...] | None


@dataclass(frozen=True)
class LayerView:
    """shown : numbers of the neurons drawn. spikes : (step from 0, place in shown)."""

    name: str
    neurons: int
    sends: bool
    shown: tuple[int, ...]
    spikes: tuple[tuple[int, int], ...]
    spikes_total: int
    membrane: Membrane


@dataclass(frozen=True)
class SampleView:
    """row : within the part that verify ran. data : name of set and part, None if not known."""

    row: int
    label: int
    predicted: int
    scores: tuple[int, ...]
    steps: int
    input: InputView
    layers: tuple[LayerView, ...]
    data: str | None

    @property
    def source(self) -> str:
        """Which sample it is."""
        return f"sample {self.row}" if self.data is None else f"sample {self.row} of {self.data}"

    @property
    def answer(self) -> str:
        """What it was answered, and why it is shown."""
        if self.predicted == self.label:
            return (
                f"answered {self.predicted}: a sample that was answered correctly, "
                "as verify looks for one to show"
            )
        wrong = "answered with a tie" if self.predicted < 0 else f"answered {self.predicted}"
        return f"{wrong}, which is wrong: none of the samples looked at was answered correctly"
