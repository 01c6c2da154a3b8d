"""How far confidence and accuracy lie apart: the bins of the reliability diagram, the error that they come to, its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, exp, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from eyespot.evaluation.intervals import Interval

RELIABILITY_BINS = 15
"""How many equally wide bins of confidence the calibration error is taken over (Guo et al. 2017, section 4)."""

_Z = 1.959963984540054

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ReliabilityBin:
    """The answers whose confidence (highest probability) lies above `lower` and not above `upper`.

    Attributes:
        lower, upper: bounds of confidence, 0-1.
        n: how many answers fall into it.
        confidence: their mean confidence; None where it is empty.
        accuracy: the share of them that is right; None where it is empty.
    """

    lower: float
    upper: float
    n: int
    confidence: float | None
    accuracy: float | None


def reliability(confidence: Floats, right: NDArray[np.bool_]) -> tuple[ReliabilityBin, ...]:
    """The bins of answers with a confidence, (n,) 0-1, that are right or not, (n,)."""
    edges = _edges()
    position = _positions(confidence)
    bins = []
    for i in range(RELIABILITY_BINS):
        inside = position == i
        n = int(inside.sum())
        bins.append(
            ReliabilityBin(
                lower=float(edges[i]),
                upper=float(edges[i + 1]),
                n=n,
                confidence=float(confidence[inside].mean()) if n else None,
                accuracy=float(right[inside].mean()) if n else None,
            )
        )
    return tuple(bins)


def calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """The expected calibration error, 0-1: the mean gap between confidence and accuracy (Guo et al. 2017)."""
    gaps = [b.n * abs(b.accuracy - b.confidence) for b in bins if b.accuracy is not None and b.confidence is not None]
    return sum(gaps) / sum(b.n for b in bins)


def calibration_error_interval(
    confidence: Floats, right: NDArray[np.bool_], group: NDArray[np.int64] | None = None, *, worth: float = 1.0
) -> Interval:
    """The calibration error with the bounds between which that of all pictures of this kind lies.

    The gap of a bin is a sum of many small numbers, so it varies as a normal one; its size, of which the error is made, as a
    folded normal one, whose mean exceeds the true size: few pictures look worse calibrated than they are. The upper bound is as
    if chance had added nothing; the lower one as if, in each bin, it had added as much as the gap that was seen allows for.

    Args:
        confidence: (n,), the highest probabilities, 0-1; at least one.
        right: (n,), whether the answers are right.
        group: (n,), what each picture belongs to, numbered from 0; None: each stands alone.
        worth: as of `eyespot.evaluation.intervals.accuracy_interval`.
    """
    estimate = calibration_error(reliability(confidence, right))
    n = len(confidence)
    sums, covariance = _gaps(_positions(confidence), confidence - right, group)
    covariance /= worth
    spreads = np.sqrt(np.diag(covariance))
    sizes = np.abs(sums)
    smallest = np.maximum(sizes - 2 * spreads, 0.0)
    added = sum(_folded(size, spread)[0] - size for size, spread in zip(smallest, spreads, strict=True)) / n
    folded = [_folded(size, spread) for size, spread in zip(sizes, spreads, strict=True)]
    slopes = np.sign(sums) * [slope for _, _, slope in folded]
    between = float(slopes @ (covariance - np.diag(spreads**2)) @ slopes)
    deviation = sqrt(max(0.0, sum(variance for _, variance, _ in folded) + between)) / n
    low, high = estimate - added - _Z * deviation, estimate + _Z * deviation
    return Interval(estimate, float(max(0.0, low)), float(min(1.0, high)))


def _edges() -> Floats:
    return np.linspace(0.0, 1.0, RELIABILITY_BINS + 1)


def _positions(confidence: Floats) -> NDArray[np.int64]:
    """(n,): which bin each confidence lies in."""
    return np.searchsorted(_edges()[1:-1], confidence, side="left").astype(np.int64)


def _gaps(position: NDArray[np.int64], gaps: Floats, group: NDArray[np.int64] | None) -> tuple[Floats, Floats]:
    """The sum of the gaps in each bin, (bins,), and how these sums vary together, (bins, bins)."""
    sums: Floats = np.bincount(position, gaps, RELIABILITY_BINS).astype(np.float64)
    if group is None:
        count, products = len(gaps), np.diag(np.bincount(position, gaps**2, RELIABILITY_BINS))
    else:
        count = int(group.max()) + 1
        shape = (count, RELIABILITY_BINS)
        of_groups = np.bincount(group * RELIABILITY_BINS + position, gaps, count * RELIABILITY_BINS).reshape(shape)
        products = of_groups.T @ of_groups
    # Of a single picture, or group, nothing is known of how it varies: then its gap is what it varies by.
    centered = products - np.outer(sums, sums) / count if count > 1 else products
    return sums, centered * count / max(count - 1, 1)


def _folded(size: float, spread: float) -> tuple[float, float, float]:
    """Mean and variance of the size of a normal number about `size`, at least 0, and how the mean grows with `size`."""
    if spread == 0:
        return size, 0.0, 1.0
    ratio = size / spread
    slope = erf(ratio / sqrt(2))
    mean = spread * sqrt(2 / pi) * exp(-(ratio**2) / 2) + size * slope
    return mean, max(0.0, size**2 + spread**2 - mean**2), slope
