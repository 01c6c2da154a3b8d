"""Randomness as a function of (seed, step), never a state."""

import numpy as np
import pytest
import torch

from eyespot.training.randomness import Randomness, permutation, tosses


def test_an_epochs_order_visits_each_picture_once():
    assert sorted(permutation(3, 5, 100)) == list(range(100))
    assert permutation(3, 5, 100).dtype == np.int64


def test_the_order_depends_on_seed_and_epoch_and_on_nothing_else():
    first = permutation(3, 5, 100)
    permutation(9, 9, 7)
    np.random.default_rng(0).random(10)
    np.testing.assert_array_equal(permutation(3, 5, 100), first)
    assert (permutation(3, 6, 100) != first).any()
    assert (permutation(4, 5, 100) != first).any()
    assert (permutation(5, 3, 100) != first).any()


def test_a_mask_depends_on_seed_step_and_stream_and_on_nothing_else():
    first = Randomness(1, 2).mask(3, (64, 10), 0.5)
    torch.rand(1)
    torch.testing.assert_close(Randomness(1, 2).mask(3, (64, 10), 0.5), first)
    for other in (Randomness(2, 2).mask(3, (64, 10), 0.5), Randomness(1, 3).mask(3, (64, 10), 0.5)):
        assert (other != first).float().mean() == pytest.approx(0.5, abs=0.1)
    assert (Randomness(1, 2).mask(4, (64, 10), 0.5) != first).float().mean() == pytest.approx(0.5, abs=0.1)


def test_drawing_leaves_torchs_own_randomness_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    Randomness(1, 2).mask(3, (64, 10), 0.5)
    torch.testing.assert_close(torch.rand(3), expected)


@pytest.mark.parametrize("keep", [0.5, 0.75, 0.25, 0.9, 0.3, 1 / 3, 0.999, 0.0, 1.0])
def test_each_element_is_kept_with_the_probability_asked_for(keep):
    n = 1_000_000
    kept = Randomness(7, 1).mask(0, (1000, 1000), keep).float().mean().item()
    assert abs(kept - keep) <= 5 * (keep * (1 - keep) / n) ** 0.5 + 2**-17


def test_elements_are_independent_of_their_neighbors():
    mask = Randomness(7, 1).mask(0, (1000, 1000), 0.5).float() - 0.5
    for shift in (1, 2, 4, 8):
        assert abs((mask[:, :-shift] * mask[:, shift:]).mean().item()) < 5 * 0.25 / 1000
        assert abs((mask[:-shift] * mask[shift:]).mean().item()) < 5 * 0.25 / 1000


@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_the_processes_of_a_group_draw_their_rows_of_the_same_global_mask(keep):
    whole = Randomness(1, 2).mask(0, (10, 3, 5), keep)
    first = Randomness(1, 2, first_row=0, global_rows=10).mask(0, (6, 3, 5), keep)
    second = Randomness(1, 2, first_row=6, global_rows=10).mask(0, (4, 3, 5), keep)
    torch.testing.assert_close(torch.cat([first, second]), whole)


def test_a_toss_depends_on_the_seed_and_the_position_alone():
    first = tosses(3, 1000)
    np.testing.assert_array_equal(tosses(3, 2000)[:1000], first)
    assert first.dtype == bool
    assert 0.42 < first.mean() < 0.58
    assert 0.42 < (tosses(4, 1000) != first).mean() < 0.58


def test_whole_numbers_lie_within_their_bounds_and_are_equally_likely():
    numbers = Randomness(1, 2).integers(3, (10_000, 3), -2, 2)
    values, counts = numbers.unique(return_counts=True)
    assert values.tolist() == [-2, -1, 0, 1, 2]
    assert (counts - 6000).abs().max() < 5 * (6000 * 0.8) ** 0.5


def test_the_processes_of_a_group_draw_their_rows_of_the_same_whole_numbers():
    whole = Randomness(1, 2).integers(0, (10, 3), 0, 99)
    first = Randomness(1, 2, first_row=0, global_rows=10).integers(0, (6, 3), 0, 99)
    second = Randomness(1, 2, first_row=6, global_rows=10).integers(0, (4, 3), 0, 99)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    assert (Randomness(1, 3).integers(0, (10, 3), 0, 99) != whole).any()
    assert (Randomness(1, 2).integers(1, (10, 3), 0, 99) != whole).any()
