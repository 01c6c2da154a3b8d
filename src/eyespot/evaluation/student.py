"""Student's t distribution, of any degrees of freedom from 1 on: for means of few values.

With t = sqrt(f) tan(a), its density is proportional to cos(a)^(f - 1) for angles between -90 and 90 degrees: a smooth
function on a bounded range, whose area Gauss' and Legendre's 64 points give to seven digits and more.
"""

from __future__ import annotations

from functools import cache
from math import atan, exp, isfinite, lgamma, pi, sqrt, tan

import numpy as np
from numpy.typing import NDArray

from eyespot.errors import InputError

Floats = NDArray[np.float64]

_POINTS = 64
_WIDTHS = 12.0
"""Beyond so many standard deviations there is nothing left of a distribution that is nearly normal."""
_BISECTIONS = 60


def two_sided(t: float, freedom: float) -> float:
    """How often, 0-1, a value lies as far from 0 as `t`, or further.

    Errors: InputError for degrees of freedom below 1.
    """
    _check(freedom)
    return max(0.0, 1 - 2 * _area(atan(abs(t) / sqrt(freedom)), freedom))


def quantile(probability: float, freedom: float) -> float:
    """The value under which a share `probability` of all values lies.

    Args:
        probability: strictly between 0 and 1.
        freedom: degrees of freedom, not necessarily whole.

    Errors: InputError for degrees of freedom below 1 or a probability that is none.
    """
    _check(freedom)
    if not 0 < probability < 1:
        raise InputError(f"a probability must lie strictly between 0 and 1; got {probability}")
    low, high = 0.0, pi / 2
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if _area(middle, freedom) < abs(probability - 0.5):
            low = middle
        else:
            high = middle
    value = sqrt(freedom) * tan((low + high) / 2)
    return value if probability >= 0.5 else -value


def _area(angle: float, freedom: float) -> float:
    """How often a value lies between 0 and `sqrt(freedom) * tan(angle)`."""
    end = min(angle, _WIDTHS / sqrt(freedom))
    points, weights = _gauss()
    angles = end * (points + 1) / 2
    scale = exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2)) / sqrt(pi)
    return float(scale * end / 2 * np.dot(weights, np.cos(angles) ** (freedom - 1)))


@cache
def _gauss() -> tuple[Floats, Floats]:
    """Points between -1 and 1, and their weights."""
    points, weights = np.polynomial.legendre.leggauss(_POINTS)
    return points, weights


def _check(freedom: float) -> None:
    if not (isfinite(freedom) and freedom >= 1):
        raise InputError(f"Student's distribution has at least one degree of freedom here; got {freedom}")
