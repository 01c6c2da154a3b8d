"""Letters: 32x32 colour pictures of A to Z, drawn from the fonts that ship with Matplotlib; no download.

The parts share no font: `train` is drawn from DejaVu and STIX, `test` from Computer Modern alone, so that the test asks
whether letters were learned or fonts. Size, place, rotation, colours and noise are random, from a seed: the same seed and the
same versions of Matplotlib and Pillow draw the same pictures.
"""

from __future__ import annotations

import importlib.util
import string
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from eyespot.data.dataset import Dataset, Part
from eyespot.errors import DataError
from eyespot.progress import SILENT, Progress, Task

CLASSES = tuple(string.ascii_uppercase)
"""A to Z."""

# Chosen by looking at A to Z in every font that Matplotlib ships. Not among them: cmex10 (its A to Z are mathematical signs),
# cmsy10 (script capitals, some of which few people can name), LastResortHE-Regular (the same box for every letter),
# DejaVuSansDisplay, DejaVuSerifDisplay and the STIX fonts other than General (no A to Z at all).
TRAIN_FACES: Mapping[str, tuple[str, ...]] = {
    "DejaVu Sans": ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique"),
    "DejaVu Sans Mono": ("DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSansMono-BoldOblique"),
    "DejaVu Serif": ("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
    "STIX General": ("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta"),
}
"""Families drawn for training -> the files of their faces."""

TEST_FACES: Mapping[str, tuple[str, ...]] = {
    "Computer Modern Roman": ("cmr10", "cmb10", "cmti10", "cmmi10"),
    "Computer Modern Sans": ("cmss10",),
    "Computer Modern Typewriter": ("cmtt10",),
}
"""Families drawn for testing only -> the files of their faces."""

SIZE = 32
"""Height and width of a picture, in pixels."""

_HEIGHTS = (17.0, 26.0)  # of a capital H, in pixels of the picture
_ROTATION = 12.0  # degrees to either side
_CONTRAST = 100.0  # between letter and ground, in luminance 0-255
_NOISE = 10.0  # standard deviation of the noisiest pictures, in pixel values
_MARGIN = 1.0  # pixels that stay free around a letter

_GLYPH = 128  # glyphs are kept this large ...
_GLYPH_HEIGHT = 56.0  # ... with a capital H this high: about the largest that is drawn, so that shrinking stays below 2
_SUPERSAMPLING = 2
_CHUNK = 500  # pictures drawn at a time


@dataclass(frozen=True)
class _Glyph:
    """One letter of one face: its shape, (128, 128) with the letter's box in the middle, and the box's size in pixels."""

    mask: Image.Image
    width: float
    height: float


def load(*, train: int = 16_000, test: int = 4_000, seed: int = 0, progress: Progress = SILENT) -> Dataset:
    """Draw the data set: parts `train` and `test` of so many pictures, letters and faces as often as each other.

    Errors: DataError, where Matplotlib's fonts are not found.
    """
    folder = _font_folder()
    with progress.task("Drawing letters", train + test) as task:
        parts = {
            name: _draw_part(name, faces, count, np.random.default_rng([seed, k]), folder, task)
            for k, (name, faces, count) in enumerate([("train", TRAIN_FACES, train), ("test", TEST_FACES, test)])
        }
    return Dataset(
        "letters",
        CLASSES,
        parts,
        notes=(f"train is drawn from {', '.join(TRAIN_FACES)}; test from {', '.join(TEST_FACES)}",),
        facts={"seed": seed},
    )


def _font_folder() -> Path:
    spec = importlib.util.find_spec("matplotlib")  # finds the folder without the cost of importing it
    folders = list(spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        fonts = Path(folder, "mpl-data", "fonts", "ttf")
        if fonts.is_dir():
            return fonts
    raise DataError("the letters are drawn from Matplotlib's fonts, which are not found; reinstall it: pip install matplotlib")


def _draw_part(
    name: str, families: Mapping[str, Sequence[str]], count: int, random: np.random.Generator, folder: Path, task: Task
) -> Part:
    glyphs = [_glyphs(folder / f"{face}.ttf") for faces in families.values() for face in faces]
    order = random.permutation(count)
    labels = order % len(CLASSES)
    faces = order // len(CLASSES) % len(glyphs)
    images = np.empty((count, SIZE, SIZE, 3), np.uint8)
    with ThreadPoolExecutor() as pool:
        for start in range(0, count, _CHUNK):
            chunk = slice(start, min(start + _CHUNK, count))
            chosen = [glyphs[face][label] for face, label in zip(faces[chunk], labels[chunk], strict=True)]
            coverage = np.stack(list(pool.map(_place, chosen, random.random((len(chosen), 4)))))
            images[chunk] = _paint(coverage, random)
            task.advance(len(chosen))
    return Part(images, labels.astype(np.int64), tuple(f"{name}/{i:05d}" for i in range(count)))


def _glyphs(path: Path) -> list[_Glyph]:
    """A to Z of a face, all with the same factor enlarged so that H is `_GLYPH_HEIGHT` high."""
    try:
        _, top, _, bottom = ImageFont.truetype(path, 100).getbbox("H")
        font = ImageFont.truetype(path, round(100 * _GLYPH_HEIGHT / (bottom - top)))
    except OSError as error:
        raise DataError(f"the letters need the font {path}, which cannot be read ({error}); reinstall Matplotlib") from error
    glyphs = []
    for letter in CLASSES:
        left, top, right, bottom = font.getbbox(letter)
        mask = Image.new("L", (_GLYPH, _GLYPH))
        middle = ((_GLYPH - left - right) / 2, (_GLYPH - top - bottom) / 2)
        ImageDraw.Draw(mask).text(middle, letter, fill=255, font=font)
        glyphs.append(_Glyph(mask, right - left, bottom - top))
    return glyphs


def _place(glyph: _Glyph, random: NDArray[np.float64]) -> NDArray[np.uint8]:
    """How far a letter covers each pixel, (32, 32) uint8: sized, rotated and placed by four random numbers 0-1."""
    height = _HEIGHTS[0] + (_HEIGHTS[1] - _HEIGHTS[0]) * random[0]
    angle = np.deg2rad(_ROTATION * (2 * random[1] - 1))
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    # The box of the rotated letter, in pixels of the glyph; a letter too wide for the picture is made smaller.
    box_width = glyph.width * cos + glyph.height * abs(sin)
    box_height = glyph.height * cos + glyph.width * abs(sin)
    room = SIZE - 2 * _MARGIN
    scale = min(height / _GLYPH_HEIGHT, room / box_width, room / box_height)
    center_x = SIZE / 2 + (random[2] - 0.5) * (room - scale * box_width)
    center_y = SIZE / 2 + (random[3] - 0.5) * (room - scale * box_height)
    # Pillow asks for the way back: from a pixel of the (supersampled) picture to a pixel of the glyph.
    step = 1 / (scale * _SUPERSAMPLING)
    a, b, d, e = cos * step, sin * step, -sin * step, cos * step
    x, y = center_x * _SUPERSAMPLING, center_y * _SUPERSAMPLING
    back = (a, b, _GLYPH / 2 - a * x - b * y, d, e, _GLYPH / 2 - d * x - e * y)
    large = (SIZE * _SUPERSAMPLING, SIZE * _SUPERSAMPLING)
    picture = glyph.mask.transform(large, Image.Transform.AFFINE, back, Image.Resampling.BILINEAR)
    return np.asarray(picture.reduce(_SUPERSAMPLING))


def _paint(coverage: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Lay letters of random colours on grounds of random colours, and add noise: (n, 32, 32) -> (n, 32, 32, 3)."""
    count = len(coverage)
    ground, letter = _colors(count, random)
    share = (coverage / np.float32(255))[..., None]
    pixels = ground[:, None, None] + (letter - ground)[:, None, None] * share
    strength = random.random((count, 1, 1, 1), np.float32) * np.float32(_NOISE)
    pixels += strength * random.standard_normal(pixels.shape, np.float32)
    return np.rint(np.clip(pixels, 0, 255)).astype(np.uint8)


def _colors(count: int, random: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """`count` pairs of colours, each (count, 3), that differ enough in luminance (ITU-R BT.601) to be told apart."""
    pairs = random.random((2, count, 3), np.float32) * np.float32(255)
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    while True:
        faint = np.flatnonzero(np.abs((pairs[0] - pairs[1]) @ weights) < _CONTRAST)
        if not len(faint):
            return pairs[0], pairs[1]
        pairs[:, faint] = random.random((2, len(faint), 3), np.float32) * np.float32(255)
