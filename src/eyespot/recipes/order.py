"""What was asked for: which data, by which recipe, in how much time. Once the time is planned with, args.yaml holds it all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eyespot import durations, recipes
from eyespot.errors import InputError, UsageError
from eyespot.recipes.recipe import Recipe

if TYPE_CHECKING:
    from eyespot.data.reading import Size

MAX_SEED = 2**32 - 1
MAX_THREADS = 1024

DEFAULT_BUDGET = 60.0
"""Seconds that a training takes where neither another recipe nor a budget nor epochs are named."""


@dataclass(frozen=True)
class Order:
    """A training to be done, every default filled in.

    Attributes:
        data: what `eyespot.data.load` takes.
        recipe_name: the recipe's name or file.
        recipe: with the changes that were asked for.
        given: the fields of it that were set by hand, as `eyespot.recipes.set_by_hand` names them.
        budget: seconds for all of it; None: the recipe says how long the training is.
        seed: from which all randomness follows.
        device: `auto`, `cpu`, `cuda` or `mps`.
        threads: processor threads to compute with; None: as many as are usual.
    """

    data: str
    recipe_name: str
    recipe: Recipe
    given: frozenset[str]
    budget: float | None
    seed: int
    device: str
    threads: int | None

    @property
    def fits_the_data(self) -> bool:
        """Whether the fields that are not set by hand follow from the pictures."""
        return self.recipe_name == recipes.DEFAULT

    @property
    def size(self) -> Size:
        """The size that pictures are read at, (height, width), or what chooses it."""
        if not self.fits_the_data or "size" in self.given:
            return (self.recipe.size, self.recipe.size)
        from eyespot.recipes.budget import size_for

        return lambda native, pictures: (size_for(native, pictures),) * 2

    def arguments(self) -> dict[str, Any]:
        """What args.yaml holds."""
        return {
            "data": self.data,
            "recipe": self.recipe_name,
            "seed": self.seed,
            "device": self.device,
            "threads": self.threads,
            "set": recipes.settings(self.recipe),
        }


def ordered(
    data: str,
    recipe: str | Path | None,
    *,
    budget: float | str | None,
    settings: Mapping[str, Any],
    seed: int,
    device: str,
    threads: int | None,
) -> Order:
    """The order, checked; the arguments are those of `eyespot.train`.

    Errors: UsageError for an unknown recipe or setting, and for a budget where the training is settled otherwise; InputError
    for a seed or a number of threads that cannot be.
    """
    _check_count("the seed", seed, 0, MAX_SEED)
    if threads is not None:
        _check_count("threads", threads, 1, MAX_THREADS)
    name = str(recipe or recipes.DEFAULT)
    seconds = _budget(name, budget, settings)
    changed = recipes.with_settings(recipes.load(name), settings)
    if seconds is not None and changed.data_pruning:
        raise UsageError(
            "a budget, a minute where none is given, is planned for epochs of all pictures; leave out data_pruning, or say how "
            "many epochs there are to be (--epochs N)"
        )
    return Order(data, name, changed, recipes.set_by_hand(settings), seconds, seed, device, threads)


def _budget(recipe: str, budget: float | str | None, settings: Mapping[str, Any]) -> float | None:
    """The seconds that all may take, or None, where the recipe or the epochs say how long the training is."""
    if budget is None:
        return DEFAULT_BUDGET if recipe == recipes.DEFAULT and "epochs" not in settings else None
    if recipe != recipes.DEFAULT:
        raise UsageError(f"a budget chooses network and epochs, and the recipe {recipe} has its own; leave out one of them")
    if "epochs" in settings:
        raise UsageError("a budget and epochs both say how long to train; leave out one of them")
    return durations.seconds(budget)


def _check_count(name: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InputError(f"{name} must be a whole number from {least} to {most}; got {value!r}")
