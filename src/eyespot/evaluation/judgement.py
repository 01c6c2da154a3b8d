"""A trained classifier judged on pictures it has not learned from, and all that is said about it written into its run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eyespot.data.dataset import Dataset, Part
from eyespot.evaluation.appraisal import Appraisal
from eyespot.evaluation.card import write_card
from eyespot.evaluation.facts import Facts
from eyespot.evaluation.figures import write_confusion_matrix, write_curves
from eyespot.evaluation.metrics import Evaluation, evaluate
from eyespot.evaluation.report import write_report
from eyespot.prediction import Model
from eyespot.progress import SILENT, Progress
from eyespot.run_folder import Epoch, RunFolder


def judge(
    folder: RunFolder,
    model: Model,
    *,
    facts: Facts,
    data: Dataset,
    part: Part,
    history: Sequence[Epoch],
    probabilities: NDArray[np.floating[Any]] | None = None,
    appraisal: Appraisal | None = None,
    progress: Progress = SILENT,
) -> Evaluation:
    """Evaluate the classifier on `part`; write predictions.csv, curves.png, confusion_matrix.png, report.html and README.md.

    Args:
        folder: the run.
        model: the classifier.
        facts: where it comes from.
        data: the data set; its classes are the classifier's.
        part: the pictures it is judged on.
        history: the epochs of its training; where there are none, curves.png is not written.
        probabilities: (n, classes), what is known of the pictures in `part` already, such as out of fold: then the classifier
            is not asked, which may have learned from them since. None: it is asked.
        appraisal: how sure the figures are, where that is known; it is told in report and card.
        progress: is told how far the predictions have come.

    Errors: RunError, where a file cannot be written.
    """
    speed = None
    if probabilities is None:
        begin = time.perf_counter()
        probabilities = model.probabilities(part.images, progress=progress)
        speed = len(part) / (time.perf_counter() - begin)
    evaluation = evaluate(probabilities, part.labels, data.classes, images_per_second=speed)
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    folder.write_predictions(
        (name, data.classes[label], data.classes[guess], float(probability))
        for name, label, guess, probability in zip(part.names, part.labels, predicted, confidence, strict=True)
    )
    if history:
        write_curves(folder.curves, history, facts.watched)
    write_confusion_matrix(folder.confusion_matrix, evaluation.confusion_matrix, data.classes)
    write_report(
        folder.report,
        facts=facts,
        data=data,
        part=part,
        probabilities=probabilities,
        evaluation=evaluation,
        history=history,
        appraisal=appraisal,
    )
    write_card(folder, facts=facts, data=data, evaluation=evaluation, appraisal=appraisal)
    return evaluation
