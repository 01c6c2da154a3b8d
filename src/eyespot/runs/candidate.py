"""What a way to a classifier comes to: one of several candidates, tried on some pictures and asked about others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from eyespot.errors import UnsupportedError
from eyespot.evaluation.temperature import fit_temperature
from eyespot.network import Network
from eyespot.run_folder import Epoch
from eyespot.runs.pictures import Round

Positions = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Unseen:
    """What a classifier says of pictures that it has not learned from.

    Attributes:
        positions: (m,), which pictures they are; there may be none.
        probabilities: (m, classes).
    """

    positions: Positions
    probabilities: Floats

    def and_of(self, others: Unseen) -> Unseen:
        """These answers, and those about other pictures."""
        positions = np.concatenate([self.positions, others.positions])
        return Unseen(positions, np.concatenate([self.probabilities, others.probabilities]))

    def temperature(self, labels: Positions) -> float:
        """The temperature at which these probabilities are honest; 1 where there are none.

        Args:
            labels: (n,), the classes of all pictures.
        """
        return fit_temperature(self.probabilities, labels[self.positions]) if len(self.positions) else 1.0


def of_nothing(classes: int) -> Unseen:
    """What is said of no pictures."""
    return Unseen(np.empty(0, np.int64), np.empty((0, classes)))


@dataclass(frozen=True)
class Learned:
    """A classifier that was learned, and how.

    Attributes:
        network: pixels in, probabilities out, at a temperature of 1.
        recipe: what the model file says of how it was made, as JSON values.
        fingerprint: of the data set as the network sees it.
        sample: (m, height, width, 3) uint8, pictures that the written model is compared on.
        logits: (m, classes), of these; None: what Keras computes is compared.
        pictures: how many were learned from in all steps, or at once.
        seconds: that it took.
        history: the epochs; none, where it was not trained in epochs.
        steps: how many were done.
        stopped_early: whether it ended of itself before the steps that the recipe allows.
        interrupted: the number of the signal that ended it, or None.
    """

    network: Network = field(repr=False)
    recipe: Mapping[str, Any]
    fingerprint: str
    sample: NDArray[np.uint8] = field(repr=False)
    logits: Floats | None = field(repr=False)
    pictures: int
    seconds: float
    history: tuple[Epoch, ...] = ()
    steps: int = 0
    stopped_early: bool = False
    interrupted: int | None = None


@dataclass(frozen=True)
class Tried:
    """A candidate in one round; all its answers are at a temperature of 1.

    Attributes:
        validation: what it says of the round's validation pictures, having learned from `train` alone; may be of nothing.
        held_out: what it says of those held out, in the form in which it would be used.
        unseen: what the temperature of that form, and the threshold of `unsure`, follow from.
        learned: that form.
    """

    validation: Unseen
    held_out: Unseen
    unseen: Unseen
    learned: Learned


class Way(Protocol):
    """A way to a classifier."""

    @property
    def title(self) -> str:
        """What the user knows it as."""

    def origin(self, count: int) -> str:
        """Where a classifier that learned from `count` pictures came from, in words that complete "classifier: ..."."""

    def attempt(self, each: Round, name: str) -> Tried:
        """Go it in one round; `name` says which one, and is empty where there is only one."""

    def on_all(self) -> Learned:
        """Go it with all pictures."""


def with_temperature(network: Network, temperature: float) -> Network:
    """A network whose logits are divided by `temperature`, in the Rescaling before its Softmax.

    Errors: UnsupportedError for a network that does not end in these two.
    """
    last = network.by_name[network.output]
    before = [network.by_name[name] for name in last.inputs]
    if [layer.kind for layer in (*before, last)] != ["Rescaling", "Softmax"]:
        found = ", ".join(f"{layer.name} ({layer.kind})" for layer in (*before, last))
        raise UnsupportedError(
            f"a temperature takes a network that ends in a Rescaling and a Softmax; this one ends in {found}"
        )
    (scale,) = before
    layers = tuple(
        replace(layer, config={**layer.config, "scale": 1 / temperature}) if layer is scale else layer
        for layer in network.layers
    )
    return replace(network, layers=layers)


def better(answers: Mapping[str, Unseen], labels: Positions) -> str:
    """The candidate that is better by `eyespot.training.comparison`; the first, where there is nothing to tell.

    Args:
        answers: by the candidates' names.
        labels: (n,), the classes of all pictures.
    """
    from eyespot.training.comparison import goodness  # imports torch

    names = list(answers)
    if any(not len(answer.positions) for answer in answers.values()):
        return names[0]
    return max(names, key=lambda name: goodness(answers[name].probabilities, labels[answers[name].positions]))
