"""What a report says of what parts share."""

from __future__ import annotations

import pytest

from eyespot.data.folds import NEAR_DUPLICATE, Leak, leak_lines
from eyespot.evaluation.facts import flatters


@pytest.mark.parametrize(
    ("part", "other", "count", "expected"),
    [
        ("test", "train", 1, True),
        ("test", "train", 1200, True),
        ("test", "validation", 3, True),
        ("validation", "train", 3, False),
    ],
)
def test_only_what_the_test_part_shares_flatters(part: str, other: str, count: int, expected: bool) -> None:
    shared = [Leak(part, f"2 of the test pictures {i}", other, "b.jpg", NEAR_DUPLICATE) for i in range(count)]
    (line,) = leak_lines(shared)
    assert flatters(line) is expected
