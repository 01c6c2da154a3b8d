"""Which pixels each unit truly depends on: to the pixel, at the edges too, where strides leave pixels over.

`eyespot.network.receptive_fields` has one size and one stride for all units of a layer, parts in the padding included; here
each unit has the rectangle of its own, followed through the network window by window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eyespot.network import KINDS, Layer, Network, Shape, Window, feature_axis

Reach = NDArray[np.int64]
"""(*places, 4): how far each place sees: up (minus the first row), down, left, right. The union of several is their maximum."""

_NOTHING = -(2**40)
"""The reach, to every side, of what sees no pixel."""


def seen_pixels(network: Network) -> Mapping[str, NDArray[np.int64]]:
    """What each unit of every layer sees: layer name -> rectangles, (*places, 4) as top, bottom, left, right.

    Places are the (height, width) of a map, whose channels see alike or are taken together, and the (features,) of a vector.
    Bottom and right are the first row and column that are no longer seen; a unit over nothing but padding has an empty
    rectangle, (0, 0, 0, 0). A rectangle also holds what lies between the pixels that a dilated or striding window touches.
    """
    height, width, *_ = network.input_shape
    rows, columns = np.indices((height, width))
    reach: dict[str, Reach] = {}
    for layer in network.layers:
        if layer.inputs:
            shapes = [network.shapes[name] for name in layer.inputs]
            reach[layer.name] = _through(layer, [reach[name] for name in layer.inputs], shapes, network.shapes[layer.name])
        else:
            reach[layer.name] = np.stack([-rows, rows + 1, -columns, columns + 1], axis=-1)
    return {name: _rectangles(each) for name, each in reach.items()}


def largest(rectangles: NDArray[np.int64]) -> tuple[int, int]:
    """The height and width of the largest of a layer's rectangles."""
    top, bottom, left, right = np.moveaxis(rectangles, -1, 0)
    return int((bottom - top).max()), int((right - left).max())


def _rectangles(reach: Reach) -> NDArray[np.int64]:
    rectangles: NDArray[np.int64] = np.where(reach == _NOTHING, 0, reach * (-1, 1, -1, 1))
    return rectangles


def _through(layer: Layer, reach: Sequence[Reach], shapes: Sequence[Shape], output: Shape) -> Reach:
    """How far the units of `layer` see, where those of its inputs see as far as `reach` says."""
    kind = KINDS[layer.kind]
    if kind.window:
        return _over_windows(reach[0], kind.window(layer.config), shapes[0])
    if layer.kind == "ZeroPadding2D":
        return np.pad(reach[0], (*layer.config["padding"], (0, 0)), constant_values=_NOTHING)
    if layer.kind in ("Flatten", "Reshape"):
        return _rearranged(reach[0], shapes[0], output)
    if layer.kind == "Concatenate":
        axis = feature_axis(layer.config["axis"], len(output))
        if axis < len(_places(output)):
            return np.concatenate(reach, axis)
    return _mixed(reach, kind.mixes(layer.config, shapes), output)


def _places(shape: Shape) -> Shape:
    return shape[:-1] if len(shape) > 1 else shape


def _over_windows(reach: Reach, window: Window, shape: Shape) -> Reach:
    """Each unit of the output sees what the units in its window see."""
    height_width = shape[0], shape[1]
    padding = window.padding_before_after(height_width)
    for axis, positions in enumerate(window.output_size(height_width)):
        first = np.arange(positions) * window.stride[axis] - padding[axis][0]
        touched = first[:, None] + np.arange(window.size[axis]) * window.dilation[axis]  # (positions, size)
        is_padding = (touched < 0) | (touched >= height_width[axis])
        lines = np.moveaxis(reach, axis, 0)[touched.clip(0, height_width[axis] - 1)]
        lines = np.where(is_padding[:, :, None, None], _NOTHING, lines)
        reach = np.moveaxis(lines.max(axis=1), 0, axis)
    return reach


def _rearranged(reach: Reach, shape: Shape, output: Shape) -> Reach:
    """What `Flatten` and `Reshape` make of it: every number keeps what it sees."""
    every: Any = reach if len(shape) == 1 else np.broadcast_to(reach[..., None, :], (*shape, 4))
    laid: Reach = every.reshape(*output, 4)
    return laid if len(output) == 1 else laid.max(axis=-2)


def _mixed(reach: Sequence[Reach], axes: Any, output: Shape) -> Reach:
    """Units in the same place taken together, and all of those along `axes`."""
    places = _places(output)
    # A vector that meets a map, as of a gate for each channel, meets all places of it.
    united = (
        reach[0] if len(reach) == 1 else _union([each.max(axis=0) if each.ndim - 1 < len(places) else each for each in reach])
    )
    along = tuple(axis for axis in axes if axis < united.ndim - 1)
    united = united.max(axis=along, keepdims=True) if along else united
    if united.ndim - 1 > len(places):  # a map becomes a vector: global pooling
        united = united.reshape(-1, 4).max(axis=0)
    return np.broadcast_to(united, (*places, 4))


def _union(reach: Sequence[Reach]) -> Reach:
    first, *others = reach
    for other in others:
        first = np.maximum(first, other)
    return first
