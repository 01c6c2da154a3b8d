"""The report: one self-contained page that shows how good a classifier is, where it errs and how it came about."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eyespot.data.dataset import Dataset, Part
from eyespot.evaluation import confusion
from eyespot.evaluation.appraisal import Appraisal, NamedSuspect
from eyespot.evaluation.calibration import Calibration
from eyespot.evaluation.charts import accuracy_chart, loss_chart, reliability_chart
from eyespot.evaluation.class_pictures import LONGEST_SIDE, class_rows
from eyespot.evaluation.facts import Facts, flatters
from eyespot.evaluation.interval_chart import interval_charts
from eyespot.evaluation.metrics import Evaluation
from eyespot.evaluation.robustness import Robustness, Row
from eyespot.evaluation.templates import environment, source
from eyespot.evaluation.thumbnails import data_uri, exact_data_uri, in_turns, within_budget
from eyespot.run_folder import Epoch, write_file

PICTURE_CHARACTERS = 5_000_000
"""How much of the page the pictures behind the confusion matrix may take."""

CLASS_PICTURE_CHARACTERS = 1_200_000
"""How much of it the typical and the doubtful pictures of the classes may take."""

MOST_PICTURES_A_CELL = 36
MOST_MISTAKES = 24
MOST_CONFUSIONS = 10
MOST_SKIPPED = 50
RIGHT, WRONG = (31, 150, 143), (222, 88, 64)
_MISTAKE_SIDE = 160
_PIXELS_SHOWN_AS_SQUARES = 64


@dataclass(frozen=True)
class Mistake:
    """A picture that was named wrongly, with how probable the two classes were held (0-1)."""

    picture: str
    name: str
    true: int
    predicted: int
    confidence: float
    truth: float


@dataclass(frozen=True)
class Suspicion:
    """A suspect with its picture, as a data URI."""

    picture: str
    suspect: NamedSuspect


def write_report(
    path: Path,
    *,
    facts: Facts,
    data: Dataset,
    part: Part,
    probabilities: NDArray[np.floating[Any]],
    evaluation: Evaluation,
    history: Sequence[Epoch] = (),
    appraisal: Appraisal | None = None,
    calibration: Calibration | None = None,
    robustness: Robustness | None = None,
) -> Path:
    """Write the report to `path`: under 10 MB, whatever the number of pictures; needs nothing outside itself.

    Args:
        facts: where the classifier comes from.
        data: the data set; its classes are the columns of `probabilities`, its parts are counted.
        part: the pictures that were evaluated, n of them.
        probabilities: (n, classes), 0-1.
        evaluation: the figures of `probabilities` on `part`.
        history: the epochs of the training; none where nothing was trained.
        appraisal: how the figures of few pictures came about.
        calibration: how the classifier's temperature and threshold were set, where that is known.
        robustness: what it loses on worse pictures, where that was measured.

    Errors: RunError, where `path` cannot be written.
    """
    given = np.asarray(probabilities, dtype=np.float64)
    write_file(path, render(facts, data, part, given, evaluation, history, appraisal, calibration, robustness))
    return path


def render(
    facts: Facts,
    data: Dataset,
    part: Part,
    probabilities: NDArray[np.float64],
    evaluation: Evaluation,
    history: Sequence[Epoch],
    appraisal: Appraisal | None = None,
    calibration: Calibration | None = None,
    robustness: Robustness | None = None,
) -> str:
    """The report's HTML."""
    matrix = np.asarray(evaluation.confusion_matrix)
    shown = confusion.shown_classes(matrix)
    common = confusion.commonest(matrix, MOST_CONFUSIONS)
    script = source("report.js")
    before = evaluation.confidence and evaluation.confidence.before
    return (
        environment()
        .get_template("report.html")
        .render(
            facts=facts,
            data=data,
            evaluation=evaluation,
            intervals=evaluation.intervals,
            appraisal=appraisal,
            calibration=calibration,
            flatters=flatters,
            interval_charts=interval_charts(appraisal) if appraisal else (),
            suspicions=_suspicions((*data.parts.values(), part), appraisal.suspects) if appraisal else (),
            absent=[name for name, figures in evaluation.per_class.items() if figures.n == 0],
            charts=(loss_chart(history, facts.watched), accuracy_chart(history, facts.watched)) if history else (),
            history=history,
            shown=shown,
            matrix=confusion.table(matrix, shown),
            confusions=common,
            heat_map=exact_data_uri(confusion.heat_map(matrix, RIGHT, WRONG)) if len(shown) < len(matrix) else None,
            upright=max(len(data.classes[position]) for position in shown) <= 3,
            mistakes=_mistakes(part, probabilities),
            class_rows=class_rows(part, probabilities, shown, CLASS_PICTURE_CHARACTERS),
            reliability=reliability_chart(evaluation.reliability),
            reliability_before=reliability_chart(before) if before else None,
            robustness=robustness,
            worse=_worse(robustness) if robustness else (),
            confidence=float(probabilities.max(axis=1).mean()),
            pictures=_pictures(part, probabilities, data.classes, shown, common),
            squares=max(part.images.shape[1:3]) <= _PIXELS_SHOWN_AS_SQUARES,
            most_skipped=MOST_SKIPPED,
            style=source("report.css"),
            script=script,
            # The page lets no other script run, whatever a class or a file may be called.
            script_checksum=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )


def _mistakes(part: Part, probabilities: NDArray[np.float64]) -> list[Mistake]:
    """The wrong answers that the classifier was surest of, the surest first."""
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != part.labels)
    surest = wrong[np.argsort(-confidence[wrong], kind="stable")][:MOST_MISTAKES]
    return [
        Mistake(
            picture=data_uri(part.images[position], _MISTAKE_SIDE),
            name=part.names[position],
            true=int(part.labels[position]),
            predicted=int(predicted[position]),
            confidence=float(confidence[position]),
            truth=float(probabilities[position, part.labels[position]]),
        )
        for position in surest
    ]


