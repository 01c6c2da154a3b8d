"""Pictures -> probabilities, on ONNX Runtime: neither torch nor Keras is needed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from eyespot import images
from eyespot.bundle.file import read
from eyespot.errors import DownloadError, ImageError, InputError
from eyespot.progress import SILENT, Progress
from eyespot.run_folder import find_model
from eyespot.settings import MAX_DOWNLOAD_BYTES

Picture = Path | str | bytes | NDArray[Any] | Image.Image
"""One picture: a path, an http(s) address, a file's bytes, a (height, width, 3) array of 0-255 or a Pillow image."""

_KINDS = "a path, an http(s) address, a picture file's bytes, an array or a Pillow image"
_SHAPES = "(height, width, 3) or (n, height, width, 3)"
_CHUNK = 256
"""So many pictures are decoded ahead of the network."""


@dataclass(frozen=True)
class Prediction:
    """What a model says of one picture.

    Attributes:
        label: the most probable class.
        probability: of that class, 0-1.
        top: the most probable classes with their probabilities, the best first.
        unsure: whether the probability lies under the model's threshold; never where it has none.
    """

    label: str
    probability: float
    top: tuple[tuple[str, float], ...]
    unsure: bool


class Model:
    """A trained classifier.

    Attributes:
        path: the model file.
        description: what the file says about itself.

    Args:
        path: a model.onnx that Eyespot wrote.
        threads: how many threads compute; None: as many as the processor has cores.

    Errors: ModelError, as `eyespot.bundle.file.read`.
    """

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        self.path = path
        self._runtime, self.description = read(path, threads=threads)

    def __repr__(self) -> str:
        return f"<eyespot.Model {self.path}: {len(self.classes)} classes>"

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, in the order of the probabilities."""
        return self.description.classes

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) that pictures are resized to."""
        return self.description.size

    @overload
    def predict(self, pictures: Path | str | bytes | Image.Image, top_k: int = 5) -> Prediction: ...
    @overload
    def predict(self, pictures: list[Any] | tuple[Any, ...], top_k: int = 5) -> list[Prediction]: ...
    @overload
    def predict(self, pictures: NDArray[Any], top_k: int = 5) -> Any: ...
    def predict(self, pictures: Any, top_k: int = 5) -> Prediction | list[Prediction]:
        """What the pictures show.

        Args:
            pictures: one picture: a path, an http(s) address, a file's bytes, an array (height, width, 3) of 0-255 or a Pillow
                image; or several: a list of these, or an array (n, height, width, 3). Each is resized as in training.
            top_k: how many classes to list for each.

        Returns: one `Prediction` for one picture, a list of them, in order, for several.

        Errors: ImageError, which names the picture that cannot be decoded, and DownloadError: with either, no prediction is
        returned (`predict_each` goes on); InputError for a wrong type, shape or value.
        """
        if isinstance(pictures, np.ndarray) and pictures.ndim == 4:
            return self._predictions(self._pixels_of_array(pictures), top_k)
        if not isinstance(pictures, list | tuple):
            return self._predictions(self._pixels(pictures)[None], top_k)[0]
        predictions = []
        for outcome in self.predict_each(pictures, top_k):
            if not isinstance(outcome, Prediction):
                raise outcome
            predictions.append(outcome)
        return predictions

    def predict_each(self, pictures: Iterable[Picture], top_k: int = 5) -> Iterator[Prediction | ImageError | DownloadError]:
        """What each picture shows, or why it could not be read, in order, as they come: for any number of pictures.

        Pictures are decoded by several threads, a bounded number ahead.

        Errors: InputError for a wrong type, shape or value.
        """
        remaining = iter(pictures)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            while chunk := list(islice(remaining, _CHUNK)):
                outcomes = list(pool.map(self._pixels_or_error, chunk))
                readable = [outcome for outcome in outcomes if isinstance(outcome, np.ndarray)]
                predictions = iter(self._predictions(np.stack(readable), top_k) if readable else [])
                for outcome in outcomes:
                    yield next(predictions) if isinstance(outcome, np.ndarray) else outcome

    def probabilities(
        self, pictures: NDArray[np.uint8], *, flip: bool = False, progress: Progress = SILENT
    ) -> NDArray[np.float32]:
        """The probability of each class.

        Args:
            pictures: (n, height, width, 3) uint8 at the model's own `size`.
            flip: give the mean of the probabilities of each picture and of its mirror image.

        Returns: (n, classes), 0-1.

        Errors: InputError for another shape or type.
        """
        expected = (*self.size, 3)
        if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[1:] != expected:
            raise InputError(
                f"the model takes pictures (n, {', '.join(map(str, expected))}) uint8; got {_described(pictures)}; "
                "`predict` resizes"
            )
        batches = []
        with progress.task("predicting", len(pictures)) as task:
            for batch in self._runtime.batches(pictures):
                batches.append(batch)
                task.advance(len(batch))
        found = np.concatenate(batches) if batches else np.empty((0, len(self.classes)), np.float32)
        if not flip:
            return found
        return (found + self.probabilities(pictures[:, :, ::-1], progress=progress)) * np.float32(0.5)

    def check(self) -> float:
        """Recompute the golden pictures that the file brings, from their bytes on.

        Returns: the largest difference to the stored probabilities: under 1e-4 where all is well.
        """
        golden = self.description.golden
        pictures = np.stack([images.decode(entry.picture, self.size, name="golden picture") for entry in golden])
        stored = np.array([entry.probabilities for entry in golden], np.float32)
        return float(np.abs(self.probabilities(pictures) - stored).max())

    def _predictions(self, pictures: NDArray[np.uint8], top_k: int) -> list[Prediction]:
        if top_k < 1:
            raise InputError(f"top_k must be at least 1; got {top_k}")
        return [self._prediction(row, top_k) for row in self.probabilities(pictures)]

    def _prediction(self, row: NDArray[np.float32], top_k: int) -> Prediction:
        # A stable sort of the negated row puts the earlier of two equal classes first, as evaluation does.
        best = np.argsort(-row, kind="stable")[:top_k]
        top = tuple((self.classes[i], float(row[i])) for i in best)
        label, probability = top[0]
        threshold = self.description.unsure_threshold
        return Prediction(label, probability, top, unsure=threshold is not None and probability < threshold)

    def _pixels_or_error(self, picture: Picture) -> NDArray[np.uint8] | ImageError | DownloadError:
        try:
            return self._pixels(picture)
        except (ImageError, DownloadError) as error:
            return error

    def _pixels(self, picture: Any) -> NDArray[np.uint8]:
        """One picture in any form as (height, width, 3) uint8 at the model's input size."""
        if isinstance(picture, np.ndarray):
            if picture.ndim != 3:
                raise InputError(f"an array of one picture has the shape (height, width, 3); got {_described(picture)}")
            return np.squeeze(self._pixels_of_array(picture[None]), axis=0)
        if isinstance(picture, Image.Image):
            return images.resize(picture, self.size)
        if isinstance(picture, str) and picture.lower().startswith(("http://", "https://")):
            from eyespot.download import fetch_bytes

            return images.decode(fetch_bytes(picture, MAX_DOWNLOAD_BYTES), self.size, name=picture)
        if isinstance(picture, bytes):
            return images.decode(picture, self.size)
        if isinstance(picture, str | os.PathLike):
            return images.decode(Path(picture), self.size)
        raise InputError(f"a picture is {_KINDS}; got {type(picture).__name__}")

    def _pixels_of_array(self, pictures: NDArray[Any]) -> NDArray[np.uint8]:
        """(n, height, width, 3) numbers as uint8 at the model's input size."""
        pixels = _as_uint8(pictures)
        if pixels.shape[1:3] == self.size:
            return pixels
        resized = [images.resize(picture, self.size) for picture in pixels]
        return np.stack(resized) if resized else np.empty((0, *self.size, 3), np.uint8)


