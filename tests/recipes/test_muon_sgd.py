"""MuonSGD, in stock Keras, is the optimizer of airbench94_muon.py under one learning rate."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from eyespot.errors import InputError
from eyespot.models.backend import keras
from eyespot.recipes.muon_sgd import MuonSGD, group_of

BATCH = 100
STEPS = 5
RATE, BIAS_RATE, HEAD_RATE = 0.24, 0.053, 0.67
SHAPES = {"wide": (3, 2, 3, 3), "high": (16, 5, 1, 1), "bias": (4,), "head": (10, 6)}
"""Weights as torch arranges them: kernels (out, in, height, width), the last layer (out, in)."""


class Airbench:
    """The update rules of airbench94_muon.py in NumPy, for gradients of a loss that is summed over the batch."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        self.weights = {name: weight.copy() for name, weight in weights.items()}
        self.buffers = {name: np.zeros_like(weight) for name, weight in weights.items()}

    def step(self, gradients: dict[str, np.ndarray], share: float) -> None:
        """One step with `share` of the initial learning rates."""
        for name, gradient in gradients.items():
            if gradient.ndim == 4:
                self._muon(name, gradient, rate=RATE * share, momentum=0.6)
            else:
                rate = BIAS_RATE if name == "bias" else HEAD_RATE
                self._sgd(name, gradient, rate=rate * share, decay=2e-6 * BATCH / rate, momentum=0.85)

    def _muon(self, name: str, gradient: np.ndarray, rate: float, momentum: float) -> None:
        weight, buffer = self.weights[name], self.buffers[name]
        buffer *= momentum
        buffer += gradient
        update = gradient + momentum * buffer
        weight *= len(weight) ** 0.5 / np.sqrt((weight**2).sum())
        weight -= rate * self._newton_schulz(update.reshape(len(update), -1)).reshape(update.shape)

    @staticmethod
    def _newton_schulz(g: np.ndarray) -> np.ndarray:
        x = g / (np.sqrt((g**2).sum()) + 1e-7)
        if len(g) > len(g.T):
            x = x.T
        for _ in range(3):
            a = x @ x.T
            x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
        return x.T if len(g) > len(g.T) else x

    def _sgd(self, name: str, gradient: np.ndarray, rate: float, decay: float, momentum: float) -> None:
        weight, buffer = self.weights[name], self.buffers[name]
        gradient = gradient + decay * weight
        buffer *= momentum
        buffer += gradient
        weight -= rate * (gradient + momentum * buffer)


def to_keras(weight: np.ndarray) -> np.ndarray:
    return weight.transpose(2, 3, 1, 0) if weight.ndim == 4 else weight.T


def test_it_steps_as_airbench_does_once_the_rates_are_converted() -> None:
    random = np.random.default_rng(0)
    airbench = Airbench({name: random.normal(size=shape) for name, shape in SHAPES.items()})
    variables = {
        name: keras.Variable(to_keras(weight), dtype="float64", name=name) for name, weight in airbench.weights.items()
    }
    optimizer = MuonSGD(
        keras.optimizers.schedules.PolynomialDecay(RATE, STEPS, 0.0),
        momentum=0.6,
        vector_ratio=BIAS_RATE * BATCH / RATE,
        matrix_ratio=HEAD_RATE * BATCH / RATE,
        shrinkage_ratio=2e-6 * BATCH / RATE,
    )
    for step in range(STEPS):
        summed = {name: random.normal(size=shape) for name, shape in SHAPES.items()}
        airbench.step(summed, share=1 - step / STEPS)
        of_mean = [keras.ops.convert_to_tensor(to_keras(gradient) / BATCH) for gradient in summed.values()]
        optimizer.apply(of_mean, list(variables.values()))
        for name, variable in variables.items():
            # Keras rounds the schedule to float32.
            expected = to_keras(airbench.weights[name])
            np.testing.assert_allclose(keras.ops.convert_to_numpy(variable), expected, rtol=1e-6, atol=1e-6)


def test_by_default_it_has_airbench_s_rates_for_batches_of_256() -> None:
    optimizer = MuonSGD()
    rate = float(optimizer.learning_rate)
    assert rate == pytest.approx(0.12)
    assert rate * optimizer.vector_ratio == pytest.approx(0.053 * 256)
    assert rate * optimizer.matrix_ratio == pytest.approx(0.67 * 256)
    assert rate * optimizer.shrinkage_ratio == pytest.approx(2e-6 * 256)


@pytest.mark.parametrize(
    ("layer", "groups"),
    [
        (keras.layers.Conv2D(2, 3), ["kernel", "vector"]),
        (keras.layers.Conv2D(1, 3), ["vector", "vector"]),
        (keras.layers.DepthwiseConv2D(3, depth_multiplier=2), ["vector", "vector"]),
        (keras.layers.DepthwiseConv2D(3, name="own"), ["vector", "vector"]),
        (keras.layers.SeparableConv2D(4, 3, depth_multiplier=2, name="own"), ["vector", "kernel", "vector"]),
        (keras.layers.Dense(1), ["matrix", "vector"]),
        (keras.layers.PReLU(), ["vector"]),
        (keras.layers.BatchNormalization(), ["vector", "vector"]),
    ],
)
def test_the_weights_of_every_layer_have_their_group(layer: Any, groups: list[str]) -> None:
    layer.build((None, 8, 8, 3))
    assert [group_of(variable) for variable in layer.trainable_variables] == groups


