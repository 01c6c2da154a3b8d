"""The nodes of activations: by name within another layer, and as layers of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from eyespot.bundle.step import Emit, Step
from eyespot.network import native_axis

_Function = Callable[[Step, str], str]


def _operator(name: str, **attributes: Any) -> _Function:
    """An activation that ONNX has."""
    return lambda step, x: step.node(name, x, **attributes)


def _clip(step: Step, x: str, lowest: float, highest: float) -> str:
    return step.node("Clip", x, step.constant(lowest), step.constant(highest))


def _over_channels(name: str) -> _Function:
    return lambda step, x: step.node(name, x, axis=_channel_axis(step))


def _channel_axis(step: Step) -> int:
    """Where the channels lie: maps come from maps, and no layer that ends with an activation changes the number of axes."""
    return 1 if len(step.shapes[0]) == 3 else -1


ACTIVATIONS: Mapping[str, _Function] = {
    "linear": lambda step, x: x,
    "relu": _operator("Relu"),
    "relu6": partial(_clip, lowest=0, highest=6),
    "leaky_relu": _operator("LeakyRelu", alpha=0.2),
    "elu": _operator("Elu"),
    "selu": _operator("Selu"),
    "celu": _operator("Celu"),
    "gelu": _operator("Gelu"),
    "silu": lambda step, x: step.node("Mul", x, step.node("Sigmoid", x)),
    "mish": lambda step, x: step.node("Mul", x, step.node("Tanh", step.node("Softplus", x))),
    "softplus": _operator("Softplus"),
    "softsign": _operator("Softsign"),
    "sigmoid": _operator("Sigmoid"),
    "hard_sigmoid": _operator("HardSigmoid", alpha=1 / 6, beta=0.5),
    "hard_silu": _operator("HardSwish"),
    "tanh": _operator("Tanh"),
    "exponential": _operator("Exp"),
    "softmax": _over_channels("Softmax"),
    "log_softmax": _over_channels("LogSoftmax"),
}
"""Each of `eyespot.network.ACTIVATIONS` as Keras defines it."""


def activated(step: Step, x: str) -> str:
    """A tensor after the layer's own `activation`."""
    return ACTIVATIONS[step.config["activation"]](step, x)


def _activation(step: Step) -> str:
    return activated(step, step.inputs[0])


def _relu(step: Step) -> str:
    (x,) = step.inputs
    highest, slope, threshold = (step.config[name] for name in ("max_value", "negative_slope", "threshold"))
    if threshold:
        y = step.node("Where", step.node("Greater", x, step.constant(threshold)), x, step.constant(0))
    else:
        y = step.node("Relu", x)
    if highest is not None:
        y = _clip(step, y, 0, highest)
    if slope:
        below = step.node("Relu", step.node("Sub", step.constant(threshold), x))
        y = step.node("Sub", y, step.node("Mul", below, step.constant(slope)))
    return y


LAYERS: Mapping[str, Emit] = {
    "Activation": _activation,
    "ReLU": _relu,
    "LeakyReLU": lambda step: step.node("LeakyRelu", *step.inputs, alpha=step.config["negative_slope"]),
    "PReLU": lambda step: step.node("PRelu", *step.inputs, step.weight("alpha")),
    "ELU": lambda step: step.node("Elu", *step.inputs, alpha=step.config["alpha"]),
    "Softmax": lambda step: step.node("Softmax", *step.inputs, axis=native_axis(step.config["axis"], step.shapes[0])),
}
