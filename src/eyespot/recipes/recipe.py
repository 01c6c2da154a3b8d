"""What a recipe is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Recipe:
    """How to train: everything that the outcome depends on besides the data and the seed.

    `--set KEY=VALUE` changes any field that is a number or a word; a recipe of your own is a file that binds one to the
    name `recipe`.

    Attributes:
        model: builds the network: (input shape (height, width, 3), number of classes) -> an uncompiled Keras model that takes
            pixels 0-255 and returns probabilities.
        optimizer: makes the Keras optimizer: (learning rate, steps in the whole training) -> a `keras.optimizers.Optimizer`.
        learning_rate: the highest rate that the optimizer's schedule reaches.
        size: height and width that pictures are resized to, in pixels.
        epochs: passes over the training part, at most.
        least_steps: where the data is so small that `epochs` come to fewer steps than this, there are more epochs. Epochs that
            are set by hand are meant as they are: then there is no least number of steps, unless it is set too.
        batch_size: pictures in one step.
        watch: the part whose loss is watched while training: `validation`, a stratified part split off the training part, or
            `test`.
        validation_fraction: how much of the training part is split off where `watch` is `validation`, 0-1; 0 splits off none.
        patience: epochs without improvement of the watched loss after which training stops; None: never.
        min_delta: how much lower the watched loss must be to count as improvement.
        precision: `bfloat16`, `float32`, or `auto`: bfloat16 where the processor computes in it.
    """

    model: Callable[[Shape, int], Any]
    optimizer: Callable[[float, int], Any]
    learning_rate: float
    size: int = 32
    epochs: int = 50
    least_steps: int = 0
    batch_size: int = 128
    watch: Literal["validation", "test"] = "validation"
    validation_fraction: float = 0.1
    patience: int | None = None
    min_delta: float = 0.0
    precision: Literal["auto", "bfloat16", "float32"] = "auto"

    def epochs_for(self, pictures: int) -> int:
        """How many epochs there are, at most, over a training part of so many pictures."""
        steps_an_epoch = -(-pictures // self.batch_size)
        return max(self.epochs, -(-self.least_steps // steps_an_epoch))
