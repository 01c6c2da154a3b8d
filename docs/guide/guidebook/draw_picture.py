"""The picture of chapter 1: a letter, its channels, and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from guidebook import style
from guidebook.subjects import letter

_CORNER = 7


def draw(names: Mapping[str, Mapping[str, Any]]) -> None:
    """`picture.png`."""
    picture = letter("R", 1)
    drawn = style.figure(11, 2.7)
    axes = style.row_of_axes(drawn, [1, 1, 1, 1, 1.15])
    style.show(axes[0], picture)
    style.title(axes[0], "32 x 32 pixels")
    for channel, (name, color) in enumerate([("red", "#c8452f"), ("green", "#2f8f4e"), ("blue", "#2f62c8")]):
        tint = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
        style.show(axes[channel + 1], (picture[:, :, channel, None] / 255 * tint).astype(np.uint8))
        style.title(axes[channel + 1], name)
    # Where a channel changes most: there the numbers have something to tell.
    windows = np.lib.stride_tricks.sliding_window_view(picture, (_CORNER, _CORNER), axis=(0, 1))
    top, left, channel = map(int, np.unravel_index(windows.std((3, 4)).argmax(), windows.shape[:3]))
    corner = windows[top, left, channel]
    style.frame(axes[channel + 1], top - 0.5, left - 0.5, _CORNER, _CORNER, "white", 1.6)
    style.numbers(axes[4], corner, colors=lambda row, column: style.grey(corner[row, column]), size=8)
    style.title(axes[4], "what is framed, as numbers")
    style.save("picture", drawn)
