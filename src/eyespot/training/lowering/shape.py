"""The input, and layers that only rearrange or pad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch.nn.functional as F
from torch import Tensor

from eyespot.network import KINDS, Shape
from eyespot.training.lowering.call import Call, Compute, Config, Lower, to_keras_axes, to_native_axes


def _input(config: Config, shapes: Sequence[Shape]) -> Compute:
    return lambda call: to_native_axes(call.x)


def _reshape(kind: str) -> Lower:
    def lower(config: Config, shapes: Sequence[Shape]) -> Compute:
        target = KINDS[kind].output_shape(config, shapes)

        def compute(call: Call) -> Tensor:
            # Elements keep Keras' order, height-width-channel; for a tensor in channels_last memory this is a view.
            x = to_keras_axes(call.x)
            return to_native_axes(x.reshape(x.shape[0], *target))

        return compute

    return lower


def _zero_padding(config: Config, shapes: Sequence[Shape]) -> Compute:
    (top, bottom), (left, right) = config["padding"]
    return lambda call: F.pad(call.x, (left, right, top, bottom))


LAYERS: Mapping[str, Lower] = {
    "InputLayer": _input,
    "Flatten": _reshape("Flatten"),
    "Reshape": _reshape("Reshape"),
    "ZeroPadding2D": _zero_padding,
}
