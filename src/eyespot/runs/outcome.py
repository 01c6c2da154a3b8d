"""What a run comes to, before it is written, judged and told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eyespot.data.dataset import Dataset, Part
from eyespot.evaluation.appraisal import Appraisal
from eyespot.evaluation.calibration import Calibration
from eyespot.recipes.order import Order
from eyespot.runs.candidate import Learned

if TYPE_CHECKING:
    from eyespot.training import Plan


@dataclass(frozen=True)
class Outcome:
    """A run whose classifier is there.

    Attributes:
        order: with everything settled.
        dataset: the pictures, in the parts that they were used in.
        tested: the part that the figures are of.
        watched: the part that was watched while training; None where none was.
        learned: the classifier, and how it was learned.
        model: the same as a Keras model, at its temperature.
        interrupted: the number of the signal that ended a training, this one or another; None where none did.
        planned: when everything was settled, on the clock of `time.monotonic`.
        finished: when the classifier was there.
        plan: the training, as it was planned with a budget; None where none was.
        waited: the seconds for which the user thought about a question, which no budget is spent in.
        probabilities: (n, classes), what is known of the pictures of `tested`; None: the classifier is asked.
        appraisal: how the figures of few pictures came about; None where there are many.
        calibrated: temperature and threshold of a network trained on many pictures; of few the appraisal knows them.
        groups: (n,), what each of the pictures of `tested` belongs to; None: each stands alone, or the appraisal knows.
    """

    order: Order
    dataset: Dataset = field(repr=False)
    tested: str
    watched: str | None
    learned: Learned
    model: Any
    interrupted: int | None
    planned: float
    finished: float
    plan: Plan | None = None
    waited: float = 0.0
    probabilities: NDArray[np.floating[Any]] | None = field(default=None, repr=False)
    appraisal: Appraisal | None = None
    calibrated: Calibration | None = None
    groups: NDArray[np.int64] | None = field(default=None, repr=False)

    @property
    def calibration(self) -> Calibration | None:
        """The classifier's temperature and threshold, and how they were set."""
        return self.calibrated if self.appraisal is None else self.appraisal.calibration

    @property
    def part(self) -> Part:
        """The pictures that the figures are of."""
        return self.dataset.parts[self.tested]
