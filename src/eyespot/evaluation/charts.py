"""Where the lines, bars and ticks of the report's drawings lie, in units of their viewBox."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

from eyespot.evaluation.reliability import ReliabilityBin
from eyespot.run_folder import Epoch

_WIDTH, _HEIGHT = 520.0, 270.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 12.0, 12.0, 46.0
_MOST_HOVERS = 240


@dataclass(frozen=True)
class Tick:
    """A labelled position on an axis."""

    position: float
    label: str


@dataclass(frozen=True)
class Line:
    """One line.

    Attributes:
        role: `train` or `watched`; chooses its color.
        name: of the part.
        path: an SVG path from figure to figure, with a gap where one is no number.
        end: (x, y) of the last figure.
    """

    role: str
    name: str
    path: str
    end: tuple[float, float]


@dataclass(frozen=True)
class Hover:
    """The strip around one epoch that answers to the pointer: its middle, bounds, words, and the points on the lines."""

    x: float
    left: float
    width: float
    words: str
    points: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class LineChart:
    """Figures over epochs."""

    title: str
    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    hovers: tuple[Hover, ...]


@dataclass(frozen=True)
class Bar:
    """One bin of confidence.

    Attributes:
        x, width: where it stands.
        y: where its accuracy lies; `ideal`: where its mean confidence lies, the accuracy of honest probabilities.
        height: of the bar up to the lower of the two.
        count_height: how many answers it holds.
        words: the same in words.
    """

    x: float
    width: float
    y: float
    height: float
    ideal: float
    count_height: float
    words: str


@dataclass(frozen=True)
class ReliabilityChart:
    """Accuracy over confidence, and below it how many answers had that confidence."""

    size: float
    left: float
    top: float
    side: float
    counts_bottom: float
    bars: tuple[Bar, ...]
    ticks: tuple[tuple[Tick, Tick], ...]


def loss_chart(history: Sequence[Epoch], watched: str | None) -> LineChart:
    """The loss of the training and the watched part over the epochs, on an axis from zero; `history` has a row at least."""
    series = [_Series("train", "training", [epoch.loss for epoch in history])]
    if watched is not None:
        series.append(_Series("watched", watched, [epoch.val_loss for epoch in history]))
    highest = max((value for one in series for value in one.known), default=1.0)
    return _line_chart("Loss", [epoch.epoch for epoch in history], series, _ticks(0.0, highest), "{:.3f}", "{:g}")


def accuracy_chart(history: Sequence[Epoch], watched: str | None) -> LineChart:
    """The accuracy of the training and the watched part over the epochs, on an axis up to 1; `history` has a row at least."""
    series = [_Series("train", "training", [epoch.accuracy for epoch in history])]
    if watched is not None:
        series.append(_Series("watched", watched, [epoch.val_accuracy for epoch in history]))
    lowest = min((value for one in series for value in one.known), default=0.0)
    ticks = _ticks(min(lowest, 0.9), 1.0)
    return _line_chart("Accuracy", [epoch.epoch for epoch in history], series, ticks, "{:.1%}", "{:.0%}")


def reliability_chart(bins: Sequence[ReliabilityBin]) -> ReliabilityChart:
    """Accuracy over confidence for the bins of an evaluation."""
    side, left, top, room_for_counts = 300.0, 46.0, 12.0, 56.0
    most = max(b.n for b in bins)
    bars = []
    for b in bins:
        if b.accuracy is None or b.confidence is None:
            continue
        words = f"{b.n:,} answers at {b.lower:.0%} to {b.upper:.0%}: on average {b.confidence:.1%} sure, {b.accuracy:.1%} right"
        bars.append(
            Bar(
                x=left + b.lower * side,
                width=(b.upper - b.lower) * side,
                y=top + (1 - b.accuracy) * side,
                height=min(b.accuracy, b.confidence) * side,
                ideal=top + (1 - b.confidence) * side,
                count_height=max(b.n / most * (room_for_counts - 8), 1.0),
                words=words,
            )
        )
    ticks = tuple(
        (Tick(left + share * side, f"{share:.0%}"), Tick(top + (1 - share) * side, f"{share:.0%}"))
        for share in (0.0, 0.25, 0.5, 0.75, 1.0)
    )
    return ReliabilityChart(left + side + 16, left, top, side, top + side + 28 + room_for_counts, tuple(bars), ticks)


@dataclass(frozen=True)
class _Series:
    """The figures of one part, one an epoch: None where none was taken, NaN where it is no number."""

    role: str
    name: str
    values: Sequence[float | None]

    @property
    def known(self) -> list[float]:
        return [value for value in self.values if _is_known(value)]


@dataclass(frozen=True)
class _Frame:
    """From epochs and figures to positions."""

    first: int
    last: int
    floor: float
    ceiling: float

    def x(self, epoch: float) -> float:
        """A single epoch stands in the middle."""
        share = (epoch - self.first) / (self.last - self.first) if self.last > self.first else 0.5
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 2)

    def y(self, value: float) -> float:
        share = (self.ceiling - value) / (self.ceiling - self.floor)
        return round(_TOP + share * (_HEIGHT - _TOP - _BOTTOM), 2)


def _line_chart(
    title: str, epochs: Sequence[int], series: Sequence[_Series], ticks: Sequence[float], exact: str, brief: str
) -> LineChart:
    frame = _Frame(epochs[0], epochs[-1], ticks[0], ticks[-1])
    marked = sorted({round(epoch) for epoch in _ticks(epochs[0], epochs[-1]) if epochs[0] <= epoch <= epochs[-1]})
    return LineChart(
        title=title,
        width=_WIDTH,
        height=_HEIGHT,
        left=_LEFT,
        right=_WIDTH - _RIGHT,
        top=_TOP,
        bottom=_HEIGHT - _BOTTOM,
        x_ticks=tuple(Tick(frame.x(epoch), str(epoch)) for epoch in marked),
        y_ticks=tuple(Tick(frame.y(value), brief.format(value)) for value in ticks),
        lines=tuple(_line(frame, epochs, one) for one in series if one.known),
        hovers=_hovers(frame, epochs, series, exact),
    )


def _ticks(low: float, high: float) -> list[float]:
    from matplotlib.ticker import MaxNLocator

    return [float(value) for value in MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, max(high, low + 1e-6))]


def _hovers(frame: _Frame, epochs: Sequence[int], series: Sequence[_Series], form: str) -> tuple[Hover, ...]:
    step = -(-len(epochs) // _MOST_HOVERS)
    width = (_WIDTH - _LEFT - _RIGHT) / max(len(epochs) / step - 1, 1)
    hovers = []
    for position in range(0, len(epochs), step):
        shown = [(one, value) for one in series if _is_known(value := one.values[position])]
        x = frame.x(epochs[position])
        hovers.append(
            Hover(
                x=x,
                left=round(x - width / 2, 2),
                width=round(width, 2),
                words=f"epoch {epochs[position]}: " + ", ".join(f"{one.name} {form.format(value)}" for one, value in shown),
                points=tuple((one.role, frame.y(value)) for one, value in shown),
            )
        )
    return tuple(hovers)


def _line(frame: _Frame, epochs: Sequence[int], series: _Series) -> Line:
    """A figure between two gaps is a stroke of no length, which round caps show as a dot.

    The line runs on past epochs without a figure: a small data set is not validated after each of its many epochs.
    """
    commands = []
    x = y = 0.0
    pen_is_down = False
    for epoch, value in zip(epochs, series.values, strict=True):
        if value is None:
            continue
        if _is_known(value):
            x, y = frame.x(epoch), frame.y(value)
            commands.append(f"L{x} {y}" if pen_is_down else f"M{x} {y}L{x} {y}")
        pen_is_down = _is_known(value)
    return Line(series.role, series.name, "".join(commands), (x, y))


def _is_known(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)
