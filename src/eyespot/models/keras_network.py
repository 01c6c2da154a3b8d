"""Keras models as network descriptions, and back.

A description keeps Keras' own names and arguments, so there is little to translate; the care is in what it does not keep.
"""

from __future__ import annotations

import json
from inspect import getmodule, signature
from typing import Any

import numpy as np

from eyespot.errors import UnsupportedError
from eyespot.models.backend import keras
from eyespot.models.keras_graph import Node, all_layers, check_model, is_operation, take_apart
from eyespot.network import ACTIVATIONS, KINDS, Layer, Network, Weights

_HARMLESS = ("name", "trainable", "dtype", "seed")
"""Arguments that change neither the output nor what is learned from which data; names and types are kept otherwise."""

_TRAINING_ONLY = ("_regularizer", "_constraint")
_PRECISIONS = ("float32", "float64")

_OPERATIONS = ("Add", "Multiply")
"""Keras' bare operations, `x + y` and `x * y`, that are read as layers."""


def read(model: Any) -> Network:
    """The description of a built Keras model: Sequential, functional or nested, on any backend.

    A layer within a nested model is named `outer/inner`; `x + y` and `x * y` are read as layers. Regularizers, constraints and
    layers called with `training=False`, which matter in training only, are left out: see `training_obstacles`.

    Errors: InputError for what is not a built Keras model; UnsupportedError for unknown layers, layers used more than once,
    several inputs or outputs, and every argument that the description does not keep, named with its layer and value.
    """
    check_model(model)
    unknown = unknown_layers(model)
    if unknown:
        raise UnsupportedError(
            f"unknown layer {', '.join(unknown)}; the layers that Eyespot knows are {', '.join(sorted(KINDS))}"
        )
    graph = take_apart(model)
    _check_precision(graph.nodes)
    pixels = Layer(graph.inputs[0], "InputLayer", {"shape": _input_shape(model)}, ())
    return Network((pixels, *(_read_layer(node) for node in graph.nodes)), graph.output)


def build(network: Network) -> Any:
    """A stock functional Keras model of the same layers, names and weights; `/` in a name becomes `_`."""
    first, *others = network.layers
    tensors = {first.name: keras.Input(first.config["shape"], name=first.name)}
    pixels = tensors[first.name]
    for layer in others:
        inputs = [tensors[name] for name in layer.inputs]
        keras_layer = _build_layer(layer)
        tensors[layer.name] = keras_layer(inputs if len(inputs) > 1 else inputs[0])
        for name, variable in _layer_variables(keras_layer).items():
            variable.assign(layer.weights[name])
    return keras.Model(pixels, tensors[network.output])


def layer_class(kind: str) -> Any:
    """The Keras class of a kind of layer."""
    if kind == "LayerScale":  # lies beside the networks that are made of it, not among Keras' layers
        return vars(getmodule(keras.applications.ConvNeXtTiny))[kind]
    return getattr(keras.layers, kind)


def uncompiled(model: Any) -> Any:
    """A copy of a Keras model without what `compile` gave it: an optimizer made on one backend opens on no other."""
    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    return copy


def unknown_layers(model: Any) -> list[str]:
    """The layers that Eyespot does not know, as `name (class)`. Errors: as of `read`, for what is not a built model."""
    check_model(model)
    return [f"{name} ({type(layer).__name__})" for name, layer in all_layers(model) if not _is_known(layer)]


def training_obstacles(model: Any) -> list[str]:
    """What `read` leaves out but stock `fit` would honour, one line each; none where both train the same model."""
    obstacles = []
    for node in take_apart(model).nodes:
        obstacles += [
            f"layer {node.name}: {argument}={_plain(value)}"
            for argument, value in node.layer.get_config().items()
            if argument.endswith(_TRAINING_ONLY) and value is not None
        ]
        obstacles += [
            f"layer {node.name}: {name}.trainable={variable.trainable}"
            for name, variable in _layer_variables(node.layer).items()
            if variable.trainable and (not node.layer.trainable or name in KINDS[type(node.layer).__name__].statistics)
        ]
        if node.always_inference and "training" in signature(node.layer.call).parameters:
            obstacles.append(f"layer {node.name}: called with training=False")
    return obstacles


def variables(model: Any) -> dict[str, dict[str, Any]]:
    """The model's own Keras variables, by layer name and weight name as in its description; layers without any left out."""
    found = {name: _layer_variables(layer) for name, layer in all_layers(model)}
    return {name: weights for name, weights in found.items() if weights}


def frozen_layers(model: Any) -> frozenset[str]:
    """The names of the layers that have weights and `trainable=False`."""
    return frozenset(name for name, layer in all_layers(model) if _layer_variables(layer) and not layer.trainable)


def frozen_weights(model: Any) -> frozenset[tuple[str, str]]:
    """The weights that are not trained, as (layer name, weight name): all those of frozen layers, and others one by one."""
    return frozenset(
        (name, weight) for name, of_layer in variables(model).items() for weight, each in of_layer.items() if not each.trainable
    )


