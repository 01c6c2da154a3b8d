"""Gradients kept within bounds, as Keras' `clipnorm`, `clipvalue` and `global_clipnorm` do.

The larger or smaller of two numbers is taken in the type that Keras takes it in, to stay equal.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from eyespot.models.backend import keras


def promoted(tensor: Tensor) -> Tensor:
    """`tensor` in the type that Keras computes in where it meets a number: float32 for float64, except on TensorFlow."""
    dtype: torch.dtype = getattr(torch, keras.backend.result_type(str(tensor.dtype).removeprefix("torch."), float))
    return tensor.to(dtype)


def clip(optimizer: Any, gradients: list[Tensor]) -> None:
    """Clip `gradients` in place as the Keras `optimizer` asks, which admits one of the three ways; a limit of 0 is none."""
    if (optimizer.clipnorm or 0) > 0:
        _clip_each_norm(gradients, optimizer.clipnorm)
    elif (optimizer.global_clipnorm or 0) > 0:
        _clip_common_norm(gradients, optimizer.global_clipnorm)
    elif (optimizer.clipvalue or 0) > 0:
        torch._foreach_clamp_min_(gradients, -optimizer.clipvalue)
        torch._foreach_clamp_max_(gradients, optimizer.clipvalue)


def _clip_each_norm(gradients: list[Tensor], limit: float) -> None:
    for gradient, norm in zip(gradients, torch._foreach_norm(gradients), strict=True):
        gradient.mul_(limit / promoted(norm).clamp(min=limit).to(gradient.dtype))


def _clip_common_norm(gradients: list[Tensor], limit: float) -> None:
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    scale = limit * promoted(1 / norm).clamp(max=1 / limit)
    # The difference is zero, or NaN where the norm is not finite: then every gradient becomes NaN, as in Keras.
    torch._foreach_mul_(gradients, scale + (norm - norm))
