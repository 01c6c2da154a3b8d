"""A classifier judged: by asking it, or by what is known of its pictures already."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from eyespot.evaluation.appraisal import Appraisal
from eyespot.evaluation.calibration import Calibration
from eyespot.evaluation.judgement import judge
from eyespot.evaluation.metrics import evaluate
from eyespot.evaluation.temperature import tempered
from eyespot.evaluation.threshold import Threshold
from eyespot.evaluation.threshold_check import ThresholdCheck
from eyespot.run_folder import RunFolder

MakeOutcome = Callable[..., Any]


def judged(path: Path, made: Any, model: Any, **known: Any) -> Any:
    """The evaluation of an outcome's pictures."""
    return judge(
        RunFolder(path),
        model,
        facts=made.facts,
        data=made.data,
        part=made.part,
        **({"history": made.history} | known),
    )


def answers(path: Path) -> list[tuple[str, str]]:
    """Each picture with what it was taken for."""
    with RunFolder(path).predictions.open() as file:
        return [(row["filename"], row["predicted"]) for row in csv.DictReader(file)]


def test_the_classifier_is_asked_where_nothing_is_known(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    made = make_outcome()
    model = SimpleNamespace(probabilities=lambda images, progress: made.probabilities)

    evaluation = judged(tmp_path, made, model)

    assert evaluation.accuracy == pytest.approx(4 / 6)
    assert evaluation.images_per_second > 0
    files = {"predictions.csv", "curves.png", "confusion_matrix.png", "report.html", "README.md"}
    assert {path.name for path in tmp_path.iterdir()} == files
    assert "How sure the figures are" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_what_is_known_out_of_fold_is_what_counts(
    tmp_path: Path, make_outcome: MakeOutcome, make_appraisal: Callable[..., Appraisal]
) -> None:
    made = make_outcome(tested="all", watched=None)
    learned_by_heart = SimpleNamespace(probabilities=lambda images, progress: np.eye(3)[made.part.labels])

    evaluation = judged(
        tmp_path, made, learned_by_heart, probabilities=made.probabilities, appraisal=make_appraisal(made), history=()
    )

    assert evaluation.accuracy == pytest.approx(4 / 6)
    assert evaluation.images_per_second is None
    taken_for = ["rose", "leaf", "leaf", "leaf", "leaf", "sky"]
    assert answers(tmp_path) == [(f"test/{i}.png", name) for i, name in enumerate(taken_for)]
    assert "How sure the figures are" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "3-fold cross-validation" in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_without_epochs_there_are_no_curves(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    made = make_outcome()

    judged(tmp_path, made, None, probabilities=made.probabilities, history=())

    assert not (tmp_path / "curves.png").exists()
    assert (tmp_path / "confusion_matrix.png").exists()


def test_temperature_and_threshold_are_held_against_the_pictures_judged(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    made = make_outcome()
    model = SimpleNamespace(probabilities=lambda images, progress: made.probabilities)
    threshold = Threshold(threshold=0.75, coverage=0.5, bound=0.049, n=80, answered=40, wrong=1)

    evaluation = judged(tmp_path, made, model, calibration=Calibration(0.5, 80, None, threshold, 0.05))

    assert evaluation.confidence.check == ThresholdCheck(6, 3, 1)
    assert evaluation.confidence.ece_before == pytest.approx(
        evaluate(tempered(made.probabilities, 2), made.part.labels, made.data.classes).ece, abs=1e-3
    )
    said = "of 6 pictures held out it answers 50 %, 33.3 % of these wrongly"
    assert said in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert said in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_answers_out_of_fold_say_nothing_of_the_classifiers_own_temperature(
    tmp_path: Path, make_outcome: MakeOutcome, make_appraisal: Callable[..., Appraisal]
) -> None:
    made = make_outcome(tested="all", watched=None)
    appraisal = make_appraisal(made, threshold_check=ThresholdCheck(6, 5, 1))

    evaluation = judged(
        tmp_path,
        made,
        None,
        probabilities=made.probabilities,
        appraisal=appraisal,
        calibration=appraisal.calibration,
        history=(),
    )

    assert (evaluation.confidence.before, evaluation.confidence.check) == (None, ThresholdCheck(6, 5, 1))
    assert evaluation.intervals == appraisal.intervals


def test_pictures_in_groups_have_wider_intervals(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    made = make_outcome()

    alone = judged(tmp_path, made, None, probabilities=made.probabilities)
    grouped = judged(tmp_path, made, None, probabilities=made.probabilities, groups=[0, 1, 2, 2, 1, 0])

    assert grouped.intervals.accuracy.low < alone.intervals.accuracy.low
