"""Which network to train, and how long, in a given time: arithmetic alone, without a clock.

The dearest network of the ladder that the time lets be trained enough, for as many steps as fit. So more time never means less
training, and the same costs always make the same choice.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from eyespot.recipes.budget import MOST_EPOCHS, MOST_STEPS_OF_FEW, Rung

# ---------------------------------------------------------------------------------------------------------------------------
# What is not measured in each run was measured once, on the reference machine: two cores of a Xeon with AMX, torch 2.13.
# ---------------------------------------------------------------------------------------------------------------------------

REFERENCE_BUILD_SECONDS = 0.034
"""What it takes there to build the smallest network, in Keras: Python at work, on one core. How much longer it takes here says
how much slower this machine starts, saves and draws; what is counted in seconds below is scaled by that."""

READY_SECONDS = 0.15
"""From the end of the planning to the first step, but for the weights that are computed from pictures: the network is built and
translated."""

AFTERWARDS_SECONDS = 1.3
"""From the last step to the end of the process, but for what grows with the pictures: model.keras and model.onnx written and
compared, curves, confusion matrix, report."""

JUDGED_PICTURE_SECONDS = 0.0001
"""For each picture of the test part, besides the network: figures, predictions.csv, its share of the report."""

EPOCH_SECONDS = 0.0015
"""For each epoch, besides its steps: a new order, figures, callbacks."""

FIRST_STEP = 1.5
"""The first step takes as long as so many: memory is asked for, kernels are prepared."""

VALIDATION_SHARE = 0.3
"""Of the time that learning from a picture takes, so much is needed to only look at it."""

VERIFIED_SHARE = 2.0
"""A verified picture goes through Keras and through ONNX Runtime: together, so many times what the latter takes."""

AIM = 0.98
"""The share of the budget that is planned for: late is worse than early."""


@dataclass(frozen=True)
class Cost:
    """What a network costs on this machine, in seconds.

    Attributes:
        batch_size: pictures in a step of training.
        step: one step.
        prediction: one picture through the written model, in float32.
    """

    batch_size: int
    step: float
    prediction: float


@dataclass(frozen=True)
class Work:
    """What the time depends on besides the network.

    Attributes:
        pictures: of the training part.
        watched: pictures of the part that is watched while training.
        validations: how often it is looked at, at most: at the end of an epoch.
        test: pictures of the test part.
        verified: pictures that the written model is compared on.
        slowness: how many times as long as on the reference machine everything takes that is not computing.
        trainings: how many of that length there are, such as one for each fold, before what comes out of them is judged.
    """

    pictures: int
    watched: int
    validations: int
    test: int
    verified: int
    slowness: float = 1.0
    trainings: float = 1.0

    def steps_an_epoch(self, batch_size: int) -> int:
        """The last one of an epoch may have a smaller batch."""
        return -(-self.pictures // batch_size)

    def most_steps(self, batch_size: int) -> int:
        """The steps beyond which more are of no use."""
        return max(MOST_EPOCHS * self.steps_an_epoch(batch_size), MOST_STEPS_OF_FEW)

    def training_seconds(self, steps: int, cost: Cost) -> float:
        """From the first step to the last validation."""
        epochs = ceil(steps / self.steps_an_epoch(cost.batch_size))
        looked_at = min(epochs, self.validations) * self.watched
        validating = looked_at * VALIDATION_SHARE * cost.step / cost.batch_size
        return (steps + FIRST_STEP) * cost.step + validating + epochs * EPOCH_SECONDS * self.slowness

    def judging_seconds(self, cost: Cost) -> float:
        """From the last validation to the end of the process."""
        python = AFTERWARDS_SECONDS + self.test * JUDGED_PICTURE_SECONDS
        return python * self.slowness + (self.test + VERIFIED_SHARE * self.verified) * cost.prediction

    def seconds(self, steps: int, cost: Cost) -> float:
        """From the first step to the end of the process, but for what passes before each training's first step."""
        return self.trainings * self.training_seconds(steps, cost) + self.judging_seconds(cost)

    def steps_within(self, seconds: float, cost: Cost) -> int:
        """The most steps, of those that are of any use, that end in time; 0: not even one does."""
        useful = range(self.most_steps(cost.batch_size) + 1)
        return bisect_right(useful, seconds, lo=1, key=lambda steps: self.seconds(steps, cost)) - 1


@dataclass(frozen=True)
class Choice:
    """A network of the ladder, and how long it is trained.

    Attributes:
        position: of the network in the ladder.
        steps: of its training.
        is_enough: whether they fit into the time; else they are the least that is worth doing, and take longer.
    """

    position: int
    steps: int
    is_enough: bool


def choose(ladder: Sequence[Rung], costs: Sequence[Cost], work: Work, seconds: float) -> Choice:
    """The dearest network that can be trained as much as it needs, for as many steps as fit; else the smallest one's minimum.

    Args:
        ladder: from cheap to dear.
        costs: of each.
        work: what there is to do.
        seconds: from the first step to the end of the process.
    """
    for position, (rung, cost) in reversed(list(enumerate(zip(ladder, costs, strict=True)))):
        steps = work.steps_within(seconds, cost)
        if steps >= min(rung.needed_steps(work.pictures, cost.batch_size), work.most_steps(cost.batch_size)):
            return Choice(position, steps, is_enough=True)
    return Choice(0, ladder[0].needed_steps(work.pictures, costs[0].batch_size), is_enough=False)
