"""The table of a model file: from the file alone, and refused where its graph does not compute what it describes."""

import copy

import numpy as np
import pytest
from onnx import numpy_helper

from eyespot.bundle import Description, read_network, write, write_graph
from eyespot.bundle.graph import to_onnx
from eyespot.errors import ModelError
from eyespot.explanation.layers import layer_table
from eyespot.explanation.layers_graph import check_graph, read_table
from eyespot.models.keras_network import read
from eyespot.models.tutorial import tutorial
from eyespot.network import Network
from eyespot.run_folder import find_model

DESCRIPTION = Description(
    classes=tuple("ABC"), size=(32, 32), data={"name": "letters", "fingerprint": "0" * 64}, recipe={"name": "tutorial"}
)


@pytest.fixture(scope="module")
def network():
    return read(tutorial((32, 32, 3), 3))


@pytest.fixture
def graph(network):
    return to_onnx(network)


def described(network, name, **config):
    """The same network with another configuration of one layer, and its weights left out."""
    document = copy.deepcopy(network.to_json())
    for entry in document["layers"]:
        if entry["name"] == name:
            entry["config"].update(config)
    return Network.from_json(document, {layer.name: layer.weights for layer in network.layers})


def test_a_file_alone_gives_the_table_of_the_model_it_was_written_from(network, tmp_path):
    write(tmp_path / "model.onnx", network, DESCRIPTION)
    assert read_table(tmp_path / "model.onnx") == layer_table(network)


def test_the_shipped_model_is_what_it_describes():
    rows = read_table(find_model("cifar10").path)
    assert sum(row.parameters for row in rows) == 1_973_944
    assert sum(row.share for row in rows) == pytest.approx(1)


@pytest.mark.parametrize(
    ("layer", "config", "says", "returns"),
    [
        ("conv2", {"padding": "same"}, "32 x 32 x 64", "30 x 30 x 64"),
        ("conv3", {"filters": 64}, "15 x 15 x 64", "15 x 15 x 128"),
        ("pool1", {"strides": [1, 1]}, "29 x 29 x 64", "15 x 15 x 64"),
        ("dense1", {"units": 512}, "512", "1024"),
    ],
)
def test_a_shape_that_the_graph_does_not_compute_is_named_with_its_layer(network, graph, layer, config, says, returns):
    message = f"layer {layer}: the description says that it returns {says}, the graph returns {returns}$"
    with pytest.raises(ModelError, match=message):
        check_graph(graph, described(network, layer, **config))


def test_a_mismatch_within_a_sealed_file_is_found(network, graph, tmp_path):
    document = copy.deepcopy(network.to_json())
    document["layers"][2]["config"]["strides"] = [2, 2]
    path = tmp_path / "model.onnx"
    write_graph(path, graph, Description(**{**vars(DESCRIPTION), "network": document}))
    assert read_network(path)  # which looks at the weights alone
    with pytest.raises(ModelError, match=r"model\.onnx: layer conv1: the description says that it returns 16 x 16 x 32"):
        read_table(path)


def test_parameters_that_the_graph_does_not_take_are_named_with_their_layer(network, graph):
    (gemm,) = [node for node in graph.graph.node if "dense2/bias" in node.input]
    del gemm.input[2]
    with pytest.raises(ModelError, match=r"layer dense2: .* has 3,075 parameters, the graph takes 3,072$"):
        check_graph(graph, network)


def test_parameters_that_the_description_lacks_are_named_with_their_layer(network, graph):
    document = copy.deepcopy(network.to_json())
    weights = {layer.name: dict(layer.weights) for layer in network.layers}
    del weights["conv1"]["bias"]
    with pytest.raises(ModelError, match=r"layer conv1: .* has 864 parameters, the graph takes 896$"):
        check_graph(graph, Network.from_json(document, weights))


def test_a_layer_that_the_graph_lacks_is_named(network, graph):
    for node in graph.graph.node:
        for tensors in (node.input, node.output):
            for i, tensor in enumerate(tensors):
                tensors[i] = "other" if tensor == "pool2" else tensor
    with pytest.raises(ModelError, match="layer pool2: the graph computes nothing of that name"):
        check_graph(graph, network)


def test_a_kernel_of_another_size_is_named_with_its_layer(network, graph):
    (kernel,) = [tensor for tensor in graph.graph.initializer if tensor.name == "conv2/kernel"]
    kernel.CopyFrom(numpy_helper.from_array(np.zeros((64, 31, 3, 3), np.float32), "conv2/kernel"))
    with pytest.raises(ModelError, match=r"layer conv2: .* has 18,496 parameters, the graph takes 17,920$"):
        check_graph(graph, network)


def test_a_graph_that_does_not_fit_together_is_refused(network, graph):
    graph.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 7
    with pytest.raises(ModelError, match="the model: its graph does not fit together: ") as error:
        check_graph(graph, network)
    assert "\n" not in str(error.value)


def test_a_damaged_file_is_refused_before_its_layers_are_looked_at(network, tmp_path):
    path = tmp_path / "model.onnx"
    write(path, network, DESCRIPTION)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ModelError, match="damaged"):
        read_table(path)


def test_no_file_of_the_models_is_changed_by_being_looked_at(network, graph):
    before = graph.SerializeToString()
    check_graph(graph, network)
    assert graph.SerializeToString() == before
