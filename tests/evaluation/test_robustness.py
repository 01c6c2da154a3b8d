"""Worse pictures: each way is what it says, the same every time, and what is lost is counted picture by picture."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from sklearn.metrics import accuracy_score

from eyespot.data.dataset import Part
from eyespot.evaluation.robustness import MOST_PICTURES, Corruption, corrupted, corruptions, robustness
from eyespot.evaluation.sampling import evenly_spread

Draw = Callable[..., NDArray[np.uint8]]
KINDS = {"blur": 3, "noise": 3, "jpeg": 3, "brightness": 4, "rotation": 3}


def of(kind: str, side: int) -> list[Corruption]:
    return [one for one in corruptions(side) if one.kind == kind]


def worse(image: NDArray[np.uint8], corruption: Corruption, seed: int = 0) -> NDArray[np.uint8]:
    return corrupted(image[None], corruption, np.random.default_rng(seed))[0]


def off(one: NDArray[np.uint8], other: NDArray[Any]) -> float:
    return float(np.abs(one.astype(float) - other).mean())


def test_there_are_the_ways_that_are_promised_at_stated_severities() -> None:
    found = corruptions(32)
    assert {kind: len(of(kind, 32)) for kind in KINDS} == KINDS
    assert len(found) == sum(KINDS.values())
    assert len({(one.kind, one.severity) for one in found}) == len(found)
    assert [one.severity for one in of("blur", 32)] == ["radius 0.33 px", "radius 0.5 px", "radius 1 px"]
    assert [one.severity for one in of("blur", 224)][2] == "radius 7 px"


@pytest.mark.parametrize("kind", KINDS)
def test_every_way_keeps_shape_and_type_also_of_pictures_that_are_tiny_or_not_square(kind: str, draw: Draw) -> None:
    for height, width in ((1, 1), (3, 2), (31, 48)):
        image = draw(1, height, width)
        for corruption in of(kind, min(height, width)):
            found = worse(image, corruption)
            assert (found.shape, found.dtype) == ((height, width, 3), np.uint8)


@pytest.mark.parametrize("kind", ["blur", "noise", "jpeg", "rotation"])
def test_more_of_it_changes_a_picture_more(kind: str, draw: Draw) -> None:
    image = draw(2, 64, 64)
    changes = [off(worse(image, corruption), image) for corruption in of(kind, 64)]
    assert 0 < changes[0] < changes[1] < changes[2]


def test_blur_is_a_gaussian_of_the_stated_radius(draw: Draw) -> None:
    image = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    for corruption, radius in zip(of("blur", 96), (1, 1.5, 3), strict=True):
        expected = ndimage.gaussian_filter(image.astype(float), (radius, radius, 0), mode="nearest")
        assert off(worse(image, corruption)[8:-8, 8:-8], expected[8:-8, 8:-8]) < 3 < off(image, expected)


def test_noise_has_the_stated_deviation_and_is_another_for_each_picture() -> None:
    gray = np.full((2, 128, 128, 3), 128, np.uint8)
    for corruption, share in zip(of("noise", 128), (0.02, 0.04, 0.08), strict=True):
        one, other = corrupted(gray, corruption, np.random.default_rng(3)).astype(float)
        assert one.std() == pytest.approx(255 * share, rel=0.02)
        assert one.mean() == pytest.approx(128, abs=0.5)
        assert (one != other).mean() > 0.9


def test_jpeg_is_what_pillow_saves(draw: Draw) -> None:
    image = draw(4, 40, 40)
    for corruption, quality in zip(of("jpeg", 40), (75, 40, 15), strict=True):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=quality)
        assert np.array_equal(worse(image, corruption), np.asarray(Image.open(file)))


def test_brightness_multiplies_up_to_white(draw: Draw) -> None:
    image = draw(5, 40, 40)
    for corruption, factor in zip(of("brightness", 40), (0.7, 0.4, 1.4, 1.8), strict=True):
        assert np.abs(worse(image, corruption) - np.clip(image * factor, 0, 255)).max() <= 1


def test_rotation_goes_either_way_and_shows_no_black_corners() -> None:
    image = np.full((41, 41, 3), 200, np.uint8)
    image[20, 24:] = 0
    (_, _, twenty) = of("rotation", 41)
    turned = [worse(image, twenty, seed) for seed in range(12)]
    ends = {int(np.sign(np.argwhere(each[:, 36:, 0] < 150)[:, 0].mean() - 20)) for each in turned}
    assert ends == {-1, 1}
    bright = np.full((41, 41, 3), 200, np.uint8)
    assert all(worse(bright, each).min() > 195 for each in of("rotation", 41))


def test_of_many_pictures_some_are_taken_evenly() -> None:
    assert evenly_spread(5, 10).tolist() == [0, 1, 2, 3, 4]
    assert evenly_spread(0, 10).tolist() == []
    taken = evenly_spread(31_001, MOST_PICTURES)
    assert len(np.unique(taken)) == MOST_PICTURES
    assert (taken[0], np.diff(taken).min(), np.diff(taken).max()) == (0, 15, 16)
    assert taken[-1] < 31_001


class ByBrightness:
    """Stands for a model: it tells dark, middling and bright pictures apart, and nothing else."""

    size = (8, 10)

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        return np.eye(3)[np.digitize(images.mean(axis=(1, 2, 3)), [110, 150])]


@pytest.fixture
def model() -> Any:
    return ByBrightness()


@pytest.fixture
def part(model: Any, draw: Draw) -> Part:
    """Pictures labelled as the model names them, but for every fifth."""
    images = np.stack([draw(seed, 8, 10) for seed in range(60)])
    labels = model.probabilities(images).argmax(axis=1)
    labels[::5] = (labels[::5] + 1) % 3
    return Part(images, labels, tuple(str(i) for i in range(60)))


def test_what_is_lost_is_the_difference_of_the_accuracies(model: Any, part: Part) -> None:
    found = robustness(model, part)
    assert found.accuracy.estimate == pytest.approx(0.8)
    assert [row.corruption for row in found.rows] == list(corruptions(8))
    for number, row in enumerate(found.rows):
        images = corrupted(part.images, row.corruption, np.random.default_rng([0, number]))
        expected = accuracy_score(part.labels, model.probabilities(images).argmax(axis=1))
        assert row.accuracy.estimate == pytest.approx(expected)
        assert row.lost.estimate == pytest.approx(0.8 - expected)
        assert row.lost.low <= row.lost.estimate <= row.lost.high
        assert np.array_equal(row.example, images[0])
    assert max(row.lost.estimate for row in found.rows) > 0.1


def test_it_is_the_same_every_time_and_another_with_another_seed(model: Any, part: Part) -> None:
    first, again, other = robustness(model, part), robustness(model, part), robustness(model, part, seed=1)
    assert first.to_json() == again.to_json()
    assert first.to_json() != other.to_json()
    kept = json.loads(json.dumps(first.to_json(), allow_nan=False))
    assert (kept["seed"], kept["n"]) == (0, 60)
    assert set(kept["rows"][0]) == {"corruption", "severity", "accuracy", "lost"}


def test_progress_is_told_of_every_picture_and_way(model: Any, part: Part) -> None:
    told: list[int] = []

    class Listening:
        def __enter__(self) -> Any:
            return SimpleNamespace(advance=told.append)

        def __exit__(self, *error: object) -> None:
            pass

    totals: list[int] = []

    def task(description: str, total: int, unit: str = "pictures") -> Any:
        totals.append(total)
        return Listening()

    robustness(model, part, progress=SimpleNamespace(task=task))
    assert totals == [sum(told)] == [60 * (1 + sum(KINDS.values()))]
