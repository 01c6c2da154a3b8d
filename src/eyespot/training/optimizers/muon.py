"""Muon as Keras defines it: orthogonalized momentum for matrices, AdamW for every other weight.

Jordan et al., 2024; the scale of the update: Liu et al., 2025 (arXiv:2502.16982). Keras takes only weights that are matrices in
its own layout (Dense kernels) and that neither `exclude_layers` nor `exclude_embeddings` names; convolution kernels are
AdamW's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from eyespot.training.optimizers.adam import adam_step
from eyespot.training.optimizers.clipping import promoted
from eyespot.training.optimizers.native import Algorithm, Rate
from eyespot.training.optimizers.parameters import Entry


def _slots(optimizer: Any) -> Mapping[str, Sequence[Any]]:
    return {"momentum": optimizer.momentums, "velocity": optimizer.adam_velocities}


def _is_for_adam(entry: Entry) -> bool:
    return "velocity" in entry.state  # Keras makes one exactly for the weights that are AdamW's


def _decay(optimizer: Any, entries: Sequence[Entry], learning_rate: Rate) -> None:
    for entry in entries:
        rate = optimizer.adam_weight_decay if _is_for_adam(entry) else optimizer.weight_decay
        if rate and optimizer._use_weight_decay(entry.parameter.variable):
            entry.tensor.sub_(entry.tensor, alpha=rate * float(learning_rate))


def _update(optimizer: Any, entries: Sequence[Entry], gradients: list[Tensor], learning_rate: Rate, step: int) -> None:
    pairs = list(zip(entries, gradients, strict=True))
    adam_pairs = [pair for pair in pairs if _is_for_adam(pair[0])]
    if adam_pairs:
        adam_step(
            [entry for entry, _ in adam_pairs],
            [gradient for _, gradient in adam_pairs],
            rate=float(learning_rate * optimizer.adam_lr_ratio),
            beta_1=optimizer.adam_beta_1,
            beta_2=optimizer.adam_beta_2,
            epsilon=optimizer.epsilon,
            step=step,
        )
    for entry, gradient in pairs:
        if not _is_for_adam(entry):
            _orthogonal_step(optimizer, entry, gradient, float(learning_rate))


def _orthogonal_step(optimizer: Any, entry: Entry, gradient: Tensor, rate: float) -> None:
    momentum = entry.state["momentum"]
    momentum.mul_(optimizer.momentum).add_(gradient)
    direction = gradient.add(momentum, alpha=optimizer.momentum) if optimizer.nesterov else momentum
    matrix = entry.parameter.to_keras(direction)
    update = entry.parameter.from_keras(_orthogonalized(optimizer, matrix))
    entry.tensor.sub_(update, alpha=rate * _scale(optimizer, matrix.shape))


def _scale(optimizer: Any, shape: torch.Size) -> float:
    if optimizer.rms_rate is None:
        return 1.0
    # Keras takes this root of an integer in float32, whatever the type of the weights.
    return float(np.sqrt(np.float32(max(shape)))) * float(optimizer.rms_rate)


def _orthogonalized(optimizer: Any, matrix: Tensor) -> Tensor:
    rows, columns = matrix.shape
    matrix = matrix.contiguous()
    # The norm is summed up in the type and in the order in which Keras does it, to stay equal.
    norm = torch.linalg.matrix_norm(promoted(matrix.T if rows > columns else matrix))
    coefficients = (float(optimizer.muon_a), float(optimizer.muon_b), float(optimizer.muon_c))
    return newton_schulz(matrix / (norm + 1e-7), optimizer.ns_steps, coefficients)


def newton_schulz(matrix: Tensor, steps: int, coefficients: tuple[float, float, float]) -> Tensor:
    """`matrix`, whose norm is at most 1, with its singular values driven towards 1 by `steps` quintic iterations.

    With coefficients a, b, c: x <- a x + (b x x' + c (x x')^2) x, in the type of `matrix`.
    """
    a, b, c = coefficients
    is_high = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if is_high else matrix
    for _ in range(steps):
        square = x @ x.T
        x = torch.addmm(x, torch.addmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.T if is_high else x


MUON = Algorithm(_slots, _update, _decay)
