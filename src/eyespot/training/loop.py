"""The training loop: epochs and steps over pictures held in memory, with nothing done picture by picture in Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from eyespot.training.augment import Augmentation, AugmentedPictures
from eyespot.training.data_pruning import DataPruning
from eyespot.training.interruption import Interruption
from eyespot.training.losses import Loss
from eyespot.training.lowering import NativeNetwork
from eyespot.training.metrics import Metrics
from eyespot.training.optimizers import NativeOptimizer
from eyespot.training.randomness import Randomness, permutation

Figures = dict[str, Any]
FiguresNow = Callable[[], Figures]
"""The figures so far; on a GPU, to take them waits for its work."""


@dataclass(frozen=True)
class Examples:
    """Pictures to train on or to watch.

    Attributes:
        pixels: (n, height, width, channels), uint8 or floating.
        targets: (n,) int64 class numbers, or (n, classes) distributions.
        weights: (n,) how much each example counts; None: each counts 1.
        positions: (n,) int64, where a batch's examples lie among all; None: not in a batch of training.
    """

    pixels: Tensor
    targets: Tensor
    weights: Tensor | None = None
    positions: Tensor | None = None

    def __len__(self) -> int:
        return len(self.pixels)

    def batches(self, size: int) -> Iterator[Examples]:
        """Batches of `size` (the last may be smaller), as they stand."""
        for start in range(0, len(self), size):
            batch = slice(start, start + size)
            weights, positions = (None if tensor is None else tensor[batch] for tensor in (self.weights, self.positions))
            yield Examples(self.pixels[batch], self.targets[batch], weights, positions)


class Observer(Protocol):
    """Is told what happens, in the terms of Keras' callbacks, and may ask to stop."""

    def on_epoch_begin(self, epoch: int) -> None: ...
    def on_train_batch_begin(self, batch: int) -> None: ...
    def on_train_batch_end(self, batch: int, figures: FiguresNow) -> None: ...
    def on_test_begin(self) -> None: ...
    def on_test_batch_begin(self, batch: int) -> None: ...
    def on_test_batch_end(self, batch: int, figures: FiguresNow) -> None: ...
    def on_test_end(self, logs: Figures) -> None: ...
    def on_epoch_end(self, epoch: int, logs: Figures) -> None: ...
    @property
    def asks_to_stop(self) -> bool: ...


