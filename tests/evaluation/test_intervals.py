"""The intervals, held against SciPy, scikit-learn, a published example, and data sets whose true figures are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import optimize, stats
from sklearn.metrics import recall_score

from eyespot.errors import InputError
from eyespot.evaluation.intervals import (
    Interval,
    accuracy_interval,
    difference_interval,
    macro_recall_interval,
    recall_intervals,
)
from eyespot.evaluation.metrics import wilson_interval

Z = 1.959963984540054

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


def accuracy_of(right: Bools, groups: Ints | None = None) -> Interval:
    """Of pictures of one class."""
    return accuracy_interval(np.where(right, 0, 1), np.zeros(len(right), int), groups)


def bounds(interval: Interval) -> tuple[float, float]:
    return interval.low, interval.high


def latent(generator: np.random.Generator, group: Ints, correlation: float, accuracy: float) -> Bools:
    """Which pictures are right, by a normal variable that is correlated within groups: no beta-binomial distribution."""
    common = generator.normal(size=group.max() + 1)[group]
    own = generator.normal(size=len(group))
    decides = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own
    return np.asarray(decides < stats.norm.ppf(accuracy))


# -------------------------------------------------------------------------------------------------- without groups


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 600), share=st.floats(0, 1))
def test_without_groups_the_interval_of_an_accuracy_is_wilsons(n: int, share: float) -> None:
    hits = round(share * n)
    expected = stats.binomtest(hits, n).proportion_ci(method="wilson")

    found = accuracy_of(np.arange(n) < hits)

    assert found.estimate == pytest.approx(hits / n)
    assert bounds(found) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_groups_of_one_picture_are_no_groups() -> None:
    right = np.random.default_rng(0).random(70) < 0.8

    assert bounds(accuracy_of(right, np.arange(70)[::-1])) == pytest.approx(bounds(accuracy_of(right)), abs=1e-9)


def test_the_recalls_and_their_mean_are_scikit_learns() -> None:
    generator = np.random.default_rng(1)
    labels = generator.integers(0, 4, 120)
    predicted = np.where(generator.random(120) < 0.7, labels, generator.integers(0, 4, 120))

    found = recall_intervals(predicted, labels, 5)
    macro = macro_recall_interval(predicted, labels)

    expected = recall_score(labels, predicted, average=None)
    assert [one.estimate for one in found if one] == pytest.approx(expected.tolist())
    assert found[4] is None
    assert macro.estimate == pytest.approx(recall_score(labels, predicted, average="macro"))
    hits = int(((predicted == 2) & (labels == 2)).sum())
    assert found[2]
    assert bounds(found[2]) == pytest.approx(wilson_interval(hits, int((labels == 2).sum())), abs=1e-6)


def test_the_mean_recall_of_one_class_is_its_recall() -> None:
    predicted, labels = [0] * 37 + [1] * 3, [0] * 40

    assert bounds(macro_recall_interval(predicted, labels)) == pytest.approx(wilson_interval(37, 40), abs=1e-6)


def test_the_mean_recall_of_equally_large_classes_without_a_mistake_is_as_sure_as_their_accuracy() -> None:
    labels = np.repeat(np.arange(5), 12)

    assert bounds(macro_recall_interval(labels, labels)) == pytest.approx(wilson_interval(60, 60), abs=1e-6)


def test_a_small_class_without_a_mistake_leaves_the_mean_recall_unsure() -> None:
    labels = np.repeat([0, 1], [400, 8])

    found = macro_recall_interval(labels, labels)

    # The lower bound of the small class alone is 0.68; halved with a certain 1 it is 0.84.
    assert 0.75 < found.low < 0.88
    assert found.high == 1


def test_a_small_class_without_a_mistake_is_not_taken_for_certain_beside_a_large_one_with_many() -> None:
    labels = np.repeat([0, 1], [400, 8])
    predicted = np.where(np.arange(408) < 160, 1, labels)

    found = macro_recall_interval(predicted, labels)

    # The large class, 60 % of which are right, is known to 5 points; half of that would be all, were the small one certain.
    assert found.estimate == pytest.approx(0.8)
    assert 0.62 < found.low < 0.74


# ----------------------------------------------------------------------------------------------------- with groups


def reference(hits: Ints, sizes: Ints) -> tuple[float, float]:
    """The same interval by SciPy's distributions on other grids."""
    correlations = (np.arange(150) + 0.5) / 150
    # Jeffreys' prior of a share is an even one of its angle.
    shares = np.sin(np.linspace(0, np.pi / 2, 301)[1:-1]) ** 2
    weights = []
    for correlation in correlations:
        strength = (1 - correlation) / correlation
        logs = stats.betabinom.logpmf(hits[:, None], sizes[:, None], shares * strength, (1 - shares) * strength).sum(axis=0)
        weights.append(float(np.exp(logs).sum()))
    estimate, n = hits.sum() / sizes.sum(), sizes.sum()
    effective = n / (1 + correlations * ((sizes**2).sum() / n - 1))

    def tail(share: float) -> float:
        scores = (estimate - share) / np.sqrt(share * (1 - share) / effective)
        return float(np.average(stats.norm.cdf(scores), weights=weights))

    low = optimize.brentq(lambda share: tail(share) - 0.975, 1e-9, estimate - 1e-9)
    high = optimize.brentq(lambda share: tail(share) - 0.025, estimate + 1e-9, 1 - 1e-9) if estimate < 1 else 1.0
    return low, high


