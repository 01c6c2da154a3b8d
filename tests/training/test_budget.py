"""A training planned to end on time: on simulated machines, whose clock moves only when something is measured."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from eyespot.data.dataset import Dataset, Part
from eyespot.recipes import Recipe, load, with_settings
from eyespot.recipes.budget import LADDER, MOST_EPOCHS, batch_size_for, multiply_adds
from eyespot.training import budget
from eyespot.training.budget import Plan, plan
from eyespot.training.choice import REFERENCE_BUILD_SECONDS, Cost

WIDTHS = [list(rung.widths) for rung in LADDER]
NETWORKS = [(list(rung.widths), batch_size_for(45_000, rung)) for rung in LADDER]


class Machine:
    """A machine on which networks cost what is said here.

    Args:
        speed: 1 does about what two cores with AMX do.
        is_shared: whether another process keeps one of its two cores.
        began: what its clock shows.
    """

    def __init__(self, speed: float = 1.0, *, is_shared: bool = False, began: float = 100.0) -> None:
        self.speed, self.is_shared, self.now = speed, is_shared, began
        self.measured: list[tuple[list[int], int, int | None]] = []

    def monotonic(self) -> float:
        return self.now

    def cost(self, recipe: Recipe, threads: int | None) -> Cost:
        adds = multiply_adds(recipe.network, recipe.size)
        speed = self.speed * ((1.0 if threads == 1 else 0.1) if self.is_shared else (0.6 if threads == 1 else 1.0))
        step = recipe.batch_size * (150e-6 + adds * 6e-12) / speed
        return Cost(recipe.batch_size, step, prediction=adds * 18e-12 / self.speed)

    def built(self, recipe: Recipe, part: Part, classes: int, device: str) -> Any:
        machine = self
        machine.now += REFERENCE_BUILD_SECONDS / machine.speed

        class Trial:
            build_seconds = REFERENCE_BUILD_SECONDS / machine.speed
            model = None

            def __init__(self) -> None:
                self.recipe = replace(recipe, prepare=None)

            def fastest_threads(self, options: tuple[int, ...], seconds: float) -> int:
                machine.now += seconds * len(options)
                return min(options, key=lambda threads: machine.cost(recipe, threads).step)

            def cost(self, threads: int | None, seconds: float) -> Cost:
                machine.now += max(seconds, 2 * machine.cost(recipe, threads).step)
                machine.measured.append((recipe.network["widths"], recipe.batch_size, threads))
                return machine.cost(recipe, threads)

        return Trial()


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Has a machine take the place of the real one."""

    def take(machine: Machine) -> Machine:
        monkeypatch.setattr(budget, "built", machine.built)
        monkeypatch.setattr(budget, "time", machine)
        monkeypatch.setattr(budget.torch, "get_num_threads", lambda: 2)
        return machine

    return take


