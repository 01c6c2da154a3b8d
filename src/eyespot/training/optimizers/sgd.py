"""Stochastic gradient descent, with momentum and Nesterov's momentum, as Keras defines them.

Keras' momentum holds the learning rate (m = momentum m - rate g; w += m), torch's does not, so that they part as soon as the
rate changes; hence not `torch.optim`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from eyespot.training.optimizers.native import Algorithm, Rate
from eyespot.training.optimizers.parameters import Entry


def _slots(optimizer: Any) -> Mapping[str, Sequence[Any]]:
    return {"momentum": optimizer.momentums} if optimizer.momentum else {}


def _update(optimizer: Any, entries: Sequence[Entry], gradients: list[Tensor], learning_rate: Rate, step: int) -> None:
    weights: list[Tensor] = [entry.tensor for entry in entries]
    rate = float(learning_rate)
    if not optimizer.momentum:
        torch._foreach_add_(weights, gradients, alpha=-rate)
        return
    momentums = [entry.state["momentum"] for entry in entries]
    torch._foreach_mul_(momentums, optimizer.momentum)
    torch._foreach_add_(momentums, gradients, alpha=-rate)
    if optimizer.nesterov:
        torch._foreach_add_(weights, gradients, alpha=-rate)
        torch._foreach_add_(weights, momentums, alpha=optimizer.momentum)
    else:
        torch._foreach_add_(weights, momentums)


SGD = Algorithm(_slots, _update)
