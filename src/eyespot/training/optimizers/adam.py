"""Adam and AdamW as Keras defines them (Kingma and Ba, 2015, the form before section 2.1; AMSGrad: Reddi et al., 2018).

With a = rate sqrt(1 - beta_2^t) / (1 - beta_1^t), the step is w -= a m / (sqrt(v) + epsilon): epsilon joins the uncorrected
v. torch's step is rate / (1 - beta_1^t) m / (sqrt(v) / sqrt(1 - beta_2^t) + epsilon), the same with epsilon divided by
sqrt(1 - beta_2^t); so torch's fused kernel does the work in one pass over the memory.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam

from eyespot.training.optimizers.native import Algorithm, Rate
from eyespot.training.optimizers.parameters import Entry


def adam_step(
    entries: Sequence[Entry],
    gradients: list[Tensor],
    *,
    rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    step: int,
    amsgrad: bool = False,
) -> None:
    """One step, in place, of the weights whose state holds `momentum` and `velocity` (and `velocity_hat` with `amsgrad`)."""
    adam(
        params=[entry.tensor for entry in entries],
        grads=gradients,
        exp_avgs=[entry.state["momentum"] for entry in entries],
        exp_avg_sqs=[entry.state["velocity"] for entry in entries],
        max_exp_avg_sqs=[entry.state["velocity_hat"] for entry in entries] if amsgrad else [],
        # torch counts the step itself, in a tensor for each weight.
        state_steps=[torch.full((), step - 1.0, device=gradient.device) for gradient in gradients],
        fused=True,
        amsgrad=amsgrad,
        beta1=beta_1,
        beta2=beta_2,
        lr=rate,
        weight_decay=0.0,
        eps=epsilon / math.sqrt(1 - beta_2**step),
        maximize=False,
    )


def _slots(optimizer: Any) -> Mapping[str, Sequence[Any]]:
    slots = {"momentum": optimizer._momentums, "velocity": optimizer._velocities}
    return slots | {"velocity_hat": optimizer._velocity_hats} if optimizer.amsgrad else slots


def _update(optimizer: Any, entries: Sequence[Entry], gradients: list[Tensor], learning_rate: Rate, step: int) -> None:
    adam_step(
        entries,
        gradients,
        rate=float(learning_rate),
        beta_1=optimizer.beta_1,
        beta_2=optimizer.beta_2,
        epsilon=optimizer.epsilon,
        step=step,
        amsgrad=optimizer.amsgrad,
    )


ADAM = Algorithm(_slots, _update)
