"""Which labels are likeliest to be wrong, by the probabilities of classifiers that have not learned from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from eyespot.errors import InputError

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Suspect:
    """A picture whose label is likely to be wrong.

    Attributes:
        position: which picture, counted from 0.
        given: the class that it is labelled with.
        likelier: the class that it looks like.
        given_probability, likelier_probability: the probabilities of the two, 0-1.
    """

    position: int
    given: int
    likelier: int
    given_probability: float
    likelier_probability: float


def likely_mislabels(probabilities: ArrayLike, labels: ArrayLike, most: int = 3) -> tuple[Suspect, ...]:
    """The pictures whose labels are likeliest to be wrong, at most `most`, the likeliest first, equal ones in their order.

    Suspect is a picture that is taken for another class at least as confidently as the pictures of that class are on average.
    The further the probability of the label lies below that class's, the likelier it is wrong.

    Args:
        probabilities: (n, classes), 0-1, each row from a classifier that has not learned from this picture: out of fold.
        labels: (n,), the classes that the pictures are labelled with.
        most: how many are wanted at most.

    Errors: InputError for shapes that do not fit together, values that are no probabilities, labels out of range, most below 0.
    Source: confident learning, Northcutt, Jiang and Chuang 2021 (JAIR 70), sections 3.1 and 3.2: self-confidence thresholds,
    ranked by normalized margin.
    """
    given, truth = np.asarray(probabilities, dtype=np.float64), np.asarray(labels)
    if given.ndim != 2 or truth.shape != given.shape[:1]:
        raise InputError(f"probabilities (n, classes) and labels (n,) must fit together; got {given.shape} and {truth.shape}")
    if most < 0:
        raise InputError(f"there cannot be fewer than 0 suspects; got {most}")
    if not len(truth):
        return ()
    if not np.issubdtype(truth.dtype, np.integer) or truth.min() < 0 or truth.max() >= given.shape[1]:
        found = f"{truth.dtype} {truth.min()} to {truth.max()}"
        raise InputError(f"labels must be whole numbers from 0 to {given.shape[1] - 1}; got {found}")
    if not (given.min() >= 0 and given.max() <= 1 + 1e-5):
        raise InputError(f"probabilities must lie between 0 and 1; got {given.min()} to {given.max()}")

    rows = np.arange(len(truth))
    of_label = given[rows, truth]
    likelier = given.argmax(axis=1)
    of_likelier = given[rows, likelier]
    counts = np.bincount(truth, minlength=given.shape[1])
    # A class without labelled pictures has no average to compare with: nothing is said to belong to it.
    usual = np.where(counts > 0, np.bincount(truth, of_label, given.shape[1]) / np.maximum(counts, 1), np.inf)
    suspects = np.flatnonzero((of_likelier > of_label) & (of_likelier >= usual[likelier] - _ROUNDING))
    order = np.argsort((of_label - of_likelier)[suspects], kind="stable")
    return tuple(
        Suspect(int(i), int(truth[i]), int(likelier[i]), float(of_label[i]), float(of_likelier[i]))
        for i in suspects[order][:most]
    )
