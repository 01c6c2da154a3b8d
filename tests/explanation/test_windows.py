"""The window behind one unit: examples worked by hand, and random units against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from eyespot.errors import InputError
from eyespot.explanation.activations import activations
from eyespot.explanation.windows import POOLS, SUMS, as_map, unit_window
from eyespot.models.backend import keras
from eyespot.models.keras_network import read
from eyespot.network import KINDS, Network

L = keras.layers
UNITS = 100
FUNCTIONS: dict[str, Callable[[float], float]] = {
    "linear": lambda x: x,
    "relu": lambda x: max(0.0, x),
    "sigmoid": lambda x: float(1 / (1 + np.exp(-x))),
}


@pytest.mark.parametrize("name", ["mixed", "tutorial", "tiny"])
def test_the_windows_of_random_units_give_what_onnx_runtime_gives(
    networks: dict[str, Network], name: str, noise: Callable[[Network], NDArray[np.uint8]]
) -> None:
    network = networks[name]
    values = activations(network, noise(network))
    random = np.random.default_rng(1)
    layers = [layer for layer in network.layers if layer.kind in SUMS or layer.kind in POOLS]
    assert layers
    for layer in layers:
        shape = as_map(network.shapes[layer.name])
        for _ in range(UNITS):
            row, column, channel = (int(random.integers(size)) for size in shape)
            total = unit_window(network, values, layer.name, (row, column, channel)).total
            actual = values[layer.name].reshape(shape)[row, column, channel]
            if layer.config.get("activation") == "softmax":
                continue
            assert FUNCTIONS[layer.config.get("activation", "linear")](total) == pytest.approx(float(actual), abs=1e-4), (
                layer.name
            )


def one(layer: Any, picture: NDArray[np.uint8]) -> tuple[Network, dict[str, NDArray[np.float32]], str]:
    network = read(keras.Sequential([keras.Input(picture.shape), layer]))
    return network, dict(activations(network, picture)), network.output


GRAY = np.repeat(np.array([[1, 3, 2, 4], [5, 6, 8, 7], [3, 2, 1, 0], [1, 2, 3, 4]], np.uint8)[..., None], 3, axis=2)
"""The pooling of this 4 x 4 map with k = 2 and s = 2 is worked in many textbooks: 6, 8, 3, 4."""


def test_pooling_a_4_x_4_map_by_2_takes_the_largest_of_each_quarter() -> None:
    network, values, name = one(L.MaxPooling2D(2), GRAY)

    windows = [unit_window(network, values, name, (row, column, 1)) for row in (0, 1) for column in (0, 1)]

    assert [window.total for window in windows] == [6, 8, 3, 4]
    np.testing.assert_array_equal(windows[2].values, [[[3, 2], [1, 2]]])
    assert windows[3].start == (2, 2)
    assert windows[0].kernel is None


def test_a_mean_counts_no_padding() -> None:
    network, values, name = one(L.AveragePooling2D(3, 1, "same"), GRAY)

    corner = unit_window(network, values, name, (0, 0, 0))

    np.testing.assert_array_equal(corner.inside, [[False, False, False], [False, True, True], [False, True, True]])
    assert corner.total == (1 + 3 + 5 + 6) / 4
    assert corner.start == (-1, -1)


def test_a_convolution_adds_up_its_products() -> None:
    layer = L.Conv2D(1, 2, padding="same", kernel_initializer="ones", bias_initializer=keras.initializers.Constant(0.5))
    network, values, name = one(layer, GRAY)

    middle, edge = (unit_window(network, values, name, (1, column, 0)) for column in (1, 3))

    assert middle.total == 3 * (6 + 8 + 2 + 1) + 0.5
    assert edge.total == 3 * (7 + 0) + 0.5
    np.testing.assert_array_equal(edge.inside, [[True, False], [True, False]])
    np.testing.assert_array_equal(edge.values[0], [[7, 0], [0, 0]])
    assert edge.kernel is not None
    assert (edge.kernel.first, edge.kernel.weights.shape, edge.kernel.bias) == (0, (3, 2, 2), 0.5)


def test_a_fully_connected_unit_weighs_every_number() -> None:
    picture = np.full((1, 1, 3), 2, np.uint8)
    network = read(keras.Sequential([keras.Input((1, 1, 3)), L.Flatten(), L.Dense(4, kernel_initializer="ones", name="dense")]))

    window = unit_window(network, activations(network, picture), "dense", (0, 0, 3))

    assert (window.total, window.values.shape) == (6, (3, 1, 1))


def test_a_layer_without_a_window_is_refused(tiny_network: Network, draw: Callable[..., NDArray[np.uint8]]) -> None:
    values = activations(tiny_network, draw(1, 8, 10))
    with pytest.raises(InputError, match="a window has a convolution"):
        unit_window(tiny_network, values, "rescaling", (0, 0, 0))
    with pytest.raises(InputError, match=r"conv has 6 x 8 x 4 units, counted from 0; got \(6, 0, 0\)"):
        unit_window(tiny_network, values, "conv", (6, 0, 0))


def test_rows_of_features_lie_side_by_side() -> None:
    assert [as_map(shape) for shape in ((7,), (4, 7), (2, 3, 7))] == [(1, 1, 7), (1, 4, 7), (2, 3, 7)]


def test_every_kind_that_multiplies_and_adds_has_a_window() -> None:
    assert {kind for kind, entry in KINDS.items() if entry.macs} == SUMS
    assert {kind for kind, entry in KINDS.items() if entry.window} <= SUMS | set(POOLS)
