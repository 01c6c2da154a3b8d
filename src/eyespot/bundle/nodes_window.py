"""The nodes of layers that move a window over a map, or weigh all of it: convolutions, poolings, the fully connected layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eyespot.bundle.nodes_activation import activated
from eyespot.bundle.step import Emit, Step
from eyespot.network import Window, convolution_window, pooling_window


def _attributes(window: Window, step: Step) -> dict[str, Any]:
    height, width, _ = step.shapes[0]
    (top, bottom), (left, right) = window.padding_before_after((height, width))
    return {"kernel_shape": window.size, "strides": window.stride, "pads": (top, left, bottom, right)}


def _convolution(step: Step, kernel: str, bias: str, groups: int) -> str:
    window = convolution_window(step.config)
    inputs = [step.inputs[0], step.weight(kernel), step.weight(bias)]
    return step.node("Conv", *filter(None, inputs), **_attributes(window, step), dilations=window.dilation, group=groups)


def _conv2d(step: Step) -> str:
    return activated(step, _convolution(step, "kernel", "bias", step.config["groups"]))


def _depthwise_conv2d(step: Step) -> str:
    return activated(step, _convolution(step, "kernel", "bias", step.shapes[0][2]))


def _separable_conv2d(step: Step) -> str:
    x = _convolution(step, "depthwise_kernel", "", step.shapes[0][2])
    return activated(step, step.node("Conv", *filter(None, [x, step.weight("pointwise_kernel"), step.weight("bias")])))


def _max_pooling(step: Step) -> str:
    return step.node("MaxPool", *step.inputs, **_attributes(pooling_window(step.config), step))


def _average_pooling(step: Step) -> str:
    return step.node("AveragePool", *step.inputs, **_attributes(pooling_window(step.config), step), count_include_pad=0)


def _global_pooling(operator: str) -> Emit:
    def emit(step: Step) -> str:
        x = step.node(operator, *step.inputs)
        return x if step.config["keepdims"] else step.node("Flatten", x)

    return emit


def _dense(step: Step) -> str:
    (x,), axes = step.inputs, len(step.shapes[0]) + 1
    if axes == 2:
        return activated(step, step.node("Gemm", *filter(None, [x, step.weight("kernel"), step.weight("bias")]), transB=1))
    kernel = step.node("Transpose", step.weight("kernel"), perm=(1, 0))
    y = step.node("MatMul", step.to_keras_axes(x, axes), kernel)
    if step.config["use_bias"]:
        y = step.node("Add", y, step.weight("bias"))
    return activated(step, step.to_native_axes(y, axes))


LAYERS: Mapping[str, Emit] = {
    "Conv2D": _conv2d,
    "DepthwiseConv2D": _depthwise_conv2d,
    "SeparableConv2D": _separable_conv2d,
    "MaxPooling2D": _max_pooling,
    "AveragePooling2D": _average_pooling,
    "GlobalMaxPooling2D": _global_pooling("GlobalMaxPool"),
    "GlobalAveragePooling2D": _global_pooling("GlobalAveragePool"),
    "Dense": _dense,
}
