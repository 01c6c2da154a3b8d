"""The 95 % intervals of every headline figure: between which values it would lie for all pictures of this kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eyespot.evaluation.intervals import Interval, accuracy_interval, macro_recall_interval, recall_intervals
from eyespot.evaluation.reliability import calibration_error_interval

_Z = 1.959963984540054

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Intervals:
    """The headline figures with their bounds; shares are 0-1.

    Attributes:
        accuracy, balanced_accuracy, top5_accuracy, loss, ece: as in `eyespot.evaluation.metrics.Evaluation`.
        recalls: class name -> its recall, in the order of the classes; None for a class without pictures.
    """

    accuracy: Interval
    balanced_accuracy: Interval
    top5_accuracy: Interval
    loss: Interval
    ece: Interval
    recalls: Mapping[str, Interval | None]

    def to_json(self) -> dict[str, object]:
        """The bounds, under the keys that stand beside the figures."""
        return {
            "interval": bounds(self.accuracy),
            "balanced_interval": bounds(self.balanced_accuracy),
            "top5_interval": bounds(self.top5_accuracy),
            "loss_interval": bounds(self.loss),
            "ece_interval": bounds(self.ece),
            "recall_intervals": {name: interval and bounds(interval) for name, interval in self.recalls.items()},
        }


def headline_intervals(
    probabilities: Floats,
    labels: NDArray[np.int64],
    classes: Sequence[str],
    *,
    losses: Floats,
    largest_loss: float,
    ranks: NDArray[np.int64],
    groups: ArrayLike | None = None,
    worth: float = 1.0,
) -> Intervals:
    """The intervals of what `probabilities` are to `labels`.

    Args:
        probabilities: (n, classes), 0-1.
        labels: (n,), positions in `classes`.
        classes: the class names.
        losses: (n,), the cross-entropy of each picture, in nats.
        largest_loss: no picture has a larger one.
        ranks: (n,), how many classes are more probable than the true one.
        groups: (n,), what each picture belongs to, numbers or names; None: each stands alone.
        worth: as of `eyespot.evaluation.intervals.accuracy_interval`.

    Errors: InputError for groups that do not fit the labels.
    """
    predicted = probabilities.argmax(axis=1)
    recalls = recall_intervals(predicted, labels, len(classes), groups, worth=worth)  # it checks the groups
    number = None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1].astype(np.int64)
    return Intervals(
        accuracy=accuracy_interval(predicted, labels, groups, worth=worth),
        balanced_accuracy=macro_recall_interval(predicted, labels, groups, worth=worth),
        top5_accuracy=accuracy_interval(np.where(ranks < 5, labels, -1), labels, groups, worth=worth),
        loss=loss_interval(losses, len(classes), largest_loss, number, worth=worth),
        ece=calibration_error_interval(probabilities.max(axis=1), predicted == labels, number, worth=worth),
        recalls=dict(zip(classes, recalls, strict=True)),
    )


def loss_interval(
    losses: Floats, classes: int, largest: float, group: NDArray[np.int64] | None = None, *, worth: float = 1.0
) -> Interval:
    """The mean loss with its bounds, by Student's t on its logarithm: losses are above 0, and a few large ones pull.

    How much it varies is learned from one picture more, of which nothing is known (its loss is log(classes)): however right
    a few answers were, that says little of a rare mistake.

    Args:
        losses: (n,), in nats; at least one.
        classes: how many there are.
        largest: no loss is larger.
        group: (n,), what each picture belongs to, numbered from 0; None: each stands alone.
        worth: as of `eyespot.evaluation.intervals.accuracy_interval`.
    """
    estimate = float(losses.mean())
    known = np.append(losses, log(max(classes, 2)))
    mean = float(known.mean())
    deviations = known - mean
    if group is not None:
        deviations = np.bincount(np.append(group, group.max() + 1), deviations).astype(np.float64)
    count = len(deviations)
    error = sqrt(float((deviations**2).sum()) * count / (count - 1) / worth) / len(known)
    reach = _student(count - 1) * error / mean
    return Interval(estimate, min(estimate, mean * exp(-reach)), max(estimate, mean * exp(min(reach, log(largest / mean)))))


def bounds(interval: Interval) -> dict[str, float]:
    """The bounds of a figure that is told elsewhere."""
    return {"low": interval.low, "high": interval.high}


def _student(freedom: int) -> float:
    """What 2.5 % of Student's t lie above (Cornish and Fisher's expansion; from three degrees of freedom on within 1 %)."""
    z = _Z
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )
