"""Runs with their answers: which pictures they share, what is said where they share too few."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from eyespot.errors import DataError, RunError
from eyespot.evaluation.intervals import CROSS_VALIDATED
from eyespot.evaluation.judged import common_pictures, read_run, side
from eyespot.run_folder import RunFolder

Write = Callable[..., RunFolder]

LABELS = ["cat", "cat", "dog", "frog"]


def test_pictures_are_matched_by_name_and_classes_by_name(write_run: Write, tmp_path: Path) -> None:
    one = read_run(write_run(tmp_path / "one", LABELS, ["cat", "dog", "dog", "cat"]))
    names = [f"test/{number:03}" for number in (3, 1, 0, 2)]
    labels = ["frog", "cat", "cat", "dog"]
    other = read_run(write_run(tmp_path / "other", labels, labels, names=names, classes=("frog", "dog", "cat")))

    pictures = common_pictures([one, other])

    assert pictures.names == ("test/000", "test/001", "test/002", "test/003")
    assert pictures.labels.tolist() == [0, 0, 1, 2]
    assert side([one], pictures).predicted.tolist() == [[0, 1, 1, 0]]
    assert side([one, other], pictures).right.tolist() == [[True, False, True, False], [True] * 4]
    assert side([one, other], pictures).accuracies == (0.5, 1.0)
    assert side([one, other], pictures).deviation == pytest.approx(np.sqrt(0.125))


def test_different_pictures_are_an_error_that_says_how_many_are_shared(write_run: Write, tmp_path: Path) -> None:
    one = read_run(write_run(tmp_path / "one", LABELS, LABELS))
    other = read_run(write_run(tmp_path / "other", LABELS[:3], LABELS[:3]))

    with pytest.raises(DataError, match="one on 4, other on 3; all of them on 3 of these") as caught:
        common_pictures([one, other])

    assert "--shared compares on these 3 alone" in str(caught.value)
    assert "test folder" in str(caught.value)
    assert common_pictures([one, other], shared_only=True).names == ("test/000", "test/001", "test/002")


def test_no_picture_in_common_is_an_error_even_where_the_shared_are_asked_for(write_run: Write, tmp_path: Path) -> None:
    one = read_run(write_run(tmp_path / "one", LABELS, LABELS))
    other = read_run(write_run(tmp_path / "other", LABELS, LABELS, names=["a", "b", "c", "d"]))

    with pytest.raises(DataError, match="all of them on 0 of these") as caught:
        common_pictures([one, other], shared_only=True)

    assert "--shared" not in str(caught.value)


def test_other_classes_are_an_error_that_names_them(write_run: Write, tmp_path: Path) -> None:
    one = read_run(write_run(tmp_path / "one", LABELS, LABELS))
    other = read_run(write_run(tmp_path / "other", ["cat"], ["cow"], classes=("cat", "cow", "dog")))

    with pytest.raises(DataError, match="share 2; only the first knows frog, only the second cow"):
        common_pictures([one, other])


def test_a_picture_with_another_label_is_another_picture(write_run: Write, tmp_path: Path) -> None:
    one = read_run(write_run(tmp_path / "one", LABELS, LABELS))
    other = read_run(write_run(tmp_path / "other", ["cat", "dog", "dog", "frog"], LABELS))

    with pytest.raises(DataError, match="give 1 of the 4 pictures that are called the same other labels, such as test/001"):
        common_pictures([one, other])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda run: run.metrics.unlink(), "is not finished"),
        (lambda run: run.predictions.unlink(), "predictions.csv is missing"),
        (lambda run: run.predictions.write_text("filename,label\na,b\n"), "predictions.csv is damaged: KeyError"),
        (lambda run: run.predictions.write_text("filename,label,predicted,probability\n"), "it is empty"),
        (
            lambda run: run.predictions.write_text("filename,label,predicted,probability\na,cat,cow,1\n"),
            "no class is called cow",
        ),
        (lambda run: run.write_predictions([("a", "cat", "cat", 1.0)] * 2), "names a picture twice"),
        (lambda run: run.write_metrics({"test": {"accuracy": 1}}), "does not say how the run did on each class"),
    ],
)
def test_a_run_that_cannot_be_compared_says_why(
    write_run: Write, tmp_path: Path, damage: Callable[[RunFolder], object], message: str
) -> None:
    run = write_run(tmp_path / "one", LABELS, LABELS)
    damage(run)

    with pytest.raises(RunError, match=message):
        read_run(run)


def test_names_that_a_spreadsheet_would_compute_are_matched_too(write_run: Write, tmp_path: Path) -> None:
    labels = ["=cat", "dog"]
    runs = [
        read_run(write_run(tmp_path / name, labels, labels, names=["=1+1.png", "b"], classes=labels))
        for name in ("one", "other")
    ]

    pictures = common_pictures(runs)

    assert pictures.classes == ("=cat", "dog")
    assert side(runs, pictures).right.all()


# ------------------------------------------------------------------------------------------------------------- groups


def test_the_groups_of_a_rule_are_read_from_the_names(write_run: Write, tmp_path: Path) -> None:
    names = ["cat/tom/1.png", "cat/tom/2.png", "dog/rex/1.png", "frog/9.png"]
    run = read_run(
        write_run(tmp_path / "one", LABELS[:1] * 2 + LABELS[2:], LABELS, names=names, arguments={"group_by": "folder"})
    )

    groups = common_pictures([run]).groups

    assert groups is not None
    assert groups[0] == groups[1]
    assert len(set(groups.tolist())) == 3


def test_groups_that_names_do_not_tell_are_said_to_be_unknown(write_run: Write, tmp_path: Path) -> None:
    by_column = read_run(write_run(tmp_path / "one", LABELS, LABELS, arguments={"group_by": "column:animal"}))
    alike = read_run(write_run(tmp_path / "other", LABELS, LABELS, metrics={"few": {"groups": 3, "leaks": []}}))

    assert common_pictures([by_column]).groups is None
    assert "column:animal cannot be read from the pictures' names" in common_pictures([by_column]).notes[0]
    assert common_pictures([alike]).notes[0].startswith("some pictures are alike: 4 make 3 groups")
    assert common_pictures([read_run(write_run(tmp_path / "third", LABELS, LABELS))]).notes == ()


def test_a_picture_that_was_judged_out_of_fold_counts_less(write_run: Write, tmp_path: Path) -> None:
    few = {"method": "5-fold cross-validation", "groups": 4, "leaks": []}
    out_of_fold = read_run(write_run(tmp_path / "one", LABELS, LABELS, metrics={"few": few}))
    held_out = read_run(write_run(tmp_path / "other", LABELS, LABELS, metrics={"few": {**few, "method": "the test part"}}))
    pictures = common_pictures([out_of_fold, held_out])

    assert side([out_of_fold], pictures).worth == CROSS_VALIDATED
    assert side([held_out], pictures).worth == 1
