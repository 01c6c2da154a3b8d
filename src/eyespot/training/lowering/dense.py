"""The fully connected layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch.nn.functional as F
from torch import Tensor

from eyespot.network import Shape
from eyespot.training.lowering.activation import ACTIVATIONS
from eyespot.training.lowering.call import Call, Compute, Config, Lower, to_keras_axes, to_native_axes


def _dense(config: Config, shapes: Sequence[Shape]) -> Compute:
    activation = ACTIVATIONS[config["activation"]]

    def compute(call: Call) -> Tensor:
        x = F.linear(to_keras_axes(call.x), call.weights["kernel"], call.weights.get("bias"))
        return activation(to_native_axes(x))

    return compute


LAYERS: Mapping[str, Lower] = {"Dense": _dense}
