"""Small copies of pictures as data URIs, so that a page holds them itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

LONGEST_SIDE = 96
"""Pixels, unless a caller asks for more."""


def data_uri(image: NDArray[np.uint8], longest_side: int = LONGEST_SIDE) -> str:
    """The picture, (height, width, 3) uint8, as a WebP in a data URI (PNG where Pillow lacks WebP).

    One larger than `longest_side` pixels is shrunk to that; a smaller one is kept as it is.
    """
    from PIL import Image, features

    picture = Image.fromarray(image)
    picture.thumbnail((longest_side, longest_side), Image.Resampling.LANCZOS)
    return _encoded(picture, "WEBP", quality=88) if features.check("webp") else _encoded(picture, "PNG")


def exact_data_uri(image: NDArray[np.uint8]) -> str:
    """The picture, (height, width, 3 or 4) uint8, pixel by pixel as a PNG in a data URI."""
    from PIL import Image

    return _encoded(Image.fromarray(image), "PNG")


def _encoded(picture: Image.Image, kind: str, **options: int) -> str:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"


def within_budget(
    images: NDArray[np.uint8], positions: Iterable[int], characters: int, longest_side: int = LONGEST_SIDE
) -> dict[int, str]:
    """Data URIs of the pictures at `positions`, in that order, until they fill `characters`: position -> data URI."""
    kept: dict[int, str] = {}
    room = characters
    for position in positions:
        if position in kept:
            continue
        uri = data_uri(images[position], longest_side)
        room -= len(uri)
        if room < 0:
            break
        kept[position] = uri
    return kept


def in_turns(groups: Sequence[Sequence[int]], most: int) -> list[int]:
    """The first of every group, then the second of every group, and so on up to `most`: fair when not all find room."""
    return [group[turn] for turn in range(most) for group in groups if turn < len(group)]
