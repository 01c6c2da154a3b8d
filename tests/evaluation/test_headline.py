"""The intervals of the headline figures, held against SciPy and against populations whose figures are known."""

from __future__ import annotations

import json
from math import exp, log

import numpy as np
import pytest
from scipy import stats

from eyespot.errors import InputError
from eyespot.evaluation.headline import loss_interval
from eyespot.evaluation.intervals import recall_intervals
from eyespot.evaluation.metrics import evaluate

LARGEST = -log(1e-7)


@pytest.mark.parametrize("n", [4, 30, 1000])
def test_the_interval_of_the_loss_is_students_on_its_logarithm(n: int) -> None:
    losses = np.random.default_rng(n).exponential(0.4, n)
    known = np.append(losses, log(10))
    reach = stats.t.ppf(0.975, n) * stats.sem(known) / known.mean()

    found = loss_interval(losses, 10, LARGEST)

    assert found.estimate == pytest.approx(losses.mean())
    assert (found.low, found.high) == pytest.approx((known.mean() * exp(-reach), known.mean() * exp(reach)), rel=0.01)


def test_nineteen_of_twenty_intervals_hold_the_true_loss() -> None:
    generator = np.random.default_rng(0)
    found = [loss_interval(generator.gamma(0.3, 1.0, 200), 10, LARGEST) for _ in range(1000)]

    assert 0.93 < np.mean([interval.low <= 0.3 <= interval.high for interval in found]) < 0.98


def test_losses_that_are_all_zero_are_not_taken_for_certain() -> None:
    few, many = (loss_interval(np.zeros(n), 10, LARGEST) for n in (5, 5000))

    assert few.estimate == few.low == 0
    assert 0.1 < few.high <= LARGEST
    assert many.high < 0.01


def test_one_picture_has_an_interval_up_to_the_largest_loss() -> None:
    found = loss_interval(np.array([3.0]), 10, LARGEST)

    assert found.low < 3 < found.high <= LARGEST + 1e-9


def test_pictures_that_are_worth_less_make_it_wider() -> None:
    losses = np.random.default_rng(2).exponential(0.4, 400)

    full, half = (loss_interval(losses, 10, LARGEST, worth=worth) for worth in (1.0, 0.5))

    assert log(half.high / half.low) == pytest.approx(2**0.5 * log(full.high / full.low), rel=0.01)


def test_copies_tell_no_more_than_one_picture_where_they_are_grouped() -> None:
    losses = np.random.default_rng(1).exponential(0.4, 400)
    once = loss_interval(losses, 10, LARGEST)
    grouped = loss_interval(np.repeat(losses, 5), 10, LARGEST, np.repeat(np.arange(400), 5))
    alone = loss_interval(np.repeat(losses, 5), 10, LARGEST)

    assert grouped.high - grouped.low == pytest.approx(once.high - once.low, rel=0.05)
    assert alone.high - alone.low < 0.6 * (once.high - once.low)


def drawn(n: int, count: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    generator = np.random.default_rng(n)
    labels = generator.integers(0, count, n)
    logits = generator.normal(0, 1, (n, count)) + 1.5 * np.eye(count)[labels]
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), labels, [f"class {i}" for i in range(count)]


def test_shares_have_the_score_intervals_of_scipy() -> None:
    probabilities, labels, classes = drawn(300, 8)
    among_five = (np.argsort(-probabilities, axis=1)[:, :5] == labels[:, None]).any(axis=1)
    right = probabilities.argmax(axis=1) == labels

    found = evaluate(probabilities, labels, classes).intervals

    for interval, hits in ((found.accuracy, right), (found.top5_accuracy, among_five)):
        expected = stats.binomtest(int(hits.sum()), 300).proportion_ci(method="wilson")
        assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-6)
    for position, name in enumerate(classes):
        of_it = labels == position
        expected = stats.binomtest(int(right[of_it].sum()), int(of_it.sum())).proportion_ci(method="wilson")
        assert (found.recalls[name].low, found.recalls[name].high) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_pictures_in_groups_have_wider_intervals_everywhere() -> None:
    probabilities, labels, classes = drawn(60, 3)
    copies, truth, groups = np.repeat(probabilities, 6, axis=0), np.repeat(labels, 6), np.repeat(np.arange(60), 6)

    alone, grouped = evaluate(copies, truth, classes).intervals, evaluate(copies, truth, classes, groups=groups).intervals

    for name in ("accuracy", "balanced_accuracy", "loss", "ece"):
        one, other = getattr(alone, name), getattr(grouped, name)
        assert other.high - other.low > 1.3 * (one.high - one.low)
    assert list(grouped.recalls.values()) == list(recall_intervals(copies.argmax(1), truth, 3, groups))


def test_names_of_groups_will_do_and_others_are_refused() -> None:
    probabilities, labels, classes = drawn(6, 3)

    numbered = evaluate(probabilities, labels, classes, groups=[0, 0, 1, 1, 2, 2]).intervals
    assert evaluate(probabilities, labels, classes, groups=list("aabbcc")).intervals == numbered
    with pytest.raises(InputError, match="groups must have the shape"):
        evaluate(probabilities, labels, classes, groups=[0, 1])


def test_the_document_is_json_and_a_class_never_seen_is_null() -> None:
    document = evaluate([[0.9, 0.1, 0.0], [0.1, 0.8, 0.1]], [0, 1], ["a", "b", "c"]).to_json()

    kept = json.loads(json.dumps(document, allow_nan=False))
    assert kept["recall_intervals"]["c"] is None
    assert set(kept["recall_intervals"]["a"]) == set(kept["loss_interval"]) == {"low", "high"}
    assert kept["interval"]["low"] < 1 == kept["interval"]["high"]
