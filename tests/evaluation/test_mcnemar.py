"""McNemar's test, held against SciPy's binomial test and a published example."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from eyespot.errors import InputError
from eyespot.evaluation.mcnemar import mcnemar


@given(first=st.integers(0, 400), second=st.integers(0, 400))
def test_the_exact_value_is_that_of_a_binomial_test_and_the_mid_p_less_half_of_what_was_seen_on_both_sides(
    first: int, second: int
) -> None:
    n = first + second
    exact = stats.binomtest(first, n).pvalue if n else 1.0

    found = mcnemar(first, second)

    assert found.exact == pytest.approx(exact, rel=1e-9)
    seen = stats.binom.pmf(first, n, 0.5)
    assert found.mid_p == pytest.approx(2 * stats.binom.cdf(min(first, second), n, 0.5) - seen, rel=1e-9)
    assert mcnemar(second, first) == found


def test_a_published_example() -> None:
    # Airway hyper-responsiveness before and after transplantation: Fagerland, Lydersen and Laake 2013.
    found = mcnemar(1, 7)

    assert found.exact == pytest.approx(0.0703, abs=5e-5)
    assert found.mid_p == pytest.approx(0.0391, abs=5e-5)


def test_classifiers_that_are_level_could_not_be_more_alike() -> None:
    assert [mcnemar(n, n).mid_p for n in (0, 1, 50)] == pytest.approx([1, 1, 1])


def test_many_pictures_are_no_trouble() -> None:
    found = mcnemar(500_000, 502_000)

    assert found.exact == pytest.approx(2 * stats.norm.sf(1999 / 1_002_000**0.5), rel=1e-3)


def test_fewer_pictures_than_none_are_refused() -> None:
    with pytest.raises(InputError, match="counted from 0"):
        mcnemar(-1, 3)
