"""A trained classifier judged on pictures it has not learned from, and all that is said about it written into its run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eyespot.data.dataset import WHOLE, Dataset, Part
from eyespot.evaluation.appraisal import Appraisal
from eyespot.evaluation.calibration import Calibration, Confidence, confidence_on
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
    calibration: Calibration | None = None,
    groups: ArrayLike | None = None,
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
        appraisal: how the figures of few pictures came about; it is told in report and card, as is the next.
        calibration: how the classifier's temperature and threshold were set; with its `check` where the answers come from
            several classifiers, out of fold. Else what it comes to on these pictures is found here.
        groups: (n,), what each of the pictures belongs to; None: each stands alone, or the appraisal knows.
        progress: is told how far the predictions have come.

    Errors: RunError, where a file cannot be written.
    """
    speed = None
    is_own = probabilities is None or facts.tested != WHOLE
    if probabilities is None:
        begin = time.perf_counter()
        probabilities = model.probabilities(part.images, progress=progress)
        speed = len(part) / (time.perf_counter() - begin)
    evaluation = evaluate(probabilities, part.labels, data.classes, groups=groups, images_per_second=speed)
    if appraisal is not None:
        evaluation = replace(evaluation, intervals=appraisal.intervals)
    if calibration is not None:
        trusted = _confidence(probabilities, part, calibration, is_own=is_own)
        evaluation, calibration = replace(evaluation, confidence=trusted), calibration.checked(trusted.check)
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
        calibration=calibration,
    )
    write_card(folder, facts=facts, data=data, evaluation=evaluation, appraisal=appraisal, calibration=calibration)
    return evaluation


def _confidence(probabilities: NDArray[np.floating[Any]], part: Part, calibration: Calibration, *, is_own: bool) -> Confidence:
    """Of answers out of fold, which are not the classifier's own, no more is known than what the calibration says."""
    temperature, threshold = calibration.temperature, calibration.unsure_threshold
    if is_own:
        return confidence_on(probabilities, part.labels, temperature, threshold)
    return Confidence(temperature, None, threshold, calibration.check)
