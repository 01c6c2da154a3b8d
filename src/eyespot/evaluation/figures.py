"""The pictures of a run: learning curves and confusion matrix, drawn by Matplotlib without its global state."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from eyespot.evaluation.confusion import visible_strength
from eyespot.run_folder import Epoch, write_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

INK, SOFT, LINE = "#1b2430", "#5c6675", "#dcdfe4"
TRAIN, WATCHED = "#8a94a6", "#0b7a75"
RIGHT, WRONG = "#0b7a75", "#c8452f"

_MOST_CLASSES_WITH_COUNTS = 30
_MOST_CLASSES_WITH_NAMES = 60
_LONGEST_NAME = 18


def write_curves(path: Path, history: Sequence[Epoch], watched: str | None) -> None:
    """Draw loss and accuracy of the training and the `watched` part, epoch by epoch, as a PNG about 1,500 pixels wide.

    Errors: RunError, where `path` cannot be written.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    figure = Figure(figsize=(10, 4.2), dpi=150, layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    _draw_curves(loss, history, [epoch.loss for epoch in history], [epoch.val_loss for epoch in history], watched, "{:.3f}")
    shares = [epoch.accuracy for epoch in history], [epoch.val_accuracy for epoch in history]
    _draw_curves(accuracy, history, *shares, watched, "{:.1%}")
    loss.set_title("Loss", loc="left", color=INK, fontweight="bold")
    loss.set_ylim(bottom=0)
    accuracy.set_title("Accuracy", loc="left", color=INK, fontweight="bold")
    accuracy.set_ylim(top=min(accuracy.get_ylim()[1], 1.01))
    accuracy.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    _save(path, figure)


def write_confusion_matrix(path: Path, matrix: Sequence[Sequence[int]], classes: Sequence[str]) -> None:
    """Draw which classes (rows) are taken for which (columns) as a PNG: the larger the share of its row, the stronger a cell.

    Counts are written into the cells up to 30 classes, names beside them up to 60, every so many beyond.

    Errors: RunError, where `path` cannot be written.
    """
    from matplotlib.figure import Figure

    counts = np.asarray(matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(3.2 + 0.4 * len(classes), 12.0)
    figure = Figure(figsize=(side, side), dpi=150, layout="constrained")
    axes = figure.subplots()
    axes.imshow(_colors(shares), interpolation="nearest")
    if len(classes) <= _MOST_CLASSES_WITH_COUNTS:
        _write_counts(axes, counts, shares)
        axes.set_xticks(np.arange(len(classes) + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(len(classes) + 1) - 0.5, minor=True)
        axes.grid(which="minor", color=LINE, linewidth=0.5)
    _name_axes(axes, classes)
    _save(path, figure)


def _colors(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """(classes, classes, 3): right answers in one color, wrong ones in another, mixed with white."""
    from matplotlib.colors import to_rgb

    right = np.eye(len(shares), dtype=bool)
    strength = visible_strength(shares)[:, :, None]
    full = np.where(right[:, :, None], to_rgb(RIGHT), to_rgb(WRONG))
    colors: NDArray[np.float64] = 1 - strength * (1 - full)
    return colors


def _draw_curves(
    axes: Axes,
    history: Sequence[Epoch],
    trained: Sequence[float],
    watched: Sequence[float | None],
    part: str | None,
    form: str,
) -> None:
    from matplotlib.ticker import MaxNLocator

    epochs = [epoch.epoch for epoch in history]
    marker = "o" if len(history) <= 25 else ""
    for values, name, color in ((trained, "training", TRAIN), (watched, part, WATCHED)):
        # The line runs on past epochs without a figure, and has a gap where one is no number.
        taken = [(epoch, value) for epoch, value in zip(epochs, values, strict=True) if value is not None]
        if name is not None and not np.all(np.isnan([value for _, value in taken])):
            at, known = zip(*taken, strict=True)
            when = "at the end" if at[-1] == epochs[-1] else f"in epoch {at[-1]}"
            label = f"{_short(name)}, {form.format(known[-1])} {when}"
            axes.plot(at, known, color=color, marker=marker, markersize=3.5, linewidth=1.8, label=label)
            axes.plot(at[-1:], known[-1:], color=color, marker="o", markersize=6)
    if epochs:
        room = max(0.5, 0.02 * len(epochs))
        axes.set_xlim(epochs[0] - room, epochs[-1] + room)
    axes.set_xlabel("epoch", color=SOFT)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))
    axes.grid(color=LINE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(colors=SOFT, length=0)
    for name in ("top", "right", "left"):
        axes.spines[name].set_visible(False)
    axes.spines["bottom"].set_color(LINE)
    if axes.get_legend_handles_labels()[0]:
        _plain(axes.legend(frameon=True, framealpha=0.85, edgecolor="none", labelcolor=INK).get_texts())


def _write_counts(axes: Axes, counts: NDArray[np.int64], shares: NDArray[np.float64]) -> None:
    size = 10 if len(counts) <= 12 else 7
    for row, column in np.argwhere(counts > 0):
        color = "white" if shares[row, column] > 0.75 else INK
        axes.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", color=color, fontsize=size)


def _name_axes(axes: Axes, classes: Sequence[str]) -> None:
    step = -(-len(classes) // _MOST_CLASSES_WITH_NAMES)
    ticks = range(0, len(classes), step)
    names = [_short(classes[position]) for position in ticks]
    size = 10 if len(classes) <= 12 else 8 if len(classes) <= _MOST_CLASSES_WITH_COUNTS else 6
    slanted = max(len(name) for name in names) > 3
    axes.set_xticks(ticks, names, fontsize=size, rotation=45 if slanted else 0, ha="right" if slanted else "center")
    axes.set_yticks(ticks, names, fontsize=size)
    axes.set_xlabel("predicted class", color=SOFT)
    axes.set_ylabel("true class", color=SOFT)
    axes.tick_params(which="both", colors=INK, length=0)
    axes.spines[:].set_color(LINE)
    title = "What is taken for what" if step == 1 else f"What is taken for what (one name in {step})"
    axes.set_title(title, loc="left", color=INK, fontsize=11, fontweight="bold")
    _plain([*axes.get_xticklabels(), *axes.get_yticklabels()])


def _short(name: str) -> str:
    line = " ".join(name.split())
    return line if len(line) <= _LONGEST_NAME else line[: _LONGEST_NAME - 1] + "…"


def _plain(texts: Iterable[Text]) -> None:
    """Have names such as `$5` drawn as they are, not as formulas."""
    for text in texts:
        text.set_parse_math(False)


def _save(path: Path, figure: Figure) -> None:
    picture = io.BytesIO()
    with warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes, which is no reason to speak up.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure.savefig(picture, format="png", bbox_inches="tight", pad_inches=0.2)
    write_file(path, picture.getvalue())
