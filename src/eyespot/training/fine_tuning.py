"""What the engine can fine-tune, and how much of it the time allows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from eyespot.data.dataset import Part
from eyespot.errors import UnsupportedError
from eyespot.network import Network
from eyespot.recipes import Recipe
from eyespot.recipes.fine_tuning import MOST_EPOCHS
from eyespot.training.budget import Plan, fastest_threads, slowness, what_line, when_line
from eyespot.training.choice import AIM, Work
from eyespot.training.cost import built
from eyespot.training.lowering.native_network import LOWERINGS
from eyespot.training.memory import release_freed_memory

_MEASURING = (0.03, 10.0)
"""The share of the budget that steps are done for, to be timed; seconds at most. Two steps are done in any case."""

_PROBED_BATCH = 8
"""Pictures in a step that only tells numbers of threads apart."""

_READY = 2.0
"""Before the first step of a training, and after its last, as many times as long passes as it takes to build the network: it is
translated, read back, and written for prediction."""


def check_is_trainable(network: Network) -> None:
    """Errors: UnsupportedError names the layers that the engine does not know, and lists those that it does."""
    unknown = [f"{layer.name} ({layer.kind})" for layer in network.layers if layer.kind not in LOWERINGS]
    if unknown:
        raise UnsupportedError(
            f"the engine cannot train {', '.join(unknown)}; the layers that it knows are {', '.join(sorted(LOWERINGS))}"
        )


def plan_fine_tuning(
    recipe: Recipe,
    part: Part,
    classes: int,
    *,
    pictures: int,
    asked: int,
    seconds: float,
    began: float,
    device: str = "auto",
    threads: int | None = None,
    trainings: Sequence[float] = (1.0,),
) -> Plan:
    """Choose epochs and threads, so that all ends `seconds` after `began`; not `is_enough`, where one epoch each does not.

    A few steps are timed for it.

    Args:
        recipe: whose network is the one to be trained: from `starting_from`.
        part: some of the pictures, a batch or more.
        classes: how many there are.
        pictures: how many are learned from in each training.
        asked: how many the network is asked about after each training.
        seconds: the budget, from `began` to the end of the process.
        began: when the budget began to be spent, on the clock of `time.monotonic`.
        device: as `fit` takes it.
        threads: of the processor; None: as many as are fastest.
        trainings: as of `eyespot.training.plan`: the first of these numbers is taken for which one epoch each ends on time.

    Errors: as `eyespot.training.learn`.
    """
    tried = part.take(np.arange(min(recipe.batch_size, len(part))))
    slow = slowness(tried, classes, device)
    trial = built(recipe, tried, classes, device)
    share, most = _MEASURING
    measuring = min(share * seconds, most) / 2
    few = replace(trial, recipe=replace(recipe, batch_size=min(recipe.batch_size, _PROBED_BATCH)))
    threads = threads or fastest_threads(few, device, measuring)
    cost = trial.cost(threads, measuring)
    release_freed_memory()
    ready = _READY * trial.build_seconds
    work = Work(pictures=pictures, watched=0, validations=0, test=asked, verified=len(tried), slowness=slow)
    an_epoch = work.steps_an_epoch(cost.batch_size)
    for number in trainings:
        work = replace(work, trainings=number, test=round(number * asked))
        left = began + AIM * seconds - time.monotonic() - (number + 1) * ready
        steps = min(work.steps_within(left, cost), MOST_EPOCHS * an_epoch)
        if steps >= an_epoch:
            break
    is_enough, steps = steps >= an_epoch, max(steps, an_epoch)
    chosen = replace(recipe, epochs=round(steps / an_epoch, 6), least_steps=0)
    predicted = {
        "before": time.monotonic() - began,
        "training": work.trainings * (ready + work.training_seconds(steps, cost)),
        "after": ready + work.judging_seconds(cost),
    }
    measured = {
        "slowness": slow,
        "ready_seconds": ready,
        "step_seconds": cost.step,
        "prediction_seconds": cost.prediction,
    }
    notes = (what_line("the backbone is fine-tuned", chosen, pictures, cost, threads, seconds), when_line(predicted))
    return Plan(chosen, threads, notes, predicted, measured, work.trainings, is_enough)
