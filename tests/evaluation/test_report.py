"""The report: what it shows, that it needs nothing outside itself, and that no name can break out of its place."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from eyespot.data.dataset import Dataset, Part, Skipped
from eyespot.errors import RunError
from eyespot.evaluation.appraisal import Appraisal
from eyespot.evaluation.calibration import Calibration, confidence_on, uncalibrated
from eyespot.evaluation.facts import Facts
from eyespot.evaluation.intervals import Interval
from eyespot.evaluation.metrics import evaluate
from eyespot.evaluation.report import write_report
from eyespot.evaluation.robustness import Robustness, Row, corruptions
from eyespot.evaluation.threshold import NoThreshold, Threshold

MakeOutcome = Callable[..., Any]
MakeAppraisal = Callable[..., Appraisal]
HOSTILE = ("</script><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }} & 'quoted' \u2028 🦊")


class Page(HTMLParser):
    """A report taken apart: its visible text, its tags with their attributes, its scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        self.text += " "
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def words(self) -> str:
        return " ".join(self.text.split())

    @property
    def pictures(self) -> dict[str, Any]:
        """What the script shows behind the cells."""
        found: dict[str, Any] = json.loads(self.scripts[0])
        return found


def report(path: Path, made: Any, **changes: Any) -> str:
    """The report's HTML."""
    arguments = {
        "facts": made.facts,
        "data": made.data,
        "part": made.part,
        "probabilities": made.probabilities,
        "evaluation": made.evaluation,
        "history": made.history,
    }
    if appraisal := changes.get("appraisal"):  # as `judge` does it
        arguments["evaluation"] = replace(made.evaluation, intervals=appraisal.intervals)
        arguments["calibration"] = appraisal.calibration
    return write_report(path / "report.html", **(arguments | changes)).read_text(encoding="utf-8")


def decoded(uri: str) -> np.ndarray:
    """The picture in a data URI."""
    header, _, content = uri.partition(",")
    assert re.fullmatch(r"data:image/(webp|png);base64", header)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB"))


