"""The pictures of chapter 3: what units can see, and how much each pixel matters to them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from eyespot.bundle import read_network
from eyespot.explanation.layers_seen import seen_pixels
from guidebook import style
from guidebook.subjects import letter

_MODEL = "runs/letters/model.onnx"
_UNITS = {"conv2": (15, 15), "pool2": (3, 3), "conv4": (2, 2), "pool3": (1, 1)}
"""Layer -> the row and column of the unit that is shown."""


def draw(names: Mapping[str, Mapping[str, Any]]) -> None:
    """`receptive-field.png` and `influence.png`."""
    seen = seen_pixels(read_network(Path(_MODEL)))
    picture = letter("A", 3)
    drawn = style.figure(9.5, 2.7)
    for axes, (layer, unit) in zip(style.row_of_axes(drawn, [1] * len(_UNITS)), _UNITS.items(), strict=True):
        top, bottom, left, right = seen[layer][unit]
        dimmed = picture * 0.35 + 160
        dimmed[top:bottom, left:right] = picture[top:bottom, left:right]
        style.show(axes, dimmed.astype(np.uint8))
        style.frame(axes, top - 0.5, left - 0.5, bottom - top, right - left, style.WRONG)
        style.title(axes, f"{layer}: {bottom - top} x {right - left}")
    style.save("receptive-field", drawn)
    _influence(picture, seen, names["activation-maps"]["activations"])


def _influence(picture: Any, seen: Any, activations: Any) -> None:
    """How much a unit changes where one pixel is turned into its opposite, pixel by pixel."""
    side = picture.shape[0]
    changed = np.repeat(picture[None], side * side + 1, axis=0)
    for number, (row, column) in enumerate(np.ndindex(side, side), 1):
        changed[number, row, column] = 255 - picture[row, column]
    drawn = style.figure(9.5, 2.7)
    axes = style.row_of_axes(drawn, [1] * 4)
    style.show(axes[0], picture)
    style.title(axes[0], "picture")
    shown = ["conv2", "pool2", "pool3"]
    answers = activations(_MODEL, changed, shown)
    for place, layer in zip(axes[1:], shown, strict=True):
        row, column = _UNITS[layer]
        values = answers[layer][:, :, row, column]
        channel = values[0].argmax()
        change = np.abs(values[1:, channel] - values[0, channel]).reshape(side, side)
        style.show(place, change, cmap="Reds")
        top, bottom, left, right = seen[layer][row, column]
        style.frame(place, top - 0.5, left - 0.5, bottom - top, right - left, style.ACCENT, 1.5)
        style.title(place, f"a unit of {layer}")
    style.save("influence", drawn)
