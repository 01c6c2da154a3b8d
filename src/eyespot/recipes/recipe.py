"""What a recipe is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Recipe:
    """How to train: everything that the outcome depends on besides the data and the seed.

    `--set KEY=VALUE` changes any field that is a number or a word; a recipe of your own is a file that binds one to the
    name `recipe`.

    Attributes:
        model: builds the network: (input shape (height, width, 3), number of classes, and what `network` names) -> an
            uncompiled Keras model that takes pixels 0-255 and returns probabilities.
        optimizer: makes the Keras optimizer: (learning rate, steps in the whole training, batch size) -> a
            `keras.optimizers.Optimizer`.
        learning_rate: the highest rate that the optimizer's schedule reaches.
        network: further arguments of `model`, such as widths.
        prepare: sets those weights that are computed from pictures, not learned: (model, training pictures (n, height, width,
            3) uint8) -> None, called once before the first step; None: there are none.
        size: height and width that pictures are resized to, in pixels.
        epochs: passes over the training part, at most; the last may be broken off, so 1.5 is one and a half.
        least_steps: where the data is so small that `epochs` of all pictures come to fewer steps than this, there are more
            epochs. Epochs that are set by hand are meant as they are: then there is no least number of steps, unless it is set
            too.
        batch_size: pictures in one step.
        micro_batch: the gradient of a step is computed for so many pictures at a time, of which alone batch normalization takes
            its statistics, so that large batches need no more memory; None: for all at once.
        flip: whether pictures are mirrored left to right at random: `random`, `never`, or `auto`: where the data shows that
            mirrored pictures keep their class.
        shift: pictures are moved at random by up to so many pixels either way; what is left empty mirrors the edge.
        label_smoothing: how much of each label is spread over all classes while training, 0-1.
        data_pruning: so large a share of the pictures, at most 0.5, is left out of each epoch but the first two and the last:
            half of twice as many that are the easiest. The others of these count double for it.
        watch: the part whose loss is watched while training: `validation`, a stratified part split off the training part, or
            `test`.
        validation_fraction: how much of the training part is split off where `watch` is `validation`, 0-1; 0 splits off none.
        patience: epochs without improvement of the watched loss after which training stops; None: never.
        min_delta: how much lower the watched loss must be to count as improvement.
        precision: `bfloat16`, `float32`, or `auto`: bfloat16 where the processor computes in it.
    """

    model: Callable[[Shape, int], Any]
    optimizer: Callable[[float, int, int], Any]
    learning_rate: float
    network: Mapping[str, Any] = field(default_factory=dict)
    prepare: Callable[[Any, NDArray[np.uint8]], None] | None = None
    size: int = 32
    epochs: float = 50
    least_steps: int = 0
    batch_size: int = 128
    micro_batch: int | None = None
    flip: Literal["auto", "random", "never"] = "never"
    shift: int = 0
    label_smoothing: float = 0.0
    data_pruning: float = 0.0
    watch: Literal["validation", "test"] = "validation"
    validation_fraction: float = 0.1
    patience: int | None = None
    min_delta: float = 0.0
    precision: Literal["auto", "bfloat16", "float32"] = "auto"

    def steps_for(self, pictures: int) -> int:
        """How many steps there are, at most, with a training part of so many pictures."""
        an_epoch = -(-pictures // self.batch_size)
        spared = sum(an_epoch - -(-learned // self.batch_size) for learned in self.epochs_for(pictures))
        return self._steps_of_all(pictures) - spared

    def epochs_for(self, pictures: int) -> tuple[int, ...]:
        """How many pictures each epoch learns from, with a training part of so many; the steps may break off the last."""
        epochs = ceil(self.passes_for(pictures))
        return tuple(pictures - left_out(pictures, self.data_pruning, epoch, epochs) for epoch in range(epochs))

    def passes_for(self, pictures: int) -> float:
        """How many epochs there are, at most, with a training part of so many pictures, to the step."""
        return self._steps_of_all(pictures) / -(-pictures // self.batch_size)

    def _steps_of_all(self, pictures: int) -> int:
        """How many steps there would be, if every epoch learned from all pictures."""
        return max(1, self.least_steps, round(self.epochs * -(-pictures // self.batch_size)))


MOST_DATA_PRUNING = 0.5
"""No larger share can be left out: of the easiest pictures, twice as many, half stay."""


def left_out(pictures: int, share: float, epoch: int, epochs: int) -> int:
    """How many of so many pictures data pruning leaves out of the epoch numbered `epoch`, counted from 0, of `epochs`.

    None are left out of the first two, in which the network comes to know them, and of the last.
    """
    return int(share * pictures) if 2 <= epoch < epochs - 1 else 0
