"""The network on whitened patches: that they are white, and what of it is learned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from eyespot import environment
from eyespot.errors import InputError
from eyespot.models.backend import keras
from eyespot.models.whitened import PATTERNS, WHITENING, stride_for, whiten, whitened


def pictures(size: int) -> np.ndarray:
    """Noise smoothed to and fro and across the colors, so that neighboring values go together as in photographs."""
    values = np.random.default_rng(0).normal(size=(60, size, size, 3))
    for axis in (1, 2, 1, 2, 3):
        values = values + np.roll(values, 1, axis)
    return (128 + 12 * values).clip(0, 255).astype(np.uint8)


def filtered(model: Any, seen: np.ndarray) -> np.ndarray:
    """What the first layer makes of the patches: (patches, filters)."""
    first = keras.Model(model.inputs, model.get_layer(WHITENING).output)
    answers = np.asarray(first.predict(seen.astype(np.float32), verbose=0))
    return answers.reshape(-1, answers.shape[-1])


@pytest.mark.parametrize("size", [32, 64])
def test_the_first_layer_answers_uncorrelated_with_unit_variance(size: int) -> None:
    seen = pictures(size)
    model = whitened((size, size, 3), 3, widths=(4,))
    whiten(model, seen)
    answers = filtered(model, seen)[:, : PATTERNS * stride_for(size)]
    np.testing.assert_allclose(answers.mean(axis=0), 0, atol=0.02)
    covariance = np.cov(answers, rowvar=False)
    # What is added against noise makes the weakest components smaller, never larger.
    assert (np.diag(covariance)[:4] > 0.97).all()
    assert (np.diag(covariance) < 1.03).all()
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 0.03


def test_the_strongest_components_come_first_and_each_has_its_negative() -> None:
    seen = pictures(32)
    model = whitened((32, 32, 3), 3, widths=(4,))
    whiten(model, seen)
    kernel = np.asarray(model.get_layer(WHITENING).kernel)
    np.testing.assert_array_equal(kernel[..., :PATTERNS], -kernel[..., PATTERNS:])
    norms = np.linalg.norm(kernel.reshape(-1, 2 * PATTERNS)[:, :PATTERNS], axis=0)
    assert (np.diff(norms) > -1e-5).all()


@pytest.mark.parametrize("learns_bias", [False, True])
def test_of_the_whitening_at_most_the_bias_is_learned(learns_bias: bool) -> None:
    model = whitened((32, 32, 3), 3, widths=(4,), learns_bias=learns_bias)
    learned = {variable.path for variable in model.trainable_variables if variable.path.startswith(WHITENING)}
    assert learned == ({f"{WHITENING}/bias"} if learns_bias else set())


def test_the_third_convolution_of_a_group_is_joined_by_the_first() -> None:
    def joins(depth: int) -> list[str]:
        return [layer.name for layer in whitened((16, 16, 3), 3, widths=(4,), depth=depth).layers if "add" in layer.name]

    assert [joins(depth) for depth in (2, 3, 4)] == [[], ["add1_3"], ["add1_3"]]


def test_a_convolution_hands_its_inputs_on_at_first() -> None:
    model = whitened((32, 32, 3), 3, widths=(64,))
    kernel = np.asarray(model.get_layer("conv1_2").kernel)
    expected = np.zeros_like(kernel)
    expected[1, 1] = np.eye(64)
    np.testing.assert_array_equal(kernel, expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"widths": []}, r"widths must be a list of whole numbers above 0, one a group, such as \[32, 64\]; got \[\]"),
        ({"widths": "abc"}, "widths must be a list"),
        ({"widths": [8, 0]}, "widths must be a list"),
        ({"depth": 0}, "depth must be a whole number above 0; got 0"),
        ({"stride": -2}, "stride must be a whole number above 0; got -2"),
        ({"stride": 2.5}, "stride must be a whole number"),
        (
            {"stride": 4, "widths": [8] * 3},
            "with stride 4 the whitening leaves 7 x 7 of them, and the widths .8, 8, 8., .* need 8 x 8",
        ),
        ({"stride": 40}, "leaves 0 x 0"),
    ],
)
def test_what_cannot_be_built_is_refused_with_what_is_wrong(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        whitened((32, 32, 3), 3, **arguments)


@pytest.mark.parametrize(("stride", "groups"), [(1, 4), (2, 3), (5, 2), (10, 1)])
def test_the_smallest_picture_that_is_not_refused_is_built_and_a_smaller_one_is_not(stride: int, groups: int) -> None:
    # The whitening leaves size / stride - 1, of which each group leaves half.
    size = stride * (2**groups + 1)
    model = whitened((size, size, 3), 3, widths=(4,) * groups, stride=stride)
    assert model.get_layer(f"pool{groups}_1").output.shape[1:3] == (1, 1)
    with pytest.raises(InputError, match="too small for this network"):
        whitened((size - 1, size, 3), 3, widths=(4,) * groups, stride=stride)


def test_a_whitening_that_needs_more_memory_than_there_is_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = 3 * (4 * 4 * 3) ** 2 * 4  # three covariances of patches of 4 x 4 x 3, in float32
    monkeypatch.setattr(environment, "memory", lambda: needed)
    whitened((32, 32, 3), 3, widths=(4,), stride=2)
    monkeypatch.setattr(environment, "memory", lambda: needed - 1)
    with pytest.raises(InputError, match=r"whitened in patches of 4 x 4, need .* GB of memory"):
        whitened((32, 32, 3), 3, widths=(4,), stride=2)
