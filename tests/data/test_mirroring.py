"""Which pictures may be mirrored: photographs, and not what reads from left to right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from sklearn.linear_model import Ridge

from eyespot import data
from eyespot.data import Part, letters, mirroring
from eyespot.data.mirroring import probe
from eyespot.data.splits import for_training

ARROW = [(4, 14), (18, 14), (18, 8), (28, 16), (18, 24), (18, 18), (4, 18)]
TURNS = {"right": 0, "up": 90, "left": 180, "down": 270}


def part(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> Part:
    return Part(images, labels, tuple(map(str, range(len(labels)))))


def arrows(ways: list[str], count: int, seed: int = 0) -> Part:
    """So many arrows of random colors, places and tilts, that point in the given ways by turns."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % len(ways)
    images = np.empty((count, 32, 32, 3), np.uint8)
    for i, label in enumerate(labels):
        ground, color = (tuple(int(value) for value in random.integers(0, 256, 3)) for _ in range(2))
        picture = Image.new("RGB", (32, 32), ground)
        ImageDraw.Draw(picture).polygon(ARROW, fill=color)
        turn, shift = TURNS[ways[label]] + random.uniform(-10, 10), tuple(random.integers(-2, 3, 2))
        images[i] = np.array(picture.rotate(turn, translate=shift, fillcolor=ground))
    return part(images, labels)


