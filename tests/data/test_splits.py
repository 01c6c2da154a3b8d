from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyespot.data import Dataset, Part, splits
from eyespot.errors import DataError, InputError


def part_of(pictures: list[int], labels: list[int]) -> Part:
    """A part of 2x2 pictures, each of one color that stands for what it shows."""
    colors = np.array(pictures, np.uint8)[:, None, None, None]
    images = np.broadcast_to(colors, (len(pictures), 2, 2, 3)).copy()
    return Part(images, np.array(labels, np.int64), tuple(f"{i}.png" for i in range(len(pictures))))


def shown(part: Part) -> set[int]:
    return set(part.images[:, 0, 0, 0].tolist())


def test_the_fraction_of_each_class_is_split_off() -> None:
    labels = [0] * 100 + [1] * 20 + [2] * 5
    rest, off = splits.split(part_of(list(range(125)), labels), 0.2, seed=0)
    assert Counter(off.labels.tolist()) == {0: 20, 1: 4, 2: 1}
    assert Counter(rest.labels.tolist()) == {0: 80, 1: 16, 2: 4}


def test_every_picture_is_on_one_side_with_its_own_label_and_name() -> None:
    whole = part_of(list(range(60)), [i % 3 for i in range(60)])
    rest, off = splits.split(whole, 0.3, seed=1)
    assert sorted(rest.names + off.names) == sorted(whole.names)
    for side in (rest, off):
        for image, label, name in zip(side.images, side.labels, side.names, strict=True):
            i = int(name.removesuffix(".png"))
            assert (image == whole.images[i]).all()
            assert label == whole.labels[i]


def test_the_same_seed_splits_the_same_way_and_another_seed_another_way() -> None:
    whole = part_of(list(range(200)), [i % 2 for i in range(200)])
    assert splits.split(whole, 0.2, seed=5)[1].names == splits.split(whole, 0.2, seed=5)[1].names
    assert splits.split(whole, 0.2, seed=5)[1].names != splits.split(whole, 0.2, seed=6)[1].names


def test_the_order_and_the_names_of_the_pictures_do_not_matter() -> None:
    whole = part_of(list(range(100)), [i % 2 for i in range(100)])
    shuffled = whole.take(np.random.default_rng(0).permutation(100))
    assert shown(splits.split(whole, 0.2, seed=0)[1]) == shown(splits.split(shuffled, 0.2, seed=0)[1])


def test_a_class_with_one_picture_is_an_error_that_names_it() -> None:
    with pytest.raises(DataError, match="too few pictures of lynx: a class needs at least two different ones"):
        splits.split(part_of([1, 2, 3], [0, 0, 1]), 0.1, seed=0, classes=("cat", "lynx"))


def test_a_class_with_copies_of_one_picture_is_an_error_that_names_it() -> None:
    with pytest.raises(DataError, match="too few pictures of lynx"):
        splits.split(part_of([1, 2, 3, 3, 3], [0, 0, 1, 1, 1]), 0.1, seed=0, classes=("cat", "lynx"))


def test_a_class_whose_pictures_all_bear_another_label_too_is_an_error_that_names_it() -> None:
    with pytest.raises(DataError, match="too few pictures of lynx"):
        splits.split(part_of([1, 2, 3, 3, 4, 4], [0, 0, 0, 1, 0, 1]), 0.5, seed=0, classes=("cat", "lynx"))


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5])
def test_a_fraction_outside_0_to_1_is_an_input_error(fraction: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        splits.split(part_of([1, 2], [0, 0]), fraction, seed=0)


pictures_and_labels = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), min_size=2, max_size=60)


@settings(max_examples=300, deadline=None)
@given(pictures_and_labels, st.floats(0.01, 0.99), st.integers(0, 5))
def test_no_picture_is_on_both_sides_and_every_class_is(pairs: list[tuple[int, int]], fraction: float, seed: int) -> None:
    pictures, labels = (list(column) for column in zip(*pairs, strict=True))
    whole = part_of(pictures, labels)
    bearers = {picture: {label for other, label in pairs if other == picture} for picture in set(pictures)}
    own = Counter(min(labels_of) for labels_of in bearers.values() if len(labels_of) == 1)
    shared = {label for labels_of in bearers.values() if len(labels_of) > 1 for label in labels_of}
    separable = all(own[label] >= (1 if label in shared else 2) for label in set(labels))
    if not separable:
        with pytest.raises(DataError):
            splits.split(whole, fraction, seed)
        return
    rest, off = splits.split(whole, fraction, seed)
    assert not shown(rest) & shown(off)
    assert set(rest.labels.tolist()) == set(off.labels.tolist()) == set(labels)
    assert len(rest) + len(off) == len(whole)


@pytest.mark.parametrize("seed", range(10))
def test_many_copies_of_one_picture_do_not_make_the_split_too_large(seed: int) -> None:
    pictures = [0] * 30 + list(range(1, 71))  # one picture thirty times, seventy once
    assert len(splits.split(part_of(pictures, [0] * 100), 0.1, seed)[1]) == 10


def test_copies_count_as_often_as_they_come() -> None:
    pictures = [0] * 10 + list(range(1, 91))  # one picture ten times, ninety once
    rest, off = splits.split(part_of(pictures, [0] * 100), 0.2, seed=3)
    assert (len(rest), len(off)) == (80, 20)


def two_classes(each: int, part: str = "all") -> Dataset:
    return Dataset("pets", ("cat", "dog"), {part: part_of(list(range(2 * each)), [i % 2 for i in range(2 * each)])})


def test_for_training_splits_off_what_is_missing_and_nothing_else() -> None:
    parted = splits.for_training(two_classes(50), 0.1)
    assert {name: len(part) for name, part in parted.parts.items()} == {"train": 72, "test": 20, "validation": 8}
    assert list(splits.for_training(two_classes(50, "train"), 0.0).parts) == ["train", "test"]
    again = splits.for_training(parted, 0.1)
    assert all(again.parts[name] is part for name, part in parted.parts.items())


def test_a_class_of_two_pictures_is_learned_from_one_and_tested_on_the_other() -> None:
    parts = splits.for_training(two_classes(2), 0.1).parts
    assert {name: len(part) for name, part in parts.items()} == {"train": 2, "test": 2}


def test_for_training_refuses_data_without_a_training_part() -> None:
    with pytest.raises(DataError, match="no training part, only test"):
        splits.for_training(two_classes(5, "test"), 0.1)


def grouped(groups: list[int]) -> tuple[Dataset, np.ndarray]:
    """Distinct pictures of two classes in turn, as many as there are groups given."""
    labels = [i % 2 for i in range(len(groups))]
    return Dataset("pets", ("cat", "dog"), {"all": part_of(list(range(len(groups))), labels)}), np.array(groups, np.int64)


def test_for_training_keeps_groups_on_one_side() -> None:
    data, groups = grouped([i // 4 for i in range(160)])
    parts = splits.for_training(data, 0.1, groups).parts
    assert list(parts) == ["train", "test", "validation"]
    on_sides = [{int(groups[picture]) for picture in shown(part)} for part in parts.values()]
    assert sum(map(len, on_sides)) == len(set().union(*on_sides)) == 40
    assert Counter(parts["test"].labels.tolist()) == {0: 16, 1: 16}


def test_a_class_in_one_group_cannot_be_tested_on_and_is_named() -> None:
    data, groups = grouped([i if i % 2 else 1_000 for i in range(40)])
    with pytest.raises(DataError, match="all pictures of cat belong to one group: they cannot be learned from and tested on"):
        splits.for_training(data, 0.1, groups)
