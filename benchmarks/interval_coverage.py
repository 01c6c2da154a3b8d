"""How often the 95 % intervals hold the true figure: 200 simulated data sets a setting, beside naive intervals.

    python benchmarks/interval_coverage.py

A data set is 50, 200 or 500 pictures, each right or wrong. Pictures stand alone, come in groups of 5, or in groups of 1 to 25.
Which are right is decided by normal variables that are correlated within groups (0; 0.5; 1: right or wrong as one), not by the
distribution that Eyespot's interval supposes. Peers: Wilson's interval and the percentile bootstrap, both as if each picture
stood alone; the percentile bootstrap of whole groups; Wilson's with the effective number of pictures that the sample's variance
between groups gives. The second table does the same for the mean recall of five classes (110 to 10 of 200 pictures), the recall
of the rarest, and the difference of two classifiers.

The third table is of whole data sets, 200 alone and 200 in groups of 5: 60 to 200 pictures of three classes, each 16 normally
distributed features. They go through folds, choice, head and interval as a user's do, with a second candidate that is about as
good (`simulated_features.py`). The truth is the accuracy of the classifier that ships, on 20,000 pictures more. What the
interval does not speak of, that the classifier would be another one with other pictures, is in that too. About 2 minutes on one
core for the first two tables, 4 for the third.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from statistics import NormalDist
from typing import Any

import numpy as np
from common import document, finish, parser, say, table
from simulated_features import shown, simulated

from eyespot.evaluation.intervals import (
    Interval,
    accuracy_interval,
    difference_interval,
    macro_recall_interval,
    recall_intervals,
)
from eyespot.evaluation.metrics import wilson_interval

Bounds = tuple[float, float]

OWN = "Eyespot"
WILSON = "Wilson, each alone"
PICTURES = "bootstrap of pictures"
GROUPS = "bootstrap of groups"
SAMPLE = "Wilson, sample's effect"

COUNTS = (50, 200, 500)
ACCURACIES = (0.6, 0.8, 0.9, 0.98)
ALONE, FIVES, MIXED = "each alone", "groups of 5", "groups of 1 to 25"
KINDS = ((ALONE, 0.0), *product((FIVES, MIXED), (0.0, 0.5, 1.0)))
"""How pictures belong together, and how strongly their rightness is correlated within a group."""

CLASS_SIZES = (110, 40, 25, 15, 10)
RECALLS = (0.98, 0.95, 0.9, 0.8, 0.7)
SECOND_ACCURACY = 0.8

RESAMPLES = 500
TRUSTED = (0.92, 0.98)


# ------------------------------------------------------------------------------------------------------- data sets


def group_of_each(kind: str, n: int, generator: np.random.Generator) -> np.ndarray:
    """(n,), the group of each picture."""
    if kind == ALONE:
        return np.arange(n)
    if kind == FIVES:
        return np.arange(n) // 5
    sizes = generator.choice([1, 2, 4, 8, 25], size=n, p=[0.3, 0.25, 0.2, 0.15, 0.1])
    return np.repeat(np.arange(n), sizes)[:n]


def which_are_right(
    group: np.ndarray, correlation: float, chances: np.ndarray | float, generator: np.random.Generator
) -> np.ndarray:
    """(n,) bool: each picture is right with its chance."""
    common = generator.normal(size=group.max() + 1)[group]
    own = generator.normal(size=len(group))
    limit = np.vectorize(NormalDist().inv_cdf)(chances)
    return np.asarray(np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own < limit)


# ----------------------------------------------------------------------------------------------------------- peers


def percentiles(values: np.ndarray) -> Bounds:
    """The middle 95 % of what was drawn; drawings without a figure are left out."""
    low, high = np.nanquantile(values, [0.025, 0.975])
    return float(low), float(high)


def drawn_groups(group: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """(RESAMPLES, groups): how often each group is drawn."""
    count = group.max() + 1
    return generator.multinomial(count, np.full(count, 1 / count), RESAMPLES)


def sample_effect(right: np.ndarray, group: np.ndarray) -> Bounds:
    """Wilson's interval of n divided by the design effect that the sample shows; of n where it shows none."""
    n, share, sizes = len(right), right.mean(), np.bincount(group)
    residuals = np.bincount(group, right) - share * sizes
    variance = (residuals**2).sum() * len(sizes) / max(len(sizes) - 1, 1) / n**2
    effective = share * (1 - share) / variance if 0 < share < 1 and variance > 0 else n
    return wilson_interval(share * effective, effective)  # type: ignore[arg-type]  # it takes parts of pictures too


