"""The nodes of the input, of layers that only rearrange or pad, and of those that do nothing once a network is trained."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from onnx import TensorProto

from eyespot.bundle.step import Emit, Step
from eyespot.network import KINDS


def _input(step: Step) -> str:
    return step.to_native_axes(step.node("Cast", *step.inputs, to=TensorProto.FLOAT), len(step.config["shape"]) + 1)


def _reshape(step: Step) -> str:
    target = KINDS[step.layer.kind].output_shape(step.config, step.shapes)
    x = step.reshaped(step.to_keras_axes(step.inputs[0], len(step.shapes[0]) + 1), target)
    return step.to_native_axes(x, len(target) + 1)


def _zero_padding(step: Step) -> str:
    (top, bottom), (left, right) = step.config["padding"]
    return step.node("Pad", *step.inputs, step.constant((0, 0, top, left, 0, 0, bottom, right), np.int64))


def _nothing(step: Step) -> str:
    return step.inputs[0]


LAYERS: Mapping[str, Emit] = {
    "InputLayer": _input,
    "Flatten": _reshape,
    "Reshape": _reshape,
    "ZeroPadding2D": _zero_padding,
    "Dropout": _nothing,
    "SpatialDropout2D": _nothing,
}
