"""Dropout: what is dropped is a function of (seed, step, layer), drawn for the whole batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from eyespot.network import Shape
from eyespot.training.lowering.call import Call, Compute, Config, Lower, to_keras_axes, to_native_axes


def _drop(call: Call, shape: tuple[int, ...], rate: float) -> Tensor:
    """The first input with whole blocks of it zeroed and the rest scaled up; `shape` (Keras' axes) broadcasts against it."""
    if not call.training or call.randomness is None or rate == 0:
        return call.x
    if rate == 1:
        return torch.zeros_like(call.x)
    keep = 1 - rate
    # Drawn in Keras' order of axes, the mask lies in memory as the channels_last tensor does.
    mask = to_native_axes(call.randomness.mask(call.stream, shape, keep, call.x.device))
    return call.x * mask.to(call.x.dtype).mul_(1 / keep)


def _dropout(config: Config, shapes: Sequence[Shape]) -> Compute:
    drawn = config.get("noise_shape") or [None] * (len(shapes[0]) + 1)

    def compute(call: Call) -> Tensor:
        sizes = zip(drawn, to_keras_axes(call.x).shape, strict=True)
        return _drop(call, tuple(size if n is None else n for n, size in sizes), config["rate"])

    return compute


def _spatial_dropout(config: Config, shapes: Sequence[Shape]) -> Compute:
    return lambda call: _drop(call, (call.x.shape[0], 1, 1, call.x.shape[1]), config["rate"])


LAYERS: Mapping[str, Lower] = {"Dropout": _dropout, "SpatialDropout2D": _spatial_dropout}
