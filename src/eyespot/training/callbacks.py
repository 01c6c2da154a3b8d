"""Keras callbacks that keep a run's history and tell its progress."""

from __future__ import annotations

import time
from math import isfinite
from typing import Any

from eyespot.models.backend import keras
from eyespot.progress import Progress, Task
from eyespot.run_folder import Epoch, RunFolder

Figures = dict[str, float]
_Callback: Any = keras.callbacks.Callback


class HistoryWriter(_Callback):  # type: ignore[misc]  # Keras is untyped
    """Writes history.csv anew after every epoch.

    Attributes:
        epochs: the rows written so far.
    """

    only_reads_figures = True

    def __init__(self, folder: RunFolder) -> None:
        super().__init__()
        self._folder = folder
        self._begin = 0.0
        self._learning_rate = 0.0
        self.epochs: tuple[Epoch, ...] = ()

    def on_epoch_begin(self, epoch: int, logs: Figures | None = None) -> None:
        """Note the time."""
        self._begin = time.perf_counter()

    def on_train_batch_begin(self, batch: int, logs: Figures | None = None) -> None:
        """Note the rate of the step; afterwards a schedule tells that of the next one."""
        self._learning_rate = float(self.model.optimizer.learning_rate)

    def on_epoch_end(self, epoch: int, logs: Figures | None = None) -> None:
        """Add a row."""
        figures = logs or {}
        row = Epoch(
            epoch=epoch + 1,
            loss=figures["loss"],
            accuracy=figures["accuracy"],
            val_loss=figures.get("val_loss"),
            val_accuracy=figures.get("val_accuracy"),
            learning_rate=self._learning_rate,
            seconds=time.perf_counter() - self._begin,
        )
        self.epochs += (row,)
        self._folder.write_history(self.epochs)


class ProgressReporter(_Callback):  # type: ignore[misc]  # Keras is untyped
    """Tells a `Task` how far the training has come, a `Progress` how each epoch went, and stops where the loss is no number."""

    only_reads_figures = True

    def __init__(self, progress: Progress, task: Task, *, epochs: int, pictures: int, batch_size: int) -> None:
        super().__init__()
        self._progress, self._task = progress, task
        self._epochs, self._pictures, self._batch_size = epochs, pictures, batch_size

    def on_train_batch_end(self, batch: int, logs: Figures | None = None) -> None:
        """Move the bar on."""
        figures = logs or {}
        done = min(self._batch_size, self._pictures - batch * self._batch_size)
        self._task.advance(done, loss=figures["loss"], accuracy=figures["accuracy"])
        if not isfinite(figures["loss"]):
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Figures | None = None) -> None:
        """Say how the epoch went."""
        figures = logs or {}
        parts = [f"epoch {epoch + 1}/{self._epochs}", f"loss {figures['loss']:.4f}", f"accuracy {figures['accuracy']:.4f}"]
        if "val_loss" in figures:
            parts += [f"watched loss {figures['val_loss']:.4f}", f"watched accuracy {figures['val_accuracy']:.4f}"]
        self._progress.note("  ".join(parts))
