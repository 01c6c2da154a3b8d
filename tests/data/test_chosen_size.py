"""The size that pictures are read at may be chosen by what they are: every source asks with the pictures' own sizes."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eyespot import data, environment, images
from eyespot.data import cifar10, letters
from eyespot.errors import DataError


class Chooser:
    """Chooses 8 x 10 and notes what it was asked with."""

    def __init__(self) -> None:
        self.native: list[tuple[int, int]] = []
        self.pictures = 0

    def __call__(self, native: Sequence[tuple[int, int]], pictures: int) -> tuple[int, int]:
        self.native, self.pictures = list(native), pictures
        return (8, 10)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Five pictures of 30 x 50 pixels (height, width), and one file that is none."""
    root = tmp_path / "photos"
    for i in range(6):
        folder = root / ("cat" if i % 2 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(i).integers(0, 256, (30, 50, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    (root / "dog" / "4.png").write_bytes(b"not a picture")
    return root


def zipped(photos: Path) -> Path:
    path = photos.parent / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(photos.rglob("*.png")):
            archive.write(file, file.relative_to(photos))
    return path


def listed(photos: Path) -> Path:
    path = photos / "photos.csv"
    lines = [f"{file.relative_to(photos).as_posix()},{file.parent.name}" for file in sorted(photos.rglob("*.png"))]
    path.write_text("\n".join(["path,label", *lines]))
    return path


@pytest.mark.parametrize("source", [Path, zipped, listed])
def test_a_source_of_files_asks_with_what_their_headers_say(photos: Path, source: type[Path]) -> None:
    chooser = Chooser()
    dataset = data.load(source(photos), chooser)
    assert (chooser.native, chooser.pictures) == ([(30, 50)] * 5, 6)
    assert dataset.parts["all"].images.shape == (5, 8, 10, 3)
    assert len(dataset.skipped) == 1


def test_pictures_that_are_drawn_are_asked_about_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "load", partial(letters.load, train=26, test=52))
    chooser = Chooser()
    dataset = data.load("letters", chooser)
    assert (chooser.native, chooser.pictures) == ([(32, 32)], 78)
    assert dataset.parts["test"].images.shape == (52, 8, 10, 3)


def test_of_many_pictures_some_from_all_over_are_looked_at(tmp_path: Path) -> None:
    for label, side in (("small", 4), ("tall", 6)):
        (tmp_path / label).mkdir()
        for i in range(200):
            Image.new("RGB", (side, side)).save(tmp_path / label / f"{i}.bmp")
    chooser = Chooser()
    data.load(tmp_path, chooser)
    assert chooser.pictures == 400
    assert 50 <= len(chooser.native) <= 80
    assert 20 <= chooser.native.count((4, 4)) <= 45


def test_more_pixels_than_there_is_memory_for_are_refused_before_a_picture_is_read(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = 2 * 6 * 100 * 100 * 3  # six pictures, twice while they are sorted into parts
    monkeypatch.setattr(environment, "memory", lambda: needed)
    assert data.load(photos, (100, 100)).parts["all"].images.shape == (5, 100, 100, 3)
    monkeypatch.setattr(environment, "memory", lambda: needed - 1)
    monkeypatch.setattr(images, "decode", lambda *words, **others: 1 / 0)
    # What takes half of the memory fits: 100 / sqrt(2), rounded down.
    with pytest.raises(DataError, match=r"^6 pictures at 100 x 100 need 0\.0 GB .* choose a smaller size, such as --size 70$"):
        data.load(photos, (100, 100))
    monkeypatch.setattr(environment, "memory", lambda: 3)
    with pytest.raises(DataError, match="take fewer of them"):
        data.load(photos, (100, 100))


def test_the_parts_of_drawn_pictures_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "load", partial(letters.load, train=26, test=52))
    monkeypatch.setattr(environment, "memory", lambda: 2 * 78 * 40 * 40 * 3 - 1)
    with pytest.raises(DataError, match="78 pictures at 40 x 40"):
        data.load("letters", (40, 40))


def test_the_classes_of_data_known_by_name_are_known_without_it() -> None:
    assert data.known_classes("letters") == letters.CLASSES
    assert data.known_classes("cifar10") == cifar10.CLASSES
    assert data.known_classes("photos") is None
