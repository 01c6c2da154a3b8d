from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from eyespot.data import Part, likeness
from eyespot.data.folds import (
    NEAR_DUPLICATE,
    SAME_GROUP,
    SAME_PIXELS,
    Fold,
    Leak,
    by_group,
    components,
    folds,
    leak_lines,
    leaks,
)
from eyespot.errors import DataError, InputError

NO_PAIRS = np.empty((0, 2), np.int64)


def parted(labels: Sequence[int], groups: Sequence[int] | None = None, count: int = 5, seed: int = 0) -> tuple[Fold, ...]:
    """The folds; without groups each picture is one of its own."""
    numbers = range(len(labels)) if groups is None else groups
    return folds(np.array(labels, np.int64), np.array(numbers, np.int64), count, seed)


def check(parts: tuple[Fold, ...], labels: Sequence[int], groups: Sequence[int]) -> None:
    """What every set of folds keeps."""
    everything = np.arange(len(labels))
    held_out = np.concatenate([fold.held_out for fold in parts])
    assert np.array_equal(np.sort(held_out), everything), "each picture is held out once"
    for train, held in parts:
        assert len(held) > 0
        assert np.array_equal(np.sort(np.concatenate([train, held])), everything)
        assert not {groups[i] for i in train} & {groups[i] for i in held}, "no group straddles"
        assert {labels[i] for i in train} == set(labels), "every class is learned"


labels_and_groups = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 14)), min_size=1, max_size=80)


@settings(max_examples=500, deadline=None)
@given(labels_and_groups, st.integers(2, 6), st.integers(0, 3))
def test_whatever_can_be_parted_is(pairs: list[tuple[int, int]], count: int, seed: int) -> None:
    labels, groups = (list(column) for column in zip(*pairs, strict=True))
    groups_of = {label: len({group for other, group in pairs if other == label}) for label in labels}
    if min(groups_of.values()) < 2:
        with pytest.raises(DataError):
            parted(labels, groups, count, seed)
        return
    parts = parted(labels, groups, count, seed)
    check(parts, labels, groups)
    assert len(parts) >= 2


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.integers(2, 6))
def test_groups_of_one_class_each_are_parted_in_as_many_folds_as_the_smallest_class_has_groups(
    labels_of_groups: list[int], count: int
) -> None:
    groups = [group for group in range(len(labels_of_groups)) for _ in range(1 + group % 3)]
    labels = [labels_of_groups[group] for group in groups]
    fewest = min(Counter(labels_of_groups).values())
    if fewest < 2:
        return
    parts = parted(labels, groups, count)
    check(parts, labels, groups)
    assert len(parts) == min(count, fewest)
    for _, held_out in parts:
        assert {labels[i] for i in held_out} == set(labels), "every class is held out in every fold"


@pytest.mark.parametrize("sizes", [(50, 50), (61, 23, 7), (5, 5, 5), (100, 6)])
def test_pictures_on_their_own_are_stratified_as_scikit_learn_does_it(sizes: tuple[int, ...]) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    theirs = StratifiedKFold(5).split(np.zeros(len(labels)), labels)
    expected = [np.bincount(labels[held_out], minlength=len(sizes)) for _, held_out in theirs]
    ours = [np.bincount(labels[fold.held_out], minlength=len(sizes)) for fold in parted(labels.tolist())]
    for k in range(len(sizes)):
        assert sorted(counts[k] for counts in ours) == sorted(counts[k] for counts in expected)
    totals = [counts.sum() for counts in ours]
    assert max(totals) - min(totals) <= 1


