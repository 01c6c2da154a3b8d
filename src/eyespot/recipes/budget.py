"""As good as the time allows, for any pictures: the default.

    eyespot train photos/ --budget 5m

A ladder of networks from cheap to dear. Which of them a run trains, and how long, is chosen by `eyespot.training.budget`, from
what a step of each costs on this machine; what is worth choosing is said here: a dearer network only once the time lets it be
trained enough. The choice is written into args.yaml, so that `--config` repeats it without measuring. Batches, shifts
and the size of pictures follow from how many pictures there are and how large they are. Where no rung's minimum fits into the
budget, the smallest network is trained for its minimum all the same, and the run says that it will take longer.

Without a budget, `eyespot train photos/ --epochs 3` trains the second network of the ladder for so many epochs, or the first,
where the pictures are few.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, log
from statistics import median
from typing import Any

from eyespot import environment
from eyespot.models.whitened import PATTERNS, stride_for, whiten, whitened
from eyespot.recipes.muon_sgd import falling_to_zero
from eyespot.recipes.recipe import Recipe

CIFAR10_PICTURES = 45_000
"""So many pictures of CIFAR-10 the figures of the ladder were learned from: its training part less a tenth held out."""


@dataclass(frozen=True)
class Rung:
    """A network of the ladder, and how much it must be trained to be worth more than the cheaper ones.

    Attributes:
        widths: the channels of its groups.
        depth: convolutions in a group.
        batch_size: about, where there are pictures enough for it.
        learns_bias: whether the bias of the whitening is learned too.
        least_epochs: passes over the pictures, of which no more than those of CIFAR-10 count: of a million, part of a pass
            teaches as much.
        least_steps: what counts where the pictures are few.
        least_pictures: with fewer than so many to learn from, it does no better than a smaller one, however long it is trained.
        reached: what it came to on CIFAR-10's held-out pictures: (epochs, accuracy 0-1) ..., the epochs rising.
    """

    widths: tuple[int, ...]
    depth: int
    batch_size: int
    learns_bias: bool
    least_epochs: float
    least_steps: int
    least_pictures: int
    reached: tuple[tuple[float, float], ...]

    def needed_steps(self, pictures: int, batch_size: int) -> int:
        """The steps that it is worth training for, at least, on so many pictures."""
        counted = min(pictures, CIFAR10_PICTURES)
        return max(self.least_steps, round(self.least_epochs * counted / batch_size))

    def expected(self, pictures_seen: int) -> float | None:
        """About what accuracy, 0-1, CIFAR-10's held-out pictures reach once it has learned from so many, repeats included.

        None, where none was measured.
        """
        if not self.reached:
            return None
        epochs = max(pictures_seen, 1) / CIFAR10_PICTURES
        if len(self.reached) == 1 or epochs >= self.reached[-1][0]:
            return self.reached[-1][1]
        above = next(i for i, (known, _) in enumerate(self.reached) if known > epochs)
        (e0, a0), (e1, a1) = self.reached[max(above, 1) - 1], self.reached[max(above, 1)]
        return max(0.1, a0 + (a1 - a0) * log(epochs / e0) / log(e1 / e0))


LADDER: tuple[Rung, ...] = (
    Rung(
        (32, 64, 128),
        depth=2,
        batch_size=256,
        learns_bias=False,
        least_epochs=0.25,
        least_steps=60,
        least_pictures=0,
        reached=((0.6, 0.777), (1, 0.819)),
    ),
    Rung(
        (64, 128, 256),
        depth=2,
        batch_size=256,
        learns_bias=True,
        least_epochs=1,
        least_steps=175,
        least_pictures=5_000,
        reached=((1, 0.851), (1.5, 0.866), (2, 0.872)),
    ),
    Rung(
        (64, 256, 256),
        depth=2,
        batch_size=256,
        learns_bias=True,
        least_epochs=2,
        least_steps=350,
        least_pictures=10_000,
        reached=((2, 0.886), (4, 0.907)),
    ),
    Rung(
        (64, 256, 256),
        depth=2,
        batch_size=1024,
        learns_bias=True,
        least_epochs=3,
        least_steps=130,
        least_pictures=20_000,
        reached=((2, 0.881), (4, 0.915), (6, 0.926)),
    ),
)
"""From cheap to dear: in multiply-adds, in seconds, or in the training that is needed before it is the better one. The first
rung's minimum is the smallest training that there is."""

WITHOUT_BUDGET = LADDER[1]
"""What is trained where the epochs are set by hand."""

MOST_EPOCHS = 400
"""Passes over the pictures beyond which more are of no use."""

MOST_STEPS_OF_FEW = 1_000
"""Pictures may be so few that more than `MOST_EPOCHS` are of use: this many steps are."""

PLENTY = 20_000
"""From so many pictures on, batches are as large as the network is best trained with."""

BATCHES = ((5_000, 128), (1_500, 64), (0, 32))
"""With fewer: from how many pictures on, about how large batches are. Few pictures need many steps."""

MICRO_BATCH = 256
"""Larger batches are computed in pieces of so many pictures, which memory is saved by."""

_RATE_OF_BATCH = 256
"""The recipe's learning rate is that of batches up to this size; it grows with the square root of larger ones."""

_SHIFTED = 16
"""Pictures are moved by up to one part in so many of their size."""

_LEAST_SIDE = 2
"""The last group's height and width, at least."""

