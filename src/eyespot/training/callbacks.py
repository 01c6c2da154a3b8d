"""Keras callbacks that keep a run's history and tell its progress."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
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

    def __init__(self, folder: RunFolder) -> None:
        super().__init__()
        self._folder = folder
        self._begin = 0.0
        self.epochs: tuple[Epoch, ...] = ()

    def on_epoch_begin(self, epoch: int, logs: Figures | None = None) -> None:
        """Note the time."""
        self._begin = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Figures | None = None) -> None:
        """Add a row."""
        figures = logs or {}
        row = Epoch(
            epoch=epoch + 1,
            loss=figures["loss"],
            accuracy=figures["accuracy"],
            val_loss=figures.get("val_loss"),
            val_accuracy=figures.get("val_accuracy"),
            learning_rate=float(self.model.optimizer.learning_rate),
            seconds=time.perf_counter() - self._begin,
        )
        self.epochs += (row,)
        self._folder.write_history(self.epochs)


class ProgressReporter(_Callback):  # type: ignore[misc]  # Keras is untyped
    """Tells a `Progress` how far each epoch has come, with loss and accuracy, and one line when it ends."""

    only_reads_figures = True

    def __init__(self, progress: Progress, epochs: int, pictures: int, batch_size: int) -> None:
        super().__init__()
        self._progress = progress
        self._epochs, self._pictures, self._batch_size = epochs, pictures, batch_size
        self._open: AbstractContextManager[Task] | None = None
        self._task: Task | None = None

    def on_train_begin(self, logs: Figures | None = None) -> None:
        """Open the bar of the whole training."""
        self._open = self._progress.task("training", self._epochs * self._pictures)
        self._task = self._open.__enter__()

    def on_train_batch_end(self, batch: int, logs: Figures | None = None) -> None:
        """Move it on."""
        if self._task is not None:
            done = min(self._batch_size, self._pictures - batch * self._batch_size)
            self._task.advance(done, **{name: (logs or {})[name] for name in ("loss", "accuracy")})

    def on_epoch_end(self, epoch: int, logs: Figures | None = None) -> None:
        """Say how the epoch went."""
        figures = logs or {}
        parts = [f"epoch {epoch + 1}/{self._epochs}", f"loss {figures['loss']:.4f}", f"accuracy {figures['accuracy']:.4f}"]
        if "val_loss" in figures:
            parts += [f"watched loss {figures['val_loss']:.4f}", f"watched accuracy {figures['val_accuracy']:.4f}"]
        self._progress.note("  ".join(parts))

    def on_train_end(self, logs: Figures | None = None) -> None:
        """Close the bar."""
        if self._open is not None:
            self._open.__exit__(None, None, None)
