import sys
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from eyespot import data
from eyespot.errors import DataError

Draw = Callable[..., NDArray[np.uint8]]
MakeFolder = Callable[[Mapping[str, int]], Path]


def test_a_folder_of_class_folders_is_one_part_with_the_classes_in_string_order(make_folder: MakeFolder) -> None:
    dataset = data.load(make_folder({"cat": 2, "Zebra": 1, "10": 1, "9": 1}), (8, 8))
    assert dataset.classes == ("10", "9", "Zebra", "cat")
    assert list(dataset.parts) == ["all"]
    assert dataset.parts["all"].names == ("10/0.png", "9/0.png", "Zebra/0.png", "cat/0.png", "cat/1.png")
    assert dataset.parts["all"].labels.tolist() == [0, 1, 2, 3, 3]
    assert dataset.name == "pictures"


def test_each_picture_bears_the_label_of_its_folder(make_folder: MakeFolder, draw: Draw) -> None:
    part = data.load(make_folder({"cat": 2, "dog": 1}), (24, 20)).parts["all"]
    assert np.array_equal(part.images, np.stack([draw(0), draw(1), draw(2)]))


@pytest.mark.parametrize("validation", ["val", "valid", "validation", "VAL"])
def test_train_validation_and_test_folders_are_the_parts(make_folder: MakeFolder, validation: str) -> None:
    root = make_folder({"train/cat": 3, "train/dog": 2, f"{validation}/dog": 1, "Test/cat": 1})
    dataset = data.load(root, (8, 8))
    assert dataset.classes == ("cat", "dog")
    assert {name: len(part) for name, part in dataset.parts.items()} == {"train": 5, "validation": 1, "test": 1}
    assert dataset.parts["validation"].labels.tolist() == [1]
    assert dataset.parts["test"].names == ("Test/cat/0.png",)


def test_classes_of_the_parts_are_matched_by_name(make_folder: MakeFolder) -> None:
    dataset = data.load(make_folder({"train/ant": 1, "train/bee": 1, "train/cat": 1, "test/cat": 1, "test/bee": 1}), (8, 8))
    assert dict(zip(dataset.parts["test"].names, dataset.parts["test"].labels.tolist(), strict=True)) == {
        "test/bee/0.png": 1,
        "test/cat/0.png": 2,
    }


def test_a_class_that_only_the_test_part_has_is_an_error_that_names_both_sets(make_folder: MakeFolder) -> None:
    root = make_folder({"train/cat": 1, "train/dog": 1, "test/cat": 1, "test/fox": 1})
    with pytest.raises(
        DataError, match=r"the test part has classes that the train part lacks: fox; test has cat, fox; train has cat, dog"
    ):
        data.load(root)


def test_a_test_part_alone_is_enough(make_folder: MakeFolder) -> None:
    assert list(data.load(make_folder({"test/cat": 1, "test/dog": 1})).parts) == ["test"]


def test_a_class_may_be_called_train(make_folder: MakeFolder) -> None:
    dataset = data.load(make_folder({"train": 2, "car": 2, "plane": 2}))
    assert dataset.classes == ("car", "plane", "train")
    assert list(dataset.parts) == ["all"]


def test_a_class_called_train_may_hold_folders(make_folder: MakeFolder) -> None:
    dataset = data.load(make_folder({"train/steam": 1, "train/electric": 1, "car": 2, "plane": 2}))
    assert dataset.classes == ("car", "plane", "train")


def test_folders_beside_the_parts_are_left_out_and_told(make_folder: MakeFolder) -> None:
    dataset = data.load(make_folder({"train/cat": 1, "train/dog": 1, "test/cat": 1, "unsorted/x": 4}))
    assert len(dataset) == 3
    assert any("left out: 4 pictures in unsorted" in note for note in dataset.notes)


def test_one_folder_around_everything_is_looked_through(make_folder: MakeFolder) -> None:
    dataset = data.load(make_folder({"photos/train/cat": 1, "photos/train/dog": 1, "photos/test/dog": 1}))
    assert dataset.classes == ("cat", "dog")
    assert dataset.parts["test"].names == ("photos/test/dog/0.png",)


