"""The calibration error and its interval, held against populations whose error is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from eyespot.evaluation.reliability import calibration_error, calibration_error_interval, reliability

Answers = tuple[NDArray[np.float64], NDArray[np.bool_]]


def answers(generator: np.random.Generator, n: int, excess: float) -> Answers:
    """Confidences from 0.3 to 1 that exceed the probability of being right by `excess`: that is the true error."""
    confidence = generator.uniform(0.3 + abs(excess), 1 - max(0, -excess), n)
    return confidence, generator.random(n) < confidence - excess


@pytest.mark.parametrize("excess", [0.0, 0.02, 0.1, -0.2])
@pytest.mark.parametrize("n", [150, 2000])
def test_nineteen_of_twenty_intervals_at_least_hold_the_true_error(n: int, excess: float) -> None:
    generator = np.random.default_rng(0)
    repeats = 300
    found = [calibration_error_interval(*answers(generator, n, excess)) for _ in range(repeats)]

    held = np.mean([interval.low <= abs(excess) <= interval.high for interval in found])

    assert held > 0.94
    assert np.mean([interval.high - interval.low for interval in found]) < 2.5 / n**0.5


def test_more_pictures_make_it_narrower() -> None:
    few, many = (calibration_error_interval(*answers(np.random.default_rng(1), n, 0.1)) for n in (100, 10_000))

    assert many.high - many.low < 0.03 < 0.1 < few.high - few.low


def test_copies_of_a_picture_tell_no_more_than_one_where_they_are_grouped() -> None:
    confidence, right = answers(np.random.default_rng(2), 300, 0.1)
    once = calibration_error_interval(confidence, right)
    copies = np.repeat(confidence, 5), np.repeat(right, 5)
    grouped = calibration_error_interval(*copies, np.repeat(np.arange(300), 5))

    assert (grouped.low, grouped.estimate, grouped.high) == pytest.approx((once.low, once.estimate, once.high), rel=1e-6)
    assert calibration_error_interval(*copies).high < once.high - 0.01


def test_pictures_that_are_worth_less_make_it_wider() -> None:
    given = answers(np.random.default_rng(3), 300, 0.1)

    assert calibration_error_interval(*given, worth=0.5).high > calibration_error_interval(*given).high + 0.01


@pytest.mark.parametrize("right", [True, False])
def test_a_single_picture_and_answers_that_are_certain_have_bounds(right: bool) -> None:
    alone = calibration_error_interval(np.array([0.7]), np.array([right]))
    certain = calibration_error_interval(np.ones(9), np.full(9, right))

    for interval in (alone, certain):
        assert 0 <= interval.low <= interval.estimate <= interval.high <= 1
    assert certain.estimate == (0 if right else 1)
    assert calibration_error(reliability(np.array([0.7]), np.array([right]))) == pytest.approx(0.3 if right else 0.7)
