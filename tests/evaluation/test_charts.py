"""The geometry of the report's drawings."""

from __future__ import annotations

import re
from math import nan

import pytest

from eyespot.evaluation.charts import accuracy_chart, loss_chart, reliability_chart
from eyespot.evaluation.metrics import evaluate
from eyespot.run_folder import Epoch


def epochs(*losses: float, watched: tuple[float | None, ...] | None = None) -> list[Epoch]:
    """A history with these losses; accuracy is one minus a tenth of the loss."""
    seen = watched or (None,) * len(losses)
    return [
        Epoch(i, loss, 1 - loss / 10, val, None if val is None else 1 - val / 10, 1e-3, 1.0)
        for i, (loss, val) in enumerate(zip(losses, seen, strict=True), start=1)
    ]


def points(path: str) -> list[tuple[float, float]]:
    """The points of an SVG path without its first move."""
    return [(float(x), float(y)) for x, y in re.findall(r"L([\d.]+) ([\d.]+)", path)]


def test_the_line_goes_from_edge_to_edge_and_falls_as_the_loss_does() -> None:
    chart = loss_chart(epochs(2.0, 1.0, 0.0), None)

    (line,) = chart.lines
    drawn = points(line.path)
    assert [x for x, _ in drawn] == [chart.left, pytest.approx((chart.left + chart.right) / 2), chart.right]
    assert [y for _, y in drawn] == [chart.top, pytest.approx((chart.top + chart.bottom) / 2), chart.bottom]
    assert line.end == drawn[-1]


def test_ticks_lie_where_their_figures_lie() -> None:
    chart = accuracy_chart(epochs(5.0, 2.5, 1.0), None)

    ticks = {tick.label: tick.position for tick in chart.y_ticks}
    assert ticks["50%"] == points(chart.lines[0].path)[0][1]
    assert [tick.label for tick in chart.x_ticks] == ["1", "2", "3"]


def test_the_watched_part_has_a_line_of_its_own() -> None:
    chart = loss_chart(epochs(2.0, 1.0, watched=(1.0, 0.5)), "validation")

    assert [(line.role, line.name) for line in chart.lines] == [("train", "training"), ("watched", "validation")]
    assert chart.hovers[1].words == "epoch 2: training 1.000, validation 0.500"


def test_a_figure_that_is_no_number_leaves_a_gap() -> None:
    chart = loss_chart(epochs(1.0, 1.0, 1.0, 1.0, watched=(0.5, 0.5, nan, 0.5)), "test")

    assert chart.lines[1].path.count("M") == 2
    assert chart.hovers[2].words == "epoch 3: training 1.000"


def test_the_line_runs_on_past_epochs_without_validation() -> None:
    chart = loss_chart(epochs(1.0, 1.0, 1.0, 1.0, 1.0, watched=(None, 0.5, None, 0.25, None)), "test")

    training, watched = chart.lines
    assert watched.path.count("M") == 1
    assert [x for x, _ in points(watched.path)] == [points(training.path)[i][0] for i in (1, 3)]
    assert watched.end == points(watched.path)[-1]
    assert chart.hovers[0].words == "epoch 1: training 1.000"


def test_a_single_epoch_stands_in_the_middle() -> None:
    chart = accuracy_chart(epochs(1.0), None)

    assert chart.lines[0].end[0] == pytest.approx((chart.left + chart.right) / 2)


def test_a_history_without_a_single_figure_is_an_empty_chart() -> None:
    assert loss_chart(epochs(nan, nan), "test").lines == ()


def test_long_histories_have_a_bounded_number_of_hover_strips_that_cover_the_width() -> None:
    chart = loss_chart(epochs(*([1.0] * 1000)), None)

    assert len(chart.hovers) <= 240
    for left, right in zip(chart.hovers, chart.hovers[1:], strict=False):
        assert left.left + left.width == pytest.approx(right.left, abs=0.1)


def test_bars_of_reliability_rise_to_their_accuracy() -> None:
    probabilities = [[0.9, 0.1]] * 4 + [[0.55, 0.45]]
    chart = reliability_chart(evaluate(probabilities, [0, 0, 1, 1, 0], ["a", "b"]).reliability)

    unsure, sure = chart.bars
    bottom = chart.top + chart.side
    assert sure.y == pytest.approx(bottom - 0.5 * chart.side)
    assert sure.ideal == pytest.approx(bottom - 0.9 * chart.side)
    assert sure.height == pytest.approx(0.5 * chart.side)
    assert unsure.y == pytest.approx(chart.top)
    assert unsure.height == pytest.approx(0.55 * chart.side)
    assert sure.count_height == pytest.approx(4 * unsure.count_height)
    assert sure.words == "4 answers at 87% to 93%: on average 90.0% sure, 50.0% right"
