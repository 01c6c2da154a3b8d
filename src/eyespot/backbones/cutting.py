"""A network without its last Dense, and with another one."""

from __future__ import annotations

from collections.abc import Collection
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eyespot.errors import InputError, UnsupportedError
from eyespot.network import Layer, Network


def cut(network: Network) -> Network:
    """The network up to what its last Dense takes: pictures in, (n, d) features out.

    The last Dense is the one that the output comes from by layers of one input alone, such as Rescaling and Softmax. Whether a
    global pooling comes before it or a Flatten, with many more features, is left as it is.

    Errors: UnsupportedError, where the output comes from no Dense.
    """
    features = _last_dense(network).inputs[0]
    needed = _before(network, features)
    return Network(tuple(layer for layer in network.layers if layer.name in needed), features)


def joined(backbone: Network, kernel: NDArray[Any], bias: NDArray[Any], *, temperature: float = 1.0) -> Network:
    """A backbone with a head: pixels in, probabilities out; a network like any other.

    Added are a Dense, the Rescaling by which `temperature` is applied, and a Softmax. Their names are `head`, `temperature` and
    `probabilities`, with a number behind where the backbone has such names itself.

    Args:
        backbone: a network that returns (n, d) features, as `cut` does.
        kernel: (d, classes) weights of the features as they are; whoever standardizes them folds that in.
        bias: (classes,).
        temperature: what the logits are divided by, more than 0.

    Errors: InputError, where kernel and bias do not fit the backbone or one another, or hold something that is no number.
    """
    _check(backbone, kernel, bias, temperature)
    names = [layer.name for layer in backbone.layers]
    for wanted in ("head", "temperature", "probabilities"):
        names.append(unused_name(wanted, names))
    head, scale, softmax = names[-3:]
    weights = {"kernel": kernel.astype(np.float32), "bias": bias.astype(np.float32)}
    dense = {"units": kernel.shape[1], "activation": "linear", "use_bias": True}
    added = (
        Layer(head, "Dense", dense, (backbone.output,), weights),
        Layer(scale, "Rescaling", {"scale": 1 / temperature, "offset": 0.0}, (head,)),
        Layer(softmax, "Softmax", {"axis": -1}, (scale,)),
    )
    return Network((*backbone.layers, *added), softmax)


def _last_dense(network: Network) -> Layer:
    """The Dense that the output comes from."""
    layer = network.by_name[network.output]
    # Only as long as there is a vector: a Dense over the positions of a map is not the one that tells classes apart.
    while len(network.shapes[layer.name]) == 1 and layer.kind != "Dense" and len(layer.inputs) == 1:
        layer = network.by_name[layer.inputs[0]]
    if layer.kind != "Dense" or len(network.shapes[layer.name]) != 1:
        raise UnsupportedError(
            f"its output comes from {layer.name} ({layer.kind}), not from a Dense over a vector, which another could replace"
        )
    return layer


def _before(network: Network, name: str) -> Collection[str]:
    """The layer of that name and all that it depends on."""
    needed = {name}
    for layer in reversed(network.layers):
        if layer.name in needed:
            needed.update(layer.inputs)
    return needed


def unused_name(wanted: str, taken: Collection[str]) -> str:
    """The name, with a number where it would collide: Keras writes `/` as `_`, and ONNX calls a weight `layer/weight`."""
    in_keras = {name.replace("/", "_") for name in taken}
    name, number = wanted, 1
    while name in taken or name in in_keras or any(other.startswith(f"{name}/") for other in taken):
        number += 1
        name = f"{wanted}_{number}"
    return name


def _check(backbone: Network, kernel: NDArray[Any], bias: NDArray[Any], temperature: float) -> None:
    shape = backbone.shapes[backbone.output]
    if len(shape) != 1:
        raise InputError(f"a backbone returns features (n, d); this one returns (n, {', '.join(map(str, shape))})")
    if kernel.ndim != 2 or kernel.shape[0] != shape[0] or bias.shape != kernel.shape[1:]:
        raise InputError(
            f"a head for {shape[0]} features has a kernel ({shape[0]}, classes) and a bias (classes,); "
            f"got {kernel.shape} and {bias.shape}"
        )
    if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
        raise InputError("the head's kernel or bias holds something that is no number")
    if not (isfinite(temperature) and temperature > 0):
        raise InputError(f"a temperature is a number above 0; got {temperature}")