def test_pictures_deeper_within_a_class_folder_belong_to_the_class(make_folder: MakeFolder) -> None:
    dataset = data.load(make_folder({"cat/siamese": 1, "cat/manx": 1, "dog": 1}))
    assert dataset.classes == ("cat", "dog")
    assert dataset.parts["all"].names == ("cat/manx/0.png", "cat/siamese/0.png", "dog/0.png")


def test_hidden_and_stray_files_do_not_count(make_folder: MakeFolder) -> None:
    root = make_folder({"cat": 1, "dog": 1, ".ipynb_checkpoints": 2, "cat/@eaDir": 1})
    for name in (".DS_Store", "cat/Thumbs.db", "cat/._0.png", "desktop.ini"):
        (root / name).write_bytes(b"x")
    dataset = data.load(root)
    assert (dataset.classes, len(dataset)) == (("cat", "dog"), 2)
    assert (dataset.ignored, dataset.skipped, dataset.notes) == ({}, (), ())


def test_files_of_other_kinds_are_counted_by_their_ending(make_folder: MakeFolder) -> None:
    root = make_folder({"cat": 1, "dog": 1})
    for name in ("README.md", "cat/a.txt", "cat/b.TXT", "dog/noending"):
        (root / name).write_text("x")
    dataset = data.load(root)
    assert dataset.ignored == {".md": 1, ".txt": 2, "no ending": 1}
    assert "left out: 1 .md, 2 .txt, 1 no ending: not pictures of a kind that is read" in dataset.notes


def test_an_unreadable_picture_is_skipped_and_named(make_folder: MakeFolder) -> None:
    root = make_folder({"cat": 3, "dog": 1})
    (root / "cat" / "1.png").write_bytes((root / "cat" / "1.png").read_bytes()[:100])
    (root / "dog" / "empty.jpg").touch()
    dataset = data.load(root, (8, 8))
    assert dataset.parts["all"].names == ("cat/0.png", "cat/2.png", "dog/0.png")
    assert dataset.parts["all"].labels.tolist() == [0, 0, 1]
    assert [(skipped.path, skipped.reason.split(":")[0]) for skipped in dataset.skipped] == [
        ("cat/1.png", "is truncated"),
        ("dog/empty.jpg", "is empty (0 bytes)"),
    ]