@pytest.mark.parametrize("shape", [(), (3, 3, 4), (3, 3, 3, 2, 5)])
def test_odd_shapes_are_treated_as_vectors(shape: tuple[int, ...]) -> None:
    assert group_of(SimpleNamespace(shape=shape, path="conv/kernel")) == "vector"


def stepped(weight: np.ndarray, gradient: np.ndarray, **options: Any) -> np.ndarray:
    variable = keras.Variable(weight, dtype="float64")
    optimizer = MuonSGD(**options)
    optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    result: np.ndarray = keras.ops.convert_to_numpy(variable)
    return result


def test_zeros_stay_finite() -> None:
    kernel = np.zeros((3, 3, 2, 4))
    np.testing.assert_array_equal(stepped(kernel, kernel), kernel)


def test_kernels_keep_their_size_where_they_are_not_to_be_normalized() -> None:
    kernel = np.random.default_rng(0).normal(size=(3, 3, 2, 4))
    np.testing.assert_array_equal(stepped(kernel, 0 * kernel, normalize=False), kernel)
    assert np.linalg.norm(stepped(kernel, 0 * kernel)) == pytest.approx(2)


def test_many_iterations_drive_all_singular_values_of_the_step_near_1() -> None:
    kernel = np.random.default_rng(0).normal(size=(3, 3, 2, 4))
    step = stepped(0 * kernel, kernel, learning_rate=1.0, ns_steps=8)
    values = np.linalg.svd(step.reshape(-1, 4), compute_uv=False)
    assert values.min() > 0.6
    assert values.max() < 1.3


def test_weights_that_are_named_do_not_shrink() -> None:
    variables = [keras.Variable(np.ones(3), name=name) for name in ("gamma", "beta")]
    optimizer = MuonSGD()
    optimizer.exclude_from_weight_decay(var_names=["gamma"])
    optimizer.apply([keras.ops.zeros(3)] * 2, variables)
    gamma, beta = (keras.ops.convert_to_numpy(variable)[0] for variable in variables)
    assert gamma == 1
    # The gradient counts 1 + momentum times in the first step.
    assert beta == pytest.approx(1 - 2e-6 * 256 * 1.85)


def network() -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(128, 3, use_bias=False),
            layers.BatchNormalization(scale=False),
            layers.ReLU(),
            layers.GlobalMaxPooling2D(),
            layers.Dense(3, use_bias=False, kernel_initializer=keras.initializers.RandomNormal(stddev=1.0)),
            layers.Rescaling(1 / 128),
            layers.Softmax(),
        ]
    )


def compiled() -> Any:
    keras.utils.set_random_seed(0)
    model = network()
    schedule = keras.optimizers.schedules.PolynomialDecay(0.12, 40, 0.0)
    model.compile(MuonSGD(schedule, clipnorm=100.0), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def colored(n: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """Noise in which one channel is a little brighter: the class."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, n)
    return random.integers(0, 200, (n, 6, 6, 3)) + 40 * np.eye(3, dtype=int)[labels][:, None, None], labels


def test_stock_keras_learns_with_the_defaults() -> None:
    history = compiled().fit(*colored(), batch_size=256, epochs=20, shuffle=False, verbose=0)
    assert history.history["accuracy"][-1] > 0.95


def test_a_saved_model_goes_on_where_it_was(tmp_path: Path) -> None:
    model, (x, y) = compiled(), colored()
    model.fit(x, y, batch_size=64, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer) is MuonSGD
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    for each in (model, loaded):
        each.fit(x, y, batch_size=64, shuffle=False, verbose=0)
    for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_configuration_holds_every_argument() -> None:
    arguments = {
        "learning_rate": 0.5,
        "momentum": 0.1,
        "sgd_momentum": 0.2,
        "vector_ratio": 3.0,
        "matrix_ratio": 4.0,
        "shrinkage_ratio": 0.0,
        "ns_steps": 5,
        "normalize": False,
        "name": "other",
        "global_clipnorm": 7.0,
    }
    config = MuonSGD(**arguments).get_config()
    assert {key: config[key] for key in arguments} == arguments
    assert MuonSGD.from_config(config).get_config() == config


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("weight_decay", 0.1),
        ("momentum", 1.0),
        ("sgd_momentum", -0.1),
        ("vector_ratio", 0.0),
        ("matrix_ratio", -1.0),
        ("shrinkage_ratio", -1.0),
        ("ns_steps", 0),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(argument: str, value: float) -> None:
    with pytest.raises(InputError, match=f"{argument} must be .*; got {argument}={value}"):
        MuonSGD(**{argument: value})
