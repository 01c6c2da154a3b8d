"""Every argument of `fit` and `compile` is honoured as Keras honours it, or refused by its name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from eyespot.errors import InputError, UnsupportedError
from eyespot.models.backend import keras
from eyespot.training.arguments import FitArguments, read_fit
from eyespot.training.augment import Augmentation
from eyespot.training.compiled import ensure_built, read_compiled

stock = keras.src.trainers.data_adapters

N, SHAPE, CLASSES = 11, (6, 5, 3), 4

PICTURES = np.random.default_rng(0).integers(0, 256, (N, *SHAPE), dtype=np.uint8)
LABELS = np.random.default_rng(1).integers(0, CLASSES, N)
ONE_HOT = np.eye(CLASSES, dtype=np.float32)[LABELS]
WEIGHTS = np.random.default_rng(2).uniform(0, 2, N).astype(np.float32)


def read(x: Any = PICTURES, y: Any = LABELS, *, is_sparse: bool | None = True, **arguments: Any) -> FitArguments:
    return read_fit(x, y, input_shape=SHAPE, output_shape=(CLASSES,), is_sparse=is_sparse, **arguments)


def test_the_defaults_are_those_of_keras() -> None:
    fit = read()
    assert (fit.batch_size, fit.validation_batch_size, fit.epochs, fit.shuffle) == (32, 32, range(0, 1), True)
    assert (fit.validation, fit.callbacks, fit.verbose) == (None, (), "auto")
    assert fit.training.weights is None


def test_pictures_and_targets_are_not_copied_where_their_type_can_stay() -> None:
    fit = read(PICTURES, ONE_HOT, is_sparse=False, sample_weight=WEIGHTS)
    assert fit.training.pixels is PICTURES
    assert fit.training.targets is ONE_HOT
    assert fit.training.weights is not None
    assert np.shares_memory(fit.training.weights, WEIGHTS)


@pytest.mark.parametrize("dtype", [np.float16, np.int32, bool])
def test_pictures_of_other_types_become_float32(dtype: Any) -> None:
    pixels = read(PICTURES.astype(dtype)).training.pixels
    assert pixels.dtype == np.float32
    np.testing.assert_array_equal(pixels, PICTURES.astype(dtype))


@pytest.mark.parametrize(
    ("target_shape", "y"), [((), LABELS), ((1,), LABELS[:, None]), ((1,), LABELS[:, None].astype(np.float32))]
)
def test_class_numbers_become_one_axis_of_int64(target_shape: tuple[int, ...], y: np.ndarray) -> None:
    training = read(y=y).training
    assert training.targets.dtype == np.int64
    np.testing.assert_array_equal(training.targets, LABELS)
    assert training.target_shape == target_shape


@pytest.mark.parametrize(
    ("given", "kept"), [(bool, np.uint8), (np.uint8, np.uint8), (np.int64, np.float32), (np.float64, np.float64)]
)
def test_one_hot_targets_keep_their_values(given: Any, kept: Any) -> None:
    training = read(y=ONE_HOT.astype(given), is_sparse=False).training
    assert training.targets.dtype == kept
    np.testing.assert_array_equal(training.targets, ONE_HOT)
    assert training.target_shape == (CLASSES,)


def test_torch_tensors_are_taken_as_arrays() -> None:
    training = read(
        torch.tensor(PICTURES).to(torch.bfloat16), torch.tensor(ONE_HOT, requires_grad=True), is_sparse=False
    ).training
    np.testing.assert_allclose(training.pixels, PICTURES, rtol=1e-2)
    np.testing.assert_array_equal(training.targets, ONE_HOT)


@pytest.mark.parametrize("y", [LABELS, ONE_HOT])
def test_a_loss_that_takes_either_is_given_either(y: np.ndarray) -> None:
    np.testing.assert_array_equal(read(y=y, is_sparse=None).training.targets, y)


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5, 0.9])
def test_validation_split_takes_the_examples_that_keras_takes(fraction: float) -> None:
    fit = read(validation_split=fraction, sample_weight=WEIGHTS)
    rest, last = stock.array_slicing.train_validation_split((PICTURES, LABELS, WEIGHTS), fraction)
    assert fit.validation is not None
    for arrays, expected in ((fit.training, rest), (fit.validation, last)):
        for one, other in zip((arrays.pixels, arrays.targets, arrays.weights), expected, strict=True):
            np.testing.assert_array_equal(one, np.asarray(other))


def test_validation_data_goes_before_validation_split() -> None:
    fit = read(validation_data=(PICTURES[:3], LABELS[:3], WEIGHTS[:3]), validation_split=0.5)
    assert fit.validation is not None
    assert (len(fit.training), len(fit.validation)) == (N, 3)
    np.testing.assert_array_equal(fit.validation.weights, WEIGHTS[:3])


@pytest.mark.parametrize(("y", "is_sparse"), [(LABELS, True), (LABELS[:, None], True), (ONE_HOT, False)])
def test_class_weights_become_the_weights_that_keras_gives(y: np.ndarray, is_sparse: bool) -> None:
    class_weight = {0: 2.5, np.int64(2): 0, 3.0: 1}
    fit = read(y=y, is_sparse=is_sparse, class_weight=class_weight, validation_split=0.3)
    expected = stock.data_adapter_utils.class_weight_to_sample_weights(y, class_weight)
    assert fit.training.weights is not None
    np.testing.assert_array_equal(fit.training.weights, expected[: len(fit.training)])
    assert fit.training.weights.dtype == np.float32
    assert fit.validation is not None
    assert fit.validation.weights is None


@pytest.mark.parametrize("weights", [WEIGHTS, WEIGHTS[:, None], np.ones(N, int)])
def test_sample_weights_become_one_axis_of_floats(weights: np.ndarray) -> None:
    training = read(sample_weight=weights).training
    assert training.weights is not None
    assert training.weights.dtype.kind == "f"
    np.testing.assert_array_equal(training.weights, weights.reshape(-1))


def test_sizes_and_epochs_are_kept() -> None:
    fit = read(batch_size=np.int64(7), validation_batch_size=3, epochs=9, initial_epoch=4, shuffle=False, verbose=2)
    assert (fit.batch_size, fit.validation_batch_size, fit.epochs, fit.shuffle, fit.verbose) == (7, 3, range(4, 9), False, 2)
    assert read(batch_size=7).validation_batch_size == 7


@pytest.mark.parametrize(("frequency", "epochs"), [(1, [0, 1, 2, 3, 4, 5]), (3, [2, 5]), ([1, 4], [0, 3])])
def test_validation_freq_chooses_the_epochs_that_keras_chooses(frequency: Any, epochs: list[int]) -> None:
    fit = read(validation_freq=frequency)
    assert [epoch for epoch in range(6) if fit.validates(epoch)] == epochs


def test_what_only_eyespot_has_is_kept_and_off_by_default() -> None:
    plain = read(augmentation=Augmentation())
    assert (plain.augmentation, plain.label_smoothing, plain.steps) == (None, 0.0, None)
    fit = read(augmentation=Augmentation(shift=4), label_smoothing=1, steps=np.int64(7))
    assert (fit.augmentation, fit.label_smoothing, fit.steps) == (Augmentation(shift=4), 1.0, 7)


def test_callbacks_are_flattened_in_their_order() -> None:
    one, two, three = keras.callbacks.TerminateOnNaN(), keras.callbacks.History(), keras.callbacks.EarlyStopping()
    assert read(callbacks=[one, [two, three]]).callbacks == (one, two, three)
    assert read(callbacks=one).callbacks == (one,)


class MyData(keras.utils.PyDataset):  # type: ignore[misc]
    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Any:
        return PICTURES, LABELS


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"x": (entry for entry in PICTURES), "y": None}, r"x is a generator \(builtins\)"),
        ({"x": torch.utils.data.DataLoader([(0, 0)]), "y": None}, r"x is a DataLoader \(torch"),
        ({"x": MyData(), "y": None}, "x is a MyData"),
        ({"validation_data": MyData()}, "validation_data.*got MyData"),
        ({"validation_data": (MyData(), LABELS)}, "validation_data: x is a MyData"),
        ({"steps_per_epoch": 3}, "steps_per_epoch; got 3"),
        ({"validation_steps": 3}, "validation_steps; got 3"),
        ({"shuffle": "batch"}, "shuffle='batch'"),
        ({"callbacks": keras.callbacks.CallbackList()}, "CallbackList"),
    ],
)
def test_what_the_engine_does_not_know_is_refused_by_name(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(UnsupportedError, match=named):
        read(**arguments)


@pytest.mark.parametrize("output_shape", [(1,), (4, 4, 10), ()])
def test_a_network_that_is_no_classifier_is_refused(output_shape: tuple[int, ...]) -> None:
    with pytest.raises(UnsupportedError, match="trains classifiers"):
        read_fit(PICTURES, LABELS, input_shape=SHAPE, output_shape=output_shape, is_sparse=True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"x": None}, "x is missing"),
        ({"y": None}, "y is missing"),
        ({"x": "photos/"}, "x must be an array; got str"),
        ({"x": list(PICTURES)}, "x must be an array; got list"),
        ({"y": {"answer": LABELS}}, "y must be an array; got dict"),
        ({"x": PICTURES[..., :1]}, r"pictures \(n, 6, 5, 3\).*got shape \(11, 6, 5, 1\)"),
        ({"x": PICTURES[0]}, r"got shape \(6, 5, 3\)"),
        ({"x": PICTURES[:0], "y": LABELS[:0]}, "no pictures"),
        ({"x": PICTURES.astype(object)}, "x must hold numbers; got an array of object"),
        ({"y": np.array(["cat"] * N)}, "y must hold numbers; got an array of <U3"),
        ({"y": LABELS[:-1]}, "as many examples; got 11 and 10"),
        ({"y": ONE_HOT}, r"y is one-hot, shape \(11, 4\).*categorical_crossentropy"),
        ({"is_sparse": False}, r"y holds class numbers, shape \(11,\).*sparse_categorical_crossentropy"),
        ({"y": ONE_HOT[:, :3], "is_sparse": False}, r"one-hot \(n, 4\); got shape \(11, 3\)"),
        ({"y": LABELS[:, None, None]}, r"got shape \(11, 1, 1\)"),
        ({"y": np.array(3)}, r"got shape \(\)"),
        ({"y": LABELS + CLASSES}, "class numbers from 0 to 3.*at position 0"),
        ({"y": np.where(np.arange(N) == 5, -1, LABELS)}, "got -1 at position 5"),
        ({"y": LABELS + 0.5}, "class numbers from 0 to 3"),
        ({"y": np.where(np.arange(N) == 2, np.nan, LABELS)}, "got nan at position 2"),
        ({"sample_weight": WEIGHTS[:3]}, r"each of the 11 examples; got shape \(3,\)"),
        ({"sample_weight": WEIGHTS, "class_weight": {0: 1.0}}, "exclude each other"),
        ({"class_weight": [1.0, 2.0]}, "must be a dictionary.*got list"),
        ({"class_weight": {"cat": 2.0}}, "by their numbers, 0 to 3; got 'cat'"),
        ({"class_weight": {7: 2.0}}, "by their numbers, 0 to 3; got 7"),
        ({"class_weight": {1: "heavy"}}, "got 'heavy' for class 1"),
        ({"validation_split": 1.5}, "fraction.*got 1.5"),
        ({"validation_split": "0.1"}, "validation_split must be a number; got '0.1'"),
        ({"validation_split": 0.99}, "leaves none to train on"),
        ({"validation_split": 1e-17}, "leaves none to validate on"),
        ({"validation_data": PICTURES}, r"must be \(x, y\).*got ndarray"),
        ({"validation_data": (PICTURES,)}, "got 1 values"),
        ({"validation_data": (PICTURES[:, :2], LABELS)}, "^validation_data: x must be pictures"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1; got 0"),
        ({"batch_size": 1.5}, "batch_size.*got 1.5"),
        ({"batch_size": True}, "batch_size.*got True"),
        ({"validation_batch_size": -1}, "validation_batch_size.*got -1"),
        ({"epochs": -1}, "epochs.*at least 0; got -1"),
        ({"initial_epoch": "1"}, "initial_epoch.*got '1'"),
        ({"shuffle": "yes"}, "shuffle must be True or False; got 'yes'"),
        ({"verbose": 3}, "verbose must be"),
        ({"validation_freq": 0}, "validation_freq.*got 0"),
        ({"validation_freq": [0, 2]}, "validation_freq.*got 0"),
        ({"callbacks": [keras.callbacks.History]}, "callbacks must be Keras callbacks"),
        ({"steps": 0}, "steps must be a whole number of at least 1; got 0"),
        ({"steps": 2.5}, "steps.*got 2.5"),
        ({"label_smoothing": 1.1}, "label_smoothing must be from 0 to 1; got 1.1"),
        ({"label_smoothing": -0.1}, "label_smoothing.*got -0.1"),
        ({"label_smoothing": "0.1"}, "label_smoothing must be a number; got '0.1'"),
        ({"augmentation": {"flip": True}}, "augmentation must be"),
        ({"augmentation": Augmentation(shift=5)}, "from 0 to 4 for pictures of 6 x 5.*got 5"),
    ],
)
def test_a_wrong_argument_is_answered_with_what_was_expected_and_what_came(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(**arguments)


def build_model(**dense: Any) -> Any:
    layers = [
        keras.Input(SHAPE),
        keras.layers.Flatten(),
        keras.layers.Dense(CLASSES, name="answer", **dense),
        keras.layers.Softmax(),
    ]
    return keras.Sequential(layers, name="small")


def compiled_model(**arguments: Any) -> Any:
    model = build_model()
    model.compile(**{"optimizer": "adam", "loss": "sparse_categorical_crossentropy"} | arguments)
    return model


def test_a_compiled_model_tells_what_it_is_trained_with() -> None:
    model = compiled_model(metrics=["accuracy"], weighted_metrics=["accuracy"])
    compiled = read_compiled(model)
    assert compiled.optimizer is model.optimizer
    assert compiled.loss == "sparse_categorical_crossentropy"
    assert compiled.metrics in model.metrics
    assert read_compiled(compiled_model()).metrics is None


def test_what_changes_only_how_keras_computes_is_taken() -> None:
    read_compiled(compiled_model(run_eagerly=True, jit_compile=False, auto_scale_loss=False))
    read_compiled(compiled_model(jit_compile="auto"))


def test_a_model_read_from_a_file_is_still_compiled(tmp_path: Any) -> None:
    model = compiled_model(metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "small.keras")
    compiled = read_compiled(keras.models.load_model(tmp_path / "small.keras"))
    assert compiled.loss == "sparse_categorical_crossentropy"
    assert type(compiled.optimizer).__name__ == "Adam"
    assert compiled.metrics is not None


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: "model.keras", "expected a Keras model, received str"),
        (build_model, r"small is not compiled; call model.compile\(optimizer"),
        (lambda: compiled_model(loss=None), "loss=None"),
        (lambda: compiled_model(optimizer=None), "optimizer=None"),
    ],
)
def test_a_model_that_cannot_be_fitted_is_said_to_be_so(make: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_compiled(make())


def regularized() -> Any:
    model = build_model(kernel_regularizer="l2")
    model.compile(loss="sparse_categorical_crossentropy")
    return model


def with_a_metric_of_its_own() -> Any:
    model = compiled_model()
    model.mine = keras.metrics.Mean(name="mine")
    return model


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: compiled_model(loss_weights=[2.0]), r"loss_weights of compile; got \[2.0\]"),
        (lambda: compiled_model(steps_per_execution=4), "steps_per_execution.*got 4"),
        (regularized, "answer.*kernel_regularizer"),
        (with_a_metric_of_its_own, "small has mine"),
    ],
)
def test_what_the_engine_would_have_to_ignore_of_a_model_is_refused(make: Any, named: str) -> None:
    with pytest.raises(UnsupportedError, match=named):
        read_compiled(make())


def test_a_sequential_model_takes_its_input_shape_from_the_pictures() -> None:
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(CLASSES)])
    ensure_built(model, SHAPE)
    assert model.input_shape == (None, *SHAPE)
    built = build_model()
    ensure_built(built, (1, 1, 1))
    assert built.input_shape == (None, *SHAPE)
