from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from eyespot import data
from eyespot.data.reading import resized
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


def test_further_columns_are_kept_beside_the_pictures(table: Callable[..., Path]) -> None:
    text = "animal,path,Day ,label,,animal\nrex,dog/0.png, 1,dog,x,y\ntom,cat/0.png,2,cat,x,y\n,cat/1.png,3,cat,x,y\n"
    part = data.load(table(text), (8, 8)).parts["all"]
    assert part.columns == {"animal": ("rex", "tom", ""), "Day": ("1", "2", "3")}
    assert part.take(np.array([2, 0])).columns == {"animal": ("", "rex"), "Day": ("3", "1")}


def test_each_part_has_its_own_cells_and_skipped_pictures_have_none(table: Callable[..., Path]) -> None:
    text = "path,label,split,day\ncat/0.png,cat,train,1\ncat/1.png,cat,test,2\nnotes.txt,dog,train,3\ndog/0.png,dog,train,4\n"
    path = table(text)
    (path.parent / "notes.txt").write_text("not a picture")
    parts = data.load(path, (8, 8)).parts
    assert {name: part.columns for name, part in parts.items()} == {"train": {"day": ("1", "4")}, "test": {"day": ("2",)}}


def test_a_table_of_two_columns_has_no_further_ones(table: Callable[..., Path]) -> None:
    assert data.load(table("path,label\ncat/0.png,cat\ndog/0.png,dog\n")).parts["all"].columns == {}


def test_pictures_of_another_size_keep_their_columns(table: Callable[..., Path]) -> None:
    part = data.load(table("path,label,day\ncat/0.png,cat,1\ndog/0.png,dog,2\n"), (8, 8)).parts["all"]
    assert resized(part, (4, 4)).columns == {"day": ("1", "2")}
