"""The end of `eyespot train` where pictures are few: what it says, in how many lines, and that names stay text."""

from __future__ import annotations

import json
import shlex
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eyespot import runs
from eyespot.cli.summary import summary
from eyespot.data.dataset import Part
from eyespot.evaluation.appraisal import Appraisal, appraise, candidate
from eyespot.evaluation.threshold import NoThreshold, Threshold
from eyespot.run_folder import RunFolder

CLASSES = ("dress", "pants", "skirt")
SCRATCH = (
    "trained from scratch on 24 pictures; add a backbone: copy one file, such as MobileNetV3Small.onnx, to "
    "/home/somebody/.cache/eyespot/backbones, or name one with --backbone keras:MobileNetV3Small"
)


def appraised(classes: tuple[str, ...] = CLASSES, **changes: Any) -> Appraisal:
    """Of 8 pictures of each class; 3 skirts are taken for dresses, one of them with much confidence."""
    labels = np.repeat([0, 1, 2], 8)
    probabilities = np.full((24, 3), 0.1)
    probabilities[np.arange(24), labels] = 0.8
    probabilities[16:19] = [[0.98, 0.01, 0.01], [0.5, 0.1, 0.4], [0.5, 0.1, 0.4]]
    part = Part(np.zeros((24, 8, 8, 3), np.uint8), labels, tuple(f"{classes[label]}/{i}.jpg" for i, label in enumerate(labels)))
    arguments = {
        "method": "4-fold cross-validation",
        "candidates": (
            candidate("from scratch", np.eye(3)[np.zeros(24, int)], labels, is_chosen=False),
            candidate("frozen features of cifar10", probabilities, labels, is_chosen=True),
        ),
        "temperature": 1.0,
        "threshold": Threshold(threshold=0.619, coverage=0.912, bound=0.049, n=450, answered=410, wrong=11),
        "error_rate": 0.05,
        "origin": "a backbone and a head: the backbone is the network of cifar10, which ships with Eyespot",
    }
    return appraise(probabilities, part, classes, np.arange(24) // 2 * 2, **(arguments | changes))


@pytest.fixture
def ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """The lines at the end of a run on the folder `photos`, whose figures are appraised so."""
    monkeypatch.chdir(tmp_path)

    def lines(few: Appraisal | dict[str, Any] | None = None, folder: str = "runs/new", **metrics: Any) -> list[str]:
        document = {
            "data": "photos",
            "epochs": 3,
            "train_seconds": 12.3,
            "images_per_second": 1234.4,
            "skipped": 0,
            "test": {
                "accuracy": 0.875,
                "balanced_accuracy": 0.875,
                "loss": 0.3456,
                "n": 24,
                "interval": {"low": 0.69, "high": 0.957},
            },
            "few": json.loads(json.dumps(few.to_json() if isinstance(few, Appraisal) else few)),
            "budget": {"seconds": 60.0, "spent_seconds": 41.8},
        }
        return summary(runs.Run(RunFolder(Path(folder)), document | metrics)).replace("\\", "/").splitlines()

    return lines


def test_the_end_says_what_a_person_needs_next(ended: Callable[..., list[str]]) -> None:
    made = appraised()
    known = made.intervals
    bounds = [f"{100 * one.low:.1f} to {100 * one.high:.1f} %" for one in (known.accuracy, known.balanced_accuracy)]

    assert ended(made) == [
        f"accuracy 87.5 % (95 % interval {bounds[0]}), macro recall 87.5 % ({bounds[1]})",
        "measured on 24 pictures in 12 groups: 4-fold cross-validation; done in 42 s of a budget of 60 s",
        "kept: frozen features of cifar10 87.5 %; not kept: from scratch 33.3 %",
        "classifier: a backbone and a head: the backbone is the network of cifar10, which ships with Eyespot",
        "worst confusion: takes 3 of 8 pictures of skirt for dress",
        "label to check: skirt/16.jpg: skirt, or dress?",
        *textwrap.wrap(f"unsure: {made.calibration.unsure}", 100, subsequent_indent="  "),
        "report: runs/new/report.html",
        "next: eyespot predict PICTURES --sort-into SORTED --model runs/new",
    ]


def test_the_commonest_class_alone_is_held_against_the_figure(ended: Callable[..., list[str]]) -> None:
    few = json.loads(json.dumps(appraised().to_json()))
    assert not any("guessing" in line for line in ended(appraised()))
    said = ended(few=few | {"guessing": few["accuracy"]["low"] + 0.01})
    assert said[1].startswith("no better than guessing, as far as can be shown: the commonest class alone has ")


def test_candidates_that_were_compared_on_other_pictures_say_so(ended: Callable[..., list[str]]) -> None:
    few = json.loads(json.dumps(appraised().to_json()))
    for candidate_ in few["candidates"]:
        candidate_["n"] = 5
    assert "kept: frozen features of cifar10 87.5 %; not kept: from scratch 33.3 %, compared on 5 other" in ended(few=few)[2]


def test_the_next_command_can_be_pasted_whatever_the_folder_is_called(tmp_path: Path, ended: Callable[..., list[str]]) -> None:
    assert ended(appraised())[-1].endswith("--model runs/new")
    assert shlex.split(ended(appraised(), folder="runs/it's new")[-1])[-1] == "runs/it's new"


def test_a_label_to_check_bears_the_path_that_opens_the_picture(ended: Callable[..., list[str]]) -> None:
    Path("photos/skirt").mkdir(parents=True)
    Path("photos/skirt/16.jpg").touch()
    Path("skirt").mkdir()
    Path("skirt/16.jpg").touch()  # what a CSV lists lies beside the CSV

    (in_a_folder,) = [line for line in ended(appraised()) if line.startswith("label")]
    (in_a_table,) = [line for line in ended(appraised(), data="list.csv") if line.startswith("label")]

    assert in_a_folder == "label to check: photos/skirt/16.jpg: skirt, or dress?"
    assert in_a_table == "label to check: skirt/16.jpg: skirt, or dress?"


def test_without_a_backbone_and_a_threshold_it_says_what_it_would_take(ended: Callable[..., list[str]]) -> None:
    reason = "of the 24 most confident pictures 3 are wrong: too many for at most 5 % wrong answers"

    lines = ended(appraised(origin=SCRATCH, threshold=NoThreshold(reason, None), candidates=()))

    assert lines[2:5] == [
        "classifier: trained from scratch on 24 pictures; add a backbone: copy one file, such as",
        "  MobileNetV3Small.onnx, to /home/somebody/.cache/eyespot/backbones, or name one with --backbone",
        "  keras:MobileNetV3Small",
    ]
    assert f"unsure: never said, for no threshold is supported ({reason})" in " ".join(line.strip() for line in lines)
    assert not any(line.startswith("kept") for line in lines)


def test_leaks_are_pointed_at_and_only_those_of_the_test_part_flatter(ended: Callable[..., list[str]]) -> None:
    flattered = "flattered: the test part shares pictures with another, which the report names"
    chosen = "choices rest on pictures that were learned from: train and validation share some, which the report names"
    of_test, of_validation = "4 of the test pictures ...", "4 of the validation pictures ..."

    assert flattered in ended(appraised(leaks=[of_test]))
    both = ended(appraised(leaks=[of_validation, of_test]))
    assert flattered in both
    assert chosen not in both
    harmless = " ".join(line.strip() for line in ended(appraised(leaks=[of_validation])))
    assert chosen in harmless
    assert "flattered" not in harmless
    assert not any(line.startswith(("flattered", "choices")) for line in ended(appraised()))


def test_the_lines_are_few_and_fit_a_terminal(ended: Callable[..., list[str]]) -> None:
    lines = ended(appraised(), skipped=2)

    assert len(lines) <= 12
    assert all(len(line) <= 100 for line in lines)
    assert "skipped: 2 files, named in runs/new/skipped.csv" in lines


def test_where_nothing_is_wrong_nothing_is_confused(ended: Callable[..., list[str]]) -> None:
    labels = np.array([0, 1, 2])
    part = Part(np.zeros((3, 8, 8, 3), np.uint8), labels, ("a", "b", "c"))
    made = appraised()
    perfect = appraise(
        np.eye(3)[labels],
        part,
        CLASSES,
        labels,
        method=made.method,
        candidates=made.candidates,
        temperature=1.0,
        threshold=made.calibration.threshold,
        error_rate=0.05,
        origin=made.origin,
    )

    assert not any(line.startswith(("worst confusion", "label to check")) for line in ended(perfect))


def test_no_name_can_steer_the_terminal(ended: Callable[..., list[str]]) -> None:
    lines = ended(appraised(("dress\x1b[2J", "pants\n", "skirt\u202e"), origin="a backbone\x1b[31m\nof somebody's"))

    assert len(lines) == len(ended(appraised()))
    assert all(line.isprintable() for line in lines)


def test_without_an_appraisal_all_is_as_ever(ended: Callable[..., list[str]]) -> None:
    expected = [
        "accuracy 87.5 % (95 % interval 69.0 to 95.7 %), balanced 87.5 %, loss 0.346, on 24 test pictures",
        "epochs: 3, in 12 s, at 1,234 pictures/s",
        "time: 42 s from the start to the report, of a budget of 60 s",
        "report: runs/new/report.html",
        "next: eyespot predict IMAGE --model runs/new",
    ]

    assert ended() == expected
    assert ended(few=None, budget=None) == [*expected[:2], *expected[3:]]
