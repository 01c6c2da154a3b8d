"""The layer table against Keras' own shapes and counts, and against which pixels really change which units, in float64.

Weights are random and positive, biases zero: no sum cancels, no ReLU is closed and no maximum hides a pixel, so that on a black
picture whatever a unit depends on shows.
"""

import math
from importlib import import_module

import numpy as np
import pytest

from eyespot.explanation.layers import layer_table
from eyespot.explanation.layers_seen import seen_pixels
from eyespot.models.backend import keras
from eyespot.models.keras_network import read
from eyespot.models.tutorial import tutorial
from eyespot.models.whitened import whitened
from eyespot.network import receptive_fields
from eyespot.recipes import accurate, budget, quick
from eyespot.recipes import tutorial as tutorial_recipe

L = keras.layers
PICTURE = (32, 32, 3)

ARCHITECTURES = {
    "tutorial": lambda: tutorial_recipe.recipe.model(PICTURE, 10),
    "tutorial on letters": lambda: tutorial_recipe.recipe.model(PICTURE, 26),
    "quick": lambda: quick.recipe.model(PICTURE, 10, **quick.recipe.network),
    "quick on letters": lambda: quick.recipe.model(PICTURE, 26, **quick.recipe.network),
    "accurate": lambda: accurate.recipe.model(PICTURE, 10, **accurate.recipe.network),
    **{
        f"budget, rung {number}": lambda rung=rung: whitened(PICTURE, 10, widths=rung.widths, depth=rung.depth)
        for number, rung in enumerate(budget.LADDER, 1)
    },
}

# What a unit sees does not depend on how many channels there are.
NARROW = {
    "tutorial": lambda: tutorial(PICTURE, 2),
    "quick, accurate, letters": lambda: whitened(PICTURE, 2, widths=(2, 3, 2)),
    "the ladder's deepest": lambda: whitened(PICTURE, 2, widths=(2, 3, 2), depth=max(rung.depth for rung in budget.LADDER)),
    "larger pictures": lambda: whitened((61, 75, 3), 2, widths=(2, 2)),
}


@pytest.fixture
def keras_in_float64(monkeypatch):
    """Keras computes in float64, on torch too, where it would else compute much in float32."""
    dtypes = import_module("keras.src.backend.common.dtypes")
    monkeypatch.setitem(dtypes.BIT64_TO_BIT32_DTYPE, "float64", "float64")
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


def random_network(seed):
    """A small network of random layers on a picture of random size; every second one ends in classes."""
    random = np.random.default_rng(seed)
    height, width = map(int, random.integers(9, 15, 2))
    x = pixels = keras.Input((height, width, 3))
    x = L.Rescaling(1 / 255)(x)
    for _ in range(random.integers(3, 6)):
        x = random_step(random, x)
    if seed % 2:
        x = L.Flatten()(x) if random.random() < 0.5 else L.GlobalMaxPooling2D()(x)
        x = L.Dropout(0.5)(L.Dense(5, activation="relu")(x))
        x = L.Dense(3, activation="softmax")(x)
    return keras.Model(pixels, x)


def random_step(random, x):
    most = min(x.shape[1:3])
    kernel = tuple(int(n) for n in random.integers(1, min(4, most) + 1, 2))
    strides = tuple(int(n) for n in random.integers(1, 3, 2)) if most > 4 else 1
    padding = str(random.choice(["valid", "same"]))
    dilation = 2 if 2 * max(kernel) - 1 <= most else 1
    channels = x.shape[-1]
    steps = [
        lambda: L.Conv2D(3, kernel, strides, padding, activation="relu")(x),
        lambda: L.Conv2D(2, kernel, 1, padding, dilation_rate=dilation)(x),
        lambda: L.DepthwiseConv2D(kernel, 1, padding)(x),
        lambda: L.SeparableConv2D(3, kernel, 1, padding)(x),
        lambda: L.MaxPooling2D(kernel, strides, padding)(x),
        lambda: L.AveragePooling2D(kernel, strides, padding)(x),
        lambda: L.ZeroPadding2D(((2, 0), (0, 1)))(x),
        lambda: L.ReLU()(L.BatchNormalization()(x)),
        lambda: L.Add()([x, L.Dropout(0.25)(L.Conv2D(channels, kernel, padding="same")(x))]),
        lambda: L.Concatenate()([x, L.Conv2D(2, kernel, padding="same")(x)]),
    ]
    return steps[random.integers(len(steps))]()


