"""What the time lets few pictures be learned with: in how many folds, and whether from scratch or by fine-tuning too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from eyespot.backbones import joined
from eyespot.data.dataset import Dataset
from eyespot.durations import in_words
from eyespot.progress import SILENT, Progress
from eyespot.recipes.order import Few, Order
from eyespot.runs.backbone import Features
from eyespot.runs.pictures import VALIDATION_FRACTION, Pictures, Round, fold_count
from eyespot.runs.trained import planned

if TYPE_CHECKING:
    from eyespot.training import Plan

FEWEST_FOLDS = 3
"""In less time than these take, networks from scratch are not cross-validated."""

HOLD_OUT = 1
"""The number of folds that stands for a single part held out."""

_TOO_FEW_TO_COMPARE = "the pictures are too few to compare candidates on: frozen features alone are tried"
_TOO_SHORT = "the time is too short for cross-validation: a fifth of the pictures is held out, and the figure is less sure"
_TOO_SHORT_FOR_BOTH = "the time is too short to train networks from scratch too: frozen features alone are tried"
_TOO_SHORT_TO_TUNE = "the time is too short to fine-tune the backbone: with one epoch{} all would take {}; it is left out"


@dataclass(frozen=True)
class Settled:
    """What is done in the time there is.

    Attributes:
        wanted: the order with every field of its recipe chosen.
        few: what is done with few pictures; networks are trained from scratch where `from_scratch` is true, or the backbone is
            where `fine_tune` is.
        plan: of these trainings; None, where there is no budget, or there are none of them.
        notes: lines for the user, to be told before it is done.
    """

    wanted: Order
    few: Few
    plan: Plan | None = None
    notes: tuple[str, ...] = ()

    @property
    def order(self) -> Order:
        """What args.yaml keeps, so that the same can be done again."""
        return replace(self.wanted, few=self.few)


def settle(
    order: Order,
    asked: Few,
    dataset: Dataset,
    pictures: Pictures,
    schedule: Sequence[Round],
    *,
    began: float,
    has_backbone: bool,
    features: Features | None = None,
    progress: Progress = SILENT,
) -> Settled:
    """Choose network, epochs and threads, the number of folds, and whether a network from scratch or fine-tuning is tried.

    Where fine-tuning is asked for, it gets the time that networks from scratch would; where that is too short, they do.

    Args:
        order: with what it leaves to time still open.
        asked: what it asks for few pictures.
        dataset: as it came.
        pictures: the same in one row.
        schedule: the rounds, were there time for all.
        began: when the budget began to be spent, on the clock of `time.monotonic`.
        has_backbone: whether frozen features are tried already, so that networks from scratch may be left out.
        features: of the backbone, with the pictures at its size, where it is to be fine-tuned; None: it is not.
        progress: is told what the pictures themselves decide.

    Errors: as `eyespot.training.learn`.
    """
    is_cross_validated = len(schedule) > 1
    few = replace(asked, fine_tune=False)
    if is_cross_validated:
        few = replace(few, folds=len(schedule))
    elif asked.folds != HOLD_OUT:
        few = replace(few, folds=None)
    order = replace(order, recipe=replace(order.recipe, size=pictures.part.images.shape[1]))
    without = Settled(order, replace(few, from_scratch=False))
    if has_backbone and asked.from_scratch is False and features is None:
        return without
    if has_backbone and not any(len(each.validation) for each in schedule):
        return replace(without, notes=(_TOO_FEW_TO_COMPARE,))
    options = _options(pictures, dataset.classes, schedule, asked, has_backbone) if is_cross_validated else (few.folds,)
    if features is not None:
        tuned = _with_fine_tuning(order, options, few, dataset, schedule[0], features, began)
        if tuned.few.fine_tune or asked.from_scratch is False:
            return tuned
        progress.note(tuned.notes[0])
    few = replace(few, from_scratch=True)
    parted = _parted(dataset, pictures, schedule[0], is_cross_validated)
    numbers = [_trainings(folds) for folds in options]
    order, plan = planned(order, parted, began=began, trainings=numbers)
    if plan is None:
        return Settled(order, few)
    if has_backbone and asked.from_scratch is None and not plan.is_enough:
        return replace(without, notes=(_TOO_SHORT_FOR_BOTH,))
    few = replace(few, folds=options[numbers.index(plan.trainings)])
    notes = (*_how_often(few.folds, is_cross_validated), *plan.notes)
    return Settled(order, few, plan, notes)


def _with_fine_tuning(
    order: Order,
    options: Sequence[int | None],
    few: Few,
    dataset: Dataset,
    first: Round,
    features: Features,
    began: float,
) -> Settled:
    """As many epochs of fine-tuning as there is time for; without it, where there is no time for one in each fold."""
    from eyespot import training
    from eyespot.recipes.fine_tuning import for_fine_tuning, starting_from

    classes, is_cross_validated = len(dataset.classes), (few.folds or HOLD_OUT) > 1
    few = replace(few, from_scratch=False)
    part = features.whole
    recipe = for_fine_tuning(order.recipe, order.given, min(part.images.shape[1:3]), len(first.train))
    if order.budget is None:
        return Settled(replace(order, recipe=recipe), replace(few, fine_tune=True))
    numbers = [_trainings(folds) for folds in options]
    # What the head's weights are does not change what a step costs.
    blank = joined(features.backbone.network, np.zeros((features.backbone.features, classes)), np.zeros(classes))
    plan = training.plan_fine_tuning(
        starting_from(blank, recipe),
        part.take(first.train[: recipe.batch_size]),
        classes,
        pictures=len(first.train),
        asked=len(first.validation) + len(first.held_out),
        seconds=order.budget,
        began=began,
        device=order.device,
        threads=order.threads,
        trainings=numbers,
    )
    if not plan.is_enough:
        line = _TOO_SHORT_TO_TUNE.format(" in each fold" if is_cross_validated else "", in_words(sum(plan.predicted.values())))
        return Settled(order, few, notes=(line,))
    few = replace(few, folds=options[numbers.index(plan.trainings)], fine_tune=True)
    how_often = (f"the backbone is fine-tuned in each of {few.folds} folds, then on all",) if is_cross_validated else ()
    recipe = replace(recipe, epochs=plan.recipe.epochs, least_steps=0)
    return Settled(replace(order, recipe=recipe, threads=plan.threads), few, plan, (*how_often, *plan.notes))


def _options(
    pictures: Pictures, classes: Sequence[str], schedule: Sequence[Round], asked: Few, has_backbone: bool
) -> tuple[int | None, ...]:
    """How many folds there may be, what is wished for most first."""
    most = len(schedule)
    if asked.folds is not None:
        return (most,)
    # Classes may share groups in such a way that there would be more folds than are asked for.
    fewer = [count for count in range(most - 1, FEWEST_FOLDS - 1, -1) if fold_count(pictures, classes, count) == count]
    return (most, *fewer) if has_backbone else (most, *fewer, HOLD_OUT)


def _trainings(folds: int | None) -> float:
    """How many trainings it takes, each as long as that of one fold; after cross-validation the last one is of all pictures."""
    if folds is None or folds == HOLD_OUT:
        return 1.0
    learned_share = (1 - 1 / folds) * (1 - VALIDATION_FRACTION)
    return folds + 1 / learned_share


def _how_often(folds: int | None, is_cross_validated: bool) -> tuple[str, ...]:
    if not is_cross_validated:
        return ()
    return (_TOO_SHORT if folds == HOLD_OUT else f"from scratch, a network is trained in each of {folds} folds, then on all",)


def _parted(dataset: Dataset, pictures: Pictures, first: Round, is_cross_validated: bool) -> Dataset:
    """What the plan is made for: the first round, with all pictures that will be judged."""
    parts = pictures.parts(first)
    return dataset.with_parts(**(parts | {"test": pictures.part} if is_cross_validated else parts))
