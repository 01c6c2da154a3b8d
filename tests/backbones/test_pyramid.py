"""Earlier maps, averaged over parts, beside the last vector: what Keras and NumPy compute from the same layers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from eyespot.backbones import cut, find, joined, keep
from eyespot.backbones.pyramid import with_earlier_maps
from eyespot.bundle.graph import to_onnx
from eyespot.bundle.runtime import Runtime
from eyespot.models.backend import keras
from eyespot.models.keras_network import build, read
from eyespot.models.tutorial import tutorial
from eyespot.models.whitened import whitened
from eyespot.network import Network

L = keras.layers
PICTURES = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3), np.uint8)


def computed(network: Network) -> NDArray[np.float32]:
    return np.concatenate(list(Runtime(to_onnx(network).SerializeToString(), threads=1).batches(PICTURES)))


def averages(maps: NDArray[np.float32], grid: int) -> NDArray[np.float32]:
    """Over parts of equal size, the first of which begins at the first edge and the last of which ends at the last."""
    side = maps.shape[1]
    starts = [part * (side // grid) for part in range(grid)]
    size = side - starts[-1]
    parts = [[maps[:, y : y + size, x : x + size].mean(axis=(1, 2)) for x in starts] for y in starts]
    return np.stack([np.stack(row, axis=1) for row in parts], axis=1).reshape(len(maps), -1)


@pytest.mark.parametrize(
    ("model", "last", "middle", "early"),
    [
        (lambda: whitened((32, 32, 3), 4, widths=(8, 8, 16)), "largest", "gelu2_2", "gelu1_2"),
        (lambda: tutorial((32, 32, 3), 4), "dropout3", "conv4", "conv3"),
    ],
    ids=["whitened", "tutorial"],
)
def test_the_features_are_the_last_vector_and_the_averages_of_earlier_maps(
    model: Callable[[], Any], last: str, middle: str, early: str
) -> None:
    built = model()
    outputs = [built.get_layer(name).output for name in (last, middle, early)]
    tensors = keras.Model(built.inputs[0], outputs)(PICTURES.astype(np.float32), training=False)
    vector, middle_maps, early_maps = (keras.ops.convert_to_numpy(tensor) for tensor in tensors)
    expected = np.concatenate([vector, averages(middle_maps, 2), averages(early_maps, 4)], axis=1)
    np.testing.assert_allclose(computed(with_earlier_maps(cut(read(built)))), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("side", range(8, 24))
def test_maps_of_every_size_have_as_many_parts(side: int) -> None:
    network = with_earlier_maps(cut(read(whitened((side, side + 3, 3), 2, widths=(4,), stride=1))))
    assert network.shapes[network.output] == (4 + 2 * 2 * 24,)


def test_a_network_of_one_stage_stays_as_it_is(tiny_network: Network) -> None:
    assert with_earlier_maps(cut(tiny_network)) == cut(tiny_network)


def test_maps_smaller_than_their_parts_are_left_out() -> None:
    layers = [L.Conv2D(3, 3, activation="relu"), L.MaxPooling2D(16), L.ReLU(), L.MaxPooling2D(2), L.Flatten(), L.Dense(2)]
    network = with_earlier_maps(cut(read(keras.Sequential([keras.Input((34, 34, 3)), *layers]))))
    # 32 x 32 maps, then 2 x 2, then a single one: of the 2 x 2 four parts of three channels, of the others 16.
    assert network.shapes[network.output] == (3 + 4 * 3 + 16 * 3,)
    small = with_earlier_maps(
        cut(read(keras.Sequential([keras.Input((5, 5, 3)), *layers[:1], L.MaxPooling2D(3), *layers[4:]])))
    )
    assert small.shapes[small.output] == (3 + 4 * 3,)


def test_with_another_head_it_is_a_network_like_any_other_and_a_backbone_again() -> None:
    network = with_earlier_maps(cut(read(whitened((32, 32, 3), 4, widths=(8, 8, 16)))))
    (count,) = network.shapes[network.output]
    kernel = np.random.default_rng(2).normal(size=(count, 3)) / count
    whole = joined(network, kernel, np.zeros(3))
    of_keras = keras.ops.convert_to_numpy(build(whole)(PICTURES.astype(np.float32), training=False))
    np.testing.assert_allclose(computed(whole), of_keras, atol=1e-5)
    assert with_earlier_maps(cut(whole)) == network


def test_networks_of_keras_applications_keep_their_own_features(home: Path, save: Callable[..., Path]) -> None:
    network = read(whitened((32, 32, 3), 4, widths=(8, 8, 16)))
    own = find(str(save(home / "own.onnx", network)))
    keep("Tiny", cut(network), data="nothing", source="here", license="none")
    of_keras = find("keras:Tiny")
    assert own is not None
    assert of_keras is not None
    assert (of_keras.features, own.features) == (16, 16 + 8 * 4 + 8 * 16)
