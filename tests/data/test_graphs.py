"""What is linked with what, and what is said where SciPy is missing."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from eyespot.data import Part, graphs, likeness
from eyespot.errors import MissingExtraError

NO_LINKS = np.empty((0, 2), np.int64)


def test_things_are_linked_over_several_steps() -> None:
    number = graphs.components(6, np.array([[0, 3], [3, 5], [1, 2]]))
    assert number[0] == number[3] == number[5]
    assert number[1] == number[2]
    assert len({number[0], number[1], number[4]}) == 3
    assert len(set(graphs.components(4, NO_LINKS).tolist())) == 4


def test_of_a_ring_the_longest_link_is_left_out_and_one_of_no_length_is_not() -> None:
    links, lengths = graphs.spanning_forest(
        5, np.array([[0, 1], [1, 2], [2, 3], [0, 3]]), np.array([0.5, 0, 2, 0.25], np.float32)
    )
    found = {(first, second): length for (first, second), length in zip(links.tolist(), lengths.tolist(), strict=True)}
    assert found == {(0, 1): 0.5, (1, 2): 0.0, (0, 3): 0.25}


class NothingIsBegun:
    """A `Progress` in which no work may begin."""

    def task(self, description: str, total: int | None, unit: str = "pictures") -> Any:
        raise AssertionError(f"{description} was begun")

    def note(self, line: str) -> None:
        pass

    at_once = note


def test_without_scipy_it_is_said_what_to_install_before_anything_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    part = Part(np.zeros((2, 8, 8, 3), np.uint8), np.array([0, 1]), ("a.png", "b.png"))
    message = r'Finding pictures that belong together needs .*: pip install "eyespot\[train\]"'
    with pytest.raises(MissingExtraError, match=message):
        likeness.within(part, progress=NothingIsBegun())
    with pytest.raises(MissingExtraError, match=message):
        graphs.components(2, NO_LINKS)
