"""From the bytes of a picture to an RGB array: the one decode path, which training, prediction and serving all go through.

The rule, which `RESIZE_RULE` states for whoever reads a model:

1. The first frame or page counts. The EXIF orientation is applied. Palette, grey, CMYK and YCbCr become RGB; transparent
   pixels are laid on white. 16-bit values are divided by 257; 32-bit integers count as 16-bit ones, floating point as 0-1,
   and values outside those ranges are refused, since nothing in the file says what white is.
2. A JPEG is decoded at the smallest of the scales 1, 1/2, 1/4 and 1/8 that leaves at least twice the target in both
   directions.
3. The whole picture is stretched to the target size with a triangle ("bilinear") filter, widened when shrinking so that
   every pixel of the source counts (antialiasing).
"""

from __future__ import annotations

import struct
import threading
import warnings
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from eyespot import settings
from eyespot.errors import ImageError, InputError

_JPEG = (".jpg", ".jpeg", ".jpe", ".jfif")
_HEIC = (".heic", ".heif", ".hif")

SUFFIXES: frozenset[str] = frozenset({*_JPEG, *_HEIC, ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif"})
"""The endings of files that are taken for pictures, in lower case; HEIC ones need the extra `heic`."""

RESIZE_RULE: dict[str, str | bool] = {
    "fit": "stretch",
    "filter": "triangle",
    "antialias": True,
    "transparency": "on white",
    "jpeg": "decoded at the smallest of 1, 1/2, 1/4, 1/8 that is at least twice the target in both directions",
}
"""How a picture comes to the network's input size, for the description inside a model."""

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "TIFF", "GIF")
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})

