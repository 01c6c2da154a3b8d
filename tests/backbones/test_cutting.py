"""A network without its last Dense gives what Keras gives there; with another head it is a network like any other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax

from eyespot.backbones import cut, find, joined
from eyespot.bundle import read_network
from eyespot.bundle.graph import to_onnx
from eyespot.bundle.runtime import Runtime
from eyespot.errors import InputError, UnsupportedError
from eyespot.models.backend import keras
from eyespot.models.keras_network import build, read
from eyespot.models.tutorial import tutorial
from eyespot.models.whitened import whitened
from eyespot.network import Layer, Network
from eyespot.prediction import Model

L = keras.layers
PICTURES = np.random.default_rng(0).integers(0, 256, (5, 8, 10, 3), np.uint8)
SMALL = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3), np.uint8)


def computed(network: Network, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.concatenate(list(Runtime(to_onnx(network).SerializeToString(), threads=1).batches(pictures)))


def layer_output(model: Any, name: str, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What Keras computes up to a layer of its own."""
    inner = keras.Model(model.inputs[0], model.get_layer(name).output)
    return keras.ops.convert_to_numpy(inner(pictures.astype(np.float32), training=False))


def drawn_head(features: int, classes: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    generator = np.random.default_rng(2)
    return generator.normal(size=(features, classes)), generator.normal(size=classes)


@pytest.mark.parametrize(
    ("model", "before_the_last_dense"),
    [
        (lambda: tutorial((32, 32, 3), 4), "dropout3"),
        (lambda: whitened((32, 32, 3), 4, widths=(8, 8, 16)), "largest"),
        (lambda: keras.Sequential([keras.Input((32, 32, 3)), L.Flatten(name="flat"), L.Dense(2), L.ReLU()]), "flat"),
    ],
    ids=["tutorial", "whitened", "flatten"],
)
def test_the_features_are_what_the_last_dense_takes(model: Callable[[], Any], before_the_last_dense: str) -> None:
    built = model()
    network = cut(read(built))
    assert network.output == before_the_last_dense
    expected = layer_output(built, before_the_last_dense, SMALL)
    np.testing.assert_allclose(computed(network, SMALL), expected, rtol=1e-4, atol=1e-4)


def test_layers_that_the_features_do_not_need_are_left_out(tiny_network: Network) -> None:
    aside = Layer("aside", "ReLU", {"max_value": None, "negative_slope": 0.0, "threshold": 0.0}, ("conv",))
    *before, dense, scale, last = tiny_network.layers
    network = cut(Network((*before, aside, dense, scale, last), "probabilities"))
    assert [layer.name for layer in network.layers] == ["input", "rescaling", "conv", "pool"]


def _without_dense() -> Any:
    return keras.Sequential([keras.Input((8, 10, 3)), L.Conv2D(4, 3), L.GlobalMaxPooling2D(), L.Softmax()])


def _dense_over_a_map() -> Any:
    return keras.Sequential([keras.Input((8, 10, 3)), L.Dense(4), L.GlobalMaxPooling2D(), L.Softmax()])


def _two_at_the_end() -> Any:
    pixels = keras.Input((8, 10, 3))
    pooled = L.GlobalMaxPooling2D()(pixels)
    return keras.Model(pixels, L.Concatenate(name="both")([L.Dense(2)(pooled), L.Dense(2)(pooled)]))


@pytest.mark.parametrize("model", [_without_dense, _dense_over_a_map, _two_at_the_end])
def test_a_network_that_does_not_end_in_one_dense_cannot_be_cut(model: Callable[[], Any]) -> None:
    with pytest.raises(UnsupportedError, match="not from a Dense over a vector"):
        cut(read(model()))


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_backbone_and_head_become_an_ordinary_model_file(
    tiny_network: Network, tmp_path: Path, save: Callable[..., Path], temperature: float
) -> None:
    backbone = cut(tiny_network)
    kernel, bias = drawn_head(4, 2)
    path = save(tmp_path / "fused.onnx", joined(backbone, kernel, bias, temperature=temperature))

    model = Model(path)

    expected = softmax((computed(backbone, PICTURES) @ kernel + bias) / temperature, axis=1)
    np.testing.assert_allclose(model.probabilities(PICTURES), expected, atol=1e-4)
    assert model.check() < 1e-4


def test_the_shipped_network_takes_another_head(home: Path, save: Callable[..., Path], draw: Callable[..., Any]) -> None:
    backbone = find("cifar10")
    assert backbone is not None
    pictures = np.stack([draw(seed, 32, 32) for seed in range(6)])
    kernel, bias = drawn_head(backbone.features, 3)
    kernel /= np.sqrt(backbone.features)

    path = save(home / "fused.onnx", joined(backbone.network, kernel, bias))

    expected = softmax(computed(backbone.network, pictures) @ kernel + bias, axis=1)
    np.testing.assert_allclose(Model(path).probabilities(pictures), expected, atol=1e-4)


def test_keras_computes_the_same(tiny_network: Network) -> None:
    network = joined(cut(tiny_network), *drawn_head(4, 3), temperature=0.5)
    found = keras.ops.convert_to_numpy(build(network)(PICTURES.astype(np.float32)))
    np.testing.assert_allclose(computed(network, PICTURES), found, atol=1e-5)


def test_what_was_joined_can_be_cut_and_is_the_backbone_again(
    tiny_network: Network, tmp_path: Path, save: Callable[..., Path]
) -> None:
    backbone = cut(tiny_network)
    path = save(tmp_path / "fused.onnx", joined(backbone, *drawn_head(4, 3)))
    again = cut(read_network(path))
    assert again.to_json() == backbone.to_json()
    assert np.array_equal(again.by_name["conv"].weights["kernel"], backbone.by_name["conv"].weights["kernel"])


def test_no_name_is_taken_twice(tiny_network: Network, tmp_path: Path, save: Callable[..., Path]) -> None:
    renamed = {"rescaling": "head", "conv": "head_2", "pool": "temperature/kernel"}

    def named(name: str) -> str:
        return renamed.get(name, name)

    backbone = cut(tiny_network)
    layers = tuple(replace(layer, name=named(layer.name), inputs=tuple(map(named, layer.inputs))) for layer in backbone.layers)
    network = joined(Network(layers, named(backbone.output)), *drawn_head(4, 3))

    assert [layer.name for layer in network.layers[-3:]] == ["head_3", "temperature_2", "probabilities"]
    path = save(tmp_path / "fused.onnx", network)
    expected = computed(joined(backbone, *drawn_head(4, 3)), PICTURES)
    np.testing.assert_array_equal(Model(path).probabilities(PICTURES), expected)
    build(network)


@pytest.mark.parametrize(
    ("kernel", "bias", "temperature", "message"),
    [
        (np.ones((3, 2)), np.ones(2), 1.0, r"a head for 4 features has a kernel \(4, classes\)"),
        (np.ones((4, 2)), np.ones(3), 1.0, r"got \(4, 2\) and \(3,\)"),
        (np.ones(4), np.ones(()), 1.0, r"got \(4,\) and \(\)"),
        (np.full((4, 2), np.nan), np.ones(2), 1.0, "no number"),
        (np.ones((4, 2)), np.array([1, np.inf]), 1.0, "no number"),
        (np.ones((4, 2)), np.ones(2), 0.0, "a temperature is a number above 0; got 0.0"),
        (np.ones((4, 2)), np.ones(2), float("nan"), "a temperature is a number above 0; got nan"),
    ],
)
def test_a_head_that_does_not_fit_is_refused(
    tiny_network: Network, kernel: NDArray[Any], bias: NDArray[Any], temperature: float, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        joined(cut(tiny_network), kernel, bias, temperature=temperature)


def test_a_backbone_returns_a_vector(tiny_network: Network) -> None:
    with pytest.raises(InputError, match=r"returns features \(n, d\); this one returns \(n, 6, 8, 4\)"):
        joined(replace(tiny_network, output="conv"), *drawn_head(4, 2))
