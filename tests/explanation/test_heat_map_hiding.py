"""Parts of a picture hidden, against SciPy's blur and by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from eyespot.explanation.heat_map_hiding import cells, enlarged, fillings, smooth_noise, with_parts_hidden

Draw = Callable[..., NDArray[np.uint8]]


@pytest.mark.parametrize("size", [(32, 32), (24, 40), (3, 16), (1, 1)])
def test_what_hides_is_the_picture_blurred_by_an_eighth_of_its_sides_and_its_mean_color(
    draw: Draw, size: tuple[int, int]
) -> None:
    picture = draw(2, *size)
    blurred, mean = fillings(picture)
    expected = gaussian_filter(picture.astype(float), (size[0] / 8, size[1] / 8, 0), mode="reflect", truncate=4)
    np.testing.assert_allclose(blurred, expected, atol=1e-3)
    np.testing.assert_allclose(mean, np.broadcast_to(picture.reshape(-1, 3).mean(axis=0), picture.shape), rtol=1e-5)


def test_cells_outside_the_mask_are_hidden(draw: Draw) -> None:
    picture = draw(0, 4, 6)
    kept = np.zeros((2, 4, 6), np.float32)
    kept[0, 1, 2] = kept[1] = 1
    one, all_left = with_parts_hidden(picture, kept, np.full(picture.shape, 7.4))
    assert (all_left == picture).all()
    assert (one[1, 2] == picture[1, 2]).all()
    assert (one[kept[0] == 0] == 7).all()


def test_a_cell_of_a_large_picture_is_of_several_pixels_with_soft_edges() -> None:
    assert cells((224, 20)) == (32, 20)
    # 2 cells over 8 pixels: the middles of the cells lie between pixels 1 and 2, and between 5 and 6.
    np.testing.assert_allclose(enlarged(np.array([[0.0], [1.0]]), (8, 1))[:, 0], [0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1])
    picture = np.full((8, 1, 3), 200, np.uint8)
    hidden = with_parts_hidden(picture, np.array([[[0.0], [1.0]]]), np.zeros(picture.shape))
    assert hidden[0, :, 0, 0].tolist() == [0, 0, 25, 75, 125, 175, 200, 200]


def test_smooth_noise_varies_alike_everywhere_and_hardly_within_its_scale() -> None:
    noise = smooth_noise(np.random.default_rng(0), 4000, (16, 12), 1 / 4)
    np.testing.assert_allclose(noise.std(axis=0), 1, atol=0.06)  # at the edges too
    alike = [np.corrcoef(noise[:, 8, 3], noise[:, 8, 3 + distance])[0, 1] for distance in (1, 8)]
    assert alike[0] > 0.9
    assert alike[1] < 0.3