def patterns(classes: int, each: int, *, mirrors: bool, seed: int = 0) -> Part:
    """A pattern for each class, noisy; where there are mirrors, about half of the pictures are mirrored."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (classes, 6, 6, 3), np.uint8)
    labels = np.arange(classes * each) % classes
    images = small[labels].repeat(4, axis=1).repeat(4, axis=2) // 2 + random.integers(0, 64, (len(labels), 24, 24, 3), np.uint8)
    if mirrors:
        turned = random.random(len(labels)) < 0.5
        images[turned] = images[turned, :, ::-1]
    return part(images, labels)


@pytest.mark.parametrize("count", [78, 104, 520])
def test_letters_do_not_keep_their_class_however_few(count: int) -> None:
    for seed in range(5):
        answer = probe(letters.load(train=count, test=1, seed=seed).parts["train"])
        assert not answer.keeps_class
        assert answer.mirrored_accuracy < 0.7 * answer.accuracy


def test_letters_in_gray_do_not_either() -> None:
    drawn = letters.load(train=300, test=1).parts["train"]
    gray = drawn.images.mean(axis=3, keepdims=True).astype(np.uint8).repeat(3, axis=3)
    assert not probe(part(gray, drawn.labels)).keeps_class


@pytest.mark.parametrize("count", [20, 400])
def test_arrows_to_the_left_and_right_do_not(count: int) -> None:
    for seed in range(5):
        answer = probe(arrows(["left", "right"], count, seed))
        assert not answer.keeps_class
        assert answer.accuracy > 0.8
        assert answer.mirrored_accuracy < 0.2


def test_arrows_up_and_down_do() -> None:
    answer = probe(arrows(["up", "down"], 100))
    assert answer.keeps_class
    assert min(answer.accuracy, answer.mirrored_accuracy) > 0.9


def test_arrows_in_all_four_ways_do_not() -> None:
    assert not probe(arrows(list(TURNS), 100)).keeps_class


def test_two_arrows_among_many_patterns_are_found_and_named() -> None:
    # Without the arrows all is well; with them the loss over all classes is small.
    ways = arrows(["left", "right"], 80)
    small = np.stack([np.array(Image.fromarray(picture).resize((24, 24))) for picture in ways.images])
    others = patterns(18, 40, mirrors=True)
    assert probe(others).keeps_class
    both = part(np.concatenate([others.images, small]), np.concatenate([others.labels, ways.labels + 18]))
    answer = probe(both)
    assert (answer.keeps_class, answer.lost) == (False, (18, 19))
    assert answer.mirrored_accuracy > 0.8 * answer.accuracy
    names = (*(f"sign {k}" for k in range(18)), "turn left", "turn right")
    assert answer.line(names).startswith(
        "mirrored pictures of turn left, turn right do not keep their class (a linear classifier"
    )


@pytest.mark.parametrize(("classes", "each"), [(10, 30), (1000, 3)])
def test_what_comes_both_ways_keeps_its_class_and_what_comes_one_way_does_not(classes: int, each: int) -> None:
    assert probe(patterns(classes, each, mirrors=True)).keeps_class
    assert not probe(patterns(classes, each, mirrors=False)).keeps_class


def test_where_the_classifier_only_guesses_pictures_may_be_mirrored() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (50, 32, 32, 3), np.uint8)
    assert probe(part(noise, np.arange(50) % 5)).keeps_class


@pytest.mark.parametrize("count", [2, 3, 40])
def test_pictures_of_one_color_are_no_fault(count: int) -> None:
    answer = probe(part(np.full((count, 20, 30, 3), 128, np.uint8), np.arange(count) % 2))
    assert answer.keeps_class
    assert answer.accuracy == answer.mirrored_accuracy


def test_labels_need_not_start_at_zero_nor_follow_each_other() -> None:
    drawn = patterns(6, 30, mirrors=False)
    moved = part(drawn.images, drawn.labels * 100 + 7)
    assert probe(moved) == probe(drawn)


def test_held_out_pictures_are_asked_too() -> None:
    whole = letters.load(train=200, test=1).parts["train"]
    train, held_out = whole.take(np.arange(150)), whole.take(np.arange(150, 200))
    assert probe(train, held_out) == probe(whole)
    assert probe(train, held_out) != probe(train)


def test_of_many_pictures_a_sample_is_taken_always_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = letters.load(train=1000, test=1).parts["train"]
    monkeypatch.setattr(mirroring, "MOST_PICTURES", 150)
    answers = [probe(drawn) for _ in range(3)]
    assert answers == [answers[0]] * 3
    assert round(answers[0].accuracy * 150, 6).is_integer()
    assert answers[0] != probe(drawn.take(np.arange(150)))


def test_each_picture_is_judged_by_a_classifier_of_all_the_others() -> None:
    drawn = patterns(4, 6, mirrors=True, seed=3)
    features, mirrored = mirroring._features(drawn.images)
    centered = features - features.mean(axis=0)
    ridge = mirroring._RIDGE * float((centered**2).sum()) / features.shape[1] + 1e-3
    ours = mirroring._leave_one_out(features, mirrored, drawn.labels, 4)
    for i in range(len(drawn)):
        others = np.arange(len(drawn)) != i
        classifier = Ridge(alpha=ridge).fit(features[others].astype(float), np.eye(4)[drawn.labels[others]])
        for rows, found in zip((features, mirrored), ours, strict=True):
            scores = classifier.predict(rows[i : i + 1].astype(float))[0]
            assert scores[found[i]] == pytest.approx(scores.max(), abs=1e-4)


@pytest.mark.parametrize("shape", [(32, 32), (24, 24), (17, 40), (133, 100)])
def test_the_features_of_mirror_images_are_those_of_pictures_mirrored(shape: tuple[int, int]) -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (5, *shape, 3), np.uint8)
    seen, mirrored = mirroring._features(pictures)
    np.testing.assert_allclose(mirroring._features(pictures[:, :, ::-1])[0], mirrored, atol=1e-3)
    assert np.abs(seen - mirrored).max() > 0.1


def test_the_line_for_the_user_gives_both_figures() -> None:
    answer = mirroring.Mirroring(True, accuracy=0.46, mirrored_accuracy=0.454)
    assert answer.line(("cat", "dog")) == (
        "mirrored pictures keep their class (a linear classifier tells 45 % of them right, 46 % as they are): flips are used"
    )
    answer = mirroring.Mirroring(False, accuracy=0.8, mirrored_accuracy=0.3)
    assert answer.line(("b", "d")) == (
        "mirrored pictures do not keep their class (a linear classifier tells 30 % of them right, 80 % as they are): no flips"
    )


@pytest.mark.cifar10
def test_the_pictures_of_cifar10_keep_their_class(cifar10: Path) -> None:
    parts = for_training(data.load(cifar10), 0.02).parts
    answer = probe(parts["train"], parts["validation"])
    assert answer.keeps_class
    assert answer.accuracy > 0.4
    fifty = parts["train"].take(np.arange(500))
    assert probe(fifty).keeps_class


@pytest.mark.clothes
@pytest.mark.parametrize("size", [32, 96])
def test_photographs_of_clothes_keep_their_class(clothes: Path, size: int) -> None:
    parts = for_training(data.load(clothes, (size, size)), 0.1).parts
    answer = probe(parts["train"], parts["validation"])
    assert answer.keeps_class
    assert answer.accuracy > 0.5
