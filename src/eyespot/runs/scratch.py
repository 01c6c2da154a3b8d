"""The way from scratch: the network of the default recipe, trained on the pictures alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from eyespot import recipes
from eyespot.data.dataset import Dataset
from eyespot.runs.candidate import Learned, Tried
from eyespot.runs.pictures import Pictures, Round
from eyespot.runs.trained import Trainer, as_learned, asked

SCRATCH = "from scratch"

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class FromScratch:
    """Networks from scratch for few pictures.

    Attributes:
        trainer: of the run.
        dataset: as it came.
        pictures: the same in one row.
    """

    trainer: Trainer
    dataset: Dataset = field(repr=False)
    pictures: Pictures = field(repr=False)

    @property
    def title(self) -> str:
        """What the user knows it as."""
        return SCRATCH

    def origin(self, count: int) -> str:
        """Where such a classifier came from."""
        return f"trained from scratch on {count:,} pictures"

    def attempt(self, each: Round, name: str = "") -> Tried:
        """In one round: trained on the training pictures, while those of validation are watched."""
        classifier = self._trained(each.train, each.validation, name, has_history=not name)
        return asked(classifier, each, self.pictures.part.images, self.trainer.order.threads)

    def on_all(self) -> Learned:
        """The network of all pictures; none is watched."""
        everything = np.arange(len(self.pictures.part))
        return self._trained(everything, everything[:0], "all pictures")

    def _trained(self, train: Positions, watched: Positions, name: str, *, has_history: bool = True) -> Learned:
        from eyespot.recipes.budget import for_pictures

        order, parts = self.trainer.order, self.pictures.parts(Round(train, watched, train[:0]))
        recipe = for_pictures(order.recipe, order.given, len(train))
        trained = self.trainer.train(recipe, self.dataset.with_parts(**parts), name, has_history=has_history)
        made_by = {"name": order.recipe_name, **recipes.settings(recipe)}
        return as_learned(trained, made_by, self.dataset.fingerprint(), self.pictures.part.images)
