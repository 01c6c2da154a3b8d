"""`eyespot explain` with a picture: which word is which, where the page goes, what is printed."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

Eyespot = Callable[..., SimpleNamespace]
PHOTO = Path("photos/cat/cat0.png")


def test_a_picture_gets_a_page_by_the_latest_run(eyespot: Eyespot, photos: Path) -> None:
    outcome = eyespot("explain", PHOTO)

    assert outcome.code == 0
    said, path = outcome.out.splitlines()
    assert said.startswith("cat0.png: ")
    assert said.split()[1] in ("cat", "dog", "frog")
    assert path == str(Path("explain/cat0.html"))
    assert "<title>" in Path(path).read_text(encoding="utf-8")
    assert outcome.err.splitlines()[0].startswith("model: the latest finished run, runs/pets")
    assert "from start to page" in outcome.err.splitlines()[1]


@pytest.mark.parametrize("words", [("pets", PHOTO), (PHOTO, "pets")], ids=["model first", "picture first"])
def test_model_and_picture_are_told_apart(eyespot: Eyespot, photos: Path, words: tuple[str, ...]) -> None:
    outcome = eyespot("explain", *words)

    assert outcome.code == 0
    assert outcome.err.startswith("model: the run runs/pets")


def test_a_picture_without_an_ending_is_a_picture(eyespot: Eyespot, photos: Path) -> None:
    Path("snapshot").write_bytes(PHOTO.read_bytes())

    assert eyespot("explain", "snapshot").out.splitlines()[1] == str(Path("explain/snapshot.html"))


def test_a_model_file_is_no_picture(eyespot: Eyespot, workplace: Path) -> None:
    assert eyespot("explain", "runs/pets/model.onnx").out.startswith("layer ")


def test_out_names_the_folder_which_is_made(eyespot: Eyespot, photos: Path) -> None:
    eyespot("explain", PHOTO, "--out", "pages/new")
    eyespot("explain", PHOTO, "--out", "pages/new")

    assert [path.name for path in Path("pages/new").iterdir()] == ["cat0.html"]
    assert not Path("explain").exists()


def test_json_has_the_layers_the_page_and_the_answer(eyespot: Eyespot, photos: Path) -> None:
    document = eyespot("explain", PHOTO, "--json").json

    assert set(document) == {"layers", "parameters", "macs", "page", "predictions", "unsure"}
    assert document["page"] == str(Path("explain/cat0.html"))
    assert document["layers"] == eyespot("explain", "--json").json["layers"]
    (predicted,) = eyespot("predict", PHOTO, "--json").json
    assert document["predictions"] == predicted["predictions"]


def test_quiet_prints_nothing_but_the_answer(eyespot: Eyespot, photos: Path) -> None:
    outcome = eyespot("explain", PHOTO, "--quiet")

    assert (outcome.err, len(outcome.out.splitlines())) == ("", 2)


def test_a_picture_may_come_from_standard_input(eyespot: Eyespot, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=BytesIO(PHOTO.read_bytes())))

    assert eyespot("explain", "-").out.splitlines()[1] == str(Path("explain/picture.html"))


@pytest.mark.parametrize("size", [(1, 1), (3, 90)], ids=["1x1", "wide"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_small_wide_and_gray_pictures_are_explained(
    eyespot: Eyespot, workplace: Path, size: tuple[int, int], mode: str
) -> None:
    Image.new(mode, size, 77 if mode == "L" else (9, 8, 7)).save("odd.png")

    assert eyespot("explain", "odd.png").code == 0
    assert f"{size[1]} × {size[0]} pixels" in Path("explain/odd.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("missing.jpg",), 1, "missing.jpg: no such file"),
        ((PHOTO, PHOTO), 2, "one picture is explained at a time"),
        (("pets", "--out", "pages"), 2, "--out names the folder for the page of an IMAGE"),
        (("nothing", PHOTO), 1, "there is no model nothing"),
        ((PHOTO, "--out", "photos/cat/cat1.png"), 1, "photos/cat/cat1.png cannot be made"),
    ],
)
def test_what_cannot_be_is_one_line(eyespot: Eyespot, photos: Path, words: tuple[object, ...], code: int, said: str) -> None:
    outcome = eyespot("explain", *words, "--quiet")

    assert (outcome.code, outcome.out) == (code, "")
    assert said in outcome.err
    assert len(outcome.err.splitlines()) == 1


def test_a_damaged_picture_is_named_and_leaves_no_page(eyespot: Eyespot, workplace: Path) -> None:
    Path("broken.jpg").write_bytes(b"no picture")

    outcome = eyespot("explain", "broken.jpg")

    assert (outcome.code, outcome.out) == (1, "")
    assert "broken.jpg" in outcome.err.splitlines()[-1]
    assert not Path("explain").exists()