@pytest.mark.parametrize(
    ("hits", "sizes"),
    [
        ([5, 5, 5, 0, 4, 5, 5, 2], [5, 5, 5, 5, 5, 5, 5, 5]),
        ([1, 9, 3, 1, 1, 0, 2], [1, 12, 3, 1, 2, 1, 2]),
        ([6, 6, 6, 6], [6, 6, 6, 6]),
    ],
)
def test_with_groups_the_interval_averages_over_a_beta_binomials_correlation(hits: list[int], sizes: list[int]) -> None:
    right = np.concatenate([np.arange(size) < hit for hit, size in zip(hits, sizes, strict=True)])
    groups = np.repeat(np.arange(len(sizes)), sizes)

    assert bounds(accuracy_of(right, groups)) == pytest.approx(reference(np.array(hits), np.array(sizes)), abs=2e-3)


def test_groups_that_are_right_or_wrong_as_one_count_as_one_picture_each() -> None:
    whole = np.arange(60) < 51

    found = accuracy_of(np.repeat(whole, 5), np.repeat(np.arange(60), 5))

    assert bounds(found) == pytest.approx(wilson_interval(51, 60), abs=0.012)
    assert found.estimate == pytest.approx(0.85)


def test_large_groups_that_differ_no_more_than_by_chance_count_nearly_as_their_pictures() -> None:
    right = np.random.default_rng(5).random(600) < 0.8

    low, high = bounds(accuracy_of(right, np.repeat(np.arange(120), 5)))

    alone = accuracy_of(right)
    assert 1 < (high - low) / (alone.high - alone.low) < 1.2


