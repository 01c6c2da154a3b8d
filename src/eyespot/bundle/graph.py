"""A network description as an ONNX graph, and back.

The graph takes raw `pixels`, (n, height, width, channels) uint8. Each layer's output tensor bears the layer's name; maps lie in
ONNX's order of axes, (n, channels, height, width). Weights are initializers named `layer/weight`, in the layout of
`eyespot.network.to_native`, so that the network can be had back from the file, bit by bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from eyespot.bundle import nodes_activation, nodes_merging, nodes_normalization, nodes_shape, nodes_window
from eyespot.bundle.step import Emit, GraphParts, Step
from eyespot.errors import UnsupportedError
from eyespot.network import Network, Weights, to_keras, to_native

OPSET = 18
"""The oldest set of operators that has all those in use but `NEWER_OPERATORS`, so that old runtimes read the file."""

NEWER_OPERATORS: Mapping[str, int] = {"Gelu": 20}
"""Operator -> the oldest set that has it. Written as one node, not as five, a GELU is left in the layout of convolutions."""

PIXELS = "pixels"
"""The name of the graph's input."""

EMITTERS: Mapping[str, Emit] = {
    kind: emit
    for family in (nodes_shape, nodes_normalization, nodes_window, nodes_activation, nodes_merging)
    for kind, emit in family.LAYERS.items()
}
"""Kind of layer -> its nodes; one for each of `eyespot.network.KINDS`."""


def to_onnx(network: Network) -> onnx.ModelProto:
    """The network as a checked ONNX model: `pixels` in, one output named as the network's output layer.

    The number of pictures is left open. Weights are stored as float32.

    Errors: UnsupportedError where a layer other than the first is named `pixels`.
    """
    first, *others = network.layers
    if any(layer.name == PIXELS for layer in others):
        raise UnsupportedError(f"the layer name {PIXELS} is kept for the input; rename the layer")
    parts = GraphParts()
    tensors = {first.name: PIXELS}
    for layer in network.layers:
        for name, weight in layer.weights.items():
            parts.add_initializer(f"{layer.name}/{name}", to_native(layer.kind, name, np.asarray(weight, np.float32)))
        inputs = tuple(tensors[name] for name in layer.inputs) or (PIXELS,)
        step = Step(parts, layer, inputs, tuple(network.shapes[name] for name in layer.inputs))
        result = EMITTERS[layer.kind](step)
        tensors[layer.name] = result if layer is first else step.name_output(result)
    batch = "n"
    graph = helper.make_graph(
        parts.nodes,
        "network",
        [helper.make_tensor_value_info(PIXELS, onnx.TensorProto.UINT8, [batch, *network.input_shape])],
        [helper.make_tensor_value_info(network.output, onnx.TensorProto.FLOAT, [batch, *_onnx_shape(network)])],
        parts.initializers,
    )
    opsets = [helper.make_opsetid("", max(NEWER_OPERATORS.get(node.op_type, OPSET) for node in parts.nodes))]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=helper.find_min_ir_version_for(opsets))
    model.producer_name = "eyespot"
    onnx.checker.check_model(model)
    return model


def from_onnx(model: onnx.ModelProto, network_json: Mapping[str, Any]) -> Network:
    """The network that `to_onnx` wrote; `network_json` is its `to_json()`. Errors: KeyError for a weight that is missing."""
    return Network.from_json(network_json, weights_from_onnx(model, network_json))


def weights_from_onnx(model: onnx.ModelProto, network_json: Mapping[str, Any]) -> dict[str, Weights]:
    """The weights in a model that `to_onnx` wrote, by layer name, in Keras' layout. Errors: as `from_onnx`."""
    initializers = {initializer.name: initializer for initializer in model.graph.initializer}

    def weight(layer: Mapping[str, Any], name: str) -> Any:
        native = numpy_helper.to_array(initializers[f"{layer['name']}/{name}"])
        return to_keras(layer["kind"], name, native, layer["weights"][name])

    return {
        layer["name"]: {name: weight(layer, name) for name in layer["weights"]}
        for layer in network_json["layers"]
        if layer["weights"]
    }


def _onnx_shape(network: Network) -> tuple[int, ...]:
    shape = network.shapes[network.output]
    return (shape[2], shape[0], shape[1]) if len(shape) == 3 else shape
