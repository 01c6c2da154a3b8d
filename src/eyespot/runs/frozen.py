"""The way by frozen features: a head is fitted on what a backbone makes of the pictures."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eyespot.backbones import joined
from eyespot.data.digests import to_text
from eyespot.data.setting_aside import folds_to_choose_on
from eyespot.data.splits import SEED
from eyespot.evaluation.learned_from import LEARNED_FROM
from eyespot.evaluation.temperature import softmax
from eyespot.network import Network
from eyespot.progress import SILENT, Progress
from eyespot.runs.backbone import Features
from eyespot.runs.candidate import Learned, Tried, Unseen, of_nothing
from eyespot.runs.impartial import FROZEN
from eyespot.runs.pictures import FOLDS, Pictures, Round

if TYPE_CHECKING:
    from eyespot.training.head import Head

Positions = NDArray[np.int64]
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class FrozenFeatures:
    """Frozen features of few pictures.

    Attributes:
        features: of all pictures.
        pictures: all of them.
        classes: how many there are.
        recipe_name: that a model file names.
        is_compared: whether rounds ask about their validation pictures.
        progress: is told where the head was not fitted to the end.
    """

    features: Features
    pictures: Pictures = field(repr=False)
    classes: int
    recipe_name: str
    is_compared: bool = True
    progress: Progress = field(default=SILENT, repr=False, compare=False)
    _heads: dict[bytes, tuple[Head, Unseen]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def title(self) -> str:
        """What the user knows it as."""
        return f"{FROZEN} of {self.features.backbone.name}"

    def origin(self, count: int) -> str:
        """Where such a classifier came from."""
        return f"a backbone and a head: the backbone is {self.features.backbone.origin}"

    def attempt(self, each: Round, name: str = "") -> Tried:
        """In one round: the head is fitted on the training pictures; then, as strong, on the validation pictures too."""
        begin = time.perf_counter()
        if self.is_compared and len(each.validation):
            compared, unseen = self._fitted(each.train)
            validation = self._says(compared, each.validation)
            unseen = unseen.and_of(validation)
            head = self._fitted_again(compared, each.learnable)
        else:
            validation = of_nothing(self.classes)
            head, unseen = self._fitted(each.learnable)
        if not name:
            self._tell_whether_fitted(head)
        return Tried(validation, self._says(head, each.held_out), unseen, self._learned(head, each.learnable, begin))

    def on_all(self) -> Learned:
        """The head of all pictures."""
        begin = time.perf_counter()
        everything = np.arange(len(self.pictures.part))
        head, _ = self._fitted(everything)
        self._tell_whether_fitted(head)
        return self._learned(head, everything, begin)

    def network(self, positions: Positions) -> Network:
        """The backbone with the head of these pictures, which is fitted once."""
        head, _ = self._fitted(positions)
        return joined(self.features.backbone.network, head.kernel, head.bias)

    def _fitted(self, positions: Positions) -> tuple[Head, Unseen]:
        """A head, and what heads like it say out of fold of the pictures it was fitted on; its strength is chosen on these."""
        key = positions.tobytes()
        if key not in self._heads:
            self._heads[key] = self._newly_fitted(positions)
        return self._heads[key]

    def _newly_fitted(self, positions: Positions) -> tuple[Head, Unseen]:
        from eyespot.training.head import fit_head

        labels = self.pictures.part.labels[positions]
        folds = folds_to_choose_on(labels, self.pictures.groups[positions], FOLDS, SEED)
        features, mirrored = self._vectors(positions)
        head = fit_head(features, labels, self.classes, folds=folds, mirrored=mirrored)
        if not folds:
            return head, of_nothing(self.classes)
        # A class of which a fold had nothing to learn from has the probability 0 there, which says nothing about the others.
        is_known = np.zeros(len(labels), bool)
        for fold in folds:
            is_known[fold.held_out] = np.isin(labels[fold.held_out], labels[fold.train])
        return head, Unseen(positions[is_known], head.probabilities[is_known])

    def _fitted_again(self, head: Head, positions: Positions) -> Head:
        from eyespot.training.head import fit_again

        features, mirrored = self._vectors(positions)
        return fit_again(head, features, self.pictures.part.labels[positions], self.classes, mirrored=mirrored)

    def _vectors(self, positions: Positions) -> tuple[Vectors, Vectors | None]:
        """The features of some pictures and, where these keep their class, of their mirror images."""
        mirrored = self.features.mirrored
        return self.features.vectors[positions], None if mirrored is None else mirrored[positions]

    def _tell_whether_fitted(self, head: Head) -> None:
        if not head.has_converged:
            self.progress.note("the head was still changing when its fit was broken off, so that it takes no longer")

    def _says(self, head: Head, positions: Positions) -> Unseen:
        return Unseen(positions, softmax(self._logits(head, positions)))

    def _logits(self, head: Head, positions: Positions) -> NDArray[np.float64]:
        logits: NDArray[np.float64] = self.features.vectors[positions] @ head.kernel + head.bias
        return logits

    def _learned(self, head: Head, positions: Positions, begin: float) -> Learned:
        features = self.features
        return Learned(
            network=joined(features.backbone.network, head.kernel, head.bias),
            recipe=self._recipe(head, positions),
            fingerprint=features.fingerprint,
            sample=features.sample,
            logits=self._logits(head, np.arange(len(features.sample))),
            pictures=len(positions),
            seconds=features.seconds + time.perf_counter() - begin,
        )

    def _recipe(self, head: Head, positions: Positions) -> Mapping[str, Any]:
        return {
            "name": self.recipe_name,
            "candidate": FROZEN,
            "backbone": self.features.backbone_facts,
            "C": head.C,
            "class_weights": head.class_weights,
            "flip": "never" if self.features.mirrored is None else "random",
            LEARNED_FROM: to_text(self.features.digests[position] for position in positions if self.features.digests),
        }
