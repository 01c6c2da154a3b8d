"""Networks rewritten, before they are lowered, to others that compute the same numbers in less time."""

from __future__ import annotations

from dataclasses import replace

from eyespot.network import Layer, Network


def _activation_of(layer: Layer) -> str:
    """The name of the activation that a layer ends with."""
    if layer.kind == "ReLU" and layer.config == {"max_value": None, "negative_slope": 0.0, "threshold": 0.0}:
        return "relu"
    if layer.kind == "Softmax":
        return "softmax" if layer.config["axis"] == -1 else "linear"
    return str(layer.config.get("activation", "linear"))


def _without_activation(layer: Layer) -> Layer:
    if layer.kind in ("ReLU", "Softmax"):
        return replace(layer, kind="Activation", config={"activation": "linear"})
    return replace(layer, config={**layer.config, "activation": "linear"})


def ends_in_softmax(network: Network) -> bool:
    """Whether the network's outputs are probabilities that a softmax over the last axis made."""
    return _activation_of(network.by_name[network.output]) == "softmax"


def without_softmax(network: Network) -> Network:
    """The network up to its last softmax: its output are the scores, the logits."""
    return replace(
        network,
        layers=tuple(_without_activation(layer) if layer.name == network.output else layer for layer in network.layers),
    )


def pool_before_relu(network: Network) -> Network:
    """The network with each max pooling that follows a ReLU moved before it.

    The largest of the rectified numbers is the largest number, rectified, and its gradient goes the same way; so nothing
    changes, but the ReLU has only a quarter of the numbers to see to after a pooling of 2 x 2.
    """
    pools = {
        layer.name: network.by_name[layer.inputs[0]]
        for layer in network.layers
        if layer.kind == "MaxPooling2D"
        and _activation_of(network.by_name[layer.inputs[0]]) == "relu"
        and network.consumers(layer.inputs[0]) == (layer.name,)
        and layer.inputs[0] != network.output
    }
    rectified = {layer.name for layer in pools.values()}
    layers: list[Layer] = []
    for layer in network.layers:
        if layer.name in rectified:
            layers.append(_without_activation(layer))
        elif layer.name in pools:
            pool = replace(layer, name=f"{layer.name}/largest")
            layers += [pool, Layer(layer.name, "Activation", {"activation": "relu"}, (pool.name,))]
        else:
            layers.append(layer)
    return replace(network, layers=tuple(layers))
