"""Which pictures show the same thing: copies of the same pixels, and near duplicates.

A near duplicate is the same picture resized, recompressed, brightened, cropped by a fiftieth, or the next frame of a burst in
which nothing moved. Pictures are compared directly: each is shrunk to 16 x 16 colors, less each channel's mean, divided by its
contrast. The distance of two is the root mean square of their difference: 0 for the same, 1.4 for two that have nothing in
common. Nearly flat pictures, which have no contrast to speak of, are as far apart as their colors are.

How near is near depends on the data too: parts on a conveyor belt all look alike, the faulty ones too. Pictures of different
classes do not show the same thing, so what is near lies well within the distance at which they usually lie.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eyespot import images
from eyespot.data import graphs
from eyespot.data.dataset import Part
from eyespot.data.digests import digest
from eyespot.progress import SILENT, Progress

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]

LIMIT = 0.25
"""Pictures at most this far apart may be near duplicates, in shares of their contrast."""

OF_OTHERS = 0.5
"""Near duplicates are at most this share as far apart as pictures usually are from the nearest one of another class."""

MOST_PAIRS = 200_000_000
"""Where there are more pairs of pictures than this, only the same pixels are looked for; 20,000 pictures make that many."""

_SIDE = 16  # pixels: height and width of what is compared
_FLAT = 2.0  # contrast in pixel values, 0-255, below which a picture counts as flat
_FLAT_LIMIT = 1.0  # pixel values by which flat pictures may differ
_BLOCK = 256  # pictures that are compared with all others at a time


@dataclass(frozen=True)
class Likeness:
    """Pairs of pictures that show the same thing.

    Attributes:
        pairs: (m, 2) int64, positions of the two.
        are_copies: (m,) bool: whether they have the same pixels.
        was_compared: whether near duplicates were looked for; they are not among very many pictures.
    """

    pairs: Positions
    are_copies: NDArray[np.bool_]
    was_compared: bool


def within(part: Part, *, progress: Progress = SILENT) -> Likeness:
    """Which pictures of a part show the same thing.

    Of all such pairs those nearest ones are returned that link the same pictures, over however many steps: fewer than there are
    pictures, the earlier picture first. Where they are too many to be compared each with each other, `progress` is told.

    Errors: MissingExtraError, where SciPy is not installed.
    """
    graphs.check_is_installed()
    first = _first_copies(part.images)
    is_first = first == np.arange(len(part))
    copies, distinct = np.flatnonzero(~is_first), np.flatnonzero(is_first)
    copied = np.stack([first[copies], copies], axis=1)
    was_compared = len(distinct) * (len(distinct) - 1) // 2 <= MOST_PAIRS
    near = np.empty((0, 2), np.int64)
    if was_compared:
        near = distinct[_near_pairs(_vectors(part.images, distinct, progress), part.labels[distinct])]
    else:
        progress.note(
            f"{len(part):,} pictures are too many to look for near duplicates among them: only those of the same pixels are "
            f"known to belong together"
        )
    return _likeness(copied, near, was_compared)


def between(part: Part, other: Part, *, progress: Progress = SILENT) -> Likeness:
    """Which pictures of `part` show the same thing as one of `other`, and the nearest one there.

    A pair is (position in `part`, position in `other`); there is at most one for each picture of `part`.
    """
    place: dict[bytes, int] = {}
    for position, image in enumerate(other.images):
        place.setdefault(digest(image), position)
    same = np.array([place.get(digest(image), -1) for image in part.images], np.int64)
    copies, rest = np.flatnonzero(same >= 0), np.flatnonzero(same < 0)
    copied = np.stack([copies, same[copies]], axis=1)
    was_compared = len(rest) * len(other) <= MOST_PAIRS
    near = np.empty((0, 2), np.int64)
    if was_compared:
        vectors = _vectors(part.images, rest, progress), _vectors(other.images, np.arange(len(other)), progress)
        found, nearest = _nearest(*vectors, part.labels[rest], other.labels)
        near = np.stack([rest[found], nearest], axis=1)
    return _likeness(copied, near, was_compared)


def contradictions(part: Part, alike: Likeness) -> tuple[tuple[str, str], ...]:
    """The names of pictures that have the same pixels and different labels, two by two.

    Args:
        part: the pictures.
        alike: what `within` says of them.
    """
    pairs = alike.pairs[alike.are_copies]
    pairs = pairs[part.labels[pairs[:, 0]] != part.labels[pairs[:, 1]]]
    return tuple((part.names[i], part.names[j]) for i, j in pairs)


def _likeness(copied: Positions, near: Positions, was_compared: bool) -> Likeness:
    are_copies = np.arange(len(copied) + len(near)) < len(copied)
    return Likeness(np.concatenate([copied, near]), are_copies, was_compared)


def _first_copies(pictures: NDArray[np.uint8]) -> Positions:
    """For each picture the position of the first one of the same pixels: its own where there is none before it."""
    first: dict[bytes, int] = {}
    return np.array([first.setdefault(digest(picture), i) for i, picture in enumerate(pictures)], np.int64)


def _vectors(pictures: NDArray[np.uint8], positions: Positions, progress: Progress) -> Floats:
    """What is compared of the pictures at m positions: (m, values)."""
    small = np.empty((len(positions), _SIDE, _SIDE, 3), np.float32)
    with progress.task("Comparing pictures", len(positions)) as task:
        for i, position in enumerate(positions):
            small[i] = images.resize(pictures[position], (_SIDE, _SIDE))
            task.advance()
    pattern = small - small.mean(axis=(1, 2), keepdims=True)
    contrast = np.sqrt((pattern**2).mean(axis=(1, 2, 3), keepdims=True))
    # Scaled so that flat pictures at their own limit are as far apart as others at theirs; the two kinds are always farther.
    flat = (small - np.float32(127.5)) * np.float32(LIMIT / _FLAT_LIMIT)
    return np.where(contrast < _FLAT, flat, pattern / np.maximum(contrast, np.float32(_FLAT))).reshape(len(positions), -1)


def _distances(rows: Floats, columns: Floats) -> Floats:
    """The root mean square differences, (rows, columns)."""
    distances: Floats = rows @ columns.T
    distances *= -2
    distances += np.einsum("ij,ij->i", rows, rows)[:, None]
    distances += np.einsum("ij,ij->i", columns, columns)
    distances /= rows.shape[1]
    return np.sqrt(np.maximum(distances, 0, out=distances), out=distances)


def _of_other_classes(distances: Floats, labels: Positions, other_labels: Positions) -> Floats:
    """The distances between pictures of different classes; the others are infinite."""
    return np.where(labels[:, None] == other_labels, np.float32(np.inf), distances)


def _limit(to_others: Floats) -> float:
    """How far apart near duplicates may be, where the nearest pictures of other classes are so far away."""
    return min(LIMIT, OF_OTHERS * float(np.median(to_others))) if len(to_others) else LIMIT


def _near_pairs(vectors: Floats, labels: Positions) -> Positions:
    """The nearest pairs that link all near duplicates: (m, 2), the lower position first."""
    count = len(vectors)
    pairs, apart = np.empty((0, 2), np.int64), np.empty(0, np.float32)
    to_others = np.full(count, np.inf, np.float32)
    for start in range(0, count, _BLOCK):
        rows = slice(start, start + _BLOCK)
        distances = _distances(vectors[rows], vectors[start:])
        others = _of_other_classes(distances, labels[rows], labels[start:])
        to_others[rows] = np.minimum(to_others[rows], others.min(axis=1))
        to_others[start:] = np.minimum(to_others[start:], others.min(axis=0))
        near = np.argwhere(distances <= LIMIT)
        near = near[near[:, 0] < near[:, 1]]
        pairs = np.concatenate([pairs, start + near])
        apart = np.concatenate([apart, distances[near[:, 0], near[:, 1]]])
        pairs, apart = graphs.spanning_forest(count, pairs, apart)
    # The links of a minimum spanning forest up to a limit connect whatever all pairs up to that limit would.
    return pairs[apart <= _limit(to_others)]


def _nearest(vectors: Floats, others: Floats, labels: Positions, other_labels: Positions) -> tuple[Positions, Positions]:
    """Which of the vectors are near duplicates of one of the others, and of which: twice (m,)."""
    nearest = np.empty(len(vectors), np.int64)
    apart, to_others = (np.empty(len(vectors), np.float32) for _ in range(2))
    for start in range(0, len(vectors), _BLOCK):
        rows = slice(start, start + _BLOCK)
        distances = _distances(vectors[rows], others)
        nearest[rows] = distances.argmin(axis=1)
        apart[rows] = distances.min(axis=1)
        to_others[rows] = _of_other_classes(distances, labels[rows], other_labels).min(axis=1)
    found = np.flatnonzero(apart <= _limit(to_others))
    return found, nearest[found]
