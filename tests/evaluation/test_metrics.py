"""The figures, held against scikit-learn and examples worked by hand."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics as sklearn_metrics
from sklearn.calibration import calibration_curve

from eyespot.errors import InputError
from eyespot.evaluation.metrics import evaluate, wilson_interval

KEYS = {
    "accuracy",
    "balanced_accuracy",
    "top5_accuracy",
    "loss",
    "ece",
    "n",
    "per_class",
    "confusion_matrix",
    "images_per_second",
    "interval",
    "balanced_interval",
    "top5_interval",
    "loss_interval",
    "ece_interval",
    "recall_intervals",
    "calibration",
}


def drawn(seed: int, n: int, count: int) -> tuple[NDArray[np.float64], NDArray[np.int64], list[str]]:
    """Random probabilities without ties, random labels, names."""
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.full(count, 2.0), size=n)
    return probabilities, generator.integers(0, count, n), [f"class {i}" for i in range(count)]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 60), count=st.integers(2, 9))
def test_every_figure_is_scikit_learns(seed: int, n: int, count: int) -> None:
    probabilities, labels, classes = drawn(seed, n, count)
    predicted, known = probabilities.argmax(axis=1), np.arange(count)

    result = evaluate(probabilities, labels, classes)

    assert result.n == n
    assert result.accuracy == pytest.approx(sklearn_metrics.accuracy_score(labels, predicted))
    present = np.unique(labels)
    assert result.balanced_accuracy == pytest.approx(
        sklearn_metrics.recall_score(labels, predicted, labels=present, average="macro", zero_division=0)
    )
    clipped = np.clip(probabilities, 1e-7, 1)
    assert result.loss == pytest.approx(sklearn_metrics.log_loss(labels, clipped, labels=known), abs=1e-5)
    assert np.array_equal(result.confusion_matrix, sklearn_metrics.confusion_matrix(labels, predicted, labels=known))
    if count > 5:
        expected = sklearn_metrics.top_k_accuracy_score(labels, probabilities, k=5, labels=known)
        assert result.top5_accuracy == pytest.approx(expected)
    else:
        assert result.top5_accuracy == 1
    per_class = sklearn_metrics.precision_recall_fscore_support(labels, predicted, labels=known, zero_division=np.nan)
    found = [(f.precision, f.recall, f.f1, f.n) for f in result.per_class.values()]
    assert np.array(found, dtype=float) == pytest.approx(np.array(per_class).T, nan_ok=True)
    assert list(result.per_class) == classes


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 200))
def test_the_calibration_error_is_that_of_scikit_learns_calibration_curve(seed: int, n: int) -> None:
    probabilities, labels, classes = drawn(seed, n, 4)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    share_right, mean_confidence = calibration_curve(right, confidence, n_bins=15, strategy="uniform", pos_label=True)
    counts = np.histogram(confidence, bins=15, range=(0, 1))[0]
    expected = np.sum(counts[counts > 0] / n * np.abs(share_right - mean_confidence))

    result = evaluate(probabilities, labels, classes)

    assert result.ece == pytest.approx(expected)
    filled = [b for b in result.reliability if b.n]
    assert [b.n for b in filled] == counts[counts > 0].tolist()
    assert [b.accuracy for b in filled] == pytest.approx(share_right)
    assert len(result.reliability) == 15


def test_an_example_worked_by_hand() -> None:
    probabilities = [[0.8, 0.2], [0.62, 0.38], [0.3, 0.7], [0.45, 0.55]]

    found = evaluate(probabilities, [0, 1, 1, 1], ["cat", "dog"], images_per_second=250.0).to_json()

    assert {key: value for key, value in found.items() if "interval" not in key} == {
        "accuracy": 0.75,
        "balanced_accuracy": pytest.approx((1 + 2 / 3) / 2),
        "top5_accuracy": 1.0,
        "loss": pytest.approx(-(log(0.8) + log(0.38) + log(0.7) + log(0.55)) / 4),
        # Each answer has a bin of its own: three right ones, off by .2, .3 and .45, and one wrong one, off by .62.
        "ece": pytest.approx((0.2 + 0.3 + 0.45 + 0.62) / 4),
        "n": 4,
        "per_class": {
            "cat": {"precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "n": 1},
            "dog": {"precision": 1.0, "recall": pytest.approx(2 / 3), "f1": 0.8, "n": 3},
        },
        "confusion_matrix": [[1, 0], [1, 2]],
        "images_per_second": 250.0,
        "calibration": None,
    }


def test_json_has_the_documented_keys_and_no_others() -> None:
    probabilities, labels, classes = drawn(0, 20, 3)

    assert evaluate(probabilities, labels, classes).to_json().keys() == KEYS


def test_every_figure_lies_within_its_interval_whatever_the_pictures() -> None:
    for seed, n, count in ((0, 1, 2), (1, 7, 3), (2, 400, 12)):
        probabilities, labels, classes = drawn(seed, n, count)
        result = evaluate(probabilities, labels, classes)
        for name in ("accuracy", "balanced_accuracy", "top5_accuracy", "loss", "ece"):
            interval = getattr(result.intervals, name)
            assert interval.estimate == pytest.approx(getattr(result, name))
            assert interval.low <= interval.estimate <= interval.high
            assert interval.low < interval.high
        for name, figures in result.per_class.items():
            interval = result.intervals.recalls[name]
            assert (interval is None) == (figures.recall is None)
            assert interval is None or interval.estimate == pytest.approx(figures.recall)


def test_top_5_of_a_thousand_classes_is_scikit_learns() -> None:
    probabilities, labels, classes = drawn(5, 300, 1000)
    probabilities[np.arange(0, 300, 2), labels[::2]] += 0.004

    result = evaluate(np.minimum(probabilities, 1), labels, classes)

    expected = sklearn_metrics.top_k_accuracy_score(labels, probabilities, k=5, labels=np.arange(1000))
    assert result.top5_accuracy == pytest.approx(expected)
    assert 0.1 < expected < 0.9
    assert result.balanced_accuracy == pytest.approx(
        sklearn_metrics.recall_score(labels, probabilities.argmax(1), labels=np.unique(labels), average="macro")
    )
    assert sum(figures.recall is None for figures in result.per_class.values()) == 1000 - len(np.unique(labels))


def test_a_class_without_pictures_has_no_recall_and_does_not_count_in_the_balance() -> None:
    result = evaluate([[0.9, 0.1, 0.0], [0.1, 0.8, 0.1]], [0, 1], ["a", "b", "c"])

    absent = result.per_class["c"]
    assert (absent.precision, absent.recall, absent.f1, absent.n) == (None, None, None, 0)
    assert result.balanced_accuracy == 1


def test_a_class_that_is_never_the_answer_has_no_precision_and_an_f1_of_zero() -> None:
    result = evaluate([[0.9, 0.1], [0.8, 0.2]], [0, 1], ["a", "b"])

    missed = result.per_class["b"]
    assert (missed.precision, missed.recall, missed.f1) == (None, 0, 0)


def test_a_certain_mistake_costs_as_much_as_in_keras() -> None:
    assert evaluate([[1.0, 0.0]], [1], ["a", "b"]).loss == pytest.approx(-log(1e-7))


def test_among_equally_probable_classes_the_first_is_the_answer() -> None:
    equal = np.full((6, 6), 1 / 6)

    result = evaluate(equal, np.arange(6), list("abcdef"))

    assert result.confusion_matrix == tuple((1, 0, 0, 0, 0, 0) for _ in range(6))
    assert result.top5_accuracy == pytest.approx(5 / 6)


def test_a_confidence_on_the_edge_of_a_bin_belongs_to_the_lower_one() -> None:
    result = evaluate([[0.6, 0.4]], [0], ["a", "b"])

    assert [b.upper for b in result.reliability if b.n] == [pytest.approx(0.6)]


def test_probabilities_that_exceed_one_by_a_rounding_are_taken() -> None:
    assert evaluate(np.array([[1 + 1e-6, 0]], np.float32), [0], ["a", "b"]).accuracy == 1


@pytest.mark.parametrize(
    ("probabilities", "labels", "classes", "message"),
    [
        ([[0.5, 0.5]], [0], ["a", "b", "c"], r"shape \(n, 3\)"),
        ([0.5, 0.5], [0], ["a", "b"], r"shape \(n, 2\)"),
        ([[0.5, 0.5]], [0, 1], ["a", "b"], r"labels must have the shape \(1,\)"),
        (np.empty((0, 2)), [], ["a", "b"], "no pictures"),
        ([[0.5, 0.5]], [2], ["a", "b"], "from 0 to 1; got int64 2 to 2"),
        ([[0.5, 0.5]], [-1], ["a", "b"], "from 0 to 1"),
        ([[0.5, 0.5]], [0.5], ["a", "b"], "whole numbers"),
        ([[3.1, -2.0]], [0], ["a", "b"], "between 0 and 1; got -2.0 to 3.1"),
        ([[np.nan, 0.5]], [0], ["a", "b"], "between 0 and 1"),
        ([[0.5, 0.5]], [0], ["a", "a"], "must differ"),
    ],
)
def test_what_does_not_fit_together_is_refused(probabilities: object, labels: object, classes: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        evaluate(probabilities, labels, classes)  # type: ignore[arg-type]  # wrong on purpose


@settings(max_examples=50, deadline=None)
@given(n=st.integers(1, 5000), share=st.floats(0, 1))
def test_the_interval_is_scipys(n: int, share: float) -> None:
    successes = round(share * n)
    expected = stats.binomtest(successes, n).proportion_ci(method="wilson")

    assert wilson_interval(successes, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_the_interval_of_no_pictures_is_everything() -> None:
    assert wilson_interval(0, 0) == (0, 1)
