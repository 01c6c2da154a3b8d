"""The layer table of a model file, from the file alone: what it says of its layers is held against its graph."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from eyespot.bundle import read_network
from eyespot.errors import ModelError
from eyespot.explanation.layers import LayerSummary, layer_table
from eyespot.network import KINDS, Network, Shape


def read_table(path: Path) -> list[LayerSummary]:
    """One row for every layer of a model file, in order.

    Errors: ModelError, as `eyespot.bundle.read_network`, and as `check_graph`.
    """
    import onnx

    network = read_network(path)
    check_graph(onnx.load(str(path)), network, name=str(path))
    return layer_table(network)


def check_graph(model: Any, network: Network, *, name: str = "the model") -> None:
    """Hold a network against an `onnx.ModelProto` that is to compute it: the shape of every layer's tensor, and its parameters.

    Shapes are those that ONNX infers from the graph's nodes and weights; parameters are the numbers in the initializers of each
    layer that a node takes.

    Args:
        model: the graph.
        network: what its description says.
        name: what errors call the model.

    Errors: ModelError, which names the first layer that differs, and how.
    """
    shapes = _inferred_shapes(model, name)
    sizes = _parameters(model)
    pixels = model.graph.input[0].name
    for layer in network.layers:
        tensor = layer.name if layer.inputs else pixels
        if tensor not in shapes:
            raise ModelError(f"{name}: layer {layer.name}: the graph computes nothing of that name")
        described = network.shapes[layer.name]
        computed = _keras_order(shapes[tensor]) if layer.inputs else shapes[tensor]
        if computed != described:
            raise ModelError(
                f"{name}: layer {layer.name}: the description says that it returns {_size(described)}, "
                f"the graph returns {_size(computed)}"
            )
        expected = sum(weight.size for weight in layer.weights.values())
        found = sum(sizes.get(f"{layer.name}/{weight}", 0) for weight in KINDS[layer.kind].weights)
        if found != expected:
            raise ModelError(
                f"{name}: layer {layer.name}: the description says that it has {expected:,} parameters, "
                f"the graph takes {found:,}"
            )


def _inferred_shapes(model: Any, name: str) -> Mapping[str, Shape]:
    """Each tensor's shape as ONNX infers it, without the batch axis; 0 where a size is not known."""
    from onnx import shape_inference

    try:
        graph = shape_inference.infer_shapes(model, check_type=True, strict_mode=True).graph
    except shape_inference.InferenceError as error:
        raise ModelError(f"{name}: its graph does not fit together: {str(error).strip().splitlines()[0]}") from error
    return {
        info.name: tuple(axis.dim_value for axis in info.type.tensor_type.shape.dim)[1:]
        for info in (*graph.input, *graph.value_info, *graph.output)
    }


def _parameters(model: Any) -> Mapping[str, int]:
    """How many numbers each initializer holds that a node takes."""
    taken = {tensor for node in model.graph.node for tensor in node.input}
    return {tensor.name: prod(tensor.dims) for tensor in model.graph.initializer if tensor.name in taken}


def _keras_order(shape: Shape) -> Shape:
    return (shape[1], shape[2], shape[0]) if len(shape) == 3 else shape


def _size(shape: Shape) -> str:
    return " x ".join(str(size or "?") for size in shape)
