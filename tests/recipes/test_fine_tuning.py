"""Fine-tuning as a recipe: what suits it, and a network that it leaves as it was until there is something to learn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from eyespot.bundle.graph import to_onnx
from eyespot.bundle.runtime import Runtime
from eyespot.data.dataset import Dataset, Part
from eyespot.models.backend import keras
from eyespot.models.keras_network import read
from eyespot.network import Network
from eyespot.recipes import Recipe, load
from eyespot.recipes.fine_tuning import RATE, adam_falling_to_zero, for_fine_tuning, starting_from
from eyespot.training import learn


@pytest.fixture(scope="module")
def network() -> Network:
    """With batch normalization whose statistics are those of no batch."""
    keras.utils.set_random_seed(3)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 10, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(6, 3, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, name="head"),
            layers.Softmax(),
        ]
    )
    generator = np.random.default_rng(0)
    norm = model.get_layer("norm")
    norm.set_weights([generator.uniform(0.5, 2, weight.shape) for weight in norm.get_weights()])
    return read(model)


@pytest.fixture
def dataset() -> Dataset:
    images = np.random.default_rng(1).integers(0, 256, (24, 8, 10, 3), np.uint8)
    return Dataset("pets", ("cat", "dog"), {"train": Part(images, np.arange(24) % 2, tuple(map(str, range(24))))})


def recipe(network: Network, rate: float) -> Recipe:
    suited = for_fine_tuning(replace(load("budget"), flip="random", epochs=2), (), 8, 24)
    return starting_from(network, replace(suited, learning_rate=rate, batch_size=8, precision="float32"))


def of_onnx(network: Network, images: Any) -> Any:
    return np.concatenate(list(Runtime(to_onnx(network).SerializeToString(), 1).batches(images)))


def test_before_the_first_step_the_network_is_what_it_was(network: Network, dataset: Dataset) -> None:
    images = dataset.parts["train"].images
    model = recipe(network, RATE).model((32, 32, 3), 2)
    np.testing.assert_allclose(model.predict(images.astype(np.float32), verbose=0), of_onnx(network, images), atol=1e-5)


def test_at_a_rate_of_zero_nothing_changes_not_even_statistics(network: Network, dataset: Dataset) -> None:
    after = learn(recipe(network, 0.0), dataset, None, seed=0, threads=1).network
    for layer in network.layers:
        for name, weight in layer.weights.items():
            np.testing.assert_array_equal(after.by_name[layer.name].weights[name], weight)


def test_all_is_trained_but_batch_normalization(network: Network, dataset: Dataset) -> None:
    trained = learn(recipe(network, 1e-3), dataset, None, seed=0, threads=1)
    changed = {
        (layer.name, name)
        for layer in network.layers
        for name, weight in layer.weights.items()
        if not np.array_equal(trained.network.by_name[layer.name].weights[name], weight)
    }
    assert changed == {("conv", "kernel"), ("conv", "bias"), ("head", "kernel"), ("head", "bias")}
    rates = [row.learning_rate for row in trained.history]
    assert rates == sorted(rates, reverse=True)
    # The last of six steps: a sixth of the first one's rate is left.
    assert rates[-1] == pytest.approx(1e-3 / 6)


def test_a_training_is_a_function_of_the_seed(network: Network, dataset: Dataset) -> None:
    one, same, other = (learn(recipe(network, 1e-3), dataset, None, seed=seed, threads=1).network for seed in (1, 1, 2))
    kernels = [each.by_name["conv"].weights["kernel"] for each in (one, same, other)]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])


def test_what_is_set_by_hand_stays() -> None:
    budget = replace(load("budget"), batch_size=7, learning_rate=0.5, shift=3, label_smoothing=0.4)
    suited = for_fine_tuning(budget, (), 224, 300)
    assert (suited.learning_rate, suited.shift, suited.label_smoothing) == (RATE, 14, 0.0)
    assert suited.batch_size <= 40
    given = ("batch_size", "learning_rate", "shift", "label_smoothing")
    assert for_fine_tuning(budget, given, 224, 300) == budget


def test_the_rate_falls_to_zero() -> None:
    schedule = adam_falling_to_zero(0.2, 10, 32)._learning_rate
    assert [float(schedule(step)) for step in (0, 5, 10)] == pytest.approx([0.2, 0.1, 0.0])
