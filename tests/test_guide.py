"""The guide keeps its word: its code runs and prints what it shows, its links lead somewhere, its notebook is the same text."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from eyespot.bundle import Description, write
from eyespot.data import letters
from eyespot.models.keras_network import read
from eyespot.models.tutorial import tutorial

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "docs" / "guide"

sys.path.insert(0, str(GUIDE))
try:
    from guidebook import chapters, notebook
finally:
    sys.path.remove(str(GUIDE))

every_chapter = pytest.mark.parametrize("chapter", chapters.CHAPTERS)

SHORTER = {"EPOCHS = 60": "EPOCHS = 1"}
"""Lines of code that the tests run otherwise than they stand."""

EXPLAINED = {
    "picture": ["pixel", "channel", "0 to 255"],
    "convolution": ["kernel", "window", "stride", "padding", "n - k + 1", "(n - k) / s + 1"],
    "receptive-field": ["receptive field", "24"],
    "activation-maps": ["activation map", "channels"],
    "pooling": ["4 x 4", "k = 2", "s = 2", "(4 - 2) / 2 + 1 = 2", "depth stays"],
    "relu-and-softmax": ["max(0, x)", "logit", "probabilities", "is the answer"],
    "fully-connected": ["Flatten", "A to Z", "26", "largest is the answer"],
    "dropout": ["1 - p", "without", "overfitting"],
    "loss": ["one-hot", "cross-entropy", "all M classes", "0.357"],
    "training": ["epoch", "batch", "Early stopping", "patience", "min_delta"],
    "quick": ["whitening", "epochs"],
}
"""What each chapter has to explain: all that the tutorial uses."""


def text_of(chapter: str) -> str:
    return chapters.path(chapter).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `runs/letters`, whose network nobody has trained: the code has to run with it, not to be right."""
    folder = tmp_path_factory.mktemp("guide")
    model = folder / "runs" / "letters" / "model.onnx"
    model.parent.mkdir(parents=True)
    description = Description(
        classes=letters.CLASSES,
        size=(32, 32),
        data={"name": "letters", "fingerprint": "0" * 64},
        recipe={"name": "tutorial", "watch": "test", "validation_fraction": 0.1},
    )
    write(model, read(tutorial((32, 32, 3), 26)), description)
    return folder


@pytest.fixture
def inside(work: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(work)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]))
    return work


@every_chapter
def test_the_code_runs_and_prints_what_is_shown(chapter: str, inside: Path) -> None:
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    for printed in chapters.run(text_of(chapter), chapter, inside, changes=SHORTER):
        where = f"{chapter}.md, line {printed.code.line}"
        assert (printed.shown is not None) == bool(printed.output), where
        if printed.shown is not None and printed.shown.mark is None:
            assert printed.output == printed.shown.body, where


@every_chapter
def test_every_block_is_code_or_what_it_prints(chapter: str) -> None:
    text, blocks = text_of(chapter), chapters.blocks(text_of(chapter))
    assert text.count("\n```") == 2 * len(blocks)
    assert {block.language for block in blocks} <= {"python", "bash", "text"}
    for before, block in zip([None, *blocks], blocks, strict=False):
        if block.language == "text":
            assert before is not None
            assert before.language == "python"
            assert block.body
        assert block.mark != "not run" or block.body.startswith("eyespot train ")


def test_the_lines_that_the_tests_shorten_are_in_the_guide() -> None:
    lines = {line for chapter in chapters.CHAPTERS for line in text_of(chapter).splitlines()}
    assert set(SHORTER) <= lines


@pytest.mark.parametrize("chapter", EXPLAINED)
def test_all_that_the_tutorial_uses_is_explained(chapter: str) -> None:
    words = " ".join(text_of(chapter).split())
    assert [phrase for phrase in EXPLAINED[chapter] if phrase not in words] == []
    assert "Sources:" in words or chapter == "picture"


def test_the_table_of_contents_has_every_chapter_in_its_order() -> None:
    listed = re.findall(r"^\| \d+\. \[[^\]]+\]\((\S+)\.md\)", text_of("README"), re.MULTILINE)
    assert listed == list(chapters.CHAPTERS[1:])
    assert {path.stem for path in GUIDE.glob("*.md")} == set(chapters.CHAPTERS)
    for chapter, following in zip(chapters.CHAPTERS[1:], [*chapters.CHAPTERS[2:], "README"], strict=True):
        assert text_of(chapter).rstrip().splitlines()[-1].endswith(f"({following}.md).")


@every_chapter
def test_a_link_leads_somewhere_and_every_line_fits(chapter: str) -> None:
    text = text_of(chapter)
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert target.startswith("https://") or (GUIDE / target).exists(), target
    assert max(map(len, text.splitlines())) <= 160


def test_every_picture_is_small_shown_and_described() -> None:
    shown = [
        found for chapter in chapters.CHAPTERS for found in re.findall(r"!\[([^\]]*)\]\(images/([^)]+)\)", text_of(chapter))
    ]
    assert sorted(name for _, name in shown) == sorted(path.name for path in (GUIDE / "images").iterdir())
    assert all(len(words) > 20 for words, _ in shown)
    assert [path.name for path in (GUIDE / "images").iterdir() if path.stat().st_size > 60_000] == []


def test_the_notebook_is_that_of_the_chapters() -> None:
    assert (GUIDE / "guide.ipynb").read_text(encoding="utf-8") == notebook.notebook(), "run `make docs`"


def test_the_notebook_keeps_to_the_format_of_notebooks() -> None:
    document = json.loads((GUIDE / "guide.ipynb").read_text(encoding="utf-8"))
    assert (document["nbformat"], document["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in document["cells"]}) == len(document["cells"])
    for cell in document["cells"]:
        assert "".join(cell["source"]).strip()
        if cell["cell_type"] == "code":
            assert {"execution_count", "outputs"} <= set(cell)
        else:
            assert cell["cell_type"] == "markdown"
            named = re.findall(r"\(attachment:([^)]+)\)", "".join(cell["source"]))
            assert set(named) == set(cell.get("attachments", {}))
    code = "\n".join("".join(cell["source"]) for cell in document["cells"] if cell["cell_type"] == "code")
    for chapter in chapters.CHAPTERS:
        for block in chapters.blocks(text_of(chapter)):
            assert block.language != "python" or block.body.rstrip() in code