def test_groups_of_different_sizes_are_dealt_out_evenly() -> None:
    # By hand: each class has 12 pictures in groups of 6, 3, 2 and 1; two folds of 6 are the even way.
    sizes = (6, 3, 2, 1)
    groups = [10 * label + k for label in (0, 1) for k, size in enumerate(sizes) for _ in range(size)]
    labels = [group // 10 for group in groups]
    for seed in range(5):
        counts = [Counter(labels[i] for i in fold.held_out) for fold in parted(labels, groups, 2, seed)]
        assert counts == [{0: 6, 1: 6}] * 2


def test_two_pictures_of_each_class_are_enough_for_two_folds() -> None:
    labels = [0, 0, 1, 1, 2, 2]
    parts = parted(labels)
    assert len(parts) == 2
    check(parts, labels, range(6))


def test_the_smallest_class_says_how_many_folds_there_are() -> None:
    assert len(parted([0] * 40 + [1] * 3)) == 3
    assert len(parted([0] * 40 + [1] * 30, [*range(40), *(100 + i % 4 for i in range(30))])) == 4
    assert len(parted([0] * 40 + [1] * 30)) == 5


def test_classes_that_share_their_groups_crosswise_take_one_more_fold() -> None:
    # Of three groups each class is in two: in two folds one class would be in one alone.
    labels, groups = [0, 0, 1, 1, 2, 2], [0, 1, 1, 2, 0, 2]
    parts = parted(labels, groups)
    assert len(parts) == 3
    check(parts, labels, groups)


def test_more_folds_than_asked_for_are_made_only_where_it_takes_them() -> None:
    # Six groups, a class for every two of them: each group must be a fold of its own.
    couples = [(a, b) for a in range(6) for b in range(a)]
    labels = [label for label in range(len(couples)) for _ in range(2)]
    groups = [group for couple in couples for group in couple]
    parts = parted(labels, groups)
    assert len(parts) == 6
    check(parts, labels, groups)


def test_the_same_seed_gives_the_same_folds_and_another_seed_others() -> None:
    labels = [i % 3 for i in range(60)]

    def held_out(seed: int) -> list[list[int]]:
        return [fold.held_out.tolist() for fold in parted(labels, seed=seed)]

    assert held_out(4) == held_out(4)
    assert held_out(4) != held_out(5)


def test_how_groups_are_numbered_does_not_matter() -> None:
    random = np.random.default_rng(0)
    labels, groups = random.integers(0, 3, 90), random.integers(0, 20, 90)
    other_numbers = random.permutation(1000)[groups]
    for ours, theirs in zip(folds(labels, groups), folds(labels, other_numbers), strict=True):
        assert np.array_equal(ours.held_out, theirs.held_out)


@pytest.mark.parametrize(
    ("labels", "groups", "message"),
    [
        ([0, 0, 1], [0, 1, 2], r"too few pictures of dog: a class needs two"),
        ([0, 0, 0], [0, 1, 2], r"too few pictures of dog: a class needs two"),
        ([], [], r"too few pictures of cat, dog"),
        ([0, 0, 1, 1], [7, 7, 7, 7], r"all pictures belong to one group: they cannot be learned from and tested on; add"),
        (
            [0, 0, 1, 1],
            [0, 0, 1, 2],
            r"all pictures of cat belong to one group: they cannot be learned from and tested on; add",
        ),
        ([0, 0, 1, 1], [0, 0, 1, 1], r"all pictures of cat, dog belong to one group each: they cannot"),
    ],
)
def test_what_cannot_be_parted_is_an_error_that_names_the_class(labels: list[int], groups: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        folds(np.array(labels, np.int64), np.array(groups, np.int64), classes=("cat", "dog"))


def test_arguments_that_do_not_fit_are_input_errors() -> None:
    labels: NDArray[np.int64] = np.arange(4) % 2
    with pytest.raises(InputError, match=r"one number a picture; got shapes \(4,\) and \(3,\)"):
        folds(labels, np.arange(3))
    with pytest.raises(InputError, match="at least 2 folds; got 1"):
        folds(labels, np.arange(4), 1)


def test_what_belongs_together_over_several_steps_is_one_component() -> None:
    pairs = np.array([[0, 1], [4, 5]], np.int64)
    # By hand: 0-1 by likeness, 1-3 by the key a, 4-5 by likeness, 5-6 by the key b; 2 and 7 have no key.
    number = components(8, pairs, ["b", "a", None, "a", None, "c", "c", None])
    assert number.tolist() == [number[0], number[0], number[2], number[0], number[4], number[4], number[4], number[7]]
    assert len(set(number.tolist())) == 4


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 30), st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40), st.data())
def test_components_are_those_that_a_walk_finds(count: int, links: list[tuple[int, int]], data: st.DataObject) -> None:
    pairs = [(a % count, b % count) for a, b in links]
    keys = data.draw(st.lists(st.sampled_from([None, None, "a", "b", "c"]), min_size=count, max_size=count))
    number = components(count, np.array(pairs, np.int64).reshape(-1, 2), keys)
    neighbors: dict[int, set[int]] = {
        i: {j for j in range(count) if keys[i] is not None and keys[i] == keys[j]} for i in range(count)
    }
    for a, b in pairs:
        neighbors[a].add(b)
        neighbors[b].add(a)
    for start in range(count):
        reached, waiting = {start}, [start]
        while waiting:
            new = neighbors[waiting.pop()] - reached
            reached |= new
            waiting += new
        assert reached == set(np.flatnonzero(number == number[start]).tolist())


