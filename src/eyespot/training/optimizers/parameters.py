"""The weights that an optimizer trains, each beside the Keras variable that it came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def unchanged(tensor: Tensor) -> Tensor:
    """The layout map of a weight that lies natively as it does in Keras."""
    return tensor


def on_tensors(layout: Callable[[NDArray[Any]], NDArray[Any]]) -> Callable[[Tensor], Tensor]:
    """A layout map of numpy arrays as one of tensors, which keeps their type and device."""
    return lambda tensor: torch.from_numpy(np.ascontiguousarray(layout(tensor.detach().cpu().numpy()))).to(tensor.device)


@dataclass(frozen=True)
class NamedParameter:
    """One weight in training.

    Attributes:
        tensor: the native parameter.
        variable: the Keras variable that it came from.
        to_keras: puts a tensor of the native layout into Keras' layout; moves numbers, changes none.
        from_keras: the inverse.
    """

    tensor: torch.nn.Parameter
    variable: Any
    to_keras: Callable[[Tensor], Tensor] = unchanged
    from_keras: Callable[[Tensor], Tensor] = unchanged


@dataclass(frozen=True)
class Entry:
    """One weight with what the optimizer remembers about it.

    Attributes:
        parameter: the weight.
        state: the name of a piece of state (`momentum`, `velocity`) -> tensor of the native layout, type and device.
        keras_state: the same names -> the Keras optimizer's variables.
    """

    parameter: NamedParameter
    state: Mapping[str, Tensor]
    keras_state: Mapping[str, Any]

    @property
    def tensor(self) -> torch.nn.Parameter:
        """The native parameter."""
        return self.parameter.tensor
