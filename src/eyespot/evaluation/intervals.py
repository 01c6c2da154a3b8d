"""Between which values a figure truly lies, with 95 % confidence, where pictures of one group are not independent of others.

Pictures of one animal, one site or one burst tend to be right or wrong together: m of them tell only as much as
m / (1 + (m - 1) r) independent ones, where r is their correlation. Few pictures say little about r, so it is not estimated
but averaged over: each r from 0 to 1 weighs as much as a beta-binomial distribution with it makes the counts of the groups
likely. With the number of pictures that it leaves, each r gives a score interval, Wilson's for shares and Tango's for paired
differences; the ends returned are those beyond which the mean of their tails is 2.5 %. Where no picture has a fellow, these
are Wilson's and Tango's own. Nothing is drawn at random, and an accuracy of 1 has a lower bound as well.

The intervals say how far other pictures of the same kind could lead to another figure. They do not say how much a classifier
trained on other pictures would differ. Out of fold the answers come from several classifiers that learned from much the same
pictures, so that they tell less than as many answers of one: `CROSS_VALIDATED` says how much less.

Sources: Franco, Little, Louis and Slud 2019 (Journal of Survey Statistics and Methodology 7): intervals of Wilson's form cover
well once the effective number of pictures comes from a model of the groups; all undercover where the sample alone gives it.
Bates, Hastie and Tibshirani 2024 (Journal of the American Statistical Association 119): intervals of cross-validated figures
undercover unless they are widened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import pi, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eyespot.errors import InputError

CONFIDENCE = 0.95

CROSS_VALIDATED = 0.7
"""As how many independent pictures one counts that was judged out of fold: intervals are 1.2 times as wide. Learned from the
simulated data sets of benchmarks/interval_coverage.py, where without it 90 % of the intervals held the truth."""

_CORRELATIONS = 64
_BISECTIONS = 45
_SMALLEST_VARIANCE = 1e-300
_ROUNDING = 1e-12

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Interval:
    """A figure and the bounds between which the true one lies with 95 % confidence.

    Attributes:
        estimate: the figure that was seen.
        low, high: the bounds; the figure lies between them.
    """

    estimate: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """The figure and its bounds by their names."""
        return {"estimate": self.estimate, "low": self.low, "high": self.high}


def accuracy_interval(
    predicted: ArrayLike, labels: ArrayLike, groups: ArrayLike | None = None, *, worth: float = 1.0
) -> Interval:
    """The share of pictures that are told right, 0-1, for this mixture of classes.

    Args:
        predicted: (n,), the answers, as positions of classes.
        labels: (n,), the true classes.
        groups: (n,), what each picture belongs to, numbers or names; None: each stands alone.
        worth: as how many independent ones a picture counts, more than 0; less than 1 where answers are cross-validated.

    Errors: InputError for shapes that do not fit together, no pictures, classes that are no whole numbers from 0.
    """
    truth, (right,), group = _checked(labels, [predicted], groups)
    weights = _correlation_weights(_counts_by_class(right, truth, group))
    return _share_interval(float(right.mean()), worth * _effective_number(_equal_parts(right), group), weights)


def recall_intervals(
    predicted: ArrayLike, labels: ArrayLike, classes: int, groups: ArrayLike | None = None, *, worth: float = 1.0
) -> tuple[Interval | None, ...]:
    """The share of each class's pictures that are told right, 0-1, class by class; None for a class without pictures.

    What one class says of the correlation within groups counts for the others too: alone each has too few.

    Args:
        predicted: (n,), the answers, as positions of classes.
        labels: (n,), the true classes.
        classes: how many there are.
        groups: (n,), what each picture belongs to, numbers or names; None: each stands alone.
        worth: as of `accuracy_interval`.

    Errors: InputError for shapes that do not fit together, no pictures, classes that are no whole numbers from 0 to `classes`.
    """
    truth, (right,), group = _checked(labels, [predicted], groups)
    if truth.max() >= classes:
        raise InputError(f"labels must lie below the number of classes, {classes}; got {truth.max()}")
    weights = _correlation_weights(_counts_by_class(right, truth, group))
    found: list[Interval | None] = []
    for position in range(classes):
        members = truth == position
        if members.any():
            effective = worth * _effective_number(_equal_parts(right[members]), group[members])
            found.append(_share_interval(float(right[members].mean()), effective, weights))
        else:
            found.append(None)
    return tuple(found)


def macro_recall_interval(
    predicted: ArrayLike, labels: ArrayLike, groups: ArrayLike | None = None, *, worth: float = 1.0
) -> Interval:
    """The mean of the recalls of the classes that have pictures, 0-1 (balanced accuracy).

    It counts as a share of as many pictures as would be equally uncertain. How uncertain each class is follows from its own
    recall, with one more picture right and one more wrong (Laplace), so that a class without mistakes is not taken for certain.

    Args:
        predicted: (n,), the answers, as positions of classes.
        labels: (n,), the true classes.
        groups: (n,), what each picture belongs to, numbers or names; None: each stands alone.
        worth: as of `accuracy_interval`.

    Errors: InputError for shapes that do not fit together, no pictures, classes that are no whole numbers from 0.
    """
    truth, (right,), group = _checked(labels, [predicted], groups)
    _, kind, sizes = np.unique(truth, return_inverse=True, return_counts=True)
    recalls = np.bincount(kind, right) / sizes
    members = [kind == position for position in range(len(sizes))]
    # (correlations, classes) from here on: the stronger the correlation, the fewer pictures those two are added to.
    number = np.stack([_effective_number(_equal_parts(right[of_it]), group[of_it]) for of_it in members], axis=1)
    smoothed = (recalls * number + 1) / (number + 2)
    parts = np.sqrt(smoothed * (1 - smoothed)) / (sizes * len(sizes))
    effective = np.array([_effective_number(row[kind], group)[i] for i, row in enumerate(parts)])
    mean = smoothed.mean(axis=1)
    weights = _correlation_weights(_counts_by_class(right, truth, group))
    return _share_interval(float(recalls.mean()), mean * (1 - mean) * worth * effective, weights)


def difference_interval(
    predicted: ArrayLike, others: ArrayLike, labels: ArrayLike, groups: ArrayLike | None = None, *, worth: float = 1.0
) -> Interval:
    """By how much the accuracy of one classifier exceeds that of another on the same pictures, -1 to 1.

    Args:
        predicted: (n,), the answers of the one.
        others: (n,), the answers of the other.
        labels: (n,), the true classes.
        groups: (n,), what each picture belongs to, numbers or names; None: each stands alone.
        worth: as of `accuracy_interval`.

    Errors: InputError for shapes that do not fit together, no pictures, classes that are no whole numbers from 0.
    Source: Tango 1998 (Statistics in Medicine 17), the score interval of a paired difference.
    """
    _, (right, other), group = _checked(labels, [predicted, others], groups)
    gained, lost = right > other, other > right
    # Both kinds of discordant pictures are beta-binomial with the same correlation and, being rare, nearly independent.
    weights = _correlation_weights([_counts(gained, group), _counts(lost, group)])
    estimate = float(gained.mean() - lost.mean())
    variance = _paired_variance(float(gained.mean()), float(lost.mean()))
    effective = worth * _effective_number(_equal_parts(right), group)
    return _score_interval(estimate, (-1.0, 1.0), variance, effective, weights)


def _share_interval(estimate: float, effective: Floats, weights: Floats) -> Interval:
    """Wilson's interval, its tails averaged over the correlations."""
    return _score_interval(estimate, (0.0, 1.0), lambda share: share * (1 - share), effective, weights)


