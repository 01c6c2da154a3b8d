"""What makes one classifier better than another on the same pictures: of heads and of candidates alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_PROBABILITY = 1e-7
"""A smaller probability counts as this in the log loss, as in evaluation."""

_DIGITS = 12
"""Figures that differ in a later decimal are equal: one of them was summed in another order."""


def goodness(probabilities: NDArray[np.floating[Any]], labels: NDArray[np.int64]) -> tuple[float, float]:
    """How good a classifier is, to be compared with that of another one: the mean of accuracy and macro recall, then the loss.

    Where the classes have as many pictures each, accuracy and macro recall are the same. Elsewhere neither is bought with more
    of the other: by accuracy alone, a rare class might as well be forgotten; by macro recall alone, two pictures of a rare one
    would be worth many of a common one.

    Args:
        probabilities: (n, classes), 0-1, of at least one picture.
        labels: (n,), their classes. Macro recall is the mean recall of those that have pictures.

    Returns:
        The mean of the two, 0-1; and the log loss in nats with a minus sign, so that less of it is better.
    """
    right = probabilities.argmax(axis=1) == labels
    counts = np.bincount(labels)
    recalls = np.bincount(labels, weights=right)[counts > 0] / counts[counts > 0]
    own = probabilities[np.arange(len(labels)), labels].clip(LEAST_PROBABILITY, 1)
    return round(float(right.mean() + recalls.mean()) / 2, _DIGITS), round(float(np.log(own).mean()), _DIGITS)
