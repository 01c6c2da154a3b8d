"""The head on frozen features: a multinomial logistic regression whose strength is chosen on folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from threadpoolctl import threadpool_limits

from eyespot.errors import InputError
from eyespot.training.comparison import LEAST_PROBABILITY, goodness
from eyespot.training.logistic import Regression

Weighting: TypeAlias = Literal["none", "balanced"]
Choice: TypeAlias = Literal["none", "balanced", "auto"]
Features: TypeAlias = NDArray[np.floating[Any]]
Positions: TypeAlias = NDArray[np.int64]
Folds: TypeAlias = Sequence[tuple[Positions, Positions]]

GRID = tuple(10.0**exponent for exponent in range(-5, 1))
"""The values of C that are tried, from the strongest regularization to the weakest. Still weaker ones take longest, and mostly
make the answers surer, which is the temperature's part."""

DEFAULT_C = 0.01
"""Where there are no folds to choose on."""

_SEARCH_TOLERANCE = 1e-4
"""While C is looked for: the log losses are known to four digits then."""

_WORTH = 1e-3
"""Of all C whose log loss is at most so much above the least, in nats, the smallest is taken."""

_THREADS = 1
"""The matrices are small: more threads would mostly wait for each other, many times as long where others use the cores too."""

_IMBALANCE = 1.5
"""Where the largest class has at most so many times the pictures of the smallest, weights would change next to nothing."""


@dataclass(frozen=True)
class Head:
    """A fitted head: `features @ kernel + bias` are the logits.

    Attributes:
        kernel: (d, classes), for the features as they are: their standardization is folded in.
        bias: (classes,).
        C: the inverse strength of the regularization, as scikit-learn has it, that was chosen on the folds.
        class_weights: `none`, or `balanced`: each class counts as much as any other, however many pictures it has.
        probabilities: (n, classes), out of fold: what a head with that C says that was fitted on the other folds; (0, classes)
            where there are no folds.
        log_losses: C -> the log loss of such probabilities, in nats, for each C of `GRID`, with these weights.
        has_converged: whether the fit reached its tolerance.
    """

    kernel: NDArray[np.float64]
    bias: NDArray[np.float64]
    C: float
    class_weights: Weighting
    probabilities: NDArray[np.float64]
    log_losses: Mapping[float, float]
    has_converged: bool


def fit_head(
    features: Features,
    labels: Positions,
    classes: int,
    *,
    folds: Folds,
    mirrored: Features | None = None,
    class_weights: Choice = "auto",
) -> Head:
    """Fit a head on all features, with what was chosen on the folds.

    Features are standardized by the mean and deviation of those fitted on; one that hardly deviates from its mean stays small.
    Of `GRID` that C is chosen whose out-of-fold log loss is least, and of several that are hardly worse the smallest; with
    balanced weights the classes count alike in that loss too. Of the two weightings that one is chosen whose out-of-fold
    probabilities are better by `eyespot.training.comparison`; `none`, where they are equal or the classes are of much the same
    size. Nothing is random.

    Args:
        features: (n, d).
        labels: (n,), positions of the classes. A class without any picture gets the probability 0.
        classes: how many there are.
        folds: of each fold the positions learned from and those held out, as `eyespot.data.folds` has them; each picture is
            held out once. None at all, where there are too few pictures: C is `DEFAULT_C` then, and `auto` the same as `none`.
        mirrored: (n, d), features of the same pictures mirrored, which are learned from too, but not asked about; or None.
        class_weights: `none`, `balanced`, or `auto`: what is better.

    Errors: InputError for wrong shapes, types or values.
    """
    pictures = _Pictures(features, mirrored, labels, classes)
    _check(pictures, folds, class_weights)
    with threadpool_limits(_THREADS):
        return _fitted(pictures, _chosen(pictures, folds, class_weights))


def fit_again(head: Head, features: Features, labels: Positions, classes: int, *, mirrored: Features | None = None) -> Head:
    """A head with what was chosen for another one, fitted on other features; nothing is said out of fold.

    The arguments and errors are those of `fit_head`.
    """
    pictures = _Pictures(features, mirrored, labels, classes)
    _check(pictures, (), head.class_weights)
    chosen = _Search(head.class_weights, head.C, np.empty((0, classes)), {})
    with threadpool_limits(_THREADS):
        return _fitted(pictures, chosen)


