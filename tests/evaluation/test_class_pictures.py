"""The typical and the doubtful pictures of a class."""

from __future__ import annotations

import numpy as np
import pytest

from eyespot.data.dataset import Part
from eyespot.evaluation.class_pictures import MOST_OF_EACH, ClassRow, class_rows


def rows(probabilities: np.ndarray, labels: list[int], characters: int = 10**6) -> list[ClassRow]:
    n = len(labels)
    images = np.random.default_rng(0).integers(0, 256, (n, 8, 8, 3), np.uint8)
    part = Part(images, np.array(labels), tuple(str(i) for i in range(n)))
    return class_rows(part, probabilities, range(probabilities.shape[1]), characters)


def names(row: ClassRow) -> tuple[list[str], list[str]]:
    return [one.name for one in row.typical], [one.name for one in row.doubtful]


def test_typical_is_what_is_named_rightly_and_surely_doubtful_where_two_classes_lie_together() -> None:
    probabilities = np.array(
        [
            [0.6, 0.3, 0.1],
            [0.9, 0.05, 0.05],
            [0.02, 0.97, 0.01],  # surely wrong: neither typical nor doubtful
            [0.45, 0.1, 0.45],
            [0.3, 0.36, 0.34],
            [0.1, 0.8, 0.1],
        ]
    )
    first, second = rows(probabilities, [0, 0, 0, 0, 0, 1])

    assert names(first) == (["1", "0", "3"], ["4", "2"])
    assert names(second) == (["5"], [])
    (doubted, _) = first.doubtful
    assert (doubted.answer, doubted.next) == (1, 2)
    assert (doubted.confidence, doubted.next_confidence) == pytest.approx((0.36, 0.34))
    assert doubted.picture.startswith("data:image/")


def test_a_class_without_pictures_has_no_row_and_one_never_recognized_no_typical_picture() -> None:
    (only,) = rows(np.array([[0.8, 0.1, 0.1], [0.7, 0.2, 0.1]]), [1, 1])

    assert only.label == 1
    assert names(only) == ([], ["1", "0"])


def test_lists_are_bounded_and_share_no_picture() -> None:
    generator = np.random.default_rng(1)
    probabilities = generator.dirichlet([5, 1], 50)

    (row,) = rows(probabilities, [0] * 50)

    typical, doubtful = names(row)
    assert len(typical) == len(doubtful) == MOST_OF_EACH
    assert not set(typical) & set(doubtful)
    assert typical == [str(i) for i in np.argsort(-probabilities[:, 0], kind="stable")[:MOST_OF_EACH]]


def test_where_room_is_short_every_class_still_has_some() -> None:
    probabilities = np.repeat(np.eye(4) * 0.7 + 0.1, 20, axis=0)
    labels = np.repeat(np.arange(4), 20).tolist()
    full = rows(probabilities, labels)
    room = sum(len(one.picture) for row in full for one in (*row.typical, *row.doubtful)) // 3

    shown = rows(probabilities, labels, room)

    assert all(row.typical and row.doubtful for row in shown)
    assert 8 <= sum(len(row.typical) + len(row.doubtful) for row in shown) < 4 * 2 * MOST_OF_EACH / 2
