"""What changed from one side of a comparison to the other: the classes that gained and lost, the pictures that flipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eyespot.evaluation.intervals import Interval
from eyespot.evaluation.judged import Pictures, Side


@dataclass(frozen=True)
class ClassChange:
    """One class, on both sides.

    Attributes:
        name: of the class.
        n: how many pictures of it there are.
        first, second: the share of them that each side tells right, 0-1, on average over its runs.
        difference: of the two, with its interval.
        gained, lost: how many of its pictures flipped, to the first side's advantage and to the second's.
    """

    name: str
    n: int
    first: float
    second: float
    difference: Interval
    gained: int
    lost: int

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Flip:
    """A picture that most runs of one side tell right and most of the other side do not.

    Attributes:
        name: of the picture, as in the data set.
        label: its class.
        is_gained: whether it is the first side that tells it right.
        first, second: the commonest answer of each side.
        first_probability, second_probability: how sure the runs with that answer were, 0-1, on average.
        first_right, second_right: how many runs of each side tell it right.
    """

    name: str
    label: str
    is_gained: bool
    first: str
    second: str
    first_probability: float
    second_probability: float
    first_right: int
    second_right: int

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        return asdict(self)


Difference = Callable[[NDArray[np.intp]], Interval]
"""The difference of two sides on the pictures at some positions, with its interval."""


def flipped(first: Side, second: Side) -> NDArray[np.int8]:
    """(n,): 1 for a picture that is gained, -1 for one that is lost, 0 for one that did not flip."""
    gap = first.right.mean(axis=0) - second.right.mean(axis=0)
    # Of runs in which 3 of 5 face 2 of 5 nothing flipped: it is the runs of one side that differ.
    return np.asarray(np.sign(gap) * (np.abs(gap) > 0.5), np.int8)


def class_changes(first: Side, second: Side, pictures: Pictures, difference: Difference) -> tuple[ClassChange, ...]:
    """The classes that have pictures, those that gained most first.

    Args:
        first, second: the sides.
        pictures: what both were judged on.
        difference: gives the interval of some pictures.
    """
    sign = flipped(first, second)
    changes = []
    for position, name in enumerate(pictures.classes):
        members = np.flatnonzero(pictures.labels == position)
        if len(members):
            changes.append(
                ClassChange(
                    name=name,
                    n=len(members),
                    first=float(first.right[:, members].mean()),
                    second=float(second.right[:, members].mean()),
                    difference=difference(members),
                    gained=int((sign[members] > 0).sum()),
                    lost=int((sign[members] < 0).sum()),
                )
            )
    return tuple(sorted(changes, key=lambda change: -change.difference.estimate))


def flips(first: Side, second: Side, pictures: Pictures) -> tuple[Flip, ...]:
    """Every picture that flipped: those in which most runs differ first, and of these those that both sides were surest of."""
    found = [
        _flip(first, second, pictures, i, gained=sign > 0) for i, sign in enumerate(flipped(first, second).tolist()) if sign
    ]
    return tuple(sorted(found, key=lambda flip: _least_telling_last(flip, len(first.runs), len(second.runs))))


def _flip(first: Side, second: Side, pictures: Pictures, position: int, *, gained: bool) -> Flip:
    (answer, sure), (other, other_sure) = (_commonest(side, position) for side in (first, second))
    return Flip(
        name=pictures.names[position],
        label=pictures.classes[pictures.labels[position]],
        is_gained=gained,
        first=pictures.classes[answer],
        second=pictures.classes[other],
        first_probability=sure,
        second_probability=other_sure,
        first_right=int(first.right[:, position].sum()),
        second_right=int(second.right[:, position].sum()),
    )


def _commonest(side: Side, position: int) -> tuple[int, float]:
    """The answer that most runs of a side give to a picture, and how sure these are of it."""
    answers = side.predicted[:, position]
    ((answer, _),) = Counter(answers.tolist()).most_common(1)
    return answer, float(side.probability[answers == answer, position].mean())


def _least_telling_last(flip: Flip, runs: int, others: int) -> tuple[float, float, str]:
    gap = abs(flip.first_right / runs - flip.second_right / others)
    # Both of the contradictory answers have to be sure; a picture that one side was in doubt about flips easily.
    return -gap, -min(flip.first_probability, flip.second_probability), flip.name
