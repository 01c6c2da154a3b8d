"""What shows the same thing, on drawn scenes: rough ground, a few shapes, light from one side."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from eyespot import images
from eyespot.data import Part, letters, likeness
from eyespot.data.folds import components, leaks
from eyespot.progress import SILENT, Task

Picture = NDArray[np.uint8]

SIZE = 96


def scene(seed: int, size: int = SIZE) -> Picture:
    """A picture with structure at all scales, as photographs have it."""
    random = np.random.default_rng(seed)
    picture = np.zeros((size, size, 3))
    for cells in (2, 4, 8, 16, 32):  # amplitudes fall with the frequency, as in nature
        small = (128 + random.normal(0, 120, (cells, cells, 3))).clip(0, 255).astype(np.uint8)
        picture += np.asarray(Image.fromarray(small).resize((size, size), Image.Resampling.BICUBIC), float) / cells
    image = Image.fromarray((picture / (31 / 32)).clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(4):
        x, y, width, height = random.uniform(0, size, 2).tolist() + random.uniform(size / 8, size / 2, 2).tolist()
        color = tuple(int(value) for value in random.integers(0, 256, 3))
        (draw.ellipse if random.random() < 0.5 else draw.rectangle)((x, y, x + width, y + height), fill=color)
    return np.array(image)


def recompressed(picture: Picture) -> Picture:
    file = BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=30)
    return np.array(Image.open(file))


def resized(picture: Picture) -> Picture:
    image = Image.fromarray(picture)
    return np.array(image.resize((41, 41), Image.Resampling.LANCZOS).resize(image.size, Image.Resampling.BICUBIC))


def cropped(picture: Picture, share: float = 0.02) -> Picture:
    image = Image.fromarray(picture)
    width, height = image.size
    box = (share * width, share / 2 * height, width, (1 - share) * height)
    return np.array(image.resize(image.size, Image.Resampling.BICUBIC, box=box))


def brightened(picture: Picture) -> Picture:
    return (picture * 1.15 + 10).clip(0, 255).astype(np.uint8)


def next_frame(picture: Picture) -> Picture:
    """Other noise, and the hand has moved by half a pixel."""
    image = Image.fromarray(picture)
    moved = image.transform(image.size, Image.Transform.AFFINE, (1, 0, 0.5, 0, 1, -0.5), Image.Resampling.BICUBIC)
    return (
        (np.array(moved) + np.random.default_rng(int(picture.sum())).normal(0, 6, picture.shape)).clip(0, 255).astype(np.uint8)
    )


CHANGES: dict[str, Callable[[Picture], Picture]] = {
    "recompressed": recompressed,
    "resized": resized,
    "cropped": cropped,
    "brightened": brightened,
    "next frame": next_frame,
}


def part_of(*pictures: Picture, labels: list[int] | None = None) -> Part:
    """Two classes by turns, unless it is said."""
    chosen = [i % 2 for i in range(len(pictures))] if labels is None else labels
    return Part(np.stack(pictures), np.array(chosen, np.int64), tuple(f"{i}.png" for i in range(len(pictures))))


def groups(part: Part) -> list[list[int]]:
    """The positions of pictures that show the same thing, of more than one picture each."""
    number = components(len(part), likeness.within(part).pairs)
    found = [np.flatnonzero(number == k).tolist() for k in range(number.max() + 1)]
    return [group for group in found if len(group) > 1]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_shows_the_same_thing(change: str) -> None:
    scenes = [scene(seed) for seed in range(40)]
    copies = [CHANGES[change](picture) for picture in scenes]
    labels = [i % 4 for i in range(40)]
    assert groups(part_of(*scenes, *copies, labels=labels + labels)) == [[i, 40 + i] for i in range(40)]


def test_different_scenes_do_not() -> None:
    assert groups(part_of(*(scene(seed) for seed in range(300)))) == []


def test_neither_do_small_pictures() -> None:
    assert groups(part_of(*(scene(seed, 12) for seed in range(100)))) == []


def test_the_same_pixels_are_copies_and_the_first_comes_first() -> None:
    a, b = scene(0), scene(1)
    alike = likeness.within(part_of(a, b, a, scene(2), a, b))
    assert alike.pairs.tolist() == [[0, 2], [0, 4], [1, 5]]
    assert alike.are_copies.tolist() == [True] * 3


def test_near_duplicates_are_told_from_copies() -> None:
    a = scene(0)
    alike = likeness.within(part_of(scene(1), a, recompressed(a), a, labels=[0, 1, 1, 1]))
    assert alike.pairs.tolist() == [[1, 3], [1, 2]]
    assert alike.are_copies.tolist() == [True, False]


def test_a_picture_that_differs_in_one_pixel_is_a_near_duplicate() -> None:
    scenes = [scene(seed) for seed in range(20)]
    changed = [picture.copy() for picture in scenes]
    for picture in changed:
        picture[5, 5, 0] ^= 1
    alike = likeness.within(part_of(*scenes, *changed, labels=[i % 2 for i in range(20)] * 2))
    assert alike.pairs.tolist() == [[i, 20 + i] for i in range(20)]
    assert not alike.are_copies.any()


def test_a_planted_burst_is_one_group() -> None:
    burst = [scene(50)]
    for _ in range(9):
        burst.append(next_frame(burst[-1]))
    assert groups(part_of(*(scene(seed) for seed in range(30)), *burst, labels=[0, 1] * 20)) == [list(range(30, 40))]


def test_copies_may_bear_different_labels_and_are_named() -> None:
    a, b = scene(0), scene(1)
    part = part_of(a, b, a, b, scene(2), labels=[0, 0, 1, 0, 1])
    assert likeness.contradictions(part, likeness.within(part)) == (("0.png", "2.png"),)


def flat(value: float, noise: float = 0.0, seed: int = 0) -> Picture:
    random = np.random.default_rng(seed)
    return (value + random.normal(0, noise, (SIZE, SIZE, 3))).clip(0, 255).astype(np.uint8)


def test_flat_pictures_of_different_colors_do_not_show_the_same_thing() -> None:
    colors = [
        np.broadcast_to(np.uint8([red, green, 90]), (SIZE, SIZE, 3)) for red in (20, 128, 230) for green in (20, 128, 230)
    ]
    noisy = [flat(value, noise=3, seed=value) for value in range(0, 256, 15)]
    scenes = [scene(seed) for seed in range(40)]
    labels = [0] * len(colors + noisy) + [i % 2 for i in range(40)]
    assert groups(part_of(*colors, *noisy, *scenes, labels=labels)) == []


def test_flat_pictures_whose_pixels_agree_closely_do() -> None:
    scenes = [scene(seed) for seed in range(10)]
    blank = [flat(250, noise=2, seed=seed) for seed in range(5)]
    assert groups(part_of(*scenes, *blank, labels=[0, 1] * 5 + [0] * 5)) == [[10, 11, 12, 13, 14]]


def test_a_flat_picture_is_like_no_other_kind() -> None:
    faint = [(127.5 + (scene(seed) / 255.0 - 0.5) * 8).astype(np.uint8) for seed in range(20)]
    assert groups(part_of(*(scene(seed) for seed in range(20)), *faint, flat(127), labels=[0, 1] * 20 + [0])) == []


def conveyor_belt(count: int) -> Part:
    """The same place, always: a bolt that lies a little otherwise each time; every other one has a scratch."""
    ground = Image.fromarray(scene(7) // 3).resize((4 * SIZE, 4 * SIZE))
    pictures = []
    for i in range(count):
        random = np.random.default_rng(i)
        image = ground.copy()
        x, y = random.uniform(-12, 12, 2)
        draw = ImageDraw.Draw(image)
        draw.ellipse((120 + x, 120 + y, 264 + x, 264 + y), fill=(200, 200, 190))
        if i % 2:
            dx, dy = random.uniform(-32, 32, 2)
            draw.line((176 + x + dx, 176 + y + dy, 208 + x + dx, 200 + y + dy), fill=(90, 90, 90), width=8)
        pictures.append(np.array(image.resize((SIZE, SIZE), Image.Resampling.BOX)))
    return part_of(*pictures)


def test_pictures_that_all_look_alike_are_not_glued_together() -> None:
    assert max(map(len, groups(conveyor_belt(300))), default=1) <= 15


def test_a_changed_copy_among_pictures_that_all_look_alike_is_still_found() -> None:
    belt = conveyor_belt(100)
    copy = resized(belt.images[17])
    part = part_of(*belt.images, copy, labels=[*belt.labels.tolist(), 1])
    assert any({17, 100} <= set(group) for group in groups(part))


def test_chains_do_not_glue_the_letters_together() -> None:
    drawn = letters.load(train=2_600, test=1).parts["train"]
    assert max(map(len, groups(drawn)), default=1) <= 26


def test_very_many_pictures_are_compared_by_their_pixels_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    a = scene(0)
    part = part_of(a, recompressed(a), a, labels=[0, 0, 0])
    monkeypatch.setattr(likeness, "MOST_PAIRS", 0)
    for alike in (likeness.within(part), likeness.between(part, part_of(a))):
        assert not alike.was_compared
        assert alike.are_copies.all()
    assert likeness.within(part).pairs.tolist() == [[0, 2]]


class Listener:
    """A `Progress` that remembers the lines."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def task(self, description: str, total: int | None, unit: str = "pictures") -> AbstractContextManager[Task]:
        return SILENT.task(description, total, unit)

    def note(self, line: str) -> None:
        self.notes.append(line)

    at_once = note


