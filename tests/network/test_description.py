"""The description itself: what it accepts, counts, and says of itself in JSON."""

import json

import numpy as np
import pytest

from eyespot.errors import UnsupportedError
from eyespot.network import KINDS, Layer, Network

PIXELS = Layer("pixels", "InputLayer", {"shape": [8, 6, 3]}, ())


def dense(name, source, features, units):
    config = {"units": units, "activation": "linear", "use_bias": True}
    return Layer(name, "Dense", config, (source,), {"kernel": np.ones((features, units)), "bias": np.zeros(units)})


@pytest.fixture
def network():
    flat = Layer("flat", "Flatten", {}, ("pixels",))
    twice = Layer("twice", "Add", {}, ("flat", "flat"))
    return Network((PIXELS, flat, twice, dense("dense", "twice", 144, 2)), "dense")


def test_shapes_follow_the_layers(network):
    assert network.shapes == {"pixels": (8, 6, 3), "flat": (144,), "twice": (144,), "dense": (2,)}
    assert network.input_shape == (8, 6, 3)


def test_parameters_are_the_numbers_in_all_weights(network):
    assert network.parameters == 144 * 2 + 2


def test_consumers_are_named_once_however_often_they_take_an_output(network):
    assert network.consumers("flat") == ("twice",)
    assert network.consumers("dense") == ()


def test_an_unknown_kind_is_named_beside_those_that_are_known():
    with pytest.raises(UnsupportedError) as error:
        Network((PIXELS, Layer("noise", "GaussianNoise", {}, ("pixels",))), "noise")
    assert "noise (GaussianNoise)" in str(error.value)
    assert all(kind in str(error.value) for kind in KINDS)


def test_two_layers_of_one_name_are_refused():
    relu = Layer("relu", "Activation", {"activation": "relu"}, ("pixels",))
    with pytest.raises(UnsupportedError, match="same name"):
        Network((PIXELS, relu, relu), "relu")


def test_what_a_layer_does_not_know_is_told_with_its_name():
    with pytest.raises(UnsupportedError, match=r"layer hot: Softmax\(axis=\[1, 2\]\)"):
        Network((PIXELS, Layer("hot", "Softmax", {"axis": [1, 2]}, ("pixels",))), "hot")


def test_other_weights_replace_those_of_the_layers_named(network):
    other = network.with_weights({"dense": {"kernel": np.zeros((144, 2)), "bias": np.ones(2)}})
    assert other.by_name["dense"].weights["bias"].all()
    assert not network.by_name["dense"].weights["bias"].any()
    assert network.with_weights({}).by_name["dense"].weights is network.by_name["dense"].weights


def test_json_holds_everything_but_the_weights_values(network):
    document = json.loads(json.dumps(network.to_json()))
    assert document["output"] == "dense"
    assert document["layers"][3] == {
        "name": "dense",
        "kind": "Dense",
        "config": {"units": 2, "activation": "linear", "use_bias": True},
        "inputs": ["twice"],
        "weights": {"kernel": [144, 2], "bias": [2]},
    }
    again = Network.from_json(document, {"dense": network.by_name["dense"].weights})
    assert again.to_json() == network.to_json()
    assert again.shapes == network.shapes
