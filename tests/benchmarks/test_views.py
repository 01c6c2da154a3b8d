"""Accuracy from several views of each picture, computed alike for everybody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.special import softmax
from sklearn.metrics import balanced_accuracy_score
from views import accuracies, averaged, exact_flags, six_views

Draw = Callable[..., NDArray[np.uint8]]


def test_the_views_are_the_picture_and_its_two_shifts_each_with_its_mirror_image(draw: Draw) -> None:
    pictures = np.stack([draw(seed, 32, 32) for seed in range(3)])
    views = list(six_views(pictures))
    padded = torch.nn.functional.pad(torch.from_numpy(pictures).permute(0, 3, 1, 2).float(), (1, 1, 1, 1), "reflect")
    padded = padded.permute(0, 2, 3, 1).numpy()
    assert np.array_equal(views[0], pictures)
    assert np.array_equal(views[2], padded[:, 0:32, 0:32])
    assert np.array_equal(views[4], padded[:, 2:34, 2:34])
    for plain, mirrored in zip(views[::2], views[1::2], strict=True):
        assert np.array_equal(mirrored, np.flip(plain, axis=2))


def test_the_unmoved_views_count_as_much_as_the_four_others_together() -> None:
    logits = np.array([8.0, 4.0, 1.0, 2.0, 3.0, 6.0])[:, None, None]
    assert averaged(logits, 1) == 8
    assert averaged(logits, 2) == 6
    assert averaged(logits, 6) == (6 + 3) / 2


@pytest.mark.parametrize("views", [1, 2, 6])
def test_probabilities_give_the_answers_that_their_logits_give(views: int) -> None:
    logits = np.random.default_rng(0).normal(0, 3, (6, 500, 10))
    of_logits = averaged(logits, views).argmax(1)
    assert np.array_equal(averaged(np.log(softmax(logits, axis=2)), views).argmax(1), of_logits)
    assert not np.array_equal(averaged(softmax(logits, axis=2), views).argmax(1), of_logits) or views == 1


def test_exact_pictures_count_by_class_and_all_pictures_alike() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 4, 400)
    logits = rng.normal(0, 1, (6, 400, 4)) + 2 * np.eye(4)[labels]
    exact = (rng.random(400) < 0.3) | (labels == 0)
    found = accuracies(logits, labels, exact)
    first, both = logits[0].argmax(1), logits[:2].mean(0).argmax(1)
    assert found["1"]["all"] == pytest.approx((first == labels).mean())
    assert found["1"]["balanced_exact"] == pytest.approx(balanced_accuracy_score(labels[exact], first[exact]))
    assert found["2"]["balanced_exact"] == pytest.approx(balanced_accuracy_score(labels[exact], both[exact]))
    assert found["1"]["all"] < found["6"]["all"]


def test_without_exact_pictures_there_is_no_such_figure() -> None:
    assert accuracies(np.zeros((6, 3, 2)), np.array([0, 0, 1]), None)["6"] == {
        "balanced_exact": None,
        "all": pytest.approx(2 / 3),
    }


def test_exact_pictures_are_found_by_their_pixels(tmp_path: Path, draw: Draw) -> None:
    pictures = np.stack([draw(seed, 8, 8) for seed in range(4)])
    for number in (1, 3):
        (tmp_path / str(number)).mkdir()
        Image.fromarray(pictures[number]).save(tmp_path / str(number) / "any name.png")
    flags = exact_flags(pictures, tmp_path)
    assert flags is not None
    assert flags.tolist() == [False, True, False, True]
    assert exact_flags(pictures, None) is None
