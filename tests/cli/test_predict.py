"""`eyespot predict`: every way to name pictures, every form of the answer."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from eyespot import download
from eyespot.errors import DownloadError

Eyespot = Callable[..., SimpleNamespace]


def expected(picture: Path) -> list[float]:
    """The probabilities that plain ONNX Runtime and Pillow give."""
    pixels = np.array(Image.open(picture).convert("RGB").resize((10, 8), Image.Resampling.BILINEAR))
    return onnxruntime.InferenceSession("runs/pets/model.onnx").run(None, {"pixels": pixels[None]})[0][0].tolist()


def test_the_json_document_holds_the_most_probable_classes(eyespot: Eyespot, photos: Path) -> None:
    picture = photos / "cat" / "cat0.png"
    outcome = eyespot("predict", picture, "--json", "--top-k", 2)
    (entry,) = outcome.json
    assert (outcome.code, list(entry), entry["path"], entry["unsure"]) == (
        0,
        ["path", "predictions", "unsure"],
        str(picture),
        False,
    )
    ranked = sorted(zip(expected(picture), ("cat", "dog", "frog"), strict=True), reverse=True)[:2]
    assert [found["label"] for found in entry["predictions"]] == [label for _, label in ranked]
    assert [found["probability"] for found in entry["predictions"]] == pytest.approx([p for p, _ in ranked], abs=1e-5)


def test_format_json_is_the_same_as_json(eyespot: Eyespot, photos: Path) -> None:
    assert eyespot("predict", photos, "--format", "json").out == eyespot("predict", photos, "--json").out


def test_the_first_line_on_stderr_names_the_model(eyespot: Eyespot, photos: Path) -> None:
    line = "model: the latest finished run, runs/pets; 3 classes: cat, dog, frog"
    picture = photos / "cat" / "cat0.png"
    for form in ([], ["--json"], ["--format", "csv"]):
        assert eyespot("predict", picture, *form).err.splitlines()[0].replace("\\", "/") == line
    assert eyespot("predict", picture, "--quiet").err == ""


def test_one_picture_gives_a_line_for_each_class(eyespot: Eyespot, photos: Path) -> None:
    picture = photos / "frog" / "frog1.png"
    lines = eyespot("predict", picture).out.splitlines()
    assert lines[0] == str(picture)
    ranked = sorted(zip(expected(picture), ("cat", "dog", "frog"), strict=True), reverse=True)
    assert [line.split()[0] for line in lines[1:]] == [label for _, label in ranked]
    assert [line.split()[-2] for line in lines[1:]] == [f"{100 * probability:.1f}" for probability, _ in ranked]


def test_a_folder_stands_for_its_pictures_and_those_below_it(eyespot: Eyespot, photos: Path) -> None:
    (photos / "notes.txt").write_text("not a picture")
    (photos / ".hidden.png").write_text("not a picture")
    (photos / ".hidden").mkdir()
    (photos / ".hidden" / "x.png").write_text("not a picture")
    outcome = eyespot("predict", photos, "--json")
    assert outcome.code == 0
    assert [entry["path"] for entry in outcome.json] == [str(path) for path in sorted(photos.glob("[a-z]*/*.png"))]


def test_files_of_other_kinds_in_a_folder_are_counted_on_stderr(eyespot: Eyespot, photos: Path) -> None:
    for name in ("cat/clip.MOV", "dog/clip.mov", "notes.txt", "LICENSE", "Thumbs.db", ".hidden.txt"):
        (photos / name).write_text("not a picture")
    (photos / "__MACOSX").mkdir()
    (photos / "__MACOSX" / "cat.png").write_text("not a picture")
    line = "left out: 2 .mov, 1 .txt, 1 no ending: not pictures of a kind that is read"
    for form in ([], ["--json"], ["--format", "csv"]):
        outcome = eyespot("predict", photos, *form)
        assert (outcome.code, outcome.err.splitlines()[1:]) == (0, [line])
    assert eyespot("predict", photos, "--quiet").err == ""
    assert eyespot("predict", "photo*", "--json").err.splitlines()[1:] == [line]
    assert len(eyespot("predict", photos, "--json").json) == 12


def test_a_folder_of_other_kinds_alone_says_what_is_in_it(eyespot: Eyespot, photos: Path) -> None:
    (photos / "films").mkdir()
    (photos / "films" / "one.mov").write_text("not a picture")
    outcome = eyespot("predict", photos / "films")
    assert (outcome.code, outcome.out.splitlines()[0].endswith("cannot be read: there is no picture in this folder")) == (
        3,
        True,
    )
    assert "left out: 1 .mov: not pictures of a kind that is read" in outcome.err.splitlines()


def test_several_pictures_give_a_line_each(eyespot: Eyespot, photos: Path) -> None:
    lines = eyespot("predict", photos).out.splitlines()
    assert len(lines) == 12
    assert [Path(line.split()[0]) for line in lines] == sorted(photos.glob("*/*.png"))


def test_a_pattern_stands_for_the_files_it_matches(eyespot: Eyespot, photos: Path) -> None:
    named = [entry["path"] for entry in eyespot("predict", "photos/*/cat?.png", "--json").json]
    assert named == [str(path) for path in sorted(photos.glob("cat/*.png"))]
    assert len(eyespot("predict", "photos/**", "--json").json) == 12
    assert len(eyespot("predict", "photos/*", "--json").json) == 12


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(eyespot: Eyespot, photos: Path) -> None:
    Image.new("RGB", (5, 5)).save(photos / "odd[1].png")
    (entry,) = eyespot("predict", photos / "odd[1].png", "--json").json
    assert "predictions" in entry


def test_a_dash_stands_for_standard_input(eyespot: Eyespot, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = photos / "dog" / "dog0.png"
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(picture.read_bytes())))
    (entry,) = eyespot("predict", "-", "--json").json
    assert entry["path"] == "-"
    assert entry["predictions"] == eyespot("predict", picture, "--json").json[0]["predictions"]
    assert eyespot("predict", "-", "-").code == 2


def test_standard_input_has_a_limit(eyespot: Eyespot, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from eyespot.cli import pictures

    monkeypatch.setattr(pictures, "MAX_DOWNLOAD_BYTES", 10)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"x" * 11)))
    outcome = eyespot("predict", "-", "--json")
    assert (outcome.code, outcome.json[0]["error"]) == (3, "is larger than 0 MB")


def test_an_address_is_fetched(eyespot: Eyespot, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = photos / "dog" / "dog0.png"

    def fetch(address: str, limit: int) -> bytes:
        if address.endswith("missing.png"):
            raise DownloadError(f"{address}: answered 404 Not Found")
        return picture.read_bytes()

    monkeypatch.setattr(download, "fetch_bytes", fetch)
    outcome = eyespot("predict", "https://example.org/dog.png", "http://example.org/missing.png", "--json")
    assert outcome.code == 3
    assert outcome.json[0]["predictions"] == eyespot("predict", picture, "--json").json[0]["predictions"]
    assert outcome.json[1] == {
        "path": "http://example.org/missing.png",
        "error": "http://example.org/missing.png: answered 404 Not Found",
    }


def test_what_cannot_be_read_is_listed_in_its_place_and_the_code_is_3(eyespot: Eyespot, photos: Path) -> None:
    good = photos / "cat" / "cat0.png"
    (photos / "broken.jpg").write_bytes(b"no picture")
    (photos / "empty").mkdir()
    words = [photos / "broken.jpg", good, "missing.png", photos / "empty", "*.gif"]
    outcome = eyespot("predict", *words, "--json")
    assert (outcome.code, outcome.err.splitlines()[-1]) == (3, "4 of 5 pictures could not be read")
    assert [entry["path"] for entry in outcome.json] == [str(word) for word in words]
    assert [entry.get("error") for entry in outcome.json] == [
        "is not a picture of a known kind (JPEG, PNG, WebP, BMP, TIFF, GIF), or its beginning is damaged",
        None,
        "no such file",
        "there is no picture in this folder",
        "no file has a name like this",
    ]
    text = eyespot("predict", *words)
    assert text.code == 3
    assert [("cannot be read" in line) for line in text.out.splitlines()] == [True, False, True, True, True]


def test_csv_has_a_row_for_each_picture(eyespot: Eyespot, photos: Path) -> None:
    (photos / "a, b.png").write_bytes(b"no picture")
    outcome = eyespot("predict", photos, "--format", "csv", "--top-k", 2)
    rows = list(csv.DictReader(io.StringIO(outcome.out)))
    document = eyespot("predict", photos, "--json", "--top-k", 2).json
    assert list(rows[0]) == ["path", "label", "probability", "unsure", "error", "label_2", "probability_2"]
    assert [row["path"] for row in rows] == [entry["path"] for entry in document]
    for row, entry in zip(rows, document, strict=True):
        if "error" in entry:
            assert (row["error"], row["label"]) == (entry["error"], "")
            continue
        first, second = entry["predictions"]
        assert (row["label"], row["label_2"], row["unsure"]) == (first["label"], second["label"], "false")
        assert float(row["probability"]) == pytest.approx(first["probability"], abs=1e-6)


@pytest.mark.parametrize("form", ["text", "json", "csv"])
def test_out_writes_what_would_be_printed(eyespot: Eyespot, photos: Path, form: str) -> None:
    printed = eyespot("predict", photos, "--format", form)
    written = eyespot("predict", photos, "--format", form, "--out", "answer")
    assert (written.code, written.out) == (0, "")
    assert Path("answer").read_text(encoding="utf-8") == printed.out


def test_out_is_written_whole_or_not_at_all(eyespot: Eyespot, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from eyespot.prediction import Model

    def interrupt(model: Model, pictures: object, top_k: int) -> object:
        raise KeyboardInterrupt
        yield

    Path("answer.csv").write_text("old")
    monkeypatch.setattr(Model, "predict_each", interrupt)
    assert eyespot("predict", photos, "--out", "answer.csv").code == 130
    assert Path("answer.csv").read_text() == "old"
    assert sorted(path.name for path in Path().iterdir()) == ["answer.csv", "photos", "runs"]


def test_an_out_that_cannot_be_written_is_one_line(eyespot: Eyespot, photos: Path) -> None:
    outcome = eyespot("predict", photos, "--out", "nowhere/answer.csv")
    assert (outcome.code, outcome.err.splitlines()[-1]) == (
        1,
        f"eyespot: {Path('nowhere/answer.csv')} cannot be written: No such file or directory",
    )


def test_a_name_cannot_steer_the_terminal(eyespot: Eyespot, workplace: Path) -> None:
    assert "\x1b" not in eyespot("predict", "\x1b[2J.png").out
    assert eyespot("predict", "\x1b[2J.png", "--json").json[0]["path"] == "\x1b[2J.png"


def test_a_model_that_is_none_fails_before_anything_is_read(eyespot: Eyespot, photos: Path) -> None:
    Path("foreign.onnx").write_text("not a model")
    outcome = eyespot("predict", photos, "--model", "foreign.onnx", "--json")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "eyespot: foreign.onnx is damaged, or not an ONNX file at all\n"


def test_without_run_and_model_it_says_how_to_get_one(
    eyespot: Eyespot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("eyespot.run_folder.finding._SHIPPED", tmp_path / "no models")
    outcome = eyespot("predict", "cat.png")
    assert outcome.code == 1
    assert "eyespot train letters" in outcome.err


def test_many_pictures_show_how_far_it_has_come(eyespot: Eyespot, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from eyespot.cli import predict, terminal

    monkeypatch.setattr(predict, "_MANY", 5)
    monkeypatch.setattr(terminal, "_WORTH_A_LINE", 0)
    outcome = eyespot("predict", photos, "--json")
    assert "predicting: 12 pictures" in outcome.err
    assert len(json.loads(outcome.out)) == 12
    assert "predicting" not in eyespot("predict", photos, "--json", "--quiet").err
