"""An evaluated classifier to report on: three classes whose pictures are of one color each, with two mistakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from eyespot.data.dataset import Dataset, Part, Skipped
from eyespot.evaluation.appraisal import Appraisal, appraise, candidate
from eyespot.evaluation.facts import Facts
from eyespot.evaluation.metrics import Evaluation, evaluate
from eyespot.evaluation.threshold import Threshold
from eyespot.run_folder import Epoch

COLORS = ((250, 10, 10), (10, 250, 10), (10, 10, 250))


@dataclass(frozen=True)
class Outcome:
    """All that a report is made of."""

    facts: Facts
    data: Dataset
    part: Part
    probabilities: NDArray[np.float64]
    evaluation: Evaluation
    history: tuple[Epoch, ...]


def outcome(
    classes: tuple[str, ...] = ("rose", "leaf", "sky"),
    *,
    name: str = "colors",
    tested: str = "test",
    watched: str | None = "validation",
    command: str = "eyespot train colors --seed 7",
    file: str = "test",
    skipped: tuple[Skipped, ...] = (),
) -> Outcome:
    """Six pictures: a rose and a sky are taken for leaves, with 0.9 and 0.6."""
    labels = np.array([0, 0, 1, 1, 2, 2])
    images = np.stack([np.full((32, 32, 3), COLORS[label], np.uint8) for label in labels])
    probabilities = np.array(
        [[0.8, 0.1, 0.1], [0.04, 0.9, 0.06], [0.1, 0.7, 0.2], [0.0, 1.0, 0.0], [0.2, 0.6, 0.2], [0.25, 0.25, 0.5]]
    )
    part = Part(images, labels, tuple(f"{file}/{i}.png" for i in range(len(labels))))
    facts = Facts(
        run="colors-quick-2026-11-22-1830",
        command=command,
        fingerprint="f" * 64,
        tested=tested,
        recipe="quick",
        watched=watched,
        parameters=776394,
        epochs=2,
        train_seconds=75.4,
        seed=7,
        arguments={"batch_size": 64},
        environment={"device": "cpu"},
    )
    history = (Epoch(1, 1.5, 0.25, 1.25, 0.5, 1e-3, 3.0), Epoch(2, 0.5, 0.75, 0.625, 0.7, 1e-3, 3.0))
    data = Dataset(name, classes, {"train": part, tested: part}, skipped=skipped)
    return Outcome(facts, data, part, probabilities, evaluate(probabilities, labels, classes), history)


@pytest.fixture
def make_outcome() -> Callable[..., Outcome]:
    """Makes an outcome to report on."""
    return outcome


def appraisal(made: Outcome, **changes: Any) -> Appraisal:
    """That of an outcome, by three folds: the first two pictures belong together; the worse candidate is always wrong."""
    part = made.part
    groups = np.array([0, 0, 1, 2, 3, 4])
    arguments = {
        "method": "3-fold cross-validation",
        "candidates": (
            candidate("frozen features of cifar10", made.probabilities, part.labels, groups, is_chosen=True),
            candidate("from scratch", np.eye(3)[(part.labels + 1) % 3], part.labels, groups, is_chosen=False),
        ),
        "temperature": 1.25,
        "threshold": Threshold(threshold=0.75, coverage=0.5, bound=0.049, n=80, answered=40, wrong=1),
        "error_rate": 0.05,
        "origin": "a backbone and a head: the backbone is the network of cifar10",
    }
    return appraise(made.probabilities, part, made.data.classes, groups, **(arguments | changes))


@pytest.fixture
def make_appraisal() -> Callable[..., Appraisal]:
    """Makes the appraisal of an outcome."""
    return appraisal