def test_the_pictures_of_each_group_and_class_are_counted_and_groups_numbered_as_they_come() -> None:
    pictures, members = by_group(np.array([0, 2, 2, 0, 2]), np.array([9, 4, 9, 9, 4]), 3)
    assert pictures.tolist() == [[2, 0, 1], [0, 0, 2]]
    assert members.tolist() == [0, 1, 0, 0, 1]


def test_without_a_rule_pictures_are_kept_together_by_likeness_alone() -> None:
    assert len(set(components(5, NO_PAIRS).tolist())) == 5
    assert components(3, np.array([[0, 2]], np.int64)).tolist()[0] == components(3, np.array([[0, 2]], np.int64)).tolist()[2]


def picture(seed: int, noise_seed: int | None = None) -> NDArray[np.uint8]:
    """A pattern of 6 x 6 colors, the same for each seed; with other noise for each other one."""
    pattern = np.random.default_rng(seed).integers(20, 235, (6, 6, 3)).repeat(8, axis=0).repeat(8, axis=1)
    noise = np.random.default_rng(1_000 + (noise_seed or 0)).normal(0, 3, pattern.shape)
    return (pattern + (0 if noise_seed is None else noise)).clip(0, 255).astype(np.uint8)


def part_of(name: str, *pictures: NDArray[np.uint8]) -> Part:
    labels = np.arange(len(pictures)) % 2
    return Part(np.stack(pictures), labels, tuple(f"{name}/{i}.png" for i in range(len(pictures))))


def test_a_planted_burst_does_not_straddle_the_folds() -> None:
    burst = [picture(3, noise_seed) for noise_seed in range(8)]
    part = part_of("all", *(picture(100 + seed) for seed in range(40)), *burst)
    alike = likeness.within(part)
    parts = folds(part.labels, components(len(part), alike.pairs))
    assert len(parts) == 5
    assert sorted(len(set(fold.held_out.tolist()) & set(range(40, 48))) for fold in parts) == [0, 0, 0, 0, 8]


def test_what_leaks_between_parts_is_listed_with_names_and_reasons() -> None:
    train = part_of("train", picture(1), picture(2), picture(3), picture(4))
    test = part_of("test", picture(50), picture(51), picture(3, noise_seed=9), picture(2), picture(52), picture(53))
    keys = {"train": (None, "tom", "rex", "rex"), "test": ("rex", None, "tom", "tom", "ben", None)}
    assert leaks({"train": train, "test": test}, keys) == (
        Leak("test", "test/0.png", "train", "train/2.png", SAME_GROUP),
        Leak("test", "test/2.png", "train", "train/2.png", NEAR_DUPLICATE),
        Leak("test", "test/3.png", "train", "train/1.png", SAME_PIXELS),
    )


def test_every_part_is_held_against_those_before_it() -> None:
    parts = {
        "train": part_of("train", picture(1), picture(2)),
        "validation": part_of("validation", picture(3), picture(2)),
        "test": part_of("test", picture(1), picture(3)),
    }
    found = leaks(parts)
    assert [(leak.name, leak.other_name) for leak in found] == [
        ("validation/1.png", "train/1.png"),
        ("test/0.png", "train/0.png"),
        ("test/1.png", "validation/0.png"),
    ]
    assert leak_lines(found)[1:] == (
        "1 of the test pictures belong together with train pictures (1 same pixels), such as test/0.png with train/0.png",
        "1 of the test pictures belong together with validation pictures (1 same pixels), "
        "such as test/1.png with validation/0.png",
    )
    assert len(leak_lines(found)) == 3


def test_parts_that_share_nothing_have_no_leaks() -> None:
    parts = {"train": part_of("train", picture(1), picture(2)), "test": part_of("test", picture(3), picture(4))}
    assert leaks(parts, {"train": ("a", None), "test": ("b", None)}) == ()
    assert leak_lines(()) == ()
