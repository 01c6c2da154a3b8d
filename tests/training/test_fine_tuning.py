"""How long fine-tuning may take, on a simulated machine; and that layers which the engine does not know are named."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from eyespot.data.dataset import Part
from eyespot.errors import UnsupportedError
from eyespot.network import Network
from eyespot.recipes import Recipe, load
from eyespot.recipes.fine_tuning import MOST_EPOCHS
from eyespot.training import Plan, check_is_trainable, fine_tuning, plan_fine_tuning
from eyespot.training.choice import Cost
from eyespot.training.lowering.native_network import LOWERINGS


@dataclass(frozen=True)
class Trial:
    """A network whose steps take `seconds` each."""

    recipe: Recipe
    seconds: float
    build_seconds: float = 0.5

    def cost(self, threads: int | None, seconds: float) -> Cost:
        return Cost(self.recipe.batch_size, self.seconds, prediction=0.001)


class Machine:
    """A machine whose clock stands still at 100 s."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.probed: list[int] = []

    def monotonic(self) -> float:
        return 100.0

    def built(self, recipe: Recipe, part: Part, classes: int, device: str) -> Trial:
        return Trial(recipe, self.seconds)

    def fastest_threads(self, trial: Trial, device: str, seconds: float) -> int:
        self.probed.append(trial.recipe.batch_size)
        return 2


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Has a machine take the place of the real one, on which a step takes so many seconds."""

    def take(seconds: float) -> Machine:
        machine = Machine(seconds)
        monkeypatch.setattr(fine_tuning, "time", machine)
        monkeypatch.setattr(fine_tuning, "built", machine.built)
        monkeypatch.setattr(fine_tuning, "fastest_threads", machine.fastest_threads)
        monkeypatch.setattr(fine_tuning, "slowness", lambda part, classes, device: 1.0)
        return machine

    return take


def planned(budget: float, trainings: tuple[float, ...] = (1.0,), threads: int | None = None) -> Plan:
    """For 320 pictures, ten steps an epoch."""
    part = Part(np.zeros((32, 8, 10, 3), np.uint8), np.zeros(32, np.int64), ("",) * 32)
    recipe = replace(load("budget"), batch_size=32)
    return plan_fine_tuning(
        recipe, part, 2, pictures=320, asked=100, seconds=budget, began=95.0, threads=threads, trainings=trainings
    )


def test_the_time_is_used_and_kept_to(on: Any) -> None:
    on(0.5)
    plan = planned(60)
    assert plan.is_enough
    assert plan.recipe.least_steps == 0
    assert 0.9 * 60 < sum(plan.predicted.values()) <= 60
    # 60 s less 2 % and those spent, 2 s of getting ready and writing, 1.5 of the first step, 1.6 of judging.
    assert plan.recipe.epochs == pytest.approx((58.8 - 5 - 2 - 0.75 - 1.5) / 5, abs=0.05)
    assert re.search(r"fine-tuned, 9\.\d+ epochs of 320 pictures at 64 pictures/s on 2 threads", plan.notes[0])


def test_of_all_the_time_in_the_world_a_few_epochs_are_used(on: Any) -> None:
    on(0.5)
    assert planned(36_000).recipe.epochs == MOST_EPOCHS


def test_fewer_trainings_are_planned_where_more_do_not_fit_with_an_epoch_each(on: Any) -> None:
    on(0.5)
    assert [planned(budget, (6.4, 4.7)).trainings for budget in (120, 50, 20)] == [6.4, 4.7, 4.7]
    assert [planned(budget, (6.4, 4.7)).is_enough for budget in (120, 50, 20)] == [True, True, False]
    assert planned(20, (6.4, 4.7)).recipe.epochs == 1
    assert sum(planned(20, (6.4, 4.7)).predicted.values()) > 20


def test_threads_are_tried_on_small_steps_unless_they_are_given(on: Any) -> None:
    machine = on(0.5)
    assert planned(60).threads == 2
    assert machine.probed == [8]
    assert planned(60, threads=1).threads == 1
    assert machine.probed == [8]


def test_layers_that_the_engine_does_not_know_are_named(tiny_network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    check_is_trainable(tiny_network)
    monkeypatch.delitem(LOWERINGS, "Conv2D")  # type: ignore[attr-defined]  # a Mapping to all others
    with pytest.raises(UnsupportedError, match=r"cannot train conv \(Conv2D\); the layers that it knows are .*Dense"):
        check_is_trainable(tiny_network)
