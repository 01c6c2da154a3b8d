"""MuonSGD natively: see `eyespot.recipes.muon_sgd`, which is the reference in every number.

Only the orthogonalization may compute in a shorter type than the weights', as Jordan et al. do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.optim.sgd import sgd

from eyespot.recipes.muon_sgd import EPSILON, NEWTON_SCHULZ, group_of
from eyespot.training.optimizers.muon import newton_schulz
from eyespot.training.optimizers.native import Algorithm, Rate
from eyespot.training.optimizers.parameters import Entry

Pairs = list[tuple[Entry, Tensor]]


def muon_sgd(products: torch.dtype | None) -> Algorithm:
    """The algorithm, with the matrix products of the orthogonalization in the type `products`; None: in the weights' own."""
    return Algorithm(_slots, partial(_update, products=products))


def _slots(optimizer: Any) -> Mapping[str, Sequence[Any]]:
    return {"momentum": optimizer.momentums}


def _update(
    optimizer: Any,
    entries: Sequence[Entry],
    gradients: list[Tensor],
    learning_rate: Rate,
    step: int,
    *,
    products: torch.dtype | None,
) -> None:
    rate = float(learning_rate)
    kernels: Pairs = []
    others: defaultdict[tuple[float, float], Pairs] = defaultdict(list)
    for entry, gradient in zip(entries, gradients, strict=True):
        variable = entry.parameter.variable
        group = group_of(variable)
        pairs = kernels if group == "kernel" else others[optimizer.ratio_and_decay(variable, group)]
        pairs.append((entry, gradient))
    if kernels:
        _step_kernels(optimizer, kernels, rate, products)
    for (ratio, decay), pairs in others.items():
        _step_others(pairs, rate * ratio, decay, optimizer.sgd_momentum)


def _step_others(pairs: Pairs, rate: float, decay: float, momentum: float) -> None:
    sgd(
        params=[entry.tensor for entry, _ in pairs],
        d_p_list=[gradient for _, gradient in pairs],
        momentum_buffer_list=[entry.state["momentum"] for entry, _ in pairs],
        fused=True,
        weight_decay=decay,
        momentum=momentum,
        lr=rate,
        dampening=0.0,
        nesterov=True,
        maximize=False,
    )


def _step_kernels(optimizer: Any, pairs: Pairs, rate: float, products: torch.dtype | None) -> None:
    kernels = [entry.tensor for entry, _ in pairs]
    gradients = [gradient for _, gradient in pairs]
    momentums = [entry.state["momentum"] for entry, _ in pairs]
    torch._foreach_mul_(momentums, optimizer.momentum)
    torch._foreach_add_(momentums, gradients)
    directions = torch._foreach_add(gradients, momentums, alpha=optimizer.momentum)
    scales = torch._foreach_reciprocal(torch._foreach_add(torch._foreach_norm(directions), EPSILON))
    for kernel, direction, scale in zip(kernels, directions, scales, strict=True):
        update = _orthogonalized(direction.mul_(scale), optimizer.ns_steps, products)
        if optimizer.normalize:
            kernel.mul_(len(kernel) ** 0.5 / (torch.linalg.vector_norm(kernel) + EPSILON))
        kernel.sub_(update, alpha=rate)


def _orthogonalized(kernel: Tensor, steps: int, products: torch.dtype | None) -> Tensor:
    """A kernel of norm 1, (channels out, channels in, height, width), orthogonalized as a matrix of a row each channel out.

    The order of the matrix's columns changes nothing, so they are taken as they lie in memory: channels last.
    """
    rows = kernel.permute(0, 2, 3, 1)
    matrix = rows.reshape(len(rows), -1).to(products or kernel.dtype)
    return newton_schulz(matrix, steps, NEWTON_SCHULZ).reshape(rows.shape).permute(0, 3, 1, 2)
