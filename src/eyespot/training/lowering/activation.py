"""Activations: by name within another layer, and as layers of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from eyespot.network import Shape, native_axis
from eyespot.training.lowering.call import Call, Compute, Config, Lower

ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda x: x,
    "relu": torch.relu,
    "relu6": F.relu6,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "elu": F.elu,
    "selu": torch.selu,
    "celu": torch.celu,
    "gelu": F.gelu,
    "silu": F.silu,
    "mish": F.mish,
    "softplus": F.softplus,
    "softsign": F.softsign,
    "sigmoid": torch.sigmoid,
    "hard_sigmoid": F.hardsigmoid,
    "hard_silu": F.hardswish,
    "tanh": torch.tanh,
    "exponential": torch.exp,
    "softmax": lambda x: torch.softmax(x, 1 if x.ndim == 4 else -1),
    "log_softmax": lambda x: torch.log_softmax(x, 1 if x.ndim == 4 else -1),
}
"""Each of `eyespot.network.ACTIVATIONS` as Keras defines it, over the channels where it looks at several numbers."""


def _activation(config: Config, shapes: Sequence[Shape]) -> Compute:
    function = ACTIVATIONS[config["activation"]]
    return lambda call: function(call.x)


def _relu(config: Config, shapes: Sequence[Shape]) -> Compute:
    highest, slope, threshold = config["max_value"], config["negative_slope"], config["threshold"]

    def compute(call: Call) -> Tensor:
        x = torch.where(call.x > threshold, call.x, 0) if threshold else torch.relu(call.x)
        if highest is not None:
            x = x.clamp(0, highest)
        return x - slope * torch.relu(threshold - call.x) if slope else x

    return compute


def _leaky_relu(config: Config, shapes: Sequence[Shape]) -> Compute:
    return lambda call: F.leaky_relu(call.x, config["negative_slope"])


def _prelu(config: Config, shapes: Sequence[Shape]) -> Compute:
    return lambda call: torch.relu(call.x) - call.weights["alpha"] * torch.relu(-call.x)


def _elu(config: Config, shapes: Sequence[Shape]) -> Compute:
    return lambda call: F.elu(call.x, config["alpha"])


def _softmax(config: Config, shapes: Sequence[Shape]) -> Compute:
    axis = native_axis(config["axis"], shapes[0])
    return lambda call: torch.softmax(call.x, axis)


LAYERS: Mapping[str, Lower] = {
    "Activation": _activation,
    "ReLU": _relu,
    "LeakyReLU": _leaky_relu,
    "PReLU": _prelu,
    "ELU": _elu,
    "Softmax": _softmax,
}
