"""The confidence from which on to trust an answer.

It is chosen on pictures that the classifier has not learned from, and says nothing about pictures of another kind.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import ceil, log, log1p

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eyespot.errors import InputError

CONFIDENCE_LEVEL = 0.95
"""How sure it is to be that no more answers are wrong than was asked for, where nothing else is said."""

MOST_STARTS = 4
"""From how many sizes at most the search for a threshold sets out: no pictures, all, half, a quarter."""

SMALLEST_START = 100
"""How many pictures, or groups where they come in groups, are enough to set out from."""

_BISECTIONS = 60
_ROUNDING = 1e-9

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Threshold:
    """From which confidence on answers are wrong no more often than was asked for, and what shows it.

    Attributes:
        threshold: answers of at least this confidence count, others are unsure, 0-1.
        coverage: the share of the pictures that is answered, 0-1.
        bound: the error rate among the answered ones does not exceed this, with the confidence asked for, 0-1.
        n: how many pictures it was chosen on.
        answered: how many of them are answered.
        wrong: how many of those are wrong.
        confidence_level: the confidence that was asked for, 0-1.
    """

    threshold: float
    coverage: float
    bound: float
    n: int
    answered: int
    wrong: int
    confidence_level: float = CONFIDENCE_LEVEL


@dataclass(frozen=True)
class NoThreshold:
    """Why the pictures do not support any threshold.

    Attributes:
        reason: in a sentence without its full stop.
        needed: about how many pictures, or groups where they come in groups, would do; None where more alone would not help.
    """

    reason: str
    needed: int | None


def choose_threshold(
    confidence: ArrayLike,
    right: ArrayLike,
    error_rate: float,
    *,
    groups: ArrayLike | None = None,
    confidence_level: float = CONFIDENCE_LEVEL,
) -> Threshold | NoThreshold:
    """The lowest confidence from which on at most `error_rate` of the answers are wrong, with the confidence asked for.

    The answers are taken in from the most confident down. After each a binomial test asks whether so few wrong ones would be
    rarer than 1 - confidence_level, were the true rate above `error_rate`; the first test that says no ends the search. In such
    a sequence no test costs anything, however many there are. But one early mistake would end it too soon, so three more set
    out from all, half and a quarter of the pictures, where these are enough, and the risk is divided between the sequences.

    Pictures of one group are not independent. Each group has one vote, shared equally by its answered pictures; the larger of
    the share of wrong votes and the share of wrong pictures is tested, with as many trials as groups, and parts of a vote count
    as a whole one. That is exact where a group is right or wrong as one, and careful otherwise.

    Args:
        confidence: (n,), the highest probability of each picture, 0-1, at the temperature in use.
        right: (n,) bool, whether the answer is right.
        error_rate: the highest share of wrong answers, between 0 and 1.
        groups: (n,), what each picture belongs to, numbers or names; None: each stands alone.
        confidence_level: how sure it has to be, between 0 and 1.

    Errors: InputError for shapes that do not fit together, no pictures, values out of range.
    Source: Geifman and El-Yaniv 2017 for the task and the bound; Angelopoulos et al. 2021, "Learn then Test", for fixed
    sequences from several starts.
    """
    sure, correct, group = _checked_answers(confidence, right, groups, error_rate, confidence_level)
    order = np.argsort(-sure, kind="stable")
    sure, correct = sure[order], correct[order]
    votes, wrong_votes = _votes(correct, group[order])
    most = int(votes[-1])
    risk = (1 - confidence_level) / _start_count(most)
    passes = wrong_votes <= _allowed(most, error_rate, risk)[votes]
    # Of equally confident answers all are taken in or none.
    ends = np.flatnonzero(np.append(sure[1:] < sure[:-1], True))
    # As long as nothing is wrong, there may just not be enough pictures yet.
    stops = ends[~passes[ends] & (wrong_votes[ends] > 0)]
    chosen = -1
    for start in _starts(ends, most):
        stop = stops[stops >= start].min(initial=len(sure))
        chosen = max(chosen, int(ends[passes[ends] & (ends >= start) & (ends < stop)].max(initial=-1)))
    if chosen < 0:
        things = "pictures" if groups is None else "groups of pictures"
        return _why_none(votes, wrong_votes, ends, error_rate, confidence_level, things)
    return Threshold(
        threshold=float(sure[chosen]),
        coverage=(chosen + 1) / len(sure),
        bound=clopper_pearson_bound(int(wrong_votes[chosen]), int(votes[chosen]), 1 - risk),
        n=len(sure),
        answered=chosen + 1,
        wrong=int(np.count_nonzero(~correct[: chosen + 1])),
        confidence_level=confidence_level,
    )


def clopper_pearson_bound(wrong: int, n: int, confidence_level: float) -> float:
    """Which rate the true one does not exceed, with the given confidence, when `wrong` of `n` were; 1 where all were.

    Source: Clopper and Pearson 1934, one-sided.
    """
    if wrong >= n:
        return 1.0
    low, high = wrong / n, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if _binomial_tail(wrong, n, middle) > 1 - confidence_level:
            low = middle
        else:
            high = middle
    return high


def _binomial_tail(wrong: int, n: int, rate: float) -> float:
    """How likely at most `wrong` of `n` are wrong, each with the probability `rate`, strictly between 0 and 1."""
    i = np.arange(1, wrong + 1)
    ways = np.concatenate([[0.0], np.cumsum(np.log((n - i + 1) / i))])
    counts = np.arange(wrong + 1)
    return min(1.0, float(np.exp(ways + counts * log(rate) + (n - counts) * log1p(-rate)).sum()))


def _fewest_votes(wrong: int, error_rate: float, risk: float) -> int:
    """Of how many at least `wrong` may be wrong, so that as few are as rare as `risk` where the true rate is `error_rate`."""
    low, high = wrong, max(2 * wrong, 16)
    while _binomial_tail(wrong, high, error_rate) > risk:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if _binomial_tail(wrong, middle, error_rate) > risk:
            low = middle
        else:
            high = middle
    return high


def _allowed(most: int, error_rate: float, risk: float) -> NDArray[np.int64]:
    """(most + 1,): how many of so many votes may be wrong; -1 where none is few enough."""
    allowed = np.full(most + 1, -1, np.int64)
    wrong = 0
    while (fewest := _fewest_votes(wrong, error_rate, risk)) <= most:
        allowed[fewest:] = wrong
        wrong += 1
    return allowed


def _start_count(votes: int) -> int:
    return 1 + sum(votes >> i >= SMALLEST_START for i in range(MOST_STARTS - 1))


def _starts(ends: NDArray[np.int64], votes: int) -> list[int]:
    """Positions to set out from, the last ones of equally confident ones: neither labels nor the error rate move them."""
    n = int(ends[-1]) + 1
    sizes = [ceil(n / 2**i) for i in range(_start_count(votes) - 1)]
    return sorted({0, *(int(ends[np.searchsorted(ends, size - 1)]) for size in sizes)})


def _votes(correct: NDArray[np.bool_], group: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many groups have a vote after each picture, and how many of the votes count as wrong, parts as whole ones."""
    sizes: dict[int, int] = defaultdict(int)
    mistakes: dict[int, int] = defaultdict(int)
    votes, wrong_votes = np.empty(len(group), np.int64), np.empty(len(group), np.int64)
    wrong, parts = 0, 0.0
    for i, (name, is_right) in enumerate(zip(group.tolist(), correct.tolist(), strict=True)):
        parts -= mistakes[name] / max(sizes[name], 1)
        sizes[name] += 1
        mistakes[name] += not is_right
        wrong += not is_right
        parts += mistakes[name] / sizes[name]
        votes[i] = len(sizes)
        wrong_votes[i] = ceil(max(parts, wrong / (i + 1) * len(sizes)) - _ROUNDING)
    return votes, wrong_votes


