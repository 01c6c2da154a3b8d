"""Examples that would turn every weight into NaN are refused by name and place, before the first step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import eyespot
from eyespot.errors import InputError
from eyespot.models.backend import keras
from eyespot.training.arrays import Expected, read_arrays

N, SHAPE, CLASSES = 700, (4, 5, 3), 3
EXPECTED = Expected(SHAPE, CLASSES, is_sparse=None)

LABELS = np.arange(N) % CLASSES
ONE_HOT = np.eye(CLASSES, dtype=np.float32)[LABELS]


def pictures(dtype: Any = np.float32) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 1, (N, *SHAPE)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0, 0, 0), (3, 2, 4, 1), (N - 1, 3, 4, 2)])
def test_a_pixel_that_is_not_finite_is_named_with_its_place(dtype: Any, value: float, place: tuple[int, ...]) -> None:
    x = pictures(dtype)
    x[place] = value
    x[-1, -1, -1, -1] = -value  # only the first is named, and a sum over both may be finite no more
    first = min(place, (N - 1, 3, 4, 2))
    shown = -value if first == (N - 1, 3, 4, 2) else value
    with pytest.raises(
        InputError, match=rf"^x must hold finite numbers; got {shown} at position {', '.join(map(str, first))}$"
    ):
        read_arrays("", x, LABELS, None, EXPECTED)


def test_targets_and_weights_that_are_not_finite_are_named_too() -> None:
    y, weights = ONE_HOT.copy(), np.ones(N)
    y[5, 1], weights[300] = np.nan, np.inf
    with pytest.raises(InputError, match=r"^validation_data: y must hold finite numbers; got nan at position 5, 1$"):
        read_arrays("validation_data: ", pictures(), y, None, EXPECTED)
    with pytest.raises(InputError, match=r"^sample_weight must hold finite numbers; got inf at position 300$"):
        read_arrays("", pictures(), LABELS, weights, EXPECTED)


def test_numbers_whose_sum_is_too_large_for_their_type_are_finite_all_the_same() -> None:
    x = np.full((N, *SHAPE), np.finfo(np.float32).max, np.float32)
    x[::2] *= -1
    assert read_arrays("", x, LABELS, None, EXPECTED).pixels is x
    assert read_arrays("", np.abs(x), LABELS, None, EXPECTED).pixels.shape == x.shape


def test_fit_refuses_them_and_leaves_the_weights_as_they_were() -> None:
    model = keras.Sequential(
        [keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(CLASSES, activation="softmax", name="logits")]
    )
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy")
    before = [weight.copy() for weight in model.get_weights()]
    x = pictures()
    x[2, 1, 0, 0] = np.nan
    with pytest.raises(InputError, match="x must hold finite numbers; got nan at position 2, 1, 0, 0"):
        eyespot.fit(model, x, LABELS, verbose=0)
    for weight, kept in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, kept)
