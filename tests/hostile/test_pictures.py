"""Picture files made to break a decoder: each gives one ImageError or a picture, never anything else."""

from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from eyespot import images
from eyespot.errors import ImageError

Draw = Callable[..., NDArray[np.uint8]]

KINDS: dict[str, dict[str, Any]] = {
    "JPEG": {"format": "JPEG"},
    "progressive JPEG": {"format": "JPEG", "progressive": True},
    "PNG": {"format": "PNG"},
    "WebP": {"format": "WEBP"},
    "BMP": {"format": "BMP"},
    "TIFF": {"format": "TIFF"},
    "packed TIFF": {"format": "TIFF", "compression": "tiff_lzw"},
    "GIF": {"format": "GIF"},
}

each_kind = pytest.mark.parametrize("options", KINDS.values(), ids=KINDS.keys())


def encoded(draw: Draw, options: dict[str, Any]) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = BytesIO()
    Image.fromarray(draw(0, 60, 80)).save(buffer, **options, exif=exif)
    return buffer.getvalue()


def test_an_empty_file_is_an_error_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "empty.jpg"
    path.touch()
    with pytest.raises(ImageError, match=r"empty\.jpg: is empty \(0 bytes\)"):
        images.decode(path)


@each_kind
def test_a_truncated_file_is_an_error(draw: Draw, options: dict[str, Any]) -> None:
    data = encoded(draw, options)
    with pytest.raises(ImageError, match=r"is truncated|is damaged"):
        images.decode(data[: len(data) // 2], name="half")


def test_a_truncated_photograph_is_called_truncated(draw: Draw) -> None:
    data = encoded(draw, {"format": "JPEG"})
    with pytest.raises(ImageError, match="half: is truncated: the file ends before the picture does"):
        images.decode(data[: len(data) // 2], name="half")


@each_kind
def test_a_file_with_bytes_changed_gives_a_picture_or_an_image_error(draw: Draw, options: dict[str, Any]) -> None:
    data = encoded(draw, options)
    generator = np.random.default_rng(0)
    for _ in range(150):
        changed = np.frombuffer(data, np.uint8).copy()
        places = generator.integers(0, min(len(changed), 600), generator.integers(1, 6))
        changed[places] = generator.integers(0, 256, len(places))
        with suppress(ImageError):
            assert images.decode(changed.tobytes(), (8, 8)).shape == (8, 8, 3)


@pytest.mark.parametrize(
    "data",
    [
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%!PS-Adobe-3.0\n",
        b"%PDF-1.7\n",
        b"\0" * 1000,
        b"8BPS" + bytes(100),
    ],
    ids=["text", "SVG", "PostScript", "PDF", "zeros", "Photoshop"],
)
def test_what_is_no_picture_of_a_known_kind_is_an_error(data: bytes) -> None:
    with pytest.raises(ImageError, match="is not a picture of a known kind"):
        images.decode(data)


def test_a_bmp_that_promises_more_than_it_holds_is_an_error() -> None:
    header = bytearray(small_bmp())
    header[18:26] = (5000).to_bytes(4, "little") * 2
    with pytest.raises(ImageError):
        images.decode(bytes(header))


def small_bmp() -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (2, 2)).save(buffer, "BMP")
    return buffer.getvalue()


def test_a_gif_whose_frame_is_larger_than_its_screen_is_held_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = BytesIO()
    Image.new("P", (4, 4)).save(buffer, "GIF")
    data = bytearray(buffer.getvalue())
    frame = data.index(b"\x2c")  # the image descriptor: left, top, width, height
    data[frame + 5 : frame + 9] = (60_000).to_bytes(2, "little") * 2
    with pytest.raises(ImageError, match="at most 50 million pixels"):
        images.decode(bytes(data))
