"""A Keras model taken apart: its layers in order, whether it is Sequential, functional or made of other models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eyespot.errors import InputError, UnsupportedError
from eyespot.models.backend import keras


@dataclass(frozen=True)
class Node:
    """One layer of a model, or one bare operation.

    Attributes:
        name: with the names of the models around it: `outer/inner`.
        layer: the Keras layer or operation.
        inputs: the names of the nodes whose outputs it takes; the model's own inputs by their names.
        always_inference: whether the model calls it with `training=False`.
        constants: what the model calls it with beside tensors: the 3 of `x + 3`.
    """

    name: str
    layer: Any
    inputs: tuple[str, ...]
    always_inference: bool = False
    constants: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Graph:
    """A model's inputs (names), its nodes, each after those it takes from, and the name of the node that gives its output."""

    inputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    output: str


def is_graph(layer: Any) -> bool:
    """Whether a layer is a model that can be taken apart, rather than one with a `call` of its own."""
    functional = type(layer).__name__ == "Functional" and type(layer).__module__.startswith("keras.")
    return functional or type(layer) is keras.Sequential


def is_operation(layer: Any) -> bool:
    """Whether it is a bare operation, as `x + y` puts one into a model, rather than a layer."""
    return not isinstance(layer, keras.layers.Layer)


def check_model(model: Any) -> None:
    """Errors: InputError for what is not a built Keras model, UnsupportedError for a subclass with a `call` of its own."""
    if not isinstance(model, keras.Model):
        raise InputError(f"expected a Keras model, received {type(model).__name__}")
    if not is_graph(model):
        raise UnsupportedError(
            f"the model {model.name} is of a class of its own ({type(model).__name__}), whose layers cannot be followed;"
            " make it Sequential or functional"
        )
    if not model.built:
        raise InputError(f"the model {model.name} does not know its input shape yet; begin it with keras.Input(...)")


def all_layers(model: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every layer (or bare operation) of a model with its name, those of nested models included, inputs left out."""
    for layer in getattr(model, "operations", model.layers):
        if is_graph(layer):
            yield from all_layers(layer, f"{prefix}{layer.name}/")
        elif not isinstance(layer, keras.layers.InputLayer):
            yield prefix + layer.name, layer


def take_apart(model: Any) -> Graph:
    """The graph of a model, nested models taken apart too.

    Errors: UnsupportedError for several inputs or outputs, layers used more than once, and call arguments other than
    `training=False`.
    """
    shallow = _sequential(model) if isinstance(model, keras.Sequential) else _functional(model)
    if len(shallow.inputs) != 1:
        raise UnsupportedError(f"the model {model.name} has {len(shallow.inputs)} inputs; Eyespot knows models with one")
    nodes, output = _flatten(shallow, "", shallow.inputs, False)
    seen: dict[int, str] = {}
    for node in nodes:
        if id(node.layer) in seen:
            raise _shared(f"{seen[id(node.layer)]} = {node.name}")
        seen[id(node.layer)] = node.name
    return Graph(shallow.inputs, tuple(nodes), output)


def _flatten(graph: Graph, prefix: str, sources: Sequence[str], always_inference: bool) -> tuple[list[Node], str]:
    """The nodes under their full names, and the full name of the output; `sources` feed the graph's inputs."""
    outputs = dict(zip(graph.inputs, sources, strict=True))
    nodes: list[Node] = []
    for node in graph.nodes:
        inputs = tuple(outputs[name] for name in node.inputs)
        calm = always_inference or node.always_inference
        if is_graph(node.layer):
            inner = _sequential(node.layer) if isinstance(node.layer, keras.Sequential) else _functional(node.layer)
            inner_nodes, outputs[node.name] = _flatten(inner, f"{prefix}{node.name}/", inputs, calm)
            nodes += inner_nodes
        else:
            outputs[node.name] = prefix + node.name
            nodes.append(replace(node, name=prefix + node.name, inputs=inputs, always_inference=calm))
    return nodes, outputs[graph.output]


def _sequential(model: Any) -> Graph:
    names = [model.inputs[0].name, *(layer.name for layer in model.layers)]
    nodes = tuple(Node(layer.name, layer, (before,)) for before, layer in zip(names, model.layers, strict=False))
    return Graph((names[0],), nodes, names[-1])


def _functional(model: Any) -> Graph:
    config = model.get_config()
    operations = {operation.name: operation for operation in model.operations}
    outputs = _ends(config["output_layers"])
    if len(outputs) != 1:
        raise UnsupportedError(f"the model {model.name} has {len(outputs)} outputs; Eyespot knows models with one")
    nodes = tuple(
        _functional_node(entry, operations[entry["name"]]) for entry in config["layers"] if entry["class_name"] != "InputLayer"
    )
    return Graph(_ends(config["input_layers"]), nodes, outputs[0])


def _functional_node(entry: Any, layer: Any) -> Node:
    if len(entry["inbound_nodes"]) != 1:
        raise _shared(layer.name)
    (node,) = entry["inbound_nodes"]
    arguments = {name: value for name, value in node["kwargs"].items() if not _is_absent(value)}
    given = [argument for argument in (*node["args"], arguments.pop("inputs", None)) if not _is_absent(argument)]
    training = arguments.pop("training", None)
    if arguments or training:
        raise UnsupportedError(f"the layer {layer.name} is called with {arguments or 'training=True'}")
    constants = tuple(argument for argument in given if not any(_sources(argument)))
    return Node(layer.name, layer, tuple(_sources(given)), training is not None, constants)


def _is_absent(argument: Any) -> bool:
    """Whether an argument is None, or made of nothing else: the masks of several inputs that have none."""
    return argument is None or (isinstance(argument, (list, dict)) and all(map(_is_absent, _in_order(argument))))


def _sources(argument: Any) -> Iterator[str]:
    """The names of the layers whose output tensors occur in a serialized argument."""
    if isinstance(argument, dict) and argument.get("class_name") == "__keras_tensor__":
        yield argument["config"]["keras_history"][0]
    elif isinstance(argument, (list, tuple, dict)):
        for item in _in_order(argument):
            yield from _sources(item)


def _ends(structure: Any) -> tuple[str, ...]:
    """The layer names in Keras' `[name, 0, 0]`, or in lists or dictionaries of it."""
    items = _in_order(structure)
    if items and isinstance(items[0], str):
        return (items[0],)
    return tuple(name for item in items for name in _ends(item))


def _in_order(structure: Any) -> list[Any]:
    """The items of a list, or of a dictionary by their keys, so that a model's inputs and what it is called with agree."""
    return [structure[key] for key in sorted(structure)] if isinstance(structure, dict) else list(structure)


def _shared(name: str) -> UnsupportedError:
    return UnsupportedError(f"the layer {name} is used more than once; Eyespot knows networks in which each is used once")
