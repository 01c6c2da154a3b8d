"""What training and judging cost is found by doing a little of it: how much is done, and what is made of the times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from eyespot.data.dataset import Part
from eyespot.models.tutorial import tutorial
from eyespot.recipes import Recipe
from eyespot.training import cost
from eyespot.training.cost import Trial, built


def recipe(batch_size: int = 16) -> Recipe:
    from eyespot.models.backend import keras

    return Recipe(
        model=tutorial,
        optimizer=lambda rate, steps, batch_size: keras.optimizers.SGD(rate),
        learning_rate=0.01,
        batch_size=batch_size,
        shift=1,
    )


@pytest.fixture(scope="module")
def part() -> Part:
    images = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), np.uint8)
    return Part(images, np.arange(40) % 3, tuple(map(str, range(40))))


@pytest.fixture(scope="module")
def trial(part: Part) -> Trial:
    return built(recipe(), part, 3, "cpu")


class Clock:
    """Stands in for the module `time`: each look at it finds the next of the given times."""

    def __init__(self, *times: float) -> None:
        self._times: Iterator[float] = iter(times)

    def perf_counter(self) -> float:
        return next(self._times)


def watched(monkeypatch: pytest.MonkeyPatch, times: list[float], seconds: float, least: int) -> Any:
    """A stopwatch that has seen steps end at these times, the first of which is the beginning; and after how many it stops."""
    from types import SimpleNamespace

    monkeypatch.setattr(cost, "time", Clock(*times))
    stopwatch = cost._Stopwatch(seconds, least)
    stopwatch.set_model(SimpleNamespace(stop_training=False))
    stopwatch.on_train_begin()
    steps = 0
    while steps < len(times) - 1 and not stopwatch.model.stop_training:
        stopwatch.after_step(steps, dict)
        steps += 1
    return stopwatch.typical, steps


def test_the_typical_step_is_the_median_of_all_but_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert watched(monkeypatch, [0, 5, 6, 8, 9, 10.5], seconds=100, least=2) == (1.25, 5)


def test_it_stops_once_the_time_is_up_and_enough_steps_were_done(monkeypatch: pytest.MonkeyPatch) -> None:
    assert watched(monkeypatch, [0, 1, 2, 3, 4, 5], seconds=3, least=2) == (1, 3)
    assert watched(monkeypatch, [0, 9, 10, 11], seconds=3, least=2) == (1, 2)
    # Steps that take seconds, of threads that wait for each other, are not repeated only to be sure.
    assert watched(monkeypatch, [0, 9, 10, 11], seconds=3, least=1) == (9, 1)


def test_a_trial_does_real_steps_and_real_predictions(trial: Trial) -> None:
    before = [np.array(weight) for weight in trial.model.get_weights()]
    found = trial.cost(threads=1, seconds=0.0)
    assert 0 < found.prediction < found.step
    changed = [not np.array_equal(*pair) for pair in zip(before, trial.model.get_weights(), strict=True)]
    assert any(changed)
    # Two, as the first does not count.
    assert int(trial.model.optimizer.iterations) == 2


def test_as_many_steps_are_tried_as_say_something(part: Part) -> None:
    trial = built(recipe(batch_size=40), part, 3, "cpu")
    trial.seconds_a_step(threads=1, seconds=600.0)
    assert int(trial.model.optimizer.iterations) == cost._MOST_STEPS


def test_the_threads_with_the_fastest_steps_are_taken(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def seconds_a_step(self: Trial, batch_size: int, threads: int, seconds: float, least: int) -> float:
        asked.append((batch_size, threads))
        return {1: 3.0, 2: 1.0, 4: 2.0}[threads]

    monkeypatch.setattr(Trial, "_seconds_a_step", seconds_a_step)
    assert trial.fastest_threads((4, 2, 1), seconds=1.0) == 2
    # One thread first, of which nothing can go wrong; never with more than small batches.
    assert asked == [(16, 1), (16, 2), (16, 4)]
    Trial(recipe(batch_size=500), trial.model, trial.part, "cpu", 0.1).fastest_threads((1, 2), 1.0)
    assert asked[3:] == [(64, 1), (64, 2)]


def test_weights_that_are_computed_from_pictures_are_not_waited_for(part: Part) -> None:
    from dataclasses import replace

    def prepare(model: Any, pictures: Any) -> None:
        raise AssertionError("called")

    kept = built(replace(recipe(), prepare=prepare), part, 3, "cpu")
    assert kept.recipe.prepare is prepare
    assert kept.build_seconds > 0
