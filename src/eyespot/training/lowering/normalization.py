"""Layers that shift and scale: by constants, by what is learned, by statistics of data, of the batch or of one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from eyespot.network import Shape, feature_axis, native_constant
from eyespot.training.lowering.call import Call, Compute, Config, Lower, to_keras_axes, to_native_axes


def _rescaling(config: Config, shapes: Sequence[Shape]) -> Compute:
    scale, offset = (torch.from_numpy(native_constant(config[name], shapes[0])) for name in ("scale", "offset"))
    scales, shifts = bool((scale != 1).any()), bool((offset != 0).any())

    def compute(call: Call) -> Tensor:
        x = call.x * scale.to(call.x) if scales else call.x
        return x + offset.to(x) if shifts else x

    return compute


def _normalization(config: Config, shapes: Sequence[Shape]) -> Compute:
    kept = {feature_axis(axis, len(shapes[0])) for axis in config["axis"]}
    broadcast = (1, *(n if position in kept else 1 for position, n in enumerate(shapes[0])))

    def compute(call: Call) -> Tensor:
        mean, variance = (to_native_axes(call.weights[name].reshape(broadcast)) for name in ("mean", "variance"))
        deviation = variance.sqrt().clamp(min=1e-7)
        return call.x * deviation + mean if config["invert"] else (call.x - mean) / deviation

    return compute


def _update_statistics(call: Call, mean: Tensor, variance: Tensor, momentum: float) -> None:
    with torch.no_grad():
        for name, value in (("moving_mean", mean), ("moving_variance", variance)):
            call.weights[name].mul_(momentum).add_(value, alpha=1 - momentum)


def _batch_normalization(config: Config, shapes: Sequence[Shape]) -> Compute:
    def compute(call: Call) -> Tensor:
        x = call.x if call.x.ndim == 4 else call.x.movedim(-1, 1)
        gamma, beta = call.weights.get("gamma"), call.weights.get("beta")
        if call.training:
            # Torch leaves the batch's own statistics where its moving ones would lie, in the pass that normalizes.
            mean, variance = (torch.zeros_like(call.weights[name]) for name in ("moving_mean", "moving_variance"))
            y = torch.batch_norm(x, gamma, beta, mean, variance, True, 1.0, config["epsilon"], False)
            # Torch's moving variance is the unbiased one, Keras' is not.
            count = x.numel() // x.shape[1]
            biased = variance * ((count - 1) / count) if count > 1 else torch.zeros_like(variance)
            # Of a step in pieces each moves them by its share, so that all together forget no more than a step at once.
            _update_statistics(call, mean, biased, config["momentum"] ** call.share_of_step)
        else:
            mean, variance = call.weights["moving_mean"], call.weights["moving_variance"]
            y = torch.batch_norm(x, gamma, beta, mean, variance, False, 0.0, config["epsilon"], False)
        return y if call.x.ndim == 4 else y.movedim(1, -1)

    return compute


def _layer_normalization(config: Config, shapes: Sequence[Shape]) -> Compute:
    axes = config["axis"] if isinstance(config["axis"], list) else [config["axis"]]
    sizes = shapes[0][min(feature_axis(axis, len(shapes[0])) for axis in axes) :]

    def compute(call: Call) -> Tensor:
        gamma, beta = call.weights.get("gamma"), call.weights.get("beta")
        return to_native_axes(F.layer_norm(to_keras_axes(call.x), sizes, gamma, beta, config["epsilon"]))

    return compute


def _layer_scale(config: Config, shapes: Sequence[Shape]) -> Compute:
    return lambda call: to_native_axes(to_keras_axes(call.x) * call.weights["gamma"])


LAYERS: Mapping[str, Lower] = {
    "Rescaling": _rescaling,
    "Normalization": _normalization,
    "BatchNormalization": _batch_normalization,
    "LayerNormalization": _layer_normalization,
    "LayerScale": _layer_scale,
}
