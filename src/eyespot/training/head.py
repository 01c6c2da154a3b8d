"""The head on frozen features: a multinomial logistic regression whose strength is chosen on folds."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from eyespot.errors import InputError, MissingExtraError
from eyespot.training.comparison import goodness

Weighting: TypeAlias = Literal["none", "balanced"]
Choice: TypeAlias = Literal["none", "balanced", "auto"]
Features: TypeAlias = NDArray[np.floating[Any]]
Positions: TypeAlias = NDArray[np.int64]
Folds: TypeAlias = Sequence[tuple[Positions, Positions]]

GRID = tuple(10.0**exponent for exponent in range(-5, 3))
"""The values of C that are tried, from the strongest regularization to the weakest."""

TOLERANCE = 1e-7
"""The head is fitted until no component of the gradient of its mean loss is larger."""

DEFAULT_C = 0.01
"""Where there are no folds to choose on."""

MAX_ITERATIONS = 5000

_SEARCH_TOLERANCE = 1e-4
"""The same while C is looked for: the log loss is then known well enough to compare."""

_WORTH = 1e-3
"""A weaker regularization has to lower the log loss by more than this, in nats, to be preferred."""

_PATIENCE = 2
"""After so many values of C in a row that were not worth it the search ends: weaker regularizations take longest to fit."""

_IMBALANCE = 1.5
"""Where the largest class has at most so many times the pictures of the smallest, weights would change next to nothing."""

_NEVER = -1e4
"""The logit of a class of which there is no picture to fit on: its probability is 0."""

_STEADY = 1e-4
"""A feature whose deviation is less than this share of its mean counts as one with that deviation: for weights on what may be
float32's rounding alone, kernel and bias would be so large that they cancel no more."""

_LEAST = 1e-7
"""A smaller probability counts as this in the log loss, as in evaluation."""


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
        log_losses: C -> the log loss of such probabilities, in nats, for each C that was tried with these weights.
        has_converged: whether the fit reached its tolerance.
    """

    kernel: NDArray[np.float64]
    bias: NDArray[np.float64]
    C: float
    class_weights: Weighting
    probabilities: NDArray[np.float64]
    log_losses: Mapping[float, float]
    has_converged: bool


def fit_head(features: Features, labels: Positions, classes: int, *, folds: Folds, class_weights: Choice = "auto") -> Head:
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
        class_weights: `none`, `balanced`, or `auto`: what is better.

    Errors: InputError for wrong shapes, types or values; MissingExtraError as `check_is_installed`.
    """
    _check(features, labels, classes, folds, class_weights)
    return _fitted(features, labels, classes, _chosen(features, labels, classes, folds, class_weights))


def fit_again(head: Head, features: Features, labels: Positions, classes: int) -> Head:
    """A head with what was chosen for another one, fitted on other features; nothing is said out of fold.

    The arguments and errors are those of `fit_head`.
    """
    _check(features, labels, classes, (), head.class_weights)
    chosen = _Search(head.class_weights, head.C, np.empty((0, classes)), {})
    return _fitted(features, labels, classes, chosen)


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probabilities, (n, classes), that logits stand for. Errors: as `check_is_installed`."""
    return np.asarray(_packages().softmax(logits, axis=1))


def one_thread() -> AbstractContextManager[object]:
    """Within it matrices are multiplied on one thread: they are small here, and threads would mostly wait for each other, many
    times as long where others use the cores too.

    Errors: as `check_is_installed`.
    """
    limits: AbstractContextManager[object] = _packages().one_thread(1)
    return limits


def check_is_installed() -> None:
    """Errors: MissingExtraError, where scikit-learn, SciPy or threadpoolctl is not installed."""
    _packages()


@dataclass(frozen=True)
class _Search:
    """What the folds say of one weighting, at the C that is best with it."""

    class_weights: Weighting
    C: float
    probabilities: NDArray[np.float64]
    log_losses: Mapping[float, float]


def _fitted(features: Features, labels: Positions, classes: int, best: _Search) -> Head:
    regression = _Regression(features, labels, np.arange(len(labels)), classes, best.class_weights)
    kernel, bias = regression.fit(best.C, TOLERANCE)
    return Head(kernel, bias, best.C, best.class_weights, best.probabilities, best.log_losses, regression.has_converged)


def _chosen(features: Features, labels: Positions, classes: int, folds: Folds, class_weights: Choice) -> _Search:
    weightings = _weightings(class_weights, labels)
    if not folds:
        return _Search(weightings[0], DEFAULT_C, np.empty((0, classes)), {})
    searches = [_search(features, labels, classes, folds, weighting) for weighting in weightings]
    return max(searches, key=lambda search: goodness(search.probabilities, labels))


def _search(features: Features, labels: Positions, classes: int, folds: Folds, weighting: Weighting) -> _Search:
    """Go through the grid, each fold's fit beginning where it ended at the last C, until it is no longer worth it."""
    regressions = [_Regression(features, labels, learned, classes, weighting) for learned, _ in folds]

    def out_of_fold(C: float, tolerance: float) -> NDArray[np.float64]:
        probabilities = np.empty((len(labels), classes))
        for regression, (_, held_out) in zip(regressions, folds, strict=True):
            kernel, bias = regression.fit(C, tolerance)
            probabilities[held_out] = softmax(features[held_out] @ kernel + bias)
        return probabilities

    losses: dict[float, float] = {}
    best, idle = GRID[0], 0
    for C in GRID:
        losses[C] = _log_loss(out_of_fold(C, _SEARCH_TOLERANCE), labels, weighting)
        if len(losses) == 1 or losses[C] < losses[best] - _WORTH:
            best, idle = C, 0
        else:
            idle += 1
        # Under very strong regularization nothing is learned yet, and nothing is gained from one C to the next.
        has_begun = best != GRID[0] or losses[C] > losses[best] + _WORTH
        if has_begun and idle >= _PATIENCE:
            break
    return _Search(weighting, best, out_of_fold(best, TOLERANCE), losses)


