"""All of a network that has learned on other pictures, trained further on these: what `--fine-tune` does.

    eyespot train photos/ --backbone keras:MobileNetV3Small --fine-tune --budget 10m

It starts from a backbone with a head fitted to its features, so that what comes back through the head from the first step on
means something. The rate is low and falls to zero: the backbone is to be bent to these pictures, not to forget the others.
Batch normalization stays as it is in use, since the statistics of a few small batches are worse than those that it has.

The default recipe says all else; what suits fine-tuning takes the place of what suits training from scratch.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from eyespot.models.backend import keras
from eyespot.models.keras_network import build
from eyespot.network import Network
from eyespot.recipes.budget import full_batches
from eyespot.recipes.recipe import Recipe

RATE = 1e-4
"""The learning rate of Adam at the first step: a hundredth of a typical weight."""

MOST_EPOCHS = 20
"""Passes over the pictures beyond which more are of no use: few pictures are known by heart then."""

_BATCH = 32
_SHIFTED = 16
"""Pictures are moved by up to one part in so many of their size."""


def for_fine_tuning(recipe: Recipe, given: Collection[str], side: int, pictures: int) -> Recipe:
    """The default recipe with the fields that suit fine-tuning.

    Args:
        recipe: of few pictures, with `flip` settled.
        given: the fields that are set by hand: they stay.
        side: height or width of the pictures that the backbone takes, whichever is less, in pixels.
        pictures: of the training part.
    """
    suits: dict[str, Any] = {
        "learning_rate": RATE,
        "batch_size": full_batches(_BATCH, pictures),
        "micro_batch": None,
        "shift": side // _SHIFTED,
        "label_smoothing": 0.0,
    }
    return replace(recipe, **{name: value for name, value in suits.items() if name not in given})


def starting_from(network: Network, recipe: Recipe) -> Recipe:
    """A recipe, from `for_fine_tuning`, that trains a network further: pictures in, probabilities out.

    Whatever shape and number of classes its `model` is asked for, it returns this network.
    """
    height, width, _ = network.input_shape
    return replace(
        recipe,
        model=lambda shape, classes: _with_statistics_kept(network),
        network={},
        prepare=None,
        optimizer=adam_falling_to_zero,
        size=min(height, width),
    )


def adam_falling_to_zero(learning_rate: float, steps: int, batch_size: int) -> Any:
    """Adam whose rate falls along a straight line to zero."""
    return keras.optimizers.Adam(
        keras.optimizers.schedules.PolynomialDecay(learning_rate, decay_steps=steps, end_learning_rate=0.0)
    )


def _with_statistics_kept(network: Network) -> Any:
    """The Keras model, in which batch normalization computes in training what it computes in use, and is not trained itself."""
    model = build(network)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    return model
