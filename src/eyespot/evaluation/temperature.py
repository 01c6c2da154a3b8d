"""The temperature that makes probabilities honest.

It is fitted on pictures that the classifier has not learned from, and says nothing about pictures of another kind.
"""

from __future__ import annotations

from math import exp, log

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eyespot.errors import InputError
from eyespot.evaluation.metrics import SMALLEST_PROBABILITY

LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.05, 20.0
"""Between which the temperature is looked for; one that lies beyond comes out as the bound."""

OWN_PICTURES = 10.0
"""How many pictures that are exactly as the probabilities say are added to the given ones before a temperature is fitted."""

_BISECTIONS = 60
_ROUNDING = 1e-9

Floats = NDArray[np.float64]


def fit_temperature(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """The temperature T at which softmax(log(probabilities) / T) has the least mean cross-entropy.

    Added to the pictures are ten that are right exactly as often as the probabilities say. Many pictures do not notice them;
    few keep nearer to 1 for them, and where all answers are right, T does not go to 0. Beyond 0.05 and 20 it is not looked for.
    The loss has one minimum in 1 / T, so the search by bisection cannot go astray. Where the probabilities of each picture
    are all equal, every temperature is as good, and it is 1.

    Args:
        probabilities: (n, classes), 0-1; those below 1e-7 count as 1e-7.
        labels: (n,), the true classes.

    Errors: InputError for shapes that do not fit together, no pictures, values that are no probabilities, labels out of range.
    Source: Guo et al. 2017, section 4.2; the added pictures are in the spirit of the targets of Platt 1999.
    """
    given, truth = _checked(probabilities, labels)
    logs = _logs(given)
    if np.ptp(logs, axis=1).max() < _ROUNDING:
        return 1.0
    own = softmax(logs)
    wanted = logs[np.arange(len(truth)), truth].mean()
    added = OWN_PICTURES / len(truth)

    def slope(temperature: float) -> float:
        """Of the loss by 1 / T: it grows with 1 / T."""
        means = (softmax(logs / temperature) * logs).sum(axis=1)
        return float(means.mean() - wanted + added * (means - (own * logs).sum(axis=1)).mean())

    low, high = log(LOWEST_TEMPERATURE), log(HIGHEST_TEMPERATURE)
    if slope(LOWEST_TEMPERATURE) <= 0:
        return LOWEST_TEMPERATURE
    if slope(HIGHEST_TEMPERATURE) >= 0:
        return HIGHEST_TEMPERATURE
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if slope(exp(middle)) > 0:
            low = middle
        else:
            high = middle
    return exp((low + high) / 2)


def tempered(probabilities: ArrayLike, temperature: float) -> Floats:
    """softmax(log(probabilities) / temperature): (n, classes), 0-1, of the same order within each row.

    Errors: InputError for another shape, values that are no probabilities, a temperature that is not above 0.
    """
    given = np.asarray(probabilities, dtype=np.float64)
    if given.ndim != 2 or (given.size and not (given.min() >= 0 and given.max() <= 1 + 1e-5)):
        raise InputError(f"probabilities must be an array (n, classes) between 0 and 1; got one of {given.shape}")
    if not 0 < temperature < float("inf"):
        raise InputError(f"a temperature is a number above 0; got {temperature}")
    return softmax(_logs(given) / temperature)


def untempered(probabilities: ArrayLike, temperature: float) -> Floats:
    """What a model whose logits are divided by `temperature` would say without that: `tempered` taken back.

    Args:
        probabilities: (n, classes), 0-1, as float32 or float64 hold them: small ones are not cut off.
        temperature: above 0.
    """
    logs = np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), np.finfo(np.float32).tiny))
    return softmax(logs * temperature)


def _logs(probabilities: Floats) -> Floats:
    logs: Floats = np.log(np.clip(probabilities, SMALLEST_PROBABILITY, 1.0))
    return logs


def softmax(logits: Floats) -> Floats:
    """The probabilities, (n, classes), that logits stand for."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _checked(probabilities: ArrayLike, labels: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    given = np.asarray(probabilities, dtype=np.float64)
    truth = np.asarray(labels)
    if given.ndim != 2 or not given.size or truth.shape != given.shape[:1]:
        raise InputError(f"probabilities (n, classes) and labels (n,) must fit together; got {given.shape} and {truth.shape}")
    if not np.issubdtype(truth.dtype, np.integer) or truth.min() < 0 or truth.max() >= given.shape[1]:
        found = f"{truth.dtype} {truth.min()} to {truth.max()}"
        raise InputError(f"labels must be whole numbers from 0 to {given.shape[1] - 1}; got {found}")
    # A float32 softmax may exceed 1 by a rounding; NaN fails this comparison too.
    if not (given.min() >= 0 and given.max() <= 1 + 1e-5):
        raise InputError(f"probabilities must lie between 0 and 1; got {given.min()} to {given.max()}")
    return given, truth.astype(np.int64)
