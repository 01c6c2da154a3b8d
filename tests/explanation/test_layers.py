"""The layer table, against arithmetic done by hand and against Keras' own counts."""

import pytest

from eyespot.explanation.layers import layer_table
from eyespot.models.backend import keras
from eyespot.models.keras_network import layer_class, read
from eyespot.models.tutorial import tutorial

L = keras.layers


@pytest.fixture(scope="module")
def table():
    return {row.name: row for row in layer_table(read(tutorial((32, 32, 3), 10)))}


def formula(layer, shape=(32, 32, 3)):
    return layer_table(read(keras.Sequential([keras.Input(shape), layer])))[-1].formula


def test_the_tutorial_has_776394_parameters(table):
    assert sum(row.parameters for row in table.values()) == 776_394


@pytest.mark.parametrize(
    ("name", "receptive_field"),
    [
        ("pixels", (1, 1)),
        ("conv1", (3, 3)),
        ("conv2", (5, 5)),
        ("pool1", (6, 6)),
        ("conv3", (10, 10)),
        ("pool2", (12, 12)),
        ("conv4", (20, 20)),
        ("pool3", (24, 24)),
        ("flatten", (24, 24)),
        ("dense1", (29, 29)),  # the poolings leave a row over, and so the last three of the picture
        ("probabilities", (29, 29)),
    ],
)
def test_the_receptive_fields_of_the_tutorial_are_those_worked_by_hand(table, name, receptive_field):
    assert table[name].receptive_field == receptive_field


@pytest.mark.parametrize(
    ("name", "stride"),
    [
        ("pixels", (1, 1)),
        ("conv2", (1, 1)),
        ("pool1", (2, 2)),
        ("dropout1", (2, 2)),
        ("conv3", (2, 2)),
        ("pool2", (4, 4)),
        ("pool3", (8, 8)),
        ("flatten", None),
        ("dense1", None),
    ],
)
def test_the_strides_of_the_tutorial_in_pixels_are_those_worked_by_hand(table, name, stride):
    assert table[name].stride == stride


def test_the_shares_are_those_of_the_multiply_adds(table):
    assert table["conv2"].share == pytest.approx(16_588_800 / 38_283_264)
    assert sum(row.share for row in table.values()) == pytest.approx(1)


def test_a_network_that_multiplies_nothing_has_no_shares():
    assert [row.share for row in layer_table(read(keras.Sequential([keras.Input((4, 4, 3)), L.Flatten()])))] == [0, 0]


def test_macs_are_one_for_each_weight_at_each_place(table):
    assert table["conv1"].macs == 32 * 32 * 32 * (3 * 3 * 3)
    assert table["conv2"].macs == 30 * 30 * 64 * (3 * 3 * 32)
    assert table["dense1"].macs == 512 * 1024
    assert table["pool1"].macs == 0


def test_macs_of_grouped_and_separable_convolutions_count_what_is_multiplied():
    layers = [L.Conv2D(6, 3, groups=3), L.DepthwiseConv2D(3, depth_multiplier=2), L.SeparableConv2D(5, 3, depth_multiplier=2)]
    rows = layer_table(read(keras.Sequential([keras.Input((9, 9, 3)), *layers])))
    assert [row.macs for row in rows[1:]] == [7 * 7 * 6 * 9 * 1, 5 * 5 * 12 * 9, 3 * 3 * (24 * 9 + 24 * 5)]


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (L.Conv2D(8, 3), (32, 32, 3), "(32 - 3) / 1 + 1 = 30"),
        (L.Conv2D(8, 3, strides=2), (32, 32, 3), "(32 - 3) / 2 + 1 = 15.5, rounded down to 15"),
        (L.Conv2D(8, 3, strides=2, padding="same"), (15, 15, 3), "(15 + 2 - 3) / 2 + 1 = 8"),
        (L.Conv2D(8, 3, padding="same"), (32, 32, 3), "(32 + 2 - 3) / 1 + 1 = 32"),
        (L.Conv2D(8, (3, 2), padding="same"), (5, 5, 3), "height (5 + 2 - 3) / 1 + 1 = 5, width (5 + 1 - 2) / 1 + 1 = 5"),
        (L.Conv2D(8, 1, strides=3, padding="same"), (9, 9, 3), "(9 - 1) / 3 + 1 = 3.667, rounded down to 3"),
        (L.Conv2D(8, 3, dilation_rate=2), (32, 32, 3), "(32 - 5) / 1 + 1 = 28"),
        (L.Conv2D(8, (3, 1)), (32, 24, 3), "height (32 - 3) / 1 + 1 = 30, width (24 - 1) / 1 + 1 = 24"),
        (L.MaxPooling2D(2), (4, 4, 1), "(4 - 2) / 2 + 1 = 2"),
        (L.Flatten(), (12, 12, 128), "12 x 12 x 128 = 18432"),
        (L.Dense(26), (1, 1, 5), "5 x 26 + 26 = 156 weights"),
        (L.GlobalAveragePooling2D(), (8, 8, 4), "mean of 8 x 8 = 64 numbers, for each channel"),
        (L.ZeroPadding2D(((1, 0), (2, 3))), (4, 4, 1), "height 1 + 4 + 0 = 5, width 2 + 4 + 3 = 9"),
        (L.Dropout(0.25), (4, 4, 1), "while training, 0.25 of the numbers become 0, the rest are divided by 0.75"),
        (
            L.Dropout(0.25, noise_shape=(None, 1, 1, 1)),
            (4, 4, 2),
            "while training, 0.25 of the blocks of 4 x 4 x 2 numbers become 0, the rest are divided by 0.75",
        ),
        (layer_class("LayerScale")(0.1, 3), (4, 4, 3), "x * gamma"),
        (L.ReLU(), (4, 4, 1), "max(0, x)"),
        (L.ReLU(6), (4, 4, 1), "min(max(0, x), 6)"),
        (L.Softmax(), (4, 4, 3), "e^x / sum of all e^x"),
        (L.BatchNormalization(scale=False), (4, 4, 3), "(x - mean) / sqrt(variance + 0.001) + beta"),
    ],
)
def test_the_formula_is_the_arithmetic_with_this_networks_numbers(layer, shape, expected):
    assert formula(layer, shape) == expected


def test_a_row_as_json_has_the_keys_that_scripts_rely_on(table):
    assert table["pool1"].to_json() == {
        "name": "pool1",
        "type": "MaxPooling2D",
        "output_shape": [15, 15, 64],
        "parameters": 0,
        "macs": 0,
        "share": 0.0,
        "receptive_field": [6, 6],
        "stride": [2, 2],
        "formula": "(30 - 2) / 2 + 1 = 15",
    }
    assert table["flatten"].to_json()["stride"] is None
