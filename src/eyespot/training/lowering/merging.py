"""Layers that make one tensor of several."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import reduce

import torch
from torch import Tensor

from eyespot.network import Shape, native_axis
from eyespot.training.lowering.call import Call, Compute, Config, Lower, to_keras_axes, to_native_axes


def _with_axes(x: Tensor, count: int) -> Tensor:
    """`x` with axes of size 1 put in after the batch axis until it has `count`, as Keras does."""
    kept = to_keras_axes(x)
    return to_native_axes(kept.reshape(kept.shape[0], *[1] * (count - kept.ndim), *kept.shape[1:]))


def _elementwise(function: Callable[[Tensor, Tensor], Tensor]) -> Lower:
    def lower(config: Config, shapes: Sequence[Shape]) -> Compute:
        axes = max(map(len, shapes)) + 1

        def compute(call: Call) -> Tensor:
            return reduce(function, (x if x.ndim == axes else _with_axes(x, axes) for x in call.inputs))

        return compute

    return lower


def _concatenate(config: Config, shapes: Sequence[Shape]) -> Compute:
    axis = native_axis(config["axis"], shapes[0])
    return lambda call: torch.cat(tuple(call.inputs), axis)


LAYERS: Mapping[str, Lower] = {
    "Add": _elementwise(operator.add),
    "Multiply": _elementwise(operator.mul),
    "Concatenate": _concatenate,
}
