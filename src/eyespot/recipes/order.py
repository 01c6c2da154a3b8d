"""What was asked for: which data, by which recipe, in how much time. Once the time is planned with, args.yaml holds it all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
MAX_FOLDS = 100

DEFAULT_BUDGET = 60.0
"""Seconds that a training takes where neither another recipe nor a budget nor epochs are named."""

DEFAULT_ERROR_RATE = 0.05
"""The share of wrong answers among the sure ones that is asked for where no other is named."""


@dataclass(frozen=True)
class Few:
    """What is asked for where pictures are few.

    Attributes:
        backbone: what `eyespot.backbones.find` takes.
        folds: how many there are to cross-validate on; 1: a part is held out instead; None: as many as are usual.
        from_scratch: whether a network is trained from scratch beside the features of a backbone; None: where there is time.
        fine_tune: whether a backbone is trained further beside its features, in place of a network from scratch.
    """

    backbone: str
    folds: int | None = None
    from_scratch: bool | None = None
    fine_tune: bool = False


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
        group_by: the rule of which pictures belong together, as `eyespot.data.grouping.parse` takes it; None: there is none.
        error_rate: the share of wrong answers among the sure ones, strictly between 0 and 1.
        few: what is asked for where the pictures are few; None: they are learned from as many are.
    """

    data: str
    recipe_name: str
    recipe: Recipe
    given: frozenset[str]
    budget: float | None
    seed: int
    device: str
    threads: int | None
    group_by: str | None = None
    error_rate: float = DEFAULT_ERROR_RATE
    few: Few | None = None

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
        few = self.few
        settings = recipes.settings(self.recipe)
        if few is not None and "batch_size" not in self.given:
            # It follows from how many pictures there are in each fold; written down, it would be one that was set by hand.
            del settings["batch_size"]
        return {
            "data": self.data,
            "recipe": self.recipe_name,
            "seed": self.seed,
            "device": self.device,
            "threads": self.threads,
            "group_by": self.group_by,
            "backbone": few and few.backbone,
            "error_rate": self.error_rate,
            "folds": few and few.folds,
            "from_scratch": few and few.from_scratch,
            "fine_tune": few and few.fine_tune,
            "set": settings,
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
    backbone: str | Path | None = None,
    group_by: str | None = None,
    error_rate: float | None = None,
    folds: int | None = None,
    from_scratch: bool | None = None,
    fine_tune: bool | None = None,
) -> Order:
    """The order, checked; the arguments are those of `eyespot.train`.

    Errors: UsageError for an unknown recipe or setting, for a budget where the training is settled otherwise, for what is asked
    of few pictures beside another recipe, for fine-tuning of nothing, for no way to learn at all, and for a rule of grouping
    that is none; InputError for a seed, a number of threads or folds, or an error rate that cannot be.
    """
    _check_count("the seed", seed, 0, MAX_SEED)
    if threads is not None:
        _check_count("threads", threads, 1, MAX_THREADS)
    if folds is not None:
        _check_count("folds", folds, 1, MAX_FOLDS)
    if group_by is not None:
        from eyespot.data import grouping

        grouping.parse(group_by)
    name = str(recipe or recipes.DEFAULT)
    seconds = _budget(name, budget, settings)
    few = None
    if name == recipes.DEFAULT and (seconds is not None or backbone is not None):
        few = Few(str(backbone or "auto"), folds, from_scratch, bool(fine_tune))
        _check_is_no_contradiction(few)
    else:
        _check_backbone_is_used(name, backbone)
        asked = {
            "fine-tuning": fine_tune or None,
            "a number of folds": folds,
            "from_scratch": from_scratch,
        }
        _check_asks_for_little(name, [what for what, value in asked.items() if value is not None])
    changed = recipes.with_settings(recipes.load(name), settings)
    if seconds is not None and changed.data_pruning:
        raise UsageError(
            "a budget, a minute where none is given, is planned for epochs of all pictures; leave out data_pruning, or say how "
            "many epochs there are to be (--epochs N)"
        )
    given, rate = recipes.set_by_hand(settings), _rate(error_rate)
    return Order(data, name, changed, given, seconds, seed, device, threads, group_by, rate, few)


def _budget(recipe: str, budget: float | str | None, settings: Mapping[str, Any]) -> float | None:
    """The seconds that all may take, or None, where the recipe or the epochs say how long the training is."""
    if budget is None:
        return DEFAULT_BUDGET if recipe == recipes.DEFAULT and "epochs" not in settings else None
    if recipe != recipes.DEFAULT:
        raise UsageError(f"a budget chooses network and epochs, and the recipe {recipe} has its own; leave out one of them")
    if "epochs" in settings:
        raise UsageError("a budget and epochs both say how long to train; leave out one of them")
    return durations.seconds(budget)


def _rate(error_rate: float | None) -> float:
    if error_rate is None:
        return DEFAULT_ERROR_RATE
    if isinstance(error_rate, bool) or not isinstance(error_rate, int | float) or not 0 < error_rate < 1:
        raise InputError(f"the error rate must lie between 0 and 1, such as 0.05; got {error_rate!r}")
    return float(error_rate)


def _check_is_no_contradiction(few: Few) -> None:
    """Refuse to learn in no way at all, and fine-tuning where there is nothing to fine-tune, or its time is given away."""
    if few.fine_tune and few.backbone == "none":
        raise UsageError("fine-tuning needs a backbone, and there is to be none; leave out one of them")
    if few.fine_tune and few.from_scratch:
        raise UsageError("fine-tuning takes the time of a network from scratch; leave out one of them")
    if few.backbone == "none" and few.from_scratch is False:
        raise UsageError("without a backbone there is nothing but a network from scratch; leave out one of the two refusals")


def _check_backbone_is_used(recipe: str, backbone: str | Path | None) -> None:
    if backbone is not None and str(backbone) not in ("auto", "none"):
        raise UsageError(f"a backbone is used by the default recipe, and {recipe} is another; leave out one of them")


def _check_asks_for_little(recipe: str, asked: Sequence[str]) -> None:
    """Refuse what only the default recipe does, and only where it chooses the epochs or a backbone is named."""
    if not asked:
        return
    if recipe != recipes.DEFAULT:
        raise UsageError(f"{asked[0]} is for the default recipe alone, and {recipe} is another; leave out one of them")
    raise UsageError(f"with epochs set by hand, {asked[0]} needs a backbone to be named: auto will do")


def _check_count(name: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InputError(f"{name} must be a whole number from {least} to {most}; got {value!r}")