def fill(model):
    """Random positive weights that keep activations from growing; nothing is added or taken off."""
    random = np.random.default_rng(7)
    for variable in model.variables:
        if variable.name in ("bias", "beta", "moving_mean"):
            value = np.zeros(variable.shape)
        else:
            value = random.uniform(0.5, 1.0, variable.shape) / max(1, math.prod(variable.shape[:-1]))
        if variable.name not in ("seed_generator_state",):
            variable.assign(value)
    return model


def one_pixel_each(height, width):
    """(height * width, height, width): masks of one pixel."""
    return np.eye(height * width).reshape(-1, height, width)


def one_line_each(height, width):
    """(height + width, height, width): masks of one row, then of one column."""
    rows = np.broadcast_to(np.eye(height)[:, :, None], (height, height, width))
    columns = np.broadcast_to(np.eye(width)[:, None, :], (width, height, width))
    return np.concatenate([rows, columns])


def changes(model, masks):
    """Layer name -> (masks, *places): whether a unit in that place changes where a mask turns black pixels white."""
    pictures = np.concatenate([np.zeros_like(masks[:1]), masks])[..., None] * np.full(3, 255.0)
    every = keras.Model(model.inputs[0], [layer.output for layer in model.layers])
    found = {}
    for layer, output in zip(model.layers, every(pictures, training=False), strict=True):
        values = output.detach().numpy()
        assert values.dtype == np.float64
        changed = values[1:] != values[:1]
        found[layer.name] = changed.any(-1) if changed.ndim > 2 else changed
    return found


def spans(seen):
    """(n, *places) booleans -> (*places, 2): the first true, and the first after the last; 0 and 0 where none is."""
    n = len(seen)
    ends = np.stack([seen.argmax(0), n - seen[::-1].argmax(0)], axis=-1)
    return np.where(seen.any(0)[..., None], ends, 0)


def assert_seen(model, masks, split):
    network = read(model)
    table, rectangles = {row.name: row for row in layer_table(network)}, seen_pixels(network)
    whole, compared = receptive_fields(network), changes(model, masks)
    assert len(compared) >= len(network.layers) - 1
    for name, changed in compared.items():
        rows, columns = map(spans, split(changed))
        measured = np.concatenate([rows, columns], axis=-1)
        np.testing.assert_array_equal(rectangles[name], measured, err_msg=name)
        assert table[name].receptive_field == (np.ptp(rows, axis=-1).max(), np.ptp(columns, axis=-1).max()), name
        assert_stride(table[name].stride, measured, whole[name].size, name)


def assert_stride(stride, measured, whole, name):
    """Neighbors that see all of a receptive field of the size `whole`, of which no edge cuts anything, lie a stride apart."""
    if stride is None:
        assert measured.ndim == 2
        return
    for axis, (step, size) in enumerate(zip(stride, whole, strict=True)):
        first, end = (np.moveaxis(measured[..., 2 * axis + i], axis, 0) for i in (0, 1))
        is_whole = end - first == size
        assert (np.diff(first, axis=0)[is_whole[:-1] & is_whole[1:]] == step).all(), name


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_shapes_and_counts_are_those_of_keras_for_every_shipped_architecture(name):
    assert_counted_as_keras(ARCHITECTURES[name]())


@pytest.mark.parametrize("seed", range(20))
def test_shapes_and_counts_are_those_of_keras_for_random_networks(seed):
    assert_counted_as_keras(random_network(seed))


def assert_counted_as_keras(model):
    rows = {row.name: row for row in layer_table(read(model))}
    assert set(rows) >= {layer.name for layer in model.layers}
    for layer in model.layers:
        assert rows[layer.name].output_shape == tuple(layer.output.shape[1:]), layer.name
        assert rows[layer.name].parameters == layer.count_params(), layer.name
    assert sum(row.parameters for row in rows.values()) == model.count_params()


@pytest.mark.usefixtures("keras_in_float64")
@pytest.mark.parametrize("seed", range(20))
def test_each_unit_of_a_random_network_sees_the_pixels_that_change_it_and_no_others(seed):
    model = fill(random_network(seed))
    height, width, _ = model.input_shape[1:]

    def split(changed):
        pixels = changed.reshape(height, width, *changed.shape[1:])
        return pixels.any(1), pixels.any(0)

    assert_seen(model, one_pixel_each(height, width), split)


