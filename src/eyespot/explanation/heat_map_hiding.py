"""Parts of a picture hidden: which parts, and behind what."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

FINEST = 32
"""Heat is looked for in at most so many rows and columns of cells; a larger picture's cells are of several pixels."""

_BLUR = 1 / 8  # of the picture's height or width: so blurred, hardly any picture is told right
_LEAST_SMOOTH = 0.5  # cells
_REACH = 4  # standard deviations after which a Gaussian is cut off


def cells(size: tuple[int, int]) -> tuple[int, int]:
    """In how many rows and columns of cells heat is looked for in a picture of that height and width."""
    return min(size[0], FINEST), min(size[1], FINEST)


def fillings(picture: NDArray[np.uint8]) -> tuple[Floats, ...]:
    """What hidden parts are replaced by: the blurred picture, and its mean color; (height, width, 3) each."""
    blurs = (_blur(side, side * _BLUR) for side in picture.shape[:2])
    blurred = np.einsum("ij,jkc,lk->ilc", next(blurs), picture.astype(np.float32), next(blurs), optimize=True)
    return blurred, np.broadcast_to(picture.mean(axis=(0, 1), dtype=np.float32), picture.shape)


def with_parts_hidden(picture: NDArray[np.uint8], kept: Floats, filling: Floats) -> NDArray[np.uint8]:
    """The picture with the cells outside each mask hidden, behind soft edges where a cell is larger than a pixel.

    Args:
        picture: (height, width, 3).
        kept: (n, rows, columns) of cells: 1 where they are left, 0 where they are hidden.
        filling: (height, width, 3).

    Returns: (n, height, width, 3).
    """
    enlarging = (_enlarge(few, many) for few, many in zip(kept.shape[1:], picture.shape[:2], strict=True))
    shares = (next(enlarging) @ kept.astype(np.float32) @ next(enlarging).T)[..., None]
    return np.rint(filling + shares * (picture - filling)).astype(np.uint8)


def enlarged(cell_values: Floats, size: tuple[int, int]) -> Floats:
    """A map of cells as one of pixels, (height, width), interpolated."""
    rows, columns = (_enlarge(few, many) for few, many in zip(cell_values.shape, size, strict=True))
    return np.asarray(rows @ cell_values @ columns.T)


def smooth_noise(generator: np.random.Generator, count: int, shape: tuple[int, int], scale: float) -> Floats:
    """Random fields (count, rows, columns) of unit variance everywhere, smooth over a share `scale` of each side."""
    rows, columns = (smoothing(side, scale) for side in shape)
    return np.asarray(rows @ generator.normal(size=(count, *shape)) @ columns.T)


def smoothing(side: int, scale: float) -> Floats:
    """(side, side): what makes smooth noise of independent noise along one axis; its rows have unit length."""
    distances = (np.arange(side)[:, None] - np.arange(side)) / max(scale * side, _LEAST_SMOOTH)
    weights = np.exp(-(distances**2) / 2)
    return np.asarray(weights / np.linalg.norm(weights, axis=1, keepdims=True))


def _blur(side: int, deviation: float) -> Floats:
    """(side, side): a Gaussian blur along one axis, the picture reflected at its edges."""
    reach = int(_REACH * deviation + 0.5)
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-(offsets**2) / (2 * deviation**2))
    unfolded = (np.arange(side)[:, None] + offsets) % (2 * side)
    sources = np.minimum(unfolded, 2 * side - 1 - unfolded)
    matrix = np.zeros((side, side))
    np.add.at(matrix, (np.arange(side)[:, None], sources), weights / weights.sum())
    return matrix.astype(np.float32)


def _enlarge(few: int, many: int) -> Floats:
    """(many, few): interpolates `few` values linearly at `many` places."""
    places = (np.arange(many) + 0.5) * few / many - 0.5
    shares = 1 - np.abs(np.clip(places, 0, few - 1)[:, None] - np.arange(few))
    return np.asarray(np.maximum(shares, 0), np.float32)
