"""The window behind one unit: which numbers of a layer's input it looks at, and what it makes of them.

Convolutions, depthwise and separable ones and the fully connected layer multiply the numbers in a window with a kernel and add
the products up; poolings take the largest number, or the mean. Every other kind of layer has no window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eyespot.errors import InputError
from eyespot.explanation.activations import Activations
from eyespot.network import KINDS, Layer, Network, Shape, Window

Unit = tuple[int, int, int]
"""(row, column, channel)."""

SUMS = frozenset({"Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Dense"})
"""Kinds whose units are sums of products."""

POOLS: Mapping[str, str] = {
    "MaxPooling2D": "max",
    "AveragePooling2D": "mean",
    "GlobalMaxPooling2D": "max",
    "GlobalAveragePooling2D": "mean",
}
"""Kinds whose units are the largest number of a window, or its mean."""


@dataclass(frozen=True)
class Kernel:
    """What one channel of a layer's output multiplies its input with.

    Attributes:
        first: the first channel of the input that it takes; it takes as many as `weights` has.
        weights: (channels, height, width).
        bias: what is added to the sum of all products.
    """

    first: int
    weights: NDArray[np.float32]
    bias: float


@dataclass(frozen=True)
class UnitWindow:
    """One unit worked out.

    Attributes:
        start: the row and column of the input at which the window starts; negative in the padding.
        values: the numbers in the window, (channels, height, width); those in the padding are 0.
        inside: (height, width), whether a place lies on the map, and not in its padding.
        kernel: what the numbers are multiplied with; None for a pooling.
        total: the sum, the largest or the mean: the unit's value, before the layer's own activation function where it has one.
    """

    start: tuple[int, int]
    values: NDArray[np.float32]
    inside: NDArray[np.bool_]
    kernel: Kernel | None
    total: float


def as_map(shape: Shape) -> tuple[int, int, int]:
    """A shape as (height, width, channels): features are the channels of a map of one unit, rows of them lie side by side."""
    if len(shape) == 3:
        return shape[0], shape[1], shape[2]
    return (1, 1, shape[0]) if len(shape) == 1 else (1, int(np.prod(shape[:-1])), shape[-1])


def moved_window(layer: Layer, source: Shape) -> tuple[Window, tuple[int, int]]:
    """The window that a layer of `SUMS` or `POOLS` moves over its input, and the rows and columns of padding before that.

    Args:
        layer: the layer.
        source: the shape of its input.
    """
    kind, (height, width, _) = KINDS[layer.kind], as_map(source)
    if kind.window:
        window = kind.window(layer.config)
        (top, _), (left, _) = window.padding_before_after((height, width))
        return window, (top, left)
    over_all = layer.kind in POOLS
    return Window((height, width) if over_all else (1, 1), (1, 1)), (0, 0)


def taken_channels(layer: Layer, source: Shape, channel: int) -> range:
    """The channels of its input, of shape `source`, that channel `channel` of a layer of `SUMS` takes."""
    channels = as_map(source)[2]
    if layer.kind == "DepthwiseConv2D":
        return range(channel // layer.config["depth_multiplier"], channel // layer.config["depth_multiplier"] + 1)
    if layer.kind == "Conv2D":
        groups = layer.config["groups"]
        group = channel // (layer.config["filters"] // groups)
        return range(group * (channels // groups), (group + 1) * (channels // groups))
    return range(channels)


def kernel(layer: Layer, source: Shape, channel: int) -> Kernel:
    """What channel `channel` of a layer of `SUMS` multiplies its input, of shape `source`, with.

    A separable convolution's two kernels are multiplied into the one that they amount to.
    """
    weights, taken = layer.weights, taken_channels(layer, source, channel)
    if layer.kind == "Dense":
        numbers = weights["kernel"][:, channel, None, None]
    elif layer.kind == "DepthwiseConv2D":
        numbers = weights["kernel"][None, :, :, taken.start, channel % layer.config["depth_multiplier"]]
    elif layer.kind == "SeparableConv2D":
        pointwise = weights["pointwise_kernel"][0, 0, :, channel].reshape(len(taken), -1)
        numbers = np.einsum("hwcm,cm->chw", weights["depthwise_kernel"], pointwise, dtype=np.float64)
    else:
        numbers = weights["kernel"][:, :, :, channel].transpose(2, 0, 1)
    bias = float(weights["bias"][channel]) if "bias" in weights else 0.0
    return Kernel(taken.start, numbers.astype(np.float32), bias)


def unit_window(network: Network, values: Activations, name: str, unit: Unit) -> UnitWindow:
    """The unit at `unit` of layer `name`, worked out from its input.

    Args:
        network: the network.
        values: its activations for one picture.
        name: a layer of `SUMS` or `POOLS`.
        unit: (row, column, channel); the units of a layer without rows and columns lie at row 0, column 0.

    Errors: InputError for a layer without a window, or a unit that is not there.
    """
    layer = network.by_name.get(name)
    if layer is None or not (layer.kind in SUMS or layer.kind in POOLS):
        raise InputError(f"a window has a convolution, a pooling or a fully connected layer; got {name!r}")
    shape = as_map(network.shapes[name])
    if not all(0 <= position < size for position, size in zip(unit, shape, strict=True)):
        raise InputError(f"{name} has {' x '.join(map(str, shape))} units, counted from 0; got {unit}")
    source_shape = network.shapes[layer.inputs[0]]
    source = values[layer.inputs[0]].reshape(as_map(source_shape))
    window, before = moved_window(layer, source_shape)
    start = tuple(at * stride - pad for at, stride, pad in zip(unit, window.stride, before, strict=False))
    rows, columns = (at + hole * np.arange(size) for at, hole, size in zip(start, window.dilation, window.size, strict=True))
    inside = _within(rows, source.shape[0])[:, None] & _within(columns, source.shape[1])[None]
    weighed = kernel(layer, source_shape, unit[2]) if layer.kind in SUMS else None
    first, count = (weighed.first, len(weighed.weights)) if weighed else (unit[2], 1)
    seen = source[np.clip(rows, 0, source.shape[0] - 1)[:, None], np.clip(columns, 0, source.shape[1] - 1)[None]]
    numbers = np.where(inside[..., None], seen, 0)[..., first : first + count].transpose(2, 0, 1)
    return UnitWindow((start[0], start[1]), numbers, inside, weighed, _total(layer, numbers, inside, weighed))


def _within(positions: NDArray[np.intp], size: int) -> NDArray[np.bool_]:
    return (positions >= 0) & (positions < size)


def _total(layer: Layer, numbers: NDArray[np.float32], inside: NDArray[np.bool_], weighed: Kernel | None) -> float:
    if weighed is not None:
        return float(np.vdot(numbers.astype(np.float64), weighed.weights.astype(np.float64))) + weighed.bias
    on_map = numbers[0][inside]
    return float(on_map.max()) if POOLS[layer.kind] == "max" else float(on_map.mean(dtype=np.float64))