def test_a_class_of_unreadable_pictures_only_is_an_error(make_folder: MakeFolder) -> None:
    root = make_folder({"cat": 2, "dog": 1})
    (root / "dog" / "0.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"no picture of dog can be read; for example, dog/0\.png is empty"):
        data.load(root)


def test_a_class_folder_without_pictures_is_told(make_folder: MakeFolder) -> None:
    root = make_folder({"train/cat": 1, "train/dog": 1, "train/fox": 0, "test/dog": 1})
    assert "no pictures in train/fox: not a class" in data.load(root).notes


def test_pictures_outside_the_class_folders_are_told(make_folder: MakeFolder, draw: Draw) -> None:
    root = make_folder({"cat": 1, "dog": 1})
    Image.fromarray(draw(0)).save(root / "logo.png")
    assert "left out: 1 pictures that lie in no class folder" in data.load(root).notes


def test_a_folder_of_pictures_without_class_folders_is_an_error_that_says_what_to_do(make_folder: MakeFolder) -> None:
    with pytest.raises(DataError, match="holds 4 pictures but no class folders; put the pictures of each class into a folder"):
        data.load(make_folder({".": 4}))


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is empty: no pictures found"):
        data.load(tmp_path)


def test_a_folder_of_text_files_is_an_error_that_counts_them(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    for i in range(3):
        (tmp_path / "cat" / f"{i}.txt").write_text("meow")
    with pytest.raises(DataError, match=r"holds no pictures, only other files: 3 \.txt"):
        data.load(tmp_path)


def test_one_class_only_is_an_error_unless_asked_for(make_folder: MakeFolder) -> None:
    root = make_folder({"cat": 3})
    with pytest.raises(DataError, match="holds one class only, cat"):
        data.load(root)
    assert data.load(root, minimum_classes=1).classes == ("cat",)


def test_no_such_folder_is_an_error_that_names_the_nearest(make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_folder({"cat": 1, "dog": 1})
    with pytest.raises(DataError, match=r"no such folder or file: .*picturs \(is .*pictures meant\?\)"):
        data.load(root.parent / "picturs")
    monkeypatch.chdir(root)
    with pytest.raises(DataError, match=r"no such folder or file: leters \(is letters meant\?\)"):
        data.load("leters")


@pytest.mark.parametrize("source", ["x" * 300, "nul\0", ""], ids=["too long", "a zero byte", "nothing"])
def test_a_name_that_no_file_can_have_is_an_error(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="no such folder or file"):
        data.load(source)


def test_a_file_of_another_kind_is_an_error_that_lists_the_kinds(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(DataError, match=r"photo\.jpg is no data set; DATA is cifar10 or letters, a folder"):
        data.load(tmp_path / "photo.jpg")


def test_accents_written_in_two_ways_are_the_same_class(make_folder: MakeFolder) -> None:
    composed, decomposed = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    dataset = data.load(make_folder({f"train/{composed}": 1, "train/a": 1, f"test/{decomposed}": 1}))
    assert dataset.classes == ("a", composed)
    assert dataset.parts["test"].labels.tolist() == [1]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets only administrators make links")
def test_links_to_class_folders_are_followed_and_loops_are_not(make_folder: MakeFolder, tmp_path: Path) -> None:
    elsewhere = make_folder({"cats": 2, "dogs": 1})
    root = tmp_path / "links"
    root.mkdir()
    (root / "cat").symlink_to(elsewhere / "cats")
    (root / "dog").symlink_to(elsewhere / "dogs")
    (elsewhere / "cats" / "again").symlink_to(root)
    assert data.load(root).parts["all"].names == ("cat/0.png", "cat/1.png", "dog/0.png")


def test_the_same_folder_gives_the_same_fingerprint_and_another_size_another(make_folder: MakeFolder) -> None:
    root = make_folder({"cat": 40, "dog": 40})
    assert data.load(root, (8, 8)).fingerprint() == data.load(root, (8, 8)).fingerprint()
    assert data.load(root, (8, 8)).fingerprint() != data.load(root, (8, 9)).fingerprint()


def test_a_description_counts_parts_classes_and_what_was_left_out(make_folder: MakeFolder) -> None:
    root = make_folder({"train/cat": 2, "train/dog": 1, "test/dog": 1})
    (root / "notes.txt").write_text("x")
    (root / "train" / "cat" / "bad.jpg").touch()
    dataset = data.load(root, (8, 9))
    assert data.describe(dataset) == {
        "name": "pictures",
        "classes": ["cat", "dog"],
        "size": [8, 9],
        "parts": {"test": {"cat": 0, "dog": 1}, "train": {"cat": 2, "dog": 1}},
        "pictures": 4,
        "skipped": [{"path": "train/cat/bad.jpg", "reason": "is empty (0 bytes)"}],
        "ignored": {".txt": 1},
        "notes": ["left out: 1 .txt: not pictures of a kind that is read"],
        "facts": {},
        "fingerprint": dataset.fingerprint(),
    }


class Counting:
    """A progress that counts."""

    def __init__(self) -> None:
        self.total: int | None = 0
        self.done = 0

    def task(self, description: str, total: int | None, unit: str = "pictures") -> "Counting":
        self.total = total
        return self

    def note(self, line: str) -> None: ...

    def advance(self, amount: int = 1, **figures: float) -> None:
        self.done += amount

    def __enter__(self) -> "Counting":
        return self

    def __exit__(self, *_: object) -> None: ...


def test_progress_reaches_its_total(make_folder: MakeFolder) -> None:
    progress = Counting()
    data.load(make_folder({"cat": 50, "dog": 21}), (8, 8), progress=progress)
    assert (progress.done, progress.total) == (71, 71)


@pytest.mark.clothes
def test_real_photographs_become_parts_with_five_classes(clothes: Path) -> None:
    dataset = data.load(clothes)
    assert dataset.classes == ("dress", "hat", "pants", "shoes", "shorts")
    assert {name: len(part) for name, part in dataset.parts.items()} == {"test": 181, "train": 450}
    assert dataset.skipped == ()
