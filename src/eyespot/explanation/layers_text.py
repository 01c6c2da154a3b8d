"""The layer table as text, cell by cell: what `eyespot explain` prints."""

from __future__ import annotations

from collections.abc import Sequence

from eyespot.explanation.layers import LayerSummary

HEAD = ("layer", "type", "output", "weights", "multiply-adds", "share", "sees", "apart", "how")
"""The columns: `sees` is the receptive field of one unit, `apart` how far those of neighbors lie apart, both in pixels."""

NUMBERS = frozenset({3, 4, 5})
"""The columns that are read as numbers, and stand to the right."""


def table_cells(rows: Sequence[LayerSummary]) -> list[tuple[str, ...]]:
    """The head, one line for each layer, and the sums; names and formulas as the model has them, unprintable ones too."""
    lines = [
        (
            row.name,
            row.type,
            _product(row.output_shape),
            f"{row.parameters:,}",
            f"{row.macs:,}",
            f"{100 * row.share:.1f} %" if row.macs else "",
            _product(row.receptive_field),
            _product(row.stride) if row.stride is not None else "-",
            row.formula,
        )
        for row in rows
    ]
    parameters, macs = sum(row.parameters for row in rows), sum(row.macs for row in rows)
    return [HEAD, *lines, ("in all", "", "", f"{parameters:,}", f"{macs:,}", "", "", "", "")]


def _product(sizes: Sequence[int]) -> str:
    return " x ".join(map(str, sizes))
