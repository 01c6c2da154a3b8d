"""Where figures and their 95 % intervals lie in the report's drawings, in units of their viewBox."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import floor

from eyespot.evaluation.appraisal import Appraisal
from eyespot.evaluation.charts import Tick
from eyespot.evaluation.intervals import Interval

MOST_RECALLS = 40
"""So many classes are drawn; of more, those of the lowest recall."""

_WIDTH, _MARGIN, _ROW, _BELOW = 520.0, 20.0, 36.0, 26.0
_LONGEST_NAME = 40
_STEPS = {0.0: 0.25, 0.25: 0.25, 0.5: 0.1, 0.75: 0.05}
"""Where the axis can begin -> what lies between two ticks."""


@dataclass(frozen=True)
class Figure:
    """A share (0-1) to draw, with its interval; `is_main` chooses its color."""

    name: str
    interval: Interval
    is_main: bool = True


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        name: of the figure; a long one is cut.
        value: the figure and its bounds, in short.
        words: all of it.
        y: where it lies; name and value stand above.
        low, x, high: where the bounds and the figure lie.
        is_main: chooses its color.
    """

    name: str
    value: str
    words: str
    y: float
    low: float
    x: float
    high: float
    is_main: bool


@dataclass(frozen=True)
class IntervalChart:
    """Shares, one below the other, on one axis."""

    title: str
    width: float
    height: float
    left: float
    right: float
    bottom: float
    ticks: tuple[Tick, ...]
    rows: tuple[Row, ...]


def interval_charts(appraisal: Appraisal) -> tuple[IntervalChart, ...]:
    """The figures of the classifier, of the candidates and of the classes, all on the same axis."""
    recalls = [Figure(name, interval) for name, interval in appraisal.intervals.recalls.items() if interval is not None]
    if len(recalls) > MOST_RECALLS:
        recalls = sorted(recalls, key=lambda recall: recall.interval.estimate)[:MOST_RECALLS]
    # A single one has the figures of the classifier.
    candidates = appraisal.candidates if len(appraisal.candidates) > 1 else ()
    charts = {
        "The classifier": [
            Figure("accuracy", appraisal.intervals.accuracy),
            Figure("macro recall (balanced accuracy)", appraisal.intervals.balanced_accuracy),
        ],
        "Accuracy of the candidates": [
            Figure(f"kept: {one.name}" if one.is_chosen else one.name, one.accuracy, one.is_chosen) for one in candidates
        ],
        "Recall of the classes": recalls,
    }
    begin = axis_begin(figure.interval for figures in charts.values() for figure in figures)
    return tuple(interval_chart(title, figures, begin) for title, figures in charts.items() if figures)


def interval_chart(title: str, figures: Sequence[Figure], begin: float) -> IntervalChart:
    """The figures on an axis from `begin`, as `axis_begin` gives it, to 1."""
    left, right, bottom = _MARGIN, _WIDTH - _MARGIN, _ROW * len(figures) + 6.0
    step = _STEPS[begin]

    def x(share: float) -> float:
        return round(left + (share - begin) / (1 - begin) * (right - left), 2)

    shares = [begin + i * step for i in range(round((1 - begin) / step) + 1)]
    return IntervalChart(
        title=title,
        width=_WIDTH,
        height=bottom + _BELOW,
        left=left,
        right=right,
        bottom=bottom,
        ticks=tuple(Tick(x(share), f"{share:.0%}") for share in shares),
        rows=tuple(_row(figure, _ROW * (i + 1) - 8.0, x) for i, figure in enumerate(figures)),
    )


def axis_begin(intervals: Iterable[Interval]) -> float:
    """The last of 0, 1/4, 1/2 and 3/4 that no bound lies below."""
    return min(floor(4 * min(interval.low for interval in intervals)) / 4, 0.75)


def _row(figure: Figure, y: float, x: Callable[[float], float]) -> Row:
    interval = figure.interval
    return Row(
        name=figure.name if len(figure.name) <= _LONGEST_NAME else f"{figure.name[: _LONGEST_NAME - 1]}…",
        value=f"{interval.estimate:.1%} ({interval.low:.0%} to {interval.high:.0%})",
        words=f"{figure.name}: {interval.estimate:.1%}, 95 % interval {interval.low:.1%} to {interval.high:.1%}",
        y=y,
        low=x(interval.low),
        x=x(interval.estimate),
        high=x(interval.high),
        is_main=figure.is_main,
    )
