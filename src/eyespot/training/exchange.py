"""Weights and events between the engine and the Keras model that it trains."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from eyespot.models.backend import keras
from eyespot.models.keras_network import variables
from eyespot.network import Weights, to_keras, to_native
from eyespot.training.loop import Figures, FiguresNow
from eyespot.training.lowering import NativeNetwork
from eyespot.training.optimizers import NamedParameter, on_tensors

_STEP_BEGIN_HOOKS = ("on_train_batch_begin", "on_batch_begin")
_STEP_END_HOOKS = ("on_train_batch_end", "on_batch_end")
_TEST_STEP_BEGIN_HOOKS = ("on_test_batch_begin",)
_TEST_STEP_END_HOOKS = ("on_test_batch_end",)


def named_parameters(model: Any, network: NativeNetwork) -> list[NamedParameter]:
    """The native parameters beside the model's variables, in the order of `model.trainable_variables`."""
    by_variable = {}
    of_model = variables(model)
    for layer in network.native_layers:
        for name, _ in layer.named_parameters():
            variable = of_model[layer.layer.name][name]
            by_variable[id(variable)] = _named_parameter(getattr(layer, name), variable, layer.layer.kind, name)
    return [by_variable[id(variable)] for variable in model.trainable_variables]


def _named_parameter(tensor: torch.nn.Parameter, variable: Any, kind: str, name: str) -> NamedParameter:
    shape = tuple(variable.shape)
    return NamedParameter(
        tensor,
        variable,
        to_keras=on_tensors(lambda array: to_keras(kind, name, array, shape)),
        from_keras=on_tensors(lambda array: to_native(kind, name, array)),
    )


class WeightExchange:
    """Keeps the weights of a Keras model and of its native network the same at the moments that somebody looks."""

    def __init__(self, model: Any, network: NativeNetwork) -> None:
        self._network = network
        self._variables = variables(model)
        self._seen: dict[str, Weights] = self._of_keras()

    def put(self) -> None:
        """Give the Keras model the weights as they are now."""
        self._seen = self._network.read_weights()
        for layer, weights in self._seen.items():
            for name, value in weights.items():
                self._variables[layer][name].assign(value)
        self._seen = self._of_keras()  # as Keras rounds them to its own type

    def take_changes(self) -> None:
        """Take over what somebody else has written into the Keras model since `put`."""
        now = self._of_keras()
        changed = {layer: weights for layer, weights in now.items() if _differ(weights, self._seen[layer])}
        if changed:
            self._network.load_weights(changed)
            self._seen = now

    def _of_keras(self) -> dict[str, Weights]:
        return {
            layer: {name: np.array(keras.ops.convert_to_numpy(variable)) for name, variable in of_layer.items()}
            for layer, of_layer in self._variables.items()
        }


def _differ(weights: Weights, others: Weights) -> bool:
    return any(not np.array_equal(value, others[name], equal_nan=True) for name, value in weights.items())


class CallbackObserver:
    """Passes what happens in the loop on to Keras callbacks, which see, and may change, the weights of the Keras model.

    The model is brought up to date at the end of every epoch, and of every step where a callback asks to be told of steps;
    never for callbacks that only read figures: Keras' own that are known to, and those with `only_reads_figures = True`. A
    callback that has a method `after_step(batch, figures)` is told of every step too, and of the figures where it calls
    `figures()`: to take them at every step would keep a GPU waiting.

    Attributes:
        looks_at_weights: whether a callback may look at the weights at all.
        looks_at_steps: whether one may after every step.
    """

    def __init__(self, model: Any, callbacks: Any, exchange: WeightExchange) -> None:
        self._model = model
        self._callbacks = callbacks
        self._exchange = exchange
        told = callbacks.callbacks
        looking = [callback for callback in told if not _only_reads_figures(callback)]
        self.looks_at_weights = bool(looking)
        self.looks_at_steps = _has_any(looking, *_STEP_BEGIN_HOOKS, *_STEP_END_HOOKS)
        # Keras' list takes its time, and threads, even where no callback has anything to hear.
        self._hears_step_begin = _has_any(told, *_STEP_BEGIN_HOOKS)
        self._hears_step_end = _has_any(told, *_STEP_END_HOOKS)
        self._hears_test_step_begin = _has_any(told, *_TEST_STEP_BEGIN_HOOKS)
        self._hears_test_step_end = _has_any(told, *_TEST_STEP_END_HOOKS)
        self._after_step = [callback.after_step for callback in told if hasattr(callback, "after_step")]

    @property
    def asks_to_stop(self) -> bool:
        """Whether a callback set `model.stop_training`."""
        return bool(self._model.stop_training)

    def on_epoch_begin(self, epoch: int) -> None:
        """An epoch begins."""
        self._callbacks.on_epoch_begin(epoch)
        self._take_changes()

    def on_train_batch_begin(self, batch: int) -> None:
        """A step begins."""
        if self._hears_step_begin:
            self._callbacks.on_train_batch_begin(batch)
        if self.looks_at_steps:
            self._exchange.take_changes()

    def on_train_batch_end(self, batch: int, figures: FiguresNow) -> None:
        """A step is done."""
        if self.looks_at_steps:
            self._exchange.put()
        if self._hears_step_end:
            self._callbacks.on_train_batch_end(batch, figures())
        for after_step in self._after_step:
            after_step(batch, figures)
        if self.looks_at_steps:
            self._exchange.take_changes()

    def on_test_begin(self) -> None:
        """A validation begins."""
        self._put()
        self._callbacks.on_test_begin()

    def on_test_batch_begin(self, batch: int) -> None:
        """A step of validation begins."""
        if self._hears_test_step_begin:
            self._callbacks.on_test_batch_begin(batch)

    def on_test_batch_end(self, batch: int, figures: FiguresNow) -> None:
        """A step of validation is done."""
        if self._hears_test_step_end:
            self._callbacks.on_test_batch_end(batch, figures())

    def on_test_end(self, logs: Figures) -> None:
        """A validation is done."""
        self._callbacks.on_test_end(logs)

    def on_epoch_end(self, epoch: int, logs: Figures) -> None:
        """An epoch is done, its validation included."""
        self._put()
        self._callbacks.on_epoch_end(epoch, logs)
        self._take_changes()

    def _put(self) -> None:
        if self.looks_at_weights:
            self._exchange.put()

    def _take_changes(self) -> None:
        if self.looks_at_weights:
            self._exchange.take_changes()


def _only_reads_figures(callback: Any) -> bool:
    """Whether a callback is known to leave the weights alone, and not to look at them."""
    if type(callback) is keras.callbacks.EarlyStopping:
        return not callback.restore_best_weights
    if type(callback) in (keras.callbacks.ProgbarLogger, keras.callbacks.History):
        return True
    return bool(getattr(callback, "only_reads_figures", False))


def _has_any(callbacks: Iterable[Any], *hooks: str) -> bool:
    """Whether a callback has one of these methods of its own, by its class or, as LambdaCallback, put on the object."""
    base = keras.callbacks.Callback
    return any(
        getattr(method := getattr(callback, hook), "__func__", method) is not getattr(base, hook)
        for callback in callbacks
        for hook in hooks
    )
