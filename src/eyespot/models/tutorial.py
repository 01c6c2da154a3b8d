"""The tutorial's network: four convolutions, three poolings, two fully connected layers."""

from __future__ import annotations

from typing import Any

from eyespot.models.backend import keras


def tutorial(input_shape: tuple[int, int, int], classes: int) -> Any:
    """The network of the Keras tutorial that Eyespot began from: 776,394 parameters for 32x32x3 pictures of ten classes.

    Takes (n, height, width, 3) pixels 0-255, returns (n, classes) probabilities.
    """
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(input_shape, name="pixels"),
            layers.Rescaling(1 / 255, name="rescaling"),
            layers.Conv2D(32, 3, padding="same", activation="relu", name="conv1"),
            layers.Conv2D(64, 3, activation="relu", name="conv2"),
            layers.MaxPooling2D(2, name="pool1"),
            layers.Dropout(0.25, name="dropout1"),
            layers.Conv2D(128, 3, padding="same", activation="relu", name="conv3"),
            layers.MaxPooling2D(2, name="pool2"),
            layers.Conv2D(128, 3, activation="relu", name="conv4"),
            layers.MaxPooling2D(2, name="pool3"),
            layers.Dropout(0.25, name="dropout2"),
            layers.Flatten(name="flatten"),
            layers.Dense(1024, activation="relu", name="dense1"),
            layers.Dropout(0.5, name="dropout3"),
            layers.Dense(classes, name="dense2"),
            layers.Rescaling(1.0, name="temperature"),
            layers.Softmax(name="probabilities"),
        ],
        name="tutorial",
    )
