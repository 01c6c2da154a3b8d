"""Batch normalizations taken into the layers before them: the same numbers in fewer steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eyespot.network import Layer, Network

_KERNELS: Mapping[str, str] = {
    "Conv2D": "kernel",
    "DepthwiseConv2D": "kernel",
    "SeparableConv2D": "pointwise_kernel",
    "Dense": "kernel",
}
"""Kind of layer that weighs its input -> which of its weights sees to the scale of each output channel."""

_Array = NDArray[np.floating[Any]]


def fold_normalizations(network: Network) -> Network:
    """The network without the batch normalizations that the layers before them can do as well.

    Once trained, a batch normalization multiplies and shifts each channel by constants. A convolution or fully connected layer
    without an activation before it does the same with other weights. Max pooling may lie between, where all factors are
    positive: what was largest stays largest.
    """
    for layer in network.layers:
        if layer.kind == "BatchNormalization" and layer.name != network.output:
            network = _folded(network, layer.name)
    return network


def _folded(network: Network, name: str) -> Network:
    """The network without the normalization of that name, where that is possible."""
    normalization = network.by_name[name]
    factor, offset = _factor_and_offset(normalization)
    before = network.by_name[normalization.inputs[0]]
    source = before
    while source.kind == "MaxPooling2D" and (factor > 0).all() and _has_one_consumer(network, source):
        source = network.by_name[source.inputs[0]]
    if source.kind not in _KERNELS or source.config["activation"] != "linear" or not _has_one_consumer(network, source):
        return network
    changed = _scaled(source, factor, offset)
    kept = [changed if layer is source else layer for layer in network.layers if layer is not normalization]
    return replace(network, layers=tuple(_fed_by(layer, name, before.name) for layer in kept))


def _factor_and_offset(normalization: Layer) -> tuple[_Array, _Array]:
    weights = {name: np.asarray(weight, np.float64) for name, weight in normalization.weights.items()}
    factor = weights.get("gamma", 1.0) / np.sqrt(weights["moving_variance"] + normalization.config["epsilon"])
    return factor, weights.get("beta", 0.0) - weights["moving_mean"] * factor


def _has_one_consumer(network: Network, layer: Layer) -> bool:
    return len(network.consumers(layer.name)) == 1 and layer.name != network.output


def _scaled(layer: Layer, factor: _Array, offset: _Array) -> Layer:
    name = _KERNELS[layer.kind]
    kernel = layer.weights[name]
    # The output channels of a depthwise convolution are its last two axes, those of all others the last.
    channels = kernel.shape[-2:] if layer.kind == "DepthwiseConv2D" else kernel.shape[-1:]
    bias = np.asarray(layer.weights.get("bias", 0.0), np.float64) * factor + offset
    scaled = {name: kernel * factor.reshape(channels), "bias": bias}
    weights = {**layer.weights, **{name: weight.astype(np.float32) for name, weight in scaled.items()}}
    return replace(layer, config={**layer.config, "use_bias": True}, weights=weights)


def _fed_by(layer: Layer, old: str, new: str) -> Layer:
    return replace(layer, inputs=tuple(new if name == old else name for name in layer.inputs))