def _score_interval(
    estimate: float, limits: tuple[float, float], variance: Callable[[float], float], effective: Floats, weights: Floats
) -> Interval:
    """The values of which the estimate is not further away than chance would bring it.

    Args:
        estimate: what was seen.
        limits: what the true value cannot exceed.
        variance: that of one picture, for a true value.
        effective: (correlations,), how many independent pictures there are.
        weights: (correlations,), how likely each correlation is.
    """
    cdf = NormalDist().cdf
    if np.ptp(effective) <= _ROUNDING * effective[0]:  # no picture has a fellow: whatever the correlation, it says the same
        effective, weights = effective[:1], np.ones(1)

    def tail(value: float) -> float:
        scores = (estimate - value) * np.sqrt(effective / max(variance(value), _SMALLEST_VARIANCE))
        return float(np.dot(weights, [cdf(score) for score in scores.tolist()]))

    outer = (1 - CONFIDENCE) / 2
    low = _crossing(tail, 1 - outer, limits[0], estimate) if estimate > limits[0] else limits[0]
    high = _crossing(tail, outer, estimate, limits[1]) if estimate < limits[1] else limits[1]
    return Interval(estimate, low, high)


def _crossing(falling: Callable[[float], float], wanted: float, low: float, high: float) -> float:
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if falling(middle) > wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _paired_variance(gained: float, lost: float) -> Callable[[float], float]:
    """Of one picture's difference, were a given difference the true one, at the likeliest share of losses (Tango 1998)."""

    def variance(difference: float) -> float:
        slope = (2 - gained + lost) * difference - gained - lost
        likeliest = (sqrt(max(0.0, slope**2 + 8 * lost * difference * (1 - difference))) - slope) / 4
        return 2 * likeliest + difference * (1 - difference)

    return variance


