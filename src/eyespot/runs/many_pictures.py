"""Many pictures, or a recipe that says itself how long it trains: one network, judged on a part that was held out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from eyespot import recipes
from eyespot.data import grouping
from eyespot.data.dataset import WHOLE, Dataset, Part
from eyespot.data.splits import for_training
from eyespot.progress import SILENT, Progress
from eyespot.recipes.order import Order
from eyespot.run_folder import RunFolder
from eyespot.runs.calibrating import MOST_ASKED, calibrated
from eyespot.runs.candidate import with_temperature
from eyespot.runs.outcome import Outcome
from eyespot.runs.pictures import together
from eyespot.runs.trained import Trainer, as_learned, planned

if TYPE_CHECKING:
    from eyespot.training import Interruption, Plan


def learn_many(
    order: Order,
    dataset: Dataset,
    folder: RunFolder,
    *,
    began: float,
    interruption: Interruption,
    progress: Progress = SILENT,
) -> Outcome:
    """Train the recipe's network on the training part, which what is missing is split off.

    Args:
        order: what was asked for.
        dataset: as it came.
        folder: of the run: args.yaml is complete before the first step, and history.csv grows.
        began: when the budget began to be spent, on the clock of `time.monotonic`.
        interruption: notes signals from the first step of the training on.
        progress: is told how far it has come.

    Errors: DataError, where a class is too small to be split; as `eyespot.training.learn`.
    """
    from eyespot.models.keras_network import build  # imports Keras

    parted, groups = _parted(order, dataset, progress)
    order, plan = _settled(replace(order, few=None), parted, began, progress)
    folder.write_args(order.arguments())
    settled = time.monotonic()
    trained = Trainer(order, plan, folder, progress, interruption).train(order.recipe, parted)
    finished = time.monotonic()
    learned = as_learned(
        trained,
        {"name": order.recipe_name, **recipes.settings(order.recipe)},
        parted.fingerprint(),
        parted.parts["test"].images,
    )
    calibration = calibrated(
        learned.network,
        parted,
        order.recipe,
        order.error_rate,
        groups=groups.get("validation"),
        threads=order.threads,
        progress=progress,
    )
    temperature = calibration.temperature
    return Outcome(
        order=order,
        dataset=parted,
        tested="test",
        watched=order.recipe.watch if order.recipe.watch in parted.parts else None,
        learned=learned,
        model=trained.model if temperature == 1 else build(with_temperature(learned.network, temperature)),
        interrupted=trained.interrupted,
        planned=settled,
        finished=finished,
        plan=plan,
        calibrated=calibration,
        groups=groups.get("test"),
    )


def _parted(order: Order, dataset: Dataset, progress: Progress) -> tuple[Dataset, Mapping[str, NDArray[np.int64]]]:
    """The data set in the parts that the recipe needs; and, by a rule of grouping, what belongs together in those split off."""
    recipe = order.recipe
    if recipe.watch == "test":
        progress.note(
            f"the recipe {order.recipe_name} watches the test part while training, so its test figure is a little flattered"
        )
    groups = None
    learnable = dataset.parts.get(WHOLE) or dataset.parts.get("train")
    if order.group_by is not None and learnable is not None:
        found = grouping.group(grouping.parse(order.group_by), learnable, dataset.classes)
        groups, notes = together(learnable, found.keys, progress)
        for note in (found.note, *notes):
            progress.note(note)
    parted = for_training(dataset, recipe.validation_fraction if recipe.watch == "validation" else 0.0, groups)
    counts = ", ".join(f"{len(part):,} {name}" for name, part in parted.parts.items())
    progress.note(f"{dataset.name}: {len(dataset.classes)} classes; pictures: {counts}")
    if groups is None or learnable is None:
        return parted, {}
    return parted, _groups_of(parted, learnable, groups)


def _groups_of(dataset: Dataset, grouped: Part, groups: NDArray[np.int64]) -> Mapping[str, NDArray[np.int64]]:
    """The groups of the parts that were taken from one whose pictures have `groups`, (n,)."""
    known = dict(zip(grouped.names, groups.tolist(), strict=True))
    return {
        name: np.array([known[picture] for picture in part.names], np.int64)
        for name, part in dataset.parts.items()
        if all(picture in known for picture in part.names)
    }


def _settled(order: Order, dataset: Dataset, began: float, progress: Progress) -> tuple[Order, Plan | None]:
    """The order with what it leaves to the pictures and to the time there is settled; and the plan, where there is a budget."""
    from eyespot import training

    recipe = replace(order.recipe, size=dataset.parts["train"].images.shape[1])
    recipe = training.with_flip_settled(recipe, dataset, progress)
    if not order.fits_the_data:
        return replace(order, recipe=recipe), None
    held_out = dataset.parts.get("validation", ())
    also_asked = min(len(held_out), MOST_ASKED) if recipe.watch == "validation" else 0
    order, plan = planned(replace(order, recipe=recipe), dataset, began=began, also_asked=also_asked)
    for line in plan.notes if plan is not None else ():
        progress.note(line)
    return order, plan
