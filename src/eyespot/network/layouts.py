"""Weights between Keras' layout (channels last) and the layout that torch and ONNX share (channels first)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eyespot.network.kinds import Shape, feature_axis

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Layout:
    """How one weight's axes are arranged in torch and ONNX.

    Attributes:
        axes: native axis i is Keras' axis `axes[i]`.
        joined: whether the first two native axes become one, followed by an axis of size 1 (depthwise kernels).
    """

    axes: tuple[int, ...]
    joined: bool = False

    def native(self, weight: Array) -> Array:
        """A weight in Keras' layout, rearranged."""
        turned = weight.transpose(self.axes)
        if self.joined:
            turned = turned.reshape(-1, 1, *turned.shape[2:])
        return turned.copy(order="C")

    def keras(self, weight: Array, shape: Sequence[int]) -> Array:
        """The reverse of `native`; `shape` is the shape in Keras."""
        turned = weight.reshape([shape[axis] for axis in self.axes])
        return turned.transpose(np.argsort(self.axes)).copy(order="C")


_KERNEL = Layout((3, 2, 0, 1))
_DEPTHWISE = Layout((2, 3, 0, 1), joined=True)

LAYOUTS: Mapping[tuple[str, str], Layout] = {
    ("Conv2D", "kernel"): _KERNEL,
    ("DepthwiseConv2D", "kernel"): _DEPTHWISE,
    ("SeparableConv2D", "depthwise_kernel"): _DEPTHWISE,
    ("SeparableConv2D", "pointwise_kernel"): _KERNEL,
    ("Dense", "kernel"): Layout((1, 0)),
    ("PReLU", "alpha"): Layout((2, 0, 1)),
}
"""(kind of layer, weight) -> layout; a weight that is not listed, or has another number of axes, is the same everywhere."""


def _layout(kind: str, weight: str, axes: int) -> Layout:
    layout = LAYOUTS.get((kind, weight))
    return layout if layout and len(layout.axes) == axes else Layout(tuple(range(axes)))


def to_native(kind: str, name: str, weight: Array) -> Array:
    """The weight called `name` of a layer of that kind, from Keras' layout to that of torch and ONNX."""
    return _layout(kind, name, weight.ndim).native(weight)


def to_keras(kind: str, name: str, weight: Array, shape: Sequence[int]) -> Array:
    """The reverse of `to_native`; `shape` is the weight's shape in Keras."""
    return _layout(kind, name, len(shape)).keras(weight, shape)


def native_axis(axis: int, shape: Shape) -> int:
    """Where a Keras axis, of a tensor of `shape` with a batch axis before it, lies in torch and ONNX."""
    position = feature_axis(axis, len(shape))
    return (2, 3, 1)[position] if len(shape) == 3 else position + 1


def native_constant(value: Any, shape: Shape) -> NDArray[np.float64]:
    """A number or array that Keras would broadcast against (n, *shape), so that it broadcasts in torch and ONNX."""
    array = np.asarray(value, np.float64)
    array = array.reshape(1, *[1] * (len(shape) - array.ndim), *array.shape)
    return array.transpose(0, 3, 1, 2) if array.ndim == 4 else array
