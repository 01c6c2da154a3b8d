"""The figures of an epoch, under the names and with the values that stock `fit` gives them.

The mean loss and the accuracy are taken in torch; every other metric given to `compile` is Keras' own object, run on the
network's outputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from eyespot.errors import InputError, UnsupportedError
from eyespot.models.backend import keras


@dataclass(frozen=True)
class _Batch:
    """What a metric may want to know of a batch."""

    loss: Tensor
    scores: Tensor
    targets: Tensor
    weights: Tensor | None
    softmax_left_out: bool
    targets_are_columns: bool

    @cached_property
    def is_right(self) -> Tensor:
        """(n,) whether the highest score is that of the target."""
        labels = self.targets if self.targets.ndim == 1 else self.targets.argmax(dim=-1)
        return self.scores.argmax(dim=-1) == labels

    @cached_property
    def for_keras(self) -> tuple[Any, Any, Any]:
        """Targets, outputs and weights as stock `fit` hands them to its metrics."""
        targets = self.targets[:, None] if self.targets_are_columns else self.targets
        outputs = self.scores.softmax(dim=-1) if self.softmax_left_out else self.scores
        if keras.backend.backend() == "torch":
            return targets, outputs, self.weights
        return targets.cpu().numpy(), outputs.cpu().numpy(), None if self.weights is None else self.weights.cpu().numpy()


class _Metric(Protocol):
    def reset(self) -> None: ...
    def update(self, batch: _Batch) -> None: ...
    def result(self) -> Any: ...


class _Mean:
    """A mean over examples that waits for the device only when it is asked for."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._total: Tensor | float = 0.0
        self._count: Tensor | float = 0.0

    def add(self, total: Tensor, count: Tensor | float) -> None:
        self._total = self._total + total
        self._count = self._count + count

    def result(self) -> float:
        count = float(self._count)
        return float(self._total) / count if count else 0.0


class _LossMean(_Mean):
    """The batches' losses, each counted as often as the batch has examples, as Keras does whatever the reduction."""

    def update(self, batch: _Batch) -> None:
        examples = len(batch.scores)
        self.add(_precise(batch.loss) * examples, examples)


class _Accuracy(_Mean):
    """The share of examples whose highest score is that of the target, by weight where `is_weighted`."""

    def __init__(self, is_weighted: bool) -> None:
        super().__init__()
        self._is_weighted = is_weighted

    def update(self, batch: _Batch) -> None:
        if self._is_weighted and batch.weights is not None:
            weights = _precise(batch.weights)
            self.add((batch.is_right * weights).sum(), weights.sum())
        else:
            self.add(batch.is_right.sum(), len(batch.scores))


class _KerasMetric:
    """A metric that Keras itself computes; as in stock `fit`, only a weighted one learns the weights."""

    def __init__(self, metric: Any, is_weighted: bool) -> None:
        self._metric = metric
        self._is_weighted = is_weighted

    def reset(self) -> None:
        self._metric.reset_state()

    def update(self, batch: _Batch) -> None:
        targets, outputs, weights = batch.for_keras
        self._metric.update_state(targets, outputs, sample_weight=weights if self._is_weighted else None)

    def result(self) -> Any:
        return self._metric.result()


