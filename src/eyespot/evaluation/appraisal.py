"""How the figures of few pictures came about, how sure they are, and what follows from them for whoever uses the classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eyespot.data.dataset import Part
from eyespot.evaluation.calibration import Calibration
from eyespot.evaluation.confusion import commonest
from eyespot.evaluation.headline import Intervals
from eyespot.evaluation.intervals import Interval, accuracy_interval, macro_recall_interval
from eyespot.evaluation.metrics import evaluate
from eyespot.evaluation.mislabels import likely_mislabels
from eyespot.evaluation.threshold import NoThreshold, Threshold
from eyespot.evaluation.threshold_check import ThresholdCheck

MOST_SUSPECTS = 3


@dataclass(frozen=True)
class Candidate:
    """One way to get a classifier, and how it did on the pictures that decided between them.

    Attributes:
        name: such as `frozen features of cifar10` or `from scratch`.
        accuracy: on those pictures, 0-1.
        balanced_accuracy: the mean of the recalls of the classes there, 0-1.
        n: how many pictures these are.
        is_chosen: whether the classifier was got this way.
    """

    name: str
    accuracy: Interval
    balanced_accuracy: float
    n: int
    is_chosen: bool


@dataclass(frozen=True)
class NamedSuspect:
    """A picture whose label is likely to be wrong.

    Attributes:
        name: of the picture, as in the data set.
        given: the class that it is labelled with.
        likelier: the class that it looks like.
        given_probability, likelier_probability: the probabilities of the two, 0-1.
    """

    name: str
    given: str
    likelier: str
    given_probability: float
    likelier_probability: float


@dataclass(frozen=True)
class NamedConfusion:
    """The commonest mistake: `count` of the `n` pictures of the class `true` were taken for the class `predicted`."""

    true: str
    predicted: str
    count: int
    n: int


@dataclass(frozen=True)
class Appraisal:
    """How the figures of few pictures came about, and how sure they are. Every share is 0-1.

    Attributes:
        method: how the pictures were judged, such as `5-fold cross-validation` or `the test part`.
        groups: (n,), what each of the pictures that the figures are of belongs to; equal numbers belong together.
        group_note: what the user's rule of grouping found; None: there was no rule.
        guessing: the share of the commonest class: the accuracy of always answering that.
        intervals: of the figures of the whole procedure, in which everything was chosen on other pictures.
        candidates: the ways that were tried.
        calibration: the classifier's temperature and threshold; what thresholds that were chosen in the same way, but without
            them, came to on the pictures that the figures are of.
        suspects: the pictures whose labels are likeliest to be wrong, the likeliest first.
        worst: the commonest mistake; None where there was none.
        leaks: a line for each two parts that share pictures.
        origin: where the classifier came from, in words.
    """

    method: str
    groups: NDArray[np.int64] = field(repr=False, compare=False)
    group_note: str | None
    guessing: float
    intervals: Intervals
    candidates: tuple[Candidate, ...]
    calibration: Calibration
    suspects: tuple[NamedSuspect, ...]
    worst: NamedConfusion | None
    leaks: tuple[str, ...]
    origin: str

    @property
    def group_count(self) -> int:
        """How many groups the pictures make; as many as pictures, where each stands alone."""
        return len(np.unique(self.groups))

    @property
    def measured(self) -> str:
        """On what the figures are measured, such as `450 pictures in 431 groups: 5-fold cross-validation`."""
        n, groups = len(self.groups), self.group_count
        within = "" if groups == n else f" in {groups:,} group{'' if groups == 1 else 's'}"
        return f"{n:,} pictures{within}: {self.method}"

    def to_json(self) -> dict[str, Any]:
        """What metrics.json says under `few`."""
        intervals, calibration = self.intervals, self.calibration
        return {
            "method": self.method,
            "measured": self.measured,
            "n": len(self.groups),
            "groups": self.group_count,
            "group_note": self.group_note,
            "accuracy": intervals.accuracy.to_json(),
            "balanced_accuracy": intervals.balanced_accuracy.to_json(),
            "guessing": self.guessing,
            "recalls": {name: interval and interval.to_json() for name, interval in intervals.recalls.items()},
            "candidates": [asdict(candidate) for candidate in self.candidates],
            **{key: value for key, value in calibration.to_json().items() if key not in ("n", "reason")},
            "suspects": [asdict(suspect) for suspect in self.suspects],
            "worst_confusion": self.worst and asdict(self.worst),
            "leaks": list(self.leaks),
            "origin": self.origin,
        }


def candidate(
    name: str,
    probabilities: ArrayLike,
    labels: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    is_chosen: bool,
    worth: float = 1.0,
) -> Candidate:
    """A candidate with its figures.

    Args:
        name: what it is.
        probabilities: (n, classes), 0-1, of the pictures that decide, from networks that have not learned from them.
        labels: (n,), their classes.
        groups: (n,), what each belongs to; None: each stands alone.
        is_chosen: whether it is the one that is kept.
        worth: as of `eyespot.evaluation.intervals.accuracy_interval`.

    Errors: InputError for shapes that do not fit together, no pictures, labels that are no whole numbers from 0.
    """
    predicted = np.asarray(probabilities).argmax(axis=1)
    accuracy = accuracy_interval(predicted, labels, groups, worth=worth)
    balanced = macro_recall_interval(predicted, labels, groups).estimate
    return Candidate(name, accuracy, balanced, len(predicted), is_chosen)


def suspects_among(probabilities: ArrayLike, part: Part, classes: Sequence[str]) -> tuple[NamedSuspect, ...]:
    """The three pictures at most whose labels are likeliest to be wrong, the likeliest first.

    Args:
        probabilities: (n, classes), 0-1, from classifiers that have not learned from these pictures.
        part: the n pictures.
        classes: the class names.

    Errors: as `eyespot.evaluation.mislabels.likely_mislabels`.
    """
    return tuple(
        NamedSuspect(
            part.names[suspect.position],
            classes[suspect.given],
            classes[suspect.likelier],
            suspect.given_probability,
            suspect.likelier_probability,
        )
        for suspect in likely_mislabels(probabilities, part.labels, MOST_SUSPECTS)
    )


def appraise(
    probabilities: ArrayLike,
    part: Part,
    classes: Sequence[str],
    groups: ArrayLike,
    *,
    method: str,
    candidates: Sequence[Candidate],
    temperature: float,
    threshold: Threshold | NoThreshold,
    error_rate: float,
    origin: str,
    worth: float = 1.0,
    threshold_check: ThresholdCheck | None = None,
    suspects: Sequence[NamedSuspect] | None = None,
    group_note: str | None = None,
    leaks: Sequence[str] = (),
) -> Appraisal:
    """The appraisal of a procedure by what it said of pictures that it had not learned from.

    Args:
        probabilities: (n, classes), 0-1: out of fold, or of a test part.
        part: these n pictures; at least one.
        classes: the class names.
        groups: (n,), what each picture belongs to, as `eyespot.data.folds.components` numbers it.
        worth: as of `eyespot.evaluation.intervals.accuracy_interval`.
        suspects: where more pictures are known than these; None: those among these. There are none where the classifier does
            no better than guessing.

    The others are those of `Appraisal`.

    Errors: InputError for shapes that do not fit together, no pictures, values that are no probabilities, labels out of range.
    """
    evaluation = evaluate(probabilities, part.labels, classes, groups=groups, worth=worth)
    guessing = float(np.bincount(part.labels).max() / len(part))
    if evaluation.accuracy <= guessing:
        suspects = ()  # who does no better than guessing cannot say which labels are wrong
    return Appraisal(
        method=method,
        groups=np.asarray(groups, np.int64),
        group_note=group_note,
        guessing=guessing,
        intervals=evaluation.intervals,
        candidates=tuple(candidates),
        calibration=Calibration(temperature, None, None, threshold, error_rate, threshold_check),
        suspects=suspects_among(probabilities, part, classes) if suspects is None else tuple(suspects),
        worst=_worst(np.asarray(evaluation.confusion_matrix), classes),
        leaks=tuple(leaks),
        origin=origin,
    )


def _worst(matrix: NDArray[np.int64], classes: Sequence[str]) -> NamedConfusion | None:
    pairs = commonest(matrix, 1)
    if not pairs:
        return None
    (pair,) = pairs
    return NamedConfusion(classes[pair.true], classes[pair.predicted], pair.count, int(matrix[pair.true].sum()))