def test_that_near_duplicates_are_not_looked_for_among_very_many_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = part_of(scene(0), scene(1)), part_of(scene(2), scene(3))
    listener = Listener()
    likeness.within(train, progress=listener)
    leaks({"train": train, "test": test}, progress=listener)
    assert listener.notes == []
    monkeypatch.setattr(likeness, "MOST_PAIRS", 0)
    likeness.within(train, progress=listener)
    assert listener.notes[0].startswith(
        "2 pictures are too many to look for near duplicates among them: only those of the same"
    )
    leaks({"train": train, "test": test}, progress=listener)
    assert listener.notes[1].startswith("test and train are too many pictures to look for near duplicates between them")


def test_of_another_part_the_nearest_picture_is_named() -> None:
    a, b = scene(0), scene(1)
    train = part_of(scene(2), recompressed(a), a, b, b, labels=[1, 0, 0, 1, 1])
    test = part_of(b, scene(3), next_frame(a), a, labels=[1, 1, 0, 0])
    alike = likeness.between(test, train)
    pairs = dict(alike.pairs.tolist())
    assert pairs.keys() == {0, 2, 3}
    assert (pairs[0], pairs[3]) == (3, 2)
    assert pairs[2] in (1, 2)
    assert dict(zip(alike.pairs[:, 0].tolist(), alike.are_copies.tolist(), strict=True)) == {0: True, 2: False, 3: True}


