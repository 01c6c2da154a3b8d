"""Pictures set aside by whole groups: to choose something on, or to test on. Unlike `folds`, with as few as there may be."""

from __future__ import annotations

from itertools import chain

import numpy as np
from numpy.typing import NDArray

from eyespot.data.folds import Fold, by_group, folds
from eyespot.errors import InputError

Positions = NDArray[np.int64]


def set_aside(labels: Positions, groups: Positions, fraction: float, seed: int) -> Fold:
    """About `fraction` of each class held out, by whole groups, and of each class something left to learn from.

    A class whose groups are all larger than that gives one of them, the smallest. A class that lies in one group is not held
    out at all: where all classes do, nothing is. How the groups are numbered does not matter.

    Args:
        labels: (n,), the classes.
        groups: (n,), from `eyespot.data.folds.components`.
        fraction: between 0 and 1.
        seed: another seed, others are held out.

    Errors: InputError for a fraction outside 0-1.
    """
    if not 0 < fraction < 1:
        raise InputError(f"the fraction to set aside must lie between 0 and 1; got {fraction}")
    table, members = _table(labels, groups)
    wanted = np.ceil(fraction * table.sum(axis=0))
    order = np.random.default_rng(seed).permutation(len(table))
    smallest_first = order[np.argsort(table[order].sum(axis=1), kind="stable")]
    is_out = np.zeros(len(table), bool)
    held, left = np.zeros_like(wanted), (table > 0).sum(axis=0)
    for group, may_exceed in chain(((i, False) for i in order), ((i, True) for i in smallest_first)):
        has = table[group] > 0
        suits = (held[has] == 0).any() if may_exceed else (held + table[group] <= wanted)[has].all()
        if suits and (left[has] > 1).all() and not is_out[group]:
            is_out[group] = True
            held += table[group]
            left -= has
    off = is_out[members]
    return Fold(np.flatnonzero(~off), np.flatnonzero(off))


def folds_to_choose_on(labels: Positions, groups: Positions, count: int, seed: int) -> tuple[Fold, ...]:
    """Folds as `eyespot.data.folds` has them, but not an error where classes are tiny: on these nothing is tested.

    A class that lies in one group is held out in one fold, where nothing can be learned of it. There are no folds at all where
    fewer than two classes have two groups.

    Args:
        labels, groups, seed: as of `set_aside`.
        count: how many folds, at least 2; there may be fewer, as `folds` has it.
    """
    table, _ = _table(labels, groups)
    spread = (table > 0).sum(axis=0)
    if np.count_nonzero(spread > 1) < 2:
        return ()
    known = np.unique(labels)
    # For the parting they count as pictures of the class that is easiest to part.
    parted = np.where(np.isin(labels, known[spread < 2]), known[spread.argmax()], labels)
    return folds(parted, groups, count, seed)


def _table(labels: Positions, groups: Positions) -> tuple[Positions, Positions]:
    """As `by_group`, of the classes that there are pictures of."""
    known, classes = np.unique(labels, return_inverse=True)
    return by_group(classes, groups, len(known))
