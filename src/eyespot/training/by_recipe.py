"""A recipe and a data set in, a trained Keras model out."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

import numpy as np

from eyespot.data.dataset import Dataset
from eyespot.errors import TrainingError, UsageError
from eyespot.models.backend import keras
from eyespot.models.keras_network import read
from eyespot.network import Network
from eyespot.progress import SILENT, Progress
from eyespot.recipes import Recipe
from eyespot.run_folder import Epoch, RunFolder
from eyespot.training.augment import Augmentation
from eyespot.training.building import check_room, compiled
from eyespot.training.callbacks import HistoryWriter, Pace, ProgressReporter
from eyespot.training.fitting import fit
from eyespot.training.interruption import Interrupted, Interruption
from eyespot.training.memory import release_freed_memory

_MOST_VALIDATIONS = 20
"""Where the data is so small that there are many epochs, validation would take longer than they do."""


@dataclass(frozen=True)
class Trained:
    """What came out of a training.

    Attributes:
        model: the Keras model with its last weights.
        history: the epochs; the last may be one that the recipe's steps broke off, but none that a signal did.
        steps: how many were done, those of an epoch broken off included.
        pictures: how many were learned from in all these steps.
        seconds: that all of it took: building, preparing and translating the network, the steps, validation.
        stopped_early: whether it ended of itself before the steps that the recipe allows.
        interrupted: the number of the signal that ended it before its steps were done, or None.
    """

    model: Any
    history: tuple[Epoch, ...]
    steps: int
    pictures: int
    seconds: float
    stopped_early: bool
    interrupted: int | None

    @property
    def network(self) -> Network:
        """The same network as a description, with its weights."""
        return read(self.model)


def learn(
    recipe: Recipe,
    dataset: Dataset,
    folder: RunFolder | None,
    *,
    seed: int,
    device: str = "auto",
    threads: int | None = None,
    progress: Progress = SILENT,
    interruption: Interruption | None = None,
    planned_seconds: float = inf,
    tolerated_seconds: float = inf,
) -> Trained:
    """Build the recipe's network and train it on the part `train`; history.csv grows epoch by epoch, where there is a folder.

    Ctrl-C or SIGTERM ends it after the step under way; a second one raises `Interrupted` at once, and nothing is kept. An
    `interruption` notes them from the first step on, and goes on doing so afterwards.

    Where it will take longer than `planned_seconds` by more than `tolerated_seconds`, this is said once.

    Initial weights, order, augmentation and dropout follow from `seed`. The part that the recipe watches is watched where there
    is one: after every epoch where there is a `patience`, elsewhere at most 20 times.

    The seed is also that of Keras' global randomness, which initial weights are drawn from.

    Errors: UsageError, where the recipe cannot build or prepare its network, or leaves open whether to flip; InputError, where
    its shift is too large for its pictures; TrainingError, where the loss or a weight becomes infinite or no
    number.
    """
    begin = time.perf_counter()
    train, watched = dataset.parts["train"], dataset.parts.get(recipe.watch)
    varied = augmentation(recipe)
    steps, pictures = recipe.steps_for(len(train)), recipe.epochs_for(len(train))
    epochs = len(pictures)
    model = compiled(recipe, train, len(dataset.classes), steps, seed)
    check_room(recipe, model, device)
    to_learn_from = _pictures(steps, pictures, recipe.batch_size)
    passes = f"{recipe.passes_for(len(train)):.3g}"
    progress.note(
        f"{model.count_params():,} parameters, {recipe.size} x {recipe.size} pixels, "
        f"at most {passes} epoch{'' if passes == '1' else 's'}"
    )
    writer = HistoryWriter(folder)
    callbacks = [writer]
    looked_at = _spread(epochs, most_validations(recipe))
    if recipe.patience is not None and watched is not None:
        callbacks.append(keras.callbacks.EarlyStopping("val_loss", min_delta=recipe.min_delta, patience=recipe.patience))
    interrupted = None
    with progress.task("training", to_learn_from) as task:
        reporter = ProgressReporter(
            progress,
            task,
            pictures=pictures,
            batch_size=recipe.batch_size,
            told=looked_at,
            pace=Pace(to_learn_from, due=begin + planned_seconds, tolerated=tolerated_seconds),
        )
        try:
            fit(
                model,
                train.images,
                train.labels,
                batch_size=recipe.batch_size,
                epochs=epochs,
                steps=steps,
                augmentation=varied,
                label_smoothing=recipe.label_smoothing,
                micro_batch=recipe.micro_batch,
                data_pruning=recipe.data_pruning,
                validation_data=None if watched is None else (watched.images, watched.labels),
                validation_batch_size=recipe.micro_batch or recipe.batch_size,
                validation_freq=looked_at,
                callbacks=[*callbacks, reporter],
                verbose=0,
                seed=seed,
                precision=recipe.precision,
                device=device,
                threads=threads,
                interruption=interruption,
            )
        except Interrupted as signal:
            if signal.at_once:
                raise
            interrupted = signal.signal
    seconds = time.perf_counter() - begin
    release_freed_memory()
    if not _is_finite(model, writer.epochs):
        raise TrainingError(
            f"the training diverged in epoch {max(len(writer.epochs), 1)}: the loss or a weight is no longer a number; "
            f"try a lower learning rate than {recipe.learning_rate:g}, with --set learning_rate=..."
        )
    done = int(model.optimizer.iterations)
    if done == steps:  # a signal that came while the last of them were validated ended nothing
        interrupted = None
    return Trained(
        model=model,
        history=writer.epochs,
        steps=done,
        pictures=_pictures(done, pictures, recipe.batch_size),
        seconds=seconds,
        stopped_early=interrupted is None and done < steps,
        interrupted=interrupted,
    )


def most_validations(recipe: Recipe) -> int:
    """After how many epochs the watched part is looked at, at most: after all, where that decides when to stop."""
    return _MOST_VALIDATIONS if recipe.patience is None else sys.maxsize


def augmentation(recipe: Recipe) -> Augmentation:
    """How the recipe varies pictures. Errors: UsageError, where it leaves open whether to flip."""
    if recipe.flip == "auto":
        raise UsageError("flip=auto leaves to the data what to do, which has to be settled before; train with random or never")
    return Augmentation(flip=recipe.flip == "random", shift=recipe.shift)


def _is_finite(model: Any, history: Sequence[Epoch]) -> bool:
    """Whether a training came to something: infinite statistics of a BatchNormalization do not show in its own loss."""
    return all(isfinite(row.loss) for row in history[-1:]) and all(np.isfinite(weight).all() for weight in model.get_weights())


def _spread(epochs: int, most: int) -> list[int]:
    """The numbers, from 1, of at most so many of the epochs, the last one always among them."""
    return sorted(range(epochs, 0, -max(-(-epochs // most), 1)))


def _pictures(steps: int, epochs: Sequence[int], batch_size: int) -> int:
    """How many are learned from in so many steps of epochs with so many pictures each, whose last batches may be smaller."""
    learned = 0
    for pictures in epochs:
        learned += min(pictures, max(steps, 0) * batch_size)
        steps -= -(-pictures // batch_size)
    return learned