def test_the_headline_gives_the_figures(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    words = Page(report(tmp_path, make_outcome())).words.replace("\N{NARROW NO-BREAK SPACE}", " ")

    assert "66.7 % of 6 test pictures were given their true name, out of 3 classes." in words
    assert "that stands for 30.0 % to 90.3 % (95 % confidence)" in words
    assert "Training time 1 min 15 s" in words
    assert "Parameters 776,394" in words
    assert "The validation part was watched while training" in words
    assert "eyespot train colors --seed 7" in words
    assert "f" * 64 in words


def test_figures_on_the_watched_part_are_called_flattered(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    assert "A little flattered" in Page(report(tmp_path, make_outcome(watched="test"))).words
    assert "flattered" not in Page(report(tmp_path, make_outcome(watched="validation"))).words


def test_the_matrix_has_rows_of_true_and_columns_of_predicted_classes(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    html = report(tmp_path, make_outcome())

    cells = re.findall(r'data-cell="(\d,\d)">(\d+)</td>', html)

    assert dict(cells) == {"0,0": "1", "0,1": "1", "1,1": "2", "2,1": "1", "2,2": "1"}


def test_a_cell_opens_the_pictures_that_belong_in_it(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    made = make_outcome()

    shown = Page(report(tmp_path, made)).pictures

    names = {key: [shown["pictures"][i][1] for i in cell["pictures"]] for key, cell in shown["cells"].items()}
    assert names == {
        "0,0": ["test/0.png"],
        "0,1": ["test/1.png"],
        "1,1": ["test/2.png", "test/3.png"],
        "2,1": ["test/4.png"],
        "2,2": ["test/5.png"],
    }
    for uri, name, confidence in shown["pictures"]:
        position = made.part.names.index(name)
        assert np.abs(decoded(uri).astype(int) - made.part.images[position]).max() < 12
        assert confidence == pytest.approx(made.probabilities[position].max(), abs=1e-4)


def test_the_most_confident_mistake_comes_first(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    made = make_outcome()

    pictures = [image for image in Page(report(tmp_path, made)).all("img") if "taken for" in str(image["alt"])]

    assert [image["alt"] for image in pictures] == ["rose, taken for leaf", "sky, taken for leaf"]
    assert np.abs(decoded(str(pictures[0]["src"])).astype(int) - made.part.images[1]).max() < 12


def test_a_classifier_without_mistakes_is_told_so(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    made = make_outcome()
    perfect = np.eye(3)[made.part.labels]
    evaluation = evaluate(perfect, made.part.labels, made.data.classes)

    words = Page(report(tmp_path, made, probabilities=perfect, evaluation=evaluation)).words

    assert "Not one mistake among 6 pictures." in words
    assert "Commonest mistakes" not in words


def test_names_of_any_kind_stay_text(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    skipped = (Skipped(f"{HOSTILE[0]}.jpg", HOSTILE[1]),)
    made = make_outcome(HOSTILE, name=HOSTILE[1], file=HOSTILE[0], command=f"eyespot train '{HOSTILE[0]}'", skipped=skipped)

    html = report(tmp_path, made)
    page = Page(html)

    assert len(page.scripts) == 2
    assert html.count("<script") == 2
    assert page.pictures["classes"] == list(HOSTILE)
    assert all(name in page.text for name in HOSTILE)
    assert "49" not in re.findall(r"<h1>.*?</h1>|<th[^>]*>.*?</th>", html)
    assert not [attributes for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert all(str(image["src"]).startswith("data:image/") for image in page.all("img"))


def test_every_tag_is_closed(tmp_path: Path, make_outcome: MakeOutcome, make_appraisal: MakeAppraisal) -> None:
    class Balance(HTMLParser):
        open: list[str] = []  # noqa: RUF012  # one parser, used once

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in {"meta", "img"}:
                self.open.append(tag)

        def handle_startendtag(self, tag: str, attrs: object) -> None:
            pass

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    parser = Balance()
    made = make_outcome(HOSTILE)
    parser.feed(report(tmp_path, made))
    parser.feed(report(tmp_path, made, appraisal=make_appraisal(made, leaks=HOSTILE, group_note=HOSTILE[0])))

    assert parser.open == []


def test_the_page_asks_for_nothing_outside_itself(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    html = report(tmp_path, make_outcome())
    page = Page(html)

    assert not re.search(r"https?:|url\(|@import|//[a-z]", re.sub(r"data:image/[^\"]+", "", html))
    assert not page.all("link")
    assert [script.get("src") for script in page.all("script")] == [None, None]


def test_the_page_lets_only_its_own_script_run(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    page = Page(report(tmp_path, make_outcome()))

    policy = str(next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"))

    checksum = base64.b64encode(hashlib.sha256(page.scripts[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{checksum}';" in policy
    assert "default-src 'none'" in policy


def test_without_training_there_are_no_curves(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    made = make_outcome()
    facts = Facts(run="model", command="eyespot evaluate model.onnx PHOTOS", fingerprint="f" * 64, tested="all")
    data = Dataset("colors", made.data.classes, {"all": made.part})

    words = Page(report(tmp_path, made, facts=facts, data=data, history=())).words

    assert "How it learned" not in words
    assert "of 6 pictures were given their true name" in words


def test_a_training_that_diverged_can_be_reported(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    made = make_outcome()
    lost = tuple(type(e)(e.epoch, float("nan"), 0.3, float("inf"), None, 1e-3, 3.0) for e in made.history)

    assert "NaN" not in "".join(str(path["d"]) for path in Page(report(tmp_path, made, history=lost)).all("path"))


def test_classes_without_test_pictures_are_named(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    made = make_outcome()
    part = made.part.take(np.array([0, 1, 2, 3]))
    evaluation = evaluate(made.probabilities[:4], part.labels, made.data.classes)

    words = Page(report(tmp_path, made, part=part, probabilities=made.probabilities[:4], evaluation=evaluation)).words

    assert "there were no pictures of sky" in words


def test_skipped_files_are_named_up_to_a_number(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    skipped = tuple(Skipped(f"{i}.jpg", "truncated") for i in range(53))

    words = Page(report(tmp_path, make_outcome(skipped=skipped))).words

    assert "49.jpg truncated and 3 more, all in skipped.csv" in words
    assert "50.jpg" not in words


def test_ten_thousand_large_pictures_give_a_small_page_in_which_every_mistake_is_seen(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    n, count = 10_000, 20
    noise = generator.integers(0, 256, (128, 128, 3), dtype=np.uint8)
    labels = np.arange(n) % count
    probabilities = generator.dirichlet(np.full(count, 0.1), n)
    classes = tuple(f"class {i}" for i in range(count))
    part = Part(np.broadcast_to(noise, (n, *noise.shape)), labels, tuple(f"{i}.jpg" for i in range(n)))
    facts = Facts(run="noise", command="eyespot evaluate", fingerprint="f" * 64, tested="all")
    evaluation = evaluate(probabilities, labels, classes)

    path = write_report(
        tmp_path / "report.html",
        facts=facts,
        data=Dataset("noise", classes, {"all": part}),
        part=part,
        probabilities=probabilities,
        evaluation=evaluation,
    )

    assert path.stat().st_size < 10_000_000
    cells = Page(path.read_text(encoding="utf-8")).pictures["cells"]
    assert len(cells) == count * count
    assert all(cell["pictures"] for cell in cells.values())


def test_of_very_many_classes_those_confused_most_are_shown_and_the_whole_as_a_picture(tmp_path: Path) -> None:
    count = 300
    labels = np.repeat(np.arange(count), 2)
    probabilities = np.eye(count)[labels]
    probabilities[[14, 15]] = np.eye(count)[123]
    part = Part(np.zeros((2 * count, 8, 8, 3), np.uint8), labels, tuple(str(i) for i in range(2 * count)))
    classes = tuple(f"class {i}" for i in range(count))
    evaluation = evaluate(probabilities, labels, classes)

    html = write_report(
        tmp_path / "report.html",
        facts=Facts(run="many", command="eyespot evaluate", fingerprint="f" * 64, tested="all"),
        data=Dataset("many", classes, {"all": part}),
        part=part,
        probabilities=probabilities,
        evaluation=evaluation,
    ).read_text(encoding="utf-8")

    assert 'data-cell="7,123">2</td>' in html
    assert len(re.findall(r'<td class="right"', html)) <= 30
    heat_map = decoded(next(str(image["src"]) for image in Page(html).all("img") if "heat map" in str(image["alt"])))
    assert heat_map.shape == (count, count, 3)


def test_without_an_appraisal_nothing_is_said_of_one(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    words = Page(report(tmp_path, make_outcome())).words

    assert "How sure the figures are" not in words
    assert "Labels to look at" not in words
    assert "Look here first for labels that are wrong" in words


def test_an_appraisal_says_how_sure_the_figures_are(
    tmp_path: Path, make_outcome: MakeOutcome, make_appraisal: MakeAppraisal
) -> None:
    made = make_outcome(tested="all", watched=None)
    appraisal = make_appraisal(made, group_note="grouped by folder: 2 pictures in 1 group")
    bounds = f"{100 * appraisal.intervals.accuracy.low:.1f} % to {100 * appraisal.intervals.accuracy.high:.1f} %"

    page = Page(report(tmp_path, made, appraisal=appraisal))
    words = page.words.replace("\N{NARROW NO-BREAK SPACE}", " ")

    assert "66.7 % of 6 pictures (3-fold cross-validation) were given their true name, out of 3 classes." in words
    assert f"that stands for {bounds} (95 % confidence)" in words
    assert "Measured on 6 pictures in 5 groups: 3-fold cross-validation." in words
    assert "grouped by folder: 2 pictures in 1 group." in words
    assert "accuracy: 66.7%, 95 % interval" in words
    assert "kept: frozen features of cifar10" in words
    assert "from scratch: 0.0%, 95 % interval 0.0% to" in words
    assert "The candidates were compared on 6 pictures" in words
    assert "classifier a backbone and a head: the backbone is the network of cifar10" in words
    assert f"unsure {appraisal.calibration.unsure} (set on 80 pictures: 40 are surer, 1 of these wrong)" in words
    assert "temperature 1.25; without it, answers would be surer than they should be" in words
    assert "leaks" not in words


def test_every_interval_is_drawn_between_its_bounds(
    tmp_path: Path, make_outcome: MakeOutcome, make_appraisal: MakeAppraisal
) -> None:
    page = Page(report(tmp_path, make_outcome(), appraisal=make_appraisal(make_outcome())))

    ranges = [line for line in page.all("line") if line.get("class") == "range"]
    dots = [circle for circle in page.all("circle") if circle.get("r") == "4.5" and "class" not in circle]
    assert len(ranges) == len(dots) == 2 + 2 + 3
    for drawn, dot in zip(ranges, dots, strict=True):
        assert 20 <= float(drawn["x1"] or 0) <= float(dot["cx"] or 0) <= float(drawn["x2"] or 0) <= 500
        assert drawn["y1"] == drawn["y2"] == dot["cy"]


def test_where_there_is_no_threshold_the_reason_is_given(
    tmp_path: Path, make_outcome: MakeOutcome, make_appraisal: MakeAppraisal
) -> None:
    made = make_outcome()

    words = Page(report(tmp_path, made, appraisal=make_appraisal(made, threshold=NoThreshold("too few pictures", 59)))).words

    assert "unsure never said, for no threshold is supported (too few pictures) temperature" in words


def test_leaks_between_the_parts_are_a_warning(
    tmp_path: Path, make_outcome: MakeOutcome, make_appraisal: MakeAppraisal
) -> None:
    made = make_outcome()

    words = Page(
        report(tmp_path, made, appraisal=make_appraisal(made, leaks=["4 of the test pictures belong elsewhere"]))
    ).words

    assert "Flattered by leaks: 4 of the test pictures belong elsewhere." in words


def test_what_train_and_validation_share_does_not_flatter(
    tmp_path: Path, make_outcome: MakeOutcome, make_appraisal: MakeAppraisal
) -> None:
    made = make_outcome()

    appraisal = make_appraisal(made, leaks=["2 of the validation pictures belong elsewhere"], candidates=())
    words = Page(report(tmp_path, made, appraisal=appraisal)).words

    assert "Choices rest on pictures that were learned from: 2 of the validation pictures belong elsewhere." in words
    assert "lattered" not in words


def test_suspects_are_shown_with_their_pictures(
    tmp_path: Path, make_outcome: MakeOutcome, make_appraisal: MakeAppraisal
) -> None:
    made = make_outcome()

    page = Page(report(tmp_path, made, appraisal=make_appraisal(made)))

    (picture,) = [image for image in page.all("img") if "more like" in str(image["alt"])]
    assert picture["alt"] == "labelled rose, more like leaf"
    assert np.abs(decoded(str(picture["src"])).astype(int) - made.part.images[1]).max() < 12
    words = page.words.replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert "labelled rose 4.0 % more like leaf 90.0 % test/1.png" in words
    assert "Look here first" not in words


def test_without_suspects_no_label_stands_out(tmp_path: Path, make_outcome: MakeOutcome, make_appraisal: MakeAppraisal) -> None:
    made = make_outcome()

    page = Page(report(tmp_path, made, appraisal=replace(make_appraisal(made), suspects=())))

    assert "No label stands out as wrong." in page.words


def test_in_an_appraisal_too_names_of_any_kind_stay_text(
    tmp_path: Path, make_outcome: MakeOutcome, make_appraisal: MakeAppraisal
) -> None:
    made = make_outcome(HOSTILE, file=HOSTILE[0])
    hostile = make_appraisal(made, origin=HOSTILE[1], group_note=HOSTILE[2], leaks=HOSTILE)
    hostile = replace(hostile, candidates=tuple(replace(one, name=HOSTILE[1]) for one in hostile.candidates))

    html = report(tmp_path, made, appraisal=hostile)
    page = Page(html)

    assert html.count("<script") == 2
    assert len(page.scripts) == 2
    assert not [attributes for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert all(str(image["src"]).startswith("data:image/") for image in page.all("img"))
    assert not re.search(r"https?:|url\(|@import|//[a-z]", re.sub(r"data:image/[^\"]+", "", html))


def test_what_was_not_trained_in_epochs_has_no_curves(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    made = make_outcome()

    words = Page(report(tmp_path, made, facts=replace(made.facts, epochs=0), history=())).words

    assert "How it learned" not in words
    assert "Epochs" not in words


def test_a_folder_that_is_gone_is_an_error_that_names_the_file(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    with pytest.raises(RunError, match=r"report\.html cannot be written"):
        report(tmp_path / "gone", make_outcome())


def test_every_headline_figure_and_every_recall_has_its_interval(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    made = make_outcome()
    known = made.evaluation.intervals

    words = Page(report(tmp_path, made)).words.replace("\N{NARROW NO-BREAK SPACE}", " ")

    def between(interval: Interval) -> str:
        return f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"

    assert f"Accuracy 66.7 % {between(known.accuracy)} %" in words
    assert f"Balanced accuracy 66.7 % {between(known.balanced_accuracy)} %" in words
    assert f"Loss {made.evaluation.loss:.3f} {known.loss.low:.3f} to {known.loss.high:.3f}" in words
    assert f"Calibration error (ECE) {100 * made.evaluation.ece:.1f} % {between(known.ece)} %" in words
    for name in made.data.classes:
        recall = known.recalls[name]
        assert recall is not None
        assert f"{name} 2 {100 * recall.estimate:.1f} % {between(recall)}" in words


def test_a_class_never_seen_in_the_test_part_is_stated_as_such(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    made = make_outcome()
    part = made.part.take(np.array([0, 1, 2, 3]))
    evaluation = evaluate(made.probabilities[:4], part.labels, made.data.classes)

    words = Page(report(tmp_path, made, part=part, probabilities=made.probabilities[:4], evaluation=evaluation)).words

    assert "there were no pictures of sky" in words
    assert "sky 0 – no pictures" in words
    assert len(re.findall(r"most typical", words)) == 1


def test_the_classes_are_shown_by_typical_and_doubtful_pictures(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    made = make_outcome()

    page = Page(report(tmp_path, made))

    shown = {str(image["title"]): str(image["src"]) for image in page.all("img") if "title" in image}
    assert list(shown) == ["test/0.png", "test/1.png", "test/3.png", "test/2.png", "test/5.png", "test/4.png"]
    for name, uri in shown.items():
        assert np.abs(decoded(uri).astype(int) - made.part.images[made.part.names.index(name)]).max() < 12
    words = page.words.replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert "rose 80.0 % 90 % leaf 6 % sky" in words


def test_reliability_is_shown_before_and_after_calibration(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    made = make_outcome()
    threshold = Threshold(threshold=0.75, coverage=0.5, bound=0.049, n=80, answered=40, wrong=1)
    confidence = confidence_on(made.probabilities, made.part.labels, 0.5, 0.75)
    calibrated = replace(made.evaluation, confidence=confidence)
    calibration = Calibration(0.5, 80, None, threshold, 0.05, confidence.check)

    words = Page(report(tmp_path, made, evaluation=calibrated, calibration=calibration)).words.replace(
        "\N{NARROW NO-BREAK SPACE}", " "
    )

    assert "Before calibration" in words
    assert "After calibration" in words
    assert f"without calibration it would be {100 * confidence.ece_before:.1f} %" in words
    assert "unsure answers below 75.0 %; of the others at most 5 % are wrong" in words
    assert "(set on 80 pictures: 40 are surer, 1 of these wrong)" in words
    assert "temperature 0.50, fitted on 80 pictures" in words
    alone = Page(report(tmp_path, made, evaluation=calibrated)).words.replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert "Answers below 75.0 % it calls unsure: of these pictures it answers 50.0 %, 33.3 % of them wrongly." in alone


def test_where_nothing_was_held_out_for_calibration_that_is_said(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    words = Page(report(tmp_path, make_outcome(), calibration=uncalibrated("nothing is held out", 0.05))).words

    assert "Before calibration" not in words
    assert "unsure never said, for no threshold is supported (nothing is held out)" in words
    assert "temperature 1.00; none is fitted: nothing is held out" in words


def test_what_is_lost_on_worse_pictures_is_a_table_with_examples(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    picture = np.full((8, 8, 3), 77, np.uint8)
    rows = tuple(Row(one, Interval(0.5, 0.4, 0.6), Interval(0.25, 0.1, 0.35), picture) for one in corruptions(32))

    page = Page(report(tmp_path, make_outcome(), robustness=Robustness(0, 6, Interval(0.75, 0.5, 0.9), rows, picture)))
    words = page.words.replace("\N{NARROW NO-BREAK SPACE}", " ")

    assert "On 6 of the pictures as they are: 75.0 % (50.0 to 90.0" in words
    assert "jpeg, quality 40 50.0 % 40.0 to 60.0 25.0 points 10.0 to 35.0" in words
    assert sum(np.abs(decoded(str(image["src"])).astype(int) - 77).max() < 4 for image in page.all("img")) == len(rows)
    assert "worse pictures" not in Page(report(tmp_path, make_outcome())).words


def test_pictures_that_were_learned_from_are_called_flattering(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    made = make_outcome(watched=None)

    assert "Flattered: the classifier has learned" in Page(report(tmp_path, made, facts=replace(made.facts, known=True))).words


def test_a_thousand_classes_and_twenty_thousand_pictures_give_a_page_that_is_small_and_readable(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    n, count = 20_000, 1000
    labels = np.arange(n) % count
    probabilities = generator.random((n, count), dtype=np.float32)
    probabilities[np.arange(n), labels] += generator.random(n, dtype=np.float32) * 3
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    noise = generator.integers(0, 256, (96, 96, 3), dtype=np.uint8)  # which hardly gets smaller
    part = Part(np.broadcast_to(noise, (n, *noise.shape)), labels, tuple(f"{i}.jpg" for i in range(n)))
    classes = tuple(f"class {i} <b>'&\" 🦊" for i in range(count))
    evaluation = evaluate(probabilities, labels, classes)

    path = write_report(
        tmp_path / "report.html",
        facts=Facts(run="many", command="eyespot evaluate", fingerprint="f" * 64, tested="test"),
        data=Dataset("many", classes, {"test": part}),
        part=part,
        probabilities=probabilities,
        evaluation=replace(evaluation, confidence=confidence_on(probabilities, labels, 2.0, 0.5)),
    )

    assert 1_000_000 < path.stat().st_size < 10_000_000
    page = Page(path.read_text(encoding="utf-8"))
    assert len([row for row in page.all("div") if row.get("class") == "look"]) == 30
    assert "Of the 1,000 classes the 30 that take part in most mistakes are shown." in page.words
    assert {attributes.get("class") for attributes in page.all("b")} <= {None}
    assert "class 7 <b>'&\" 🦊" in page.words
    assert len([cell for cell in page.all("td") if cell.get("class") == "wide"]) == count


@pytest.mark.browser
def test_a_browser_runs_the_script_and_nothing_else(tmp_path: Path, make_outcome: MakeOutcome) -> None:
    report(tmp_path, make_outcome(HOSTILE))
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", *quiet, f"--user-data-dir={tmp_path / 'profile'}"]

    shown = subprocess.run(
        [*command, "--dump-dom", (tmp_path / "report.html").as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    ).stdout

    assert '<html lang="en" class="scripted">' in shown
    assert len(re.findall(r"<td[^>]*data-cell[^>]*><button", shown)) == 5
    assert shown.count("<script") == 2
