"""The temperature, held against SciPy and examples worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import optimize, special

from eyespot.errors import InputError
from eyespot.evaluation.temperature import HIGHEST_TEMPERATURE, LOWEST_TEMPERATURE, fit_temperature, tempered

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def drawn(seed: int, n: int, classes: int, temperature: float) -> tuple[Floats, Ints]:
    """Probabilities that are honest once divided by `temperature`, and labels."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 2, (n, classes))
    honest = special.softmax(logits, axis=1)
    labels = np.array([generator.choice(classes, p=row) for row in honest])
    return special.softmax(logits * temperature, axis=1), labels


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 80), classes=st.integers(2, 6), temperature=st.floats(0.3, 4))
def test_the_temperature_is_the_one_that_scipy_finds(seed: int, n: int, classes: int, temperature: float) -> None:
    probabilities, labels = drawn(seed, n, classes, temperature)
    clipped = np.clip(probabilities, 1e-7, 1)
    own = clipped / clipped.sum(axis=1, keepdims=True)

    def loss(log_temperature: float) -> float:
        logs = special.log_softmax(np.log(clipped) / np.exp(log_temperature), axis=1)
        # Ten pictures more that are as the probabilities say.
        return float(-logs[np.arange(n), labels].sum() - 10 * (own * logs).sum(axis=1).mean())

    limits = (np.log(LOWEST_TEMPERATURE), np.log(HIGHEST_TEMPERATURE))
    expected = optimize.minimize_scalar(loss, bounds=limits, method="bounded", options={"xatol": 1e-9})

    found = fit_temperature(probabilities, labels)

    assert loss(np.log(found)) <= expected.fun + 1e-9 * n
    assert np.log(found) == pytest.approx(expected.x, abs=1e-3)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_probabilities_that_are_too_sure_or_too_timid_are_set_right(temperature: float) -> None:
    probabilities, labels = drawn(1, 4000, 5, temperature)

    assert fit_temperature(probabilities, labels) == pytest.approx(temperature, rel=0.05)


def test_where_all_answers_are_right_the_temperature_stays_above_zero() -> None:
    for n in (1, 50, 5000):
        found = fit_temperature(np.tile([0.9, 0.1], (n, 1)), np.zeros(n, int))
        assert LOWEST_TEMPERATURE <= found < 1
    # With 50 right ones, and 9 of the ten that are added, the best share is 59 / 60.
    found = fit_temperature(np.tile([0.9, 0.1], (50, 1)), np.zeros(50, int))
    assert found == pytest.approx(np.log(9) / np.log(59), rel=1e-6)


def test_confidence_that_is_no_better_than_chance_ends_at_the_highest_temperature() -> None:
    assert fit_temperature(np.tile([0.99, 0.01], (1000, 1)), np.arange(1000) % 2) == HIGHEST_TEMPERATURE


def test_one_picture_moves_the_temperature_only_so_far() -> None:
    assert 0.7 < fit_temperature([[0.7, 0.3]], [0]) < 1 < fit_temperature([[0.7, 0.3]], [1]) < 1.7


def test_where_every_class_is_as_probable_the_temperature_is_one() -> None:
    assert fit_temperature(np.full((4, 3), 1 / 3), [0, 1, 2, 0]) == 1


def test_a_probability_of_zero_is_no_infinity() -> None:
    probabilities = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])

    found = fit_temperature(probabilities, [0, 1, 1])

    assert 1 < found < HIGHEST_TEMPERATURE
    assert np.isfinite(tempered(probabilities, found)).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), temperature=st.floats(0.1, 10))
def test_tempering_divides_the_logits(seed: int, temperature: float) -> None:
    logits = np.random.default_rng(seed).normal(0, 1, (6, 4))
    probabilities = special.softmax(logits, axis=1)

    found = tempered(probabilities, temperature)

    assert found == pytest.approx(special.softmax(logits / temperature, axis=1), abs=1e-9)
    assert np.array_equal(found.argmax(axis=1), probabilities.argmax(axis=1))
    assert tempered(probabilities, 1) == pytest.approx(probabilities)


def test_the_order_of_the_pictures_does_not_move_the_temperature() -> None:
    probabilities, labels = drawn(2, 60, 3, 2.0)
    order = np.random.default_rng(0).permutation(60)

    assert fit_temperature(probabilities[order], labels[order]) == pytest.approx(fit_temperature(probabilities, labels))


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        (np.empty((0, 2)), [], "must fit together"),
        ([[0.5, 0.5]], [0, 1], "must fit together"),
        ([0.5, 0.5], [0, 1], "must fit together"),
        ([[0.5, 0.5]], [2], "from 0 to 1; got int64 2 to 2"),
        ([[0.5, 0.5]], [0.5], "whole numbers"),
        ([[np.nan, 0.5]], [0], "between 0 and 1"),
        ([[2.0, -1.0]], [0], "between 0 and 1; got -1.0 to 2.0"),
    ],
)
def test_what_no_temperature_can_be_fitted_to_is_refused(probabilities: object, labels: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit_temperature(probabilities, labels)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    ("probabilities", "temperature", "message"),
    [([[0.5, 0.5]], 0.0, "above 0"), ([[0.5, 0.5]], np.nan, "above 0"), ([0.5], 1.0, "array"), ([[2.0]], 1.0, "between")],
)
def test_what_cannot_be_tempered_is_refused(probabilities: object, temperature: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        tempered(probabilities, temperature)  # type: ignore[arg-type]  # wrong on purpose
