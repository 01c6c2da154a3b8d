"""Augmentation: each time a picture is learned from it looks a little different, and still shows the same."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from eyespot.errors import InputError
from eyespot.training.randomness import AUGMENTATION, Randomness, tosses


@dataclass(frozen=True)
class Augmentation:
    """How pictures are varied while they are trained on.

    Attributes:
        flip: every picture is mirrored left to right in every other epoch, so that two epochs show it both ways; about half of
            them are mirrored in the first (the alternating flip of K. Jordan, arXiv:2404.00498).
        shift: every picture is moved, down or up and right or left, by a random whole number of at most so many pixels, anew at
            each step; what is left empty mirrors the picture beyond the pixels at its edge, which are not repeated.
    """

    flip: bool = False
    shift: int = 0

    @property
    def changes_pictures(self) -> bool:
        """Whether there is any."""
        return self.flip or self.shift > 0

    def check(self, height: int, width: int) -> None:
        """Errors: InputError, where it cannot be done to pictures of `height` x `width` pixels."""
        most = min(height, width) - 1
        if isinstance(self.shift, bool) or not isinstance(self.shift, int) or not 0 <= self.shift <= most:
            raise InputError(
                f"the shift must be a whole number of pixels, from 0 to {most} for pictures of {height} x {width},"
                f" which have no more to mirror at the edge; got {self.shift!r}"
            )


@dataclass(frozen=True)
class AugmentedPictures:
    """Pictures with their augmentation, taken batch by batch.

    Attributes:
        pixels: (n, height, width, channels), contiguous, of any type.
        augmentation: what is done to them.
        seed: what all that is random follows from.
    """

    pixels: Tensor
    augmentation: Augmentation
    seed: int

    def batch(self, positions: Tensor, *, epoch: int, randomness: Randomness) -> Tensor:
        """The pictures at `positions` as this step sees them: (m, height, width, channels).

        Args:
            positions: (m,) int64, on the device of the pixels.
            epoch: the number of the epoch, counted from 0.
            randomness: of the step.
        """
        (_, height, width, channels), device = self.pixels.shape, self.pixels.device
        rows = torch.arange(height, device=device)[None]
        columns = torch.arange(width, device=device)[None]
        if self.augmentation.flip:
            is_mirrored = self._mirrored_at_first[positions] ^ bool(epoch % 2)
            columns = torch.where(is_mirrored[:, None], width - 1 - columns, columns)
        if self.augmentation.shift:
            shift = self.augmentation.shift
            by = randomness.integers(AUGMENTATION, (len(positions), 2), -shift, shift, device)
            rows = _reflected(rows + by[:, :1], height)
            columns = _reflected(columns + by[:, 1:], width)
        # One pass: each pixel of the batch comes straight from where it lies among all pictures.
        sources = (positions[:, None, None] * height + rows[:, :, None]) * width + columns[:, None, :]
        taken = self.pixels.view(-1, channels).index_select(0, sources.view(-1))
        return taken.view(len(positions), height, width, channels)

    @cached_property
    def _mirrored_at_first(self) -> Tensor:
        """(n,) which pictures are mirrored in the first epoch, and so in every other."""
        return torch.from_numpy(tosses(self.seed, len(self.pixels))).to(self.pixels.device)


def _reflected(places: Tensor, size: int) -> Tensor:
    """Places beyond 0 to `size` - 1, by less than that, mirrored back across the first or the last."""
    return (size - 1) - ((size - 1) - places.abs()).abs()
