"""The ONNX graph beyond what the contract holds for every layer."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from eyespot.bundle.graph import from_onnx, to_onnx, weights_from_onnx
from eyespot.errors import UnsupportedError
from eyespot.models.backend import keras
from eyespot.models.keras_network import read
from eyespot.models.tutorial import tutorial

L = keras.layers


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return tutorial((32, 32, 3), 10)


@pytest.fixture(scope="module")
def network(model):
    return read(model)


@pytest.fixture(scope="module")
def graph(network):
    return to_onnx(network)


def pictures(n):
    return np.random.default_rng(n).integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)


def run(graph, pixels, outputs=None):
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(outputs, {"pixels": pixels})


def test_it_takes_raw_pixels_and_any_number_of_them(model, graph):
    (given,) = graph.graph.input
    assert (given.name, given.type.tensor_type.elem_type) == ("pixels", onnx.TensorProto.UINT8)
    for n in (1, 7):
        expected = model(pictures(n), training=False).detach()
        (probabilities,) = run(graph, pictures(n))
        assert probabilities.shape == (n, 10)
        np.testing.assert_allclose(probabilities, expected, atol=1e-6)


def test_every_layers_tensor_is_what_keras_computes_there(model, network, graph):
    parts = keras.Model(model.inputs[0], [layer.output for layer in model.layers])
    expected = dict(zip([layer.name for layer in model.layers], parts(pictures(2), training=False), strict=True))
    all_out = onnx.ModelProto()
    all_out.CopyFrom(graph)
    del all_out.graph.output[:]
    all_out.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in expected)
    for name, actual in zip(expected, run(all_out, pictures(2), list(expected)), strict=True):
        keras_order = actual.transpose(0, 2, 3, 1) if actual.ndim == 4 else actual
        np.testing.assert_allclose(keras_order, expected[name].detach(), atol=1e-5)


def test_it_is_of_a_version_that_old_runtimes_read(graph):
    assert graph.ir_version <= 10
    assert [(opset.domain, opset.version) for opset in graph.opset_import] == [("", 18)]


def test_a_gelu_is_one_operator_of_the_oldest_set_that_has_it():
    network = read(keras.Sequential([keras.Input((4, 4, 3)), L.Conv2D(2, 3, activation="gelu"), L.Activation("gelu")]))
    model = to_onnx(network)
    assert [node.op_type for node in model.graph.node] == ["Cast", "Transpose", "Conv", "Gelu", "Gelu"]
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", onnx.defs.get_schema("Gelu").since_version)]
    assert model.ir_version <= 10


def test_its_shapes_are_those_that_onnx_infers(network, graph):
    inferred = onnx.shape_inference.infer_shapes(graph, strict_mode=True, data_prop=True).graph.value_info
    found = {value.name: [d.dim_value for d in value.type.tensor_type.shape.dim][1:] for value in inferred}
    assert found["conv1"] == [32, 32, 32]
    assert found["pool3"] == [128, 2, 2]
    assert found["dense1"] == [1024]
    (output,) = graph.graph.output
    assert [d.dim_value for d in output.type.tensor_type.shape.dim][1:] == list(network.shapes[network.output])


def test_the_network_comes_back_from_the_file_bit_by_bit(network, graph):
    again = from_onnx(onnx.load_from_string(graph.SerializeToString()), network.to_json())
    assert again.to_json() == network.to_json()
    for layer in network.layers:
        for name, weight in layer.weights.items():
            np.testing.assert_array_equal(again.by_name[layer.name].weights[name], weight)


def test_a_weight_that_is_missing_is_a_key_error(network, graph):
    other = onnx.ModelProto()
    other.CopyFrom(graph)
    other.graph.initializer.remove(next(i for i in other.graph.initializer if i.name == "conv1/bias"))
    with pytest.raises(KeyError, match="conv1/bias"):
        weights_from_onnx(other, network.to_json())


def test_the_inputs_name_is_kept_for_the_input():
    network = read(keras.Sequential([keras.Input((4, 4, 1), name="picture"), L.Flatten(name="pixels")]))
    with pytest.raises(UnsupportedError, match="pixels"):
        to_onnx(network)


def test_an_input_layer_of_another_name_is_fed_as_pixels_all_the_same():
    network = read(keras.Sequential([keras.Input((32, 32, 3), name="picture"), L.GlobalAveragePooling2D(name="mean")]))
    (mean,) = run(to_onnx(network), pictures(2))
    np.testing.assert_allclose(mean, pictures(2).mean((1, 2)), rtol=1e-5)


def test_weights_are_stored_as_float32_whatever_they_were():
    network = read(keras.Sequential([keras.Input((4, 4, 1)), L.Dense(2, dtype="float64", name="dense")]))
    assert network.by_name["dense"].weights["kernel"].dtype == np.float64
    assert {i.data_type for i in to_onnx(network).graph.initializer} <= {onnx.TensorProto.FLOAT, onnx.TensorProto.INT64}


def test_writing_does_not_touch_torch(network):
    before = torch.random.get_rng_state()
    to_onnx(network)
    assert torch.equal(torch.random.get_rng_state(), before)
