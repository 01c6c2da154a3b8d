"""Every layer's output for one picture, against Keras' own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from eyespot.errors import InputError
from eyespot.explanation.activations import activations, reader
from eyespot.models.backend import keras
from eyespot.models.keras_network import build
from eyespot.network import Network

Noise = Callable[[Network], NDArray[np.uint8]]


@pytest.mark.parametrize("name", ["mixed", "tutorial", "tiny"])
def test_every_layer_gives_what_it_gives_in_keras(networks: dict[str, Network], name: str, noise: Noise) -> None:
    network = networks[name]
    picture = noise(network)
    model = build(network)
    inner = keras.Model(model.inputs, {layer.name: layer.output for layer in model.layers})
    expected = inner([picture[None].astype(np.float32)], training=False)

    found = activations(network, picture)

    assert list(found) == [layer.name for layer in network.layers]
    for layer in network.layers:
        assert found[layer.name].shape == network.shapes[layer.name]
        np.testing.assert_allclose(
            found[layer.name], np.asarray(expected[layer.name].detach())[0], rtol=1e-4, atol=1e-5, err_msg=layer.name
        )


def test_a_reader_reads_one_picture_after_another(tiny_network: Network) -> None:
    read = reader(tiny_network)
    dark, bright = (np.full((8, 10, 3), value, np.uint8) for value in (0, 255))

    first, second = read(dark), read(bright)

    assert np.ptp(first["rescaling"]) == 0
    np.testing.assert_allclose(second["rescaling"], 1)
    np.testing.assert_array_equal(first["input"], dark)
    np.testing.assert_allclose(first["conv"], 0.1)  # nothing but the bias


@pytest.mark.parametrize("picture", [np.zeros((8, 8, 3), np.uint8), np.zeros((8, 10, 3), np.float32)], ids=["size", "type"])
def test_another_shape_or_type_is_refused(tiny_network: Network, picture: NDArray[np.uint8]) -> None:
    with pytest.raises(InputError, match=r"takes a picture \(8, 10, 3\) uint8; got"):
        activations(tiny_network, picture)
