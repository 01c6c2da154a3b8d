"""What a model costs: how large it is, how much it computes, how long it takes on this machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from eyespot.bundle.file import read_network
from eyespot.errors import ModelError
from eyespot.explanation.layers import layer_table
from eyespot.prediction import Model
from eyespot.progress import SILENT, Progress
from eyespot.run_folder import RunFolder

BATCH = 64
"""So many pictures are predicted together, for the pictures a second."""

_ROUNDS = 15
_FEWEST_ROUNDS = 3
_CALLS = 10
"""So many times a round each model is asked about one picture: it takes so little that the machine's other work shows."""
_SECONDS = 4.0
"""After which no further round of measuring is begun."""


@dataclass(frozen=True)
class Cost:
    """What a run's model costs.

    Attributes:
        parameters: numbers in its weights.
        macs: multiplications with additions, for one picture.
        size: of model.onnx, in bytes.
        train_seconds: that the training took, on whatever machine it was made; None where the run does not say.
    """

    parameters: int
    macs: int
    size: int
    train_seconds: float | None

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "parameters": self.parameters,
            "macs": self.macs,
            "bytes": self.size,
            "train_seconds": self.train_seconds,
        }


@dataclass(frozen=True)
class Speed:
    """How fast a model answers on this machine, decoding and resizing left out. Medians.

    Attributes:
        seconds: that one picture takes.
        images_per_second: of pictures that come `BATCH` at a time.
    """

    seconds: float
    images_per_second: float

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {"seconds": self.seconds, "images_per_second": self.images_per_second, "batch": BATCH}


def cost(folder: RunFolder) -> Cost | None:
    """What a finished run's model costs; None where the model is no longer there, or cannot be read.

    Errors: RunError, where metrics.json cannot be read.
    """
    try:
        rows, size = layer_table(read_network(folder.model)), folder.model.stat().st_size
    except (ModelError, OSError):
        return None
    seconds = folder.read_metrics().get("train_seconds")
    return Cost(
        parameters=sum(row.parameters for row in rows),
        macs=sum(row.macs for row in rows),
        size=size,
        train_seconds=float(seconds) if isinstance(seconds, int | float) else None,
    )


def speeds(models: Sequence[Model], *, progress: Progress = SILENT) -> list[Speed]:
    """How fast each model answers: all of them in turn, several times, so that what else the machine does meets all alike.

    Args:
        models: at least one.
        progress: is told how far it has come.
    """
    generator = np.random.default_rng(0)
    pictures = [generator.integers(0, 256, (BATCH, *model.size, 3), np.uint8) for model in models]
    singles: list[list[float]] = [[] for _ in models]
    batches: list[list[float]] = [[] for _ in models]
    for model, drawn in zip(models, pictures, strict=True):
        model.probabilities(drawn)  # the first call pays for memory, and for the threads
        model.probabilities(drawn[:1])
    begin = time.perf_counter()
    with progress.task("measuring speed", _ROUNDS, "rounds") as task:
        for done in range(_ROUNDS):
            if done >= _FEWEST_ROUNDS and time.perf_counter() - begin > _SECONDS:
                break
            order = range(len(models)) if done % 2 == 0 else reversed(range(len(models)))
            for i in order:
                singles[i] += [_seconds(models[i], pictures[i][:1]) for _ in range(_CALLS)]
                batches[i].append(_seconds(models[i], pictures[i]))
            task.advance()
    return [Speed(median(single), BATCH / median(batch)) for single, batch in zip(singles, batches, strict=True)]


def _seconds(model: Model, pictures: np.ndarray[Any, np.dtype[np.uint8]]) -> float:
    begin = time.perf_counter()
    model.probabilities(pictures)
    return time.perf_counter() - begin
