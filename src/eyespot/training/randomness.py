"""Randomness as a function of (seed, step), never a state: what is drawn does not depend on what was drawn before."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_ORDER = 0
_STEP = 1
_TOSS = 2

AUGMENTATION = 2**32 - 1
"""The stream of randomness that augmentation draws from; those from 0 on belong to the layers."""


def _entropy(*key: int) -> int:
    """64 bits that depend on every number of the key."""
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])


def permutation(seed: int, epoch: int, n: int) -> NDArray[np.int64]:
    """The order in which epoch number `epoch` goes through `n` pictures: (n,) int64.

    `seed` is at least 0, here as everywhere.
    """
    return np.random.default_rng(_entropy(_ORDER, seed, epoch)).permutation(n)


def tosses(seed: int, n: int) -> NDArray[np.bool_]:
    """One toss of a coin for each of `n` pictures, (n,): that of a picture follows from (seed, its position) alone."""
    return np.random.default_rng(_entropy(_TOSS, seed)).random(n) < 0.5


@dataclass(frozen=True)
class Randomness:
    """All that is random within one training step.

    Attributes:
        seed: the run's seed, at least 0.
        step: the step's number, counted over the whole training.
        first_row: where this process's share of the batch begins within the global batch.
        global_rows: pictures in the global batch; None where this process has all of it.
    """

    seed: int
    step: int
    first_row: int = 0
    global_rows: int | None = None

    def generator(self, stream: int, device: torch.device | str = "cpu") -> torch.Generator:
        """A fresh torch generator for the use numbered `stream`: the same one for the same (seed, step, stream)."""
        return torch.Generator(device).manual_seed(_entropy(_STEP, self.seed, self.step, stream) >> 1)

    def mask(self, stream: int, shape: tuple[int, ...], keep_probability: float, device: torch.device | str = "cpu") -> Tensor:
        """A boolean tensor of `shape` (rows first) in which each element is True with `keep_probability`, 0-1.

        It is drawn for the whole global batch, of which these are this process's rows; so the number of processes does
        not change it. The probability is met to within 2^-17.
        """
        rows = self.global_rows or shape[0]
        bits = 8 if (keep_probability * 256).is_integer() else 16
        kept_words = round(keep_probability * 2**bits)
        if kept_words == 2**bits:
            return torch.ones(shape, dtype=torch.bool, device=device)
        count = prod(shape[1:]) * rows
        # Raw random words are five times as fast as Bernoulli draws, and any group of their bits is as random.
        words = torch.empty(ceil(count * bits / 64), dtype=torch.int64, device=device)
        words.random_(-(2**63), None, generator=self.generator(stream, device))
        kept: Tensor = words.view(torch.uint8) < kept_words if bits == 8 else words.view(torch.int16) < kept_words - 2**15
        return self._share(kept[:count].view(rows, *shape[1:]), shape[0])

    def integers(
        self, stream: int, shape: tuple[int, ...], least: int, most: int, device: torch.device | str = "cpu"
    ) -> Tensor:
        """Whole numbers from `least` to `most`, each as likely: an int64 tensor of `shape` (rows first).

        As with `mask`, they are this process's rows of what is drawn for the whole global batch.
        """
        drawn = torch.randint(
            least,
            most + 1,
            (self.global_rows or shape[0], *shape[1:]),
            generator=self.generator(stream, device),
            device=device,
        )
        return self._share(drawn, shape[0])

    def _share(self, drawn: Tensor, rows: int) -> Tensor:
        """This process's rows of what was drawn for the global batch."""
        return drawn[self.first_row : self.first_row + rows]
