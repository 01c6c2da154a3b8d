"""Student's distribution, held against SciPy's."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from eyespot.errors import InputError
from eyespot.evaluation.student import quantile, two_sided


@settings(max_examples=150, deadline=None)
@given(freedom=st.floats(1, 1e6), probability=st.floats(0.001, 0.999))
def test_the_quantiles_are_scipys(freedom: float, probability: float) -> None:
    assert quantile(probability, freedom) == pytest.approx(stats.t.ppf(probability, freedom), rel=1e-6, abs=1e-9)


@settings(max_examples=150, deadline=None)
@given(freedom=st.floats(1, 1e6), t=st.floats(-40, 40))
def test_the_tails_are_scipys(freedom: float, t: float) -> None:
    assert two_sided(t, freedom) == pytest.approx(2 * stats.t.sf(abs(t), freedom), abs=1e-7)


@pytest.mark.parametrize(("freedom", "expected"), [(1, 12.706), (2, 4.303), (4, 2.776), (10, 2.228), (120, 1.980)])
def test_the_quantiles_are_those_of_printed_tables(freedom: int, expected: float) -> None:
    assert quantile(0.975, freedom) == pytest.approx(expected, abs=6e-4)


@pytest.mark.parametrize(("probability", "freedom"), [(0.975, 0.5), (0.975, float("nan")), (0.0, 3), (1.0, 3)])
def test_what_has_no_quantile_is_refused(probability: float, freedom: float) -> None:
    with pytest.raises(InputError):
        quantile(probability, freedom)
