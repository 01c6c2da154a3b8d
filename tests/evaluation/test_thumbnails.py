"""Pictures as data URIs."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image, features

from eyespot.evaluation.thumbnails import data_uri, exact_data_uri, in_turns, within_budget


def opened(uri: str) -> Image.Image:
    """The picture in a data URI."""
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def test_small_pictures_keep_their_size_and_large_ones_are_shrunk_in_proportion() -> None:
    assert opened(data_uri(np.zeros((32, 20, 3), np.uint8))).size == (20, 32)
    assert opened(data_uri(np.zeros((400, 800, 3), np.uint8))).size == (96, 48)
    assert opened(data_uri(np.zeros((400, 800, 3), np.uint8), 160)).size == (160, 80)


def test_colors_survive() -> None:
    half = np.zeros((32, 32, 3), np.uint8)
    half[:, 16:] = (240, 120, 30)

    found = np.asarray(opened(data_uri(half)).convert("RGB")).astype(int)

    assert np.abs(found[:, :12]).max() < 12
    assert np.abs(found[:, 20:] - (240, 120, 30)).max() < 12


def test_without_webp_pictures_are_png(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "check", lambda feature: False)

    assert data_uri(np.zeros((8, 8, 3), np.uint8)).startswith("data:image/png;base64,")


def test_exact_pictures_are_exact() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (9, 7, 4), dtype=np.uint8)

    assert np.array_equal(np.asarray(opened(exact_data_uri(picture))), picture)


def test_the_budget_is_kept_and_a_picture_counts_once() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    each = [len(data_uri(image)) for image in images]

    kept = within_budget(images, [3, 3, 1, 0, 2, 4], each[3] + each[1] + each[0])

    assert list(kept) == [3, 1, 0]
    assert kept[1] == data_uri(images[1])


def test_groups_take_turns() -> None:
    assert in_turns([[1, 2, 3, 4], [5], [6, 7]], most=3) == [1, 5, 6, 2, 7, 3]
