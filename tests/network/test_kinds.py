"""The arithmetic of windows, against windows that are really moved."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eyespot.errors import UnsupportedError
from eyespot.network import Window, feature_axis

sizes = st.integers(1, 40)


def places(n, extent, stride, before=0, after=0):
    """How many places a window has that is moved along n cells, by moving it."""
    return sum(1 for _ in range(-before, n + after - extent + 1, stride))


@given(n=sizes, k=st.integers(1, 7), stride=st.integers(1, 5), dilation=st.integers(1, 3))
def test_valid_takes_every_place_within_the_input(n, k, stride, dilation):
    window = Window((k, k), (stride, stride), (dilation, dilation))
    extent = window.extent[0]
    assert extent == len(range(0, k * dilation, dilation)) + (k - 1) * (dilation - 1)
    if n >= extent:
        assert window.output_size((n, n)) == (places(n, extent, stride),) * 2
    assert window.padding_before_after((n, n)) == ((0, 0), (0, 0))


@given(n=sizes, k=st.integers(1, 7), stride=st.integers(1, 5), dilation=st.integers(1, 3))
def test_same_pads_just_enough_for_one_place_every_stride_and_the_odd_cell_goes_after(n, k, stride, dilation):
    window = Window((k, 1), (stride, 1), (dilation, 1), "same")
    (before, after), columns = window.padding_before_after((n, 9))
    assert columns == (0, 0)
    assert after - before in (0, 1)
    wanted = len(range(0, n, stride))
    assert window.output_size((n, 9)) == (wanted, 9)
    assert places(n, window.extent[0], stride, before, after) == wanted
    if after:
        assert places(n, window.extent[0], stride, before, after - 1) == wanted - 1


@pytest.mark.parametrize(("n", "k", "stride", "expected"), [(32, 3, 1, 30), (32, 2, 2, 16), (15, 2, 2, 7), (4, 2, 2, 2)])
def test_the_tutorials_own_numbers(n, k, stride, expected):
    assert Window((k, k), (stride, stride)).output_size((n, n)) == (expected, expected)


def test_keras_axes_count_the_batch_axis_or_from_the_end():
    assert [feature_axis(axis, 3) for axis in (1, 2, 3)] == [0, 1, 2]
    assert [feature_axis(axis, 3) for axis in (-3, -2, -1)] == [0, 1, 2]


@pytest.mark.parametrize("axis", [0, 4, -4])
def test_the_batch_axis_is_not_a_pictures_own(axis):
    with pytest.raises(UnsupportedError, match=f"axis={axis}"):
        feature_axis(axis, 3)
