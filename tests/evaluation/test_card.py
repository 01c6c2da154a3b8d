"""The model card."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eyespot.data.dataset import Dataset, Part, Skipped
from eyespot.evaluation.appraisal import Appraisal
from eyespot.evaluation.calibration import Calibration, confidence_on
from eyespot.evaluation.card import write_card
from eyespot.evaluation.metrics import evaluate
from eyespot.evaluation.temperature import tempered
from eyespot.evaluation.templates import duration, fenced, percent, plain_markdown
from eyespot.evaluation.threshold import Threshold
from eyespot.run_folder import RunFolder

MakeOutcome = Callable[..., Any]
MakeAppraisal = Callable[..., Appraisal]


def card(path: Path, made: Any, **changes: Any) -> str:
    """The card's Markdown."""
    path.mkdir(exist_ok=True)
    arguments = {"facts": made.facts, "data": made.data, "evaluation": made.evaluation}
    if appraisal := changes.get("appraisal"):  # as `judge` does it
        arguments["evaluation"] = replace(made.evaluation, intervals=appraisal.intervals)
        arguments["calibration"] = appraisal.calibration
    written = write_card(RunFolder(path), **(arguments | changes))
    return written.read_text(encoding="utf-8").replace("\N{NARROW NO-BREAK SPACE}", " ")


