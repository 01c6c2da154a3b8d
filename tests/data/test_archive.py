import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from eyespot import data

MakeFolder = Callable[[Mapping[str, int]], Path]


def zipped(root: Path, inside: str = "") -> Path:
    path = root.parent / "photos.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(root.rglob("*")):
            archive.write(file, inside + file.relative_to(root).as_posix())
    return path


@pytest.mark.parametrize(
    "counts", [{"cat": 3, "dog": 2}, {"train/cat": 2, "train/dog": 2, "test/dog": 1}], ids=["whole", "parts"]
)
def test_a_zip_holds_the_same_data_set_as_the_folder(make_folder: MakeFolder, counts: Mapping[str, int]) -> None:
    root = make_folder(counts)
    from_folder, from_zip = data.load(root, (8, 8)), data.load(zipped(root), (8, 8))
    assert from_zip.name == "photos.zip"
    assert from_zip.fingerprint() == from_folder.fingerprint()
    assert [part.names for part in from_zip.parts.values()] == [part.names for part in from_folder.parts.values()]


def test_one_folder_around_everything_is_looked_through(make_folder: MakeFolder) -> None:
    dataset = data.load(zipped(make_folder({"cat": 1, "dog": 1}), "My photos/"))
    assert dataset.classes == ("cat", "dog")
    assert dataset.parts["all"].names == ("My photos/cat/0.png", "My photos/dog/0.png")


def test_what_macos_adds_does_not_count(make_folder: MakeFolder) -> None:
    path = zipped(make_folder({"cat": 1, "dog": 1}))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("__MACOSX/cat/._0.png", b"x")
        archive.writestr("cat/.DS_Store", b"x")
    dataset = data.load(path)
    assert (dataset.classes, len(dataset), dataset.skipped, dataset.ignored) == (("cat", "dog"), 2, (), {})


def test_names_with_backslashes_are_read_as_folders(make_folder: MakeFolder) -> None:
    root = make_folder({"cat": 1, "dog": 1})
    path = root.parent / "windows.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("cat", "dog"):
            member = zipfile.ZipInfo("placeholder")
            member.filename = f"{name}\\0.png"
            archive.writestr(member, (root / name / "0.png").read_bytes())
    assert data.load(path).parts["all"].names == ("cat/0.png", "dog/0.png")


def test_nothing_is_unpacked_to_the_disk(make_folder: MakeFolder) -> None:
    path = zipped(make_folder({"cat": 1, "dog": 1}))
    before = sorted(path.parent.rglob("*"))
    data.load(path)
    assert sorted(path.parent.rglob("*")) == before


def test_a_damaged_picture_in_a_zip_is_skipped_and_named(make_folder: MakeFolder) -> None:
    path = zipped(make_folder({"cat": 2, "dog": 1}))
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("cat/1.png")
        start = member.header_offset + 30 + len(member.filename)
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    content[start + 10 : start + 60] ^= 0xFF
    path.write_bytes(content.tobytes())
    dataset = data.load(path)
    assert len(dataset) == 2
    assert [skipped.path for skipped in dataset.skipped] == ["cat/1.png"]
    assert "cannot be unpacked from the zip" in dataset.skipped[0].reason
