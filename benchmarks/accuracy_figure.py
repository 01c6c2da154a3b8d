"""Draws docs/images/accuracy_seconds.png from results.jsonl: accuracy against seconds, Eyespot beside its peers.

python benchmarks/accuracy_figure.py
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import quick_against_tutorial
from common import ROOT, recorded
from speed_results import Rows, accuracy_values, best_forms, by_row, mean_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

PICTURE = ROOT / "docs" / "images" / "accuracy_seconds.png"
EYESPOT, PEER, STOCK, INK, GRID = "#c2410c", "#1d4ed8", "#4b5563", "#1f2937", "#e5e7eb"
LINE = ("quick", "budget-20s", "budget-1m", "budget-5m", "budget-20m", "accurate")
"""The rows of `accuracy_speed.py` that make Eyespot's line."""
PEERS = {"airbench94_muon": "airbench94_muon", "cifar10_speedrun": "hiverge cifar10_speedrun"}
"""What the picture calls them."""
TICKS = {10: "10 s", 20: "20 s", 60: "1 min", 300: "5 min", 1200: "20 min", 3600: "1 h", 7200: "2 h"}
SIDES = ((-1, 1), (1, -1), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, -1))
"""Where a point's name may stand, the best place first: left or right (-1, 1) and below or above (-1, 1)."""
DISTANCES = (8, 30)
"""How far away, in typographic points; a line leads to what stands far."""


@dataclass(frozen=True)
class Point:
    """One point of the picture: seconds, accuracies in percent (one a seed), its name, and how it is drawn."""

    seconds: float
    values: Sequence[float]
    label: str
    color: str
    marker: str

    @property
    def mean(self) -> float:
        return statistics.mean(self.values)

    @property
    def deviation(self) -> float:
        return statistics.stdev(self.values) if len(self.values) > 1 else 0.0


def is_drawn(rows: Rows) -> bool:
    """Whether there is a picture of these rows: where any recipe or budget is measured."""
    return any(name in rows for name in LINE)


def draw(picture: Path = PICTURE) -> None:
    """Draw what has been measured so far; nothing where nothing has."""
    rows = by_row(recorded("accuracy_speed"))
    if not is_drawn(rows):
        return
    kind = "balanced_exact" if all(accuracy_values(results, 1, "balanced_exact") for results in rows.values()) else "all"
    line = sorted(own_points(rows, kind), key=lambda point: point.seconds)
    points = [*line, *peer_points(rows, kind), *tutorial_points(kind)]
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 5.2), layout="constrained")
    axes.plot([point.seconds for point in line], [point.mean for point in line], color=EYESPOT, linewidth=2)
    for point in points:
        axes.errorbar(
            point.seconds,
            point.mean,
            point.deviation,
            color=point.color,
            marker=point.marker,
            markersize=7,
            capsize=4,
            zorder=3,
        )
    _frame(axes, points, kind)
    figure.draw_without_rendering()  # only now is it known where everything lies
    _name(axes, points, line)
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=figure.dpi, facecolor="white", metadata={"Software": None})
    plt.close(figure)


# ------------------------------------------------------------------------------------------------ points


def own_points(rows: Rows, kind: str) -> list[Point]:
    """Eyespot's recipes and budgets."""
    return [
        Point(
            mean_of(rows[name], "seconds"),
            _percent(accuracy_values(rows[name], 1, kind)),
            name.replace("budget-", "--budget "),
            EYESPOT,
            "o",
        )
        for name in LINE
        if name in rows
    ]


def peer_points(rows: Rows, kind: str) -> list[Point]:
    """Each peer in its fastest form; where that is one for each type of weights, in the more accurate of them."""
    best: dict[str, str] = {}
    for name in best_forms(rows):
        rivals = [name, best.get(name.split("+")[0], name)]
        best[name.split("+")[0]] = max(rivals, key=lambda row: statistics.mean(accuracy_values(rows[row], 1, kind)))
    return [
        Point(
            mean_of(rows[name], "seconds"),
            _percent(accuracy_values(rows[name], 1, kind)),
            PEERS[script],
            PEER,
            "s",
        )
        for script, name in best.items()
    ]