_ORIENTATION = 0x0112  # the EXIF tag
_UPRIGHT = {  # EXIF orientation -> what turns the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_LYING = frozenset({5, 6, 7, 8})  # orientations that swap height and width


def decode(source: Path | bytes, size: tuple[int, int] | None = None, *, name: str | None = None) -> NDArray[np.uint8]:
    """A picture as an array, (height, width, 3) uint8, RGB.

    Args:
        source: a file, or a file's bytes.
        size: (height, width) to resize to by the module's rule; None keeps the picture's own size.
        name: what errors call the picture; left out: its path.

    Errors: ImageError, whatever is wrong with the file; InputError for a size below 1.
    """
    _check_size(size)
    if name is None:
        name = str(source) if isinstance(source, Path) else "picture"
    try:
        with _pillow_silenced, source.open("rb") if isinstance(source, Path) else BytesIO(source) as file:
            image = _open(file, name)
            if size is not None:
                _shrink_while_decoding(image, size)
            image = _upright_rgb(image, name)
            return np.array(image if size is None else _stretch(image, size))
    except ImageError:
        raise
    except Exception as error:  # hostile bytes make Pillow raise nearly anything: OSError, SyntaxError, struct.error, ...
        raise ImageError(name, _reason(error)) from error


def native_size(source: Path | bytes, *, name: str | None = None) -> tuple[int, int]:
    """A picture's own (height, width), as its header says, before it is turned upright; nothing is decoded.

    Args:
        source: a file, or a file's bytes.
        name: what errors call the picture; left out: its path.

    Errors: ImageError, whatever is wrong with the header.
    """
    if name is None:
        name = str(source) if isinstance(source, Path) else "picture"
    try:
        with _pillow_silenced, source.open("rb") if isinstance(source, Path) else BytesIO(source) as file:
            width, height = _open(file, name).size
            return height, width
    except ImageError:
        raise
    except Exception as error:  # as in `decode`
        raise ImageError(name, _reason(error)) from error


def resize(image: NDArray[np.uint8] | Image.Image, size: tuple[int, int]) -> NDArray[np.uint8]:
    """An opened picture at another size, by the module's rule: (height, width, 3) uint8, RGB.

    Args:
        image: (height, width, 3) uint8, RGB; or a Pillow image of any mode, whose EXIF orientation is applied.
        size: (height, width).

    Errors: InputError for another shape or type, or a size below 1; ImageError for a Pillow image that cannot be decoded.
    """
    _check_size(size)
    if isinstance(image, Image.Image):
        try:
            with _pillow_silenced:
                return np.array(_stretch(_upright_rgb(image, "picture"), size))
        except ImageError:
            raise
        except Exception as error:  # an image that Pillow opened lazily is decoded only now; see `decode`
            raise ImageError("picture", _reason(error)) from error
    _check_array(image)
    return image if image.shape[:2] == tuple(size) else np.array(_stretch(Image.fromarray(image), size))


def _check_size(size: tuple[int, int] | None) -> None:
    if size is not None and min(size) < 1:
        raise InputError(f"a picture's size must be (height, width), both at least 1; got {tuple(size)}")


def _check_array(image: object) -> None:
    wanted = "a picture must be an array (height, width, 3) of uint8, RGB, values 0-255"
    if not isinstance(image, np.ndarray):
        raise InputError(f"{wanted}; got {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise InputError(f"{wanted}; got shape {image.shape}, {image.dtype}")


class _PillowSilenced:
    """Keeps Pillow's warnings from the user while at least one thread decodes.

    `warnings.catch_warnings` swaps the filters of the whole process: used by several threads at once it would put back the
    wrong ones. So the first thread in sets the filter, and the last one out restores what was there.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads = 0
        self._outer = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._threads == 0:
                self._outer = warnings.catch_warnings()
                self._outer.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")
            self._threads += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._threads -= 1
            if self._threads == 0:
                self._outer.__exit__(None, None, None)


_pillow_silenced = _PillowSilenced()


def _open(file: IO[bytes], name: str) -> Image.Image:
    """Read the header, no pixel yet; refuse what is empty, of another kind or too large."""
    head = file.read(12)
    if not head:
        raise ImageError(name, "is empty (0 bytes)")
    file.seek(0)
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
        image = _open_heic(file, name)
    else:
        image = Image.open(file, formats=_FORMATS)
    width, height = image.size
    if width * height > settings.MAX_PIXELS:
        raise ImageError(name, f"is {width} x {height} pixels; {_limit()}")
    return image


def _open_heic(file: IO[bytes], name: str) -> Image.Image:
    try:
        import pillow_heif
    except ImportError as error:
        raise ImageError(name, 'is a HEIC picture, which needs an extra: pip install "eyespot[heic]"') from error
    pillow_heif.register_heif_opener()
    return Image.open(file, formats=("HEIF",))


def _shrink_while_decoding(image: Image.Image, size: tuple[int, int]) -> None:
    """Have a JPEG decoded at the smallest native scale that is at least twice `size`; other kinds have no such scales."""
    if image.format not in ("JPEG", "MPO"):
        return
    height, width = size if _orientation(image) not in _LYING else (size[1], size[0])
    image.draft(None, (2 * width, 2 * height))


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1-8; 1 (upright) where the EXIF data is missing or damaged: the pixels are still good."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except (SyntaxError, struct.error, ValueError, TypeError, LookupError, OSError, EOFError):
        return 1
    return value if isinstance(value, int) else 1


def _upright_rgb(image: Image.Image, name: str) -> Image.Image:
    image.load()
    turn = _UPRIGHT.get(_orientation(image))  # asked after loading: Pillow turns TIFFs itself and then removes the tag
    image = _to_rgb(image, name)
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image, name: str) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = _to_8_bits(image, name)
    if image.has_transparency_data:
        image = image.convert("LA") if image.mode == "La" else image  # Pillow converts La to nothing else
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    if image.mode == "RGB":
        return image
    try:
        return image.convert("RGB")
    except ValueError as error:
        raise ImageError(name, f"has colours of the kind {image.mode}, which is not read here") from error


def _to_8_bits(image: Image.Image, name: str) -> Image.Image:
    values: NDArray[Any] = np.asarray(image)
    white = 1.0 if image.mode == "F" else 65535.0
    if not (values.min() >= 0 and values.max() <= white):  # also true of NaN
        found = f"{values.min():g} to {values.max():g}"
        raise ImageError(name, f"holds values from {found}; numbers of this kind are read from 0, black, to {white:g}, white")
    return Image.fromarray(np.rint(values * (255.0 / white)).astype(np.uint8))


def _stretch(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    height, width = size
    return image if image.size == (width, height) else image.resize((width, height), Image.Resampling.BILINEAR)


def _limit() -> str:
    return f"at most {settings.MAX_PIXELS // 1_000_000} million pixels are decoded"


def _reason(error: Exception) -> str:
    """What to tell the user about an error that Pillow or the file system raised."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, IsADirectoryError):
        return "is a folder, not a picture"
    if isinstance(error, PermissionError):
        return "may not be read (permission denied)"
    if isinstance(error, UnidentifiedImageError):
        return "is not a picture of a known kind (JPEG, PNG, WebP, BMP, TIFF, GIF), or its beginning is damaged"
    if isinstance(error, Image.DecompressionBombError):
        return f"is far too large; {_limit()}"
    if isinstance(error, MemoryError):
        return "does not fit into memory"
    if "truncated" in str(error).lower():
        return "is truncated: the file ends before the picture does"
    return f"is damaged ({str(error) or type(error).__name__})"
