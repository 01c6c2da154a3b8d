"""Draws docs/images/tutorial_curves.png from results.jsonl: the tutorial recipe to its end, with stock Keras overlaid.

python benchmarks/curves.py
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from common import ROOT, Document, recorded

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PICTURE = ROOT / "docs" / "images" / "tutorial_curves.png"
EYESPOT, STOCK, CLAIM = "#c2410c", "#1d4ed8", "#6b7280"


def draw() -> None:
    """Draw what has been measured so far; nothing where nothing has."""
    full, first = recorded("tutorial_accuracy"), recorded("learning_curves")
    if not full and not first:
        return
    import matplotlib.pyplot as plt

    figure, (accuracy, loss, running) = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    stock = [result for result in first if result["engine"] == "stock"]
    _epochs(accuracy, "accuracy", full, stock, claim=0.77)
    _epochs(loss, "loss", full, stock, claim=0.68)
    _first_epochs(running, first)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _epochs(axes: Axes, name: str, full: Sequence[Document], stock: Sequence[Document], claim: float) -> None:
    """Training (dashed) and test (solid) figures after every epoch, one line a seed."""
    for number, result in enumerate(full):
        for key, line in ((name, "--"), (f"val_{name}", "-")):
            values = [epoch[key] for epoch in result["history"]]
            label = f"Eyespot, {'test' if line == '-' else 'training'}" if number == 0 else None
            axes.plot(range(1, len(values) + 1), values, line, color=EYESPOT, linewidth=1.2, alpha=0.8, label=label)
    for number, result in enumerate(stock):
        for key, line in ((name, "--"), (f"val_{name}", "-")):
            values = result["history"][key]
            label = f"stock fit, {'test' if line == '-' else 'training'}" if number == 0 else None
            axes.plot(range(1, len(values) + 1), values, line, color=STOCK, linewidth=1.6, label=label)
    axes.axhline(claim, color=CLAIM, linewidth=0.8, linestyle=":", label=f"the tutorial's claim, {claim}")
    axes.set(xlabel="epoch", title=f"{name.capitalize()}, one line a seed")
    axes.legend(fontsize="small", frameon=False)


def _first_epochs(axes: Axes, results: Sequence[Document]) -> None:
    """The training loss within the first epochs, both sides from the same initial weights."""
    for engine, color, label in (("stock", STOCK, "stock fit"), ("eyespot", EYESPOT, "Eyespot")):
        for number, result in enumerate(result for result in results if result["engine"] == engine):
            within = result["running_loss"]
            axes.plot(
                within["steps"],
                within["losses"],
                color=color,
                linewidth=1,
                alpha=0.8,
                label=f"{label}, same initial weights" if number == 0 else None,
            )
    axes.set(xlabel="step", title="Training loss, three epochs, dropout on")
    if results:
        axes.legend(fontsize="small", frameon=False)


if __name__ == "__main__":
    draw()