def tutorial_points(kind: str) -> list[Point]:
    """The tutorial in stock Keras on its fastest backend, with the accuracy of Eyespot's recipe for it, which learns alike."""
    part, figure = (
        ("exact_test_pictures", "balanced_accuracy") if kind == "balanced_exact" else ("all_test_pictures", "accuracy")
    )
    tests = [result[part] for result in recorded("tutorial_accuracy")]
    if not tests or not all(tests):
        return []
    validation = recorded(quick_against_tutorial.NAME)
    found = []
    for precision in quick_against_tutorial.PRECISIONS:
        training = quick_against_tutorial.training_seconds(precision)
        if training is not None:
            seconds = training + quick_against_tutorial.validation_seconds(validation, precision)
            values = _percent([test[figure] for test in tests])
            found.append(Point(seconds, values, f"tutorial in stock Keras,\n{precision}", STOCK, "D"))
    return found


def _percent(shares: Sequence[float]) -> list[float]:
    return [100 * share for share in shares]


# ------------------------------------------------------------------------------------------------- frame


def _frame(axes: Axes, points: Sequence[Point], kind: str) -> None:
    """Axes and words, with room for the points' names."""
    seconds, means = [point.seconds for point in points], [point.mean for point in points]
    lowest, highest = min(seconds) / 2, max(seconds) * 1.8
    axes.set_xscale("log")
    axes.set_xlim(lowest, highest)
    shown = [tick for tick in TICKS if lowest <= tick <= highest]
    axes.set_xticks(shown, [TICKS[tick] for tick in shown])
    axes.set_xticks([], minor=True)
    room = 0.2 * max(max(means) - min(means), 5)
    axes.set_ylim(min(means) - room, max(means) + room)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK, length=0)
    what = "balanced, on the exact test pictures" if kind == "balanced_exact" else "on all test pictures"
    axes.set_xlabel("time, process start to end; of the tutorial, training and validation, computed", color=INK)
    axes.set_ylabel("accuracy, %", color=INK)
    axes.set_title(f"CIFAR-10 on the processor: accuracy ({what}, one view) against time", color=INK, fontsize=11, loc="left")


def _name(axes: Axes, points: Sequence[Point], line: Sequence[Point]) -> None:
    """Put each point's name where it covers least of what is drawn already."""
    drawn = _drawn(axes, points, line)
    for point in points:
        candidates = [_write(axes, point, side, distance) for distance, side in product(DISTANCES, SIDES)]
        boxes = [_extent(text) for text in candidates]
        covered = [sum(_covers(box, place) for place in drawn) + 100 * _leaves(box, axes.bbox) for box in boxes]
        best = covered.index(min(covered))
        for text in (*candidates[:best], *candidates[best + 1 :]):
            text.remove()
        x, y = np.meshgrid(np.linspace(boxes[best].x0, boxes[best].x1, 30), np.linspace(boxes[best].y0, boxes[best].y1, 9))
        drawn = np.concatenate([drawn, np.stack([x.ravel(), y.ravel()], axis=1)])


def _drawn(axes: Axes, points: Sequence[Point], line: Sequence[Point]) -> np.ndarray:
    """Pixels (n, 2) at which something is drawn: the points, their error bars and the line."""
    to_pixels = axes.transData.transform
    found = [to_pixels([(point.seconds, point.mean + sign * point.deviation) for sign in (-1, 0, 1)]) for point in points]
    for one, next_one in pairwise(line):
        ends = to_pixels([(one.seconds, one.mean), (next_one.seconds, next_one.mean)])
        found.append(np.linspace(*ends, 50))
    return np.concatenate(found)


def _write(axes: Axes, point: Point, side: tuple[int, int], distance: int) -> Annotation:
    across, up = side
    leader = {"arrowstyle": "-", "color": point.color, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 4}
    return axes.annotate(
        f"{point.label}\n{point.mean:.1f} %",
        (point.seconds, point.mean),
        xytext=(distance * across, (distance if across else distance + 3) * up),
        textcoords="offset points",
        ha={-1: "right", 0: "center", 1: "left"}[across],
        va={-1: "top", 0: "center", 1: "bottom"}[up],
        multialignment={-1: "right", 0: "center", 1: "left"}[across],
        color=point.color,
        fontsize=9,
        arrowprops=leader if distance > DISTANCES[0] else None,
    )


def _extent(text: Annotation) -> Bbox:
    """Where the words lie, in pixels, without the line that leads to them."""
    from matplotlib.text import Text

    text.get_window_extent()  # which first moves the words to their place
    return Text.get_window_extent(text).padded(2)


def _covers(box: Bbox, place: np.ndarray) -> bool:
    return bool(box.contains(*place))


def _leaves(box: Bbox, frame: Bbox) -> bool:
    return not (frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1)


if __name__ == "__main__":
    draw()