def _why_none(
    votes: NDArray[np.int64],
    wrong_votes: NDArray[np.int64],
    ends: NDArray[np.int64],
    error_rate: float,
    confidence_level: float,
    things: str,
) -> NoThreshold:
    asked = f"at most {100 * error_rate:g} % wrong answers"
    most, risk = int(votes[-1]), 1 - confidence_level
    fewest = _fewest_votes(0, error_rate, risk / _start_count(most))
    if fewest > most:
        needed = _least_votes(most, error_rate, risk)
        return NoThreshold(f"{asked} cannot be shown by {most} {things}: it takes {needed}, all of them right", needed)
    large = ends[votes[ends] >= fewest]
    rates = wrong_votes[large] / votes[large]
    best = large[int(np.argmin(rates))]
    found = f"of the {votes[best]} most confident {things} {wrong_votes[best]} are wrong"
    enough = _enough_votes(float(rates.min()), error_rate, risk / MOST_STARTS)
    if enough is None:
        return NoThreshold(f"{found}: too many for {asked}, and more {things} alone would hardly help", None)
    # Where it was an early mistake that ended the search, as many would do, were they of better luck.
    needed = _two_digits_up(max(enough * most / int(votes[best]), most + 1))
    return NoThreshold(f"{found}: too many to be sure of {asked}; it would take about {needed} such {things}", needed)


def _two_digits_up(number: float) -> int:
    unit: int = 10 ** max(0, len(str(int(number))) - 2)
    return ceil(number / unit) * unit


def _least_votes(most: int, error_rate: float, risk: float) -> int:
    """How many votes, all of them right, would show the error rate, where `most` are too few."""
    for starts in range(_start_count(most), MOST_STARTS):
        needed = _fewest_votes(0, error_rate, risk / starts)
        # More votes are tested in more sequences, which takes still more.
        if _start_count(needed) == starts:
            return needed
    return _fewest_votes(0, error_rate, risk / MOST_STARTS)


def _enough_votes(rate: float, error_rate: float, risk: float) -> int | None:
    """How many votes would be enough, were `rate` of them wrong; None where no sensible number is."""
    if rate >= error_rate:
        return None
    wrong = 0
    while wrong < 1000:
        votes = _fewest_votes(wrong, error_rate, risk)
        if wrong >= rate * votes:
            return votes
        wrong += 1 + wrong // 8
    return None


def _checked_answers(
    confidence: ArrayLike, right: ArrayLike, groups: ArrayLike | None, error_rate: float, confidence_level: float
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.int64]]:
    sure, correct = np.asarray(confidence, dtype=np.float64), np.asarray(right)
    names = np.arange(len(correct)) if groups is None else np.asarray(groups)
    if sure.ndim != 1 or not len(sure) or correct.shape != sure.shape or names.shape != sure.shape:
        shapes = f"{sure.shape}, {correct.shape} and {names.shape}"
        raise InputError(f"confidence, right and groups must have the shape (n,), one a picture; got {shapes}")
    if correct.dtype != np.bool_:
        raise InputError(f"right must hold True and False; got {correct.dtype}")
    if not (sure.min() >= 0 and sure.max() <= 1 + 1e-5):
        raise InputError(f"a confidence lies between 0 and 1; got {sure.min()} to {sure.max()}")
    for name, value in (("error_rate", error_rate), ("confidence_level", confidence_level)):
        if not 0 < value < 1:
            raise InputError(f"{name} must lie between 0 and 1; got {value}")
    return sure, correct, np.unique(names, return_inverse=True)[1].astype(np.int64)
