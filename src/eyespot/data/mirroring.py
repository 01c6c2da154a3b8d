"""Whether pictures mirrored left to right still show the same class: photographs of cats do, letters and arrows do not.

A linear classifier is asked, on a few thousand pictures: how many does it tell right as they are, how many mirrored? Each
picture is judged by the classifier of all the others. That is ridge regression on features that do not depend on which of
letter and ground is the darker one: where edges run in which of four directions, and coarse colors. Its leave-one-out
predictions have a closed form (Allen, Technometrics 16(1), 1974; here also for the mirror image), so that 50 pictures yield
50 answers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eyespot.data.dataset import Part

Floats = NDArray[np.float32]

MOST_PICTURES = 3_000
"""So many are looked at, chosen at random where there are more."""

_TOLERATED_LOSS = 1 / 3
"""Mirrored pictures may lose this share of the lead over guessing: shoes keep their class, yet most may point one way.

Measured: letters lose 0.65 of it, CIFAR-10 nothing, 450 photographs of clothes 0.04."""

_NOISE = 2.0  # standard errors by which all pictures together must lose
_NOISE_OF_A_CLASS = 4.0  # by which one class alone must: there are many classes, of which one will lose by chance
_LOST_CLASS = 2 / 3  # the share of its right answers that a class loses whose mirror image is no longer of that class

_SIDE = 24  # pixels: height and width of the small picture that edges are found in
_CELLS = 6  # edges are gathered in 6 x 6 cells ...
_COLORS = 4  # ... and colors in 4 x 4
_EDGE_WEIGHT = 5.0  # the length of a picture's edge features; of its colors, a few tenths vary
_RIDGE = 0.3  # of the features' mean variance
_CHUNK = 256  # pictures that are turned into features at a time


@dataclass(frozen=True)
class Mirroring:
    """What a linear classifier says of mirrored pictures.

    Attributes:
        keeps_class: whether mirrored pictures show the same class, as far as it can tell: with so few pictures that it only
            guesses, they do, since most photographs do.
        accuracy: of the pictures as they are, 0-1.
        mirrored_accuracy: of the same pictures mirrored, 0-1.
        lost: the classes, counted as labels do, whose mirrored pictures are taken for others, where most classes keep theirs.
        is_telling: whether the classifier does better than guessing, so that the figures mean something.
    """

    keeps_class: bool
    accuracy: float
    mirrored_accuracy: float
    lost: tuple[int, ...] = ()
    is_telling: bool = True

    def line(self, classes: tuple[str, ...]) -> str:
        """The same in words, for the user.

        Args:
            classes: the class names, in the order that labels count in.
        """
        right, as_they_are = (f"{100 * share:.0f} %" for share in (self.mirrored_accuracy, self.accuracy))
        figures = f"a linear classifier tells {right} of them right, {as_they_are} as they are"
        if not self.is_telling:
            return (
                f"whether mirrored pictures keep their class cannot be told ({figures}): flips are used, as suits photographs"
            )
        if self.keeps_class:
            return f"mirrored pictures keep their class ({figures}): flips are used"
        names = ", ".join(classes[label] for label in self.lost[:3]) + (" and others" if len(self.lost) > 3 else "")
        whose = f" of {names}" if self.lost else ""
        return f"mirrored pictures{whose} do not keep their class ({figures}): no flips"


def probe(train: Part, held_out: Part | None = None) -> Mirroring:
    """Whether pictures keep their class when mirrored left to right.

    They do not, where the classifier's lead over guessing shrinks by more than a third, and by more than chance explains; or
    where a single class is lost, such as the arrow to the left among many signs. The same parts give the same answer always.

    Args:
        train: the pictures to learn from.
        held_out: the validation part, where there is one; the test part stays out of this.
    """
    parts = [train] if held_out is None else [train, held_out]
    features, mirrored, labels = (np.concatenate(arrays) for arrays in zip(*_sample(parts), strict=True))
    known, labels = np.unique(labels, return_inverse=True)
    answers, mirrored_answers = _leave_one_out(features, mirrored, labels, len(known))
    was_right, is_right = answers == labels, mirrored_answers == labels
    accuracy, mirrored_accuracy = float(was_right.mean()), float(is_right.mean())
    guessing = float(np.bincount(labels).max()) / len(labels)
    if _loses(was_right, is_right, _TOLERATED_LOSS * (accuracy - guessing), _NOISE):
        return Mirroring(False, accuracy, mirrored_accuracy)
    lost = [int(label) for k, label in enumerate(known) if _is_lost(was_right[labels == k], is_right[labels == k])]
    is_telling = accuracy - guessing > _NOISE * float(np.sqrt(guessing * (1 - guessing) / len(labels)))
    return Mirroring(not lost, accuracy, mirrored_accuracy, tuple(lost), is_telling or bool(lost))


def _is_lost(was_right: NDArray[np.bool_], is_right: NDArray[np.bool_]) -> bool:
    """Whether a class loses its pictures to others when they are mirrored."""
    return _loses(was_right, is_right, _LOST_CLASS * float(was_right.mean()), _NOISE_OF_A_CLASS)


def _loses(was_right: NDArray[np.bool_], is_right: NDArray[np.bool_], tolerated: float, errors: float) -> bool:
    """Whether the accuracy falls by more than is tolerated, and by more than so many standard errors (McNemar's)."""
    loss = float(was_right.mean() - is_right.mean())
    noise = errors * float(np.sqrt(np.count_nonzero(was_right != is_right))) / len(was_right)
    return loss > max(noise, tolerated)


def _sample(parts: list[Part]) -> list[tuple[Floats, Floats, NDArray[np.int64]]]:
    """Features, features of the mirror images, and labels of at most `MOST_PICTURES` pictures, chunk by chunk."""
    sizes = np.cumsum([0, *map(len, parts)])
    chosen = np.sort(np.random.default_rng(0).permutation(sizes[-1])[:MOST_PICTURES])
    found = []
    for part, first, end in zip(parts, sizes[:-1], sizes[1:], strict=True):
        positions = chosen[(chosen >= first) & (chosen < end)] - first
        for start in range(0, len(positions), _CHUNK):
            chunk = positions[start : start + _CHUNK]
            found.append((*_features(part.images[chunk]), part.labels[chunk]))
    return found


def _features(pictures: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """What the classifier sees of pictures (n, height, width, 3) and of their mirror images: twice (n, features)."""
    small = _averaged(pictures.astype(np.float32) / np.float32(255), _SIDE)
    gray = small.mean(axis=3)
    across = gray[:, 1:-1, 2:] - gray[:, 1:-1, :-2]
    down = gray[:, 2:, 1:-1] - gray[:, :-2, 1:-1]
    # Positive along one diagonal, negative along the other; neither depends on which side of the edge is the brighter one.
    diagonal = 2 * across * down / (np.hypot(across, down) + np.float32(1e-6))
    strengths = [np.abs(across), np.abs(down), np.maximum(diagonal, 0), np.maximum(-diagonal, 0)]
    edges = np.sqrt(_averaged(np.stack(strengths, axis=-1).astype(np.float32), _CELLS))
    edges *= _EDGE_WEIGHT / (np.sqrt((edges**2).sum(axis=(1, 2, 3), keepdims=True)) + 1e-3)
    colors = _averaged(small, _COLORS)
    mirrored_edges = edges[:, :, ::-1, [0, 1, 3, 2]]  # a mirror turns each diagonal into the other
    return _rows(edges, colors), _rows(mirrored_edges, colors[:, :, ::-1])


def _rows(*maps: Floats) -> Floats:
    return np.concatenate([array.reshape(len(array), -1) for array in maps], axis=1)


def _averaged(maps: Floats, side: int) -> Floats:
    """(n, height, width, channels) as (n, side, side, channels), each value the mean of the area that it covers."""
    n, height, width, channels = maps.shape
    rows: Floats = _shares(height, side) @ maps.reshape(n, height, width * channels)
    averaged: Floats = _shares(width, side) @ rows.reshape(n, side, width, channels)
    return averaged


def _shares(pixels: int, cells: int) -> Floats:
    """How much each of so many pixels in a row counts in the mean of each cell: (cells, pixels), each row adds up to 1."""
    borders = np.linspace(0, pixels, cells + 1)
    pixel = np.arange(pixels)
    overlap: NDArray[np.float64] = np.minimum(borders[1:, None], pixel + 1) - np.maximum(borders[:-1, None], pixel)
    return (overlap.clip(min=0) * (cells / pixels)).astype(np.float32)


def _leave_one_out(
    features: Floats, mirrored: Floats, labels: NDArray[np.int64], classes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What the ridge classifier of all other pictures answers to each picture, and to its mirror image: twice (n,) labels."""
    n, width = features.shape
    middle = features.mean(axis=0)
    features, mirrored = features - middle, mirrored - middle
    targets = np.eye(classes, dtype=np.float32)[labels]
    prior = targets.mean(axis=0)
    targets -= prior
    squares = features.T @ features
    ridge = _RIDGE * np.trace(squares) / width + 1e-3  # the constant: for pictures that are all the same
    inverse = np.linalg.inv(squares + np.float32(ridge) * np.eye(width, dtype=np.float32))
    weights = inverse @ (features.T @ targets)
    solved = features @ inverse
    # Leaving picture i out changes the weights by -inverse @ x_i times its residual / (1 - leverage).
    leverage = np.einsum("ij,ij->i", solved, features) + 1 / n
    residuals = (targets - features @ weights) / np.maximum(1 - leverage, 1e-3)[:, None]

    def answers(rows: Floats) -> NDArray[np.int64]:
        influence = np.einsum("ij,ij->i", solved, rows) + 1 / n
        best: NDArray[np.int64] = (prior + rows @ weights - influence[:, None] * residuals).argmax(axis=1)
        return best

    return answers(features), answers(mirrored)