@dataclass(frozen=True)
class _Pictures:
    """What is learned from."""

    features: Features
    mirrored: Features | None
    labels: Positions
    classes: int

    def regression(self, positions: Positions, weighting: Weighting) -> Regression:
        """Of some of the pictures, and of their mirror images."""
        features, labels = self.features[positions], self.labels[positions]
        if self.mirrored is not None:
            features, labels = np.concatenate([features, self.mirrored[positions]]), np.tile(labels, 2)
        return Regression(features, labels, self.classes, is_balanced=weighting == "balanced")


@dataclass(frozen=True)
class _Search:
    """What the folds say of one weighting, at the C that is best with it."""

    class_weights: Weighting
    C: float
    probabilities: NDArray[np.float64]
    log_losses: Mapping[float, float]


def _fitted(pictures: _Pictures, best: _Search) -> Head:
    regression = pictures.regression(np.arange(len(pictures.labels)), best.class_weights)
    kernel, bias = regression.fit(best.C)
    return Head(kernel, bias, best.C, best.class_weights, best.probabilities, best.log_losses, regression.has_converged)


def _chosen(pictures: _Pictures, folds: Folds, class_weights: Choice) -> _Search:
    weightings = _weightings(class_weights, pictures.labels)
    if not folds:
        return _Search(weightings[0], DEFAULT_C, np.empty((0, pictures.classes)), {})
    searches = [_search(pictures, folds, weighting) for weighting in weightings]
    return max(searches, key=lambda search: goodness(search.probabilities, pictures.labels))


def _search(pictures: _Pictures, folds: Folds, weighting: Weighting) -> _Search:
    """Fit the whole grid in each fold, and choose by what is said of the pictures held out."""
    said = {C: np.empty((len(pictures.labels), pictures.classes)) for C in GRID}
    for learned, held_out in folds:
        regression = pictures.regression(learned, weighting)
        for C in GRID:
            kernel, bias = regression.fit(C, _SEARCH_TOLERANCE)
            said[C][held_out] = softmax(pictures.features[held_out] @ kernel + bias, axis=1)
    losses = {C: _log_loss(probabilities, pictures.labels, weighting) for C, probabilities in said.items()}
    best = next(C for C in GRID if losses[C] <= min(losses.values()) + _WORTH)
    return _Search(weighting, best, said[best], losses)


def _weightings(choice: Choice, labels: Positions) -> Sequence[Weighting]:
    if choice != "auto":
        return (choice,)
    _, counts = np.unique(labels, return_counts=True)
    return ("none", "balanced") if counts.max() > _IMBALANCE * counts.min() else ("none",)


def _log_loss(probabilities: NDArray[np.float64], labels: Positions, weighting: Weighting) -> float:
    own = probabilities[np.arange(len(labels)), labels].clip(LEAST_PROBABILITY, 1)
    return float(np.average(-np.log(own), weights=None if weighting == "none" else _each_class_alike(labels)))


def _each_class_alike(labels: Positions) -> NDArray[np.float64]:
    """Weights of pictures with which each class weighs the same."""
    return np.asarray(1 / np.bincount(labels)[labels])


def _check(pictures: _Pictures, folds: Folds, class_weights: str) -> None:
    features, mirrored, labels, classes = pictures.features, pictures.mirrored, pictures.labels, pictures.classes
    if features.ndim != 2 or not features.size:
        raise InputError(f"features are an array (n, d) with at least one picture and one feature; got {features.shape}")
    if mirrored is not None and mirrored.shape != features.shape:
        raise InputError(f"there are as many features of mirrored pictures, {features.shape}; got {mirrored.shape}")
    if not all(np.isfinite(each).all() for each in (features, mirrored) if each is not None):
        raise InputError("a feature is infinite or no number: the backbone does not suit these pictures, or is damaged")
    if labels.shape != features.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(
            f"labels are integers, one for each of the {len(features)} pictures; got {labels.shape} {labels.dtype}"
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise InputError(f"labels lie between 0 and {classes - 1}; got {labels.min()} to {labels.max()}")
    _check_folds(folds, len(labels))
    if class_weights not in get_args(Choice):
        raise InputError(f"class_weights is one of {', '.join(get_args(Choice))}; got {class_weights!r}")


def _check_folds(folds: Folds, count: int) -> None:
    for learned, held_out in folds:
        if not len(learned) or np.intersect1d(learned, held_out).size:
            raise InputError("a fold needs pictures to learn from, and none of them may be held out in it")
        if learned.min() < 0 or learned.max() >= count:
            raise InputError(f"a fold lists positions from 0 to {count - 1}; got {learned.min()} to {learned.max()}")
    if folds and not np.array_equal(np.sort(np.concatenate([held_out for _, held_out in folds])), np.arange(count)):
        raise InputError(f"each of the {count} pictures must be held out in one fold, and in no other")