def test_an_accuracy_of_one_is_less_sure_the_fewer_groups_it_is_seen_on() -> None:
    right = np.ones(60, bool)
    found = [accuracy_of(right, np.arange(60) // size) for size in (1, 5, 20, 60)]

    assert all(one.high == 1 for one in found)
    assert found[0].low == pytest.approx(wilson_interval(60, 60)[0], abs=1e-6)
    assert found[0].low > found[1].low > found[2].low > found[3].low
    # Of a single group nearly nothing is known.
    assert found[3].low < 0.35


def test_a_class_that_is_harder_than_another_is_no_correlation() -> None:
    generator = np.random.default_rng(2)
    labels = np.repeat([0, 1], 150)
    right = generator.random(300) < np.where(labels == 0, 0.99, 0.6)
    groups = np.arange(300) // 5

    by_class = accuracy_interval(np.where(right, labels, 2), labels, groups)
    as_one = accuracy_interval(np.where(right, 0, 2), np.zeros(300, int), groups)

    assert by_class.high - by_class.low < 0.9 * (as_one.high - as_one.low)


def test_a_group_that_runs_across_classes_makes_their_mean_less_sure() -> None:
    labels = np.tile(np.repeat([0, 1], 4), 20)
    sites = np.arange(160) // 8
    right = np.isin(sites, np.arange(20)[:16])

    of_sites = macro_recall_interval(np.where(right, labels, 2), labels, sites)
    of_halves = macro_recall_interval(np.where(right, labels, 2), labels, np.arange(160) // 4)

    assert of_sites.high - of_sites.low > 1.2 * (of_halves.high - of_halves.low)


shares_and_groups = st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.integers(0, 6)), min_size=1, max_size=40)


@settings(max_examples=40, deadline=None)
@given(pictures=shares_and_groups, seed=st.integers(0, 99))
def test_neither_the_order_of_the_pictures_nor_the_names_of_the_groups_matter(
    pictures: list[tuple[int, bool, int]], seed: int
) -> None:
    labels, right, groups = (np.array(column) for column in zip(*pictures, strict=True))
    predicted = np.where(right, labels, 3)
    order = np.random.default_rng(seed).permutation(len(labels))
    names = np.array([f"site {9 - group}" for group in groups])

    for interval in (accuracy_interval, macro_recall_interval):
        found = interval(predicted, labels, groups)
        shuffled = interval(predicted[order], labels[order], names[order])
        assert bounds(shuffled) == pytest.approx(bounds(found), abs=1e-9)
        assert 0 <= found.low <= found.estimate <= found.high <= 1
        assert found.high - found.low > 0.02


# ------------------------------------------------------------------------------------------------------ differences


def paired(both: int, first: int, second: int, neither: int) -> tuple[Ints, Ints, Ints]:
    """Answers of two classifiers to pictures of one class, 0, by who is right."""
    counts = [both, first, second, neither]
    one, other = np.repeat([0, 0, 1, 1], counts), np.repeat([0, 1, 0, 1], counts)
    return one, other, np.zeros(sum(counts), int)


def test_the_interval_of_a_difference_is_tangos_in_a_published_example() -> None:
    # Airway hyper-responsiveness before and after transplantation: Fagerland, Lydersen and Laake 2014, table 5.
    found = difference_interval(*paired(1, 1, 7, 12))

    assert found.estimate == pytest.approx(-6 / 21)
    assert bounds(found) == pytest.approx((-0.517, -0.026), abs=6e-4)


def score(difference: float, first: int, second: int, n: int) -> float:
    """Tango's statistic, its likeliest share of losses found by a search."""

    def surprise(lost: float) -> float:
        chances = np.array([lost + difference, lost, 1 - 2 * lost - difference])
        counts = np.array([first, second, n - first - second])
        return -float((counts * np.log(np.maximum(chances, 1e-300))).sum())

    least, most = max(0.0, -difference), (1 - difference) / 2
    lost = optimize.minimize_scalar(surprise, bounds=(least, most), method="bounded", options={"xatol": 1e-12}).x
    return float((first - second - n * difference) / np.sqrt(n * (2 * lost + difference * (1 - difference))))


@pytest.mark.parametrize(("first", "second", "n"), [(5, 2, 30), (12, 12, 100), (1, 9, 40), (30, 3, 400)])
def test_the_ends_of_a_difference_are_where_the_score_test_no_longer_rejects(first: int, second: int, n: int) -> None:
    low, high = bounds(difference_interval(*paired(n - first - second, first, second, 0)))

    assert score(low, first, second, n) == pytest.approx(Z, abs=2e-3)
    assert score(high, first, second, n) == pytest.approx(-Z, abs=2e-3)


def test_two_classifiers_that_never_differ_may_differ_on_other_pictures() -> None:
    found = difference_interval(*paired(40, 0, 0, 10))

    assert found.estimate == 0
    assert bounds(found) == pytest.approx((-(Z**2) / (50 + Z**2), Z**2 / (50 + Z**2)), abs=1e-6)


def test_a_difference_turns_its_sign_with_the_order_of_the_classifiers() -> None:
    generator = np.random.default_rng(3)
    labels, groups = generator.integers(0, 3, 90), np.arange(90) // 3
    one, other = (np.where(generator.random(90) < share, labels, 3) for share in (0.9, 0.7))

    found, turned = difference_interval(one, other, labels, groups), difference_interval(other, one, labels, groups)

    assert bounds(turned) == pytest.approx((-found.high, -found.low), abs=1e-9)
    assert found.low > 0


def test_a_difference_on_pictures_that_come_in_groups_is_less_sure() -> None:
    first = np.repeat(np.arange(30) < 5, 4)
    one, other, labels = np.where(first, 0, 1), np.ones(120, int), np.zeros(120, int)

    alone = difference_interval(one, other, labels)
    grouped = difference_interval(one, other, labels, np.arange(120) // 4)
    of_groups = difference_interval(one[::4], other[::4], labels[::4])

    assert grouped.low < alone.low < alone.high < grouped.high
    assert bounds(grouped) == pytest.approx(bounds(of_groups), abs=0.03)


# -------------------------------------------------------------------------------------------------------- coverage


@pytest.mark.parametrize(("accuracy", "correlation", "size"), [(0.9, 0.9, 5), (0.75, 0.4, 10)])
def test_the_interval_covers_the_true_accuracy_where_one_that_ignores_groups_does_not(
    accuracy: float, correlation: float, size: int
) -> None:
    generator = np.random.default_rng(7)
    group = np.arange(200) // size
    covered = naive = 0
    for _ in range(200):
        right = latent(generator, group, correlation, accuracy)
        low, high = bounds(accuracy_of(right, group))
        covered += low <= accuracy <= high
        low, high = wilson_interval(int(right.sum()), 200)
        naive += low <= accuracy <= high

    assert 0.92 * 200 <= covered <= 0.985 * 200
    assert naive < 0.85 * 200


def test_the_interval_of_a_mean_recall_covers_the_true_one() -> None:
    generator = np.random.default_rng(8)
    labels = np.repeat([0, 1, 2], [40, 30, 20])
    chances = np.array([0.95, 0.8, 0.6])
    covered = 0
    for _ in range(200):
        predicted = np.where(generator.random(90) < chances[labels], labels, 3)
        low, high = bounds(macro_recall_interval(predicted, labels))
        covered += low <= chances.mean() <= high

    assert 0.92 * 200 <= covered <= 0.985 * 200


# ---------------------------------------------------------------------------------------------------------- inputs


@pytest.mark.parametrize(
    ("predicted", "labels", "groups", "message"),
    [
        ([], [], None, "at least one picture"),
        ([[0]], [[0]], None, r"shape \(n,\)"),
        ([0, 1], [0], None, "answers must be 1 whole numbers"),
        ([0.5], [0], None, "answers must be 1 whole numbers"),
        ([0], [0.5], None, "labels must be whole numbers"),
        ([0], [-1], None, "labels must be whole numbers from 0"),
        ([0, 0], [0, 0], [1], r"groups must have the shape \(2,\)"),
    ],
)
def test_what_does_not_fit_together_is_refused(predicted: object, labels: object, groups: object, message: str) -> None:
    for interval in (accuracy_interval, macro_recall_interval):
        with pytest.raises(InputError, match=message):
            interval(predicted, labels, groups)  # type: ignore[arg-type]  # wrong on purpose


def test_a_label_beyond_the_classes_is_refused() -> None:
    with pytest.raises(InputError, match="below the number of classes, 2; got 2"):
        recall_intervals([0], [2], 2)


def test_json_has_the_figure_and_its_bounds() -> None:
    assert Interval(0.5, 0.25, 0.75).to_json() == {"estimate": 0.5, "low": 0.25, "high": 0.75}


def test_what_counts_less_has_a_wider_interval_as_fewer_pictures_would() -> None:
    truth = np.arange(200) % 2
    predicted = np.where(np.arange(200) % 10 < 2, 1 - truth, truth)
    half = slice(0, 100)
    assert accuracy_interval(predicted, truth, worth=0.5) == accuracy_interval(predicted[half], truth[half])
    for wide, narrow in zip(
        recall_intervals(predicted, truth, 2, worth=0.5), recall_intervals(predicted, truth, 2), strict=True
    ):
        assert wide is not None
        assert narrow is not None
        assert wide.low < narrow.low < narrow.high < wide.high
    mean, all_of_them = (macro_recall_interval(predicted, truth, worth=worth) for worth in (0.5, 1.0))
    assert mean.low < all_of_them.low < all_of_them.high < mean.high
