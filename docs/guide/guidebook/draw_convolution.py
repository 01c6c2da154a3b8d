"""The pictures of chapter 2: a sum worked out, kernels at work, and where windows fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle

from guidebook import style
from guidebook.subjects import brightness, letter


def draw(names: Mapping[str, Mapping[str, Any]]) -> None:
    """`convolution.png`, `kernels.png` and `stride.png`."""
    _window(names["convolution"])
    _kernels()
    _places()


def _window(chapter: Mapping[str, Any]) -> None:
    picture, kernel = chapter["picture"], chapter["kernel"]
    output = chapter["convolve"](picture, kernel)
    row, column = 1, 1
    drawn = style.figure(9.5, 3.1)
    axes = style.row_of_axes(drawn, [5, 0.7, 3, 0.7, 3])
    style.numbers(axes[0], picture, colors=lambda r, c: style.grey(255 - 12 * (9 - picture[r, c])))
    style.frame(axes[0], row, column, 3, 3, style.ACCENT)
    style.title(axes[0], "picture, 5 x 5")
    style.numbers(axes[2], kernel, colors=lambda r, c: "#d9ece9", height=5)
    style.frame(axes[2], 0, 0, 3, 3, style.ACCENT)
    style.title(axes[2], "kernel, 3 x 3")
    style.numbers(axes[4], output, colors=lambda r, c: "#d9ece9" if (r, c) == (row, column) else None, height=5)
    style.frame(axes[4], row, column, 1, 1, style.ACCENT)
    style.title(axes[4], "output, 3 x 3")
    for place, sign in ((1, "×"), (3, "→")):
        style.bare(axes[place])
        axes[place].text(0.5, 0.5, sign, ha="center", va="center", fontsize=20, color=style.SOFT)
    window = picture[row : row + 3, column : column + 3]
    terms = " + ".join(f"{a}·{f'({b})' if b < 0 else b}" for a, b in zip(window.flat, kernel.flat, strict=True))
    drawn.supxlabel(f"{terms} = {output[row, column]}", color=style.INK, fontsize=10)
    style.save("convolution", drawn)


def _kernels() -> None:
    grey = brightness(letter("R", 1)) / 255
    kernels = {
        "vertical edges": np.array([[-1, 0, 1]] * 3),
        "horizontal edges": np.array([[-1, 0, 1]] * 3).T,
        "blur": np.full((3, 3), 1 / 9),
    }
    windows = np.lib.stride_tricks.sliding_window_view(grey, (3, 3))
    drawn = style.figure(9, 2.6)
    axes = style.row_of_axes(drawn, [1, 1, 1, 1])
    style.show(axes[0], grey, cmap="gray", vmin=0, vmax=1)
    style.title(axes[0], "32 x 32")
    for place, (name, kernel) in zip(axes[1:], kernels.items(), strict=True):
        output = (windows * kernel).sum((2, 3))
        if name == "blur":
            style.show(place, output, cmap="gray", vmin=0, vmax=1)
        else:
            most = np.abs(output).max()
            style.show(place, output, cmap="RdBu_r", vmin=-most, vmax=most)
        style.title(place, f"{name}, 30 x 30")
    style.save("kernels", drawn)


def _places() -> None:
    drawn = style.figure(9.5, 2.7)
    cases = [
        ("stride 1: (7 - 3) / 1 + 1 = 5", 7, 0, 1),
        ("stride 2: (7 - 3) / 2 + 1 = 3", 7, 0, 2),
        ("padded, stride 1: (7 + 2 - 3) / 1 + 1 = 7", 7, 1, 1),
    ]
    axes = style.row_of_axes(drawn, [7, 7, 9])
    for place, (words, n, padding, stride) in zip(axes, cases, strict=True):
        for cell in range(-padding, n + padding):
            is_padding = not 0 <= cell < n
            place.add_patch(Rectangle((cell, 0), 1, 1, facecolor="white" if is_padding else "#d9ece9", edgecolor=style.LINE))
            if is_padding:
                place.text(cell + 0.5, 0.5, "0", ha="center", va="center", color=style.SOFT, fontsize=9)
        for number, first in enumerate(range(-padding, n + padding - 2, stride)):
            place.add_patch(
                Rectangle((first + 0.08, -0.75 - 0.5 * number), 2.84, 0.3, facecolor=style.ACCENT, edgecolor="none")
            )
        place.set_xlim(-padding - 0.2, n + padding + 0.2)
        place.set_ylim(-4.2, 1.3)
        place.set_aspect("equal")
        style.bare(place)
        style.title(place, words)
    style.save("stride", drawn)
