"""Lengths of time, read as people write them and written as they read them."""

from __future__ import annotations

from typing import Any

import pytest

from eyespot import durations
from eyespot.errors import InputError


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("20s", 20),
        ("1m", 60),
        ("5m", 300),
        ("90", 90),
        ("1m30s", 90),
        ("1m30", 90),
        ("0.5h", 1800),
        ("1h1m1s", 3661),
        (" 2 min ", 120),
        ("1 H 5 M", 3900),
        (".5m", 30),
        ("2.5", 2.5),
        (45, 45),
        (1.5, 1.5),
    ],
)
def test_a_duration_is_read(written: Any, expected: float) -> None:
    assert durations.seconds(written) == expected


@pytest.mark.parametrize(
    "written", ["", "s", "m", "soon", "1d", "-1", "-5s", "30s1m", "1e3", "nan", "inf", "1,5m", "1m 2m", None, True, [60]]
)
def test_what_is_no_duration_is_refused_with_examples(written: Any) -> None:
    with pytest.raises(InputError, match=r"such as 20s, 1m, 1m30s or 0\.5h"):
        durations.seconds(written)


@pytest.mark.parametrize("written", ["0", "0s", 0, -3, "8000h", float("nan"), float("inf")])
def test_nothing_and_more_than_a_week_are_refused(written: Any) -> None:
    with pytest.raises(InputError, match="above zero and at most a week"):
        durations.seconds(written)


@pytest.mark.parametrize(
    ("total", "words"),
    [(20, "20 s"), (59.6, "1 min"), (90, "1 min 30 s"), (3600, "1 h"), (3661, "1 h 1 min"), (0.2, "0 s"), (1200, "20 min")],
)
def test_a_duration_is_written_in_units_that_people_use(total: float, words: str) -> None:
    assert durations.in_words(total) == words