def pictures(train: int, size: int = 32, name: str = "pets") -> Dataset:
    """A data set of so many pictures, none of which takes memory."""

    def part(n: int) -> Part:
        return Part(np.broadcast_to(np.uint8(0), (n, size, size, 3)), np.zeros(n, np.int64), ("",) * n)

    return Dataset(name, ("cat", "dog"), {"train": part(train), "validation": part(train // 9), "test": part(train // 5)})


def planned(machine: Machine, data: Dataset, seconds: float, spent: float = 5.0, **options: Any) -> Plan:
    recipe = replace(with_settings(load("budget"), options.pop("given", {})), flip="never")
    given = options.pop("names", ())
    size = data.parts["train"].images.shape[1]
    return plan(replace(recipe, size=size), given, data, seconds=seconds, began=machine.now - spent, device="cpu", **options)


@pytest.mark.parametrize("speed", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("train", [400, 9_000, 45_000])
@pytest.mark.parametrize("seconds", [60, 300, 1_200])
def test_what_was_chosen_was_measured_and_ends_on_time(on: Any, speed: float, train: int, seconds: float) -> None:
    machine = on(Machine(speed))
    seconds = max(seconds, 20 / speed)  # enough of it for something sensible
    found = planned(machine, pictures(train), seconds)
    assert (found.recipe.network["widths"], found.recipe.batch_size, 2) in machine.measured
    total = sum(found.predicted.values())
    assert total <= seconds
    # The time is used, unless the pictures are too few for that.
    assert total > 0.9 * seconds or found.recipe.steps_for(train) == MOST_EPOCHS * -(-train // found.recipe.batch_size)


def test_a_larger_budget_never_takes_a_cheaper_network_nor_fewer_epochs_of_it(on: Any) -> None:
    for speed in (1.0, 0.4):
        before = (0, 0.0)
        for seconds in (15, 20, 30, 45, 60, 90, 120, 200, 300, 600, 1_200, 3_600):
            found = planned(on(Machine(speed)), pictures(45_000), seconds)
            network = (found.recipe.network["widths"], found.recipe.batch_size)
            after = (NETWORKS.index(network), found.recipe.epochs)
            assert before <= after
            before = after
        assert before[0] == len(NETWORKS) - 1


def test_measuring_takes_a_small_part_of_the_budget(on: Any) -> None:
    for seconds, most in ((20, 2.0), (60, 2.5), (1_200, 15.0)):
        machine = on(Machine())
        begin = machine.now
        planned(machine, pictures(45_000), seconds)
        assert machine.now - begin < most


def test_with_a_core_that_another_process_keeps_one_thread_is_taken(on: Any) -> None:
    assert planned(on(Machine()), pictures(45_000), 60).threads == 2
    shared = planned(on(Machine(is_shared=True)), pictures(45_000), 60)
    assert shared.threads == 1
    assert shared.notes[0].endswith("on 1 thread")
    assert planned(on(Machine()), pictures(45_000), 60, threads=1).threads == 1


def test_what_is_set_by_hand_is_kept(on: Any) -> None:
    machine = on(Machine())
    own = {"widths": [8, 16], "depth": 2, "stride": 1}
    given = {"network": own, "batch_size": 100, "learning_rate": 0.05}
    found = planned(machine, pictures(9_000), 60, given=given, names=set(given))
    assert {name: getattr(found.recipe, name) for name in given} == given
    assert {tuple(widths) for widths, *_ in machine.measured} == {(8, 16)}
    # Nothing is known of how good it gets.
    assert not any("CIFAR-10" in note for note in found.notes)


def test_a_network_changed_in_part_is_chosen_as_others_are(on: Any) -> None:
    given = {"network": "{stride: 2}"}
    chosen = [planned(on(Machine()), pictures(45_000), seconds, given=given, names={"network.stride"}) for seconds in (10, 300)]
    for found in chosen:
        assert found.recipe.network["stride"] == 2
        assert not any("CIFAR-10" in note for note in found.notes)  # nothing is known of how good it gets
    small, large = (found.recipe.network["widths"] for found in chosen)
    # 32 // 2 - 1 = 15 positions either way: the third group would leave 1.
    assert (small, large) == (WIDTHS[0][:2], WIDTHS[-1][:2])


def test_too_little_time_for_a_network_set_by_hand_is_not_laid_to_the_smallest(on: Any) -> None:
    own = {"widths": [512, 512, 512], "depth": 4}
    found = planned(on(Machine(0.2)), pictures(45_000), 10, given={"network": own}, names={"network"})
    assert found.recipe.network == own
    assert found.notes[1].endswith("this is the least that this network, set by hand, is worth training")


def test_a_budget_that_is_too_short_is_overrun_by_the_smallest_training_and_says_so(on: Any) -> None:
    found = planned(on(Machine(0.2)), pictures(45_000), 10)
    assert found.recipe.network["widths"] == WIDTHS[0]
    assert found.recipe.steps_for(45_000) == LADDER[0].needed_steps(45_000, found.recipe.batch_size)
    assert "10 s is too short here, and this is the smallest training worth doing" in found.notes[1]


def test_pictures_too_few_to_use_the_time_are_told_so(on: Any) -> None:
    found = planned(on(Machine()), pictures(300), 3_600)
    assert sum(found.predicted.values()) < 1_000
    assert f"so few pictures have no use for more, once they were seen {MOST_EPOCHS} times" in found.notes[1]


def test_the_steps_are_written_as_epochs_and_come_back_the_same(on: Any) -> None:
    for train in (36, 405, 9_001, 45_000, 900_000):
        found = planned(on(Machine()), pictures(train), 300)
        steps = found.recipe.epochs * -(-train // found.recipe.batch_size)
        assert steps == pytest.approx(round(steps), abs=0.01)
        again = with_settings(load("budget"), {"epochs": found.recipe.epochs, "batch_size": found.recipe.batch_size})
        assert again.steps_for(train) == found.recipe.steps_for(train) == round(steps)


def test_it_says_what_to_expect_and_of_what_that_is_known(on: Any) -> None:
    for data, expected in (
        (pictures(45_000, name="cifar10"), r"to be expected: about 8\d % of pictures held out right"),
        (pictures(45_000), r"8\d % on CIFAR-10 \(ten classes, 50,000 pictures\); yours may be easier or harder"),
        (pictures(405), r"on CIFAR-10 .*; how far 405 pictures lead depends on how much the classes differ"),
    ):
        assert re.search(expected, planned(on(Machine()), data, 60).notes[-1])


def test_several_trainings_share_the_time(on: Any) -> None:
    once, often = (planned(on(Machine()), pictures(2_000), 60, trainings=trainings) for trainings in ((1.0,), (6.5,)))
    assert (once.trainings, often.trainings, often.is_enough) == (1.0, 6.5, True)
    assert sum(often.predicted.values()) <= 60
    steps = [found.recipe.steps_for(2_000) for found in (once, often)]
    assert 5.5 < steps[0] / steps[1] < 8.5


def test_of_several_numbers_of_trainings_the_first_that_ends_on_time_is_planned(on: Any) -> None:
    wished = (6.5, 4.2, 1.0)
    found = [planned(on(Machine(0.2)), pictures(2_000), seconds, trainings=wished) for seconds in range(10, 120, 4)]
    assert [plan.trainings for plan in found] == sorted(plan.trainings for plan in found)
    assert {plan.trainings for plan in found} == set(wished)
    assert all(plan.is_enough for plan in found if plan.trainings > 1)
    late = planned(on(Machine(0.01)), pictures(2_000), 10, trainings=wished)
    assert (late.trainings, late.is_enough) == (1.0, False)
    assert "10 s is too short here" in late.notes[1]


def test_pictures_that_are_asked_about_besides_are_planned_for(on: Any) -> None:
    without, found = (planned(on(Machine()), pictures(45_000), 60, also_asked=count) for count in (0, 20_000))
    assert found.predicted["training"] < without.predicted["training"]
    assert sum(found.predicted.values()) <= 60
