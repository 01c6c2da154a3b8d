"""Which of two classifiers is the better one, held against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, log_loss

from eyespot.training.comparison import goodness


@pytest.mark.parametrize("shares", [[0.4, 0.3, 0.3], [0.9, 0.08, 0.02]])
def test_it_is_the_mean_of_accuracy_and_macro_recall_and_then_the_log_loss(shares: list[float]) -> None:
    generator = np.random.default_rng(0)
    labels = np.concatenate([np.arange(3), generator.choice(3, 200, p=shares)])
    probabilities = generator.dirichlet(np.ones(3), len(labels)) * 0.5 + np.eye(3)[labels] * 0.5
    predicted = probabilities.argmax(axis=1)

    share, loss = goodness(probabilities, labels)

    assert share == pytest.approx((accuracy_score(labels, predicted) + balanced_accuracy_score(labels, predicted)) / 2)
    assert loss == pytest.approx(-log_loss(labels, probabilities))


def test_a_class_without_pictures_does_not_count_and_a_probability_of_zero_is_no_infinity() -> None:
    assert goodness(np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]), np.array([0, 2])) == (0.5, pytest.approx(np.log(1e-7) / 2))


def test_what_is_gained_for_a_rare_class_is_weighed_against_what_is_lost() -> None:
    labels = np.repeat([0, 1], [18, 2])

    def answers(right: int, right_of_the_rare: int) -> np.ndarray:
        likely = np.full(20, 0.9)
        likely[right:18] = 0.1
        likely[18 + right_of_the_rare :] = 0.1
        return np.where(labels == 0, likely, 1 - likely)[:, None] * [1, -1] + [0, 1]

    forgets, cares, cares_too_much = answers(18, 0), answers(16, 1), answers(10, 2)
    assert goodness(cares, labels) > goodness(forgets, labels)
    assert goodness(cares, labels) > goodness(cares_too_much, labels)
    assert accuracy_score(labels, cares.argmax(axis=1)) < accuracy_score(labels, forgets.argmax(axis=1))
    recalls = [balanced_accuracy_score(labels, each.argmax(axis=1)) for each in (cares, cares_too_much)]
    assert recalls[0] < recalls[1]


def test_of_equal_ones_the_order_of_the_pictures_decides_nothing() -> None:
    generator = np.random.default_rng(1)
    labels = np.arange(35) % 5
    probabilities = generator.dirichlet(np.ones(5), 35)
    order = generator.permutation(35)
    assert goodness(probabilities[order], labels[order]) == goodness(probabilities, labels)
