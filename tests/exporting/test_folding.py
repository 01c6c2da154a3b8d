"""A network without its batch normalizations computes what Keras computes with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest

from eyespot.bundle.graph import to_onnx
from eyespot.exporting.folding import fold_normalizations
from eyespot.models.backend import keras
from eyespot.models.keras_network import read
from eyespot.network import Network

L = keras.layers
SHAPE = (9, 7, 4)
PIXELS = np.random.default_rng(0).integers(0, 256, (3, *SHAPE), dtype=np.uint8)


def chain(*layers: Any) -> Any:
    """A model of the layers, which get numbers from -2 to 2; the statistics and factors of normalizations are drawn."""
    model = keras.Sequential([keras.Input(SHAPE), L.Rescaling(1 / 64, -2.0), *layers])
    generator = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, L.BatchNormalization):
            for weight in layer.weights:
                weight.assign(generator.uniform(0.2, 2, weight.shape))
    return model


def normalizations(network: Network) -> int:
    return sum(layer.kind == "BatchNormalization" for layer in network.layers)


def check(model: Any, left: int = 0) -> Network:
    """Hold the folded network against Keras; `left` normalizations must still be there."""
    folded = fold_normalizations(read(model))
    session = onnxruntime.InferenceSession(to_onnx(folded).SerializeToString())
    (found,) = session.run(None, {"pixels": PIXELS})
    expected = keras.ops.convert_to_numpy(model(PIXELS, training=False))
    in_keras_order = found.transpose(0, 2, 3, 1) if found.ndim == 4 else found
    np.testing.assert_allclose(in_keras_order, expected, rtol=1e-5, atol=1e-5)
    assert normalizations(folded) == left
    return folded


@pytest.mark.parametrize(
    "layer",
    [
        lambda: L.Conv2D(6, 3),
        lambda: L.Conv2D(6, 3, padding="same", use_bias=False),
        lambda: L.Conv2D(6, 3, groups=2),
        lambda: L.DepthwiseConv2D(3, depth_multiplier=2),
        lambda: L.SeparableConv2D(5, 3, use_bias=False),
        lambda: L.Dense(5),
    ],
)
def test_a_normalization_after_a_layer_that_weighs_is_folded(layer: Any) -> None:
    check(chain(layer(), L.BatchNormalization(), L.ReLU()))


def test_one_without_factors_or_offsets_is_folded_too() -> None:
    check(chain(L.Conv2D(6, 3), L.BatchNormalization(scale=False, center=False, epsilon=0.1), L.ReLU()))


def test_one_of_features_is_folded_into_the_fully_connected_layer() -> None:
    check(chain(L.Flatten(), L.Dense(5), L.BatchNormalization(), L.ReLU()))


def test_max_pooling_may_lie_between() -> None:
    check(chain(L.Conv2D(6, 3), L.MaxPooling2D(2, padding="same"), L.MaxPooling2D(2, 1), L.BatchNormalization(), L.ReLU()))


def test_several_in_a_row_are_folded() -> None:
    norm = L.BatchNormalization
    check(chain(L.Conv2D(6, 3), norm(), norm(), L.Activation("gelu"), L.Conv2D(4, 3), L.MaxPooling2D(2), norm(), L.ReLU()))


def test_a_negative_factor_does_not_go_through_max_pooling() -> None:
    model = chain(L.Conv2D(6, 3), L.MaxPooling2D(2), L.BatchNormalization(), L.ReLU())
    gamma = model.layers[-2].gamma
    gamma.assign(gamma * np.array([1, 1, -1, 1, 1, 1]))
    check(model, left=1)


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [L.Conv2D(6, 3, activation="relu"), L.BatchNormalization(), L.ReLU()],
        lambda: [L.Conv2D(6, 3), L.AveragePooling2D(2, padding="same"), L.BatchNormalization(), L.ReLU()],
        lambda: [L.BatchNormalization(), L.ReLU()],
        lambda: [L.Conv2D(6, 3), L.BatchNormalization()],
    ],
)
def test_after_anything_else_or_at_the_end_it_stays(layers: Any) -> None:
    check(chain(*layers()), left=1)


@pytest.mark.parametrize("pool", [False, True])
def test_what_another_layer_takes_too_is_not_changed(pool: bool) -> None:
    pixels = keras.Input(SHAPE)
    convolved = L.Conv2D(4, 3, padding="same")(L.Rescaling(1 / 64, -2.0)(pixels))
    pooled = L.MaxPooling2D(2, 1, padding="same")(convolved) if pool else convolved
    normalized = L.BatchNormalization()(pooled)
    model = keras.Model(pixels, L.Add()([normalized, L.ReLU()(pooled)]))
    model.layers[-3].moving_variance.assign(np.full(4, 2.0)) if pool else None
    check(model, left=1)


def test_the_other_layers_keep_their_names_and_the_given_network_stays_as_it_was() -> None:
    network = read(chain(L.Conv2D(6, 3, name="conv"), L.BatchNormalization(name="norm"), L.ReLU(name="relu")))
    before = network.by_name["conv"].weights["kernel"].copy()
    folded = fold_normalizations(network)
    assert [layer.name for layer in folded.layers] == [layer.name for layer in network.layers if layer.name != "norm"]
    assert folded.by_name["relu"].inputs == ("conv",)
    np.testing.assert_array_equal(network.by_name["conv"].weights["kernel"], before)
