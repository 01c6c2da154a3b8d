"""The nodes of layers that shift and scale."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from eyespot.bundle.step import Emit, Step
from eyespot.network import feature_axis, native_constant


def _rescaling(step: Step) -> str:
    (x,) = step.inputs
    for operator, name, neutral in (("Mul", "scale", 1), ("Add", "offset", 0)):
        value = native_constant(step.config[name], step.shapes[0])
        if (value != neutral).any():
            x = step.node(operator, x, step.constant(value))
    return x


def _normalization(step: Step) -> str:
    (x,), shape = step.inputs, step.shapes[0]
    kept = {feature_axis(axis, len(shape)) for axis in step.config["axis"]}
    broadcast = tuple(n if position in kept else 1 for position, n in enumerate(shape))
    mean, variance = (
        step.to_native_axes(step.reshaped(step.weight(name), broadcast), len(shape) + 1) for name in ("mean", "variance")
    )
    deviation = step.node("Max", step.node("Sqrt", variance), step.constant(1e-7))
    if step.config["invert"]:
        return step.node("Add", step.node("Mul", x, deviation), mean)
    return step.node("Div", step.node("Sub", x, mean), deviation)


def _batch_normalization(step: Step) -> str:
    (x,), shape = step.inputs, step.shapes[0]
    scale = step.weight("gamma") or step.constant(np.ones(shape[-1]))
    offset = step.weight("beta") or step.constant(np.zeros(shape[-1]))
    # ONNX wants the channels on the axis after the batch's, where a tensor of three axes does not have them.
    turned = len(shape) == 2
    x = step.node("Transpose", x, perm=(0, 2, 1)) if turned else x
    statistics = step.weight("moving_mean"), step.weight("moving_variance")
    y = step.node("BatchNormalization", x, scale, offset, *statistics, epsilon=step.config["epsilon"])
    return step.node("Transpose", y, perm=(0, 2, 1)) if turned else y


def _layer_normalization(step: Step) -> str:
    (x,), shape = step.inputs, step.shapes[0]
    axes = len(shape) + 1
    count = len(step.config["axis"]) if isinstance(step.config["axis"], list) else 1
    scale = step.weight("gamma") or step.constant(np.ones(shape[-count:]))
    offset = step.weight("beta") or step.constant(np.zeros(shape[-count:]))
    turned = step.to_keras_axes(x, axes)
    y = step.node("LayerNormalization", turned, scale, offset, axis=-count, epsilon=step.config["epsilon"])
    return step.to_native_axes(y, axes)


def _layer_scale(step: Step) -> str:
    (x,), gamma = step.inputs, step.weight("gamma")
    if len(step.shapes[0]) == 3:
        gamma = step.node("Reshape", gamma, step.constant((-1, 1, 1), np.int64))  # the channels of a map come before its rows
    return step.node("Mul", x, gamma)


LAYERS: Mapping[str, Emit] = {
    "Rescaling": _rescaling,
    "Normalization": _normalization,
    "BatchNormalization": _batch_normalization,
    "LayerNormalization": _layer_normalization,
    "LayerScale": _layer_scale,
}