@pytest.mark.usefixtures("keras_in_float64")
@pytest.mark.parametrize("name", NARROW)
def test_each_unit_of_a_shipped_architecture_sees_the_rows_and_columns_that_change_it_and_no_others(name):
    model = fill(NARROW[name]())
    height, width, _ = model.input_shape[1:]
    assert_seen(model, one_line_each(height, width), lambda changed: (changed[:height], changed[height:]))


def test_the_random_networks_differ_and_hold_what_is_to_be_tested():
    kinds = [tuple(layer.kind for layer in read(random_network(seed)).layers) for seed in range(20)]
    assert len(set(kinds)) == 20
    wanted = {"Conv2D", "DepthwiseConv2D", "SeparableConv2D", "MaxPooling2D", "AveragePooling2D", "ZeroPadding2D", "Add"}
    assert wanted | {"Concatenate", "BatchNormalization", "Flatten", "GlobalMaxPooling2D", "Dense"} <= set().union(*kinds)
    layers = [layer for seed in range(20) for layer in read(random_network(seed)).layers]
    assert any(layer.config.get("dilation_rate", [1, 1]) == [2, 2] and max(layer.config["kernel_size"]) > 1 for layer in layers)


def test_what_a_stride_leaves_over_is_seen_by_nothing():
    # 32 - 1 = 31 units after the first window of 2; a pooling of 2 takes 30 of them, so that row 31 is seen by none.
    network = read(keras.Sequential([keras.Input((32, 32, 3)), L.Conv2D(2, 2), L.MaxPooling2D(name="pool"), L.Flatten()]))
    assert seen_pixels(network)["pool"].max() == 31


def test_a_unit_over_padding_alone_sees_nothing():
    network = read(keras.Sequential([keras.Input((4, 4, 3)), L.ZeroPadding2D(2), L.Conv2D(1, 2, name="conv")]))
    rectangles = seen_pixels(network)["conv"]
    assert rectangles[0, 0].tolist() == [0, 0, 0, 0]
    assert rectangles[1, 1].tolist() == [0, 1, 0, 1]


def test_a_dilated_window_that_begins_in_the_padding_sees_no_more_than_it_touches():
    # Of the rows -1, 1 and 3 the first is padding, and row 0 is in none of them.
    network = read(keras.Sequential([keras.Input((7, 7, 3)), L.Conv2D(1, 3, padding="same", dilation_rate=2, name="conv")]))
    assert seen_pixels(network)["conv"][1, 1].tolist() == [1, 4, 1, 4]


def test_what_is_gated_by_all_of_the_picture_sees_all_of_it():
    pixels = keras.Input((9, 8, 3))
    x = L.Conv2D(2, 3)(pixels)
    gate = L.Dense(2, activation="sigmoid")(L.GlobalAveragePooling2D()(x))
    network = read(keras.Model(pixels, L.Multiply(name="gated")([x, gate])))
    assert (seen_pixels(network)["gated"] == [0, 9, 0, 8]).all()


def test_maps_laid_side_by_side_keep_what_each_place_sees():
    pixels = keras.Input((6, 5, 3))
    narrow, wide = L.Conv2D(2, 1, padding="same")(pixels), L.Conv2D(2, 3, padding="same")(pixels)
    network = read(keras.Model(pixels, L.Concatenate(axis=2, name="beside")([narrow, wide])))
    seen = seen_pixels(network)["beside"]
    assert seen.shape == (6, 10, 4)
    assert seen[2, 3].tolist() == [2, 3, 3, 4]
    assert seen[2, 5 + 3].tolist() == [1, 4, 2, 5]


def test_a_reshaped_map_keeps_what_each_number_sees():
    layers = [L.Conv2D(2, 3), L.Flatten(name="flat"), L.Reshape((2, 3, 2), name="back"), L.Softmax(axis=1, name="down")]
    seen = seen_pixels(read(keras.Sequential([keras.Input((4, 5, 3)), *layers])))
    assert seen["flat"][2].tolist() == [0, 3, 1, 4]  # two channels in each place: the third number is of the second place
    assert seen["back"][1, 2].tolist() == [1, 4, 2, 5]
    assert seen["down"][0, 2].tolist() == [0, 4, 2, 5]