@dataclass(frozen=True)
class Schedule:
    """How the examples are gone through.

    Attributes:
        epochs: the numbers of the epochs, counted from 0.
        steps: so many are done at most, which may break off the last epoch; None: all of the epochs.
        batch_size: examples in one step of training.
        validation_batch_size: examples in one step of validation.
        shuffle: whether each epoch has an order of its own, a function of (seed, epoch).
        validates: whether the epoch of that number ends with a validation.
    """

    epochs: range
    steps: int | None
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
        loss: of a batch, as the figures tell it.
        objective: of a batch, as it is minimized: the loss, or that with smoothed labels.
        metrics: gather the figures of an epoch.
        autocast: the type that convolutions and products compute in; None: the network's own.
        seed: what order, augmentation and dropout follow from.
        augmentation: how pictures are varied in training; None: not at all.
        micro_batch: pictures whose gradient is computed at once; None: those of a whole step.
        data_pruning: what is left out of an epoch; None: nothing.
    """

    network: NativeNetwork
    optimizer: NativeOptimizer
    loss: Loss
    objective: Loss
    metrics: Metrics
    autocast: torch.dtype | None
    seed: int
    augmentation: Augmentation | None = None
    micro_batch: int | None = None
    data_pruning: DataPruning | None = None

    def train(
        self,
        examples: Examples,
        validation: Examples | None,
        schedule: Schedule,
        observer: Observer,
        interruption: Interruption,
    ) -> None:
        """Pass over `examples` once an epoch, until the epochs or steps are done, the observer asks to stop or a signal comes.

        The step under way is always finished. An epoch that the steps break off ends as others do, and so does the last one
        where a signal comes in its last step. Figures on `validation` are reported as `val_...`.
        """
        pictures = None if self.augmentation is None else AugmentedPictures(examples.pixels, self.augmentation, self.seed)
        done = 0
        for epoch in schedule.epochs:
            observer.on_epoch_begin(epoch)
            self.metrics.reset()
            for number, batch in enumerate(self._batches(examples, pictures, schedule, epoch)):
                observer.on_train_batch_begin(number)
                self.step(batch)
                done += 1
                observer.on_train_batch_end(number, self.metrics.result)
                if observer.asks_to_stop or done == schedule.steps:
                    break
                if interruption.signal is not None:
                    return
            figures = self.metrics.result()
            if validation is not None and schedule.validates(epoch):
                watched = self.evaluate(validation, schedule.validation_batch_size, observer)
                figures |= {f"val_{name}": value for name, value in watched.items()}
            observer.on_epoch_end(epoch, figures)
            if observer.asks_to_stop or done == schedule.steps or interruption.signal is not None:
                return

    def step(self, batch: Examples) -> None:
        """Learn from one batch."""
        if not self.network.training:  # to say so again to every layer takes its time
            self.network.train()
        self.optimizer.zero_grad()
        pieces = 1 if self.micro_batch is None else -(-len(batch) // self.micro_batch)
        first = 0
        for piece in batch.batches(-(-len(batch) // pieces)):
            randomness = replace(self._randomness(), first_row=first, global_rows=len(batch))
            self._add_gradient(piece, len(piece) / len(batch), randomness)
            first += len(piece)
        self.optimizer.step()

    def _add_gradient(self, batch: Examples, share: float, randomness: Randomness) -> None:
        """Add the batch's gradient, times its share of the step's examples, to that of the parameters."""
        scores = self._scores(batch.pixels, randomness)
        losses, weights = self.objective.per_example(scores, batch.targets), batch.weights
        if self.data_pruning is not None and batch.positions is not None:
            weights = self.data_pruning.weights(batch.positions, weights)
            self.data_pruning.note(batch.positions, losses.detach())
        objective = self.objective.reduced(losses, weights)
        (objective * share if share < 1 else objective).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        scores, loss = scores.detach(), objective.detach()
        if self.objective != self.loss or weights is not batch.weights:
            loss = self.loss(scores, batch.targets, batch.weights)
        self.metrics.update(loss, scores, batch.targets, batch.weights)

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
            observer.on_test_batch_end(number, self.metrics.result)
        figures = self.metrics.result()
        observer.on_test_end(figures)
        return figures

    def _batches(
        self, examples: Examples, pictures: AugmentedPictures | None, schedule: Schedule, epoch: int
    ) -> Iterator[Examples]:
        """An epoch's batches, each made when its step comes."""
        order = permutation(self.seed, epoch, len(examples)) if schedule.shuffle else np.arange(len(examples))
        positions_in_order = torch.from_numpy(order).to(examples.pixels.device)
        if self.data_pruning is not None:
            positions_in_order = self.data_pruning.begin_epoch(positions_in_order, epoch, schedule.epochs.stop)
        for start in range(0, len(positions_in_order), schedule.batch_size):
            positions = positions_in_order[start : start + schedule.batch_size]
            if pictures is None:
                pixels = examples.pixels.index_select(0, positions)  # faster than with [] by far
            else:
                pixels = pictures.batch(positions, epoch=epoch, randomness=self._randomness())
            weights = None if examples.weights is None else examples.weights[positions]
            yield Examples(pixels, examples.targets[positions], weights, positions)

    def _randomness(self) -> Randomness:
        """That of the next step."""
        return Randomness(self.seed, self.optimizer.iterations)

    def _scores(self, pixels: Tensor, randomness: Randomness | None) -> Tensor:
        with torch.autocast(pixels.device.type, dtype=self.autocast, enabled=self.autocast is not None):
            return self.network.scores(pixels, randomness)
