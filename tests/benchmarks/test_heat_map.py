"""The scores of heat maps, their intervals, and the methods that they are compared with, on examples worked by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from heat_map import OVERALL, OWN, SCORES, area, compared, difference, hidden, hottest_first, replaced, scored, show
from heat_map_peers import grad_cam, kernel_shap, map_layers, occlusion, rise
from numpy.typing import NDArray
from scipy.stats import ttest_1samp

from eyespot.network import Network

Draw = Callable[..., NDArray[np.uint8]]
Floats = NDArray[np.floating]

SIZE = (16, 16)
SPOT = np.zeros(SIZE)
SPOT[4:8, 8:12] = 1


def share_of_spot(kept: Floats) -> Floats:
    """A model that sees nothing but the spot: its answer is how much of it was left."""
    return np.asarray((kept * SPOT).sum(axis=(1, 2)) / SPOT.sum())


def test_the_area_is_by_trapezoids() -> None:
    assert area(np.array([0.0, 1.0, 1.0])) == pytest.approx(0.75)
    assert area(np.full(65, 0.3)) == pytest.approx(0.3)


def test_ranks_begin_with_the_hottest_and_equal_heats_come_in_no_order_of_place() -> None:
    assert hottest_first(np.array([[0.5, 3.0], [-1.0, 2.0]])).tolist() == [[2, 0], [3, 1]]
    ranks = hottest_first(np.zeros(SIZE)).ravel()
    assert sorted(ranks) == list(range(256))
    assert abs(np.corrcoef(ranks, np.arange(256))[0, 1]) < 0.2


def test_the_spot_as_a_heat_map_has_the_scores_worked_by_hand() -> None:
    # 8 pixels a step: the spot, 16 pixels, is there after 2 of 32 steps.
    rising = np.minimum(np.arange(33) / 2, 1)
    assert scored(SPOT, share_of_spot) == pytest.approx((area(rising), area(1 - rising)))
    last = np.maximum(np.arange(33) - 30, 0) / 2
    assert scored(-SPOT, share_of_spot) == pytest.approx((area(last), area(1 - last)))


def test_pixels_are_replaced_where_the_mask_is_0(draw: Draw) -> None:
    picture = draw(0, 16, 16)
    kept = np.zeros((1, 16, 16))
    kept[0, 3, 5] = 1
    (changed,) = hidden(picture, kept, replaced(picture, "mean color"))
    assert (changed[3, 5] == picture[3, 5]).all()
    rest = changed[kept[0] == 0]
    assert np.abs(rest - picture.mean(axis=(0, 1))).max() <= 0.5
    assert np.abs(replaced(picture, "blur") - picture).max() > 1


def test_the_interval_is_that_of_scipys_t_test() -> None:
    own, other = np.random.default_rng(0).normal((0.1, 0.0), 1, (50, 2)).T
    found = difference(own, other)
    expected = ttest_1samp(own - other, 0).confidence_interval(0.95)
    assert (found["low"], found["high"]) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(
    "heat",
    [
        occlusion(share_of_spot, SIZE, 169, 4),
        rise(share_of_spot, SIZE, 800, 4),
        kernel_shap(share_of_spot, SIZE, 200, 4),
    ],
    ids=["occlusion", "RISE", "KernelSHAP"],
)
def test_a_peer_finds_the_spot(heat: Floats) -> None:
    assert SPOT.ravel()[hottest_first(heat).ravel().argsort()[:8]].all()


def test_occlusion_is_the_fall_of_the_probability() -> None:
    # One window over all of the picture: everything falls by 1.
    np.testing.assert_allclose(occlusion(share_of_spot, SIZE, 1, 16), 1)


def test_kernel_shap_gives_a_linear_models_weights() -> None:
    heat = kernel_shap(share_of_spot, SIZE, 400, 4)
    np.testing.assert_allclose(heat, SPOT, atol=0.02)  # the spot is one cell of 4 x 4, on which all of the answer depends


def test_grad_cam_before_a_mean_is_the_class_activation_map(tiny_network: Network, draw: Draw) -> None:
    # There the gradient is the Dense weight divided by the number of places (Selvaraju et al., section 3.1).
    assert map_layers(tiny_network) == ["rescaling", "conv"]
    picture = draw(3, 8, 10)
    layers = tiny_network.by_name
    kernel, bias = layers["conv"].weights["kernel"], layers["conv"].weights["bias"]
    patches = np.lib.stride_tricks.sliding_window_view(picture / 255, (3, 3), axis=(0, 1))
    maps = np.maximum(np.einsum("hwcij,ijco->hwo", patches, kernel) + bias, 0)
    for label in range(3):
        expected = np.maximum(maps @ layers["logits"].weights["kernel"][:, label], 0) / maps[..., 0].size
        heat = grad_cam(tiny_network, "conv")(picture, label)
        assert heat.shape == (8, 10)
        # Enlarged from 6 x 8, so compared where both lie: at the middle.
        assert heat.max() == pytest.approx(expected.max(), rel=0.25, abs=1e-6)
        assert (heat.max() == 0) == (expected.max() == 0)


def test_the_tables_show_each_method_and_its_paired_difference() -> None:
    own = {score: np.array([0.5, 0.7, 0.6]) for score in SCORES}
    other = {**own, SCORES[0]: np.array([0.4, 0.5, 0.6])}
    methods = compared({OWN: own, "occlusion": other}, {OWN: 512, "occlusion": 530})
    assert methods["occlusion"]["difference"][SCORES[0]]["mean"] == pytest.approx(0.1)
    assert methods["occlusion"]["difference"][OVERALL]["mean"] == pytest.approx(0.05)
    text = show([{"n": 3, "probability": 0.9, "replaced": {"blur": 0.1, "mean color": 0.2}, "methods": methods}])
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    assert lines[0][0].startswith("3 pictures; the model gives the class 0.900 on average")
    assert lines[4][:3] == [OWN, "512", "0.600"]
    assert lines[5][:3] == ["occlusion", "530", "0.500"]
    assert lines[-1][:2] == ["Eyespot less occlusion", "+0.100 (-0.148 to +0.348)"]
