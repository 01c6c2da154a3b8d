"""`eyespot predict`: every way to name pictures, every form of the answer."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from eyespot import download
from eyespot.bundle import Description, write
from eyespot.errors import DownloadError
from eyespot.network import Network

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


# ---------------------------------------------------------------------------------------------------- sorting

DOUBTFUL = "doubtful.onnx"


def write_model(path: str, network: Network, classes: tuple[str, ...], unsure_threshold: float | None) -> None:
    data = {"name": "pets", "fingerprint": "0" * 64}
    description = Description(classes, (8, 10), data, {"name": "quick"}, unsure_threshold=unsure_threshold)
    write(Path(path), network, description)


def best_class(picture: Path) -> str:
    """The class that plain ONNX Runtime finds most probable."""
    return ("cat", "dog", "frog")[int(np.argmax(expected(picture)))]


@pytest.fixture
def belongs(photos: Path, tiny_network: Network) -> dict[Path, str]:
    """The folder that each of the photos belongs into by plain ONNX Runtime; of four of them the model `DOUBTFUL` is unsure."""
    best = {picture: max(expected(picture)) for picture in sorted(photos.glob("*/*.png"))}
    ranked = sorted(best.values())
    threshold = (ranked[3] + ranked[4]) / 2
    write_model(DOUBTFUL, tiny_network, ("cat", "dog", "frog"), threshold)
    return {picture: best_class(picture) if found > threshold else "unsure" for picture, found in best.items()}


def files_in(folder: str | Path) -> dict[str, tuple[bytes, int]]:
    """All files below the folder, hidden ones too: what they hold, and when they were last changed."""
    found = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


def save_alike(*paths: str) -> None:
    """Pictures that look the same, in files that are not."""
    for number, path in enumerate(paths):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        note = PngInfo()
        note.add_text("number", str(number))
        Image.new("RGB", (20, 16), "teal").save(path, pnginfo=note)


def test_each_picture_is_copied_into_the_folder_of_its_class(eyespot: Eyespot, photos: Path, belongs: dict[Path, str]) -> None:
    before = files_in(photos)
    assert eyespot("predict", photos, "--model", DOUBTFUL, "--sort-into", "sorted/pets").code == 0
    assert files_in(photos) == before
    assert files_in("sorted/pets") == {
        f"{folder}/{picture.name}": (picture.read_bytes(), picture.stat().st_mtime_ns) for picture, folder in belongs.items()
    }
    assert Counter(belongs.values())["unsure"] == 4


def test_the_text_ends_with_how_many_pictures_went_into_which_folder(
    eyespot: Eyespot, photos: Path, belongs: dict[Path, str]
) -> None:
    outcome = eyespot("predict", photos, "--model", DOUBTFUL, "--sort-into", "sorted")
    lines = outcome.out.splitlines()
    counts = Counter(belongs.values())
    folders = [folder for folder in ("cat", "dog", "frog", "unsure") if counts[folder]]
    assert lines[12] == "pictures sorted into sorted: 12"
    assert "pictures sorted" not in outcome.err
    assert [line.split() for line in lines[13:]] == [[folder, str(counts[folder])] for folder in folders]
    assert lines[:12] == eyespot("predict", photos, "--model", DOUBTFUL).out.splitlines()


def test_the_json_objects_also_say_where_the_copy_lies(eyespot: Eyespot, photos: Path, belongs: dict[Path, str]) -> None:
    (photos / "broken.png").write_bytes(b"no picture")
    outcome = eyespot("predict", photos, "--model", DOUBTFUL, "--sort-into", "sorted", "--json")
    documents = outcome.json
    copies = {Path(entry["path"]): entry.pop("copied_to", "") for entry in documents}
    wanted = {picture: str(Path("sorted", folder, picture.name)) for picture, folder in belongs.items()}
    assert copies == {photos / "broken.png": "", **wanted}
    assert documents == eyespot("predict", photos, "--model", DOUBTFUL, "--json").json
    assert "pictures sorted into sorted: 12" in outcome.err.splitlines()
    assert eyespot("predict", photos, "--model", DOUBTFUL, "--sort-into", "sorted", "--json", "--quiet").err == ""


def test_csv_also_says_where_the_copy_lies(eyespot: Eyespot, photos: Path, belongs: dict[Path, str]) -> None:
    (photos / "broken.png").write_bytes(b"no picture")
    words = ["predict", photos, "--model", DOUBTFUL, "--format", "csv", "--top-k", 2]
    plain = list(csv.DictReader(io.StringIO(eyespot(*words).out)))
    rows = list(csv.DictReader(io.StringIO(eyespot(*words, "--sort-into", "sorted").out)))
    assert list(rows[0]) == [*plain[0], "copied_to"]
    copies = {Path(row["path"]): row.pop("copied_to") for row in rows}
    wanted = {picture: str(Path("sorted", folder, picture.name)) for picture, folder in belongs.items()}
    assert copies == {photos / "broken.png": "", **wanted}
    assert rows == plain


def test_sorting_a_second_time_changes_nothing(eyespot: Eyespot, photos: Path, belongs: dict[Path, str]) -> None:
    words = ["predict", photos, "--model", DOUBTFUL, "--sort-into", "sorted"]
    first = eyespot(*words)
    copies = sorted(Path("sorted").rglob("*.png"))
    before = [(copy, copy.stat().st_ino, copy.stat().st_ctime_ns) for copy in copies]
    second = eyespot(*words)
    assert second.out.splitlines()[12] == "pictures sorted into sorted: 12, of which 12 lay there before"
    assert second.out.splitlines()[13:] == first.out.splitlines()[13:]
    assert [(copy, copy.stat().st_ino, copy.stat().st_ctime_ns) for copy in sorted(Path("sorted").rglob("*.png"))] == before


@pytest.mark.parametrize("target", ["photos/sorted", "photos/cat/sorted"])
@pytest.mark.parametrize("words", ["photos", "photos/*", "photos/**", "photos/**/*.png", "as a shell has it"])
def test_copies_within_the_folder_of_the_pictures_are_not_taken_for_pictures(
    eyespot: Eyespot, photos: Path, words: str, target: str
) -> None:
    def sort() -> SimpleNamespace:
        named = sorted(photos.iterdir()) if words == "as a shell has it" else [words]
        return eyespot("predict", *named, "--sort-into", target, "--json")

    first, second = sort(), sort()
    assert (first.code, second.code, len(first.json)) == (0, 0, 12)
    assert second.json == first.json
    assert len(list(photos.rglob("*.png"))) == 24
    note = f"left out: what lies in {Path(target)}, where the copies go"
    assert [note in each.err.splitlines() for each in (first, second)] == [False, True]


@pytest.mark.parametrize("words", [["photos"], ["photos/cat/.."], ["photos/*"], ["photos/*/*.png"]])
def test_pictures_are_not_sorted_into_their_own_folder(eyespot: Eyespot, photos: Path, words: list[str]) -> None:
    before = files_in(photos)
    outcome = eyespot("predict", *words, "--sort-into", "photos/")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.splitlines()[-1].startswith("eyespot: --sort-into names photos")
    assert outcome.err.splitlines()[-1].endswith("the folder of the pictures itself; choose another")
    assert files_in(photos) == before


@pytest.mark.parametrize("word", ["sorted/unsure", "sorted/unsure/*.png"])
def test_what_was_unsure_can_be_sorted_again_by_a_better_model(
    eyespot: Eyespot, photos: Path, belongs: dict[Path, str], word: str
) -> None:
    eyespot("predict", photos, "--model", DOUBTFUL, "--sort-into", "sorted")
    before = files_in("sorted")
    outcome = eyespot("predict", word, "--sort-into", "sorted")
    assert outcome.code == 0
    assert "this model has no threshold under which it is unsure, so every picture goes to a class" in outcome.err.splitlines()
    doubted = [picture for picture, folder in belongs.items() if folder == "unsure"]
    added = files_in("sorted").keys() - before.keys()
    assert added == {f"{best_class(picture)}/{picture.name}" for picture in doubted}
    assert before.items() <= files_in("sorted").items()


def test_pictures_of_the_same_name_keep_their_folders_in_their_names(eyespot: Eyespot, workplace: Path) -> None:
    save_alike("new/x.png", "new/garden/x.png", "new/house/attic/x.png")
    (folder,) = {Path(entry["copied_to"]).parent for entry in eyespot("predict", "new", "--sort-into", "a", "--json").json}
    assert sorted(path.name for path in folder.iterdir()) == ["garden-x.png", "house-attic-x.png", "x.png"]
    named = eyespot("predict", "new/x.png", "new/garden/x.png", "new/house/attic/x.png", "--sort-into", "b", "--json").json
    assert [Path(entry["copied_to"]).name for entry in named] == ["x.png", "garden-x.png", "attic-x.png"]
    matching = eyespot("predict", "new/*/x.png", "new/*", "--sort-into", "c", "--json").json
    assert [Path(entry["copied_to"]).name for entry in matching] == ["x.png", "x.png", "house-attic-x.png", "new-x.png"]


def test_of_the_same_names_in_two_folders_that_are_named_the_second_keeps_its_folder(eyespot: Eyespot, workplace: Path) -> None:
    save_alike("card1/IMG_1.png", "card2/IMG_1.png")
    found = eyespot("predict", "card1", "card2", "--sort-into", "sorted", "--json").json
    assert [Path(entry["copied_to"]).name for entry in found] == ["IMG_1.png", "card2-IMG_1.png"]


def test_a_picture_that_cannot_be_read_stays_where_it_is(eyespot: Eyespot, photos: Path) -> None:
    (photos / "broken.png").write_bytes(b"no picture")
    outcome = eyespot("predict", photos, "missing.png", "--sort-into", "sorted")
    assert (outcome.code, outcome.err.splitlines()[-1]) == (3, "2 of 14 pictures could not be read")
    assert sum("cannot be read" in line for line in outcome.out.splitlines()) == 2
    assert len(files_in("sorted")) == 12
    assert "broken.png" not in {path.rpartition("/")[2] for path in files_in("sorted")}


@pytest.mark.parametrize("form", ["text", "json"])
def test_pictures_from_an_address_and_from_standard_input_are_not_copied(
    eyespot: Eyespot, photos: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    picture = photos / "dog" / "dog0.png"
    monkeypatch.setattr(download, "fetch_bytes", lambda address, limit: picture.read_bytes())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(picture.read_bytes())))
    outcome = eyespot("predict", "-", "https://example.org/dog.png", picture, "--sort-into", "sorted", "--format", form)
    assert outcome.code == 0
    assert "not copied, from an address or standard input: 2" in (outcome.out if form == "text" else outcome.err).splitlines()
    assert [name.rpartition("/")[2] for name in files_in("sorted")] == ["dog0.png"]
    if form == "json":
        assert [entry["copied_to"] and Path(entry["copied_to"]).name for entry in outcome.json] == [None, None, "dog0.png"]


def test_class_names_that_are_no_names_of_folders_are_told(eyespot: Eyespot, photos: Path, tiny_network: Network) -> None:
    write_model("odd.onnx", tiny_network, ("a/b", "..", "unsure"), None)
    before = {path for path in Path().rglob("*") if path.is_file()}
    outcome = eyespot("predict", photos, "--model", "odd.onnx", "--sort-into", "sorted")
    line = "folders that cannot have the names of their classes: a_b for a/b, _ for .., unsure-2 for unsure"
    assert line in outcome.err.splitlines()
    folders = {"cat": "a_b", "dog": "_", "frog": "unsure-2"}
    wanted = {Path("sorted", folders[best_class(picture)], picture.name) for picture in photos.glob("*/*.png")}
    assert {path for path in Path().rglob("*") if path.is_file()} - before == wanted


def test_a_full_disk_leaves_whole_copies_and_the_same_command_goes_on(
    eyespot: Eyespot, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, calls = shutil.copyfile, Counter[str]()

    def fill_the_disk(source: Path, target: Path) -> None:
        calls["copyfile"] += 1
        if calls["copyfile"] == 6:
            Path(target).write_bytes(b"half")
            raise OSError(28, "No space left on device")
        copy(source, target)

    before = files_in(photos)
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copyfile", fill_the_disk)
        outcome = eyespot("predict", photos, "--sort-into", "sorted", "--json")
    message, more = outcome.err.splitlines()[-2:]
    assert (outcome.code, outcome.out) == (1, "")
    assert message.startswith("eyespot: ")
    assert message.endswith(": No space left on device")
    assert more == "what lies there is whole; the same command goes on where this one stopped"
    pictures = {picture.name: picture.read_bytes() for picture in sorted(photos.glob("*/*.png"))}
    whole = {name.rpartition("/")[2]: content for name, (content, _) in files_in("sorted").items()}
    assert (len(whole), whole.items() <= pictures.items()) == (5, True)
    assert eyespot("predict", photos, "--sort-into", "sorted").code == 0
    assert {name.rpartition("/")[2]: content for name, (content, _) in files_in("sorted").items()} == pictures
    assert files_in(photos) == before


def test_a_target_that_is_a_file_fails_before_anything_is_predicted(eyespot: Eyespot, photos: Path) -> None:
    Path("taken").write_text("a file")
    outcome = eyespot("predict", photos, "--sort-into", "taken")
    assert (outcome.code, outcome.out) == (1, "")
    line = "eyespot: taken is not a folder, so no pictures can be copied into it; choose another"
    assert outcome.err.splitlines()[-1] == line
    assert Path("taken").read_text() == "a file"


def test_the_answer_can_be_written_among_the_copies(eyespot: Eyespot, photos: Path) -> None:
    assert eyespot("predict", photos, "--sort-into", "sorted", "--out", "sorted/answer.json", "--json").code == 0
    assert len(json.loads(Path("sorted/answer.json").read_text(encoding="utf-8"))) == 12
