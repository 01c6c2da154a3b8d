"""Dynamic data pruning: pictures that the network knows well are learned from less often, and count more when they are.

After InfoBatch (Qin et al., "InfoBatch: Lossless training speed up by unbiased dynamic data pruning", ICLR 2024), but with a
share that is known beforehand, so that the number of steps is.
"""

from __future__ import annotations

from math import inf

import torch
from torch import Tensor

from eyespot.recipes.recipe import left_out


class DataPruning:
    """What is left out of each epoch, as the losses have it that the network had when it last saw its pictures.

    Of the easiest pictures, twice as many as are to be left out, every other one in the epoch's order is; the others count
    double. So the gradients of an epoch add up to the same on average, in fewer steps, each of which is that much larger.

    Args:
        share: of the pictures that is left out of an epoch, 0-0.5; of which epochs `left_out` says.
        examples: how many there are.
        device: where their positions are.
    """

    def __init__(self, share: float, examples: int, device: torch.device | str = "cpu") -> None:
        self._share = share
        self._losses = torch.full((examples,), inf, device=device)
        self._importance = torch.ones(examples, device=device)

    def begin_epoch(self, order: Tensor, epoch: int, epochs: int) -> Tensor:
        """Decide what is left out of an epoch, and return the positions that it learns from, in its order.

        Pictures whose loss is not known yet are not left out.

        Args:
            order: (n,) int64, all positions.
            epoch: its number, counted from 0.
            epochs: how many there are in all.
        """
        self._importance.fill_(1)
        known = int(self._losses.isfinite().sum())
        fewer = min(left_out(len(order), self._share, epoch, epochs), known // 2)
        if not fewer:
            return order
        self._importance[torch.argsort(self._losses, stable=True)[: 2 * fewer]] = 2
        is_easy = self._importance[order] == 2
        return order[~is_easy | (is_easy.cumsum(0) % 2 == 0)]

    def weights(self, positions: Tensor, weights: Tensor | None) -> Tensor:
        """How much the pictures at `positions` count in this epoch, (n,), given how much they count of themselves."""
        importance = self._importance[positions]
        return importance if weights is None else importance * weights

    def note(self, positions: Tensor, losses: Tensor) -> None:
        """Remember the losses, (n,), of the pictures at `positions`."""
        self._losses[positions] = losses.to(self._losses.dtype)
