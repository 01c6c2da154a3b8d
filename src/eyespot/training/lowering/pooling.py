"""Poolings, over a moving window or over the whole picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

import torch
import torch.nn.functional as F
from torch import Tensor

from eyespot.network import Shape, pooling_window
from eyespot.training.lowering.call import Call, Compute, Config, Lower
from eyespot.training.lowering.convolution import split_padding


def _max_pooling(config: Config, shapes: Sequence[Shape]) -> Compute:
    window = pooling_window(config)
    pad, padding = split_padding(window, shapes[0], -inf)
    return lambda call: F.max_pool2d(pad(call.x), window.size, window.stride, padding)


def _average_pooling(config: Config, shapes: Sequence[Shape]) -> Compute:
    """The average of the pixels under the window, those of the padding left out: TensorFlow's definition.

    (Keras on torch repeats the last row instead where `same` pads one side only, so that backends differ there.)
    """
    window = pooling_window(config)
    pad, padding = split_padding(window, shapes[0])
    height, width, _ = shapes[0]
    share = F.avg_pool2d(pad(torch.ones(1, 1, height, width, dtype=torch.float64)), window.size, window.stride, padding)
    complete = bool((share == 1).all())

    def compute(call: Call) -> Tensor:
        average = F.avg_pool2d(pad(call.x), window.size, window.stride, padding)
        return average if complete else average / share.to(average)

    return compute


def _global_max_pooling(config: Config, shapes: Sequence[Shape]) -> Compute:
    return lambda call: call.x.amax((2, 3), keepdim=config["keepdims"])


def _global_average_pooling(config: Config, shapes: Sequence[Shape]) -> Compute:
    return lambda call: call.x.mean((2, 3), keepdim=config["keepdims"])


LAYERS: Mapping[str, Lower] = {
    "MaxPooling2D": _max_pooling,
    "AveragePooling2D": _average_pooling,
    "GlobalMaxPooling2D": _global_max_pooling,
    "GlobalAveragePooling2D": _global_average_pooling,
}
