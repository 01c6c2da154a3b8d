"""How the page works a unit out: for each kind of layer, from which units of its inputs, and by which arithmetic.

The page's script knows eight forms, of which every kind of layer is one: `pixels`, `sum`, `pool`, `scale`, `function`,
`softmax`, `merge` and `copy`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eyespot.explanation.layers import FORMULAS
from eyespot.explanation.windows import POOLS, SUMS, as_map, kernel, moved_window, taken_channels
from eyespot.network import Layer, Network, feature_axis

Positions = NDArray[np.intp]
Pack = Callable[[NDArray[np.float32]], int]
"""Keeps an array for the page; returns where its numbers start."""

_SIGNS = {"Add": "+", "Multiply": "×"}

FORMS: Mapping[str, str] = {
    "InputLayer": "pixels",
    **dict.fromkeys(SUMS, "sum"),
    **dict.fromkeys(POOLS, "pool"),
    **dict.fromkeys(("Rescaling", "Normalization", "BatchNormalization", "LayerScale"), "scale"),
    **dict.fromkeys(("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "LayerNormalization"), "function"),
    "Softmax": "softmax",
    **dict.fromkeys(_SIGNS, "merge"),
    **dict.fromkeys(("Dropout", "SpatialDropout2D", "Flatten", "Reshape", "Concatenate", "ZeroPadding2D"), "copy"),
}
"""Kind of layer -> its form; one for each of `eyespot.network.KINDS`."""


@dataclass(frozen=True)
class Region:
    """Units of one layer: all that lie at one of the rows, one of the columns and one of the channels."""

    rows: Positions
    columns: Positions
    channels: Positions

    def __or__(self, other: Region) -> Region:
        pairs = ((self.rows, other.rows), (self.columns, other.columns), (self.channels, other.channels))
        return Region(*(np.union1d(mine, theirs) for mine, theirs in pairs))

    @property
    def size(self) -> int:
        """How many units it has."""
        return len(self.rows) * len(self.columns) * len(self.channels)


def form(network: Network, layer: Layer, shown: Sequence[int], formula: str, pack: Pack) -> dict[str, Any]:
    """What the script needs to work out the channels `shown` of a layer, as JSON values.

    Args:
        network: the network.
        layer: one of its layers.
        shown: the channels, in the order in which they are shown.
        formula: the layer's arithmetic, as the layer table has it.
        pack: keeps the kernels.
    """
    kind = FORMS[layer.kind]
    if kind == "sum":
        return {"kind": kind, **_geometry(layer, network), **_kernels(layer, network, shown, pack)}
    if kind == "pool":
        return {"kind": kind, "how": POOLS[layer.kind], **_geometry(layer, network)}
    if kind == "merge":
        return {"kind": kind, "sign": _SIGNS[layer.kind]}
    if kind == "copy":
        return {"kind": kind, **_copying(layer, network)}
    if kind == "scale" and (terms := _SCALES[layer.kind](layer, network)) is not None:
        return {"kind": kind, **{name: _of_channels(value, shown) for name, value in terms.items()}}
    if is_softmax(layer, network):
        return {"kind": "softmax"}
    return {"kind": "pixels"} if kind == "pixels" else {"kind": "function", "words": formula}


def is_softmax(layer: Layer, network: Network) -> bool:
    """Whether a layer is nothing but a softmax over the channels."""
    if layer.kind == "Activation":
        return bool(layer.config["activation"] == "softmax")
    rank = len(network.shapes[layer.name])
    return layer.kind == "Softmax" and feature_axis(layer.config["axis"], rank) == rank - 1


def sources(network: Network, layer: Layer, wanted: Region) -> Iterator[tuple[str, Region]]:
    """The units of each of its inputs that the units `wanted` of a layer are worked out from, or a few more."""
    for number, name in enumerate(layer.inputs):
        height, width, channels = as_map(network.shapes[name])
        if layer.kind in SUMS or layer.kind in POOLS:
            yield name, _seen(layer, network, wanted)
        elif is_softmax(layer, network):
            yield name, Region(wanted.rows, wanted.columns, np.arange(channels))
        elif layer.kind in _SIGNS:  # a side of one unit stands for all
            limits = (height, width, channels)
            parts = (wanted.rows, wanted.columns, wanted.channels)
            yield name, Region(*(np.unique(np.minimum(part, n - 1)) for part, n in zip(parts, limits, strict=True)))
        elif layer.kind in ("Flatten", "Reshape"):
            _, out_width, out_channels = as_map(network.shapes[layer.name])
            places = wanted.rows[:, None, None] * out_width + wanted.columns[:, None]
            flat = places * out_channels + wanted.channels
            yield name, Region(*(np.unique(part) for part in np.unravel_index(flat, (height, width, channels))))
        elif layer.kind in ("Concatenate", "ZeroPadding2D"):
            offsets, limits = _offsets(layer, network)[number], (height, width, channels)
            shifts = zip((wanted.rows, wanted.columns, wanted.channels), offsets, limits, strict=True)
            yield name, Region(*(_shifted(part, offset, n) for part, offset, n in shifts))
        else:
            yield name, wanted


def _seen(layer: Layer, network: Network, wanted: Region) -> Region:
    source = network.shapes[layer.inputs[0]]
    height, width, _ = as_map(source)
    window, before = moved_window(layer, source)
    rows, columns = (
        _shifted((at[:, None] * stride + hole * np.arange(size)).ravel(), pad, n)
        for at, stride, hole, size, pad, n in zip(
            (wanted.rows, wanted.columns), window.stride, window.dilation, window.size, before, (height, width), strict=True
        )
    )
    if layer.kind in POOLS:
        return Region(rows, columns, wanted.channels)
    taken = {taken_channels(layer, source, int(channel)) for channel in wanted.channels}
    return Region(rows, columns, np.unique(np.concatenate([np.asarray(channels) for channels in taken])))


def _shifted(positions: Positions, offset: int, size: int) -> Positions:
    """Positions less an offset, those that lie within `size`."""
    moved: Positions = np.unique(positions - offset)
    return moved[(moved >= 0) & (moved < size)]


def _geometry(layer: Layer, network: Network) -> dict[str, Any]:
    window, before = moved_window(layer, network.shapes[layer.inputs[0]])
    return {"size": window.size, "stride": window.stride, "dilation": window.dilation, "padding": before}


def _kernels(layer: Layer, network: Network, shown: Sequence[int], pack: Pack) -> dict[str, Any]:
    kernels = [kernel(layer, network.shapes[layer.inputs[0]], channel) for channel in shown]
    # The formula of the activation function that the layer ends with, where it has one.
    activation = None if layer.config["activation"] == "linear" else FORMULAS["Activation"](layer, (), ())
    return {
        "first": [one.first for one in kernels],
        "count": len(kernels[0].weights),
        "kernel": pack(np.stack([one.weights for one in kernels])),
        "bias": [one.bias for one in kernels] if "bias" in layer.weights else None,
        "activation": activation,
        "separable": layer.kind == "SeparableConv2D",
    }


def _copying(layer: Layer, network: Network) -> dict[str, Any]:
    if layer.kind in ("Flatten", "Reshape"):
        return {"how": "reshape"}
    if layer.kind in ("Concatenate", "ZeroPadding2D"):
        return {"how": "shift", "offsets": _offsets(layer, network)}
    return {"how": "same"}


def _offsets(layer: Layer, network: Network) -> list[tuple[int, int, int]]:
    """For each input of a Concatenate or ZeroPadding2D, the row, column and channel of the output at which it begins."""
    if layer.kind == "ZeroPadding2D":
        (top, _), (left, _) = layer.config["padding"]
        return [(top, left, 0)]
    shapes = [network.shapes[name] for name in layer.inputs]
    axis = feature_axis(layer.config["axis"], len(shapes[0])) + 3 - len(shapes[0])
    ends = np.cumsum([as_map(shape)[axis] for shape in shapes])
    offsets = []
    for begin in (0, *(int(end) for end in ends[:-1])):
        row, column, channel = (begin if position == axis else 0 for position in range(3))
        offsets.append((row, column, channel))
    return offsets


def _rescaling(layer: Layer, network: Network) -> Mapping[str, Any] | None:
    times, plus = (np.asarray(layer.config[name], np.float64) for name in ("scale", "offset"))
    return {"times": times, "plus": plus} if times.ndim <= 1 and plus.ndim <= 1 else None


def _normalization(layer: Layer, network: Network) -> Mapping[str, Any] | None:
    mean, variance = (np.asarray(layer.weights[name], np.float64) for name in ("mean", "variance"))
    kept = {feature_axis(axis, len(network.shapes[layer.name])) for axis in layer.config["axis"]}
    if not kept <= {len(network.shapes[layer.name]) - 1}:
        return None
    deviation = np.maximum(np.sqrt(variance), 1e-7).ravel()
    mean = mean.ravel()
    return {"times": deviation, "plus": mean} if layer.config["invert"] else {"minus": mean, "over": deviation}


def _batch_normalization(layer: Layer, network: Network) -> Mapping[str, Any]:
    weights = layer.weights
    deviation = np.sqrt(weights["moving_variance"].astype(np.float64) + layer.config["epsilon"])
    terms = {"minus": weights["moving_mean"], "over": deviation, "times": weights.get("gamma"), "plus": weights.get("beta")}
    return {name: value for name, value in terms.items() if value is not None}


_SCALES: Mapping[str, Callable[[Layer, Network], Mapping[str, Any] | None]] = {
    "Rescaling": _rescaling,
    "Normalization": _normalization,
    "BatchNormalization": _batch_normalization,
    "LayerScale": lambda layer, network: {"times": layer.weights["gamma"]},
}
"""(x - minus) / over * times + plus, by channel."""


def _of_channels(value: Any, shown: Sequence[int]) -> list[float]:
    numbers = np.asarray(value, np.float64).ravel()
    return [float(numbers[channel if len(numbers) > 1 else 0]) for channel in shown]