def test_more_pictures_than_are_compared_at_a_time_give_the_same_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    scenes = [scene(seed) for seed in range(30)]
    frames = [next_frame(picture) for picture in scenes]
    part = part_of(*scenes, *frames, *[next_frame(frame) for frame in frames], labels=[i % 2 for i in range(30)] * 3)
    at_once, across = groups(part), likeness.between(part, part.take(np.arange(30)))
    monkeypatch.setattr(likeness, "_BLOCK", 7)
    assert groups(part) == at_once
    assert len(at_once) == 30
    assert np.array_equal(likeness.between(part, part.take(np.arange(30))).pairs, across.pairs)


def test_one_picture_and_one_class_alone_can_be_compared() -> None:
    assert groups(part_of(scene(0))) == []
    assert groups(part_of(scene(0), resized(scene(0)), labels=[0, 0])) == [[0, 1]]


@pytest.mark.clothes
def test_photographs_are_told_apart_and_a_changed_one_is_found(clothes: Path) -> None:
    files = sorted(clothes.glob("train/*/*.jpg"))
    classes = sorted({file.parent.name for file in files})
    labels = [classes.index(file.parent.name) for file in files]
    photographs = [images.decode(file, (SIZE, SIZE)) for file in files]
    copies = [recompressed(photographs[17]), brightened(photographs[170])]
    part = part_of(*photographs, *copies, labels=[*labels, labels[17], labels[170]])
    assert groups(part) == [[17, len(files)], [170, len(files) + 1]]
