"""The way from scratch: the network of the default recipe, trained on the pictures alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from eyespot import recipes
from eyespot.data.dataset import Dataset
from eyespot.progress import Progress
from eyespot.recipes.order import Order
from eyespot.run_folder import RunFolder
from eyespot.runs.candidate import Learned, Tried
from eyespot.runs.pictures import Pictures, Round
from eyespot.runs.trained import OneOfSeveral, as_learned, asked, lateness

if TYPE_CHECKING:
    from eyespot.training import Interruption, Plan

SCRATCH = "from scratch"

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class FromScratch:
    """Networks from scratch for few pictures.

    Attributes:
        order: settled: its recipe says all about the training.
        dataset: as it came.
        pictures: the same in one row.
        plan: of the trainings; None: there is no budget.
        folder: of the run: history.csv grows in it while the only network, or the last one, is trained.
        progress: is told how far it has come.
        interruption: notes the signals that end a training.
    """

    order: Order
    dataset: Dataset = field(repr=False)
    pictures: Pictures = field(repr=False)
    plan: Plan | None
    folder: RunFolder
    progress: Progress
    interruption: Interruption

    def attempt(self, each: Round, name: str = "") -> Tried:
        """In one round: trained on the training pictures, while those of validation are watched."""
        classifier = self._trained(each.train, each.validation, name, None if name else self.folder)
        return asked(classifier, each, self.pictures.part.images, self.order.threads)

    def on_all(self) -> Learned:
        """The network of all pictures; none is watched."""
        everything = np.arange(len(self.pictures.part))
        return self._trained(everything, everything[:0], "all pictures", self.folder)

    def _trained(self, train: Positions, watched: Positions, name: str, folder: RunFolder | None) -> Learned:
        from eyespot.recipes.budget import for_pictures
        from eyespot.training import learn

        part, order = self.pictures.part, self.order
        recipe = for_pictures(order.recipe, order.given, len(train))
        parts = {"train": part.take(train), "validation": part.take(watched)}
        trained = learn(
            recipe,
            self.dataset.with_parts(**{each: pictures for each, pictures in parts.items() if len(pictures)}),
            folder,
            seed=order.seed,
            device=order.device,
            threads=order.threads,
            progress=OneOfSeveral(self.progress, name) if name else self.progress,
            interruption=self.interruption,
            **({} if name else lateness(order, self.plan)),
        )
        made_by = {"name": order.recipe_name, **recipes.settings(recipe)}
        return as_learned(trained, made_by, self.dataset.fingerprint(), part.images)