def _worse(robustness: Robustness) -> list[tuple[str, Row]]:
    """The rows of worse pictures, each with its example as a data URI."""
    return [(data_uri(row.example, LONGEST_SIDE), row) for row in robustness.rows]


def _suspicions(parts: Iterable[Part], suspects: Sequence[NamedSuspect]) -> list[Suspicion]:
    """The suspects with their pictures, which may lie in any of the parts."""
    pictures = {name: picture for part in parts for name, picture in zip(part.names, part.images, strict=True)}
    return [Suspicion(data_uri(pictures[suspect.name], _MISTAKE_SIDE), suspect) for suspect in suspects]


def _pictures(
    part: Part,
    probabilities: NDArray[np.float64],
    classes: Sequence[str],
    shown: Sequence[int],
    common: Sequence[confusion.Confusion],
) -> Mapping[str, Any]:
    """What the script shows behind the cells: pictures as [data URI, name, confidence], and which of them lie in each cell."""
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    cells = confusion.pictures_by_cell(part.labels, predicted, confidence)
    visible = set(shown)
    openable = {pair for pair in cells if visible.issuperset(pair)} | {(pair.true, pair.predicted) for pair in common}
    wrong = [cells[pair] for pair in sorted(openable) if pair[0] != pair[1]]
    right = [cells[pair] for pair in sorted(openable) if pair[0] == pair[1]]
    # Mistakes are what one looks for, so each finds room before a second of any right answer does.
    wanted = chain(in_turns([*wrong, *right], 1), in_turns(wrong, MOST_PICTURES_A_CELL), in_turns(right, MOST_PICTURES_A_CELL))
    uris = within_budget(part.images, wanted, PICTURE_CHARACTERS)
    number = {position: i for i, position in enumerate(uris)}
    return {
        "classes": list(classes),
        "pictures": [[uri, part.names[p], round(float(confidence[p]), 4)] for p, uri in uris.items()],
        "cells": {
            f"{true},{taken}": {
                "count": len(cells[true, taken]),
                "pictures": [number[p] for p in cells[true, taken][:MOST_PICTURES_A_CELL] if p in number],
            }
            for true, taken in sorted(openable)
        },
    }
