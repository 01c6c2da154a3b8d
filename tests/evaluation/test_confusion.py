"""The confusion matrix as the report shows it."""

from __future__ import annotations

import numpy as np

from eyespot.evaluation import confusion

MATRIX = np.array([[8, 2, 0], [5, 4, 1], [0, 0, 0]])


def test_the_commonest_mistakes_come_first_and_right_answers_are_none() -> None:
    found = [(c.true, c.predicted, c.count, c.share) for c in confusion.commonest(MATRIX, 10)]

    assert found == [(1, 0, 5, 0.5), (0, 1, 2, 0.2), (1, 2, 1, 0.1)]
    assert len(confusion.commonest(MATRIX, 2)) == 2


def test_cells_carry_counts_and_color() -> None:
    rows = confusion.table(MATRIX, [0, 1, 2])

    assert [[cell.count for cell in row.cells] for row in rows] == MATRIX.tolist()
    assert rows[0].cells[0].strength == 0.8
    assert 0.2 < rows[0].cells[1].strength < 0.8
    assert rows[2].cells[2].strength == 0
    assert [rows[1].cells[i].is_right for i in range(3)] == [False, True, False]


def test_up_to_forty_classes_are_shown_whole_and_of_more_the_thirty_confused_most() -> None:
    many = np.diag(np.full(41, 5))
    many[40, 0] = many[39, 1] = 3

    shown = confusion.shown_classes(many)

    assert confusion.shown_classes(many[:40, :40]) == list(range(40))
    assert len(shown) == 30
    assert shown == sorted(shown)
    assert {0, 1, 39, 40} <= set(shown)


def test_pictures_are_sorted_mistakes_by_confidence_right_answers_by_doubt() -> None:
    labels = np.array([0, 0, 0, 0])
    predicted = np.array([0, 0, 1, 1])
    confidence = np.array([0.9, 0.6, 0.6, 0.9])

    cells = confusion.pictures_by_cell(labels, predicted, confidence)

    assert cells == {(0, 0): [1, 0], (0, 1): [3, 2]}


def test_the_heat_map_has_a_pixel_a_cell() -> None:
    picture = confusion.heat_map(MATRIX, right=(0, 255, 0), wrong=(255, 0, 0))

    assert picture.shape == (3, 3, 4)
    assert picture[0, 0].tolist() == [0, 255, 0, 204]
    assert picture[0, 1, :3].tolist() == [255, 0, 0]
    assert picture[1, 0, 3] > picture[0, 1, 3] > picture[0, 2, 3] == 0
