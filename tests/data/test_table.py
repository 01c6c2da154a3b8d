from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from eyespot import data
from eyespot.errors import DataError

MakeFolder = Callable[[Mapping[str, int]], Path]


@pytest.fixture
def table(make_folder: MakeFolder) -> Callable[..., Path]:
    """Writes labels.csv beside the pictures cat/0.png, cat/1.png and dog/0.png."""
    root = make_folder({"cat": 2, "dog": 1})

    def write(text: str, encoding: str = "utf-8") -> Path:
        path = root / "labels.csv"
        path.write_text(text, encoding)
        return path

    return write


def test_a_table_lists_pictures_beside_it_and_their_classes(table: Callable[..., Path]) -> None:
    dataset = data.load(table("path,label\ndog/0.png,wolf\ncat/0.png,cat\ncat/1.png,wolf\n"), (8, 8))
    assert dataset.name == "labels.csv"
    assert dataset.classes == ("cat", "wolf")
    assert dataset.parts["all"].names == ("dog/0.png", "cat/0.png", "cat/1.png")
    assert dataset.parts["all"].labels.tolist() == [1, 0, 1]


def test_the_split_column_gives_the_parts(table: Callable[..., Path]) -> None:
    dataset = data.load(table("split,path,label\ntrain,cat/0.png,cat\nTrain,dog/0.png,dog\nval,cat/1.png,cat\n"))
    assert {name: part.names for name, part in dataset.parts.items()} == {
        "train": ("cat/0.png", "dog/0.png"),
        "validation": ("cat/1.png",),
    }


@pytest.mark.parametrize(
    "text",
    [
        "path;label\r\ncat/0.png;cat\r\ndog/0.png;dog\r\n",
        "path\tlabel\ncat/0.png\tcat\ndog/0.png\tdog",
        'Path, Label \n"cat/0.png", cat\n\n dog/0.png,dog\n',
        "\ufeffpath,label,comment\ncat\\0.png,cat,first\ndog/0.png,dog,second\n",
    ],
    ids=["semicolons", "tabs", "spaces and quotes", "byte order mark, backslash, another column"],
)
def test_what_spreadsheets_write_is_read(table: Callable[..., Path], text: str) -> None:
    assert data.load(table(text)).parts["all"].names == ("cat/0.png", "dog/0.png")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\ncat/0.png,cat\n", r"labels\.csv has no column 'path'; .* it is: file, label"),
        ("path,class\ncat/0.png,cat\n", r"labels\.csv has no column 'label'"),
        ("", r"labels\.csv has no column 'path'; .* it is: empty"),
        ("path,label\n", r"labels\.csv lists no pictures"),
        (
            "path,label\ncat/0.png,cat\ncat/7.png,cat\ndog/9.png,dog\n",
            r"line 3: no such file: .*7\.png, and 1 other files are missing",
        ),
        ("path,label\ncat/0.png,cat\ndog,dog\n", r"line 3: no such file"),
        ("path,label\ncat/0.png,\n", r"line 2: the label is empty"),
        ("path,label\n,cat\n", r"line 2: the path is empty"),
        ("path,label\ncat/0.png\n", r"line 2: 1 cells, but the header has 2"),
        ("path,label\ncat/0.png,cat\ncat/0.png,dog\n", r"line 3: cat/0\.png stands on line 2 already"),
        ("path,label,split\ncat/0.png,cat,holdout\n", r"line 2: the split is 'holdout'; it must be one of train, val"),
        ("path,label,split\ncat/0.png,cat,\n", r"line 2: the split is empty"),
        ("path,label\ncat/0.png,cat\n", r"labels\.csv holds one class only, cat"),
        (
            "path,label,split\ncat/0.png,cat,train\ncat/1.png,cow,train\ndog/0.png,dog,test\n",
            "the test part has classes .* lacks: dog",
        ),
    ],
)
def test_a_fault_is_one_error_that_names_the_place(table: Callable[..., Path], text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        data.load(table(text))


def test_a_table_in_another_encoding_is_an_error(table: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match="is not text in UTF-8"):
        data.load(table("path,label\ncat/0.png,Kätzchen\n", "latin-1"))


def test_a_listed_file_that_is_no_picture_is_skipped_and_named(table: Callable[..., Path]) -> None:
    path = table("path,label\ncat/0.png,cat\ndog/0.png,dog\nnotes.txt,dog\n")
    (path.parent / "notes.txt").write_text("not a picture")
    assert [skipped.path for skipped in data.load(path).skipped] == ["notes.txt"]
