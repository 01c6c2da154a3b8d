"""Which numbers of a network the page holds: for each layer the strongest channels, and all that these are worked out from.

A page holds every unit of a small network. Of a large one it would grow without bound, so that fewer channels are shown there,
and of each only some units, evenly spaced, are worked out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eyespot.explanation.activations import Activations
from eyespot.explanation.page_forms import Region, sources
from eyespot.explanation.windows import SUMS, as_map, taken_channels
from eyespot.network import Network

MOST_BYTES = 3_300_000
"""What all numbers of a network may take in its page, before they are written as text, which takes a third more."""

MOST_BYTES_IN_PART = 8_200_000
"""What the numbers of a network may take of which not all find room."""

MOST_CHANNELS = 16
LONGEST_MAP = 64
"""A map with more rows or columns is drawn at this size."""

_DRAWN_APART = 99.5
"""Percent of a layer's units that are drawn in a strength of their own."""

_DETAILS = ((16, None), (16, 9), (16, 5), (16, 3), (8, 3), (8, 2), (8, 1), (4, 1))
"""How much to show, the first that fits: channels of a layer, and units of a channel in each direction; None: all."""

Strongest = Mapping[str, Sequence[int]]
"""Layer -> its channels, the strongest first."""


@dataclass(frozen=True)
class Plan:
    """What the page holds.

    Attributes:
        shown: layer -> the channels that are shown, the strongest first.
        units: layer -> those of their units that are worked out.
        held: layer -> the units whose numbers that takes; none of the picture, whose pixels the page has anyway.
        is_whole: whether every unit of the channels shown is worked out.
    """

    shown: Mapping[str, Sequence[int]]
    units: Mapping[str, Region]
    held: Mapping[str, Region]
    is_whole: bool


@dataclass
class Pack:
    """Arrays one after another."""

    parts: list[NDArray[Any]] = field(default_factory=list)
    length: int = 0

    def add(self, array: NDArray[Any]) -> int:
        """Keep an array; returns where its numbers start."""
        start, self.length = self.length, self.length + array.size
        self.parts.append(array.ravel())
        return start

    def to_bytes(self, kind: str) -> bytes:
        """All of them as numbers of the kind, such as `<f4`."""
        return np.concatenate(self.parts or [np.empty(0)]).astype(kind).tobytes()


def strongest_channels(values: NDArray[np.float32]) -> list[int]:
    """The channels of one layer's output, those with the largest mean of absolute values first, at most 16.

    Where there are no more than three, as in a picture, they keep their order.
    """
    if as_map(values.shape)[2] <= 3:
        return list(range(as_map(values.shape)[2]))
    strength = np.abs(values.reshape(as_map(values.shape))).mean(axis=(0, 1), dtype=np.float64)
    return [int(channel) for channel in np.argsort(-strength, kind="stable")[:MOST_CHANNELS]]


def plan(network: Network, strongest: Strongest) -> Plan:
    """What a page of that network holds: all of it, or as much detail as there is room for."""
    for channels, across in _DETAILS:
        made = _plan(network, {name: order[:channels] for name, order in strongest.items()}, across)
        if _size(network, made) <= (MOST_BYTES if made.is_whole else MOST_BYTES_IN_PART):
            break
    return made


def _plan(network: Network, shown: Strongest, across: int | None) -> Plan:
    units: dict[str, Region] = {}
    held: dict[str, Region] = {}
    for layer in reversed(network.layers):
        height, width, _ = as_map(network.shapes[layer.name])
        channels = np.unique(np.asarray(shown[layer.name], np.intp))
        units[layer.name] = Region(_spread(height, across), _spread(width, across), channels)
        held[layer.name] = held[layer.name] | units[layer.name] if layer.name in held else units[layer.name]
        for name, seen in sources(network, layer, units[layer.name]):
            held[name] = held[name] | seen if name in held else seen
    del held[network.layers[0].name]
    return Plan(shown, units, held, across is None)


def _spread(size: int, count: int | None) -> NDArray[np.intp]:
    """At most `count` positions, evenly spaced; None: all."""
    if count is None or size <= count:
        return np.arange(size)
    return ((np.arange(count) + 0.5) * size / count).astype(np.intp)


def _size(network: Network, made: Plan) -> int:
    """The bytes of the numbers that a page holds, those of the maps that it draws included."""
    numbers = 4 * sum(region.size for region in made.held.values())
    for layer in network.layers:
        shape = as_map(network.shapes[layer.name])
        numbers += len(made.shown[layer.name]) * prod(min(n, LONGEST_MAP) for n in shape[:2])
        if layer.kind in SUMS:
            kernel = prod(layer.config.get("kernel_size", (1,)))
            taken = len(taken_channels(layer, network.shapes[layer.inputs[0]], 0))
            numbers += 4 * len(made.shown[layer.name]) * kernel * taken
    return numbers


def held_numbers(values: Activations, name: str, region: Region, pack: Pack) -> dict[str, Any]:
    """Keeps the numbers of a region, (channels, rows, columns), and says where they lie; None stands for all positions."""
    array = values[name].reshape(as_map(values[name].shape))
    start = pack.add(array[np.ix_(region.rows, region.columns, region.channels)].transpose(2, 0, 1))
    parts = {"rows": region.rows, "columns": region.columns, "channels": region.channels}
    positions = {key: positions_or_all(part, n) for (key, part), n in zip(parts.items(), array.shape, strict=True)}
    return {"at": start, "count": [len(part) for part in parts.values()], **positions}


def positions_or_all(positions: NDArray[np.intp], size: int) -> list[int] | None:
    """Positions as JSON has them; None where there are as many as can be."""
    return None if len(positions) == size else [int(position) for position in positions]


def drawn_maps(values: NDArray[np.float32], shown: Sequence[int], pack: Pack) -> dict[str, Any]:
    """Keeps the maps of the channels shown as they are drawn, -127 to 127, and says where they lie and what 127 stands for.

    So that a few extremes do not leave all else pale, the strongest units of a map are drawn alike.
    """
    maps = np.nan_to_num(values.reshape(as_map(values.shape))[:, :, list(shown)].transpose(2, 0, 1))
    strengths = np.abs(maps)
    scale = float(np.percentile(strengths, _DRAWN_APART) if maps[0].size > 1 else strengths.max()) or float(strengths.max())
    if max(maps.shape[1:]) > LONGEST_MAP:
        maps = np.stack([_smaller(one) for one in maps])
    drawn = np.rint(np.clip(maps * (127 / scale), -127, 127)) if scale else np.zeros(maps.shape)
    return {"at": pack.add(drawn), "height": maps.shape[1], "width": maps.shape[2], "scale": scale}


def _smaller(values: NDArray[np.float32]) -> NDArray[np.float32]:
    from PIL import Image

    height, width = (min(n, LONGEST_MAP) for n in values.shape)
    return np.asarray(Image.fromarray(np.ascontiguousarray(values)).resize((width, height), Image.Resampling.BOX))
