"""Which of two models, or of two recipes, is better, and whether the difference is real: both judged on the same pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eyespot.errors import InputError
from eyespot.evaluation.caveats import caveats
from eyespot.evaluation.flips import ClassChange, Flip, class_changes, flipped, flips
from eyespot.evaluation.intervals import Interval, accuracy_interval, difference_interval
from eyespot.evaluation.judged import JudgedRun, Pictures, Side, common_pictures, side
from eyespot.evaluation.mcnemar import McNemar, mcnemar
from eyespot.evaluation.seed_intervals import SeedDifference, seed_difference

MODELS, TRAININGS, MODEL_AND_RECIPE, RECIPES = "models", "trainings", "model and recipe", "recipes"

MEANINGS: Mapping[str, str] = {
    MODELS: "about these two models, and no others: with another seed the same recipes may come out otherwise",
    TRAININGS: "about these two trainings, each cross-validated with one seed: another seed may come out otherwise",
    MODEL_AND_RECIPE: "about one model on the side with one run, and about a recipe, whatever its seed, on the other",
    RECIPES: "about two recipes, whatever their seeds",
}
"""What a comparison is a claim about -> the same in words."""

COUNTED: Mapping[str, str] = {
    MODELS: "other test pictures of the same kind; not other seeds, training pictures or machines",
    TRAININGS: "other pictures of the same kind to be judged; not other seeds or machines",
    MODEL_AND_RECIPE: "other test pictures of the same kind and, where a side has several runs, other seeds; "
    "not other training pictures or machines",
    RECIPES: "other seeds and other test pictures of the same kind; not other training pictures or machines",
}
"""What a comparison is a claim about -> what its interval counts, and what it does not."""


@dataclass(frozen=True)
class Comparison:
    """Two sides, and by how much the first is better than the second.

    Attributes:
        claim: what it is about, a key of `MEANINGS`.
        first, second: the sides.
        pictures: what both were judged on.
        difference: the first side's mean accuracy less the second's, -1 to 1.
        test: McNemar's, where the claim is about two models and each picture stands alone.
        by_seeds: how the interval came about, where a side has several runs.
        gained, lost: how many pictures flipped, to the first side's advantage and to the second's.
        classes: what changed class by class.
        flips: what changed picture by picture, the most telling first.
        caveats: lines on what flatters a side, or what the interval does not know.
    """

    claim: str
    first: Side
    second: Side
    pictures: Pictures
    difference: Interval
    test: McNemar | None
    by_seeds: SeedDifference | None
    gained: int
    lost: int
    classes: tuple[ClassChange, ...]
    flips: tuple[Flip, ...]
    caveats: tuple[str, ...]

    @property
    def is_real(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.difference.low > 0 or self.difference.high < 0

    @property
    def p_value(self) -> float | None:
        """How often sides that are equally good would differ by so much, 0-1; None where that is not known."""
        if self.by_seeds is not None:
            return self.by_seeds.p_value
        return None if self.test is None else self.test.mid_p

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        by_seeds = self.by_seeds
        return {
            "claim": self.claim,
            "meaning": MEANINGS[self.claim],
            "counted": COUNTED[self.claim],
            "pictures": len(self.pictures),
            "first": _side_to_json(self.first),
            "second": _side_to_json(self.second),
            "difference": self.difference.to_json(),
            "is_real": self.is_real,
            "better": None if not self.is_real else "first" if self.difference.estimate > 0 else "second",
            "p_value": self.p_value,
            "mcnemar": self.test and {"mid_p": self.test.mid_p, "exact": self.test.exact},
            "degrees_of_freedom": by_seeds and by_seeds.freedom,
            "variance": by_seeds and {"of_seeds": by_seeds.of_seeds, "of_pictures": by_seeds.of_pictures},
            "gained": self.gained,
            "lost": self.lost,
            "classes": [change.to_json() for change in self.classes],
            "flips": [flip.to_json() for flip in self.flips],
            "caveats": list(self.caveats),
        }


@dataclass(frozen=True)
class Place:
    """One run among several.

    Attributes:
        run: the run.
        accuracy: on the pictures that all were judged on, 0-1.
        to_best: its accuracy less that of the best, on the same pictures; None for the best itself.
    """

    run: JudgedRun
    accuracy: Interval
    to_best: Interval | None

    @property
    def is_behind(self) -> bool:
        """Whether it is really worse than the best: the interval leaves 0 out."""
        return self.to_best is not None and self.to_best.high < 0

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "run": str(self.run.folder.path),
            "seed": self.run.seed,
            "accuracy": self.accuracy.to_json(),
            "to_best": self.to_best and self.to_best.to_json(),
            "is_behind": self.is_behind,
        }


@dataclass(frozen=True)
class Ranking:
    """Single runs, the best first.

    Attributes:
        places: the runs.
        pictures: what all were judged on.
        caveats: lines on what flatters a run, or what the intervals do not know.
    """

    places: tuple[Place, ...]
    pictures: Pictures
    caveats: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "claim": MODELS,
            "counted": COUNTED[MODELS],
            "pictures": len(self.pictures),
            "ranking": [place.to_json() for place in self.places],
            "caveats": list(self.caveats),
        }


def compare(first: Sequence[JudgedRun], second: Sequence[JudgedRun], *, shared_only: bool = False) -> Comparison:
    """By how much one side is better than the other.

    Args:
        first, second: the runs of each side, which differ only in their seeds: at least one.
        shared_only: as of `eyespot.evaluation.judged.common_pictures`.

    Errors: InputError for a side without runs; DataError, as `common_pictures`.
    """
    if not first or not second:
        raise InputError("a comparison needs at least one run on each side")
    pictures = common_pictures([*first, *second], shared_only=shared_only)
    one, other = side(first, pictures), side(second, pictures)
    everything = np.arange(len(pictures))
    by_seeds = None if len(first) == len(second) == 1 else _by_seeds(one, other, pictures, everything)
    sign = flipped(one, other)
    gained, lost = int((sign > 0).sum()), int((sign < 0).sum())
    stands_alone = pictures.groups is None and not pictures.notes and min(one.worth, other.worth) == 1
    return Comparison(
        claim=_claim(one, other),
        first=one,
        second=other,
        pictures=pictures,
        difference=_difference(one, other, pictures, everything),
        test=mcnemar(gained, lost) if by_seeds is None and stands_alone else None,
        by_seeds=by_seeds,
        gained=gained,
        lost=lost,
        classes=class_changes(one, other, pictures, lambda members: _difference(one, other, pictures, members)),
        flips=flips(one, other, pictures),
        caveats=(*caveats((one, other)), *pictures.notes),
    )


def rank(runs: Sequence[JudgedRun], *, shared_only: bool = False) -> Ranking:
    """Single runs, the best first, each with its distance to the best.

    Args:
        runs: at least one.
        shared_only: as of `eyespot.evaluation.judged.common_pictures`.

    Errors: InputError for no runs; DataError, as `common_pictures`.
    """
    if not runs:
        raise InputError("there are no runs to compare")
    pictures = common_pictures(runs, shared_only=shared_only)
    sides = sorted((side([run], pictures) for run in runs), key=lambda one: -one.accuracy)
    best, everything = sides[0], np.arange(len(pictures))
    places = tuple(
        Place(
            run=one.runs[0],
            accuracy=accuracy_interval(one.predicted[0], pictures.labels, pictures.groups, worth=one.worth),
            to_best=None if one is best else _difference(one, best, pictures, everything),
        )
        for one in sides
    )
    return Ranking(places, pictures, (*caveats(sides), *pictures.notes))


def _claim(first: Side, second: Side) -> str:
    several = [len(one.runs) > 1 for one in (first, second)]
    if any(several):
        return RECIPES if all(several) else MODEL_AND_RECIPE
    return TRAININGS if min(first.worth, second.worth) < 1 else MODELS


def _difference(first: Side, second: Side, pictures: Pictures, members: NDArray[np.intp]) -> Interval:
    """Of the pictures at the positions `members`."""
    if len(first.runs) > 1 or len(second.runs) > 1:
        return _by_seeds(first, second, pictures, members).interval
    groups = None if pictures.groups is None else pictures.groups[members]
    predicted, others = first.predicted[0, members], second.predicted[0, members]
    return difference_interval(predicted, others, pictures.labels[members], groups, worth=min(first.worth, second.worth))


def _by_seeds(first: Side, second: Side, pictures: Pictures, members: NDArray[np.intp]) -> SeedDifference:
    groups = None if pictures.groups is None else pictures.groups[members]
    return seed_difference(first.right[:, members], second.right[:, members], groups, worth=min(first.worth, second.worth))


def _side_to_json(one: Side) -> dict[str, Any]:
    return {
        "runs": [str(run.folder.path) for run in one.runs],
        "seeds": [run.seed for run in one.runs],
        "accuracy": one.accuracy,
        "deviation": one.deviation,
        "accuracies": list(one.accuracies),
    }
