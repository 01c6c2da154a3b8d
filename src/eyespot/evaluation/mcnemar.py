"""McNemar's test: whether two classifiers are equally often right, from the pictures that only one of them tells."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np

from eyespot.errors import InputError


@dataclass(frozen=True)
class McNemar:
    """How well equally good classifiers would explain what was seen: small where they would not.

    Attributes:
        mid_p: the two-sided mid-p value, 0-1: what to read. An exact test is careful beyond need, this one is not.
        exact: the two-sided p-value of the exact binomial test, 0-1.
    """

    mid_p: float
    exact: float


def mcnemar(first: int, second: int) -> McNemar:
    """The test on pictures each of which stands alone.

    Args:
        first: how many pictures the first classifier alone told right.
        second: how many the second alone did.

    Errors: InputError for numbers below 0.
    Source: Fagerland, Lydersen and Laake 2013 (BMC Medical Research Methodology 13:91), who recommend the mid-p value.
    """
    if first < 0 or second < 0:
        raise InputError(f"pictures are counted from 0; got {first} and {second}")
    n, fewer = first + second, min(first, second)
    chances = _chances(n)[: fewer + 1]
    tail = float(chances.sum())
    return McNemar(mid_p=min(1.0, 2 * tail - float(chances[-1])), exact=min(1.0, 2 * tail))


def _chances(n: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(n + 1,): how likely each number of heads is in n throws of a coin."""
    log_factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    return np.asarray(np.exp(log_factorials[n] - log_factorials - log_factorials[::-1] - n * log(2)))
