"""Between which values the difference of two recipes truly lies, each of which was run with one seed or several.

Two things move the difference of mean accuracies: with which seeds the runs were made, and which pictures they were judged on.
Runs and pictures are crossed, every run having judged every picture, so that the two cannot simply be added up: a run that
happens to be right about another few of the same pictures moves both. As in studies in which several readers judge the same
cases with two methods, the variance of the difference is

    seeds + pictures - what both of them count,

each estimated from the table of runs and pictures, but never less than either alone. Of networks that were trained enough,
nearly all of the first is usually in the third: they differ less on other pictures than on those they are judged on (Jordan).
The ends follow from Student's distribution, whose degrees of freedom say how few runs the first comes from (Welch;
Satterthwaite). Two pictures are added, of which either side tells one alone, so that sides that never differed are not taken
for equal (Bonett).

A side of one run says nothing about its seeds: the difference is then one of that very model.

Sources: Gallas, Pennello and Myers 2007 (Journal of the Optical Society of America A 24): readers and cases, right or wrong.
Hillis 2007 (Statistics in Medicine 26): degrees of freedom. Bonett and Price 2012 (Journal of Educational and Behavioral
Statistics 37). Jordan 2024 (ICLR): On the variance of neural network training.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eyespot.errors import InputError
from eyespot.evaluation.intervals import CONFIDENCE, Interval
from eyespot.evaluation.student import quantile, two_sided

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SeedDifference:
    """By how much the mean accuracy of one side exceeds that of the other.

    Attributes:
        interval: the difference with its bounds, -1 to 1.
        p_value: how often, 0-1, sides that are equally good would differ by so much.
        freedom: degrees of freedom.
        of_seeds: the variance of the difference, as far as it comes from the seeds.
        of_pictures: the same of the pictures. The two overlap.
    """

    interval: Interval
    p_value: float
    freedom: float
    of_seeds: float
    of_pictures: float


def seed_difference(
    first: ArrayLike, second: ArrayLike, groups: ArrayLike | None = None, *, worth: float = 1.0
) -> SeedDifference:
    """The difference of the mean accuracies of two sides on the same pictures.

    Args:
        first: (runs, n) bool, whether each run of the one side told each picture right.
        second: (other runs, n), the same of the other side.
        groups: (n,), what each picture belongs to, numbers or names; None: each stands alone.
        worth: as how many independent ones a picture counts, more than 0; less than 1 where answers are cross-validated.

    Errors: InputError for shapes that do not fit together, no runs, no pictures.
    """
    sides, group = _checked(first, second, groups)
    sizes = np.bincount(group)
    shares = sizes / sizes.sum()
    # (runs, groups): what each group contributes to the accuracy of each run.
    parts = [np.stack([np.bincount(group, run) for run in side]) / sizes.sum() for side in sides]
    means = [part.mean(axis=0) for part in parts]
    estimate = float(means[0].sum() - means[1].sum())
    seeds = [_of_seeds(part) for part in parts]
    pictures = _of_pictures((means[0] - means[1]) * sizes.sum(), sizes) / worth
    both = sum(_of_both(part, shares) for part in parts)
    variance = max(sum(seeds) + pictures - both, sum(seeds), pictures)
    doubt = pictures**2 / max(len(sizes) - 1, 1)
    doubt += sum(of_one**2 / (len(part) - 1) for of_one, part in zip(seeds, parts, strict=True) if len(part) > 1)
    freedom = max(variance**2 / doubt, 1.0)
    reach = quantile((1 + CONFIDENCE) / 2, freedom) * sqrt(variance)
    return SeedDifference(
        interval=Interval(estimate, max(estimate - reach, -1.0), min(estimate + reach, 1.0)),
        p_value=two_sided(estimate / sqrt(variance), freedom),
        freedom=freedom,
        of_seeds=sum(seeds),
        of_pictures=pictures,
    )


def _of_seeds(part: Floats) -> float:
    """The variance of the mean accuracy over other seeds, on the same pictures; nothing is known of it from one run."""
    return float(part.sum(axis=1).var(ddof=1)) / len(part) if len(part) > 1 else 0.0


def _of_pictures(gaps: Floats, sizes: NDArray[np.int64]) -> float:
    """The variance of the difference over other pictures, with the same runs.

    Args:
        gaps: (groups,), how many more pictures of each group the first side tells right, on average over its runs.
        sizes: (groups,), how many pictures there are.
    """
    usual = sizes.mean()
    gaps, sizes_and_two = np.append(gaps, [usual, -usual]), np.append(sizes, [usual, usual])
    total, count = sizes_and_two.sum(), len(gaps)
    residuals = (gaps - gaps.sum() / total * sizes_and_two) / total
    return float((residuals**2).sum()) * count / (count - 1)


def _of_both(part: Floats, shares: Floats) -> float:
    """What of the variance of a side's mean comes from runs that are right about other pictures than their fellows are."""
    runs, groups = part.shape
    if min(runs, groups) == 1:
        return 0.0
    gained = part.sum(axis=1) - part.sum(axis=1).mean()
    residuals = part - part.mean(axis=0) - gained[:, None] * shares
    return float((residuals**2).sum() * groups / ((runs - 1) * (groups - 1) * runs))


def _checked(first: ArrayLike, second: ArrayLike, groups: ArrayLike | None) -> tuple[list[Floats], NDArray[np.int64]]:
    sides = [np.asarray(side, np.float64) for side in (first, second)]
    for side in sides:
        if side.ndim != 2 or not side.size:
            raise InputError(f"answers must have the shape (runs, pictures), of at least one each; got {side.shape}")
    n = sides[0].shape[1]
    if sides[1].shape[1] != n:
        raise InputError(f"both sides must have judged the same pictures; got {n} and {sides[1].shape[1]}")
    names = np.arange(n) if groups is None else np.asarray(groups)
    if names.shape != (n,):
        raise InputError(f"groups must have the shape ({n},), one a picture; got {names.shape}")
    return sides, np.unique(names, return_inverse=True)[1].astype(np.int64)
