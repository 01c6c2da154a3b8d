"""Pictures set aside by whole groups: to choose on, or to test on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyespot.data.folds import Fold, folds
from eyespot.data.setting_aside import folds_to_choose_on, set_aside
from eyespot.errors import InputError


def aside(labels: Sequence[int], groups: Sequence[int] | None = None, fraction: float = 0.2, seed: int = 0) -> Fold:
    """What is set aside; without groups each picture is one of its own."""
    numbers = range(len(labels)) if groups is None else groups
    return set_aside(np.array(labels, np.int64), np.array(numbers, np.int64), fraction, seed)


def to_choose_on(labels: Sequence[int], groups: Sequence[int], count: int = 5) -> tuple[Fold, ...]:
    return folds_to_choose_on(np.array(labels, np.int64), np.array(groups, np.int64), count, 0)


pictures = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 14)), min_size=1, max_size=80)


@settings(max_examples=300, deadline=None)
@given(pictures, st.floats(0.05, 0.6), st.integers(0, 3))
def test_no_group_is_on_both_sides_and_every_class_can_be_learned(
    pairs: list[tuple[int, int]], fraction: float, seed: int
) -> None:
    labels, groups = (list(column) for column in zip(*pairs, strict=True))
    rest, off = aside(labels, groups, fraction, seed)
    assert np.array_equal(np.sort(np.concatenate([rest, off])), np.arange(len(labels)))
    assert not {groups[i] for i in rest} & {groups[i] for i in off}
    assert {labels[i] for i in rest} == set(labels)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=90), st.floats(0.05, 0.5))
def test_where_each_picture_stands_alone_every_class_gives_its_share(labels: list[int], fraction: float) -> None:
    off = aside(labels, None, fraction).held_out
    for label in set(labels):
        count = labels.count(label)
        wanted = min(int(np.ceil(fraction * count)), count - 1)
        assert sum(labels[i] == label for i in off) == wanted


def test_a_class_of_large_groups_gives_its_smallest_one() -> None:
    labels = [0] * 10 + [1] * 30
    groups = [*range(10), *[100] * 12, *[101] * 8, *[102] * 10]
    off = aside(labels, groups, 0.1).held_out
    assert sorted({groups[i] for i in off if labels[i] == 1}) == [101]
    assert sum(labels[i] == 0 for i in off) == 1


def test_a_class_in_one_group_is_not_set_aside_and_where_all_are_nothing_is() -> None:
    assert {[0, 0, 0, 0, 1, 1][i] for i in aside([0, 0, 0, 0, 1, 1], [0, 1, 2, 3, 9, 9]).held_out} == {0}
    assert len(aside([0, 0, 1, 1], [0, 0, 1, 1]).held_out) == 0
    assert len(aside([0, 1], [0, 1]).held_out) == 0


def test_another_seed_sets_others_aside_and_the_numbers_of_the_groups_do_not_matter() -> None:
    labels = [i % 2 for i in range(60)]
    assert np.array_equal(aside(labels).held_out, aside(labels, [7 * i % 1000 + 3 for i in range(60)]).held_out)
    assert not np.array_equal(aside(labels, seed=0).held_out, aside(labels, seed=1).held_out)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 2.0])
def test_a_fraction_that_cannot_be_is_refused(fraction: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        aside([0, 0, 1, 1], None, fraction)


def test_folds_to_choose_on_are_the_usual_ones_where_classes_are_not_tiny() -> None:
    labels, groups = [i % 3 for i in range(40)], [i // 2 for i in range(40)]
    usual = folds(np.array(labels), np.array(groups), 5, 0)
    for fold, expected in zip(to_choose_on(labels, groups), usual, strict=True):
        assert np.array_equal(fold.train, expected.train)
        assert np.array_equal(fold.held_out, expected.held_out)


@settings(max_examples=300, deadline=None)
@given(pictures, st.integers(2, 6))
def test_tiny_classes_are_no_error_and_each_picture_is_held_out_once(pairs: list[tuple[int, int]], count: int) -> None:
    labels, groups = (list(column) for column in zip(*pairs, strict=True))
    groups_of = [len({group for other, group in pairs if other == label}) for label in set(labels)]
    found = to_choose_on(labels, groups, count)
    assert bool(found) == (sum(number > 1 for number in groups_of) > 1)
    if found:
        assert np.array_equal(np.sort(np.concatenate([fold.held_out for fold in found])), np.arange(len(labels)))
    for train, held_out in found:
        assert not {groups[i] for i in train} & {groups[i] for i in held_out}
        assert len(train)
