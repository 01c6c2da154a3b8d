"""Whole data sets whose true figures are known: normally distributed features that go through folds, choice and head.

`interval_coverage.py` asks how often the interval that comes out holds the accuracy that the classifier truly has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import Document, say, table
from scipy.special import softmax

from eyespot.backbones import Backbone
from eyespot.data.dataset import WHOLE, Part
from eyespot.evaluation.intervals import Interval, accuracy_interval
from eyespot.network import Layer, Network
from eyespot.runs.backbone import Features
from eyespot.runs.candidate import Tried, Unseen
from eyespot.runs.deciding import by_cross_validation
from eyespot.runs.frozen import FROZEN, FrozenFeatures
from eyespot.runs.pictures import Pictures, Round, rounds

CLASSES = ("one", "two", "three")
DIMENSIONS = 16
SEPARATIONS = (1.5, 4.0)
"""How far the means of the classes lie from the middle, at least and at most; a feature has the deviation 1 within a class."""

CORRELATION = 0.5
"""So much of its variance is common to the pictures of a group."""

FRESH = 20_000
"""The true accuracy is that on so many pictures more, each of a group of its own: it is known to a third of a point."""

CENTROIDS = "nearest centroid"

SIZES, GROUP_SIZES = (60, 120, 200), (1, 5)

_SEED = 3
"""By data sets of seed 2 it was settled how much an answer out of fold is worth; these are others."""


class Drawn(NamedTuple):
    """One data set: the means of the classes, (classes, d); of its n pictures labels and groups, (n,), and features, (n, d)."""

    means: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    vectors: np.ndarray


def draw(n: int, group_size: int, generator: np.random.Generator) -> Drawn:
    """A data set of `n` pictures in groups of `group_size`, each of one class; the classes come in turns."""
    groups = np.arange(n) // group_size
    labels = groups % len(CLASSES)
    directions = generator.normal(size=(len(CLASSES), DIMENSIONS))
    means = generator.uniform(*SEPARATIONS) * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    common = generator.normal(size=(groups[-1] + 1, DIMENSIONS))[groups]
    share = CORRELATION if group_size > 1 else 0.0
    noise = np.sqrt(share) * common + np.sqrt(1 - share) * generator.normal(size=(n, DIMENSIONS))
    return Drawn(means, labels, groups, (means[labels] + noise).astype(np.float32))


@dataclass(frozen=True)
class Centroids:
    """A second candidate that takes no time and is no worse for such features than a regression: so there is a real choice."""

    drawn: Drawn

    def attempt(self, each: Round) -> Tried:
        """In one round, as a network from scratch is: it learns from the training pictures alone."""
        kernel, bias = self.fitted(each.train)
        validation, held_out = (
            Unseen(positions, softmax(self.drawn.vectors[positions] @ kernel + bias, axis=1))
            for positions in (each.validation, each.held_out)
        )
        nothing: Any = None
        return Tried(validation, held_out, validation, nothing)

    def fitted(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Kernel and bias of what is learned from these pictures."""
        labels, vectors = self.drawn.labels[positions], self.drawn.vectors[positions].astype(np.float64)
        centroids = np.stack([vectors[labels == position].mean(axis=0) for position in range(len(CLASSES))])
        return centroids.T, -(centroids**2).sum(axis=1) / 2


def interval_and_truth(drawn: Drawn, generator: np.random.Generator) -> tuple[Interval, float]:
    """The interval of the accuracy that a user is told, and the accuracy that the classifier has on fresh pictures."""
    labels, everything = drawn.labels, np.arange(len(drawn.labels))
    part = Part(np.zeros((len(labels), 1, 1, 3), np.uint8), labels, tuple(map(str, everything)))
    pictures = Pictures(part, {WHOLE: everything}, drawn.groups, group_note=None, leaks=(), notes=())
    frozen = FrozenFeatures(Features(_backbone(), drawn.vectors, part.images[:1], "", 0.0), pictures, len(CLASSES), "budget")
    centroids = Centroids(drawn)
    tried = [{FROZEN: frozen.attempt(each), CENTROIDS: centroids.attempt(each)} for each in rounds(pictures, CLASSES, None)]
    decision = by_cross_validation(tried, labels)
    answers = decision.answers
    interval = accuracy_interval(
        answers.probabilities.argmax(axis=1), labels[answers.positions], drawn.groups[answers.positions], worth=decision.worth
    )
    if decision.chosen == FROZEN:
        head = frozen.on_all().network.by_name["head"].weights
        kernel, bias = head["kernel"], head["bias"]
    else:
        kernel, bias = centroids.fitted(everything)
    fresh = generator.integers(0, len(CLASSES), FRESH)
    vectors = drawn.means[fresh] + generator.normal(size=(FRESH, DIMENSIONS))
    return interval, float(((vectors @ kernel + bias).argmax(axis=1) == fresh).mean())


def simulated(data_sets: int) -> list[Document]:
    """Of each number of pictures, alone and in groups: how often the interval holds the truth, and which side it misses on.

    Args:
        data_sets: how many there are alone, and as many in groups, of all numbers of pictures together.
    """
    rows: list[Document] = []
    for group_size, (place, n) in product(GROUP_SIZES, enumerate(SIZES)):
        numbers = range(place, data_sets, len(SIZES))
        found = [
            interval_and_truth(draw(n, group_size, generator), generator)
            for generator in (np.random.default_rng([_SEED, group_size, n, number]) for number in numbers)
        ]
        rows.append(
            {
                "n": n,
                "group_size": group_size,
                "data_sets": len(found),
                "covered": sum(interval.low <= truth <= interval.high for interval, truth in found),
                "flattering": sum(truth < interval.low for interval, truth in found),
                **{
                    name: round(float(np.mean(values)), 4)
                    for name, values in (
                        ("width", [interval.high - interval.low for interval, _ in found]),
                        ("figure", [interval.estimate for interval, _ in found]),
                        ("truth", [truth for _, truth in found]),
                    )
                },
            }
        )
        say(f"whole data sets, n = {n}, groups of {group_size}: {rows[-1]['covered']} of {len(found)} intervals hold the truth")
    return rows


def shown(rows: Sequence[Document]) -> str:
    """The table of such rows."""
    lines = []
    for group_size in GROUP_SIZES:
        of_size = [row for row in rows if row["group_size"] == group_size]
        kind = "each alone" if group_size == 1 else f"groups of {group_size}, correlation {CORRELATION:g}"
        lines += [_line(f"{kind}, n = {row['n']}", [row]) for row in of_size]
        lines.append(_line(f"{kind}, all", of_size))
    heads = ["whole data sets, the classifier that ships", "data sets", "hold the truth", "too good", "too bad"]
    return table([*heads, "mean width", "mean figure", "mean truth"], lines)


def _line(name: str, rows: Sequence[Document]) -> list[str]:
    count, covered, flattering = (sum(row[key] for row in rows) for key in ("data_sets", "covered", "flattering"))
    means = (sum(row[key] * row["data_sets"] for row in rows) / count for key in ("width", "figure", "truth"))
    shares = (covered / count, flattering / count, (count - covered - flattering) / count)
    return [name, str(count), *(f"{share:.1%}" for share in (*shares, *means))]


def _backbone() -> Backbone:
    """One that nobody has to run: the features are there."""
    network = Network((Layer("features", "InputLayer", {"shape": [DIMENSIONS]}, ()),), "features")
    return Backbone(name="drawn", path=Path(), origin="drawn", network=network, hash="")
