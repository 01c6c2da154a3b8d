"""RMSprop as Keras defines it: epsilon under the root, the learning rate inside the momentum.

torch's has epsilon outside the root and the rate outside the momentum; hence not `torch.optim`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from eyespot.training.optimizers.native import Algorithm, Rate
from eyespot.training.optimizers.parameters import Entry


def _slots(optimizer: Any) -> Mapping[str, Sequence[Any]]:
    slots = {"velocity": optimizer._velocities}
    if optimizer.momentum > 0:
        slots["momentum"] = optimizer._momentums
    if optimizer.centered:
        slots["average_gradient"] = optimizer._average_gradients
    return slots


def _update(optimizer: Any, entries: Sequence[Entry], gradients: list[Tensor], learning_rate: Rate, step: int) -> None:
    weights: list[Tensor] = [entry.tensor for entry in entries]
    velocities = [entry.state["velocity"] for entry in entries]
    torch._foreach_mul_(velocities, optimizer.rho)
    torch._foreach_addcmul_(velocities, gradients, gradients, value=1 - optimizer.rho)
    denominators = torch._foreach_add(velocities, optimizer.epsilon)
    if optimizer.centered:
        averages = [entry.state["average_gradient"] for entry in entries]
        torch._foreach_mul_(averages, optimizer.rho)
        torch._foreach_add_(averages, gradients, alpha=1 - optimizer.rho)
        torch._foreach_addcmul_(denominators, averages, averages, value=-1)
    torch._foreach_sqrt_(denominators)
    rate = float(learning_rate)
    if optimizer.momentum > 0:
        momentums = [entry.state["momentum"] for entry in entries]
        torch._foreach_mul_(momentums, optimizer.momentum)
        torch._foreach_addcdiv_(momentums, gradients, denominators, value=rate)
        torch._foreach_add_(weights, momentums, alpha=-1)
    else:
        torch._foreach_addcdiv_(weights, gradients, denominators, value=-rate)


RMSPROP = Algorithm(_slots, _update)
