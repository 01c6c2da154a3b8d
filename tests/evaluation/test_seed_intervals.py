"""The difference of recipes: held against Welch's test, a formula for pairs, Gallas' sums, and recipes whose truth is known."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from eyespot.errors import InputError
from eyespot.evaluation.seed_intervals import SeedDifference, seed_difference

Bools = NDArray[np.bool_]


def drawn(
    generator: np.random.Generator, easiness: NDArray[np.float64], runs: int, *, scatter: float = 0.0, own: float = 1.0
) -> Bools:
    """(runs, n): a picture is told where how easy it is, plus luck of the run, plus luck of both, exceeds 0."""
    of_run = generator.normal(0, scatter, (runs, 1)) if scatter else 0.0
    return np.asarray(easiness + of_run + generator.normal(0, own, (runs, len(easiness))) > 0)


def bounds(found: SeedDifference) -> tuple[float, float]:
    return found.interval.low, found.interval.high


# ------------------------------------------------------------------------------------------------- limiting cases


def test_runs_that_scatter_far_more_than_pictures_can_tell_give_welchs_interval() -> None:
    # 200,000 pictures, all of which a run tells with the same chance.
    generator = np.random.default_rng(0)
    chances = [np.array([0.70, 0.75, 0.9]), np.array([0.5, 0.55, 0.65, 0.4])]
    first, second = (generator.random((len(chance), 200_000)) < chance[:, None] for chance in chances)

    found = seed_difference(first, second)

    welch = stats.ttest_ind(first.mean(axis=1), second.mean(axis=1), equal_var=False)
    expected = welch.confidence_interval(0.95)
    assert bounds(found) == pytest.approx((expected.low, expected.high), abs=1e-3)
    assert found.p_value == pytest.approx(welch.pvalue, rel=0.01)
    assert found.freedom == pytest.approx(welch.df, rel=0.01)


def test_runs_that_never_differ_from_their_fellows_count_as_one() -> None:
    generator = np.random.default_rng(1)
    first, second = generator.random(300) < 0.9, generator.random(300) < 0.8

    one, three = seed_difference([first], [second]), seed_difference([first] * 3, [second] * 2)

    assert bounds(three) == pytest.approx(bounds(one))
    assert three.of_seeds == 0


def test_one_run_a_side_gives_walds_interval_with_two_pictures_more() -> None:
    both, only_first, only_second, neither = 300, 40, 25, 35
    first = np.repeat([1, 1, 0, 0], [both, only_first, only_second, neither])
    second = np.repeat([1, 0, 1, 0], [both, only_first, only_second, neither])

    found = seed_difference([first], [second])

    n = 400 + 2
    more, less = (only_first + 1) / n, (only_second + 1) / n
    reach = stats.norm.ppf(0.975) * np.sqrt((more + less - (more - less) ** 2) / n)
    assert found.interval.estimate == pytest.approx(15 / 400)
    assert bounds(found) == pytest.approx((15 / 400 - reach, 15 / 400 + reach), abs=2e-4)


def test_sides_without_a_mistake_may_differ_on_other_pictures() -> None:
    found = seed_difference(np.ones((3, 60)), np.ones((3, 60)))

    assert found.interval.estimate == 0
    assert 0.02 < found.interval.high < 0.06
    assert found.interval.low == -found.interval.high
    assert found.p_value == pytest.approx(1)


def test_pictures_of_one_group_that_go_together_count_as_one() -> None:
    generator = np.random.default_rng(2)
    first, second = generator.random((2, 80)) < 0.85, generator.random((3, 80)) < 0.75
    fourfold = [np.repeat(side, 4, axis=1) for side in (first, second)]

    grouped = seed_difference(*fourfold, np.repeat(np.arange(80), 4))

    assert bounds(grouped) == pytest.approx(bounds(seed_difference(first, second)))
    assert grouped.freedom == pytest.approx(seed_difference(first, second).freedom)
    alone = seed_difference(*fourfold)
    assert alone.interval.high - alone.interval.low < grouped.interval.high - grouped.interval.low


def test_a_picture_that_counts_less_makes_the_interval_wider() -> None:
    generator = np.random.default_rng(3)
    sides = generator.random((2, 2, 100)) < 0.8

    whole, half = seed_difference(*sides), seed_difference(*sides, worth=0.5)

    assert half.of_pictures == pytest.approx(2 * whole.of_pictures)
    assert half.interval.high - half.interval.low > whole.interval.high - whole.interval.low


def test_the_sides_turned_around_turn_the_sign() -> None:
    generator = np.random.default_rng(4)
    first, second = generator.random((3, 90)) < 0.8, generator.random((2, 90)) < 0.7

    found, turned = seed_difference(first, second), seed_difference(second, first)

    assert bounds(turned) == pytest.approx((-found.interval.high, -found.interval.low))
    assert turned.p_value == pytest.approx(found.p_value)


# ------------------------------------------------------------------------------------------------------- the variance


def gallas(first: Bools, second: Bools) -> float:
    """The unbiased variance of the difference, from means of products over runs and pictures that are equal or not."""

    def products(one: Bools, other: Bools, *, is_same: bool) -> dict[tuple[bool, bool], float]:
        sums: dict[tuple[bool, bool], list[float]] = {(a, b): [] for a, b in product((True, False), repeat=2)}
        for (r, s), (i, j) in product(
            product(range(len(one)), range(len(other))), product(range(one.shape[1]), range(one.shape[1]))
        ):
            sums[is_same and r == s, i == j].append(float(one[r, i] and other[s, j]))
        return {key: float(np.mean(values)) for key, values in sums.items() if values}

    n, total = first.shape[1], 0.0
    for side in (first, second):
        runs, moment = len(side), products(side, side, is_same=True)
        total += moment[True, True] / (runs * n) + moment[True, False] * (n - 1) / (runs * n)
        total += moment[False, True] * (runs - 1) / (runs * n) + moment[False, False] * ((runs - 1) * (n - 1) / (runs * n) - 1)
    moment = products(first, second, is_same=False)
    return total - 2 * (moment[False, True] / n + moment[False, False] * ((n - 1) / n - 1))


def test_seeds_and_pictures_less_what_both_count_are_gallas_unbiased_variance() -> None:
    generator = np.random.default_rng(5)
    easiness = generator.normal(1, 1, 40)
    first, second = drawn(generator, easiness, 3, scatter=0.8), drawn(generator, generator.normal(1, 1, 40), 4, scatter=0.8)

    found = seed_difference(first, second)

    # The two pictures that are added apart, whose share is known by the same formula without runs.
    reach = (found.interval.high - found.interval.low) / 2
    variance = (reach / stats.t.ppf(0.975, found.freedom)) ** 2
    gaps = first.mean(axis=0) - second.mean(axis=0)
    added = found.of_pictures - gaps.var(ddof=1) / 40
    assert variance - added == pytest.approx(gallas(first, second), rel=1e-6)


# ----------------------------------------------------------------------------------------------------------- coverage


@pytest.mark.parametrize(
    ("runs", "others", "n", "scatter", "own"),
    [
        (3, 3, 1000, 0.0, 0.7),  # seeds differ by luck with single pictures alone, as of networks
        (5, 5, 300, 0.15, 0.7),
        (3, 5, 1000, 0.3, 0.4),  # seeds are what matters
        (1, 5, 500, 0.0, 0.5),
        (2, 2, 500, 0.1, 0.5),
    ],
)
def test_the_interval_holds_the_true_difference_of_the_recipes(
    runs: int, others: int, n: int, scatter: float, own: float
) -> None:
    generator = np.random.default_rng(6)
    # How often a run tells a picture whose easiness is normal: the sum of three normal variables exceeds 0.
    spread = np.sqrt(1 + own**2 + (scatter**2))
    truth = float(stats.norm.cdf(1.2 / spread) - stats.norm.cdf(1.0 / spread))
    held = 0
    for _ in range(300):
        easiness = generator.normal(0, 1, n)
        found = seed_difference(
            drawn(generator, easiness + 1.2, runs, scatter=scatter, own=own),
            drawn(generator, easiness + 1.0, others, scatter=scatter, own=own),
        )
        held += found.interval.low <= truth <= found.interval.high

    assert 0.92 * 300 <= held <= 0.99 * 300


def test_an_interval_that_forgets_the_seeds_misses_too_often() -> None:
    generator = np.random.default_rng(7)
    scatter, own, n = 0.3, 0.4, 1000
    by_pictures_alone = 0
    for _ in range(200):
        easiness = generator.normal(1, 1, n)
        first, second = (drawn(generator, easiness, 3, scatter=scatter, own=own) for _ in range(2))
        gaps = first.mean(axis=0) - second.mean(axis=0)
        reach = 1.96 * np.sqrt(gaps.var(ddof=1) / n)
        by_pictures_alone += abs(gaps.mean()) <= reach

    assert by_pictures_alone < 0.8 * 200


# ------------------------------------------------------------------------------------------------------------- inputs


@pytest.mark.parametrize(
    ("first", "second", "groups", "message"),
    [
        ([True, False], [[True, False]], None, r"shape \(runs, pictures\)"),
        ([[]], [[]], None, "at least one each"),
        ([[True]], [[True, False]], None, "the same pictures; got 1 and 2"),
        ([[True]], [[True]], [1, 2], r"shape \(1,\)"),
    ],
)
def test_what_does_not_fit_together_is_refused(first: object, second: object, groups: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        seed_difference(first, second, groups)  # type: ignore[arg-type]  # wrong on purpose
