"""How sure the figures of few pictures are, held against scikit-learn, an example worked by hand, and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, recall_score

from eyespot.data.dataset import Part
from eyespot.errors import InputError
from eyespot.evaluation.appraisal import Appraisal, NamedConfusion, NamedSuspect, appraise, candidate
from eyespot.evaluation.threshold import NoThreshold, Threshold
from eyespot.evaluation.threshold_check import ThresholdCheck

MakeOutcome = Callable[..., Any]
MakeAppraisal = Callable[..., Appraisal]
NONE = NoThreshold("at most 5 % wrong answers cannot be shown by 6 pictures: it takes 59, all of them right", 59)


def of(probabilities: np.ndarray, labels: np.ndarray, groups: np.ndarray | None = None) -> Appraisal:
    """The appraisal of classes a, b, c by a test part."""
    part = Part(np.zeros((len(labels), 8, 8, 3), np.uint8), labels, tuple(f"{i}.jpg" for i in range(len(labels))))
    return appraise(
        probabilities,
        part,
        ("a", "b", "c"),
        np.arange(len(labels)) if groups is None else groups,
        method="the test part",
        candidates=(),
        temperature=1.0,
        threshold=NONE,
        error_rate=0.05,
        origin="trained from scratch",
    )


def drawn(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of three classes that are right more often than not, and the labels."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(n) % 3)
    logits = generator.normal(0, 1, (n, 3)) + 1.5 * np.eye(3)[labels]
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), labels


def test_the_figures_are_those_of_scikit_learn_and_lie_within_their_bounds() -> None:
    probabilities, labels = drawn(90, seed=1)
    predicted = probabilities.argmax(axis=1)

    made = of(probabilities, labels)

    assert made.intervals.accuracy.estimate == pytest.approx(accuracy_score(labels, predicted))
    assert made.intervals.balanced_accuracy.estimate == pytest.approx(balanced_accuracy_score(labels, predicted))
    recalls = [interval.estimate for interval in made.intervals.recalls.values() if interval is not None]
    assert recalls == pytest.approx(recall_score(labels, predicted, average=None))
    assert list(made.intervals.recalls) == ["a", "b", "c"]
    for interval in (made.intervals.accuracy, made.intervals.balanced_accuracy, *made.intervals.recalls.values()):
        assert interval is not None
        assert interval.low < interval.estimate < interval.high


def test_pictures_that_stand_alone_have_wilson_bounds(make_outcome: MakeOutcome, make_appraisal: MakeAppraisal) -> None:
    probabilities, labels = np.eye(3)[[0, 1, 2, 0, 1, 1]], np.array([0, 1, 2, 0, 2, 2])

    interval = of(probabilities, labels).intervals.accuracy

    assert (interval.low, interval.high) == pytest.approx((0.29999, 0.90323), abs=1e-5)  # 4 of 6
    grouped = make_appraisal(make_outcome())  # 4 of 6 too
    assert grouped.intervals.accuracy.high - grouped.intervals.accuracy.low > interval.high - interval.low


def test_groups_that_are_right_or_wrong_as_one_make_wider_bounds() -> None:
    labels = np.repeat(np.arange(12) % 3, 5)
    answers = np.where(labels == 2, 0, labels)
    alone, grouped = of(np.eye(3)[answers], labels), of(np.eye(3)[answers], labels, np.repeat(np.arange(12), 5))

    assert grouped.intervals.accuracy.estimate == alone.intervals.accuracy.estimate
    assert grouped.intervals.accuracy.low < alone.intervals.accuracy.low
    assert grouped.intervals.balanced_accuracy.low < alone.intervals.balanced_accuracy.low
    assert alone.measured == "60 pictures: the test part"
    assert grouped.measured == "60 pictures in 12 groups: the test part"
    assert of(np.eye(3)[answers], labels, np.zeros(60, int)).measured == "60 pictures in 1 group: the test part"


def test_the_suspect_and_the_commonest_mistake_are_named(make_outcome: MakeOutcome, make_appraisal: MakeAppraisal) -> None:
    made = make_appraisal(make_outcome())

    # A leaf is held for one with 0.85 on average: the sky that is taken for one with 0.6 is no suspect.
    assert made.suspects == (NamedSuspect("test/1.png", "rose", "leaf", 0.04, 0.9),)
    assert made.worst == NamedConfusion("rose", "leaf", 1, 2)


def test_at_most_three_suspects_are_named_the_likeliest_first() -> None:
    labels = np.array([0] * 5 + [1] * 20 + [2] * 3)
    probabilities = np.full((28, 3), 0.05)
    probabilities[np.arange(28), labels] = 0.9
    probabilities[:5] = [[0.05, 0.9, 0.05], [0.01, 0.98, 0.01], [0.03, 0.94, 0.03], [0.02, 0.96, 0.02], [0.9, 0.05, 0.05]]

    assert [suspect.name for suspect in of(probabilities, labels).suspects] == ["1.jpg", "3.jpg", "2.jpg"]


def test_who_does_no_better_than_guessing_suspects_nobody() -> None:
    labels = np.array([0] * 20 + [1] * 4)
    probabilities = np.tile([0.9, 0.05, 0.05], (24, 1))
    made = of(probabilities, labels)
    assert made.guessing == made.intervals.accuracy.estimate == pytest.approx(20 / 24)
    assert made.suspects == ()


def test_where_nothing_is_wrong_there_is_no_worst_confusion() -> None:
    labels = np.array([0, 1, 2])

    made = of(np.eye(3)[labels], labels)

    assert made.worst is None
    assert made.to_json()["worst_confusion"] is None


def test_a_class_without_pictures_has_no_recall() -> None:
    labels = np.array([0, 1, 1, 0])

    made = of(np.eye(3)[labels], labels)

    assert made.intervals.recalls["c"] is None
    assert made.to_json()["recalls"]["c"] is None
    assert made.intervals.to_json()["recall_intervals"] == {**made.intervals.to_json()["recall_intervals"], "c": None}


def test_a_candidate_has_the_figures_of_scikit_learn() -> None:
    probabilities, labels = drawn(61, seed=4)
    predicted = probabilities.argmax(axis=1)

    made = candidate("from scratch", probabilities, labels, is_chosen=True)

    assert (made.name, made.n, made.is_chosen) == ("from scratch", 61, True)
    assert made.accuracy.estimate == pytest.approx(accuracy_score(labels, predicted))
    assert made.balanced_accuracy == pytest.approx(balanced_accuracy_score(labels, predicted))


def test_unsure_is_told_in_words(make_outcome: MakeOutcome, make_appraisal: MakeAppraisal) -> None:
    threshold = Threshold(threshold=0.6189, coverage=0.912, bound=0.0493, n=450, answered=410, wrong=11)

    assert make_appraisal(make_outcome(), threshold=threshold).calibration.unsure == (
        "answers below 61.9 %; of the others at most 5 % are wrong, with 95 % confidence; "
        "of the 450 pictures that this was set on it answers 91 %"
    )
    held_out = make_appraisal(make_outcome(), threshold=threshold, threshold_check=ThresholdCheck(440, 396, 12))
    assert held_out.calibration.unsure == (
        "answers below 61.9 %; of the others at most 5 % are wrong, with 95 % confidence; "
        "of 440 pictures held out it answers 90 %, 3.0 % of these wrongly"
    )
    assert held_out.to_json()["threshold_check"] == {"n": 440, "answered": 396, "wrong": 12, "left_out": 0}
    in_part = make_appraisal(make_outcome(), threshold=threshold, threshold_check=ThresholdCheck(440, 396, 12, left_out=60))
    assert "of 440 pictures held out (60 more lie in folds that supported none) it answers 90 %" in in_part.calibration.unsure
    none = make_appraisal(make_outcome(), threshold=threshold, threshold_check=ThresholdCheck(440, 0, 0))
    assert none.calibration.unsure.endswith("; of 440 pictures held out it answers 0 %")
    sure = replace(threshold, confidence_level=0.9)
    assert "with 90 % confidence" in make_appraisal(make_outcome(), threshold=sure).calibration.unsure
    assert make_appraisal(make_outcome(), threshold=NONE).calibration.unsure == (
        "never said, for no threshold is supported "
        "(at most 5 % wrong answers cannot be shown by 6 pictures: it takes 59, all of them right)"
    )
    stricter = make_appraisal(make_outcome(), threshold=threshold, error_rate=0.025)
    assert "at most 2.5 % are wrong" in stricter.calibration.unsure


def test_the_documents_are_json_and_complete(make_outcome: MakeOutcome, make_appraisal: MakeAppraisal) -> None:
    made = make_appraisal(make_outcome(), leaks=["one line"], group_note="grouped by folder")

    few = json.loads(json.dumps(made.to_json(), allow_nan=False))

    assert (few["n"], few["groups"], few["temperature"], few["error_rate"]) == (6, 5, 1.25, 0.05)
    assert (few["leaks"], few["group_note"]) == (["one line"], "grouped by folder")
    assert few["threshold"]["threshold"] == 0.75
    assert [(one["name"], one["is_chosen"]) for one in few["candidates"]] == [
        ("frozen features of cifar10", True),
        ("from scratch", False),
    ]
    assert few["candidates"][1]["accuracy"]["estimate"] == 0
    assert few["suspects"][0]["name"] == "test/1.png"
    assert few["worst_confusion"] == {"true": "rose", "predicted": "leaf", "count": 1, "n": 2}
    assert few["accuracy"] == made.intervals.accuracy.to_json()
    assert set(few["recalls"]["rose"]) == {"estimate", "low", "high"}


def test_without_a_threshold_the_document_says_why(make_outcome: MakeOutcome, make_appraisal: MakeAppraisal) -> None:
    few = make_appraisal(make_outcome(), threshold=NONE).to_json()

    assert few["threshold"] == {"threshold": None, "reason": NONE.reason, "needed": 59}
    assert few["threshold_check"] is None


def test_what_does_not_fit_together_is_refused(make_outcome: MakeOutcome) -> None:
    with pytest.raises(InputError, match="groups must have the shape"):
        of(np.eye(3), np.arange(3), np.zeros(2, int))
    with pytest.raises(InputError, match=r"probabilities must have the shape \(n, 3\)"):
        of(np.eye(2), np.arange(2))
