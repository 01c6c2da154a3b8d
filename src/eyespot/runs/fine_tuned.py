"""The way by fine-tuning: a backbone with a head that was fitted to its features, all of it trained further."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from eyespot import recipes
from eyespot.backbones import Backbone
from eyespot.data.dataset import Dataset
from eyespot.errors import UsageError
from eyespot.runs.backbone import how_to_add
from eyespot.runs.candidate import Learned, Tried
from eyespot.runs.frozen import FrozenFeatures
from eyespot.runs.pictures import Round
from eyespot.runs.trained import Trainer, as_learned, asked

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
        trainer: of the run.
        dataset: as it came.
        frozen: the way by its frozen features, which this one goes on from; the pictures were kept beside them.
    """

    trainer: Trainer
    dataset: Dataset = field(repr=False)
    frozen: FrozenFeatures = field(repr=False)

    @property
    def title(self) -> str:
        """What the user knows it as."""
        return f"{TUNED} {self.frozen.features.backbone.name}"

    def origin(self, count: int) -> str:
        """Where such a classifier came from."""
        return (
            f"a backbone and a head, fine-tuned on {count:,} pictures: the backbone is {self.frozen.features.backbone.origin}"
        )

    def attempt(self, each: Round, name: str = "") -> Tried:
        """In one round: the head is fitted on the training pictures, then all is trained on the same."""
        classifier = self._trained(each.train, name, has_history=not name)
        return asked(classifier, each, self.frozen.features.whole.images, self.trainer.order.threads)

    def on_all(self) -> Learned:
        """The network of all pictures."""
        return self._trained(np.arange(len(self.frozen.features.whole)), "all pictures")

    def _trained(self, positions: Positions, name: str, *, has_history: bool = True) -> Learned:
        features, recipe = self.frozen.features, self._recipe(positions)
        pictures = self.dataset.with_parts(train=features.whole.take(positions))
        trained = self.trainer.train(recipe, pictures, f"{TUNED}, {name}" if name else "", has_history=has_history)
        made_by = {
            "name": self.trainer.order.recipe_name,
            "candidate": TUNED,
            "backbone": features.facts_tuned_on(positions),
            **recipes.settings(recipe),
        }
        return as_learned(trained, made_by, features.fingerprint, features.sample)

    def _recipe(self, positions: Positions) -> recipes.Recipe:
        """The order's recipe for a training on so many pictures, from the head that was fitted on the same."""
        from eyespot.recipes.budget import for_pictures
        from eyespot.recipes.fine_tuning import starting_from

        order = self.trainer.order
        recipe = for_pictures(order.recipe, order.given, len(positions))
        return starting_from(self.frozen.network(positions), recipe)