# ---------------------------------------------------------------------------------- the correlation within groups


def _correlations() -> tuple[Floats, Floats]:
    """Correlations from 0 to 1, closer near 0, where large groups tell them apart; and the width that each stands for."""
    roots = (np.arange(_CORRELATIONS) + 0.5) / _CORRELATIONS
    return roots**2, 2 * roots / _CORRELATIONS


def _effective_number(parts: Floats, group: Positions) -> Floats:
    """(correlations,): one over the variance of a weighted sum of pictures of variance 1, whose weights are `parts`."""
    correlations, _ = _correlations()
    alone, together = np.sum(parts**2), np.sum(np.bincount(group, parts) ** 2)
    number: Floats = 1 / ((1 - correlations) * alone + correlations * together)
    return number


def _equal_parts(pictures: NDArray[np.bool_]) -> Floats:
    return np.full(len(pictures), 1 / len(pictures))


def _correlation_weights(tables: Iterable[tuple[Positions, Positions]]) -> Floats:
    """(correlations,): how likely each is after what was seen, all from 0 to 1 being equally likely before; the sum is 1.

    Args:
        tables: for each kind of picture, whose share of hits is its own, the hits of each group and its size.
    """
    _, widths = _correlations()
    logs = np.log(widths)
    for hits, sizes in tables:
        logs = logs + _log_likelihood(hits, sizes)
    likelihood: Floats = np.exp(logs - logs.max())
    weights: Floats = likelihood / likelihood.sum()
    return weights


def _log_likelihood(hits: Positions, sizes: Positions) -> Floats:
    """(correlations,): how likely the hits are under a beta-binomial distribution whose mean is unknown (Jeffreys' prior)."""
    correlation = _correlations()[0][:, None]
    # Equal steps of the angle are Jeffreys' prior; they have to be finer than the likelihood's width, 1 / (2 sqrt(n)).
    steps = 32 + 4 * int(sqrt(sizes.sum()))
    share = np.sin((np.arange(steps) + 0.5) / steps * pi / 2)[None, :] ** 2
    logs = np.zeros((len(correlation), steps))
    misses = sizes - hits
    for i in range(int(sizes.max())):
        added = i * correlation
        if hitting := np.count_nonzero(hits > i):
            logs += hitting * np.log(share * (1 - correlation) + added)
        if missing := np.count_nonzero(misses > i):
            logs += missing * np.log((1 - share) * (1 - correlation) + added)
        logs -= np.count_nonzero(sizes > i) * np.log(1 - correlation + added)
    highest = logs.max(axis=1)
    likelihood: Floats = np.log(np.exp(logs - highest[:, None]).mean(axis=1)) + highest
    return likelihood


def _counts(hit: NDArray[np.bool_], group: Positions) -> tuple[Positions, Positions]:
    """The hits of each group, and its size."""
    _, member = np.unique(group, return_inverse=True)
    sizes = np.bincount(member)
    return np.bincount(member[hit], minlength=len(sizes)), sizes


def _counts_by_class(right: NDArray[np.bool_], truth: Positions, group: Positions) -> list[tuple[Positions, Positions]]:
    # Class by class: where one class is harder than another, that is no correlation.
    return [_counts(right[truth == position], group[truth == position]) for position in np.unique(truth)]


# ------------------------------------------------------------------------------------------------------ the rest


def _checked(
    labels: ArrayLike, answers: list[ArrayLike], groups: ArrayLike | None
) -> tuple[Positions, list[NDArray[np.bool_]], Positions]:
    """The true classes, which answers are right, and the groups as numbers from 0."""
    truth = np.asarray(labels)
    if truth.ndim != 1 or not len(truth):
        raise InputError(f"labels must have the shape (n,), of at least one picture; got {truth.shape}")
    if not np.issubdtype(truth.dtype, np.integer) or truth.min() < 0:
        raise InputError(f"labels must be whole numbers from 0; got {truth.dtype} from {truth.min()}")
    given = [np.asarray(answer) for answer in answers]
    for answer in given:
        if answer.shape != truth.shape or not np.issubdtype(answer.dtype, np.integer):
            raise InputError(f"answers must be {len(truth)} whole numbers, one a label; got {answer.dtype} of {answer.shape}")
    return truth.astype(np.int64), [answer == truth for answer in given], _group_numbers(groups, len(truth))


def _group_numbers(groups: ArrayLike | None, n: int) -> Positions:
    if groups is None:
        return np.arange(n, dtype=np.int64)
    names = np.asarray(groups)
    if names.shape != (n,):
        raise InputError(f"groups must have the shape ({n},), one a picture; got {names.shape}")
    return np.unique(names, return_inverse=True)[1].astype(np.int64)
