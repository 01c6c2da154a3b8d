"""How good a classifier is, in figures, from its probabilities and the true labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eyespot.errors import InputError
from eyespot.evaluation.headline import Intervals, headline_intervals
from eyespot.evaluation.reliability import ReliabilityBin, calibration_error, reliability

if TYPE_CHECKING:
    from eyespot.evaluation.calibration import Confidence

SMALLEST_PROBABILITY = 1e-7
"""Probabilities below this count as this in the loss, as in Keras, so that one certain mistake does not make it infinite."""


@dataclass(frozen=True)
class ClassFigures:
    """How well one class is told apart.

    Attributes:
        precision: of the pictures taken for this class, the share that are of it; None where no picture was taken for it.
        recall: of the pictures of this class, the share that were taken for it; None where there is no picture of it.
        f1: their harmonic mean, 2 TP / (2 TP + FP + FN); None where there was nothing to count.
        n: how many pictures of this class there are.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    n: int

    def to_json(self) -> dict[str, float | int | None]:
        """The figures by their names."""
        return {"precision": self.precision, "recall": self.recall, "f1": self.f1, "n": self.n}


@dataclass(frozen=True)
class Evaluation:
    """All figures of one classifier on one set of labelled pictures.

    Attributes:
        accuracy: the share of pictures whose most probable class is the true one, 0-1.
        balanced_accuracy: the mean of the recalls of the classes that have pictures, 0-1.
        top5_accuracy: the share of pictures whose true class is among the five most probable, 0-1.
        loss: the mean cross-entropy, in nats; probabilities below 1e-7 count as 1e-7.
        ece: the expected calibration error, 0-1 (Guo et al. 2017), over 15 equally wide bins.
        n: how many pictures.
        per_class: class name -> its figures, in the order of the classes.
        confusion_matrix: counts; rows are true classes, columns predicted ones, both in the order of the classes.
        reliability: the bins of `ece`.
        intervals: the 95 % intervals of these figures.
        images_per_second: how fast the probabilities were computed, where somebody measured it.
        confidence: how far confidence is to be trusted, where the model's temperature is known.
    """

    accuracy: float
    balanced_accuracy: float
    top5_accuracy: float
    loss: float
    ece: float
    n: int
    per_class: Mapping[str, ClassFigures]
    confusion_matrix: tuple[tuple[int, ...], ...]
    reliability: tuple[ReliabilityBin, ...]
    intervals: Intervals
    images_per_second: float | None = None
    confidence: Confidence | None = None

    def to_json(self) -> dict[str, Any]:
        """The document that `eyespot evaluate --json` prints."""
        return {
            "accuracy": self.accuracy,
            "balanced_accuracy": self.balanced_accuracy,
            "top5_accuracy": self.top5_accuracy,
            "loss": self.loss,
            "ece": self.ece,
            "n": self.n,
            "per_class": {name: figures.to_json() for name, figures in self.per_class.items()},
            "confusion_matrix": [list(row) for row in self.confusion_matrix],
            "images_per_second": self.images_per_second,
            **self.intervals.to_json(),
            "calibration": self.confidence and self.confidence.to_json(),
        }


