"""Few pictures in one row: what belongs together, and the rounds that are gone through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from eyespot.data import Dataset
from eyespot.data.folds import folds
from eyespot.errors import DataError
from eyespot.runs.pictures import FEW, Round, are_few, fold_count, gathered, rounds

MakeDataset = Callable[..., Dataset]


def check(found: tuple[Round, ...], groups: np.ndarray, labels: np.ndarray, *, may_share: bool = False) -> None:
    """What every round keeps; `may_share`: the data set came with parts to learn from and to watch that share groups."""
    for each in found:
        train, validation, held_out = (set(groups[positions].tolist()) for positions in each)
        assert may_share or not train & validation
        assert not (train | validation) & held_out
        assert set(labels[each.train]) == set(labels)
        assert np.array_equal(each.learnable, np.sort([*each.train, *each.validation]))


def test_pictures_to_test_on_do_not_count_among_the_few(dataset: MakeDataset) -> None:
    data = dataset(train=[0, 1], validation=[0], test=[0, 1])

    def with_counts(train: int, validation: int) -> Dataset:
        part = data.parts["train"]
        grown = {"train": train, "validation": validation, "test": 3 * FEW}
        return data.with_parts(**{name: part.take(np.zeros(count, np.int64)) for name, count in grown.items()})

    assert are_few(with_counts(FEW - 2, 1))
    assert not are_few(with_counts(FEW - 1, 1))


def test_the_parts_lie_one_after_another(dataset: MakeDataset) -> None:
    data = dataset(train=[0, 1] * 4, validation=[0, 1], test=[1, 0, 1])
    pictures = gathered(data, None)
    for name, positions in pictures.places.items():
        assert pictures.part.take(positions).names == data.parts[name].names
        np.testing.assert_array_equal(pictures.part.images[positions], data.parts[name].images)
    assert len(pictures.part) == 13
    assert (pictures.is_parted, pictures.group_note, pictures.notes, pictures.leaks) == (True, None, (), ())
    assert len(np.unique(pictures.groups)) == 13


def test_copies_belong_together_and_the_same_pixels_in_two_classes_are_named(dataset: MakeDataset) -> None:
    data = dataset(all=[0, 0, 0, 1, 1, 1])
    data.parts["all"].images[[1, 3]] = data.parts["all"].images[0]
    pictures = gathered(data, None)
    assert pictures.groups[0] == pictures.groups[1] == pictures.groups[3]
    assert len(np.unique(pictures.groups)) == 4
    assert pictures.notes[0].startswith("3 pictures are copies or near duplicates of others, such as all/cat/0.png and ")
    assert "once the same pixels lie in two classes, such as all/cat/0.png and all/dog/3.png" in pictures.notes[1]


def test_a_rule_holds_together_what_it_says_and_what_rests_on_it_is_told(dataset: MakeDataset) -> None:
    data = dataset(all=[0, 1] * 6)
    pictures = gathered(data, r"name:^(\d)")  # 1, 10 and 11 begin alike
    assert pictures.groups[1] == pictures.groups[10] == pictures.groups[11]
    assert len(np.unique(pictures.groups)) == 10
    assert pictures.group_note == r"grouped by name:^(\d): 12 pictures in 10 groups"
    with pytest.raises(DataError, match=r"the pattern \^burst finds nothing"):
        gathered(data, "name:^burst")


def test_what_parts_share_is_a_leak_and_does_not_join_their_groups(dataset: MakeDataset) -> None:
    data = dataset(train=[0, 1] * 4, test=[0, 1])
    data.parts["test"].images[1] = data.parts["train"].images[3]
    pictures = gathered(data, None)
    (line,) = pictures.leaks
    assert line.startswith("1 of the test pictures belong together with train pictures (1 same pixels), such as test/dog/1.png")
    train, test = (set(pictures.groups[positions].tolist()) for positions in pictures.places.values())
    assert not train & test


def test_without_parts_there_are_the_usual_folds_with_a_validation_part_in_each(dataset: MakeDataset) -> None:
    data = dataset(all=[i % 3 for i in range(90)])
    pictures = gathered(data, "name:^(.)")
    groups, labels = pictures.groups, pictures.part.labels
    # Numbers that begin alike belong together: groups of eleven, most of which have every class.
    found = rounds(pictures, data.classes, None)
    usual = folds(labels, groups, 5, 0)
    assert [each.held_out.tolist() for each in found] == [fold.held_out.tolist() for fold in usual]
    check(found, groups, labels)
    assert all(np.array_equal(np.sort(np.concatenate(each)), np.arange(90)) for each in found)
    assert all(len(each.validation) for each in found)


@pytest.mark.parametrize("part", ["all", "train"])
def test_an_eighth_of_what_is_learned_from_decides(dataset: MakeDataset, part: str) -> None:
    data = dataset(**{part: [i % 2 for i in range(160)]})
    found = rounds(gathered(data, None), data.classes, None)
    assert [(len(each.train), len(each.validation), len(each.held_out)) for each in found] == [(112, 16, 32)] * 5


def test_a_given_test_part_is_held_out_and_a_given_validation_part_decides(dataset: MakeDataset) -> None:
    data = dataset(train=[i % 2 for i in range(80)], test=[0, 1] * 5)
    (each,) = rounds(gathered(data, None), data.classes, None)
    assert (len(each.train), each.validation.max() < 80, len(each.validation)) == (70, True, 10)
    assert each.held_out.tolist() == list(range(80, 90))
    data = dataset(train=[0, 1] * 8, validation=[0, 1], test=[0, 1] * 2)
    (each,) = rounds(gathered(data, None), data.classes, None)
    assert (each.train.tolist(), each.validation.tolist()) == (list(range(16)), [16, 17])
    assert each.held_out.tolist() == [18, 19, 20, 21]


def test_without_a_test_part_a_fifth_is_held_out_where_a_part_decides_or_one_fold_is_asked_for(dataset: MakeDataset) -> None:
    data = dataset(train=[i % 2 for i in range(80)], validation=[0, 1])
    (each,) = rounds(gathered(data, None), data.classes, None)
    assert (len(each.train), each.validation.tolist(), len(each.held_out)) == (64, [80, 81], 16)
    data = dataset(all=[i % 2 for i in range(80)])
    (each,) = rounds(gathered(data, None), data.classes, 1)
    assert (len(each.train), len(each.validation), len(each.held_out)) == (56, 8, 16)


def test_what_belongs_together_with_a_picture_held_out_has_no_say_in_a_given_part_to_watch(dataset: MakeDataset) -> None:
    data = dataset(train=[i % 2 for i in range(80)], validation=[i % 2 for i in range(40)])
    data.parts["validation"].images[::2] = data.parts["train"].images[:40:2]
    pictures = gathered(data, None)
    (each,) = found = rounds(pictures, data.classes, None)
    check(found, pictures.groups, pictures.part.labels, may_share=True)
    twins = {80 + position for position in each.held_out.tolist() if position < 40 and position % 2 == 0}
    assert 0 < len(twins) < 20
    assert set(each.validation.tolist()) == set(range(80, 120)) - twins


def test_there_may_be_more_folds_than_are_asked_for(dataset: MakeDataset) -> None:
    data = dataset(all=[0, 1, 0, 2, 1, 2])
    # Each two of three classes share a group: in two folds, one of them would be learned nowhere.
    pictures = replace(gathered(data, None), groups=np.array([0, 0, 1, 1, 2, 2]))
    assert [fold_count(pictures, data.classes, count) for count in (2, 3)] == [3, 3]
    assert len(rounds(pictures, data.classes, 2)) == 3


def test_two_pictures_a_class_are_enough_and_leave_nothing_to_decide_on(dataset: MakeDataset) -> None:
    data = dataset(all=[0, 0, 1, 1])
    found = rounds(gathered(data, None), data.classes, None)
    assert [tuple(map(len, each)) for each in found] == [(2, 0, 2)] * 2


@pytest.mark.parametrize(
    ("labels", "rule", "message"),
    [
        ([0, 0, 0, 1], None, "too few pictures of dog"),
        ([0, 1] * 4, "name:(png)", "all pictures belong to one group"),
        ([0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1], "name:^(.)", "all pictures of dog belong to one group"),
    ],
)
def test_what_cannot_be_judged_is_an_error_that_says_why(
    dataset: MakeDataset, labels: list[int], rule: str | None, message: str
) -> None:
    data = dataset(all=labels)
    with pytest.raises(DataError, match=message):
        rounds(gathered(data, rule), data.classes, None)


def test_data_without_a_training_part_is_refused(dataset: MakeDataset) -> None:
    with pytest.raises(DataError, match="pets has no training part, only test"):
        gathered(dataset(test=[0, 1]), None)


def test_columns_of_a_table_are_kept_in_one_row(dataset: MakeDataset) -> None:
    data = dataset(train=[0, 1] * 2, test=[0, 1])
    parts: dict[str, Any] = {
        name: replace(part, columns={"animal": tuple(f"{name}{label}" for label in part.labels)})
        for name, part in data.parts.items()
    }
    pictures = gathered(data.with_parts(**parts), "column:animal")
    assert pictures.part.columns["animal"] == ("train0", "train1", "train0", "train1", "test0", "test1")
    assert len(np.unique(pictures.groups)) == 4