def test_the_card_tells_figures_and_on_what_they_were_measured(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    text = card(tmp_path, make_outcome())

    assert "It names **66.7 %** of 6 test pictures correctly." in text
    assert "Measured on 6 test pictures, looked at once, after training." in text
    assert "| accuracy | 66.7 % (30.0 % to 90.3 % with 95 % confidence) |" in text
    assert "| data | colors: 6 train, 6 test |" in text
    assert "tested on 6 pictures only" in text


def test_figures_on_the_watched_part_are_called_flattered(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    text = card(tmp_path, make_outcome(watched="test"))

    assert "the figures are a little flattered" in text
    assert "looked at once" not in text


def test_classes_are_listed_the_hardest_first(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    rows = re.findall(r"^\| (\w+) \| 2 \| ([\d.]+) %", card(tmp_path, make_outcome()), re.MULTILINE)

    assert rows == [("rose", "50.0"), ("sky", "50.0"), ("leaf", "100.0")]


def test_the_commands_name_this_run(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    path = tmp_path / "my 'run'"

    text = card(path, make_outcome())

    command = next(line for line in text.splitlines() if line.startswith("eyespot predict"))
    assert shlex.split(command) == ["eyespot", "predict", "photo.jpg", "--model", path.as_posix()]
    python = text.partition("```python\n")[2].partition("```")[0]
    assert repr(path.as_posix()) in repr(compile(python, "card", "exec").co_consts)


def test_of_many_classes_the_first_are_named_and_the_hardest_tabled(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    count = 70
    labels = np.arange(count)
    part = Part(np.zeros((count, 8, 8, 3), np.uint8), labels, tuple(str(i) for i in labels))
    classes = tuple(f"class {i}" for i in labels)
    made = make_outcome()

    text = write_card(
        RunFolder(tmp_path),
        facts=made.facts,
        data=Dataset("many", classes, {"all": part}),
        evaluation=evaluate(np.eye(count)[labels], labels, classes),
    ).read_text(encoding="utf-8")

    assert "class 59 and 10 more." in text
    assert "The hardest classes:" in text
    assert len(re.findall(r"^\| class \d+ \|", text, re.MULTILINE)) == 30


def test_names_of_any_kind_stay_text(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    classes = ("<script>alert(1)</script>", "a | b\n\n# heading", "[link](javascript:x) `code`")

    text = card(tmp_path, make_outcome(classes, name="![x](y)", command="eyespot train '```'\n# no heading"))

    outside = re.sub(r"^(`{3,}).*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert "<script" not in text
    assert not re.search(r"^# (heading|no heading)", outside, re.MULTILINE)
    assert r"a \| b \# heading" in outside
    assert r"\[link\](javascript:x) \`code\`" in outside
    assert outside.startswith(r"# !\[x\](y)")


def test_skipped_files_and_untested_classes_are_among_the_limits(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    made = make_outcome(skipped=(Skipped("a.jpg", "truncated"),))
    few = evaluate(made.probabilities[:4], made.part.labels[:4], made.data.classes)

    text = write_card(RunFolder(tmp_path), facts=made.facts, data=made.data, evaluation=few).read_text(encoding="utf-8")

    assert "1 file of the data could not be used; `skipped.csv` names it." in text
    assert "There were no test pictures of sky: nothing is known about it." in text


def test_an_appraisal_is_a_paragraph(tmp_path: Path, make_outcome: MakeOutcome, make_appraisal: MakeAppraisal) -> None:
    made = make_outcome(tested="all", watched=None)
    appraisal = make_appraisal(made, leaks=["1 of the test pictures belongs together with a train picture"])
    low, high = (f"{100 * bound:.1f} %" for bound in (appraisal.intervals.accuracy.low, appraisal.intervals.accuracy.high))

    text = card(tmp_path, made, appraisal=appraisal)

    assert "Measured on 6 pictures in 5 groups: 3-fold cross-validation." in text
    assert f"| accuracy | 66.7 % ({low} to {high} with 95 % confidence) |" in text
    assert "| balanced accuracy (mean recall of the classes) | 66.7 % (" in text
    assert re.search(
        r"^Candidate, head and temperature .* Of 2 ways to get a classifier the better one on 6 pictures "
        r"was kept, by the mean of accuracy and macro recall: "
        r"frozen features of cifar10 66\.7 % \(.* to .*\), \*\*kept\*\*; from scratch 0\.0 % \(0\.0 % to .* %\)\.\n\n"
        rf"What it calls unsure: {re.escape(appraisal.calibration.unsure)}\.\n\n`report\.html`",
        text,
        re.MULTILINE,
    )
    assert "| classifier | a backbone and a head: the backbone is the network of cifar10 |\n" in text
    assert r"| temperature | 1\.25; without it, answers would be surer than they should be |" in text
    assert "- Its figures are flattered: 1 of the test pictures belongs together with a train picture.\n" in text


def test_every_headline_figure_has_its_interval(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    rows = re.findall(
        r"^\| ([^|]+?) \| ([\d.]+)(?: %)? \(([\d.]+)(?: %)? to ([\d.]+)", card(tmp_path, make_outcome()), re.MULTILINE
    )

    assert [name.partition(" (")[0] for name, *_ in rows] == [
        "accuracy",
        "balanced accuracy",
        "loss",
        "expected calibration error, 15 bins",
    ]
    for _, figure, low, high in rows:
        assert float(low) <= float(figure) <= float(high)
        assert float(low) < float(high)


def test_what_calibration_came_to_is_told(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    made = make_outcome()
    threshold = Threshold(threshold=0.75, coverage=0.5, bound=0.049, n=80, answered=40, wrong=1)
    confidence = confidence_on(made.probabilities, made.part.labels, 0.5, 0.75)

    text = card(
        tmp_path,
        made,
        evaluation=replace(made.evaluation, confidence=confidence),
        calibration=Calibration(0.5, 80, None, threshold, 0.05, confidence.check),
    )

    before = 100 * evaluate(tempered(made.probabilities, 2), made.part.labels, made.data.classes).ece
    assert f"; {before:.1f} % before calibration |" in text
    assert "of 6 pictures held out it answers 50 %, 33.3 % of these wrongly." in text
    assert "fitted on 80 pictures that were not learned from; without it, answers would be less sure" in text


def test_what_train_and_validation_share_does_not_flatter(
    tmp_path: Path, make_outcome: MakeOutcome, make_appraisal: MakeAppraisal
) -> None:
    made = make_outcome()

    text = card(tmp_path, made, appraisal=make_appraisal(made, leaks=["2 of the validation pictures belong elsewhere"]))

    assert "- Its choices rest on pictures that were learned from: 2 of the validation pictures belong elsewhere.\n" in text
    assert "flattered" not in text


def test_what_does_not_lie_there_is_not_promised(
    tmp_path: Path, make_outcome: MakeOutcome, make_appraisal: MakeAppraisal
) -> None:
    made = make_outcome()
    without_epochs = replace(made, facts=replace(made.facts, epochs=0))

    text = card(tmp_path, without_epochs, appraisal=make_appraisal(made))
    (tmp_path / "model.keras").touch()
    with_keras = card(tmp_path, made, appraisal=make_appraisal(made))

    assert not re.search(r"curves\.png|model\.keras|^\| epochs", text, re.MULTILINE)
    assert with_keras.count("curves.png") == 2
    assert with_keras.count("model.keras") == 2
    assert "| epochs | 2 |" in with_keras
    assert "\n\n\n" not in text


def test_in_an_appraisal_too_names_of_any_kind_stay_text(
    tmp_path: Path, make_outcome: MakeOutcome, make_appraisal: MakeAppraisal
) -> None:
    made = make_outcome()
    hostile = make_appraisal(made, origin="a | b\n\n# heading", leaks=["<script>alert(1)</script>"])
    hostile = replace(
        hostile, candidates=tuple(replace(one, name="[link](javascript:x)\n\n# no") for one in hostile.candidates)
    )

    text = card(tmp_path, made, appraisal=hostile)

    assert "<script" not in text
    assert not re.search(r"^# (heading|no)", text, re.MULTILINE)
    assert r"| classifier | a \| b \# heading |" in text
    assert r"\[link\](javascript:x)" in text


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (3599.7, "1 h 0 min"), (7384, "2 h 3 min")],
)
def test_durations_are_told_in_two_units(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


def test_percent_and_nothing() -> None:
    assert percent(0.77125) == "77.1\N{NARROW NO-BREAK SPACE}%"
    assert percent(None) == "–"


@pytest.mark.parametrize(
    ("text", "expected"), [("1. one", r"1\. one"), ("- x", r"\- x"), ("0.1.0", r"0\.1.0"), ("v1.2", "v1.2")]
)
def test_a_line_that_would_be_a_list_is_escaped_at_its_start(text: str, expected: str) -> None:
    assert plain_markdown(text) == expected


def test_a_fence_is_longer_than_any_inside() -> None:
    assert fenced("a ```` b") == "`````\na ```` b\n`````"
