"""Keras callbacks that keep a run's history and tell its progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Sequence
from math import inf, isfinite
from typing import Any

from eyespot.durations import in_words
from eyespot.models.backend import keras
from eyespot.progress import Progress, Task
from eyespot.run_folder import Epoch, RunFolder

Figures = dict[str, float]
_Callback: Any = keras.callbacks.Callback

_BETWEEN_WRITINGS = 1.0
_BETWEEN_FIGURES = 0.1
"""Seconds: at least so much time passes between two of them."""

_SURE = 0.1
"""The share of a training after which its pace is known well enough to say that it will be late."""


class HistoryWriter(_Callback):  # type: ignore[misc]  # Keras is untyped
    """Writes history.csv anew after an epoch, but not more often than once a second, and at the end.

    Args:
        folder: the run; None: the history is kept in `epochs` alone.

    Attributes:
        epochs: the rows so far.
    """

    only_reads_figures = True

    def __init__(self, folder: RunFolder | None) -> None:
        super().__init__()
        self._folder = folder
        self._begin = 0.0
        self._written = -inf
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
            learning_rate=_last_learning_rate(self.model.optimizer),
            seconds=time.perf_counter() - self._begin,
        )
        self.epochs += (row,)
        # Some epochs take a few milliseconds, and there may be thousands of them.
        if time.perf_counter() - self._written >= _BETWEEN_WRITINGS:
            self._write()

    def on_train_end(self, logs: Figures | None = None) -> None:
        """Write what is left to write."""
        self._write()

    def _write(self) -> None:
        if self._folder is not None:
            self._folder.write_history(self.epochs)
        self._written = time.perf_counter()


class Pace:
    """How fast pictures are learned from, and so when the last one will be.

    Args:
        total: pictures that are learned from, repeats included.
        due: when that is planned to be done, on the clock of `time.perf_counter`.
        tolerated: seconds later than that are no matter.
    """

    def __init__(self, total: int, *, due: float = inf, tolerated: float = inf) -> None:
        self._total, self._due, self._tolerated = total, due, tolerated
        self._done = 0
        self._first: tuple[float, int] | None = None

    def advance(self, pictures: int) -> None:
        """So many more were learned from, just now."""
        self._done += pictures
        if self._first is None:  # the first step asks for memory, and says nothing of the others
            self._first = (time.perf_counter(), self._done)

    @property
    def seconds_left(self) -> float | None:
        """About how long it will take; None while that is not known."""
        if self._first is None or self._done == self._first[1]:
            return None
        began, before = self._first
        return (self._total - self._done) * (time.perf_counter() - began) / (self._done - before)

    @property
    def seconds_late(self) -> float | None:
        """About how much later than planned it will be done; None where that is no matter, or not known for sure."""
        left = self.seconds_left
        if left is None or self._done < _SURE * self._total:
            return None
        late = time.perf_counter() + left - self._due
        return late if late > self._tolerated else None


class ProgressReporter(_Callback):  # type: ignore[misc]  # Keras is untyped
    """Tells a `Task` how far the training has come, a `Progress` how epochs went, and stops where a loss is no number.

    Args:
        progress: gets a line for an epoch.
        task: counts pictures; its figures are brought up to date ten times a second.
        pictures: how many each epoch learns from.
        batch_size: pictures in a step.
        told: the numbers, from 1, of the epochs that get a line; None: all.
        pace: what the lines say of the time; None: that of all `pictures`, which are never late.
    """

    only_reads_figures = True

    def __init__(
        self,
        progress: Progress,
        task: Task,
        *,
        pictures: Sequence[int],
        batch_size: int,
        told: Container[int] | None = None,
        pace: Pace | None = None,
    ) -> None:
        super().__init__()
        self._progress, self._task = progress, task
        self._pictures, self._batch_size = pictures, batch_size
        self._told = range(1, len(pictures) + 1) if told is None else told
        self._pace = Pace(sum(pictures)) if pace is None else pace
        self._has_told_lateness = False
        self._epoch = 0
        self._shown = -inf

    def on_epoch_begin(self, epoch: int, logs: Figures | None = None) -> None:
        """Note which epoch it is."""
        self._epoch = epoch

    def after_step(self, batch: int, figures: Callable[[], Figures]) -> None:
        """Move the bar on."""
        done = min(self._batch_size, self._pictures[self._epoch] - batch * self._batch_size)
        self._pace.advance(done)
        now = time.perf_counter()
        if now - self._shown < _BETWEEN_FIGURES:
            self._task.advance(done)
            return
        self._shown = now
        self._show(done, figures())
        self._tell_lateness()

    def on_epoch_end(self, epoch: int, logs: Figures | None = None) -> None:
        """Say how the epoch went."""
        figures = logs or {}
        self._show(0, figures)
        if not isfinite(figures.get("val_loss", 0.0)):
            self.model.stop_training = True
        if epoch + 1 not in self._told:
            return
        parts = [
            f"epoch {epoch + 1}/{len(self._pictures)}",
            f"loss {figures['loss']:.4f}",
            f"accuracy {figures['accuracy']:.4f}",
        ]
        if "val_loss" in figures:
            parts += [f"watched loss {figures['val_loss']:.4f}", f"watched accuracy {figures['val_accuracy']:.4f}"]
        left = round(self._pace.seconds_left or 0)
        if left:
            parts.append(f"about {in_words(left)} left")
        self._progress.note("  ".join(parts))

    def _show(self, done: int, figures: Figures) -> None:
        self._task.advance(done, loss=figures["loss"], accuracy=figures["accuracy"])
        if not isfinite(figures["loss"]):
            self.model.stop_training = True

    def _tell_lateness(self) -> None:
        late = self._pace.seconds_late
        if late is not None and not self._has_told_lateness:
            self._has_told_lateness = True
            self._progress.note(late_line(late))


def late_line(seconds: float) -> str:
    """What the user is told where it will take so much longer than planned."""
    return f"the machine is slower than it was measured: done about {in_words(seconds)} later than planned"


def _last_learning_rate(optimizer: Any) -> float:
    """The rate of the step done last; the optimizer itself tells that of the next one."""
    rate = optimizer._learning_rate
    is_schedule = isinstance(rate, keras.optimizers.schedules.LearningRateSchedule)
    return float(rate(optimizer.iterations - 1) if is_schedule else optimizer.learning_rate)
