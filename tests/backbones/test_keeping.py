"""A network that ends in features becomes a file like any other, and a backbone again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eyespot.backbones import cut, features_of, find, keep
from eyespot.backbones.cutting import joined
from eyespot.errors import InputError, ModelError
from eyespot.models.backend import keras
from eyespot.models.keras_network import build
from eyespot.network import Network
from eyespot.prediction import Model
from eyespot.settings import backbones_folder

PICTURES = np.random.default_rng(0).integers(0, 256, (5, 8, 10, 3), np.uint8)
FACTS = {"data": "ImageNet", "source": "https://example.org/weights.h5", "license": "MIT"}


def test_it_is_found_by_its_name_and_by_auto(home: Path, tiny_network: Network) -> None:
    path = keep("Tiny", cut(tiny_network), **FACTS)
    assert path == backbones_folder() / "Tiny.onnx"
    backbone = find("keras:Tiny")
    assert backbone is not None
    assert (backbone.name, backbone.size, backbone.features) == ("keras:Tiny", (8, 10), 4)
    assert backbone.trained_on == "ImageNet"
    assert backbone.terms == ("source: https://example.org/weights.h5", "license: MIT")
    automatic = find("auto")
    assert automatic is not None
    assert (automatic.name, automatic.hash) == ("keras:Tiny", backbone.hash)


def test_its_features_are_those_of_the_network(home: Path, tiny_network: Network) -> None:
    keep("Tiny", cut(tiny_network), **FACTS)
    backbone = find("keras:Tiny")
    assert backbone is not None
    assert backbone.network.to_json() == cut(tiny_network).to_json()
    expected = keras.ops.convert_to_numpy(build(cut(tiny_network))(PICTURES.astype(np.float32)))
    np.testing.assert_allclose(features_of(backbone, PICTURES), expected, atol=1e-5)


def test_the_file_is_a_model_that_calls_every_picture_the_same(home: Path, tiny_network: Network) -> None:
    model = Model(keep("Tiny", cut(tiny_network), **FACTS))
    np.testing.assert_array_equal(model.probabilities(PICTURES), np.ones((5, 1)))


def test_the_same_network_gives_the_same_bytes(home: Path, tiny_network: Network) -> None:
    first = keep("Tiny", cut(tiny_network), **FACTS).read_bytes()
    assert keep("Tiny", cut(tiny_network), **FACTS).read_bytes() == first
    assert [path.name for path in backbones_folder().iterdir()] == ["Tiny.onnx"]


def test_it_takes_a_head_of_its_own(home: Path, tiny_network: Network) -> None:
    keep("Tiny", cut(tiny_network), **FACTS)
    backbone = find("keras:Tiny")
    assert backbone is not None
    network = joined(backbone.network, np.ones((4, 3)), np.zeros(3))
    assert [layer.name for layer in network.layers[-3:]] == ["head", "temperature", "probabilities"]


def test_a_network_that_does_not_end_in_features_is_refused(home: Path, tiny_network: Network) -> None:
    maps = Network(tiny_network.layers[:3], "conv")
    with pytest.raises(InputError, match="a backbone returns features"):
        keep("Tiny", maps, **FACTS)
    assert not home.exists()


def test_where_it_cannot_be_written_the_error_names_the_file(home: Path, tiny_network: Network) -> None:
    home.write_text("in the way")
    with pytest.raises(ModelError, match=r"Tiny\.onnx cannot be written: "):
        keep("Tiny", cut(tiny_network), **FACTS)
