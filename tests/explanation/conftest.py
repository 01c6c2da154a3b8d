"""Networks to look into: one with nearly every kind of layer, and the tutorial's, their weights random."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from eyespot.models.backend import keras
from eyespot.models.keras_network import layer_class, read, variables
from eyespot.models.tutorial import tutorial
from eyespot.network import Network

L = keras.layers


def _randomized(model: Any) -> Network:
    """The model's network with weights that tell everything apart, and keep numbers near 1."""
    random = np.random.default_rng(4)
    for layer in variables(model).values():
        for name, variable in layer.items():
            fan_in = max(int(np.prod(variable.shape[:-1])), 1) if "kernel" in name else 4
            positive = "variance" in name
            spread = random.uniform(0.5, 1.5, variable.shape) if positive else random.normal(0, fan_in**-0.5, variable.shape)
            variable.assign(spread)
    return read(model)


@pytest.fixture(scope="session")
def mixed_network() -> Network:
    """Takes 13 x 10 pixels, gives five probabilities; windows of many kinds, branches, every form of arithmetic."""
    pixels = keras.Input((13, 10, 3), name="pixels")
    x = L.Rescaling(1 / 64, -2.0, name="rescaling")(pixels)
    x = L.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 0.5], name="normalization")(x)
    x = L.Conv2D(8, (3, 2), padding="same", activation="relu", name="conv_same")(x)
    x = y = L.BatchNormalization(name="norm")(x)
    x = L.Conv2D(8, 3, padding="same", groups=2, dilation_rate=2, use_bias=False, name="conv_groups")(x)
    x = L.Activation("gelu", name="gelu")(x)
    x = L.Add(name="add")([x, y])
    gate = L.GlobalAveragePooling2D(keepdims=True, name="mean")(x)
    gate = L.Conv2D(8, 1, activation="sigmoid", name="gate")(gate)
    x = L.Multiply(name="multiply")([x, gate])
    x = L.ZeroPadding2D(((1, 0), (2, 1)), name="padding")(x)
    a = L.DepthwiseConv2D(3, strides=2, depth_multiplier=2, padding="same", name="depthwise")(x)
    b = L.SeparableConv2D(6, 3, strides=2, padding="same", depth_multiplier=2, name="separable")(x)
    x = L.Concatenate(name="joined")([a, b])
    x = layer_class("LayerScale")(0.7, 22, name="layer_scale")(x)
    x = L.ReLU(6.0, name="relu6")(x)
    x = L.AveragePooling2D(2, padding="same", name="pool_mean")(x)
    x = L.MaxPooling2D(2, 1, "same", name="pool_max")(x)
    x = L.Dense(12, activation="relu", name="dense_on_map")(x)
    x = L.Softmax(name="softmax_on_map")(x)
    x = L.LayerNormalization(name="layer_norm")(x)
    x = L.Reshape((4, -1, 6), name="reshape")(x)
    x = L.Flatten(name="flatten")(x)
    x = L.Dropout(0.3, name="dropout")(x)
    x = L.Dense(5, name="logits")(x)
    x = L.Rescaling(1 / 1.25, name="temperature")(x)
    return _randomized(keras.Model(pixels, L.Softmax(name="probabilities")(x)))


@pytest.fixture(scope="session")
def tutorial_network() -> Network:
    """The tutorial's: fully connected layers after a Flatten."""
    return _randomized(tutorial((32, 32, 3), 10))


@pytest.fixture(scope="session")
def networks(mixed_network: Network, tutorial_network: Network, tiny_network: Network) -> dict[str, Network]:
    """All of them by name."""
    return {"mixed": mixed_network, "tutorial": tutorial_network, "tiny": tiny_network}


@pytest.fixture(scope="session")
def noise() -> Callable[[Network], NDArray[np.uint8]]:
    """Draws a picture of the size that a network takes, in which no number says anything of the next."""
    return lambda network: np.random.default_rng(0).integers(0, 256, network.input_shape, np.uint8)
