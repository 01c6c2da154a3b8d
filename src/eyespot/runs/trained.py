"""Networks that are trained in steps: what one comes to, what it says of pictures, and how it is told of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eyespot.bundle.runtime import Runtime
from eyespot.data.dataset import Dataset
from eyespot.network import Network
from eyespot.progress import Progress, Task
from eyespot.recipes import Recipe
from eyespot.recipes.order import Order
from eyespot.run_folder import RunFolder
from eyespot.runs.candidate import Learned, Tried, Unseen
from eyespot.runs.pictures import Round

if TYPE_CHECKING:
    from eyespot.training import Interruption, Plan, Trained

_TOLERATED = 0.1
"""The share of a budget by which a run may be late before that is worth a line."""


@dataclass(frozen=True)
class Trainer:
    """Trains the networks of a run.

    Attributes:
        order: settled: its recipe says all about the training.
        plan: of all trainings; None: there is no budget.
        folder: of the run.
        progress: is told how far it has come.
        interruption: notes the signals that end a training.
    """

    order: Order
    plan: Plan | None
    folder: RunFolder
    progress: Progress = field(repr=False)
    interruption: Interruption = field(repr=False)

    def train(self, recipe: Recipe, dataset: Dataset, name: str = "", *, has_history: bool = True) -> Trained:
        """Train one network.

        Args:
            recipe: the order's, as it suits these pictures.
            dataset: with the parts that are learned from and watched.
            name: which one of several trainings it is; empty: the only one, whose epochs are told and which may be late.
            has_history: whether history.csv grows with it.

        Errors: as `eyespot.training.learn`.
        """
        from eyespot.training import learn

        order = self.order
        return learn(
            recipe,
            dataset,
            self.folder if has_history else None,
            seed=order.seed,
            device=order.device,
            threads=order.threads,
            progress=_OneOfSeveral(self.progress, name) if name else self.progress,
            interruption=self.interruption,
            **({} if name else self._lateness()),
        )

    def _lateness(self) -> dict[str, float]:
        """How long the only training is planned to take, and how much later is no matter: arguments of `learn`."""
        if self.plan is None or self.order.budget is None:
            return {}
        return {"planned_seconds": self.plan.predicted["training"], "tolerated_seconds": _TOLERATED * self.order.budget}


def planned(
    order: Order, dataset: Dataset, *, began: float, trainings: Sequence[float] = (1.0,), also_asked: int = 0
) -> tuple[Order, Plan | None]:
    """The default recipe's order with network, epochs and threads chosen; and the plan, where there is a budget.

    The arguments, and errors, are those of `eyespot.training.plan`.
    """
    from eyespot import training

    if order.budget is None:
        return replace(order, recipe=training.without_budget(order.recipe, order.given, dataset)), None
    plan = training.plan(
        order.recipe,
        order.given,
        dataset,
        seconds=order.budget,
        began=began,
        device=order.device,
        threads=order.threads,
        trainings=trainings,
        also_asked=also_asked,
    )
    return replace(order, recipe=plan.recipe, threads=plan.threads), plan


def as_learned(trained: Trained, recipe: Mapping[str, Any], fingerprint: str, sample: NDArray[np.uint8]) -> Learned:
    """What a training came to; the other arguments are those of `Learned`."""
    return Learned(
        network=trained.network,
        recipe=recipe,
        fingerprint=fingerprint,
        sample=sample,
        logits=None,
        pictures=trained.pictures,
        seconds=trained.seconds,
        history=trained.history,
        steps=trained.steps,
        stopped_early=trained.stopped_early,
        interrupted=trained.interrupted,
    )


def lateness_of_several(order: Order, plan: Plan | None, seconds: float) -> str | None:
    """What the user is told where one of several trainings shows that all of them will be late; None where they will not.

    Args:
        order: with the budget.
        plan: of all trainings; None: there is none.
        seconds: that the one took.
    """
    if plan is None or order.budget is None:
        return None
    from eyespot.training import late_line

    late = plan.trainings * seconds - plan.predicted["training"]
    if late <= _TOLERATED * order.budget:
        return None
    return late_line(late)


def asked(classifier: Learned, each: Round, images: NDArray[np.uint8], threads: int | None) -> Tried:
    """What a network that learned from the training pictures of a round says of the others.

    Args:
        classifier: the network.
        each: the round.
        images: (n, height, width, 3) uint8, all pictures at its size.
        threads: of the processor; None: one a core.
    """
    asked = np.concatenate([each.validation, each.held_out])
    answers = says(classifier.network, images[asked], threads)
    validation = Unseen(each.validation, answers[: len(each.validation)])
    return Tried(validation, Unseen(each.held_out, answers[len(each.validation) :]), validation, classifier)


def says(network: Network, images: NDArray[np.uint8], threads: int | None) -> NDArray[np.float64]:
    """What a network says of pictures: (n, classes), 0-1.

    Args:
        network: pixels in, probabilities out.
        images: (n, height, width, 3) uint8 at its size.
        threads: of the processor; None: one a core.
    """
    from eyespot.bundle.graph import to_onnx  # imports onnx

    batches = list(Runtime(to_onnx(network).SerializeToString(), threads).batches(images))
    return np.concatenate(batches).astype(np.float64)


class _OneOfSeveral:
    """A `Progress` for one of several trainings: its tasks say which one it is, and its epochs get no lines."""

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress, self._name = progress, name

    def task(self, description: str, total: int | None, unit: str = "pictures") -> AbstractContextManager[Task]:
        """Begin a piece of work, as `Progress` has it."""
        return self._progress.task(f"{description}, {self._name}", total, unit)

    def note(self, line: str) -> None:
        """Leave out a line."""

    def at_once(self, line: str) -> None:
        """Say a line, as `Progress` has it."""
        self._progress.at_once(line)