def _is_known(layer: Any) -> bool:
    kind = type(layer).__name__
    if is_operation(layer):
        return kind in _OPERATIONS and type(layer).__module__.startswith("keras.")
    return kind in KINDS and type(layer) is layer_class(kind)


def _input_shape(model: Any) -> list[int]:
    shape = list(model.inputs[0].shape[1:])
    if None in shape:
        raise UnsupportedError(f"the model {model.name} takes inputs of any size, {tuple(shape)}; give keras.Input a size")
    return shape


def _check_precision(nodes: tuple[Node, ...]) -> None:
    """One of the plain precisions, the same everywhere: anything else changes what layers compute."""
    for node in nodes:
        policy, first = _precision(node.layer), _precision(nodes[0].layer)
        if policy not in _PRECISIONS or policy != first:
            raise UnsupportedError(
                f"layer {node.name}: dtype={policy}; Eyespot knows {' or '.join(_PRECISIONS)}, the same for all layers"
            )


def _precision(layer: Any) -> str:
    return str(layer.output.dtype if is_operation(layer) else layer.dtype_policy.name)


def _read_operation(node: Node) -> Layer:
    """`x + y` and `x * y`: of two tensors the layer of that name, of a tensor and a number a Rescaling."""
    kind = type(node.layer).__name__
    if len(node.inputs) == 2 and len({len(tensor.shape) for tensor in node.layer.input}) == 1:
        return Layer(node.name, kind, {}, node.inputs)
    if len(node.inputs) == 1 and isinstance(node.constants[0], (int, float)):
        number = float(node.constants[0])
        scale, offset = (1.0, number) if kind == "Add" else (number, 0.0)
        return Layer(node.name, "Rescaling", {"scale": scale, "offset": offset}, node.inputs)
    raise UnsupportedError(
        f"layer {node.name}: Eyespot knows {kind} of two tensors with as many axes, or of a tensor and a number"
    )


def _read_layer(node: Node) -> Layer:
    if is_operation(node.layer):
        return _read_operation(node)
    layer, kind = node.layer, type(node.layer).__name__
    config = {"activation": _activation_name(node)} if "activation" in KINDS[kind].arguments else {}
    for argument, value in layer.get_config().items():
        if argument in KINDS[kind].arguments:
            config.setdefault(argument, _plain(value))
        elif not _may_be_left_out(layer, argument, value):
            raise UnsupportedError(f"layer {node.name}: {kind}({argument}={_plain(value)}) is not known to Eyespot")
    return Layer(node.name, kind, config, node.inputs, _weights(layer))


def _activation_name(node: Node) -> str:
    """Recognized by the function itself: others may go by the same name."""
    activation = node.layer.activation
    for name in ACTIVATIONS:
        if keras.activations.get(name) is activation:
            return name
    given = getattr(activation, "__qualname__", type(activation).__name__)
    known = ", ".join(ACTIVATIONS)
    raise UnsupportedError(f"layer {node.name}: activation={given} is not one of Keras' own that Eyespot knows: {known}")


def _may_be_left_out(layer: Any, argument: str, value: Any) -> bool:
    """Whether an argument of a stock layer that the description does not keep changes nothing: harmless, or at its default."""
    if argument in _HARMLESS or argument.endswith(("_initializer", *_TRAINING_ONLY)):
        return True
    if argument == "data_format":
        return bool(value == "channels_last")
    if type(layer) is keras.layers.Normalization and argument in ("mean", "variance"):
        return True
    parameter = signature(type(layer).__init__).parameters.get(argument)
    return bool(value == parameter.default) if parameter else value in (None, False)


def _plain(value: Any) -> Any:
    """A configuration value in JSON's types: tuples and arrays become lists, Keras' wrapping of arrays is taken off."""
    if isinstance(value, dict) and value.get("class_name") == "__numpy__":
        value = value["config"]["value"]
    return json.loads(json.dumps(value, default=lambda other: np.asarray(other).tolist()))


def _weights(layer: Any) -> Weights:
    if type(layer) is keras.layers.Normalization:
        shape = layer.mean.shape
        kept = [shape[axis] for axis in sorted(axis % len(shape) for axis in layer.axis)]
        return {name: _numpy(getattr(layer, name)).reshape(kept) for name in ("mean", "variance")}
    return {name: _numpy(variable) for name, variable in _layer_variables(layer).items()}


def _numpy(tensor: Any) -> Any:
    return np.array(keras.ops.convert_to_numpy(tensor))


def _layer_variables(layer: Any) -> dict[str, Any]:
    kind = KINDS.get(type(layer).__name__)
    if kind is None or not kind.weights:
        return {}
    if type(layer) is layer_class("LayerScale"):
        return {"gamma": layer.gamma}  # Keras gives it no name of its own
    return {variable.name: variable for variable in layer.weights if variable.name in kind.weights}


def _build_layer(layer: Layer) -> Any:
    arguments = dict(layer.config)
    if layer.kind == "Normalization":
        arguments |= {name: weight.tolist() for name, weight in layer.weights.items()}
    return layer_class(layer.kind)(**arguments, name=layer.name.replace("/", "_"))
