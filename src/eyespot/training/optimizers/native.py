"""An optimizer at work: what every algorithm shares, around the one step in which they differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from eyespot.errors import InputError
from eyespot.models.backend import keras
from eyespot.training.optimizers.clipping import clip
from eyespot.training.optimizers.parameters import Entry

Rate = np.floating[Any]


def as_numpy(value: Any) -> Any:
    """A Keras variable, a backend's tensor or a number as an array on the processor."""
    return np.asarray(keras.ops.convert_to_numpy(value))


def shrink(optimizer: Any, entries: Sequence[Entry], learning_rate: Rate) -> None:
    """Decoupled weight decay, as Keras on torch computes it: one factor, in the type of the learning rate."""
    if optimizer.weight_decay:
        decayed: list[Tensor] = [entry.tensor for entry in entries if optimizer._use_weight_decay(entry.parameter.variable)]
        if decayed:
            torch._foreach_mul_(decayed, float(1 - optimizer.weight_decay * learning_rate))


@dataclass(frozen=True)
class Algorithm:
    """What makes one kind of optimizer differ from another.

    Every function reads its settings off the Keras optimizer at each step, as Keras does, so that a callback may change them.

    Attributes:
        slots: (Keras optimizer) -> {name of a piece of state: Keras' variables for it, one for each weight, None where it
            has none}.
        update: (Keras optimizer, weights, their gradients, learning rate, number of this step counted from 1) changes
            weights and state in place.
        decay: (Keras optimizer, weights, learning rate) shrinks the weights before the update.
    """

    slots: Callable[[Any], Mapping[str, Sequence[Any]]]
    update: Callable[[Any, Sequence[Entry], list[Tensor], Rate, int], None]
    decay: Callable[[Any, Sequence[Entry], Rate], None] = shrink


class NativeOptimizer:
    """Trains native parameters as a Keras optimizer would; made by `translate`.

    The number of steps done and a learning rate without schedule live in the Keras optimizer at every moment, so a callback
    that reads or assigns `optimizer.learning_rate` is honoured; moments and velocities return there on `write_back`.

    Attributes:
        iterations: steps done, those of earlier trainings included.
    """

    def __init__(self, optimizer: Any, algorithm: Algorithm, entries: Sequence[Entry]) -> None:
        self._optimizer = optimizer
        self._algorithm = algorithm
        self._entries = tuple(entries)
        self.iterations = int(as_numpy(optimizer.iterations))

    @property
    def learning_rate(self) -> Rate:
        """The rate of the next step, in the type that Keras computes it in: schedules, too, are Keras' own (about 50 us)."""
        rate: Rate = as_numpy(self._optimizer.learning_rate)[()]
        return rate

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for entry in self._entries:
            entry.tensor.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change the parameters by their gradients, which are clipped in place; those without a gradient stay."""
        pairs = [
            (entry, _laid_out_like(entry.tensor, gradient))
            for entry in self._entries
            if (gradient := entry.tensor.grad) is not None
        ]
        entries = [entry for entry, _ in pairs]
        gradients = [gradient for _, gradient in pairs]
        learning_rate = self.learning_rate
        clip(self._optimizer, gradients)
        self._algorithm.decay(self._optimizer, entries, learning_rate)
        self._algorithm.update(self._optimizer, entries, gradients, learning_rate, self.iterations + 1)
        self.iterations += 1
        self._optimizer.iterations.assign(self.iterations)

    def write_back(self) -> None:
        """Put the state into the Keras optimizer, so that the next training, stock or native, goes on from here."""
        for entry in self._entries:
            for name, tensor in entry.state.items():
                entry.keras_state[name].assign(entry.parameter.to_keras(tensor).cpu().numpy())

    def state(self) -> dict[str, Tensor]:
        """A copy of all that the next step depends on besides the weights, in Keras' layout, on the processor.

        The keys: `iterations`; `learning_rate`, where it follows no schedule; and `<number of the weight>/<name of its
        Keras variable>/<name of the piece of state>`: not its path, which holds the model's name, another in each process.
        """
        state = {key: entry.parameter.to_keras(entry.state[name]).cpu().clone() for key, entry, name in self._pieces()}
        state["iterations"] = torch.tensor(self.iterations)
        if self._rate_is_settable():
            state["learning_rate"] = torch.tensor(float(self.learning_rate), dtype=torch.float64)
        return state

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state` returned.

        Errors: InputError, where it is the state of another optimizer or of other weights.
        """
        expected = {key: tensor.shape for key, tensor in self.state().items()}
        if {key: tensor.shape for key, tensor in state.items()} != expected:
            raise InputError(
                f"this is the state of another optimizer or network: it holds {_listing(state)}; expected {_listing(expected)}"
            )
        for key, entry, name in self._pieces():
            entry.state[name].copy_(entry.parameter.from_keras(state[key]))
        self.iterations = int(state["iterations"])
        self._optimizer.iterations.assign(self.iterations)
        if self._rate_is_settable():
            self._optimizer.learning_rate = float(state["learning_rate"])

    def _pieces(self) -> list[tuple[str, Entry, str]]:
        return [
            (f"{number}/{entry.parameter.variable.name}/{name}", entry, name)
            for number, entry in enumerate(self._entries)
            for name in entry.state
        ]

    def _rate_is_settable(self) -> bool:
        # Keras holds a plain rate in a variable; a schedule and a function are callable.
        return not callable(self._optimizer._learning_rate)


def _laid_out_like(parameter: Tensor, gradient: Tensor) -> Tensor:
    """The gradient with its parameter's strides, because the fused kernels walk both by address."""
    return gradient if gradient.stride() == parameter.stride() else torch.empty_like(parameter).copy_(gradient)


def _listing(keys: Mapping[str, object]) -> str:
    return ", ".join(sorted(keys)) or "nothing"
