"""The pictures of chapters 4, 5 and 7 that show the trained network at work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

import eyespot
from eyespot.data.letters import CLASSES
from guidebook import style
from guidebook.subjects import letter

_MODEL = "runs/letters/model.onnx"
_STRENGTH = LinearSegmentedColormap.from_list("strength", ["#ffffff", style.ACCENT, "#06302e"])
_STRENGTH.set_bad(style.LINE)


def draw(names: Mapping[str, Mapping[str, Any]]) -> None:
    """`activation-maps.png`, `pooled-map.png` and `a-to-z.png`."""
    picture = letter("R", 1)
    maps = names["activation-maps"]["activations"](_MODEL, picture[None], ["conv1", "conv2", "conv3", "conv4", "pool1"])
    _strongest(picture, maps)
    _pooled(maps)
    _alphabet()


def _strongest(picture: Any, maps: Mapping[str, Any]) -> None:
    drawn = style.figure(11, 2.8)
    axes = style.row_of_axes(drawn, [1] * 5)
    style.show(axes[0], picture)
    style.title(axes[0], "picture")
    for place, layer in zip(axes[1:], ["conv1", "conv2", "conv3", "conv4"], strict=True):
        values = maps[layer][0]
        chosen = np.argsort(values.mean((1, 2)))[::-1][:16]
        style.show(place, _mosaic([values[channel] / (values[channel].max() or 1) for channel in chosen]), cmap=_STRENGTH)
        style.title(place, f"{layer}, {values.shape[1]} x {values.shape[2]}")
    style.save("activation-maps", drawn)


def _mosaic(maps: list[Any]) -> Any:
    """Sixteen maps in four rows, with lines of nothing between."""
    framed = [np.pad(each, 1, constant_values=np.nan) for each in maps]
    return np.block([framed[row : row + 4] for row in range(0, 16, 4)])


def _pooled(maps: Mapping[str, Any]) -> None:
    before, after = maps["conv2"][0], maps["pool1"][0]
    channel = before[:, 2:-2, 2:-2].var((1, 2)).argmax()  # one with something in it, besides what padding does at the edges
    drawn = style.figure(5, 2.6)
    axes = style.row_of_axes(drawn, [1, 1])
    for place, values, name in ((axes[0], before, "conv2"), (axes[1], after, "pool1")):
        style.show(place, values[channel], cmap=_STRENGTH, vmin=0, vmax=before[channel].max())
        style.title(place, f"{name}, {values.shape[1]} x {values.shape[2]}")
    style.save("pooled-map", drawn)


def _alphabet() -> None:
    pictures = np.stack([letter(name, number) for name, number in (("A", 3), ("R", 1), ("O", 0), ("I", 2))])
    probabilities = eyespot.load("runs/letters").probabilities(pictures)
    # The last is the one of many that the network is least sure of.
    others = np.stack([letter(name, number) for name in CLASSES for number in range(12)])
    doubtful = eyespot.load("runs/letters").probabilities(others)
    hardest = doubtful.max(1).argmin()
    rows = [*zip(pictures[:3], probabilities[:3], strict=True), (others[hardest], doubtful[hardest])]
    drawn = style.figure(9, 4.6)
    axes = drawn.subplots(len(rows), 2, width_ratios=[1, 9])
    for (shown, bars), (picture, answer) in zip(axes, rows, strict=True):
        style.show(shown, picture)
        best = answer.argmax()
        bars.bar(range(26), answer, color=[style.ACCENT if i == best else "#9db4b2" for i in range(26)])
        bars.set_ylim(0, 1.05)
        bars.set_xticks(range(26), CLASSES)
        bars.set_yticks([0, 1], ["0", "1"])
        style.plain(bars)
        bars.grid(visible=False)
    style.save("a-to-z", drawn)