class _Turned(NamedTuple):
    """Fewer pictures than features, along as many orthonormal directions as there are pictures.

    The weights that are looked for lie in the span of the pictures' features and are as long along any such directions: so the
    same ones are found, and there are fewer numbers to find.
    """

    directions: NDArray[np.float64]  # (d, n)
    coordinates: NDArray[np.float64]  # (n, n)


def _turned(features: NDArray[np.float64]) -> _Turned:
    directions, coordinates = np.linalg.qr(features.T)
    return _Turned(directions, coordinates.T)


class _Regression:
    """Logistic regression on the standardized features of some pictures, for one C after another: each fit begins where the
    last one ended.

    Args:
        features: (n, d).
        labels: (n,).
        positions: those of the pictures to fit on.
        classes: how many there are, those without pictures included.
        weighting: of the classes.

    Attributes:
        has_converged: whether the last fit reached the tolerance.
    """

    def __init__(
        self,
        features: Features,
        labels: Positions,
        positions: Positions,
        classes: int,
        weighting: Weighting,
    ) -> None:
        packages = _packages()
        self._features = features
        self._positions = positions
        self._labels = labels[positions]
        self._classes = classes
        self._scaler = packages.scaler().fit(self._chosen())
        self._scaler.scale_ = np.maximum(self._scaler.scale_, _STEADY * np.abs(self._scaler.mean_))
        self._turned = _turned(self._scaler.transform(self._chosen())) if len(positions) < features.shape[1] else None
        self._estimator = packages.regression(
            solver="lbfgs",
            class_weight=None if weighting == "none" else weighting,
            max_iter=MAX_ITERATIONS,
            warm_start=True,
        )
        self.has_converged = True

    def fit(self, C: float, tolerance: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The kernel, (d, classes), and the bias, (classes,), for features as they are."""
        present = np.unique(self._labels)
        kernel, bias = np.zeros((self._features.shape[1], self._classes)), np.full(self._classes, _NEVER)
        if len(present) == 1:
            bias[present] = 0
            return kernel, bias
        self._estimate(C, tolerance)
        weights, intercepts = self._estimator.coef_.T, self._estimator.intercept_
        if len(present) == 2:
            # scikit-learn has one logit, of the second class; the same probabilities come from half of it for and half against.
            weights, intercepts = weights * (-0.5, 0.5), intercepts * (-0.5, 0.5)
        if self._turned is not None:
            weights = self._turned.directions @ weights
        kernel[:, present] = weights / self._scaler.scale_[:, None]
        bias[present] = intercepts - self._scaler.mean_ @ kernel[:, present]
        return kernel, bias

    def _estimate(self, C: float, tolerance: float) -> None:
        from sklearn.exceptions import ConvergenceWarning

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            self._estimator.set_params(C=C, tol=tolerance).fit(self._standardized(), self._labels)
        self.has_converged = not any(issubclass(warning.category, ConvergenceWarning) for warning in caught)

    def _standardized(self) -> NDArray[np.float64]:
        if self._turned is not None:
            return self._turned.coordinates
        return np.asarray(self._scaler.transform(self._chosen()))

    def _chosen(self) -> NDArray[np.float64]:
        """The features to fit on; made anew each time, so that only one fold's are in memory in this size."""
        return self._features[self._positions].astype(np.float64)


@dataclass(frozen=True)
class _Packages:
    """What is used of packages that an extra brings."""

    regression: Any
    scaler: Any
    softmax: Any
    one_thread: Any


def _packages() -> _Packages:
    try:
        from scipy.special import softmax
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler
        from threadpoolctl import threadpool_limits
    except ModuleNotFoundError as error:
        raise MissingExtraError("Fitting a classifier on a backbone's features", "train") from error
    return _Packages(LogisticRegression, StandardScaler, softmax, threadpool_limits)


def _weightings(choice: Choice, labels: Positions) -> Sequence[Weighting]:
    if choice != "auto":
        return (choice,)
    _, counts = np.unique(labels, return_counts=True)
    return ("none", "balanced") if counts.max() > _IMBALANCE * counts.min() else ("none",)


def _log_loss(probabilities: NDArray[np.float64], labels: Positions, weighting: Weighting) -> float:
    own = probabilities[np.arange(len(labels)), labels].clip(_LEAST, 1)
    return float(np.average(-np.log(own), weights=None if weighting == "none" else _each_class_alike(labels)))


def _each_class_alike(labels: Positions) -> NDArray[np.float64]:
    """Weights of pictures with which each class weighs the same."""
    return np.asarray(1 / np.bincount(labels)[labels])


def _check(features: Features, labels: Positions, classes: int, folds: Folds, class_weights: str) -> None:
    if features.ndim != 2 or not features.size:
        raise InputError(f"features are an array (n, d) with at least one picture and one feature; got {features.shape}")
    if not np.isfinite(features).all():
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
