"""What a classifier loses on worse pictures: blurred, noisy, saved as small JPEGs, too dark or too bright, not held straight.

The pictures are made worse at the size that the network sees, of which a part of the shorter side is told in pixels.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from eyespot.data.dataset import Part
from eyespot.evaluation.intervals import Interval, accuracy_interval, difference_interval
from eyespot.evaluation.sampling import evenly_spread
from eyespot.prediction import Model
from eyespot.progress import SILENT, Progress

SEED = 0
"""What noise and directions follow from: the same for everybody, so that figures can be compared."""

MOST_PICTURES = 2_000
"""Of more, so many are taken: what is lost is then known to a point or two."""

Pixels = NDArray[np.uint8]
Change = Callable[[Pixels, np.random.Generator], Pixels]


@dataclass(frozen=True)
class Corruption:
    """A way in which pictures are made worse.

    Attributes:
        kind: `blur`, `noise`, `jpeg`, `brightness` or `rotation`.
        severity: how much, in words.
        apply: changes one picture, (height, width, 3) uint8; what is drawn comes from the generator.
    """

    kind: str
    severity: str
    apply: Change = field(repr=False, compare=False)


@dataclass(frozen=True)
class Row:
    """How a classifier does on pictures made worse in one way.

    Attributes:
        corruption: the way.
        accuracy: on them, 0-1.
        lost: by how much it is lower than on the pictures as they are, -1 to 1.
        example: (height, width, 3) uint8, the first of them.
    """

    corruption: Corruption
    accuracy: Interval
    lost: Interval
    example: Pixels = field(repr=False, compare=False)


@dataclass(frozen=True)
class Robustness:
    """What a classifier loses on worse pictures.

    Attributes:
        seed: what was drawn follows from it.
        n: how many pictures were taken.
        accuracy: on them as they are, 0-1.
        rows: one for each way of making them worse.
        example: (height, width, 3) uint8, the first of them.
    """

    seed: int
    n: int
    accuracy: Interval
    rows: tuple[Row, ...]
    example: Pixels = field(repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """What `eyespot evaluate --json` says under `robustness`."""
        return {
            "seed": self.seed,
            "n": self.n,
            "accuracy": self.accuracy.to_json(),
            "rows": [
                {
                    "corruption": row.corruption.kind,
                    "severity": row.corruption.severity,
                    "accuracy": row.accuracy.to_json(),
                    "lost": row.lost.to_json(),
                }
                for row in self.rows
            ],
        }


def robustness(model: Model, part: Part, *, seed: int = SEED, progress: Progress = SILENT) -> Robustness:
    """What a model loses on worse pictures.

    Args:
        model: the classifier.
        part: pictures at its size, at least one; the labels are positions in its classes. Of more than 2,000 as many are
            taken, evenly spread.
        seed: from which noise and directions follow; at least 0.
        progress: is told how far it has come.
    """
    part = part.take(evenly_spread(len(part), MOST_PICTURES))
    kinds = corruptions(min(model.size))
    rows = []
    with progress.task("making pictures worse", len(part) * (1 + len(kinds))) as task:
        plain = model.probabilities(part.images).argmax(axis=1)
        task.advance(len(part))
        for number, corruption in enumerate(kinds):
            images = corrupted(part.images, corruption, np.random.default_rng([seed, number]))
            predicted = model.probabilities(images).argmax(axis=1)
            lost = difference_interval(plain, predicted, part.labels)
            rows.append(Row(corruption, accuracy_interval(predicted, part.labels), lost, images[0].copy()))
            task.advance(len(part))
    return Robustness(seed, len(part), accuracy_interval(plain, part.labels), tuple(rows), part.images[0])


def corrupted(images: Pixels, corruption: Corruption, generator: np.random.Generator) -> Pixels:
    """The pictures, (n, height, width, 3) uint8, made worse one after the other."""
    return np.stack([corruption.apply(image, generator) for image in images])


def corruptions(side: int) -> tuple[Corruption, ...]:
    """The ways in which pictures of `side` pixels, their shorter one, are made worse, from little to much."""
    return (
        *(Corruption("blur", f"radius {side * part:.2g} px", _blur(side * part)) for part in (1 / 96, 1 / 64, 1 / 32)),
        *(Corruption("noise", f"deviation {share:.0%}".replace("%", " %"), _noise(share)) for share in (0.02, 0.04, 0.08)),
        *(Corruption("jpeg", f"quality {quality}", _jpeg(quality)) for quality in (75, 40, 15)),
        *(Corruption("brightness", f"x {factor:g}", _brightness(factor)) for factor in (0.7, 0.4, 1.4, 1.8)),
        *(Corruption("rotation", f"{degrees} degrees", _rotation(degrees)) for degrees in (5, 10, 20)),
    )


def _blur(radius: float) -> Change:
    return lambda image, _: np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius)))


def _noise(share: float) -> Change:
    def apply(image: Pixels, generator: np.random.Generator) -> Pixels:
        noisy = image + generator.normal(0, 255 * share, image.shape)
        return np.rint(np.clip(noisy, 0, 255)).astype(np.uint8)

    return apply


def _jpeg(quality: int) -> Change:
    def apply(image: Pixels, generator: np.random.Generator) -> Pixels:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=quality)
        with Image.open(file) as saved:
            return np.asarray(saved.convert("RGB"))

    return apply


def _brightness(factor: float) -> Change:
    return lambda image, _: np.asarray(ImageEnhance.Brightness(Image.fromarray(image)).enhance(factor))


def _rotation(degrees: int) -> Change:
    def apply(image: Pixels, generator: np.random.Generator) -> Pixels:
        angle = degrees if generator.random() < 0.5 else -degrees
        height, width = image.shape[:2]
        # The corners that come in show the picture's mirror image: black ones would be another trouble.
        around = np.pad(image, ((height // 2,) * 2, (width // 2,) * 2, (0, 0)), mode="symmetric")
        turned = np.asarray(Image.fromarray(around).rotate(angle, Image.Resampling.BILINEAR))
        return turned[height // 2 : height // 2 + height, width // 2 : width // 2 + width]

    return apply
