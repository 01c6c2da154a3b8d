"""Temperature and threshold of a network trained on many pictures, from the part that it has not learned from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eyespot.data.dataset import Dataset
from eyespot.errors import UnsupportedError
from eyespot.evaluation.calibration import Calibration, calibrate, uncalibrated
from eyespot.evaluation.sampling import evenly_spread
from eyespot.network import Network
from eyespot.progress import SILENT, Progress
from eyespot.recipes import Recipe
from eyespot.runs.candidate import with_temperature
from eyespot.runs.trained import says

MOST_ASKED = 2_000
"""Of a larger validation part, so many are asked about: a budget has to last for them too, and more change little."""


def calibrated(
    network: Network,
    dataset: Dataset,
    recipe: Recipe,
    error_rate: float,
    *,
    groups: NDArray[np.int64] | None = None,
    threads: int | None = None,
    progress: Progress = SILENT,
) -> Calibration:
    """The calibration of a trained network; it is told in two lines.

    Where the recipe watches the test part, as `tutorial` does, or holds nothing out, nothing is fitted, and that is told.

    Args:
        network: as it was trained, at a temperature of 1.
        dataset: in the parts that it was used in.
        recipe: what it was trained by.
        error_rate: the share of wrong answers among those that are not called unsure that is asked for, between 0 and 1.
        groups: of each picture of the validation part, which belong together; None: each stands alone.
        threads: of the processor; None: one a core.
        progress: is told.
    """
    part = dataset.parts.get("validation")
    if recipe.watch != "validation":
        found = uncalibrated(f"the recipe watches the {recipe.watch} part, and no other pictures are held out", error_rate)
    elif part is None:
        found = uncalibrated("no validation part is held out; --set validation_fraction=0.1 holds one out", error_rate)
    else:
        taken = evenly_spread(len(part), MOST_ASKED)
        found = calibrate(
            says(network, part.images[taken], threads),
            part.labels[taken],
            error_rate,
            groups=None if groups is None else groups[taken],
            reason=_obstacle(network),
        )
    progress.note(f"temperature: {found.fitted}")
    progress.note(f"unsure: {found.unsure}")
    return found


def _obstacle(network: Network) -> str | None:
    """Why a network cannot be given a temperature; None where it can."""
    try:
        with_temperature(network, 1.0)
    except UnsupportedError as error:
        return str(error)
    return None
