"""The model card: what a classifier is, how good and for what, and how to use it, in Markdown."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from eyespot.data.dataset import Dataset
from eyespot.evaluation.appraisal import Appraisal
from eyespot.evaluation.calibration import Calibration
from eyespot.evaluation.facts import Facts, flatters
from eyespot.evaluation.metrics import Evaluation
from eyespot.evaluation.templates import environment
from eyespot.run_folder import RunFolder, write_file

MOST_CLASSES = 60
"""So many classes are listed; of more, the first."""

MOST_CLASSES_IN_TABLE = 30


def write_card(
    run: RunFolder,
    *,
    facts: Facts,
    data: Dataset,
    evaluation: Evaluation,
    appraisal: Appraisal | None = None,
    calibration: Calibration | None = None,
) -> Path:
    """Write the run's README.md.

    Args:
        run: the folder it is written into; also how the card tells to name the model.
        facts: where the classifier comes from.
        data: the data set; its classes are the classifier's.
        evaluation: the figures on the part that `facts` names.
        appraisal: how the figures of few pictures came about.
        calibration: how the classifier's temperature and threshold were set, where that is known.

    Errors: RunError, where it cannot be written.
    """
    write_file(run.card, render(run, facts, data, evaluation, appraisal, calibration))
    return run.card


def render(
    run: RunFolder,
    facts: Facts,
    data: Dataset,
    evaluation: Evaluation,
    appraisal: Appraisal | None = None,
    calibration: Calibration | None = None,
) -> str:
    """The card's Markdown."""
    tested = [(name, figures) for name, figures in evaluation.per_class.items() if figures.recall is not None]
    weakest = sorted(tested, key=lambda entry: entry[1].recall or 0.0)[:MOST_CLASSES_IN_TABLE]
    height, width = next(iter(data.parts.values())).images.shape[1:3]
    path = run.path.as_posix()
    return (
        environment()
        .get_template("card.md")
        .render(
            facts=facts,
            data=data,
            evaluation=evaluation,
            appraisal=appraisal,
            flatters=flatters,
            intervals=evaluation.intervals,
            calibration=calibration,
            has_keras_model=appraisal is None or run.keras_model.is_file(),
            listed=data.classes[:MOST_CLASSES],
            absent=[name for name, figures in evaluation.per_class.items() if figures.n == 0],
            weakest=weakest,
            height=height,
            width=width,
            predict=f"eyespot predict photo.jpg --model {shlex.quote(path)}",
            python=f'import eyespot\n\nmodel = eyespot.load({json.dumps(path)})\nprint(model.predict("photo.jpg"))',
        )
    )
