import re
import struct
import sys
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from eyespot import images, settings
from eyespot.errors import ImageError, InputError

Draw = Callable[..., NDArray[np.uint8]]

LOSSLESS: dict[str, dict[str, Any]] = {
    "png": {"format": "PNG"},
    "bmp": {"format": "BMP"},
    "tiff": {"format": "TIFF"},
    "packed tiff": {"format": "TIFF", "compression": "tiff_lzw"},
    "webp": {"format": "WEBP", "lossless": True},
}


def encoded(image: Image.Image | NDArray[Any], format: str, **options: Any) -> bytes:
    buffer = BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, format, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises so many pixels and holds none."""
    chunks = {b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT": b"", b"IEND": b""}
    packed = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks.items()
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize("options", LOSSLESS.values(), ids=LOSSLESS.keys())
def test_lossless_kinds_give_the_very_pixels_that_were_saved(draw: Draw, options: dict[str, Any]) -> None:
    picture = draw(1)
    assert np.array_equal(images.decode(encoded(picture, **options)), picture)


@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
def test_lossy_kinds_give_nearly_the_pixels_that_were_saved(draw: Draw, format: str) -> None:
    picture = draw(1, 200, 200)
    decoded = images.decode(encoded(picture, format, quality=95))
    assert decoded.shape == picture.shape
    assert np.abs(decoded.astype(int) - picture).mean() < 3


def test_a_file_is_read_by_its_content_whatever_its_name(draw: Draw, tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(encoded(draw(1), "PNG"))
    assert np.array_equal(images.decode(path), draw(1))


UPRIGHT: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: np.rot90(stored, 1),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
def test_a_picture_is_turned_as_its_exif_orientation_says(draw: Draw, format: str, orientation: int) -> None:
    stored = draw(2)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if format == "WEBP" else {}
    assert np.array_equal(images.decode(encoded(stored, format, exif=exif, **options)), UPRIGHT[orientation](stored))


def test_a_picture_with_damaged_exif_data_counts_as_upright(draw: Draw) -> None:
    data = encoded(draw(2), "PNG", exif=b"Exif\0\0MM\0*" + b"\xff" * 40)
    assert np.array_equal(images.decode(data), draw(2))


def test_transparent_pixels_lie_on_white(draw: Draw) -> None:
    picture = draw(3)
    alpha = np.tile(np.linspace(0, 255, picture.shape[1]).astype(np.uint8), (picture.shape[0], 1))
    share = alpha[..., None] / 255
    expected = picture * share + 255 * (1 - share)
    decoded = images.decode(encoded(np.dstack([picture, alpha]), "PNG"))
    assert np.abs(decoded - expected).max() <= 1


def test_grey_with_alpha_lies_on_white() -> None:
    assert images.decode(encoded(Image.new("LA", (2, 2), (100, 0)), "PNG")).tolist() == [[[255] * 3] * 2] * 2
    assert images.decode(encoded(Image.new("LA", (2, 2), (100, 255)), "PNG")).tolist() == [[[100] * 3] * 2] * 2


@pytest.mark.parametrize("transparency", [0, b"\x00\xff"], ids=["one color", "alpha of each color"])
def test_a_transparent_palette_color_lies_on_white(transparency: int | bytes) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    decoded = images.decode(encoded(image, "PNG", transparency=transparency))
    assert decoded.tolist() == [[[255, 255, 255], [40, 50, 60]]]


def test_palette_colors_are_looked_up() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    for format in ("PNG", "GIF", "BMP"):
        assert images.decode(encoded(image, format)).tolist() == [[[10, 20, 30], [40, 50, 60]]]


def test_grey_and_black_and_white_become_rgb() -> None:
    assert images.decode(encoded(Image.new("L", (1, 1), 77), "PNG")).tolist() == [[[77, 77, 77]]]
    assert images.decode(encoded(Image.new("1", (1, 1), 1), "PNG")).tolist() == [[[255, 255, 255]]]


@pytest.mark.parametrize("format", ["TIFF", "JPEG"])
def test_cmyk_inks_become_rgb(format: str) -> None:
    inks = (200, 30, 0, 60)
    expected = [(255 - ink) * (255 - inks[3]) / 255 for ink in inks[:3]]
    options = {"quality": 100} if format == "JPEG" else {}
    decoded = images.decode(encoded(Image.new("CMYK", (8, 8), inks), format, **options))
    assert np.abs(decoded - expected).max() <= 3


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_to_8_bits(format: str) -> None:
    values = np.array([[0, 128, 129, 257, 30000, 65535]], np.uint16)
    decoded = images.decode(encoded(values, format))
    assert decoded[0, :, 0].tolist() == [0, 0, 1, 1, 117, 255]  # divided by 257, rounded


def test_32_bit_integers_count_as_16_bit_ones() -> None:
    decoded = images.decode(encoded(np.array([[0, 25700, 65535]], np.int32), "TIFF"))
    assert decoded[0, :, 0].tolist() == [0, 100, 255]


def test_floating_point_counts_from_0_to_1() -> None:
    decoded = images.decode(encoded(np.array([[0, 0.5, 1]], np.float32), "TIFF"))
    assert decoded[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    "values",
    [
        np.array([[0, 70000]], np.int32),
        np.array([[-1, 5]], np.int32),
        np.array([[0, 2.5]], np.float32),
        np.array([[np.nan]], np.float32),
    ],
    ids=["too large", "negative", "float above 1", "not a number"],
)
def test_numbers_without_a_known_white_are_refused(values: NDArray[Any]) -> None:
    with pytest.raises(ImageError, match="holds values from"):
        images.decode(encoded(values, "TIFF"))


@pytest.mark.parametrize("format", ["GIF", "TIFF", "WEBP", "PNG"])
def test_the_first_frame_or_page_counts(format: str) -> None:
    frames = [Image.new("RGB", (6, 4), color) for color in ("red", "blue", "green")]
    options: dict[str, Any] = {"lossless": True} if format == "WEBP" else {}
    decoded = images.decode(encoded(frames[0], format, save_all=True, append_images=frames[1:], **options))
    assert decoded.shape == (4, 6, 3)
    assert (decoded == [255, 0, 0]).all()


def test_the_whole_picture_is_stretched_to_the_size_asked_for(draw: Draw) -> None:
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[:, -20:] = 255  # a quarter of the width
    decoded = images.decode(encoded(picture, "PNG"), (16, 16))
    assert decoded.shape == (16, 16, 3)
    assert (decoded[:, :11] == 0).all()
    assert (decoded[:, 13:] == 255).all()


def triangle_weights(source: int, target: int) -> NDArray[np.float64]:
    """(target, source): how much each source pixel counts, by a triangle as wide as two target pixels (or source pixels)."""
    step = source / target
    width = max(step, 1.0)
    centers = (np.arange(target) + 0.5) * step
    distance = np.abs(np.arange(source) + 0.5 - centers[:, None]) / width
    weights = np.clip(1 - distance, 0, None)
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("size", [(10, 6), (32, 32), (24, 7)], ids=["smaller", "larger", "narrower"])
def test_resizing_is_a_triangle_filter_that_sees_every_pixel(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (24, 20, 3), np.uint8)
    expected = np.einsum("ih,jw,hwc->ijc", triangle_weights(24, size[0]), triangle_weights(20, size[1]), picture)
    assert np.abs(images.resize(picture, size) - expected).max() <= 1.01


def test_a_picture_of_the_right_size_is_left_as_it_is(draw: Draw) -> None:
    assert np.array_equal(images.resize(draw(4), (24, 20)), draw(4))


# Stored 600 wide, 400 high. Twice the target must fit into the scaled picture: 75 x 50, 150 x 100, 300 x 200 or 600 x 400.
@pytest.mark.parametrize(
    ("orientation", "size", "scaled"),
    [
        (1, (25, 25), (75, 50)),
        (1, (32, 32), (150, 100)),
        (1, (25, 40), (150, 100)),
        (1, (100, 100), (300, 200)),
        (1, (120, 120), (600, 400)),
        (1, (500, 500), (600, 400)),
        (6, (64, 8), (150, 100)),  # shown upright it is 400 wide and 600 high; unswapped it would be decoded at 300 x 200
        (6, (8, 64), (300, 200)),
    ],
)
def test_a_jpeg_is_decoded_at_the_smallest_scale_that_is_twice_the_target(
    draw: Draw, orientation: int, size: tuple[int, int], scaled: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(draw(5, 400, 600), "JPEG", exif=exif)
    reference = Image.open(BytesIO(data))
    reference.draft(None, scaled)
    assert reference.size == scaled
    shown = Image.fromarray(np.ascontiguousarray(UPRIGHT[orientation](np.asarray(reference))))
    expected = np.asarray(shown.resize((size[1], size[0]), Image.Resampling.BILINEAR))
    assert np.array_equal(images.decode(data, size), expected)


def test_a_scaled_jpeg_hardly_differs_from_one_decoded_whole(draw: Draw) -> None:
    picture = draw(5, 400, 600)
    whole = images.resize(images.decode(encoded(picture, "JPEG", quality=95)), (32, 32))
    assert np.abs(images.decode(encoded(picture, "JPEG", quality=95), (32, 32)).astype(int) - whole).mean() < 2


def test_a_pillow_image_of_any_mode_is_resized_like_its_file(draw: Draw) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for image, options in [
        (Image.fromarray(draw(6)), {"exif": exif}),
        (Image.fromarray(draw(6)).convert("RGBA"), {}),
        (Image.fromarray(draw(6)).convert("P"), {}),
        (Image.fromarray(draw(6)[..., 0].astype(np.uint16) * 257), {}),
    ]:
        data = encoded(image, "PNG", **options)
        assert np.array_equal(images.resize(Image.open(BytesIO(data)), (12, 9)), images.decode(data, (12, 9)))


def test_a_pillow_image_is_not_changed(draw: Draw) -> None:
    image = Image.fromarray(draw(6)).convert("RGBA")
    before = image.copy()
    images.resize(image, (5, 5))
    assert image == before


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((2, 4, 4, 3), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        [[0, 0, 0]],
    ],
    ids=["grey", "with alpha", "several", "empty", "floating point", "a list"],
)
def test_another_shape_or_type_is_an_input_error_that_says_what_came(picture: Any) -> None:
    with pytest.raises(InputError, match=r"\(height, width, 3\) of uint8.*; got "):
        images.resize(picture, (8, 8))


@pytest.mark.parametrize("size", [(0, 8), (8, -1)])
def test_a_size_below_1_is_an_input_error(draw: Draw, size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match=r"both at least 1; got \("):
        images.decode(encoded(draw(1), "PNG"), size)
    with pytest.raises(InputError, match=r"both at least 1; got \("):
        images.resize(draw(1), size)


@pytest.mark.parametrize("size", [(20_000, 10_000), (12_000, 9_000), (7_100, 7_100)], ids=["200 megapixels", "108", "50.4"])
def test_too_many_pixels_are_refused_from_the_header_alone(size: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match="at most 50 million pixels"):
        images.decode(png_header(*size), (32, 32), name="huge.png")


def test_as_many_pixels_as_allowed_are_decoded(draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "MAX_PIXELS", 24 * 20)
    assert images.decode(encoded(draw(1), "PNG")).shape == (24, 20, 3)
    with pytest.raises(ImageError, match="is 20 x 25 pixels"):
        images.decode(encoded(draw(1, 25, 20), "PNG"))


def test_a_missing_file_and_a_folder_are_image_errors_that_name_them(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"cat\.jpg: no such file"):
        images.decode(tmp_path / "cat.jpg")
    with pytest.raises(ImageError, match=re.escape(str(tmp_path))):
        images.decode(tmp_path)


def test_a_heic_picture_without_its_extra_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ImageError, match=r'pip install "eyespot\[heic\]"'):
        images.decode(b"\x00\x00\x00\x18ftypheic" + bytes(20))


def test_a_heic_picture_with_its_extra_is_decoded(draw: Draw) -> None:
    pillow_heif = pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
    buffer = BytesIO()
    pillow_heif.from_pillow(Image.fromarray(draw(1, 64, 64))).save(buffer, quality=90)
    assert np.abs(images.decode(buffer.getvalue()).astype(int) - draw(1, 64, 64)).mean() < 6


def test_threads_decode_at_once_without_warnings_and_leave_the_filters_as_they_were(draw: Draw) -> None:
    filters = list(warnings.filters)
    good, warned = encoded(draw(1, 100, 100), "JPEG"), png_header(12_000, 9_000)  # Pillow warns of the second

    def work(_: int) -> None:
        images.decode(good, (32, 32))
        with pytest.raises(ImageError, match="12000 x 9000"):
            images.decode(warned)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(200)))
    assert warnings.filters == filters


@pytest.mark.clothes
def test_real_photographs_are_decoded(clothes: Path) -> None:
    photographs = sorted(clothes.glob("test/*/*.jpg"))[:40]
    decoded = np.stack([images.decode(path, (32, 32)) for path in photographs])
    assert decoded.shape == (40, 32, 32, 3)
    assert (decoded.std(axis=(1, 2, 3)) > 10).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP"])
def test_a_header_tells_the_size_and_nothing_is_decoded(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"picture.{kind.lower()}"
    Image.new("RGB", (50, 30)).save(path, kind)

    def load(*arguments: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(Image.Image, "load", load)
    assert images.native_size(path) == images.native_size(path.read_bytes()) == (30, 50)


def test_a_header_that_cannot_be_read_names_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"picture\.png: is not"):
        images.native_size(path)
    with pytest.raises(ImageError, match="cat: is empty"):
        images.native_size(b"", name="cat")
