"""Augmented pictures are crops of padded pictures, mirrored in every other epoch, as a function of seed, epoch and step."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from eyespot.errors import InputError
from eyespot.training.augment import Augmentation, AugmentedPictures
from eyespot.training.randomness import Randomness

N = 60


def pictures(height: int = 9, width: int = 7, channels: int = 3, dtype: str = "uint8") -> NDArray[np.generic]:
    return np.random.default_rng(0).integers(0, 256, (N, height, width, channels)).astype(dtype)


def seen(
    given: NDArray[np.generic],
    augmentation: Augmentation,
    positions: list[int] | None = None,
    *,
    seed: int = 1,
    epoch: int = 0,
    step: int = 0,
    first_row: int = 0,
) -> NDArray[np.generic]:
    """The pictures at `positions` (None: all), as one process among others sees them where `first_row` is not 0."""
    chosen = torch.tensor(range(N) if positions is None else positions)
    augmented = AugmentedPictures(torch.from_numpy(given), augmentation, seed)
    randomness = Randomness(seed, step, first_row, None if not first_row and len(chosen) == N else N)
    return augmented.batch(chosen, epoch=epoch, randomness=randomness).numpy()


def made_by(one: NDArray[np.generic], picture: NDArray[np.generic], shift: int) -> tuple[int, int, bool]:
    """(down, right, mirrored): the crop of the padded `picture` that `one` is."""
    height, width, _ = picture.shape
    padded = np.pad(picture, ((shift, shift), (shift, shift), (0, 0)), mode="reflect")
    found = []
    for down in range(2 * shift + 1):
        for right in range(2 * shift + 1):
            crop = padded[down : down + height, right : right + width]
            found += [(down, right, bool(flip)) for flip in (0, 1) if np.array_equal(one, crop[:, ::-1] if flip else crop)]
    assert found, "it is no crop of the padded picture"
    return found[0]


@pytest.mark.parametrize(
    ("shape", "dtype", "shift"),
    [((9, 7, 3), "uint8", 2), ((7, 9, 3), "float32", 1), ((8, 8, 1), "uint8", 7), ((32, 32, 3), "uint8", 4)],
)
def test_every_picture_is_a_crop_of_itself_padded_by_its_reflection(
    shape: tuple[int, int, int], dtype: str, shift: int
) -> None:
    given = pictures(*shape, dtype)
    taken = seen(given, Augmentation(flip=True, shift=shift))
    assert (taken.shape, taken.dtype) == (given.shape, given.dtype)
    ways = [made_by(one, picture, shift) for one, picture in zip(taken, given, strict=True)]
    assert len(set(ways)) > 10


def test_each_shift_is_as_likely_as_any_other() -> None:
    given, augmentation = pictures(), Augmentation(shift=1)
    counts = Counter(
        made_by(one, picture, 1)
        for step in range(60)
        for one, picture in zip(seen(given, augmentation, step=step), given, strict=True)
    )
    expected = 60 * N / 9
    assert len(counts) == 9
    assert sum((count - expected) ** 2 / expected for count in counts.values()) < 30  # chi-squared with 8 degrees: p = 0.0002


def test_every_picture_is_seen_both_ways_in_two_epochs_and_half_of_them_mirrored_first() -> None:
    given, augmentation = pictures(), Augmentation(flip=True)
    first, second, third = (seen(given, augmentation, epoch=epoch) for epoch in range(3))
    is_mirrored = [made_by(one, picture, 0)[2] for one, picture in zip(first, given, strict=True)]
    assert 0.25 < np.mean(is_mirrored) < 0.75
    np.testing.assert_array_equal(second, first[:, :, ::-1])
    np.testing.assert_array_equal(third, first)
    assert not np.array_equal(seen(given, augmentation, seed=2), first)


def test_whether_a_picture_is_mirrored_follows_from_its_position_not_from_the_batch() -> None:
    given, augmentation = pictures(), Augmentation(flip=True)
    positions = [50, 3, 17, 3]
    np.testing.assert_array_equal(
        seen(given, augmentation, positions, step=8, first_row=5), seen(given, augmentation)[positions]
    )


def test_what_is_seen_depends_on_seed_and_step_and_on_nothing_else() -> None:
    given, augmentation = pictures(), Augmentation(shift=2)
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    first = seen(given, augmentation, seed=1, step=2)
    torch.testing.assert_close(torch.rand(3), expected)
    np.testing.assert_array_equal(seen(given, augmentation, seed=1, step=2), first)
    assert not np.array_equal(seen(given, augmentation, seed=2, step=2), first)
    assert not np.array_equal(seen(given, augmentation, seed=1, step=3), first)


def test_a_process_with_a_share_of_the_batch_sees_its_share_of_the_same_pictures() -> None:
    given, augmentation = pictures(), Augmentation(flip=True, shift=2)
    shares = [
        seen(given, augmentation, list(range(N))[:20], epoch=1, step=3),
        seen(given, augmentation, list(range(N))[20:], epoch=1, step=3, first_row=20),
    ]
    np.testing.assert_array_equal(np.concatenate(shares), seen(given, augmentation, epoch=1, step=3))


def test_down_and_right_are_independent_of_each_other() -> None:
    given = pictures(40, 40)
    ways = [made_by(one, picture, 4) for one, picture in zip(seen(given, Augmentation(shift=4)), given, strict=True)]
    down, right, _ = np.array(ways).T
    assert abs(np.corrcoef(down, right)[0, 1]) < 0.4


@pytest.mark.parametrize("shift", [7, -1, 1.5, True, "2"])
def test_a_shift_that_cannot_be_is_refused_with_the_largest_that_can(shift: object) -> None:
    with pytest.raises(InputError, match=r"from 0 to 6 for pictures of 9 x 7.*got"):
        Augmentation(shift=shift).check(9, 7)  # type: ignore[arg-type]


def test_the_largest_shift_is_one_less_than_the_shorter_side() -> None:
    Augmentation(shift=6).check(9, 7)
    assert [Augmentation(flip, shift).changes_pictures for flip, shift in ((False, 0), (True, 0), (False, 1))] == [
        False,
        True,
        True,
    ]
