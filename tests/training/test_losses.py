"""The native losses have the values and the gradients of Keras' own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from eyespot.errors import InputError, UnsupportedError
from eyespot.models.backend import keras
from eyespot.training.losses import Loss, translate

N, CLASSES = 8, 5
REDUCTIONS = ["sum_over_batch_size", "mean", "mean_with_sample_weight", "sum"]


@pytest.fixture(autouse=True)
def in_float64() -> Iterator[None]:
    keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx("float32")


def logits(scale: float) -> torch.Tensor:
    values = np.random.default_rng(0).normal(size=(N, CLASSES)) * scale
    return torch.tensor(values, requires_grad=True)


def value(loss: torch.Tensor) -> float:
    return float(loss.detach())


def raw_outputs() -> torch.Tensor:
    """What a network without a final softmax may return: positive, not summing to 1, some beyond Keras' bounds."""
    values = np.random.default_rng(0).uniform(0.01, 2, size=(N, CLASSES))
    values[0, 0], values[1] = 1e-9, [1, 1e-9, 1e-9, 1e-9, 1e-9]
    return torch.tensor(values, requires_grad=True)


def labels() -> torch.Tensor:
    return torch.tensor(np.random.default_rng(1).integers(0, CLASSES, N))


def one_hot() -> torch.Tensor:
    return torch.nn.functional.one_hot(labels(), CLASSES)


def soft() -> torch.Tensor:
    return torch.tensor(np.random.default_rng(2).dirichlet(np.ones(CLASSES), N))


def weights() -> torch.Tensor:
    return torch.tensor([0, 1, 2, 3, 0.5, 0.5, 0.75, 0.25], dtype=torch.float64)


def value_and_gradient(loss: torch.Tensor, at: torch.Tensor) -> tuple[float, np.ndarray]:
    (gradient,) = torch.autograd.grad(loss, at)
    return value(loss), gradient.numpy()


def assert_as_keras(
    loss: Any, scores: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None = None, *, softmax: bool = True
) -> None:
    """The Keras model ends in a softmax, which the native network leaves out, or, with `softmax=False`, in none."""
    native = translate(loss, softmax_left_out=softmax)
    stock = keras.losses.get(loss) if isinstance(loss, str) else loss
    if not isinstance(stock, keras.losses.Loss):
        stock = type("Wrapped", (keras.losses.Loss,), {"call": lambda self, y, p: keras.losses.get(loss)(y, p)})()
    returned = torch.softmax(scores, dim=-1) if softmax else scores
    expected = value_and_gradient(stock(targets, returned, weights), scores)
    actual = value_and_gradient(native(scores, targets, weights), scores)
    # Keras on torch divides by the number of examples or the sum of the weights in float32: both are powers of 2 here, so that
    # its gradients are exact; its value is that of float32.
    assert actual[0] == pytest.approx(expected[0], rel=1e-7)
    np.testing.assert_allclose(actual[1], expected[1], rtol=1e-9, atol=1e-12)
    assert np.abs(expected[1]).max() > 1e-6


@pytest.mark.parametrize("scale", [1, 10, 30])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("loss", "targets"),
    [
        ("categorical_crossentropy", one_hot()),
        ("CategoricalCrossentropy", soft()),
        ("sparse_categorical_crossentropy", labels()),
        ("SparseCategoricalCrossentropy", labels()),
        (keras.losses.categorical_crossentropy, one_hot()),
        (keras.losses.sparse_categorical_crossentropy, labels()),
    ],
)
def test_values_and_gradients_are_those_of_keras(loss: Any, targets: torch.Tensor, weighted: bool, scale: float) -> None:
    assert_as_keras(loss, logits(scale), targets, weights() if weighted else None)


@pytest.mark.parametrize("targets", [labels(), one_hot(), soft()])
def test_each_example_has_the_loss_that_keras_gives_it(targets: torch.Tensor) -> None:
    kind = "sparse_categorical_crossentropy" if targets.ndim == 1 else "categorical_crossentropy"
    scores = logits(10).detach()
    expected = getattr(keras.losses, kind)(targets, torch.softmax(scores, dim=-1))
    actual = translate(kind, softmax_left_out=True).per_example(scores, targets)
    np.testing.assert_allclose(actual.numpy(), expected.numpy(), rtol=1e-9)


def test_a_probability_beyond_the_bounds_of_keras_has_its_value_and_no_gradient() -> None:
    scores = torch.tensor([[0.0, 20.0], [0.0, 5.0]], dtype=torch.float64, requires_grad=True)
    native = translate("sparse_categorical_crossentropy", softmax_left_out=True)
    below, gradient = value_and_gradient(native(scores, torch.tensor([0, 0])), scores)
    assert below == pytest.approx((-np.log(1e-7) + np.log1p(np.exp(5))) / 2)
    assert (gradient[0] == 0).all()
    assert (gradient[1] != 0).all()
    above, gradient = value_and_gradient(native(scores, torch.tensor([1, 1])), scores)
    assert above == pytest.approx((-np.log1p(-1e-7) + np.log1p(np.exp(-5))) / 2)
    assert (gradient[0] == 0).all()
    assert (gradient[1] != 0).all()


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("softmax", [False, True])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_every_pairing_of_output_and_from_logits_is_as_keras(from_logits: bool, softmax: bool, reduction: str) -> None:
    scores = logits(3) if softmax or from_logits else raw_outputs()
    sparse = keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits, reduction=reduction)
    assert_as_keras(sparse, scores, labels(), weights(), softmax=softmax)
    dense = keras.losses.CategoricalCrossentropy(from_logits=from_logits, reduction=reduction, label_smoothing=0.1)
    assert_as_keras(dense, scores, one_hot(), weights(), softmax=softmax)
    assert_as_keras(dense, scores, one_hot(), softmax=softmax)


