"""Copies of pictures in one folder for each class: whole, never over another file, and none twice."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eyespot.errors import EyespotError
from eyespot.sorting import Sorter, folder_names

CLASSES = ("cat", "dog")
LONG_AGO = 1_000_000_000_123_000_000  # nanoseconds since 1970; some file systems keep no more than microseconds


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A file `IMG_1.jpg`, last changed long ago."""
    path = tmp_path / "photos" / "IMG_1.jpg"
    path.parent.mkdir()
    path.write_bytes(b"a cat")
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    return path


@pytest.fixture
def sorter(tmp_path: Path) -> Sorter:
    return Sorter(tmp_path / "out", CLASSES)


def another(folder: str, content: bytes, tmp_path: Path) -> Path:
    """Another file `IMG_1.jpg`."""
    path = tmp_path / folder / "IMG_1.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def files_in(folder: Path) -> dict[str, bytes]:
    """All files below the folder, hidden ones too, with what they hold."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def full_disk(source: Path, target: Path) -> None:
    """Stands in for a copy that fills the disk."""
    Path(target).write_bytes(Path(source).read_bytes()[:2])
    raise OSError(28, "No space left on device")


# ----------------------------------------------------------------------------------------------- one picture


def test_a_picture_is_copied_into_the_folder_of_its_class_with_its_time(picture: Path, sorter: Sorter, tmp_path: Path) -> None:
    copy = sorter.add(picture, "cat")
    assert copy == tmp_path / "out" / "cat" / "IMG_1.jpg"
    assert files_in(tmp_path) == {"photos/IMG_1.jpg": b"a cat", "out/cat/IMG_1.jpg": b"a cat"}
    assert copy.stat().st_mtime_ns == picture.stat().st_mtime_ns == LONG_AGO
    assert copy.stat().st_ino != picture.stat().st_ino


def test_what_the_model_is_unsure_of_goes_to_a_folder_of_its_own(picture: Path, sorter: Sorter, tmp_path: Path) -> None:
    assert sorter.add(picture, "cat", unsure=True) == tmp_path / "out" / "unsure" / "IMG_1.jpg"
    assert list(files_in(tmp_path / "out")) == ["unsure/IMG_1.jpg"]


def test_a_link_becomes_a_picture_of_its_own(picture: Path, sorter: Sorter, tmp_path: Path) -> None:
    link = tmp_path / "link.jpg"
    try:
        link.symlink_to(picture)
    except OSError:
        pytest.skip("links cannot be made here")
    copy = sorter.add(link, "cat")
    assert copy is not None
    assert (copy.is_symlink(), copy.read_bytes()) == (False, b"a cat")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
@pytest.mark.parametrize(("mode", "expected"), [(0o600, 0o600), (0o444, 0o644), (0o777, 0o644), (0o640, 0o640)])
def test_nobody_may_read_the_copy_who_may_not_read_the_picture(picture: Path, sorter: Sorter, mode: int, expected: int) -> None:
    picture.chmod(mode)
    copy = sorter.add(picture, "cat")
    assert copy is not None
    assert copy.stat().st_mode & 0o777 == expected


@pytest.mark.parametrize("source", ["https://example.org/cat.jpg", b"a cat", Path("missing.jpg"), Path(".")])
def test_what_is_no_file_is_counted_and_not_copied(sorter: Sorter, source: object, tmp_path: Path) -> None:
    assert sorter.add(source, "cat") is None
    assert (sorter.not_files, sorter.counts, files_in(tmp_path / "out")) == (1, Counter(), {})


def test_the_folders_are_counted(picture: Path, sorter: Sorter, tmp_path: Path) -> None:
    sorter.add(picture, "cat")
    sorter.add(another("b", b"a dog", tmp_path), "dog")
    sorter.add(another("c", b"what is it?", tmp_path), "dog", unsure=True)
    sorter.add(picture, "cat")
    assert (sorter.counts, sorter.there_already) == ({"cat": 2, "dog": 1, "unsure": 1}, 1)


# -------------------------------------------------------------------------------------------- the same names


def test_another_picture_of_the_same_name_has_its_folder_in_front_and_then_a_number_behind(
    picture: Path, sorter: Sorter, tmp_path: Path
) -> None:
    sorter.add(picture, "cat", within="garden")
    sorter.add(another("b", b"second", tmp_path), "cat", within=os.path.join("house", "attic"))
    sorter.add(another("c", b"third", tmp_path), "cat", within=os.path.join("house", "attic"))
    sorter.add(another("d", b"fourth", tmp_path), "cat")
    sorter.add(another("e", b"fifth", tmp_path), "cat")
    sorter.add(another("f", b"sixth", tmp_path), "cat", within=os.path.join("..", "shed"))
    assert files_in(tmp_path / "out" / "cat") == {
        "IMG_1.jpg": b"a cat",
        "house-attic-IMG_1.jpg": b"second",
        "house-attic-IMG_1-2.jpg": b"third",
        "IMG_1-2.jpg": b"fourth",
        "IMG_1-3.jpg": b"fifth",
        "shed-IMG_1.jpg": b"sixth",
    }


def test_in_another_class_the_same_name_is_free(picture: Path, sorter: Sorter, tmp_path: Path) -> None:
    sorter.add(picture, "cat")
    sorter.add(another("b", b"a dog", tmp_path), "dog")
    assert sorted(files_in(tmp_path / "out")) == ["cat/IMG_1.jpg", "dog/IMG_1.jpg"]


def test_sorting_again_copies_nothing_and_touches_no_copy(picture: Path, tmp_path: Path) -> None:
    pictures = [picture, another("b", b"second", tmp_path), another("c", b"third", tmp_path)]

    def sort() -> Sorter:
        sorter = Sorter(tmp_path / "out", CLASSES)
        for each in pictures:
            sorter.add(each, "cat", within=each.parent.name)
        return sorter

    def seen() -> dict[str, tuple[int, int]]:
        copies = (tmp_path / "out").rglob("*.jpg")
        return {copy.name: (copy.stat().st_ino, copy.stat().st_ctime_ns) for copy in copies}

    assert sort().there_already == 0
    before = seen()
    assert sorted(before) == ["IMG_1.jpg", "b-IMG_1.jpg", "c-IMG_1.jpg"]
    again = sort()
    assert (again.counts["cat"], again.there_already) == (3, 3)
    assert seen() == before


def test_what_lies_there_is_never_overwritten(picture: Path, sorter: Sorter, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "cat"
    (folder / "IMG_1-2.jpg").mkdir(parents=True)
    (folder / "IMG_1.jpg").write_bytes(b"A CAT")
    os.utime(folder / "IMG_1.jpg", ns=(LONG_AGO, LONG_AGO))  # as long and as old, but another
    copy = sorter.add(picture, "cat")
    assert copy == folder / "IMG_1-3.jpg"
    assert files_in(folder) == {"IMG_1.jpg": b"A CAT", "IMG_1-3.jpg": b"a cat"}


def test_a_link_that_leads_nowhere_is_not_written_through(picture: Path, sorter: Sorter, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "cat"
    folder.mkdir(parents=True)
    try:
        (folder / "IMG_1.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    except OSError:
        pytest.skip("links cannot be made here")
    assert sorter.add(picture, "cat") == folder / "IMG_1-2.jpg"
    assert (folder / "IMG_1.jpg").is_symlink()
    assert not (tmp_path / "elsewhere.jpg").exists()


def test_a_picture_that_lies_where_its_copy_belongs_is_its_own_copy(sorter: Sorter, tmp_path: Path) -> None:
    picture = another("out/cat", b"a cat", tmp_path)
    assert sorter.add(picture, "cat", within="cat") == picture
    assert files_in(tmp_path / "out") == {"cat/IMG_1.jpg": b"a cat"}


def test_a_name_as_long_as_names_may_be_is_shortened_and_keeps_its_ending(picture: Path, sorter: Sorter) -> None:
    longest = picture.rename(picture.with_name(f"{'ü' * 123}.jpeg"))  # 251 bytes in UTF-8
    copies = [sorter.add(longest, "cat"), sorter.add(longest, "cat")]
    assert copies[0] == copies[1]
    assert copies[0] is not None
    assert (copies[0].name[:90], copies[0].suffix, copies[0].read_bytes()) == ("ü" * 90, ".jpeg", b"a cat")


def test_of_long_names_that_are_shortened_alike_the_second_has_a_number(picture: Path, sorter: Sorter, tmp_path: Path) -> None:
    first = picture.rename(picture.with_name(f"{'x' * 230}1.jpg"))
    second = picture.with_name(f"{'x' * 230}2.jpg")
    second.write_bytes(b"another cat")
    sorter.add(first, "cat")
    sorter.add(second, "cat")
    assert sorted(files_in(tmp_path / "out" / "cat").values()) == [b"a cat", b"another cat"]


# --------------------------------------------------------------------------------------- the names of folders


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("cat", "cat"),
        ("Siamese cat", "Siamese cat"),
        ("кошка", "кошка"),
        ("a/b", "a_b"),
        ("a\\b", "a_b"),
        ("C:cat", "C_cat"),
        ("what?", "what_"),
        ("line\nend\x1b", "line_end_"),
        ("..", "_"),
        ("../../etc", "__.._etc"),
        ("/etc", "_etc"),
        (".hidden", "_hidden"),
        ("cat. ", "cat_"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("com1", "_com1"),
        ("console", "console"),
        ("unsure", "unsure-2"),
        ("Unsure", "Unsure-2"),
        ("\udce4", "_"),
    ],
)
def test_a_class_has_a_folder_of_its_name_or_one_like_it(name: str, folder: str) -> None:
    assert folder_names([name]) == {name: folder}


def test_no_two_classes_share_a_folder_and_who_can_keep_its_name_does() -> None:
    assert folder_names(["a/b", "a_b", "A_B", "a:b", "Ä", "A\u0308"]) == {
        "a/b": "a_b-3",
        "a_b": "a_b",
        "A_B": "A_B-2",
        "a:b": "a_b-4",
        "Ä": "Ä",
        "A\u0308": "A\u0308-2",
    }


def test_classes_whose_folders_are_called_otherwise_are_told(tmp_path: Path) -> None:
    assert Sorter(tmp_path / "out", ["cat", "a/b", "unsure"]).renamed == {"a/b": "a_b", "unsure": "unsure-2"}


awkward = st.text(st.one_of(st.sampled_from('./\\: ab"Aé\0\u0301'), st.characters()), min_size=1, max_size=300)


@given(st.lists(awkward, unique=True, max_size=6))
def test_whatever_classes_are_called_each_has_one_folder_within_the_target(classes: list[str]) -> None:
    found = folder_names(classes)
    assert list(found) == classes
    assert len({name.casefold() for name in found.values()} | {"unsure"}) == len(classes) + 1
    for name in found.values():
        assert PurePosixPath(name).parts == PureWindowsPath(name).parts == (name,)
        assert not name.startswith(".")
        assert name[-1] not in ". "
        assert len(name.encode()) <= 200


# --------------------------------------------------------------------------------------------------- failures


def test_a_full_disk_is_one_error_and_leaves_nothing_half_copied(
    picture: Path, sorter: Sorter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sorter.add(picture, "cat")
    second = another("b", b"second", tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copyfile", full_disk)
        with pytest.raises(EyespotError, match=r"IMG_1\.jpg cannot be copied into .*cat: No space left on device\nwhat lies"):
            sorter.add(second, "cat")
    assert files_in(tmp_path) == {"photos/IMG_1.jpg": b"a cat", "b/IMG_1.jpg": b"second", "out/cat/IMG_1.jpg": b"a cat"}
    assert sorter.counts == {"cat": 1}
    sorter.add(second, "cat")
    assert files_in(tmp_path / "out") == {"cat/IMG_1.jpg": b"a cat", "cat/IMG_1-2.jpg": b"second"}


def test_a_copy_that_is_interrupted_leaves_nothing(
    picture: Path, sorter: Sorter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(source: Path, target: Path) -> None:
        Path(target).write_bytes(b"a")
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "copyfile", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sorter.add(picture, "cat")
    assert files_in(tmp_path / "out") == {}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is read-only to whoever runs this")
def test_a_target_that_is_read_only_is_one_error(picture: Path, sorter: Sorter, tmp_path: Path) -> None:
    (tmp_path / "out").chmod(0o555)
    try:
        with pytest.raises(EyespotError, match=r"the folder .*cat cannot be made: Permission denied"):
            sorter.add(picture, "cat")
    finally:
        (tmp_path / "out").chmod(0o755)


def test_a_target_that_cannot_be_made_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *arguments: object, **named: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(EyespotError, match=r"the folder .*out cannot be made: Read-only file system"):
        Sorter(tmp_path / "out", CLASSES)


@pytest.mark.parametrize("target", ["taken", "taken/out"])
def test_a_target_that_is_a_file_or_lies_in_one_is_one_error(tmp_path: Path, target: str) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(EyespotError, match=r"is not a folder, so no pictures can be copied into it|cannot be made"):
        Sorter(tmp_path / target, CLASSES)
    assert files_in(tmp_path) == {"taken": b"a file"}


def test_a_file_where_the_folder_of_a_class_belongs_is_one_error(picture: Path, sorter: Sorter, tmp_path: Path) -> None:
    (tmp_path / "out" / "cat").write_text("a file")
    with pytest.raises(EyespotError, match=r"cat is not a folder, so no pictures can be copied into it"):
        sorter.add(picture, "cat")
    assert (tmp_path / "out" / "cat").read_text() == "a file"
