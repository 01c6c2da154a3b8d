"""The simulated recipes are as good as they are said to be, and every side is asked."""

from __future__ import annotations

import numpy as np
import pytest
from difference_coverage import COUNTS, LIMITS, OWN, RUNS, SCATTERS, coverage, recipe, show


@pytest.mark.parametrize("scatter", SCATTERS)
def test_the_true_accuracy_is_that_of_many_runs_on_many_pictures(scatter: float) -> None:
    generator = np.random.default_rng(0)
    told, truth = recipe(generator.normal(size=2000), LIMITS[0], 300, scatter, generator)

    assert told.mean() == pytest.approx(truth, abs=0.03)


def test_the_truth_of_one_run_is_its_own() -> None:
    generator = np.random.default_rng(1)
    told, truth = recipe(generator.normal(size=200_000), LIMITS[1], 1, 1.0, generator)

    assert told.mean() == pytest.approx(truth, abs=0.005)


def test_every_side_is_shown_in_every_setting() -> None:
    settings = [
        {"runs": list(runs), "n": n, "scatter": scatter, **coverage(runs, n, scatter, 2, [0])}
        for runs in RUNS[:2]
        for n in COUNTS[:1]
        for scatter in SCATTERS
    ]

    shown = show([{"settings": settings}])

    assert f"{OWN}, seeds 0.2" in shown
    assert shown.count("against") == 2
    assert all(set(row["covered"]) == set(settings[0]["covered"]) for row in settings)
