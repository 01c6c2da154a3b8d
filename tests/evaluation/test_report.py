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
from eyespot.evaluation.facts import Facts
from eyespot.evaluation.metrics import evaluate
from eyespot.evaluation.report import write_report
from eyespot.evaluation.threshold import NoThreshold

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
    bounds = f"{100 * appraisal.accuracy.low:.1f} % to {100 * appraisal.accuracy.high:.1f} %"

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
    assert f"unsure {appraisal.unsure} (set on 80 pictures: 40 are surer, 1 of these wrong)" in words
    assert "temperature 1.25: without it, answers would be surer than they should be" in words
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
