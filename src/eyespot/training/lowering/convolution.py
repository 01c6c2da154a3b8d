"""Convolutions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch.nn.functional as F
from torch import Tensor

from eyespot.network import Shape, Window, convolution_window
from eyespot.training.lowering.activation import ACTIVATIONS
from eyespot.training.lowering.call import Call, Compute, Config, Lower
from eyespot.training.lowering.weight_gradient import convolve, is_faster_as_product

Pad = Callable[[Tensor], Tensor]


def split_padding(window: Window, shape: Shape, value: float = 0.0) -> tuple[Pad, tuple[int, int]]:
    """What to do before a window moves over an input of `shape`, and the padding that torch's own operation is to add.

    Torch pads both sides alike, without a copy of the tensor; only where the sides differ is the tensor padded beforehand.
    """
    (top, bottom), (left, right) = window.padding_before_after((shape[0], shape[1]))
    if top == bottom and left == right:
        return lambda x: x, (top, left)
    return lambda x: F.pad(x, (left, right, top, bottom), value=value), (0, 0)


def _conv2d(config: Config, shapes: Sequence[Shape]) -> Compute:
    window = convolution_window(config)
    pad, padding = split_padding(window, shapes[0])
    activation = ACTIVATIONS[config["activation"]]
    groups: int = config["groups"]

    def compute(call: Call) -> Tensor:
        x, kernel, bias = pad(call.x), call.weights["kernel"], call.weights.get("bias")
        if is_faster_as_product(window, shapes[0], groups, x):
            return activation(convolve(x, kernel, bias, padding))
        return activation(F.conv2d(x, kernel, bias, window.stride, padding, window.dilation, groups))

    return compute


def _depthwise_conv2d(config: Config, shapes: Sequence[Shape]) -> Compute:
    return _conv2d({**config, "groups": shapes[0][2]}, shapes)


def _separable_conv2d(config: Config, shapes: Sequence[Shape]) -> Compute:
    window = convolution_window(config)
    pad, padding = split_padding(window, shapes[0])
    activation = ACTIVATIONS[config["activation"]]

    def compute(call: Call) -> Tensor:
        kernel = call.weights["depthwise_kernel"]
        x = F.conv2d(pad(call.x), kernel, None, window.stride, padding, window.dilation, groups=shapes[0][2])
        return activation(F.conv2d(x, call.weights["pointwise_kernel"], call.weights.get("bias")))

    return compute


LAYERS: Mapping[str, Lower] = {
    "Conv2D": _conv2d,
    "DepthwiseConv2D": _depthwise_conv2d,
    "SeparableConv2D": _separable_conv2d,
}