SIZES = ((0, 32), (41, 64))
"""From how many pixels of their shorter side on pictures are read at what size."""

MOST_BYTES = 4 * 2**30
"""Where the pictures would take more memory than this, or than a quarter of what there is, they are read smaller."""


def rung_without_budget(pictures: int) -> Rung:
    """The network that is trained on so many pictures where the epochs are set by hand."""
    return WITHOUT_BUDGET if pictures >= WITHOUT_BUDGET.least_pictures else LADDER[0]


def fitted(recipe: Recipe, given: Collection[str], rung: Rung, pictures: int) -> Recipe:
    """The recipe with the fields that follow from the network, the size that pictures are read at and how many there are.

    Args:
        recipe: with the size that the pictures were read at.
        given: the fields that are set by hand: they stay; of the network, the parts named as in `network.stride`.
        rung: the network.
        pictures: of the training part.
    """
    batch_size = recipe.batch_size if "batch_size" in given else batch_size_for(pictures, rung)
    own = {name: value for name, value in recipe.network.items() if f"network.{name}" in given}
    stride = own["stride"] if isinstance(own.get("stride"), int) and own["stride"] > 0 else stride_for(recipe.size)
    follows: dict[str, Any] = {
        "network": {
            "widths": list(rung.widths[: _groups(recipe.size, stride)]),
            "depth": rung.depth,
            "learns_bias": rung.learns_bias,
            **own,
        },
        "batch_size": batch_size,
        "micro_batch": MICRO_BATCH if batch_size > 1.5 * MICRO_BATCH else None,
        "learning_rate": recipe.learning_rate * max(1, batch_size / _RATE_OF_BATCH) ** 0.5,
        "shift": max(1, recipe.size // _SHIFTED),
    }
    settled = {*given, "network"} if has_own_widths(given) else given
    return replace(recipe, **{name: value for name, value in follows.items() if name not in settled})


def has_own_widths(given: Collection[str]) -> bool:
    """Whether the network's widths are set by hand, so that there is no other network to choose."""
    return "network" in given or "network.widths" in given


def lasting(recipe: Recipe, given: Collection[str], epochs: float) -> Recipe:
    """The recipe for so many epochs, with what follows from them: pictures that are seen once need little change."""
    once = epochs <= 1 and "shift" not in given
    return replace(recipe, epochs=epochs, shift=1 if once else recipe.shift)


def batch_size_for(pictures: int, rung: Rung) -> int:
    """About as large as suits so many pictures: see `full_batches`."""
    about = rung.batch_size if pictures >= PLENTY else next(batch for least, batch in BATCHES if pictures >= least)
    return full_batches(about, pictures)


def for_pictures(recipe: Recipe, given: Collection[str], pictures: int) -> Recipe:
    """A recipe that was planned for another number of pictures, for as many passes over so many.

    Args:
        recipe: as it was planned.
        given: the fields that are set by hand: they stay.
        pictures: of the training part.
    """
    return recipe if "batch_size" in given else replace(recipe, batch_size=full_batches(recipe.batch_size, pictures))


def full_batches(about: int, pictures: int) -> int:
    """The batch size nearest to `about` with which an epoch's last batch is no less than three quarters of the others.

    From a last one of a picture or two, batch normalization would learn noise.
    """
    if pictures <= about:
        return pictures
    near = sorted(range(about // 2, 2 * about), key=lambda batch: abs(batch - about))
    return next(batch for batch in near if (pictures - 1) % batch + 1 >= 0.75 * batch)


def multiply_adds(network: Mapping[str, Any], size: int) -> int:
    """What one picture of `size` x `size` pixels costs in the `whitened` network with these arguments, less its last layer."""
    stride = int(network.get("stride") or stride_for(size))
    side, channels = _whitened_side(size, stride), 2 * PATTERNS * stride
    total: int = side**2 * channels * (2 * stride) ** 2 * 3
    for width in network["widths"]:
        total += side**2 * 9 * channels * width
        side //= 2
        total += (network["depth"] - 1) * side**2 * 9 * width * width
        channels = width
    return total


def size_for(native: Sequence[tuple[int, int]], pictures: int) -> int:
    """The size that pictures are read at: as large as is of use to the network, and fits into memory.

    Args:
        native: (height, width) of some of the pictures, as they are; none: not known.
        pictures: how many there are in all.
    """
    shorter = median(min(height, width) for height, width in native) if native else 0
    useful = [size for least, size in SIZES if least <= shorter]
    most = min(MOST_BYTES, (environment.memory() or inf) / 4)
    fitting = [size for size in useful if pictures * size * size * 3 <= most]
    return max(fitting, default=min(useful))


def _whitened_side(size: int, stride: int) -> int:
    return size // stride - 1


def _groups(size: int, stride: int) -> int:
    """How many groups, each of which halves height and width, leave the last one large enough."""
    groups, side = 0, _whitened_side(size, stride) // 2
    while side >= _LEAST_SIDE:
        groups, side = groups + 1, side // 2
    return max(groups, 1)


recipe = Recipe(
    model=whitened,
    network={"widths": list(WITHOUT_BUDGET.widths), "depth": WITHOUT_BUDGET.depth, "learns_bias": WITHOUT_BUDGET.learns_bias},
    prepare=whiten,
    optimizer=falling_to_zero,
    learning_rate=0.12,
    epochs=2,
    batch_size=_RATE_OF_BATCH,
    flip="auto",
    shift=2,
    label_smoothing=0.2,
)