def evaluate(
    probabilities: ArrayLike,
    labels: ArrayLike,
    classes: Sequence[str],
    *,
    groups: ArrayLike | None = None,
    worth: float = 1.0,
    images_per_second: float | None = None,
) -> Evaluation:
    """The figures of a classifier that gave `probabilities` to pictures whose true classes are `labels`.

    Where classes are equally probable, the one that comes first counts as more probable.

    Args:
        probabilities: (n, classes), 0-1.
        labels: (n,), positions in `classes`.
        classes: the class names.
        groups: (n,), what each picture belongs to, numbers or names; None: each stands alone.
        worth: as how many independent ones a picture counts in the intervals.
        images_per_second: passed on to the result.

    Errors: InputError for shapes that do not fit together, no pictures, values that are no probabilities, labels out of range.
    """
    given, truth = _checked(probabilities, labels, classes)
    count = len(classes)
    predicted = given.argmax(axis=1)
    matrix = np.bincount(truth * count + predicted, minlength=count * count).reshape(count, count)
    per_class = tuple(_class_figures(matrix, position) for position in range(count))
    losses = -np.log(np.clip(given[np.arange(len(truth)), truth], SMALLEST_PROBABILITY, 1.0))
    ranks = _rank(given, truth)
    bins = reliability(given.max(axis=1), predicted == truth)
    return Evaluation(
        accuracy=float((predicted == truth).mean()),
        balanced_accuracy=float(np.mean([figures.recall for figures in per_class if figures.recall is not None])),
        top5_accuracy=float((ranks < 5).mean()),
        loss=float(losses.mean()),
        ece=calibration_error(bins),
        n=len(truth),
        per_class=dict(zip(classes, per_class, strict=True)),
        confusion_matrix=tuple(tuple(int(n) for n in row) for row in matrix),
        reliability=bins,
        intervals=headline_intervals(
            given,
            truth,
            classes,
            losses=losses,
            largest_loss=-log(SMALLEST_PROBABILITY),
            ranks=ranks,
            groups=groups,
            worth=worth,
        ),
        images_per_second=images_per_second,
    )


def wilson_interval(successes: float, n: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Between which shares the true one lies, with 95 % confidence, when `successes` of `n` were seen; (0, 1) for none seen.

    Source: Wilson 1927, the score interval; it stays within 0-1 and is sound for small n.
    """
    if n == 0:
        return 0.0, 1.0
    share = successes / n
    center = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, center - half), min(1.0, center + half)


def _checked(
    probabilities: ArrayLike, labels: ArrayLike, classes: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    given = np.asarray(probabilities, dtype=np.float64)
    truth = np.asarray(labels)
    if given.ndim != 2 or given.shape[1] != len(classes):
        raise InputError(f"probabilities must have the shape (n, {len(classes)}), one column a class; got {given.shape}")
    if truth.shape != given.shape[:1]:
        raise InputError(f"labels must have the shape ({len(given)},), one a row of probabilities; got {truth.shape}")
    if not len(truth):
        raise InputError("there are no pictures to evaluate")
    if len(set(classes)) != len(classes):
        raise InputError(f"class names must differ from each other; got {', '.join(classes)}")
    if not np.issubdtype(truth.dtype, np.integer) or truth.min() < 0 or truth.max() >= len(classes):
        found = f"{truth.dtype} {truth.min()} to {truth.max()}"
        raise InputError(f"labels must be whole numbers from 0 to {len(classes) - 1}; got {found}")
    # A float32 softmax may exceed 1 by a rounding; NaN fails this comparison too.
    if not (given.min() >= 0 and given.max() <= 1 + 1e-5):
        raise InputError(f"probabilities must lie between 0 and 1; got {given.min()} to {given.max()}")
    return given, truth.astype(np.int64)


def _class_figures(matrix: NDArray[np.int64], position: int) -> ClassFigures:
    right = int(matrix[position, position])
    taken_for_it = int(matrix[:, position].sum())
    of_it = int(matrix[position].sum())
    return ClassFigures(
        precision=right / taken_for_it if taken_for_it else None,
        recall=right / of_it if of_it else None,
        f1=2 * right / (taken_for_it + of_it) if taken_for_it + of_it else None,
        n=of_it,
    )


def _rank(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many classes come before the true one when each row is sorted, the most probable first."""
    of_truth = probabilities[np.arange(len(labels)), labels][:, None]
    earlier = np.arange(probabilities.shape[1]) < labels[:, None]
    before = (probabilities > of_truth) | ((probabilities == of_truth) & earlier)
    ranks: NDArray[np.int64] = before.sum(axis=1, dtype=np.int64)
    return ranks
