"""What is linked with what, over however many steps: SciPy's graphs, and what to install where SciPy is missing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eyespot.errors import MissingExtraError

Positions = NDArray[np.int64]
Floats = NDArray[np.float32]


def check_is_installed() -> None:
    """Errors: MissingExtraError, where SciPy is not installed: better said before any work than after."""
    _scipy()


def components(count: int, links: Positions) -> Positions:
    """Which of `count` things are linked: (count,), equal numbers for those that are.

    Args:
        count: how many there are.
        links: (m, 2), positions of two each.

    Errors: MissingExtraError, where SciPy is not installed.
    """
    graphs, array = _scipy()
    linked = array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(count, count))
    number: Positions = graphs.connected_components(linked, directed=False)[1].astype(np.int64)
    return number


def spanning_forest(count: int, links: Positions, lengths: Floats) -> tuple[Positions, Floats]:
    """The shortest links that link the same things: fewer than things, however many were given; and their lengths.

    Args:
        count: how many things there are.
        links: (m, 2), the lower position first.
        lengths: (m,), at least 0.

    Errors: MissingExtraError, where SciPy is not installed.
    """
    graphs, array = _scipy()
    # 1 more, for a link of length 0 would count as none.
    weights = array((lengths.astype(np.float64) + 1, (links[:, 0], links[:, 1])), shape=(count, count))
    forest = graphs.minimum_spanning_tree(weights.tocsr()).tocoo()
    return np.stack([forest.row, forest.col], axis=1).astype(np.int64), (forest.data - 1).astype(np.float32)


def _scipy() -> tuple[Any, Any]:
    """`scipy.sparse.csgraph` and `coo_array`."""
    try:
        from scipy.sparse import coo_array, csgraph
    except ModuleNotFoundError as error:
        raise MissingExtraError("Finding pictures that belong together", "train") from error
    return csgraph, coo_array
