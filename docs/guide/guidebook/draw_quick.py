"""The pictures of chapter 11: what two recipes cost, and the patterns of the whitening."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from guidebook import style


def draw(names: Mapping[str, Mapping[str, Any]]) -> None:
    """`quick.png` and `whitening.png`."""
    _work(names["quick"])
    _patterns(names["quick"]["kernel"])


def _work(chapter: Mapping[str, Any]) -> None:
    pictures = {"tutorial": chapter["PICTURES"] * 50, "quick": chapter["PICTURES"] * 0.75}
    drawn = style.figure(9, 1.9)
    axes = style.row_of_axes(drawn, [1, 1])
    for place, values, words, form in (
        (axes[0], pictures, "pictures learned from, repeats counted", "{:,.0f}"),
        (
            axes[1],
            {name: macs / 1e12 for name, macs in chapter["work"].items()},
            "multiplications, in millions of millions",
            "{:,.1f}",
        ),
    ):
        place.barh(range(2), list(values.values()), color=[style.SOFT, style.ACCENT], height=0.55)
        place.set_yticks(range(2), list(values))
        place.invert_yaxis()
        for i, value in enumerate(values.values()):
            place.text(value, i, f" {form.format(value)}", va="center", color=style.INK, fontsize=9)
        place.set_xlim(0, 1.35 * max(values.values()))
        style.title(place, words)
        style.bare(place)
        place.set_yticks(range(2), list(values))
        place.tick_params(colors=style.INK, length=0)
    style.save("quick", drawn)


def _patterns(kernel: Any) -> None:
    """The twelve patterns of (2, 2, 3, 24), each brought to the same contrast."""
    drawn = style.figure(9, 1.0)
    axes = style.row_of_axes(drawn, [1] * 12)
    for number, place in enumerate(axes):
        pattern = kernel[:, :, :, number] * (np.sign(kernel[:, :, :, number].sum()) or 1)
        style.show(place, np.clip(0.5 + 0.5 * pattern / np.abs(pattern).max(), 0, 1))
    style.save("whitening", drawn)
