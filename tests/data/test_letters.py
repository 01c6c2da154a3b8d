import importlib.util
from collections import Counter
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from eyespot.data import Dataset, letters
from eyespot.data.reading import resized
from eyespot.errors import DataError

FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"


@pytest.fixture(scope="module")
def drawn() -> Dataset:
    return letters.load(train=16 * 26 * 2, test=6 * 26 * 2)


def test_there_are_20000_pictures_of_32_by_32_in_two_parts() -> None:
    defaults = letters.load.__kwdefaults__
    assert (defaults["train"], defaults["test"]) == (16_000, 4_000)


def test_the_pictures_are_32_by_32_of_a_to_z(drawn: Dataset) -> None:
    assert drawn.name == "letters"
    assert "".join(drawn.classes) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert drawn.parts["train"].images.shape == (832, 32, 32, 3)
    assert drawn.parts["test"].names[:2] == ("test/00000", "test/00001")


def test_each_letter_is_drawn_equally_often(drawn: Dataset) -> None:
    for part in drawn.parts.values():
        assert len(set(Counter(part.labels.tolist()).values())) == 1


def test_the_same_seed_draws_the_same_pictures_and_another_seed_others() -> None:
    prints = [letters.load(train=60, test=30, seed=seed).fingerprint() for seed in (0, 0, 1)]
    assert prints[0] == prints[1] != prints[2]


def test_the_parts_share_no_font() -> None:
    train = {face for faces in letters.TRAIN_FACES.values() for face in faces}
    test = {face for faces in letters.TEST_FACES.values() for face in faces}
    assert not set(letters.TRAIN_FACES) & set(letters.TEST_FACES)
    assert not train & test
    assert not any(face.startswith("cm") for face in train)  # Computer Modern is one design


def ink(font: ImageFont.FreeTypeFont, letter: str) -> bytes:
    image = Image.new("L", (120, 120))
    ImageDraw.Draw(image).text((20, 20), letter, fill=255, font=font)
    return image.tobytes()


def test_every_face_draws_26_different_letters_and_none_of_them_the_box_of_a_missing_one() -> None:
    for families in (letters.TRAIN_FACES, letters.TEST_FACES):
        for face in (face for faces in families.values() for face in faces):
            font = ImageFont.truetype(f"{FONTS}/{face}.ttf", 60)
            shapes = {ink(font, letter) for letter in letters.CLASSES}
            assert len(shapes) == 26, face
            assert ink(font, "\uf8ff") not in shapes, face


@pytest.fixture(scope="module")
def plain() -> Dataset:
    """Letters without noise: all pixels that no letter covers have the color of the corner."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(letters, "_NOISE", 0.0)
        return letters.load(train=16 * 26, test=6 * 26, seed=7)


def coverage(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How far each pixel is from the ground's color: (32, 32), at most 1."""
    distance = np.abs(image.astype(float) - image[0, 0]).sum(axis=2)
    return distance / distance.max()


def test_no_letter_is_cut_off_at_the_edge(plain: Dataset) -> None:
    for part in plain.parts.values():
        for image in part.images:
            share = coverage(image)
            assert max(share[0].max(), share[-1].max(), share[:, 0].max(), share[:, -1].max()) < 0.5


def test_letters_differ_in_size_and_place(plain: Dataset) -> None:
    boxes = [np.argwhere(coverage(image) > 0.5) for image in plain.parts["train"].images]
    heights = [np.ptp(box[:, 0]) + 1 for box in boxes]
    assert min(heights) < 18
    assert max(heights) > 24
    assert np.ptp([box[:, 0].mean() for box in boxes]) > 8
    assert np.ptp([box[:, 1].mean() for box in boxes]) > 8


def cropped(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """The letter's own box, stretched to 16 x 16."""
    box = np.argwhere(share > 0.4)
    (top, left), (bottom, right) = box.min(axis=0), box.max(axis=0) + 1
    picture = Image.fromarray((share[top:bottom, left:right] * 255).astype(np.uint8))
    return np.asarray(picture.resize((16, 16)), float).ravel()


def test_most_pictures_resemble_the_letter_of_their_label_in_an_upright_font(plain: Dataset) -> None:
    fonts = [ImageFont.truetype(f"{FONTS}/{face}.ttf", 60) for faces in letters.TRAIN_FACES.values() for face in faces]
    templates = [
        cropped(np.frombuffer(ink(font, letter), np.uint8).reshape(120, 120) / 255)
        for font in fonts
        for letter in letters.CLASSES
    ]
    pictures = np.stack([cropped(coverage(image)) for image in plain.parts["train"].images])
    nearest = ((pictures[:, None] - np.stack(templates)) ** 2).sum(axis=2).argmin(axis=1) % 26
    assert (nearest == plain.parts["train"].labels).mean() > 0.7  # chance: 0.04


def test_letter_and_ground_differ_enough_to_be_told_apart(drawn: Dataset) -> None:
    luminance = drawn.parts["train"].images @ np.array([0.299, 0.587, 0.114])
    brightest, darkest = (np.quantile(luminance, share, axis=(1, 2)) for share in (0.99, 0.01))
    assert (brightest - darkest).min() > 80


def test_letters_come_at_other_sizes_too() -> None:
    part = letters.load(train=26, test=26).parts["test"]
    assert resized(part, (16, 20)).images.shape == (26, 16, 20, 3)


def test_missing_fonts_are_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="pip install matplotlib"):
        letters.load(train=26, test=26)
