"""Receptive fields, against which pixels really change which units."""

import numpy as np
import pytest
import torch

from eyespot.models.backend import keras
from eyespot.models.keras_network import read, variables
from eyespot.network import receptive_fields
from eyespot.training.lowering import NativeNetwork

L = keras.layers
HEIGHT, WIDTH = 13, 10


def residual(first):
    pixels = keras.Input((HEIGHT, WIDTH, 1))
    x = L.Conv2D(2, first, strides=2, padding="same")(pixels)
    y = L.Conv2D(2, 3, padding="same")(x)
    return keras.Model(pixels, L.Concatenate()([L.Add()([x, y]), L.Conv2D(1, 1, strides=2, padding="same")(pixels)]))


def chain(*layers):
    return keras.Sequential([keras.Input((HEIGHT, WIDTH, 1)), *layers])


MODELS = {
    "one convolution": lambda: chain(L.Conv2D(2, 3)),
    "convolution and pooling": lambda: chain(L.Conv2D(2, 3, padding="same"), L.MaxPooling2D(), L.Conv2D(2, (2, 3))),
    "strides, same, even": lambda: chain(L.Conv2D(2, 4, strides=2, padding="same"), L.Conv2D(2, 3, strides=2, padding="same")),
    "dilated": lambda: chain(L.Conv2D(1, 3, dilation_rate=(2, 1)), L.AveragePooling2D(2, 1)),
    "separable": lambda: chain(L.DepthwiseConv2D(3), L.SeparableConv2D(2, 2, strides=(1, 2), padding="same")),
    "padded by hand": lambda: chain(L.ZeroPadding2D(((2, 0), (0, 1))), L.Conv2D(1, 3)),
    "residual": lambda: residual(3),
    "residual, even": lambda: residual(2),
    "global pooling": lambda: chain(L.Conv2D(2, 3), L.GlobalAveragePooling2D(keepdims=True)),
    "normalized over channels": lambda: chain(L.Conv2D(3, 3), L.BatchNormalization(), L.ReLU()),
}


def pixels_that_matter(model):
    """(units down, units across, HEIGHT, WIDTH) booleans: whether changing the pixel changes the unit."""
    for layer in variables(model).values():
        for variable in layer.values():
            variable.assign(np.random.default_rng(0).uniform(0.5, 1.0, variable.shape))
    native = NativeNetwork(read(model), dtype=torch.float64).eval()
    pictures = torch.ones(HEIGHT * WIDTH + 1, HEIGHT, WIDTH, 1, dtype=torch.float64)
    pictures[1:].view(HEIGHT * WIDTH, -1).fill_diagonal_(1000.0)  # above every other, so that it is a pooling's largest
    with torch.inference_mode():
        outputs = native(pictures)
    changed = ((outputs[1:] - outputs[:1]).abs() > 1e-9).any(-1)
    return changed.permute(1, 2, 0).reshape(*outputs.shape[1:3], HEIGHT, WIDTH).numpy()


@pytest.mark.parametrize("name", MODELS)
def test_each_unit_depends_on_the_pixels_of_its_receptive_field_and_no_others(name):
    model = MODELS[name]()
    network = read(model)
    field = receptive_fields(network)[network.output]
    matter = pixels_that_matter(model)
    for unit in np.ndindex(matter.shape[:2]):
        rows, columns = np.nonzero(matter[unit])
        seen = field.pixels(unit, (HEIGHT, WIDTH))
        assert seen == (range(rows.min(), rows.max() + 1), range(columns.min(), columns.max() + 1))


def test_flatten_keeps_the_size_and_a_dense_layer_after_it_sees_all():
    network = read(chain(L.Conv2D(2, 3), L.Flatten(name="flat"), L.ReLU(name="relu"), L.Dense(2, name="dense")))
    fields = receptive_fields(network)
    assert (fields["relu"].size, fields["relu"].stride) == ((3, 3), None)
    assert fields["flat"].pixels((0, 0), (HEIGHT, WIDTH)) is None
    assert fields["dense"].pixels((0, 0), (HEIGHT, WIDTH)) == (range(HEIGHT), range(WIDTH))


@pytest.mark.parametrize("layer", [L.Softmax(axis=1), L.LayerNormalization(axis=[1, 2, 3])], ids=["softmax", "normalization"])
def test_a_layer_that_compares_places_sees_all(layer):
    network = read(chain(L.Conv2D(2, 3), layer))
    assert receptive_fields(network)[network.output].size == (HEIGHT, WIDTH)


def test_scaling_by_what_sees_all_sees_all():
    pixels = keras.Input((HEIGHT, WIDTH, 1))
    x = L.Conv2D(2, 3)(pixels)
    network = read(keras.Model(pixels, L.Multiply()([x, L.GlobalAveragePooling2D()(x)])))
    assert receptive_fields(network)[network.output].size == (HEIGHT, WIDTH)


def test_maps_laid_side_by_side_no_longer_lie_as_the_pixels_do():
    pixels = keras.Input((HEIGHT, WIDTH, 1))
    network = read(keras.Model(pixels, L.Concatenate(axis=1)([L.Conv2D(1, 3)(pixels), L.ReLU()(L.Conv2D(1, 3)(pixels))])))
    field = receptive_fields(network)[network.output]
    assert (field.size, field.stride) == ((3, 3), None)
