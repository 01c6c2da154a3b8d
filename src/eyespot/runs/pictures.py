"""Few pictures in one row: which of them belong together, which are learned from, and which are held out to be judged on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eyespot.data import grouping, likeness
from eyespot.data.dataset import WHOLE, Dataset, Part
from eyespot.data.folds import Fold, components, folds, leak_lines, leaks
from eyespot.data.setting_aside import set_aside
from eyespot.data.splits import SEED, TEST_FRACTION
from eyespot.errors import DataError
from eyespot.progress import SILENT, Progress

Positions = NDArray[np.int64]

FEW = 5_000
"""With fewer pictures than this to learn from, a figure of a single part of them means little."""

FOLDS = 5
"""How many folds there are, unless classes are tiny or the time is short."""

VALIDATION_FRACTION = 1 / 8
"""How much of the pictures to learn from is set aside to choose between the candidates on."""


class Round(NamedTuple):
    """Once through all that is chosen: positions, ascending. Nothing held out has a group in common with the others; nor has
    what is learned from with what is compared on, unless the data set came with it so.

    Attributes:
        train: what candidates that are compared learn from.
        validation: what they are compared on; may be empty.
        held_out: what is chosen is judged on these, and nothing of it was chosen on them.
    """

    train: Positions
    validation: Positions
    held_out: Positions

    @property
    def learnable(self) -> Positions:
        """What the chosen one may learn from."""
        return np.sort(np.concatenate([self.train, self.validation]))


@dataclass(frozen=True)
class Pictures:
    """All pictures of a data set, its parts one after another.

    Attributes:
        part: the pictures.
        places: the positions of each part that the data set came with, by its name.
        groups: (n,), equal numbers for pictures that belong together. Those to learn from and those to test on are numbered
            apart: what links them is a leak.
        group_note: what the user's rule found; None: there was none.
        leaks: a line for each two parts that share something.
        notes: further lines for the user.
    """

    part: Part
    places: Mapping[str, Positions]
    groups: Positions
    group_note: str | None
    leaks: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def is_parted(self) -> bool:
        """Whether the data set said itself what is to be held out, or watched."""
        return len(self.places) > 1

    def parts(self, each: Round) -> dict[str, Part]:
        """The parts of a round that have pictures: `train`, `validation` and, held out, `test`."""
        parts = {"train": each.train, "validation": each.validation, "test": each.held_out}
        return {name: self.part.take(positions) for name, positions in parts.items() if len(positions)}


def are_few(dataset: Dataset) -> bool:
    """Whether the pictures to learn from are so few that figures have to be had with care."""
    return sum(len(part) for name, part in dataset.parts.items() if name != "test") < FEW


def gathered(dataset: Dataset, group_by: str | None, *, progress: Progress = SILENT) -> Pictures:
    """The pictures of a data set, with what is known of which belong together.

    Args:
        dataset: as it came, with the part `train` or `all`.
        group_by: the user's rule; None: there is none.
        progress: is told how far the comparisons have come.

    Errors: DataError, where there is no part to learn from, or the rule finds nothing.
    """
    if WHOLE not in dataset.parts and "train" not in dataset.parts:
        raise DataError(f"{dataset.name} has no training part, only {', '.join(dataset.parts)}; add a folder called train")
    part, places = in_one_row(dataset), _places(dataset)
    rule = None if group_by is None else grouping.group(grouping.parse(group_by), part, dataset.classes)
    keys: Sequence[str | None] = (None,) * len(part) if rule is None else rule.keys
    groups = np.zeros(len(part), np.int64)
    notes: list[str] = []
    for names in ([name for name in places if name != "test"], [name for name in places if name == "test"]):
        if names:
            positions = np.concatenate([places[name] for name in names])
            numbers, found = together(part.take(positions), [keys[i] for i in positions], progress)
            groups[positions] = groups.max() + 1 + numbers
            notes += found
    by_part = {name: [keys[i] for i in positions] for name, positions in places.items()}
    shared = leaks(dataset.parts, by_part, progress=progress) if len(places) > 1 else ()
    return Pictures(part, places, groups, None if rule is None else rule.note, leak_lines(shared), tuple(notes))


def in_one_row(dataset: Dataset) -> Part:
    """All parts of a data set, one after another, as one."""
    parts = list(dataset.parts.values())
    if len(parts) == 1:
        return parts[0]
    return Part(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
        tuple(chain.from_iterable(part.names for part in parts)),
        {column: tuple(chain.from_iterable(part.columns[column] for part in parts)) for column in parts[0].columns},
    )


def rounds(pictures: Pictures, classes: Sequence[str], count: int | None) -> tuple[Round, ...]:
    """The rounds that are gone through: one for each fold; a single one where a part is held out.

    Parts that the data set came with stay what they are. Where it has none, there are folds, or, for a `count` of 1, a fifth of
    each class is held out; so it is where it came with a part to watch, but none to test on. What belongs together with a
    picture held out is left out of that part to watch.

    Args:
        pictures: from `gathered`.
        classes: the class names, for errors.
        count: how many folds; None: five. There may be fewer: see `eyespot.data.folds`.

    Errors: DataError, where a class has only one picture or one group, or all pictures belong to one group.
    """
    places = pictures.places
    if "test" in places:
        return (_round(pictures, places["train"], places["test"]),)
    learnable = _learnable(pictures)
    parted = _folds(pictures, classes, count)
    if pictures.is_parted or count == 1:
        rest, held_out = _set_aside(pictures, learnable, TEST_FRACTION)
        return (_round(pictures, rest, held_out),)
    return tuple(_round(pictures, learnable[fold.train], learnable[fold.held_out]) for fold in parted)


def fold_count(pictures: Pictures, classes: Sequence[str], count: int) -> int:
    """How many folds there are where so many are asked for; the arguments are those of `rounds`, for pictures without parts."""
    return len(_folds(pictures, classes, count))


def _folds(pictures: Pictures, classes: Sequence[str], count: int | None) -> tuple[Fold, ...]:
    learnable = _learnable(pictures)
    return folds(pictures.part.labels[learnable], pictures.groups[learnable], max(2, count or FOLDS), SEED, classes=classes)


def _learnable(pictures: Pictures) -> Positions:
    """What folds are made of."""
    return pictures.places["train"] if "train" in pictures.places else pictures.places[WHOLE]


def _round(pictures: Pictures, learnable: Positions, held_out: Positions) -> Round:
    if "validation" in pictures.places:
        given = pictures.places["validation"]
        return Round(learnable, given[~np.isin(pictures.groups[given], pictures.groups[held_out])], held_out)
    train, validation = _set_aside(pictures, learnable, VALIDATION_FRACTION)
    return Round(train, validation, held_out)


def _set_aside(pictures: Pictures, positions: Positions, fraction: float) -> tuple[Positions, Positions]:
    fold = set_aside(pictures.part.labels[positions], pictures.groups[positions], fraction, SEED)
    return positions[fold.train], positions[fold.held_out]


def _places(dataset: Dataset) -> dict[str, Positions]:
    ends = np.cumsum([0, *(len(part) for part in dataset.parts.values())])
    return {name: np.arange(first, end) for name, first, end in zip(dataset.parts, ends[:-1], ends[1:], strict=True)}


def together(part: Part, keys: Sequence[str | None], progress: Progress = SILENT) -> tuple[Positions, list[str]]:
    """The group of each picture, (n,), and lines for the user.

    Args:
        part: the pictures.
        keys: of each by the user's rule; None: it has none.
        progress: is told how far the comparison has come.
    """
    alike = likeness.within(part, progress=progress)
    notes = []
    if len(alike.pairs):
        one, other = (part.names[i] for i in alike.pairs[0])
        notes.append(
            f"{len(np.unique(alike.pairs)):,} pictures are copies or near duplicates of others, such as {one} and {other}: "
            f"they stay on one side of every split"
        )
    contradictions = likeness.contradictions(part, alike)
    if contradictions:
        one, other = contradictions[0]
        times = f"{len(contradictions):,} times" if len(contradictions) > 1 else "once"
        notes.append(f"{times} the same pixels lie in two classes, such as {one} and {other}: one of the two is wrong")
    return components(len(part), alike.pairs, keys), notes
