"""Runs with what they said of their test pictures, and the pictures that several of them were judged on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eyespot.data import grouping
from eyespot.data.dataset import Part
from eyespot.errors import DataError, EyespotError, RunError
from eyespot.evaluation.intervals import CROSS_VALIDATED
from eyespot.run_folder import RunFolder

_NAMED = 3
"""So many pictures or classes are named in an error."""


@dataclass(frozen=True)
class JudgedRun:
    """A finished run.

    Attributes:
        folder: where its files lie.
        metrics: what metrics.json says.
        arguments: what args.yaml says; empty where there is none.
        classes: the names of its classes, in order.
        answers: a picture's name -> its true class, the class it was taken for, and the probability of that, 0-1.
    """

    folder: RunFolder
    metrics: Mapping[str, Any]
    arguments: Mapping[str, Any]
    classes: tuple[str, ...]
    answers: Mapping[str, tuple[str, str, float]] = field(repr=False)

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.folder.name

    @property
    def seed(self) -> int | None:
        """The seed it was trained with; None where the run does not say."""
        seed = self.metrics.get("seed")
        return seed if isinstance(seed, int) else None

    @property
    def few(self) -> Mapping[str, Any]:
        """What metrics.json says of how few pictures were judged; empty for a run of many."""
        few = self.metrics.get("few")
        return few if isinstance(few, dict) else {}

    @property
    def is_cross_validated(self) -> bool:
        """Whether each picture was judged by a classifier that had not learned from it, not by the one that is kept."""
        return str(self.few.get("method", "")).endswith("-fold cross-validation")


@dataclass(frozen=True)
class Pictures:
    """The pictures that several runs were judged on.

    Attributes:
        names: n names.
        labels: (n,), positions in `classes`.
        classes: the class names, in the order of the first run.
        groups: (n,), what each belongs to by the rule that a run was trained with; None: each stands alone.
        notes: lines on what is not known about the groups.
    """

    names: tuple[str, ...]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    groups: NDArray[np.int64] | None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Side:
    """Runs that are compared as one, and what they said of the same pictures.

    Attributes:
        runs: at least one.
        predicted: (runs, n), the answers, as positions of classes.
        probability: (runs, n), how sure each answer was, 0-1.
        right: (runs, n), whether each answer is right.
    """

    runs: tuple[JudgedRun, ...]
    predicted: NDArray[np.int64] = field(repr=False)
    probability: NDArray[np.float64] = field(repr=False)
    right: NDArray[np.bool_] = field(repr=False)

    @cached_property
    def accuracies(self) -> tuple[float, ...]:
        """The accuracy of each run on these pictures, 0-1."""
        return tuple(self.right.mean(axis=1).tolist())

    @property
    def accuracy(self) -> float:
        """The mean of `accuracies`."""
        return float(np.mean(self.accuracies))

    @property
    def deviation(self) -> float | None:
        """The standard deviation of `accuracies` from seed to seed; None of one run."""
        return float(np.std(self.accuracies, ddof=1)) if len(self.runs) > 1 else None

    @property
    def worth(self) -> float:
        """As how many independent ones a picture counts in intervals."""
        return CROSS_VALIDATED if any(run.is_cross_validated for run in self.runs) else 1.0


def read_run(folder: RunFolder) -> JudgedRun:
    """A finished run with what it said of its test pictures.

    Errors: RunError, where it is not finished, or a file of it is missing or damaged.
    """
    if not folder.is_finished:
        raise RunError(f"{folder.path} is not finished: there is nothing to compare yet")
    metrics = folder.read_metrics()
    test = metrics.get("test")
    per_class = test.get("per_class") if isinstance(test, dict) else None
    if not isinstance(per_class, dict) or not per_class:
        raise RunError(f"{folder.metrics} does not say how the run did on each class")
    rows = folder.read_predictions()
    classes = tuple(map(str, per_class))
    unknown = sorted({name for row in rows for name in row[1:3]} - set(classes))
    if unknown or not rows:
        raise RunError(f"{folder.predictions} is damaged: {f'no class is called {unknown[0]}' if unknown else 'it is empty'}")
    arguments = folder.read_args() if folder.args.is_file() else {}
    return JudgedRun(folder, metrics, arguments, classes, {row[0]: row[1:] for row in rows})


def common_pictures(runs: Sequence[JudgedRun], *, shared_only: bool = False) -> Pictures:
    """The pictures that all the runs were judged on, in the order of the first run.

    Args:
        runs: at least one.
        shared_only: whether pictures that some runs were not judged on are left out, instead of being an error.

    Errors: DataError, where classes or pictures differ, which says how many are shared and what to do.
    """
    first, *others = runs
    for run in others:
        _check_classes(first, run)
        _check_labels(first, run)
    shared = set(first.answers).intersection(*(run.answers for run in others))
    sizes = [len(run.answers) for run in runs]
    if not shared or (not shared_only and any(size != len(shared) for size in sizes)):
        raise DataError(*_different(runs, len(shared)))
    names = tuple(name for name in first.answers if name in shared)
    position = {name: i for i, name in enumerate(first.classes)}
    labels = np.array([position[first.answers[name][0]] for name in names], np.int64)
    groups, notes = _groups(runs, names, labels, first.classes)
    return Pictures(names, labels, first.classes, groups, notes)


def side(runs: Sequence[JudgedRun], pictures: Pictures) -> Side:
    """What these runs said of the pictures, all of which each of them was judged on."""
    position = {name: i for i, name in enumerate(pictures.classes)}
    predicted = np.array([[position[run.answers[name][1]] for name in pictures.names] for run in runs], np.int64)
    probability = np.array([[run.answers[name][2] for name in pictures.names] for run in runs], np.float64)
    return Side(tuple(runs), predicted, probability, predicted == pictures.labels)


def _check_classes(first: JudgedRun, other: JudgedRun) -> None:
    if set(first.classes) == set(other.classes):
        return
    shared = len(set(first.classes) & set(other.classes))
    only = [_some(sorted(set(a.classes) - set(b.classes))) for a, b in ((first, other), (other, first))]
    raise DataError(
        f"{first.name} and {other.name} tell other classes apart: they share {shared}; only the first knows "
        f"{only[0]}, only the second {only[1]}; train both on the same classes"
    )


def _check_labels(first: JudgedRun, other: JudgedRun) -> None:
    """Pictures that are called the same but labelled otherwise are others."""
    both = [name for name in first.answers if name in other.answers]
    relabelled = [name for name in both if first.answers[name][0] != other.answers[name][0]]
    if relabelled:
        raise DataError(
            f"{first.name} and {other.name} give {len(relabelled):,} of the {len(both):,} pictures that are called "
            f"the same other labels, such as {_some(relabelled)}: they were judged on other data, or it was labelled anew in "
            f"between; train one of them again"
        )


def _different(runs: Sequence[JudgedRun], shared: int) -> tuple[str, ...]:
    counts = ", ".join(f"{run.name} on {len(run.answers):,}" for run in runs[:_NAMED])
    more = f" and {len(runs) - _NAMED} more" if len(runs) > _NAMED else ""
    message = f"the runs were judged on different pictures: {counts}{more}; all of them on {shared:,} of these"
    ways = (
        "Give the data a test folder, or a test part in its CSV, and train again: then every run is judged on that",
        "Train all of them in the same way, so that the same pictures are held out: with a budget, or each with --epochs",
    )
    return (message, f"--shared compares on these {shared:,} alone", *ways) if shared else (message, *ways)


def _some(names: Sequence[str]) -> str:
    if not names:
        return "none"
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def _groups(
    runs: Sequence[JudgedRun], names: tuple[str, ...], labels: NDArray[np.int64], classes: tuple[str, ...]
) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """What each picture belongs to, as far as names tell it, and lines on what they do not tell."""
    rule = next((run.arguments.get("group_by") for run in runs if run.arguments.get("group_by")), None)
    numbers = None
    notes: tuple[str, ...] = ()
    if rule is not None:
        part = Part(np.empty((len(names), 0, 0, 3), np.uint8), labels, names)
        try:
            keys = grouping.group(grouping.parse(str(rule)), part, classes).keys
        except EyespotError:
            notes = (f"the groups of {rule} cannot be read from the pictures' names: each picture counts alone",)
        else:
            alone = [f"\0{name}" for name in names]  # no key holds this character
            numbers = np.unique([key or own for key, own in zip(keys, alone, strict=True)], return_inverse=True)[1]
    found = len(names) if numbers is None else len(np.unique(numbers))
    judged = min((run.few.get("groups", len(names)) for run in runs if len(run.answers) == len(names)), default=len(names))
    if judged < found and not notes:
        notes = (
            f"some pictures are alike: {len(names):,} make {judged:,} groups; a run does not say which, so they count alone",
        )
    return numbers, notes
