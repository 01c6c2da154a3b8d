"""The geometry of figures and their intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from eyespot.evaluation.appraisal import Appraisal
from eyespot.evaluation.interval_chart import MOST_RECALLS, Figure, axis_begin, interval_chart, interval_charts
from eyespot.evaluation.intervals import Interval


def test_bounds_and_figure_lie_on_the_axis_where_their_values_are() -> None:
    chart = interval_chart("Recall", [Figure("skirt", Interval(0.75, 0.5, 1.0))], begin=0.5)

    (row,) = chart.rows
    assert (row.low, row.high) == (chart.left, chart.right)
    assert row.x == pytest.approx((chart.left + chart.right) / 2)
    assert [(tick.label, tick.position) for tick in chart.ticks] == [
        (label, pytest.approx(chart.left + i * (chart.right - chart.left) / 5))
        for i, label in enumerate(["50%", "60%", "70%", "80%", "90%", "100%"])
    ]


@pytest.mark.parametrize(
    ("low", "begin", "labels"),
    [
        (0.0, 0.0, ["0%", "25%", "50%", "75%", "100%"]),
        (0.24, 0.0, ["0%", "25%", "50%", "75%", "100%"]),
        (0.25, 0.25, ["25%", "50%", "75%", "100%"]),
        (0.74, 0.5, ["50%", "60%", "70%", "80%", "90%", "100%"]),
        (0.99, 0.75, ["75%", "80%", "85%", "90%", "95%", "100%"]),
        (1.0, 0.75, ["75%", "80%", "85%", "90%", "95%", "100%"]),
    ],
)
def test_the_axis_begins_at_a_quarter_below_every_bound(low: float, begin: float, labels: list[str]) -> None:
    intervals = [Interval(1.0, 0.995, 1.0), Interval(1.0, low, 1.0)]

    assert axis_begin(intervals) == begin
    assert [tick.label for tick in interval_chart("", [], begin).ticks] == labels


def test_rows_lie_below_each_other_within_the_drawing() -> None:
    chart = interval_chart("", [Figure(str(i), Interval(0.5, 0.25, 0.75)) for i in range(3)], begin=0.0)

    steps = [row.y for row in chart.rows]
    assert steps == sorted(steps)
    assert 0 < steps[0] < steps[-1] < chart.bottom < chart.height


def test_a_row_says_its_figure_and_the_title_all_of_a_long_name() -> None:
    name = "pictures of " + "very " * 20 + "long names"
    (row,) = interval_chart("", [Figure(name, Interval(0.838, 0.801, 0.8691))], begin=0.0).rows

    assert row.value == "83.8% (80% to 87%)"
    assert row.words == f"{name}: 83.8%, 95 % interval 80.1% to 86.9%"
    assert len(row.name) < 50
    assert row.name.endswith("…")


def test_classifier_candidates_and_classes_share_an_axis(
    make_outcome: Callable[..., Any], make_appraisal: Callable[..., Appraisal]
) -> None:
    charts = interval_charts(make_appraisal(make_outcome()))

    assert [[row.name for row in chart.rows] for chart in charts] == [
        ["accuracy", "macro recall (balanced accuracy)"],
        ["kept: frozen features of cifar10", "from scratch"],
        ["rose", "leaf", "sky"],
    ]
    assert [row.is_main for row in charts[1].rows] == [True, False]
    assert len({chart.ticks for chart in charts}) == 1
    assert charts[0].ticks[0].label == "0%"  # the worse candidate was never right


def test_a_single_candidate_is_not_drawn_beside_the_classifier(
    make_outcome: Callable[..., Any], make_appraisal: Callable[..., Appraisal]
) -> None:
    made = make_appraisal(make_outcome())

    charts = interval_charts(replace(made, candidates=made.candidates[:1]))

    assert [chart.title for chart in charts] == ["The classifier", "Recall of the classes"]


def test_of_many_classes_those_of_the_lowest_recall_are_drawn(
    make_outcome: Callable[..., Any], make_appraisal: Callable[..., Appraisal]
) -> None:
    recalls = {str(i): Interval(i / 100, i / 200, 1.0) for i in reversed(range(60))}
    recalls["absent"] = None

    appraisal = make_appraisal(make_outcome())
    *_, chart = interval_charts(replace(appraisal, intervals=replace(appraisal.intervals, recalls=recalls)))

    assert [row.name for row in chart.rows] == [str(i) for i in range(MOST_RECALLS)]
