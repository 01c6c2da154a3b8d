"""What a threshold comes to elsewhere, in examples worked by hand."""

from __future__ import annotations

import pytest

from eyespot.evaluation.threshold_check import ThresholdCheck, check_threshold, pooled


def test_what_a_threshold_comes_to_elsewhere_is_counted_and_pooled() -> None:
    one = check_threshold([0.9, 0.6, 0.59, 0.7], [True, False, False, True], 0.6)
    none = check_threshold([0.2, 0.3], [True, True], 0.6)

    assert one == ThresholdCheck(n=4, answered=3, wrong=1)
    assert (one.coverage, one.error_rate) == (0.75, pytest.approx(1 / 3))
    assert (none.coverage, none.error_rate) == (0, None)
    assert pooled([one, none, one]) == ThresholdCheck(n=10, answered=6, wrong=2)
    assert pooled([]) is None
