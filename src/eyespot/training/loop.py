"""The training loop: epochs and steps over pictures held in memory, with nothing done picture by picture in Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from eyespot.training.interruption import Interruption
from eyespot.training.losses import Loss
from eyespot.training.lowering import NativeNetwork
from eyespot.training.metrics import Metrics
from eyespot.training.optimizers import NativeOptimizer
from eyespot.training.randomness import Randomness, permutation

Figures = dict[str, Any]


@dataclass(frozen=True)
class Examples:
    """Pictures to train on or to watch.

    Attributes:
        pixels: (n, height, width, channels), uint8 or floating.
        targets: (n,) int64 class numbers, or (n, classes) distributions.
        weights: (n,) how much each example counts; None: each counts 1.
    """

    pixels: Tensor
    targets: Tensor
    weights: Tensor | None = None

    def __len__(self) -> int:
        return len(self.pixels)

    def batches(self, size: int, order: Tensor | None = None) -> Iterator[Examples]:
        """Batches of `size` (the last may be smaller) in `order`, (n,) int64; None: as they stand."""
        for start in range(0, len(self), size):
            stop = min(start + size, len(self))
            chosen = slice(start, stop) if order is None else order[start:stop]
            weights = None if self.weights is None else self.weights[chosen]
            yield Examples(self.pixels[chosen], self.targets[chosen], weights)


class Observer(Protocol):
    """Is told what happens, in the terms of Keras' callbacks, and may ask to stop."""

    def on_epoch_begin(self, epoch: int) -> None: ...
    def on_train_batch_begin(self, batch: int) -> None: ...
    def on_train_batch_end(self, batch: int, logs: Figures) -> None: ...
    def on_test_begin(self) -> None: ...
    def on_test_batch_begin(self, batch: int) -> None: ...
    def on_test_batch_end(self, batch: int, logs: Figures) -> None: ...
    def on_test_end(self, logs: Figures) -> None: ...
    def on_epoch_end(self, epoch: int, logs: Figures) -> None: ...
    @property
    def asks_to_stop(self) -> bool: ...


@dataclass(frozen=True)
class Schedule:
    """How the examples are gone through.

    Attributes:
        epochs: the numbers of the epochs, counted from 0.
        batch_size: examples in one step of training.
        validation_batch_size: examples in one step of validation.
        shuffle: whether each epoch has an order of its own, a function of (seed, epoch).
        validates: whether the epoch of that number ends with a validation.
    """

    epochs: range
    batch_size: int
    validation_batch_size: int
    shuffle: bool
    validates: Callable[[int], bool]


@dataclass(frozen=True)
class Engine:
    """A network in training.

    Attributes:
        network: the native network, on the device that the examples are on.
        optimizer: of the network's parameters.
        loss: of a batch.
        metrics: gather the figures of an epoch.
        autocast: the type that convolutions and products compute in; None: the network's own.
        seed: what order and dropout follow from.
    """

    network: NativeNetwork
    optimizer: NativeOptimizer
    loss: Loss
    metrics: Metrics
    autocast: torch.dtype | None
    seed: int

    def train(
        self,
        examples: Examples,
        validation: Examples | None,
        schedule: Schedule,
        observer: Observer,
        interruption: Interruption,
    ) -> None:
        """Pass over `examples` once an epoch, until the epochs are done, the observer asks to stop or a signal comes.

        The step under way is always finished. Figures on `validation` are reported as `val_...`.
        """
        for epoch in schedule.epochs:
            observer.on_epoch_begin(epoch)
            order = torch.from_numpy(permutation(self.seed, epoch, len(examples))) if schedule.shuffle else None
            self.metrics.reset()
            for number, batch in enumerate(examples.batches(schedule.batch_size, order)):
                observer.on_train_batch_begin(number)
                self.step(batch)
                observer.on_train_batch_end(number, self.metrics.result())
                if interruption.signal is not None:
                    return
                if observer.asks_to_stop:
                    break
            figures = self.metrics.result()
            if validation is not None and schedule.validates(epoch):
                watched = self.evaluate(validation, schedule.validation_batch_size, observer)
                figures |= {f"val_{name}": value for name, value in watched.items()}
            observer.on_epoch_end(epoch, figures)
            if observer.asks_to_stop or interruption.signal is not None:
                return

    def step(self, batch: Examples) -> None:
        """Learn from one batch."""
        self.network.train()
        scores = self._scores(batch.pixels, Randomness(self.seed, self.optimizer.iterations))
        loss = self.loss(scores, batch.targets, batch.weights)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.optimizer.step()
        self.metrics.update(loss.detach(), scores.detach(), batch.targets, batch.weights)

    @torch.no_grad()
    def evaluate(self, examples: Examples, batch_size: int, observer: Observer) -> Figures:
        """The figures on `examples`; nothing is learned."""
        self.network.eval()
        self.metrics.reset()
        observer.on_test_begin()
        for number, batch in enumerate(examples.batches(batch_size)):
            observer.on_test_batch_begin(number)
            scores = self._scores(batch.pixels, None)
            self.metrics.update(self.loss(scores, batch.targets, batch.weights), scores, batch.targets, batch.weights)
            observer.on_test_batch_end(number, self.metrics.result())
        figures = self.metrics.result()
        observer.on_test_end(figures)
        return figures

    def _scores(self, pixels: Tensor, randomness: Randomness | None) -> Tensor:
        with torch.autocast(pixels.device.type, dtype=self.autocast, enabled=self.autocast is not None):
            return self.network.scores(pixels, randomness)
