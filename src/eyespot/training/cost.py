"""What training a network and judging it costs on this machine, in seconds, found by doing a little of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eyespot.bundle.graph import to_onnx
from eyespot.bundle.runtime import Runtime
from eyespot.data.dataset import Part
from eyespot.models.backend import keras
from eyespot.models.keras_network import read
from eyespot.recipes import Recipe
from eyespot.training.building import check_room, compiled
from eyespot.training.by_recipe import augmentation
from eyespot.training.choice import Cost
from eyespot.training.fitting import fit

_MOST_STEPS = 12
"""More say no more about the median."""

_PROBED_BATCH = 64
"""Pictures in a step that only tells numbers of threads apart: where threads wait for a core that another process keeps, one
step of the real size would take seconds."""

_PREDICTED = 128
"""Pictures that are predicted at once, and for how long, at least, in seconds."""
_PREDICTING = 0.2

_Callback: Any = keras.callbacks.Callback


@dataclass(frozen=True)
class Trial:
    """A network of a recipe, built to be tried: a few real steps on real pictures, which nobody keeps.

    Attributes:
        recipe: that it is trained by.
        model: the compiled Keras model.
        part: the pictures.
        device: as `fit` takes it.
        build_seconds: what it took to build.
    """

    recipe: Recipe
    model: Any
    part: Part
    device: str
    build_seconds: float

    def seconds_a_step(self, threads: int | None, seconds: float) -> float:
        """The median of some steps, but the first, as training does them: augmented pictures, forward, backward, optimizer.

        Args:
            threads: of the processor; None: as torch has it.
            seconds: when so many have passed, the step under way is the last.
        """
        return self._seconds_a_step(self.recipe.batch_size, threads, seconds, least=2)

    def fastest_threads(self, options: tuple[int, ...], seconds: float) -> int:
        """The number of threads that small steps are done fastest with.

        Where another process keeps a core, threads that wait for each other at every layer are many times slower than fewer.

        Args:
            options: numbers of threads.
            seconds: for each of them.
        """
        batch_size = min(self.recipe.batch_size, _PROBED_BATCH)
        return min(sorted(options), key=lambda threads: self._seconds_a_step(batch_size, threads, seconds, least=1))

    def seconds_a_prediction(self, threads: int | None) -> float:
        """For one picture, in float32, on ONNX Runtime, as the test part is judged."""
        runtime = Runtime(to_onnx(read(self.model)).SerializeToString(), threads)
        pictures = self.part.images[:_PREDICTED]
        _predict(runtime, pictures)  # asks for memory
        spent: list[float] = []
        while sum(spent) < _PREDICTING:
            begin = time.perf_counter()
            _predict(runtime, pictures)
            spent.append(time.perf_counter() - begin)
        return median(spent) / len(pictures)

    def cost(self, threads: int | None, seconds: float) -> Cost:
        """Both, with the steps in so many seconds."""
        return Cost(self.recipe.batch_size, self.seconds_a_step(threads, seconds), self.seconds_a_prediction(threads))

    def _seconds_a_step(self, batch_size: int, threads: int | None, seconds: float, least: int) -> float:
        stopwatch = _Stopwatch(seconds, least)
        images, labels = self.part.images[: _MOST_STEPS * batch_size], self.part.labels[: _MOST_STEPS * batch_size]
        fit(
            self.model,
            images,
            labels,
            batch_size=batch_size,
            epochs=_MOST_STEPS,
            steps=_MOST_STEPS,
            augmentation=augmentation(self.recipe),
            label_smoothing=self.recipe.label_smoothing,
            micro_batch=self.recipe.micro_batch,
            callbacks=[stopwatch],
            verbose=0,
            precision=self.recipe.precision,
            device=self.device,
            threads=threads,
        )
        return stopwatch.typical


def built(recipe: Recipe, part: Part, classes: int, device: str) -> Trial:
    """The recipe's network, ready to be tried. Errors: as `eyespot.training.learn`."""
    begin = time.perf_counter()
    # What weights `prepare` would compute from all pictures does not change what a step costs.
    model = compiled(replace(recipe, prepare=None), part, classes, steps=1, seed=0)
    check_room(recipe, model, device)
    return Trial(recipe, model, part, device, time.perf_counter() - begin)


class _Stopwatch(_Callback):  # type: ignore[misc]  # Keras is untyped
    """Times steps, and stops the training once they have taken long enough and `least` of them were done."""

    only_reads_figures = True

    def __init__(self, seconds: float, least: int) -> None:
        super().__init__()
        self._seconds = seconds
        self._least = least
        self._begin = self._last = 0.0
        self._spent: list[float] = []

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Note the time."""
        self._begin = self._last = time.perf_counter()

    def after_step(self, batch: int, figures: Callable[[], dict[str, float]]) -> None:
        """Note the time that a step took."""
        figures()  # on a GPU, this waits until the step is done
        now = time.perf_counter()
        self._spent.append(now - self._last)
        self._last = now
        if now - self._begin >= self._seconds and len(self._spent) >= self._least:
            self.model.stop_training = True

    @property
    def typical(self) -> float:
        """The median step, in seconds; the first, which asks for memory, counts only where there is no other."""
        return median(self._spent[1:] or self._spent)


def _predict(runtime: Runtime, pictures: NDArray[np.uint8]) -> None:
    for _ in runtime.batches(pictures):
        pass
