"""The confusion matrix as the report shows it: cells, the pictures that belong in them, and the commonest mistakes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_CLASSES = 40
"""Up to this many classes the matrix is shown whole; of more, only those that are confused most."""

MOST_CLASSES_OF_MANY = 30

Color = tuple[int, int, int]
Pair = tuple[int, int]
"""A true and a predicted class, as positions."""


@dataclass(frozen=True)
class Cell:
    """How often one class was taken for another, and how strongly to color it (0-1)."""

    true: int
    predicted: int
    count: int
    strength: float

    @property
    def is_right(self) -> bool:
        """Whether the cell holds right answers."""
        return self.true == self.predicted

    @property
    def key(self) -> str:
        """Names the cell in the page."""
        return f"{self.true},{self.predicted}"


@dataclass(frozen=True)
class Row:
    """One true class."""

    true: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Confusion:
    """One class taken for another: `count` pictures, which are `share` (0-1) of the true class's."""

    true: int
    predicted: int
    count: int
    share: float

    @property
    def key(self) -> str:
        """Names the cell in the page."""
        return f"{self.true},{self.predicted}"


def shown_classes(matrix: NDArray[np.int64]) -> list[int]:
    """Which classes the table shows: all, or of more than 40 the 30 that take part in most mistakes, in their order."""
    count = len(matrix)
    if count <= MOST_CLASSES:
        return list(range(count))
    mistakes = matrix - np.diag(np.diag(matrix))
    involved = mistakes.sum(axis=0) + mistakes.sum(axis=1)
    return sorted(int(position) for position in np.argsort(-involved, kind="stable")[:MOST_CLASSES_OF_MANY])


def table(matrix: NDArray[np.int64], shown: Sequence[int]) -> list[Row]:
    """The rows of the table over the classes `shown`."""
    strength = visible_strength(_shares(matrix))
    return [
        Row(true, tuple(Cell(true, taken, int(matrix[true, taken]), round(float(strength[true, taken]), 3)) for taken in shown))
        for true in shown
    ]


def commonest(matrix: NDArray[np.int64], most: int) -> list[Confusion]:
    """The pairs of classes that are confused most often, the commonest first."""
    mistakes = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-mistakes, axis=None, kind="stable")[:most]
    found = []
    for true, predicted in zip(*np.unravel_index(order, mistakes.shape), strict=True):
        if count := int(mistakes[true, predicted]):
            found.append(Confusion(int(true), int(predicted), count, count / int(matrix[true].sum())))
    return found


def pictures_by_cell(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], confidence: NDArray[np.float64]
) -> Mapping[Pair, list[int]]:
    """Which pictures belong in each cell: the most confident mistakes first, of right answers the least confident first."""
    order = np.argsort(np.where(labels == predicted, confidence, -confidence), kind="stable")
    cells: dict[Pair, list[int]] = defaultdict(list)
    for position in order:
        cells[int(labels[position]), int(predicted[position])].append(int(position))
    return cells


def visible_strength(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """How strongly to color each cell of a matrix of shares of its row, 0-1: mistakes more than in proportion, to be seen."""
    return np.where(np.eye(len(shares), dtype=bool), shares, shares**0.65)


def heat_map(matrix: NDArray[np.int64], right: Color, wrong: Color) -> NDArray[np.uint8]:
    """The whole matrix as a picture, one pixel a cell: (classes, classes, 4) uint8, the more opaque, the larger the share."""
    picture = np.empty((*matrix.shape, 4), np.uint8)
    picture[..., :3] = wrong
    picture[np.eye(len(matrix), dtype=bool), :3] = right
    picture[..., 3] = np.rint(255 * visible_strength(_shares(matrix)))
    return picture


def _shares(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    return shares
