"""Which of many pictures are taken, where not all need be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def evenly_spread(count: int, most: int) -> NDArray[np.int64]:
    """At most `most` of the positions 0 ... count - 1, evenly spread: where classes follow each other, each keeps its share."""
    taken = min(count, most)
    return np.arange(taken, dtype=np.int64) * count // max(taken, 1)
