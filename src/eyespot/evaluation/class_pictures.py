"""What a class looks like to a classifier: its most typical pictures, and those that it doubts most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eyespot.data.dataset import Part
from eyespot.evaluation.thumbnails import in_turns, within_budget

MOST_OF_EACH = 6
"""So many typical and so many doubtful pictures of a class are shown, at most."""

LONGEST_SIDE = 64
"""Pixels of a picture among so many."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ClassPicture:
    """A picture of a class.

    Attributes:
        picture: a data URI.
        name: of the picture, as in the data set.
        answer, next: the two likeliest classes, as positions.
        confidence, next_confidence: how probable they are held, 0-1.
    """

    picture: str
    name: str
    answer: int
    next: int
    confidence: float
    next_confidence: float


@dataclass(frozen=True)
class ClassRow:
    """A class, as a position, with its most typical and its most doubtful pictures, those that are most so first."""

    label: int
    typical: tuple[ClassPicture, ...]
    doubtful: tuple[ClassPicture, ...]


def class_rows(part: Part, probabilities: Floats, classes: Sequence[int], characters: int) -> list[ClassRow]:
    """The rows of the classes that have pictures; no picture is in both lists.

    Typical are those named rightly with the highest probability; doubtful those whose two likeliest classes lie closest
    together, whatever the true one. Of a class with few pictures no more than half are typical.

    Args:
        part: the n pictures.
        probabilities: (n, classes), 0-1; two classes at least.
        classes: which ones, as positions.
        characters: how much room the pictures may take: where it does not hold all, each class has fewer.
    """
    chosen = {label: _chosen(np.flatnonzero(part.labels == label), probabilities, label) for label in classes}
    chosen = {label: lists for label, lists in chosen.items() if any(lists)}
    turns = in_turns([positions for lists in chosen.values() for positions in lists], MOST_OF_EACH)
    uris = within_budget(part.images, turns, characters, LONGEST_SIDE)

    def shown(positions: Sequence[int]) -> Iterator[ClassPicture]:
        for position in positions:
            if position in uris:
                row = probabilities[position]
                answer, following = (int(i) for i in np.argsort(-row, kind="stable")[:2])
                yield ClassPicture(
                    uris[position], part.names[position], answer, following, float(row[answer]), float(row[following])
                )

    return [ClassRow(label, tuple(shown(typical)), tuple(shown(doubtful))) for label, (typical, doubtful) in chosen.items()]


def _chosen(members: NDArray[np.int64], probabilities: Floats, label: int) -> tuple[list[int], list[int]]:
    """The positions of a class's most typical and most doubtful pictures."""
    if not len(members):
        return [], []
    of_it = probabilities[members]
    highest = np.partition(of_it, -2, axis=1)[:, -2:]
    by_doubt = members[np.argsort(highest[:, 1] - highest[:, 0], kind="stable")]
    right = of_it.argmax(axis=1) == label
    by_type = members[right][np.argsort(-of_it[right, label], kind="stable")]
    typical = by_type[: min(MOST_OF_EACH, -(-len(members) // 2))].tolist()
    taken = set(typical)
    return typical, [int(position) for position in by_doubt if int(position) not in taken][:MOST_OF_EACH]
