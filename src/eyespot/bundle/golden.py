"""The golden pictures: drawn from a formula, so that a model file holds nothing that its owner trained on."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Height and width as multiples of the input size: both larger, both smaller, and one of each, so that whoever recomputes the
# probabilities has resized in every way. None is square for a square input.
_PROPORTIONS = ((2.25, 1.5), (0.625, 0.875), (0.75, 1.75))


def draw(size: tuple[int, int]) -> tuple[bytes, ...]:
    """Three small PNG files, none of them of `size`, (height, width); the same for the same size, always."""
    return tuple(_png(_picture(size, number)) for number in range(len(_PROPORTIONS)))


def _picture(size: tuple[int, int], number: int) -> NDArray[np.uint8]:
    """A slanted colour gradient with a disc and fine stripes on it: smooth areas, an edge, and detail that resizing blurs."""
    height, width = (max(int(side * factor), 4) + 1 for side, factor in zip(size, _PROPORTIONS[number], strict=True))
    down, right = np.mgrid[0:height, 0:width]
    down, right = down / (height - 1), right / (width - 1)
    channels = np.stack([down, right, 1 - (down + right) / 2], axis=-1)
    picture = 40 + 180 * np.roll(channels, number, axis=-1)
    disc = (down - 0.5) ** 2 + (right - 0.35) ** 2 < 0.07
    picture[disc] = (230, 200, 40) if number % 2 else (20, 60, 160)
    stripes = (right > 0.75) & (np.arange(height)[:, None] % 3 == 0)
    picture[stripes] = 255
    return picture.round().astype(np.uint8)


def _png(picture: NDArray[np.uint8]) -> bytes:
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()
