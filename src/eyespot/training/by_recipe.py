"""A recipe and a data set in, a trained Keras model out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import isfinite
from typing import Any

from eyespot.data.dataset import Dataset
from eyespot.errors import TrainingError, UsageError
from eyespot.models.backend import keras
from eyespot.progress import SILENT, Progress
from eyespot.recipes import Recipe
from eyespot.run_folder import Epoch, RunFolder
from eyespot.training.callbacks import HistoryWriter, ProgressReporter
from eyespot.training.fitting import fit
from eyespot.training.interruption import Interrupted


@dataclass(frozen=True)
class Trained:
    """What came out of a training.

    Attributes:
        model: the Keras model with its last weights.
        history: the whole epochs.
        steps: how many were done, those of an epoch broken off included.
        pictures: how many were learned from in all these steps.
        seconds: that all of it took, validation and the translation of the network included.
        stopped_early: whether it ended of itself before the epochs that the recipe allows.
        interrupted: the number of the signal that ended it, or None.
    """

    model: Any
    history: tuple[Epoch, ...]
    steps: int
    pictures: int
    seconds: float
    stopped_early: bool
    interrupted: int | None


def learn(
    recipe: Recipe,
    dataset: Dataset,
    folder: RunFolder,
    *,
    seed: int,
    device: str = "auto",
    threads: int | None = None,
    progress: Progress = SILENT,
) -> Trained:
    """Build the recipe's network and train it on the part `train`; history.csv grows epoch by epoch.

    Initial weights, order and dropout follow from `seed`. The part that the recipe watches is watched where there is one.

    The seed is also that of Keras' global randomness, which initial weights are drawn from.

    Errors: UsageError, where the recipe cannot build its network; TrainingError, where the loss becomes infinite or no number.
    """
    train, watched = dataset.parts["train"], dataset.parts.get(recipe.watch)
    epochs, steps_an_epoch = recipe.epochs_for(len(train)), -(-len(train) // recipe.batch_size)
    model = _compiled(recipe, len(dataset.classes), steps_an_epoch * epochs, seed)
    progress.note(f"{model.count_params():,} parameters, {recipe.size} x {recipe.size} pixels, at most {epochs} epochs")
    writer = HistoryWriter(folder)
    callbacks = [writer]
    if recipe.patience is not None and watched is not None:
        callbacks.append(keras.callbacks.EarlyStopping("val_loss", min_delta=recipe.min_delta, patience=recipe.patience))
    interrupted = None
    begin = time.perf_counter()
    with progress.task("training", epochs * len(train)) as task:
        reporter = ProgressReporter(progress, task, epochs=epochs, pictures=len(train), batch_size=recipe.batch_size)
        try:
            fit(
                model,
                train.images,
                train.labels,
                batch_size=recipe.batch_size,
                epochs=epochs,
                validation_data=None if watched is None else (watched.images, watched.labels),
                callbacks=[*callbacks, reporter],
                verbose=0,
                seed=seed,
                precision=recipe.precision,
                device=device,
                threads=threads,
            )
        except Interrupted as signal:
            interrupted = signal.signal
    seconds = time.perf_counter() - begin
    if writer.epochs and not isfinite(writer.epochs[-1].loss):
        raise TrainingError(
            f"the training diverged in epoch {len(writer.epochs)}: the loss is no longer a number; "
            f"try a lower learning rate than {recipe.learning_rate:g}, with --set learning_rate=..."
        )
    steps = int(model.optimizer.iterations)
    whole_epochs, more_steps = divmod(steps, steps_an_epoch)
    return Trained(
        model=model,
        history=writer.epochs,
        steps=steps,
        pictures=whole_epochs * len(train) + more_steps * recipe.batch_size,
        seconds=seconds,
        stopped_early=interrupted is None and len(writer.epochs) < epochs,
        interrupted=interrupted,
    )


def _compiled(recipe: Recipe, classes: int, steps: int, seed: int) -> Any:
    """The recipe's network with initial weights from `seed`, and its optimizer for so many steps."""
    keras.utils.set_random_seed(seed)
    try:
        model = recipe.model((recipe.size, recipe.size, 3), classes)
        optimizer = recipe.optimizer(recipe.learning_rate, steps)
    except Exception as error:  # a recipe may be the user's own program, and Keras raises nearly anything for impossible shapes
        raise UsageError(
            f"the recipe cannot build its network for {recipe.size} x {recipe.size} pixels and {classes} classes: "
            f"{type(error).__name__}: {' '.join(str(error).split())}"
        ) from error
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