def accuracy_intervals(right: np.ndarray, group: np.ndarray, generator: np.random.Generator) -> dict[str, Bounds]:
    """The interval of every side."""
    n = len(right)
    drawn = drawn_groups(group, generator)
    return {
        OWN: bounds(accuracy_interval(np.where(right, 0, 1), np.zeros(n, int), group)),
        SAMPLE: sample_effect(right, group),
        GROUPS: percentiles((drawn @ np.bincount(group, right)) / (drawn @ np.bincount(group))),
        PICTURES: percentiles(generator.binomial(n, right.mean(), RESAMPLES) / n),
        WILSON: wilson_interval(int(right.sum()), n),
    }


def bounds(interval: Interval) -> Bounds:
    return interval.low, interval.high


# --------------------------------------------------------------------------------------------------------- measuring


Simulation = Callable[[np.random.Generator], tuple[Mapping[str, Bounds], float]]
"""Draws one data set: the interval of every side, and the true figure."""


def coverage(simulate: Simulation, data_sets: int, seed: Sequence[int]) -> dict[str, Any]:
    """How many of the intervals of each side hold the true figure, and how wide they are on average."""
    covered: dict[str, int] = {}
    width: dict[str, float] = {}
    for number in range(data_sets):
        intervals, true = simulate(np.random.default_rng([*seed, number]))
        for side, (low, high) in intervals.items():
            covered[side] = covered.get(side, 0) + int(low <= true <= high)
            width[side] = width.get(side, 0.0) + (high - low) / data_sets
    return {"covered": covered, "width": {side: round(value, 4) for side, value in width.items()}, "data_sets": data_sets}


def of_accuracy(kind: str, correlation: float, n: int, accuracy: float) -> Simulation:
    """Data sets of one setting of the first table."""

    def simulate(generator: np.random.Generator) -> tuple[Mapping[str, Bounds], float]:
        group = group_of_each(kind, n, generator)
        right = which_are_right(group, correlation, accuracy, generator)
        return accuracy_intervals(right, group, generator), accuracy

    return simulate


LABELS = np.repeat(np.arange(len(CLASS_SIZES)), CLASS_SIZES)
CHANCES = np.repeat(RECALLS, CLASS_SIZES)
WRONG = len(CLASS_SIZES)