class Metrics:
    """Gathers the figures of an epoch; made by `translate`.

    Args:
        metrics: the metrics in Keras' order.
        compile_metrics: Keras' own collection of them, which knows their names; None where there are none.
        softmax_left_out: whether the scores are the logits of a softmax that the Keras model ends in.
        targets_are_columns: whether stock `fit` would see class numbers as (n, 1).
    """

    def __init__(
        self, metrics: Sequence[_Metric], compile_metrics: Any, *, softmax_left_out: bool, targets_are_columns: bool
    ) -> None:
        self._loss = _LossMean()
        self._metrics = tuple(metrics)
        self._compile_metrics = compile_metrics
        self._softmax_left_out = softmax_left_out
        self._targets_are_columns = targets_are_columns

    def reset(self) -> None:
        """Begin an epoch."""
        self._loss.reset()
        for metric in self._metrics:
            metric.reset()

    @torch.no_grad()
    def update(self, loss: Tensor, scores: Tensor, targets: Tensor, weights: Tensor | None = None) -> None:
        """Add a batch.

        Args:
            loss: its loss, a scalar.
            scores: (n, classes) what the native network returns.
            targets: (n,) int64 class numbers, or (n, classes) distributions.
            weights: (n,) how much each example counts; None: each counts 1. Only weighted metrics heed them.
        """
        batch = _Batch(loss, scores, targets, weights, self._softmax_left_out, self._targets_are_columns)
        for metric in (self._loss, *self._metrics):
            metric.update(batch)

    def result(self) -> dict[str, Any]:
        """The figures since `reset`: `loss` and each metric by its name in Keras' History; floats, or arrays of a metric
        that has many."""
        figures: dict[str, Any] = {"loss": self._loss.result()}
        if self._metrics:
            for name, metric in zip(self._names, self._metrics, strict=True):
                figures |= _plain(name, metric.result())
        return figures

    @cached_property
    def _names(self) -> tuple[str, ...]:
        names = tuple(self._compile_metrics.result())
        if len(names) != len(self._metrics):
            raise UnsupportedError(f"two metrics share a name: {len(self._metrics)} are called {', '.join(names)}; rename one")
        return names


def translate(compile_metrics: Any, *, classes: int, target_shape: tuple[int, ...], softmax_left_out: bool) -> Metrics:
    """The native form of what `compile` was given as `metrics` and `weighted_metrics`.

    Args:
        compile_metrics: Keras' collection of them (`Compiled.metrics`), None where there are none.
        classes: how many scores the network gives.
        target_shape: the shape of one target as `fit` was given it: () or (1,) for a class number, (classes,) otherwise; as
            in stock `fit` it decides what `accuracy` means.
        softmax_left_out: whether the Keras model ends in a softmax that the native network leaves out.

    Errors: InputError, where Keras knows no metric of a name.
    """
    metrics: list[_Metric] = []
    if compile_metrics is not None:
        _build(compile_metrics, classes, target_shape)
        is_sparse = target_shape != (classes,)
        for is_weighted, metric in _flattened(compile_metrics):
            fast = _is_plain_accuracy(metric, is_sparse)
            metrics.append(_Accuracy(is_weighted) if fast else _KerasMetric(metric, is_weighted))
    return Metrics(metrics, compile_metrics, softmax_left_out=softmax_left_out, targets_are_columns=target_shape == (1,))


def _build(compile_metrics: Any, classes: int, target_shape: tuple[int, ...]) -> None:
    if compile_metrics.built:
        return
    try:
        compile_metrics.build(np.zeros((1, *target_shape), np.float32), np.zeros((1, classes), np.float32))
    except (ValueError, TypeError) as error:
        raise InputError(f"Keras cannot make the metrics that `compile` was given: {error}") from None


def _flattened(compile_metrics: Any) -> list[tuple[bool, Any]]:
    """(whether it is weighted, metric) in the order of their names."""
    groups = ((False, compile_metrics._flat_metrics), (True, compile_metrics._flat_weighted_metrics))
    return [
        (is_weighted, metric) for is_weighted, lists in groups for several in lists if several for metric in several.metrics
    ]


def _is_plain_accuracy(metric: Any, is_sparse: bool) -> bool:
    """Whether it is the accuracy itself, no class derived from it, and for targets such as these."""
    return type(metric) is (keras.metrics.SparseCategoricalAccuracy if is_sparse else keras.metrics.CategoricalAccuracy)


def _plain(name: str, value: Any) -> Mapping[str, Any]:
    """A result as Keras puts it into the History: floats where they can be, a metric with parts as its parts."""
    if isinstance(value, dict):
        return {key: entry for part, number in value.items() for key, entry in _plain(part, number).items()}
    if isinstance(value, float):
        return {name: value}
    array = np.asarray(keras.ops.convert_to_numpy(value))
    return {name: float(array) if array.ndim == 0 else array}


def _precise(values: Tensor) -> Tensor:
    """In float64, so that long sums stay exact; Apple's GPUs have none."""
    return values if values.device.type == "mps" else values.double()
