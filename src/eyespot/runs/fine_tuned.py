"""The way by fine-tuning: a backbone with a head that was fitted to its features, all of it trained further."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from eyespot import recipes
from eyespot.backbones import Backbone
from eyespot.data.dataset import Dataset
from eyespot.errors import UsageError
from eyespot.progress import Progress
from eyespot.recipes.order import Order
from eyespot.run_folder import RunFolder
from eyespot.runs.backbone import how_to_add
from eyespot.runs.candidate import Learned, Tried
from eyespot.runs.frozen import FrozenFeatures
from eyespot.runs.pictures import Round
from eyespot.runs.trained import OneOfSeveral, as_learned, asked, lateness

if TYPE_CHECKING:
    from eyespot.training import Interruption, Plan

TUNED = "fine-tuned"

Positions = NDArray[np.int64]


def check_can_be_tuned(backbone: Backbone | None) -> None:
    """Refuse what cannot be trained further, before anything slow is done for it.

    Errors: UsageError, where there is no backbone; UnsupportedError names the layers that the engine does not know.
    """
    from eyespot.training import check_is_trainable

    if backbone is None:
        raise UsageError("fine-tuning needs a backbone, and there is none on this machine", how_to_add(has_one=False))
    check_is_trainable(backbone.network)


@dataclass(frozen=True)
class FineTuned:
    """A backbone that is fine-tuned to few pictures.

    Attributes:
        order: settled: its recipe says all about the training.
        dataset: as it came.
        frozen: the way by its frozen features, which this one goes on from; the pictures were kept beside them.
        plan: of the trainings; None: there is no budget.
        folder: of the run: history.csv grows in it while the only network, or the last one, is trained.
        progress: is told how far it has come.
        interruption: notes the signals that end a training.
    """

    order: Order
    dataset: Dataset = field(repr=False)
    frozen: FrozenFeatures = field(repr=False)
    plan: Plan | None
    folder: RunFolder
    progress: Progress
    interruption: Interruption

    def attempt(self, each: Round, name: str = "") -> Tried:
        """In one round: the head is fitted on the training pictures, then all is trained on the same."""
        classifier = self._trained(each.train, name, None if name else self.folder)
        return asked(classifier, each, self.frozen.features.whole.images, self.order.threads)

    def on_all(self) -> Learned:
        """The network of all pictures."""
        return self._trained(np.arange(len(self.frozen.features.whole)), "all pictures", self.folder)

    def _trained(self, positions: Positions, name: str, folder: RunFolder | None) -> Learned:
        from eyespot.training import learn

        order, features = self.order, self.frozen.features
        recipe = self._recipe(positions)
        trained = learn(
            recipe,
            self.dataset.with_parts(train=features.whole.take(positions)),
            folder,
            seed=order.seed,
            device=order.device,
            threads=order.threads,
            progress=OneOfSeveral(self.progress, f"{TUNED}, {name}") if name else self.progress,
            interruption=self.interruption,
            **({} if name else lateness(order, self.plan)),
        )
        made_by = {
            "name": order.recipe_name,
            "candidate": TUNED,
            "backbone": features.facts_tuned_on(positions),
            **recipes.settings(recipe),
        }
        return as_learned(trained, made_by, features.fingerprint, features.sample)

    def _recipe(self, positions: Positions) -> recipes.Recipe:
        """The order's recipe for a training on so many pictures, from the head that was fitted on the same."""
        from eyespot.recipes.budget import for_pictures
        from eyespot.recipes.fine_tuning import starting_from

        recipe = for_pictures(self.order.recipe, self.order.given, len(positions))
        return starting_from(self.frozen.network(positions), recipe)
