"""The threshold, held against SciPy, examples worked by hand, and a classifier whose error rates are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from eyespot.errors import InputError
from eyespot.evaluation.threshold import NoThreshold, Threshold, choose_threshold, clopper_pearson_bound

Floats = NDArray[np.float64]


def falling(n: int) -> Floats:
    """Confidences from 0.99 down, no two the same."""
    return np.linspace(0.99, 0.4, n)


def all_but(n: int, *wrong: int) -> NDArray[np.bool_]:
    """Right answers but for those at the positions `wrong`."""
    right = np.ones(n, bool)
    right[list(wrong)] = False
    return right


def chosen(found: Threshold | NoThreshold) -> Threshold:
    assert isinstance(found, Threshold), found
    return found


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 2000), share=st.floats(0, 1), level=st.floats(0.5, 0.999))
def test_the_bound_of_an_error_rate_is_scipys(n: int, share: float, level: float) -> None:
    wrong = round(share * n)
    expected = stats.binomtest(wrong, n, alternative="less").proportion_ci(level, method="exact").high

    assert clopper_pearson_bound(wrong, n, level) == pytest.approx(expected, abs=1e-9)


def test_fifty_nine_right_answers_show_five_percent_and_fifty_eight_do_not() -> None:
    # 0.95 to the power of 59 is 0.0485, of 58 0.0510.
    found = chosen(choose_threshold(falling(59), all_but(59), 0.05))

    assert (found.threshold, found.coverage, found.n, found.answered, found.wrong) == (0.4, 1, 59, 59, 0)
    assert found.bound == pytest.approx(1 - 0.05 ** (1 / 59))
    assert choose_threshold(falling(58), all_but(58), 0.05) == NoThreshold(
        "at most 5 % wrong answers cannot be shown by 58 pictures: it takes 59, all of them right", 59
    )


def test_the_search_ends_before_the_first_mistake_that_the_pictures_cannot_bear() -> None:
    confidence = falling(80)

    found = chosen(choose_threshold(confidence, all_but(80, 65), 0.05))

    # One mistake would take 93 pictures.
    assert (found.threshold, found.answered, found.coverage) == (confidence[64], 65, 65 / 80)


def test_an_early_mistake_does_not_end_the_search_where_there_are_many_pictures() -> None:
    found = chosen(choose_threshold(falling(300), all_but(300, 2), 0.05))

    assert (found.coverage, found.wrong) == (1, 1)
    # The risk of 5 % is divided between three sequences: from the beginning, from 150 and from 300 pictures.
    expected = stats.binomtest(1, 300, alternative="less").proportion_ci(1 - 0.05 / 3, method="exact").high
    assert found.bound == pytest.approx(expected)


def test_how_many_pictures_it_would_take_counts_that_more_are_tested_more_often() -> None:
    # All of 200 are tested in three sequences, so 0.98 to the power of n has to be below 0.05 / 3: from 203 on.
    found = choose_threshold(falling(200), all_but(200), 0.02)

    assert isinstance(found, NoThreshold)
    assert found.needed == 203
    assert isinstance(choose_threshold(falling(203), all_but(203), 0.02), Threshold)


def test_how_many_pictures_it_would_take_is_no_number_at_which_it_takes_more() -> None:
    # 149 would do, were they tested in one sequence; but from 100 on there are two, and 183 do.
    found = choose_threshold(falling(58), all_but(58), 0.02)

    assert isinstance(found, NoThreshold)
    assert found.needed == 183
    assert isinstance(choose_threshold(falling(182), all_but(182), 0.02), NoThreshold)
    assert isinstance(choose_threshold(falling(183), all_but(183), 0.02), Threshold)


def test_few_pictures_have_only_one_chance() -> None:
    # One mistake among 99 would show 5 %; but it came when too little was shown, and who tries again will be lucky at last.
    found = choose_threshold(falling(99), all_but(99, 2), 0.05)

    assert isinstance(found, NoThreshold)
    assert found.needed is not None
    assert found.needed > 99


def test_too_many_mistakes_leave_no_threshold_and_say_so() -> None:
    hopeless = choose_threshold(falling(200), np.arange(200) % 4 > 0, 0.05)
    unlucky = choose_threshold(falling(200), np.arange(200) % 30 > 0, 0.05)

    assert isinstance(hopeless, NoThreshold)
    assert isinstance(unlucky, NoThreshold)
    assert hopeless.needed is None
    assert "more pictures alone would hardly help" in hopeless.reason
    assert unlucky.needed is not None
    assert unlucky.needed > 200
    assert unlucky.needed % 100 == 0
    assert f"it would take about {unlucky.needed} such pictures" in unlucky.reason
    more = np.arange(2 * unlucky.needed) % 30 > 0
    assert isinstance(choose_threshold(falling(len(more)), more, 0.05), Threshold)


def test_equally_confident_answers_stand_or_fall_together() -> None:
    confidence = np.repeat([0.9, 0.6], 100)
    right = all_but(200, 150, 151, 152, 153, 154, 155, 156, 157)

    found = chosen(choose_threshold(confidence, right, 0.06))

    assert (found.threshold, found.answered, found.wrong) == (0.9, 100, 0)
    assert isinstance(choose_threshold(np.full(200, 0.9), all_but(200, 3), 0.06), Threshold)
    assert isinstance(choose_threshold(np.full(200, 0.9), right, 0.05), NoThreshold)


def test_copies_of_a_picture_in_one_group_add_nothing() -> None:
    confidence, right = falling(150), all_but(150, 120, 130, 140)
    once = chosen(choose_threshold(confidence, right, 0.05))
    groups = np.repeat(np.arange(150), 4)

    often = chosen(choose_threshold(np.repeat(confidence, 4), np.repeat(right, 4), 0.05, groups=groups))

    assert (often.threshold, often.bound, often.coverage) == (once.threshold, once.bound, once.coverage)
    assert (often.n, often.answered) == (600, 4 * once.answered)


def test_many_pictures_of_few_groups_support_no_threshold() -> None:
    names = np.array([f"animal {i}" for i in range(20)])

    found = choose_threshold(falling(400), all_but(400), 0.05, groups=np.repeat(names, 20))

    assert found == NoThreshold(
        "at most 5 % wrong answers cannot be shown by 20 groups of pictures: it takes 59, all of them right", 59
    )


def test_part_of_a_vote_counts_as_a_whole_one() -> None:
    groups = np.arange(320) // 4

    whole = chosen(choose_threshold(falling(320), all_but(320, 280, 281, 282, 283), 0.1, groups=groups))
    part = chosen(choose_threshold(falling(320), all_but(320, 283), 0.1, groups=groups))

    assert whole.answered == part.answered == 320
    assert part.bound == whole.bound == pytest.approx(clopper_pearson_bound(1, 80, 0.95))


answers = st.lists(st.tuples(st.integers(0, 40), st.booleans(), st.booleans(), st.integers(0, 250)), min_size=1, max_size=250)


@settings(max_examples=60, deadline=None)
@given(
    pictures=answers,
    rates=st.tuples(st.floats(0.01, 0.6), st.floats(0.01, 0.6)),
    copies=st.integers(1, 4),
    grouped=st.booleans(),
)
def test_a_stricter_error_rate_never_lowers_the_threshold(
    pictures: list[tuple[int, bool, bool, int]], rates: tuple[float, float], copies: int, grouped: bool
) -> None:
    # A quarter of the answers at most is wrong, so that something is found.
    confidence = np.array([picture[0] / 40 for picture in pictures * copies])
    right = np.array([picture[1] or picture[2] for picture in pictures * copies])
    groups = np.array([picture[3] for picture in pictures * copies]) if grouped else None

    strict, lax = (choose_threshold(confidence, right, rate, groups=groups) for rate in sorted(rates))

    if isinstance(strict, Threshold):
        assert chosen(lax).threshold <= strict.threshold
        assert strict.bound <= min(rates) + 1e-9
        answered = confidence >= strict.threshold
        assert (strict.answered, strict.wrong) == (answered.sum(), (~right[answered]).sum())
        assert strict.coverage == pytest.approx(answered.mean())
    else:
        assert strict.needed is None or strict.needed > 0


@settings(max_examples=40, deadline=None)
@given(pictures=answers, seed=st.integers(0, 99))
def test_the_order_of_the_pictures_does_not_move_the_threshold(pictures: list[tuple[int, bool, bool, int]], seed: int) -> None:
    confidence = np.array([picture[0] / 40 for picture in pictures])
    right = np.array([picture[1] or picture[2] for picture in pictures])
    groups = np.array([picture[3] for picture in pictures])
    order = np.random.default_rng(seed).permutation(len(pictures))

    found = choose_threshold(confidence, right, 0.3, groups=groups)

    assert choose_threshold(confidence[order], right[order], 0.3, groups=groups[order]) == found


def test_the_error_rate_is_kept_as_often_as_is_asked_where_the_share_that_was_seen_keeps_it_rarely() -> None:
    generator = np.random.default_rng(6)
    kept = seen_kept = found_any = 0
    for _ in range(200):
        confidence = generator.random(250)
        # Above a threshold t the mean of 0.6 (1 - c) squared is 0.2 (1 - t) squared.
        right = generator.random(250) >= 0.6 * (1 - confidence) ** 2
        found = choose_threshold(confidence, right, 0.1)
        if isinstance(found, Threshold):
            found_any += 1
            kept += 0.2 * (1 - found.threshold) ** 2 <= 0.1
        order = np.argsort(-confidence)
        shares = np.cumsum(~right[order]) / np.arange(1, 251)
        lowest = confidence[order][np.flatnonzero(shares <= 0.1).max(initial=0)]
        seen_kept += 0.2 * (1 - lowest) ** 2 <= 0.1

    assert found_any > 100
    assert kept >= 0.95 * found_any
    assert seen_kept < 0.6 * 200


@pytest.mark.parametrize(
    ("confidence", "right", "rate", "groups", "message"),
    [
        ([], [], 0.1, None, r"shape \(n,\)"),
        ([0.5], [True, False], 0.1, None, r"got \(1,\), \(2,\)"),
        ([0.5], [True], 0.1, [1, 2], r"and \(2,\)"),
        ([0.5], [1], 0.1, None, "True and False; got int64"),
        ([1.5], [True], 0.1, None, "between 0 and 1; got 1.5"),
        ([np.nan], [True], 0.1, None, "between 0 and 1"),
        ([0.5], [True], 0.0, None, "error_rate must lie between 0 and 1; got 0.0"),
        ([0.5], [True], 1.0, None, "error_rate"),
    ],
)
def test_what_no_threshold_can_be_chosen_on_is_refused(
    confidence: object, right: object, rate: float, groups: object, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        choose_threshold(confidence, right, rate, groups=groups)  # type: ignore[arg-type]  # wrong on purpose


def test_a_confidence_level_outside_0_to_1_is_refused() -> None:
    with pytest.raises(InputError, match=r"confidence_level must lie between 0 and 1; got 95"):
        choose_threshold([0.5], [True], 0.1, confidence_level=95)


def test_a_threshold_remembers_how_sure_it_was_to_be() -> None:
    assert chosen(choose_threshold(falling(59), all_but(59), 0.05)).confidence_level == 0.95
    assert chosen(choose_threshold(falling(59), all_but(59), 0.05, confidence_level=0.9)).confidence_level == 0.9
