"""Part a data set in two: stratified, deterministic, and never with identical pictures on both sides."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from eyespot.data.dataset import WHOLE, Dataset, Part
from eyespot.data.folds import in_one_group
from eyespot.data.reading import names_line
from eyespot.data.setting_aside import set_aside
from eyespot.errors import DataError, InputError

TEST_FRACTION = 0.2
"""How much of a data set that brings no test part is split off to test on."""

SEED = 0
"""What splits for training follow from: not the run's seed, so that runs of every seed are tested on the same pictures."""


def split(
    part: Part, fraction: float, seed: int, classes: tuple[str, ...] | None = None, *, keep_small: bool = False
) -> tuple[Part, Part]:
    """A part in two, (the rest, what was split off): about `fraction` of each class is split off, at least one picture.

    Pictures of the same pixels stay together. Each picture's place in the order of its class is a hash of its pixels and the
    seed: so the split depends neither on file names nor on the machine, and more pictures of one class leave the others' split
    as it was. Where identical pictures bear different labels, they stay in the rest.

    Args:
        part: the pictures to part.
        fraction: how much of each class is split off, between 0 and 1.
        seed: another seed, another split.
        classes: the class names, for errors.
        keep_small: whether a class with fewer than two distinct pictures stays whole in the rest, instead of being an error.

    Errors: DataError, where a class has fewer than two distinct pictures; InputError for a fraction outside 0-1.
    """
    if not 0 < fraction < 1:
        raise InputError(f"the fraction to split off must lie between 0 and 1; got {fraction}")
    off = np.zeros(len(part), bool)
    too_few = []
    copies, mixed = _copies_by_label(part, seed)
    for label, groups in sorted(copies.items()):
        # One group at least stays, or a picture of the class in `mixed` does.
        movable = groups if label in mixed else groups[:-1]
        if not movable:
            too_few.append(classes[label] if classes else str(label))
            continue
        wanted = max(1, round(fraction * sum(map(len, groups))))
        for group in _choose(movable, wanted):
            off[group] = True
    too_few += [classes[label] if classes else str(label) for label in sorted(mixed - copies.keys())]
    if too_few and not keep_small:
        raise DataError(
            f"too few pictures of {names_line(too_few)}: a class needs at least two different ones, that no other class has, "
            f"to learn from one and be tested on another; add pictures, or leave the class out"
        )
    return part.take(np.flatnonzero(~off)), part.take(np.flatnonzero(off))


def _copies_by_label(part: Part, seed: int) -> tuple[dict[int, list[list[int]]], set[int]]:
    """The positions of identical pictures, grouped: label -> groups, in the seed's order; and the labels of mixed groups."""
    key = seed.to_bytes(16, "little", signed=True)
    positions: dict[bytes, list[int]] = {}
    for i in range(len(part)):
        digest = hashlib.blake2b(np.ascontiguousarray(part.images[i]).data, digest_size=16, key=key).digest()
        positions.setdefault(digest, []).append(i)
    copies: dict[int, list[list[int]]] = {}
    mixed: set[int] = set()
    for _, group in sorted(positions.items()):
        labels = {int(part.labels[i]) for i in group}
        if len(labels) == 1:
            copies.setdefault(labels.pop(), []).append(group)
        else:
            mixed |= labels
    return copies, mixed


def _choose(groups: list[list[int]], wanted: int) -> list[list[int]]:
    """Groups from the front that hold `wanted` pictures together, or somewhat fewer; the smallest where none fits."""
    chosen: list[list[int]] = []
    count = 0
    for group in groups:
        if count + len(group) <= wanted:
            chosen.append(group)
            count += len(group)
    return chosen or [min(groups, key=len)]


def for_training(data: Dataset, validation_fraction: float, groups: NDArray[np.int64] | None = None) -> Dataset:
    """The data set with the parts that training needs: `train`, `test`, and `validation` where a fraction is asked for.

    Parts that the data brought are kept as they are; what is missing is split off the training part.

    Args:
        data: with the part `train`, or with the single part `all`.
        validation_fraction: how much of the training part is held out as `validation` where there is none, 0-1; 0: nothing.
            A class of which one distinct picture is left has none there.
        groups: of each picture of that part, which of them belong together and are not to be split, from
            `eyespot.data.folds.components`; None: those of the same pixels.

    Errors: DataError, where there is nothing to train on, or a class is too small to be split.
    """
    parts = dict(data.parts)
    train = parts.pop(WHOLE, None) or parts.pop("train", None)
    if train is None:
        raise DataError(f"{data.name} has no training part, only {', '.join(data.parts)}; add a folder called train")
    if "test" not in parts:
        if groups is None:
            train, parts["test"] = split(train, TEST_FRACTION, SEED, data.classes)
        else:
            train, parts["test"], groups = _split_by_group(train, groups, TEST_FRACTION)
            _check_has_every_class(parts["test"], data.classes)
    if "validation" not in parts and validation_fraction > 0:
        # A class may be too small for a third part; what is watched need not have every class.
        if groups is None:
            train, held_out = split(train, validation_fraction, SEED, data.classes, keep_small=True)
        else:
            train, held_out, _ = _split_by_group(train, groups, validation_fraction)
        if len(held_out):
            parts["validation"] = held_out
    return replace(data, parts={"train": train, **parts})


def _split_by_group(part: Part, groups: NDArray[np.int64], fraction: float) -> tuple[Part, Part, NDArray[np.int64]]:
    """The rest, what was split off, and the groups of the rest."""
    rest, off = set_aside(part.labels, groups, fraction, SEED)
    return part.take(rest), part.take(off), groups[rest]


def _check_has_every_class(test: Part, classes: tuple[str, ...]) -> None:
    missing = [name for label, name in enumerate(classes) if label not in test.labels]
    if missing:
        raise in_one_group(missing)
