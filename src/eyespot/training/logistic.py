"""Multinomial logistic regression on standardized features: what scikit-learn's `LogisticRegression` finds, sooner.

The time goes into the shape of the loss: along directions in which features vary much together it is thousands of times as
curved as along others, and L-BFGS then takes hundreds of steps. So the features are turned to their principal directions, in
which the curvature is known beforehand, and each direction is stretched by it; some tens of steps remain.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]

TOLERANCE = 1e-6
"""Probabilities are right to some five digits then."""

_STAGES = (1e-2, 1e-3, 1e-4, 1e-5)
"""Tolerances that are reached one after another, the curvature looked at anew before each: it falls as answers grow surer."""

MAX_ITERATIONS = 5000
"""Of each stage."""

_NEVER = -1e4
"""The logit of a class of which there is no picture to fit on: its probability is 0."""

_STEADY = 1e-4
"""A feature whose deviation is less than this share of its mean counts as one with that deviation: for weights on what may be
float32's rounding alone, kernel and bias would be so large that they cancel no more."""

_FLAT = 1e-12
"""Directions whose variance is less than this share of the largest are rounding, and left out."""

_LEAST_CURVATURE = 1e-6
"""Of the loss in a logit; where all answers are sure, it comes to nothing."""


class Regression:
    """Logistic regression on some pictures, for one C after another: each fit begins where the last one ended.

    Args:
        features: (n, d), of the pictures to fit on.
        labels: (n,), positions of the classes.
        classes: how many there are. One without any picture gets the probability 0.
        is_balanced: whether each class counts as much as any other, however many pictures it has.

    Attributes:
        has_converged: whether the last fit reached its tolerance.

    Source: the loss is that of scikit-learn's `LogisticRegression`, which for two classes regularizes the difference of the two
        kernels alone.
    """

    def __init__(self, features: NDArray[np.floating[Any]], labels: Positions, classes: int, *, is_balanced: bool) -> None:
        self._classes = classes
        self._present, numbers, counts = np.unique(labels, return_inverse=True, return_counts=True)
        count = len(self._present)
        each = len(labels) / (count * counts) if is_balanced else np.ones(count)
        self._shares = each[numbers][:, None] / len(labels)  # (n, 1), their sum is 1
        self._truth = np.eye(count)[numbers]
        self._penalty = (2 if count == 2 else 1) / len(labels)

        wide = features.astype(np.float64)
        self._mean, deviation = wide.mean(axis=0), wide.std(axis=0)
        self._scale = np.maximum(deviation, _STEADY * np.abs(self._mean))
        self._scale[self._scale == 0] = 1
        self._directions, self._coordinates, self._variances = _principal((wide - self._mean) / self._scale)
        self._weights = np.zeros((len(self._variances) + 1, count))  # along the directions; the last row is the bias
        self.has_converged = True

    def fit(self, C: float, tolerance: float = TOLERANCE) -> tuple[Floats, Floats]:
        """The kernel, (d, classes), and the bias, (classes,), for features as they are: the standardization is folded in.

        Args:
            C: the inverse strength of the regularization, as scikit-learn has it.
            tolerance: the fit ends where no component of the gradient of the mean loss, along the stretched directions, is
                larger.
        """
        if len(self._present) > 1:
            for stage in (*(each for each in _STAGES if each > tolerance), tolerance):
                self._descend(C, stage)
        kernel, bias = np.zeros((len(self._scale), self._classes)), np.full(self._classes, _NEVER)
        kernel[:, self._present] = (self._directions @ self._weights[:-1]) / self._scale[:, None]
        bias[self._present] = self._weights[-1] - self._mean @ kernel[:, self._present]
        return kernel, bias

    def _descend(self, C: float, tolerance: float) -> None:
        penalty = np.append(np.full(len(self._variances), self._penalty / C), 0)
        curvature = np.append(self._variances, 1) * self._curvature() + penalty
        stretch = 1 / np.sqrt(curvature)[:, None]
        stretched, penalties = self._coordinates * stretch[:-1, 0], penalty[:, None] * stretch**2

        def loss(flat: Floats) -> tuple[float, Floats]:
            weights = flat.reshape(self._weights.shape)
            logs = log_softmax(stretched @ weights[:-1] + stretch[-1] * weights[-1], axis=1)
            errors = (np.exp(logs) - self._truth) * self._shares
            gradient = penalties * weights
            gradient[:-1] += stretched.T @ errors
            gradient[-1] += stretch[-1] * errors.sum(axis=0)
            cross_entropy = -(self._truth * logs * self._shares).sum()
            return cross_entropy + (penalties * weights**2).sum() / 2, gradient.ravel()

        found = minimize(
            loss,
            (self._weights / stretch).ravel(),
            jac=True,
            method="L-BFGS-B",
            options={"gtol": tolerance, "ftol": 0, "maxiter": MAX_ITERATIONS, "maxfun": 2 * MAX_ITERATIONS},
        )
        self._weights = found.x.reshape(self._weights.shape) * stretch
        self.has_converged = found.status != 1  # 1: the limit of iterations

    def _curvature(self) -> float:
        """The mean second derivative of the loss in a logit, at the weights where the last fit ended."""
        logits = self._coordinates @ self._weights[:-1] + self._weights[-1]
        probabilities = np.exp(log_softmax(logits, axis=1))
        return max(float((probabilities * (1 - probabilities)).mean()), _LEAST_CURVATURE)


def _principal(standardized: Floats) -> tuple[Floats, Floats, Floats]:
    """The principal directions, (d, m), the coordinates along them, (n, m), and their variances, (m,).

    The weights that are looked for lie in the span of the pictures' features and are as long along any orthonormal directions:
    so nothing is lost where there are fewer directions than features.
    """
    count, width = standardized.shape
    if count < width:
        variances, left = np.linalg.eigh(standardized @ standardized.T / count)
        is_kept = variances > _FLAT * variances[-1]
        lengths = np.sqrt(variances[is_kept] * count)
        coordinates = left[:, is_kept] * lengths
        return standardized.T @ (left[:, is_kept] / lengths), coordinates, variances[is_kept]
    variances, directions = np.linalg.eigh(standardized.T @ standardized / count)
    is_kept = variances > _FLAT * variances[-1]
    return directions[:, is_kept], standardized @ directions[:, is_kept], variances[is_kept]
