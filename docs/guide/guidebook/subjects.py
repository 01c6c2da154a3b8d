"""The letters that the pictures show."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from eyespot.data import letters


@cache
def _pictures() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    part = letters.load(train=26, test=26 * 12, seed=3).parts["test"]
    return part.images, part.labels


def letter(name: str, number: int = 0) -> NDArray[np.uint8]:
    """A picture of a letter that no network has learned from, (32, 32, 3); `number` chooses among several."""
    images, labels = _pictures()
    picture: NDArray[np.uint8] = images[np.flatnonzero(labels == letters.CLASSES.index(name))[number]]
    return picture


def brightness(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(height, width), 0-255 (ITU-R BT.601)."""
    grey: NDArray[np.float64] = picture @ np.array([0.299, 0.587, 0.114])
    return grey
