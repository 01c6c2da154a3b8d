"""Folds for cross-validation that nothing alike straddles; and what does straddle the parts that a data set came with.

Every picture is held out once. What belongs together, by likeness or by the user's rule, is held out together: so no picture is
judged by a classifier that has learned from its twin. And every class is learned in every fold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eyespot.data import graphs, likeness
from eyespot.data.dataset import Part
from eyespot.data.reading import names_line
from eyespot.errors import DataError, InputError
from eyespot.progress import SILENT, Progress

Positions = NDArray[np.int64]

SAME_PIXELS = "same pixels"
NEAR_DUPLICATE = "near duplicate"
SAME_GROUP = "same group"


class Fold(NamedTuple):
    """What is learned from, and what is held out to test on: positions, ascending."""

    train: Positions
    held_out: Positions


@dataclass(frozen=True)
class Leak:
    """A picture of one part that belongs together with one of another part.

    Attributes:
        part: the later of the two parts, such as `test`.
        name: its picture.
        other_part: the earlier one, such as `train`.
        other_name: the picture there.
        reason: `SAME_PIXELS`, `NEAR_DUPLICATE` or `SAME_GROUP`.
    """

    part: str
    name: str
    other_part: str
    other_name: str
    reason: str


def components(count: int, pairs: Positions, keys: Sequence[str | None] = ()) -> Positions:
    """Which pictures belong together, over however many steps: (count,) int64, equal numbers for those that do.

    Args:
        count: how many pictures there are.
        pairs: (m, 2), positions of pictures that show the same thing; see `eyespot.data.likeness`.
        keys: of each picture, by the user's rule; pictures of the same key belong together, None with no other. Empty: no rule.

    Errors: MissingExtraError, where SciPy is not installed.
    """
    first: dict[str, int] = {}
    shared = [(first.setdefault(key, i), i) for i, key in enumerate(keys) if key is not None]
    return graphs.components(count, np.concatenate([pairs, np.array(shared, np.int64).reshape(-1, 2)]))


def by_group(labels: Positions, groups: Positions, classes: int) -> tuple[Positions, Positions]:
    """How many pictures of each class are in each group, (groups, classes), and each picture's group, (n,).

    The groups are numbered anew, as they first come: so it does not matter how they were.

    Args:
        labels: (n,), the classes.
        groups: (n,), from `components`.
        classes: how many there are.
    """
    _, starts, members = np.unique(groups, return_index=True, return_inverse=True)
    members = np.argsort(np.argsort(starts))[members]
    pictures = np.zeros((len(starts), classes), np.int64)
    np.add.at(pictures, (members, labels), 1)
    return pictures, members


def folds(
    labels: Positions, groups: Positions, count: int = 5, seed: int = 0, *, classes: Sequence[str] | None = None
) -> tuple[Fold, ...]:
    """Part pictures into folds: stratified, and no group in two of them.

    There are `count` folds; fewer, at least two, where a class has fewer groups, so that every class is held out in every fold
    if its groups let it. Where classes share groups in such a way that one would be learned nowhere in some fold, there are as
    many more as that takes. The same arguments give the same folds always; how the groups are numbered does not matter.

    Args:
        labels: (n,), the classes.
        groups: (n,), from `components`.
        count: how many folds, at least 2.
        seed: another seed, other folds.
        classes: the class names, in the order that labels count in; None: the classes are those that there are pictures of.

    Errors: DataError, where a class has fewer than two pictures or only one group, or there is only one group; InputError for
    shapes that do not fit, or a count below 2.
    """
    if labels.ndim != 1 or groups.shape != labels.shape:
        raise InputError(f"labels and groups must be one number a picture; got shapes {labels.shape} and {groups.shape}")
    if count < 2:
        raise InputError(f"there must be at least 2 folds; got {count}")
    if classes is None:
        known, labels = np.unique(labels, return_inverse=True)
        classes = [str(label) for label in known]
    pictures, members = by_group(labels, groups, len(classes))
    _check_parts_well(pictures, classes)
    fold_of = _parted(pictures, count, seed)[members]
    return tuple(Fold(np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(fold_of.max() + 1))


def leaks(
    parts: Mapping[str, Part], keys: Mapping[str, Sequence[str | None]] | None = None, *, progress: Progress = SILENT
) -> tuple[Leak, ...]:
    """Which pictures of a part belong together with pictures of a part before it: those of `test` with some of `train`.

    At most one is listed for each picture and earlier part: the same pixels before a near duplicate before the same group.

    Args:
        parts: those that the data set came with, `train` first.
        keys: the key of each picture by the user's rule, for each part; None: there is no rule.
        progress: is told how far the comparison has come, and where near duplicates are not looked for.
    """
    found = []
    for other_name, name in combinations(parts, 2):
        part, other = parts[name], parts[other_name]
        partner = _same_group(keys[name], keys[other_name]) if keys else {}
        alike = likeness.between(part, other, progress=progress)
        if not alike.was_compared:
            progress.note(
                f"{name} and {other_name} are too many pictures to look for near duplicates between them: "
                f"only those of the same pixels are found"
            )
        for (i, j), is_copy in zip(alike.pairs.tolist(), alike.are_copies, strict=True):
            partner[i] = j, SAME_PIXELS if is_copy else NEAR_DUPLICATE
        found += [Leak(name, part.names[i], other_name, other.names[j], reason) for i, (j, reason) in sorted(partner.items())]
    return tuple(found)


def leak_lines(leaks: Sequence[Leak]) -> tuple[str, ...]:
    """The same in words, one line for each two parts."""
    between: dict[tuple[str, str], list[Leak]] = {}
    for leak in leaks:
        between.setdefault((leak.part, leak.other_part), []).append(leak)
    return tuple(_line(*parts, listed) for parts, listed in between.items())


def in_one_group(classes: Sequence[str]) -> DataError:
    """The error where all pictures of some classes, one or more, belong to one group each; of none: where all pictures do."""
    which = f" of {names_line(classes)}" if classes else ""
    return DataError(
        f"all pictures{which} belong to one group{' each' if len(classes) > 1 else ''}: they cannot be learned from and tested "
        f"on; add pictures of something else of that kind, or bring a test part of your own"
    )


def _line(part: str, other_part: str, listed: Sequence[Leak]) -> str:
    counts = {reason: sum(leak.reason == reason for leak in listed) for reason in (SAME_PIXELS, NEAR_DUPLICATE, SAME_GROUP)}
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in counts.items() if count)
    return (
        f"{len(listed):,} of the {part} pictures belong together with {other_part} pictures ({reasons}), such as "
        f"{listed[0].name} with {listed[0].other_name}"
    )


def _same_group(keys: Sequence[str | None], others: Sequence[str | None]) -> dict[int, tuple[int, str]]:
    """The pictures whose key comes among the others -> the first picture there, and why."""
    place: dict[str | None, int] = {}
    for j, key in enumerate(others):
        place.setdefault(key, j)
    return {i: (place[key], SAME_GROUP) for i, key in enumerate(keys) if key is not None and key in place}


def _check_parts_well(pictures: Positions, names: Sequence[str]) -> None:
    """Refuse what cannot be parted; `pictures` has how many of each class are in each group: (groups, classes)."""
    few = [name for name, count in zip(names, pictures.sum(axis=0), strict=True) if count < 2]
    if few or not names:
        raise DataError(
            f"too few pictures of {names_line(few) or 'any class'}: a class needs two, to learn from one and test on the other"
        )
    if len(pictures) == 1:
        raise in_one_group(())
    stuck = [name for name, count in zip(names, (pictures > 0).sum(axis=0), strict=True) if count < 2]
    if stuck:
        raise in_one_group(stuck)


def _parted(pictures: Positions, count: int, seed: int) -> Positions:
    """The fold of each group; `pictures` (groups, classes), each class in two groups at least."""
    shuffled = np.random.default_rng(seed).permutation(len(pictures))
    # Those groups first that hold much of a class, which leave the least choice.
    shares = (pictures / pictures.sum(axis=0)).max(axis=1)
    order = shuffled[np.argsort(-shares[shuffled], kind="stable")]
    fewest = int((pictures > 0).sum(axis=0).min())
    for number in range(min(count, fewest), len(pictures)):
        fold_of = _dealt(pictures, order, number)
        if fold_of is not None:
            return fold_of
    return np.arange(len(pictures))  # a fold for each group always does


def _dealt(pictures: Positions, order: Positions, number: int) -> Positions | None:
    """The fold of each group, dealt out one by one in `order`; None where a class would lie in one fold alone.

    A group goes where there is least of its classes, then where there are the fewest pictures: so no fold stays empty.
    """
    scale = 1 / pictures.sum(axis=0) ** 2
    held = np.zeros((number, pictures.shape[1]), np.int64)
    left = (pictures > 0).sum(axis=0)  # groups of each class that are still to come
    fold_of = np.empty(len(pictures), np.int64)
    for group in order:
        has = pictures[group] > 0
        is_confined = has & (left == 1) & ((held > 0).sum(axis=0) == 1)
        crowding = (held * pictures[group] * scale).sum(axis=1)
        crowding[((held > 0) & is_confined).any(axis=1)] = np.inf
        fold = np.lexsort((held.sum(axis=1), crowding))[0]
        if np.isinf(crowding[fold]):
            return None
        fold_of[group] = fold
        held[fold] += pictures[group]
        left[has] -= 1
    return fold_of