@pytest.mark.parametrize("scale", [1, 30])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.2, 1.0])
def test_smoothed_class_numbers_have_the_loss_of_smoothed_one_hot_targets(
    smoothing: float, weighted: bool, scale: float
) -> None:
    scores, counted = logits(scale), weights() if weighted else None
    native = replace(translate("sparse_categorical_crossentropy", softmax_left_out=True), label_smoothing=smoothing)
    stock = keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)
    expected = value_and_gradient(stock(one_hot(), torch.softmax(scores, dim=-1), counted), scores)
    actual = value_and_gradient(native(scores, labels(), counted), scores)
    assert actual[0] == pytest.approx(expected[0], rel=1e-7)
    np.testing.assert_allclose(actual[1], expected[1], rtol=1e-9, atol=1e-12)


def test_the_sum_over_the_batch_is_divided_by_the_examples_not_by_their_weights() -> None:
    native = translate("sparse_categorical_crossentropy", softmax_left_out=True)
    scores, targets = logits(1), labels()
    doubled = native(scores, targets, torch.full((N,), 2.0))
    assert value(doubled) == pytest.approx(2 * value(native(scores, targets)))


def test_weights_that_are_all_zero_give_zero_where_keras_divides_by_their_sum() -> None:
    loss = keras.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight")
    native = translate(loss, softmax_left_out=True)
    scores = logits(1)
    nothing, gradient = value_and_gradient(native(scores, labels(), torch.zeros(N)), scores)
    assert nothing == 0
    assert (gradient == 0).all()


@pytest.mark.parametrize("name", ["crossentropy", "ce"])
def test_crossentropy_takes_class_numbers_and_distributions(name: str) -> None:
    native = translate(name, softmax_left_out=True)
    assert native.is_sparse is None
    assert value(native(logits(1), labels())) == pytest.approx(value(native(logits(1), one_hot())))


def test_the_bounds_follow_the_epsilon_of_keras() -> None:
    keras.config.set_epsilon(1e-3)
    try:
        assert_as_keras("sparse_categorical_crossentropy", logits(10), labels())
    finally:
        keras.config.set_epsilon(1e-7)


@pytest.mark.parametrize(
    "loss",
    [
        ["categorical_crossentropy"],
        {"probabilities": "categorical_crossentropy"},
        {"class_name": "CategoricalCrossentropy", "config": {}},
        keras.losses.CategoricalCrossentropy,
    ],
)
def test_other_ways_to_name_one_loss_mean_the_same(loss: Any) -> None:
    assert translate(loss, softmax_left_out=True) == Loss(False, from_logits=False, softmax_left_out=True)


def my_loss(y_true: Any, y_pred: Any) -> Any:
    return keras.ops.sum(y_pred)


class MyCrossentropy(keras.losses.CategoricalCrossentropy):  # type: ignore[misc]
    pass


@pytest.mark.parametrize(
    ("loss", "named"),
    [
        ("binary_crossentropy", "binary_crossentropy.*knows categorical_crossentropy"),
        ("mse", "mse"),
        (my_loss, "my_loss"),
        (lambda: MyCrossentropy(), "MyCrossentropy"),
        (lambda: keras.losses.CategoricalFocalCrossentropy(), "CategoricalFocalCrossentropy"),
        (lambda: keras.losses.SparseCategoricalCrossentropy(ignore_class=3), "ignore_class=3"),
        (lambda: keras.losses.SparseCategoricalCrossentropy(axis=2), "axis=2"),
        (lambda: keras.losses.CategoricalCrossentropy(reduction=None), "reduction=None"),
        (lambda: keras.losses.CategoricalCrossentropy(dtype="bfloat16"), "dtype='bfloat16'"),
        (["categorical_crossentropy", "mse"], "2 losses"),
    ],
)
def test_what_the_engine_does_not_know_is_refused_by_name(loss: Any, named: str) -> None:
    made = loss() if getattr(loss, "__name__", "") == "<lambda>" else loss
    with pytest.raises(UnsupportedError, match=named):
        translate(made, softmax_left_out=True)


@pytest.mark.parametrize(("loss", "said"), [(None, "without a loss"), ("crosentropy", "no loss 'crosentropy'")])
def test_a_loss_that_is_missing_or_unknown_to_keras_is_said_to_be_so(loss: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        translate(loss, softmax_left_out=True)