def five_classes(kind: str, correlation: float, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(n,), (n,): answers to pictures of five classes, and their groups, none of which is of two classes."""
    pairs = np.stack([group_of_each(kind, len(LABELS), generator), LABELS])
    group = np.unique(pairs, axis=1, return_inverse=True)[1].reshape(-1)
    return np.where(which_are_right(group, correlation, CHANCES, generator), LABELS, WRONG), group


def drawn_recalls(predicted: np.ndarray, group: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """(RESAMPLES, classes): the recalls when groups are drawn anew, NaN where no picture of a class is."""
    members = np.stack([np.bincount(group, position == LABELS) for position in range(WRONG)], axis=1)
    hits = np.stack([np.bincount(group, (position == LABELS) & (predicted == LABELS)) for position in range(WRONG)], axis=1)
    drawn = drawn_groups(group, generator)
    with np.errstate(invalid="ignore"):
        return np.asarray((drawn @ hits) / (drawn @ members))


def of_mean_recall(kind: str, correlation: float) -> Simulation:
    def simulate(generator: np.random.Generator) -> tuple[Mapping[str, Bounds], float]:
        predicted, group = five_classes(kind, correlation, generator)
        drawn = drawn_recalls(predicted, group, generator).mean(axis=1)
        return {
            OWN: bounds(macro_recall_interval(predicted, LABELS, group)),
            GROUPS: percentiles(drawn),
        }, float(np.mean(RECALLS))

    return simulate


def of_rarest(kind: str, correlation: float) -> Simulation:
    def simulate(generator: np.random.Generator) -> tuple[Mapping[str, Bounds], float]:
        predicted, group = five_classes(kind, correlation, generator)
        rarest = recall_intervals(predicted, LABELS, len(CLASS_SIZES), group)[-1]
        assert rarest is not None
        return {OWN: bounds(rarest), GROUPS: percentiles(drawn_recalls(predicted, group, generator)[:, -1])}, RECALLS[-1]

    return simulate


def of_difference(kind: str, correlation: float) -> Simulation:
    def simulate(generator: np.random.Generator) -> tuple[Mapping[str, Bounds], float]:
        predicted, group = five_classes(kind, correlation, generator)
        other = np.where(which_are_right(group, correlation, SECOND_ACCURACY, generator), LABELS, WRONG)
        gains = np.bincount(group, (predicted == LABELS).astype(float) - (other == LABELS))
        drawn = drawn_groups(group, generator)
        return {
            OWN: bounds(difference_interval(predicted, other, LABELS, group)),
            GROUPS: percentiles((drawn @ gains) / (drawn @ np.bincount(group))),
        }, float(CHANCES.mean() - SECOND_ACCURACY)

    return simulate


FIGURES: Mapping[str, Callable[[str, float], Simulation]] = {
    "mean recall": of_mean_recall,
    "recall of the rarest class": of_rarest,
    "difference of two classifiers": of_difference,
}


# ----------------------------------------------------------------------------------------------------------- showing


def share(rows: Sequence[Mapping[str, Any]], side: str) -> str:
    """Of all data sets of these settings, in how many the interval of this side holds the true figure."""
    return f"{sum(row['covered'][side] for row in rows) / sum(row['data_sets'] for row in rows):.1%}"


def within(rows: Sequence[Mapping[str, Any]], side: str) -> str:
    """In how many of the settings it does so in 92 to 98 % of the data sets, and where it does so least and most often."""
    shares = [row["covered"][side] / row["data_sets"] for row in rows]
    inside = sum(TRUSTED[0] <= value <= TRUSTED[1] for value in shares)
    return f"{inside} of {len(shares)}; {min(shares):.0%} to {max(shares):.0%}"


def name(kind: str, correlation: float) -> str:
    return kind if kind == ALONE else f"{kind}, correlation {correlation:g}"


def show(results: Sequence[dict[str, Any]]) -> str:
    """The tables of the latest result."""
    latest = results[-1]
    sides = list(latest["accuracy"][0]["covered"])
    rows = []
    for kind, correlation in KINDS:
        for n in COUNTS:
            chosen = [r for r in latest["accuracy"] if (r["kind"], r["correlation"], r["n"]) == (kind, correlation, n)]
            if chosen:
                by_accuracy = {row["accuracy"]: share([row], OWN) for row in chosen}
                at = [by_accuracy.get(accuracy, "") for accuracy in ACCURACIES]
                rows.append([f"{name(kind, correlation)}, n = {n}", *at, *(share(chosen, side) for side in sides)])
    rows.append(["all settings", *[""] * len(ACCURACIES), *(share(latest["accuracy"], side) for side in sides)])
    rows.append(["settings within 92 to 98 %", *[""] * len(ACCURACIES), *(within(latest["accuracy"], side) for side in sides)])
    own = [f"{OWN}, {accuracy:g}" for accuracy in ACCURACIES]
    heads = ["95 % intervals of an accuracy", *own, *(f"{side}, all" for side in sides)]
    others = [
        [f"{row['figure']}, {name(row['kind'], row['correlation'])}", share([row], OWN), share([row], GROUPS)]
        for row in latest["others"]
    ]
    tables = [table(heads, rows), table(["95 % intervals of other figures, n = 200", OWN, GROUPS], others)]
    return "\n\n".join([*tables, shown(latest["procedure"]) if "procedure" in latest else "Whole data sets: not measured yet."])


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument("--data-sets", type=int, default=200, help="how many data sets each setting has (default: 200)")
    arguments = flags.parse_args()
    data_sets = 5 if arguments.quick else arguments.data_sets
    accuracy, others = [], []
    for number, ((kind, correlation), n) in enumerate(product(KINDS, COUNTS)):
        for which, value in enumerate(ACCURACIES):
            found = coverage(of_accuracy(kind, correlation, n, value), data_sets, [0, number, which])
            accuracy.append({"kind": kind, "correlation": correlation, "n": n, "accuracy": value, **found})
        say(f"{name(kind, correlation)}, n = {n}: {share(accuracy[-len(ACCURACIES) :], OWN)}")
    for number, (figure, (kind, correlation)) in enumerate(product(FIGURES, KINDS)):
        found = coverage(FIGURES[figure](kind, correlation), data_sets, [1, number])
        others.append({"figure": figure, "kind": kind, "correlation": correlation, **found})
        say(f"{figure}, {name(kind, correlation)}: {share(others[-1:], OWN)}")
    procedure = simulated(6 if arguments.quick else arguments.data_sets)
    finish(document("interval_coverage", accuracy=accuracy, others=others, procedure=procedure), show, arguments)


if __name__ == "__main__":
    main()
