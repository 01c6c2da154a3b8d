"""Weights and events between the engine and the Keras model that it trains."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from eyespot.models.backend import keras
from eyespot.models.keras_network import variables
from eyespot.network import Weights, to_keras, to_native
from eyespot.training.lowering import NativeNetwork
from eyespot.training.optimizers import NamedParameter, on_tensors

Figures = dict[str, Any]

_BATCH_HOOKS = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")


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

    The model is brought up to date at the end of every epoch, and of every step where a callback asks to be told of steps.

    Attributes:
        looks_at_steps: whether one does.
    """

    def __init__(self, model: Any, callbacks: Any, exchange: WeightExchange) -> None:
        self._model = model
        self._callbacks = callbacks
        self._exchange = exchange
        self.looks_at_steps = any(_looks_at_steps(callback) for callback in callbacks.callbacks)

    @property
    def asks_to_stop(self) -> bool:
        """Whether a callback set `model.stop_training`."""
        return bool(self._model.stop_training)

    def on_epoch_begin(self, epoch: int) -> None:
        """An epoch begins."""
        self._callbacks.on_epoch_begin(epoch)
        self._exchange.take_changes()

    def on_train_batch_begin(self, batch: int) -> None:
        """A step begins."""
        self._callbacks.on_train_batch_begin(batch)
        if self.looks_at_steps:
            self._exchange.take_changes()

    def on_train_batch_end(self, batch: int, logs: Figures) -> None:
        """A step is done."""
        if self.looks_at_steps:
            self._exchange.put()
        self._callbacks.on_train_batch_end(batch, logs)
        if self.looks_at_steps:
            self._exchange.take_changes()

    def on_test_begin(self) -> None:
        """A validation begins."""
        self._exchange.put()
        self._callbacks.on_test_begin()

    def on_test_batch_begin(self, batch: int) -> None:
        """A step of validation begins."""
        self._callbacks.on_test_batch_begin(batch)

    def on_test_batch_end(self, batch: int, logs: Figures) -> None:
        """A step of validation is done."""
        self._callbacks.on_test_batch_end(batch, logs)

    def on_test_end(self, logs: Figures) -> None:
        """A validation is done."""
        self._callbacks.on_test_end(logs)

    def on_epoch_end(self, epoch: int, logs: Figures) -> None:
        """An epoch is done, its validation included."""
        self._exchange.put()
        self._callbacks.on_epoch_end(epoch, logs)
        self._exchange.take_changes()


def _looks_at_steps(callback: Any) -> bool:
    """Whether a callback may look at the weights after a step; those that only show or keep figures do not."""
    if isinstance(callback, keras.callbacks.ProgbarLogger) or getattr(callback, "only_reads_figures", False):
        return False
    base = keras.callbacks.Callback
    return any(getattr(type(callback), hook) is not getattr(base, hook) for hook in _BATCH_HOOKS)
