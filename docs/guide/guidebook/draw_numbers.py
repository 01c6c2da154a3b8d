"""The pictures of chapters 5, 6 and 9 that need nothing but numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from guidebook import style

_PALE = ("#d3e7e5", "#f6d9d3", "#f3e6c8", "#dedbf0")


def draw(names: Mapping[str, Mapping[str, Any]]) -> None:
    """`pooling.png`, `relu-and-softmax.png` and `loss.png`."""
    _pooling(names["pooling"])
    _relu_and_softmax(names["relu-and-softmax"])
    _loss()


def _pooling(chapter: Mapping[str, Any]) -> None:
    grid = chapter["grid"]
    pooled = chapter["pool"](grid, np.max)
    drawn = style.figure(5.6, 2.8)
    axes = style.row_of_axes(drawn, [4, 0.8, 2])
    style.numbers(axes[0], grid, colors=lambda row, column: _PALE[row // 2 * 2 + column // 2], size=13)
    style.numbers(axes[2], pooled, colors=lambda row, column: _PALE[row * 2 + column], size=13)
    for row, column in np.ndindex(2, 2):
        style.frame(axes[0], 2 * row, 2 * column, 2, 2, style.COLORS[row * 2 + column])
        style.frame(axes[2], row, column, 1, 1, style.COLORS[row * 2 + column])
    style.bare(axes[1])
    axes[1].text(0.5, 0.5, "→", ha="center", va="center", fontsize=20, color=style.SOFT)
    style.title(axes[0], "4 x 4, k = 2, s = 2")
    style.title(axes[2], "2 x 2")
    style.save("pooling", drawn)


def _relu_and_softmax(chapter: Mapping[str, Any]) -> None:
    drawn = style.figure(9, 2.8)
    axes = style.row_of_axes(drawn, [1.2, 1, 1])
    x = np.linspace(-3, 3, 121)
    axes[0].plot(x, chapter["relu"](x), color=style.ACCENT, linewidth=2.4)
    style.title(axes[0], "ReLU: max(0, x)")
    logits = np.array([3, 1, 0])
    for place, values, words, form in (
        (axes[1], logits, "logits", "{:.0f}"),
        (axes[2], chapter["softmax"](logits), "probabilities, after softmax", "{:.3f}"),
    ):
        place.bar(range(3), values, color=style.COLORS[:3], width=0.6)
        for i, value in enumerate(values):
            place.text(i, value, form.format(value), ha="center", va="bottom", color=style.INK, fontsize=9)
        place.set_xticks([])
        place.margins(y=0.15)
        style.title(place, words)
    for place in axes:
        style.plain(place)
    style.save("relu-and-softmax", drawn)


def _loss() -> None:
    drawn = style.figure(6.5, 3.2)
    (axes,) = style.row_of_axes(drawn, [1])
    p = np.linspace(0.01, 1, 400)
    axes.plot(p, -np.log(p), color=style.ACCENT, linewidth=2.4)
    for value, words in ((0.7, "the dog: p = 0.7, loss 0.357"), (0.2, "p = 0.2, loss 1.609"), (0.1, "p = 0.1, loss 2.303")):
        axes.plot(value, -np.log(value), "o", color=style.WRONG)
        axes.annotate(words, (value, -np.log(value)), (8, 6), textcoords="offset points", color=style.INK, fontsize=9)
    axes.plot(1 / 26, np.log(26), "o", color=style.COLORS[3])
    axes.annotate(
        "no idea, of 26: 3.258", (1 / 26, np.log(26)), (8, 6), textcoords="offset points", color=style.INK, fontsize=9
    )
    axes.set_xlabel("probability of the right class", color=style.SOFT, fontsize=9)
    axes.set_ylim(-0.1, 4.7)
    style.title(axes, "- ln p")
    style.plain(axes)
    style.save("loss", drawn)
