"""How the guide's pictures look: one palette, grids of numbers, and files that are small."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from eyespot.evaluation.figures import INK, LINE, SOFT, WRONG
from eyespot.evaluation.figures import RIGHT as ACCENT
from guidebook.chapters import GUIDE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GROUND = "#eef3f3"
COLORS = (ACCENT, WRONG, "#c48a12", "#5a4fa2")
"""Those of several things in one picture."""

_DPI = 120
_PALETTE = 128


def figure(width: float, height: float) -> Figure:
    """A white figure of so many inches, at 120 pixels an inch."""
    return Figure(figsize=(width, height), dpi=_DPI, layout="constrained")


def save(name: str, drawn: Figure) -> None:
    """Write a figure into the guide as a PNG of few colors."""
    picture = io.BytesIO()
    drawn.savefig(picture, format="png", facecolor="white", pad_inches=0.1, bbox_inches="tight")
    colors = Image.open(picture).convert("RGB").quantize(_PALETTE, dither=Image.Dither.NONE)
    colors.save(GUIDE / "images" / f"{name}.png", optimize=True)


def title(axes: Axes, text: str) -> None:
    """A line over the axes, at their left."""
    axes.set_title(text, loc="left", color=INK, fontsize=10)


def bare(axes: Axes) -> None:
    """Axes with neither ticks nor frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def plain(axes: Axes) -> None:
    """Axes of a curve: soft ticks, and lines to read values by."""
    axes.grid(color=LINE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(colors=SOFT, length=0, labelsize=9)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(LINE)


def show(axes: Axes, picture: ArrayLike, **options: Any) -> None:
    """A picture or a map, pixel by pixel."""
    axes.imshow(picture, interpolation="nearest", **options)
    bare(axes)


def numbers(
    axes: Axes,
    grid: NDArray[Any],
    *,
    colors: Callable[[int, int], str | None] = lambda row, column: None,
    form: str = "{}",
    size: float = 11,
    height: float | None = None,
) -> None:
    """A grid of numbers, in the middle of `height` rows; `colors` gives a cell's ground, white where it gives None."""
    rows, columns = grid.shape
    for row, column in np.ndindex(rows, columns):
        ground = colors(row, column) or "white"
        axes.add_patch(Rectangle((column, row), 1, 1, facecolor=ground, edgecolor=LINE, linewidth=1))
        axes.text(
            column + 0.5, row + 0.5, form.format(grid[row, column]), ha="center", va="center", fontsize=size, color=_ink(ground)
        )
    axes.set_xlim(-0.1, columns + 0.1)
    around = ((height or rows) - rows) / 2
    axes.set_ylim(rows + around + 0.1, -around - 0.1)
    axes.set_aspect("equal")
    bare(axes)


def frame(axes: Axes, top: float, left: float, height: float, width: float, color: str, line: float = 2.4) -> None:
    """A rectangle around cells, in units of the axes."""
    axes.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor=color, linewidth=line, zorder=5))


def grey(value: float) -> str:
    """The grey of a pixel value 0-255, as a color."""
    return "#" + f"{round(value):02x}" * 3


def _ink(ground: str) -> str:
    red, green, blue = (int(ground[i : i + 2], 16) for i in (1, 3, 5)) if ground.startswith("#") else (255, 255, 255)
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 125 else "white"


def row_of_axes(drawn: Figure, widths: Sequence[float]) -> list[Axes]:
    """Axes side by side, as wide as `widths` say."""
    axes = drawn.subplots(1, len(widths), width_ratios=list(widths))
    return list(np.atleast_1d(axes))
