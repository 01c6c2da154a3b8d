"""The native metrics give the figures of stock Keras under the same names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from eyespot.errors import InputError, UnsupportedError
from eyespot.models.backend import keras
from eyespot.training.metrics import Metrics, translate

N, FEATURES, CLASSES, BATCH = 50, 4, 7, 16


def build_model(metrics: Any, weighted_metrics: Any, loss: str, *, softmax: bool = True) -> Any:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(CLASSES)])
    if softmax:
        model.add(keras.layers.Softmax())
    model.compile(loss=loss, metrics=metrics, weighted_metrics=weighted_metrics)
    return model


def examples(form: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(N, FEATURES)).astype(np.float32)
    labels = generator.integers(0, CLASSES, N)
    targets = {"one-hot": np.eye(CLASSES, dtype=np.float32)[labels], "flat": labels, "column": labels[:, None]}[form]
    return x, targets, generator.uniform(0, 2, N).astype(np.float32)


def compile_metrics(model: Any) -> Any:
    return next((metric for metric in model.metrics if metric.name == "compile_metrics"), None)


def run_native(native: Metrics, model: Any, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> dict[str, Any]:
    """As the loop does: batch by batch, without weights taken into the loss."""
    dense = model.layers[0]
    scores = torch.tensor(x @ dense.kernel.numpy() + dense.bias.numpy())
    targets = torch.tensor(y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y)
    native.reset()
    for start in range(0, N, BATCH):
        chosen = slice(start, start + BATCH)
        loss = keras.losses.get(model.loss)(y[chosen], scores[chosen].softmax(-1)).numpy()
        factor = 1 if weights is None else weights[chosen]
        native.update(
            torch.tensor((loss * factor).mean()),
            scores[chosen],
            targets[chosen],
            None if weights is None else torch.tensor(weights[chosen]),
        )
        native.result()  # the loop asks after every batch
    return native.result()


def assert_as_keras(metrics: Any, weighted_metrics: Any, form: str, *, weighted: bool) -> dict[str, Any]:
    model = build_model(
        metrics, weighted_metrics, "categorical_crossentropy" if form == "one-hot" else "sparse_categorical_crossentropy"
    )
    x, y, weights = examples(form)
    given = weights if weighted else None
    native = translate(compile_metrics(model), classes=CLASSES, target_shape=y.shape[1:], softmax_left_out=True)
    actual = run_native(native, model, x, y, given)
    expected = model.evaluate(x, y, batch_size=BATCH, sample_weight=given, return_dict=True, verbose=0)
    assert set(actual) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(actual[name], value, rtol=1e-5, atol=1e-6, err_msg=name)
    return actual


def share_of_certain(y_true: Any, y_pred: Any) -> Any:
    return keras.ops.cast(keras.ops.max(y_pred, axis=-1) > 0.3, "float32")


SPARSE = [
    None,
    ["accuracy"],
    ["acc", "accuracy"],
    ["accuracy", "accuracy", "accuracy"],
    [keras.metrics.SparseCategoricalAccuracy(name="share_right")],
    ["sparse_categorical_accuracy", "sparse_top_k_categorical_accuracy", share_of_certain],
    [keras.metrics.SparseTopKCategoricalAccuracy(k=2, name="top2"), "sparse_categorical_crossentropy"],
]
ONE_HOT = [
    ["accuracy"],
    [keras.metrics.CategoricalAccuracy(), "categorical_crossentropy", "top_k_categorical_accuracy"],
    [keras.metrics.TopKCategoricalAccuracy(k=2), keras.metrics.AUC(name="area"), share_of_certain],
    [keras.metrics.F1Score(average="macro"), keras.metrics.Precision()],
]


@pytest.mark.parametrize("metrics", SPARSE)
@pytest.mark.parametrize("form", ["flat", "column"])
def test_figures_of_class_numbers_are_those_of_keras(metrics: Any, form: str) -> None:
    assert_as_keras(metrics, None, form, weighted=False)


@pytest.mark.parametrize("metrics", ONE_HOT)
def test_figures_of_one_hot_targets_are_those_of_keras(metrics: Any) -> None:
    assert_as_keras(metrics, None, "one-hot", weighted=False)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("metrics", "weighted_metrics"),
    [
        (["accuracy"], ["accuracy"]),
        (None, ["accuracy", "sparse_categorical_crossentropy"]),
        (["sparse_categorical_crossentropy"], ["sparse_categorical_crossentropy", "acc"]),
        (["accuracy"], ["accuracy", "accuracy"]),
    ],
)
def test_only_weighted_metrics_heed_the_weights(metrics: Any, weighted_metrics: Any, weighted: bool) -> None:
    figures = assert_as_keras(metrics, weighted_metrics, "flat", weighted=weighted)
    if "weighted_accuracy" in figures:
        assert (figures["accuracy"] != figures["weighted_accuracy"]) == weighted


def test_metrics_named_for_the_output_are_taken() -> None:
    model = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(CLASSES), keras.layers.Softmax(name="answer")])
    model.compile(loss="sparse_categorical_crossentropy", metrics={"answer": ["accuracy"]})
    native = translate(compile_metrics(model), classes=CLASSES, target_shape=(), softmax_left_out=True)
    assert set(run_native(native, model, *examples("flat")[:2], None)) == {"loss", "accuracy"}


def test_the_outputs_of_a_network_without_softmax_reach_the_metrics_as_they_are() -> None:
    seen = []

    def remember(y_true: Any, y_pred: Any) -> Any:
        seen.append(np.array(y_pred))
        return y_pred[:, 0]

    model = build_model([remember], None, "sparse_categorical_crossentropy", softmax=False)
    native = translate(compile_metrics(model), classes=CLASSES, target_shape=(), softmax_left_out=False)
    scores = torch.tensor([[3.0, -1.0, 0, 0, 0, 0, 0]])
    native.update(torch.tensor(0.5), scores, torch.tensor([0]))
    np.testing.assert_array_equal(seen[-1], scores.numpy())


@pytest.mark.parametrize(("target_shape", "seen"), [((), (1,)), ((1,), (1, 1))])
def test_class_numbers_reach_the_metrics_in_the_shape_that_fit_was_given(target_shape: Any, seen: Any) -> None:
    shapes = []

    def remember(y_true: Any, y_pred: Any) -> Any:
        shapes.append(tuple(y_true.shape))
        return y_pred[:, 0]

    model = build_model([remember], None, "sparse_categorical_crossentropy")
    native = translate(compile_metrics(model), classes=CLASSES, target_shape=target_shape, softmax_left_out=True)
    native.update(torch.tensor(0.5), torch.zeros(1, CLASSES), torch.tensor([0]))
    assert shapes == [seen]


def test_a_new_epoch_begins_with_nothing() -> None:
    model = build_model(["accuracy", "sparse_categorical_crossentropy"], None, "sparse_categorical_crossentropy")
    native = translate(compile_metrics(model), classes=CLASSES, target_shape=(), softmax_left_out=True)
    x, y, _ = examples("flat")
    first = run_native(native, model, x, y, None)
    assert run_native(native, model, x, y, None) == first
    native.reset()
    assert set(native.result().values()) == {0.0}


def test_epochs_in_inference_mode_and_out_of_it_take_turns() -> None:
    model = build_model(["accuracy", "sparse_categorical_crossentropy"], None, "sparse_categorical_crossentropy")
    native = translate(compile_metrics(model), classes=CLASSES, target_shape=(), softmax_left_out=True)
    x, y, _ = examples("flat")
    outside = run_native(native, model, x, y, None)
    with torch.inference_mode():
        assert run_native(native, model, x, y, None) == outside
    assert run_native(native, model, x, y, None) == outside
    assert model.evaluate(x, y, return_dict=True, verbose=0)["accuracy"] == pytest.approx(outside["accuracy"])


def test_a_metric_with_a_value_for_each_class_gives_an_array() -> None:
    model = build_model([keras.metrics.F1Score(average=None)], None, "categorical_crossentropy")
    x, y, _ = examples("one-hot")
    native = translate(compile_metrics(model), classes=CLASSES, target_shape=(CLASSES,), softmax_left_out=True)
    assert run_native(native, model, x, y, None)["f1_score"].shape == (CLASSES,)


def test_a_metric_with_parts_gives_each_by_its_name() -> None:
    class Parts(keras.metrics.Mean):  # type: ignore[misc]
        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            super().update_state(y_pred)

        def result(self) -> dict[str, Any]:
            return {"mean": super().result(), "seen": self.count}

    model = build_model([Parts()], None, "sparse_categorical_crossentropy")
    native = translate(compile_metrics(model), classes=CLASSES, target_shape=(), softmax_left_out=True)
    figures = run_native(native, model, *examples("flat")[:2], None)
    assert figures["mean"] == pytest.approx(1 / CLASSES)
    assert figures["seen"] == N


def test_a_sum_of_ten_million_small_losses_stays_exact() -> None:
    native = translate(None, classes=CLASSES, target_shape=(), softmax_left_out=True)
    scores = torch.zeros(1).expand(10_000, CLASSES)
    for _ in range(1000):
        native.update(torch.tensor(0.1), scores, torch.zeros(10_000, dtype=torch.int64))
    assert native.result() == {"loss": pytest.approx(float(np.float32(0.1)), rel=1e-12)}


def test_a_metric_that_keras_does_not_know_is_named() -> None:
    model = build_model(["acuracy"], None, "sparse_categorical_crossentropy")
    with pytest.raises(InputError, match="acuracy"):
        translate(compile_metrics(model), classes=CLASSES, target_shape=(), softmax_left_out=True)


def test_metrics_whose_names_collide_are_refused() -> None:
    names = ["a", "a", "a_1"]
    model = build_model(
        [keras.metrics.SparseCategoricalAccuracy(name=n) for n in names], None, "sparse_categorical_crossentropy"
    )
    native = translate(compile_metrics(model), classes=CLASSES, target_shape=(), softmax_left_out=True)
    with pytest.raises(UnsupportedError, match=r"share a name.*a_1"):
        native.result()
