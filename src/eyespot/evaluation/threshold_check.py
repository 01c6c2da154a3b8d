"""What a threshold comes to on pictures that had no say in it: how many it lets be answered, and how many of these wrongly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class ThresholdCheck:
    """What thresholds came to on pictures that they were not chosen on.

    Attributes:
        n: how many pictures these are.
        answered: how many of them are answered.
        wrong: how many of those are wrong.
        left_out: how many further pictures lie in folds that supported no threshold.
    """

    n: int
    answered: int
    wrong: int
    left_out: int = 0

    @property
    def coverage(self) -> float:
        """The share of the pictures that is answered, 0-1."""
        return self.answered / self.n

    @property
    def error_rate(self) -> float | None:
        """The share of the answers that is wrong, 0-1; None where nothing is answered."""
        return self.wrong / self.answered if self.answered else None


def check_threshold(confidence: ArrayLike, right: ArrayLike, threshold: float) -> ThresholdCheck:
    """What a threshold comes to on pictures that it was not chosen on.

    Args:
        confidence: (n,), the highest probability of each picture, 0-1, at the temperature in use.
        right: (n,) bool, whether the answer is right.
        threshold: answers of at least this confidence count.
    """
    is_answered = np.asarray(confidence) >= threshold
    return ThresholdCheck(
        len(is_answered), int(np.count_nonzero(is_answered)), int(np.count_nonzero(is_answered & ~np.asarray(right)))
    )


def pooled(checks: Sequence[ThresholdCheck], left_out: int = 0) -> ThresholdCheck | None:
    """The same of all pictures together, but for those left out; None of none."""
    if not checks:
        return None
    n, answered, wrong = (
        sum(counts) for counts in zip(*((check.n, check.answered, check.wrong) for check in checks), strict=True)
    )
    return ThresholdCheck(n, answered, wrong, left_out)
