"""What a lowered layer computes with, and how native axes lie.

Native tensors have Keras' axes, except that pictures, (n, height, width, channels) in Keras, are (n, channels, height, width)
here, in channels_last memory: the same bytes in the same order, so that going from one to the other costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from eyespot.network import Shape
from eyespot.training.randomness import Randomness

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """One layer's part in one forward pass.

    Attributes:
        inputs: the layer's inputs.
        weights: its weights and statistics, by Keras' names, in native layout.
        training: whether it behaves as in training; False for a frozen layer.
        randomness: what dropout draws from; None: nothing is dropped.
        stream: the number of the layer's own stream of randomness.
    """

    inputs: Sequence[Tensor]
    weights: Mapping[str, Tensor]
    training: bool
    randomness: Randomness | None
    stream: int

    @property
    def x(self) -> Tensor:
        """The first input."""
        return self.inputs[0]

    @property
    def share_of_step(self) -> float:
        """The share of a training step's pictures that these are, above 0 to 1."""
        rows = self.x.shape[0]
        return rows / (self.randomness.global_rows or rows) if self.randomness is not None else 1.0


Compute = Callable[[Call], Tensor]
"""What a layer does in a forward pass."""

Lower = Callable[[Config, Sequence[Shape]], Compute]
"""(configuration, shapes of the inputs without the batch axis) -> what the layer does."""


def to_keras_axes(x: Tensor) -> Tensor:
    """A native tensor with its axes in Keras' order (a view)."""
    return x.permute(0, 2, 3, 1) if x.ndim == 4 else x


def to_native_axes(x: Tensor) -> Tensor:
    """A tensor with Keras' axes in native order (a view)."""
    return x.permute(0, 3, 1, 2) if x.ndim == 4 else x
