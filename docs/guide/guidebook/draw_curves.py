"""The pictures of chapters 8 and 10: trainings, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from guidebook import style

History = Mapping[str, list[float]]


def draw(names: Mapping[str, Mapping[str, Any]]) -> None:
    """`dropout.png` and `early-stopping.png`."""
    without, with_dropout = names["dropout"]["without"], names["dropout"]["with_dropout"]
    _dropout(without, with_dropout)
    _early_stopping(without, names["training"]["epoch_of_stopping"])


def _dropout(without: History, with_dropout: History) -> None:
    drawn = style.figure(9, 3.2)
    axes = drawn.subplots(1, 2, sharey=True)
    most = 1.15 * max(*without["val_loss"], *with_dropout["val_loss"][3:])
    for place, history, words in ((axes[0], without, "without dropout"), (axes[1], with_dropout, "with dropout, p = 0.5")):
        _losses(place, history)
        place.set_ylim(-0.03 * most, most)
        style.title(place, words)
    axes[0].set_ylabel("loss", color=style.SOFT, fontsize=9)
    axes[0].legend(frameon=False, fontsize=9, labelcolor=style.INK)
    style.save("dropout", drawn)


def _early_stopping(history: History, epoch_of_stopping: Any) -> None:
    losses = history["val_loss"]
    end = epoch_of_stopping(losses) or len(losses)
    best = int(np.argmin(losses[:end])) + 1
    drawn = style.figure(6.5, 3.2)
    (axes,) = style.row_of_axes(drawn, [1])
    _losses(axes, history)
    for epoch, words, color, side in (
        (best, f"best: epoch {best} ", style.ACCENT, "right"),
        (end, f" stops: epoch {end}", style.WRONG, "left"),
    ):
        axes.axvline(epoch, color=color, linewidth=1.2, linestyle=(0, (4, 3)))
        axes.text(epoch, 0.62, words, ha=side, color=color, fontsize=9, transform=axes.get_xaxis_transform())
    axes.legend(frameon=False, fontsize=9, labelcolor=style.INK, loc="upper right")
    style.title(axes, "loss, patience 3")
    style.save("early-stopping", drawn)


def _losses(axes: Any, history: History) -> None:
    epochs = range(1, len(history["loss"]) + 1)
    axes.plot(epochs, history["loss"], color="#8a94a6", linewidth=1.8, label="letters learned from")
    axes.plot(epochs, history["val_loss"], color=style.ACCENT, linewidth=1.8, label="other letters")
    axes.set_xlabel("epoch", color=style.SOFT, fontsize=9)
    style.plain(axes)
