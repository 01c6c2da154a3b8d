"""Which pixels of the picture one unit of a layer depends on.

Source: Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from eyespot.network.description import Layer, Network
from eyespot.network.kinds import KINDS, feature_axis

Pair = tuple[int, int]


@dataclass(frozen=True)
class ReceptiveField:
    """The rectangle of pixels that each unit of a layer sees; pairs are (vertical, horizontal).

    Attributes:
        start: the first row and column that the layer's first unit sees; negative where that lies in the padding.
        size: height and width, parts beyond the picture's edge included.
        stride: how far the rectangles of neighboring units lie apart; (0, 0): each unit sees the same pixels; None: the units
            no longer lie as the pixels do (after Flatten), and each sees a rectangle of `size` somewhere.
    """

    start: Pair
    size: Pair
    stride: Pair | None

    def pixels(self, unit: Pair, picture: Pair) -> tuple[range, range] | None:
        """The rows and columns that the unit at row and column `unit` sees, within a picture of that height and width."""
        if self.stride is None:
            return None
        rows, columns = (
            range(max(start + stride * index, 0), min(start + stride * index + size, limit))
            for start, stride, index, size, limit in zip(self.start, self.stride, unit, self.size, picture, strict=True)
        )
        return rows, columns


def receptive_fields(network: Network) -> Mapping[str, ReceptiveField]:
    """Each layer's receptive field, at most: where units of a rearranged map are mixed, all pixels are assumed."""
    height, width, *_ = network.input_shape
    everything = ReceptiveField((0, 0), (height, width), (0, 0))
    fields: dict[str, ReceptiveField] = {}
    for layer in network.layers:
        if layer.inputs:
            seen = _union([fields[name] for name in layer.inputs], everything)
            fields[layer.name] = _through(layer, seen, network, everything)
        else:
            fields[layer.name] = ReceptiveField((0, 0), (1, 1), (1, 1))
    return fields


def _union(fields: Sequence[ReceptiveField], everything: ReceptiveField) -> ReceptiveField:
    """What a unit sees that depends on the units in the same place of several layers."""
    first, *others = fields
    for other in others:
        if first != other and (first.stride is None or first.stride != other.stride):
            return everything
        start = _pair(map(min, first.start, other.start))
        ends = [map(sum, zip(field.start, field.size, strict=True)) for field in (first, other)]
        size = _pair(end - low for end, low in zip(map(max, *ends), start, strict=True))
        first = ReceptiveField(start, size, first.stride)
    return first


def _through(layer: Layer, seen: ReceptiveField, network: Network, everything: ReceptiveField) -> ReceptiveField:
    """What a unit of `layer` sees, where the units of its input see `seen`."""
    kind = KINDS[layer.kind]
    shapes = [network.shapes[name] for name in layer.inputs]
    mixed = kind.mixes(layer.config, shapes)
    if seen.stride is None:
        return everything if kind.window or mixed else seen
    if 0 in mixed or 1 in mixed:
        return everything
    if kind.window:
        window = kind.window(layer.config)
        padding = window.padding_before_after((shapes[0][0], shapes[0][1]))
        return ReceptiveField(
            _moved(seen, padding),
            _pair(n + (k - 1) * s for n, k, s in zip(seen.size, window.extent, seen.stride, strict=True)),
            _pair(s * step for s, step in zip(seen.stride, window.stride, strict=True)),
        )
    if layer.kind == "ZeroPadding2D":
        return replace(seen, start=_moved(seen, layer.config["padding"]))
    across = layer.kind == "Concatenate" and feature_axis(layer.config["axis"], len(shapes[0])) < 2
    rearranged = across or layer.kind in ("Flatten", "Reshape")
    return replace(seen, stride=None) if rearranged and seen != everything else seen


def _moved(seen: ReceptiveField, padding: Iterable[Sequence[int]]) -> Pair:
    """Where the first unit's rectangle starts after (before, after) units of padding on both axes."""
    return _pair(start - before * s for start, (before, _), s in zip(seen.start, padding, seen.stride or (0, 0), strict=True))


def _pair(values: Iterable[int]) -> Pair:
    vertical, horizontal = values
    return vertical, horizontal