def load(name_or_path: str | Path | None = None, *, threads: int | None = None) -> Model:
    """The trained model that a name means.

    Args:
        name_or_path: a run folder, a model file that Eyespot wrote, the name of a shipped model, or `latest`; None: the latest
            finished run under `./runs`, else a shipped model.
        threads: how many threads compute; None: as many as the processor has cores.

    Errors: ModelError, where there is no such model or the file is not one that Eyespot wrote.
    """
    if name_or_path is not None and not isinstance(name_or_path, str | os.PathLike):
        raise InputError(f"a model is named by a path or a name; got {type(name_or_path).__name__}")
    return Model(find_model(name_or_path).path, threads=threads)


def _as_uint8(pictures: NDArray[Any]) -> NDArray[np.uint8]:
    """(n, height, width, 3) whole numbers 0-255 of any numeric type as uint8.

    Errors: InputError, which says what was expected and what came.
    """
    if pictures.ndim != 4 or pictures.shape[3] != 3 or 0 in pictures.shape[1:]:
        raise InputError(f"an array of pictures has the shape {_SHAPES}, RGB last; got {_described(pictures)}")
    if pictures.dtype == np.uint8 or not pictures.size:
        return pictures.astype(np.uint8, copy=False)
    if not (np.issubdtype(pictures.dtype, np.integer) or np.issubdtype(pictures.dtype, np.floating)):
        raise InputError(f"an array of pictures holds whole numbers 0-255; got {_described(pictures)}")
    low, high = pictures.min(), pictures.max()
    # Written so that NaN fails too.
    if not (low >= 0 and high <= 255):
        raise InputError(f"pixels lie between 0 and 255; got {low} to {high} in {_described(pictures)}")
    if np.issubdtype(pictures.dtype, np.floating):
        if high <= 1:
            raise InputError(
                f"pixels are whole numbers 0-255; got {low} to {high} in {_described(pictures)}, which looks "
                "scaled to 0-1 already: multiply by 255 and round"
            )
        if (pictures != np.rint(pictures)).any():
            raise InputError(f"pixels are whole numbers 0-255; got fractions in {_described(pictures)}: round them first")
    return pictures.astype(np.uint8)


def _described(array: NDArray[Any]) -> str:
    return f"{array.shape} {array.dtype}"
