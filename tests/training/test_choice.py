"""The choice of network and steps: pure arithmetic, tried on simulated machines."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product

import pytest

from eyespot.recipes.budget import LADDER, MOST_EPOCHS, Rung, batch_size_for, multiply_adds
from eyespot.training import choice
from eyespot.training.choice import Choice, Cost, Work, choose

SPEEDS = (1.0, 0.5, 0.05, 8.0)
"""Of simulated machines; 1 does about what two cores with AMX do."""

DATA = {
    "CIFAR-10": (45_000, 5_000, 10_000),
    "photographs": (405, 45, 181),
    "a handful": (36, 4, 10),
    "thousands": (9_000, 1_000, 2_000),
    "a million": (900_000, 100_000, 50_000),
}
BUDGETS = [5 * 1.15**k for k in range(60)]
"""Seconds, from 5 s to more than five hours."""


def work(name: str = "CIFAR-10", slowness: float = 1.0) -> Work:
    pictures, watched, test = DATA[name]
    return Work(pictures, watched, 50, test, min(256, test), slowness)


def costs(machine: float, done: Work) -> list[Cost]:
    """What the ladder costs on a simulated machine: neither in proportion to the multiply-adds, nor independent of them."""
    found = []
    for rung in LADDER:
        adds = multiply_adds({"widths": rung.widths, "depth": rung.depth, "stride": 1}, 32)
        seconds = (150e-6 + adds * 6e-12) / machine
        batch_size = batch_size_for(done.pictures, rung)
        found.append(Cost(batch_size, step=batch_size * seconds + 2e-3 / machine, prediction=adds * 18e-12 / machine))
    return found


@pytest.mark.parametrize(("name", "machine"), list(product(DATA, SPEEDS)))
def test_more_time_never_means_less_training_nor_a_cheaper_network(name: str, machine: float) -> None:
    done = work(name, slowness=1 / machine)
    chosen = [choose(LADDER, costs(machine, done), done, seconds) for seconds in BUDGETS]
    for before, after in pairwise(chosen):
        assert (before.position, before.steps) <= (after.position, after.steps)
        assert before.is_enough <= after.is_enough


@pytest.mark.parametrize(("name", "machine"), list(product(DATA, SPEEDS)))
def test_what_is_enough_ends_in_time_and_one_step_more_would_not(name: str, machine: float) -> None:
    done = work(name, slowness=1 / machine)
    for seconds in BUDGETS:
        found = choose(LADDER, costs(machine, done), done, seconds)
        cost = costs(machine, done)[found.position]
        if found.is_enough:
            assert done.seconds(found.steps, cost) <= seconds
            assert found.steps == done.most_steps(cost.batch_size) or done.seconds(found.steps + 1, cost) > seconds
        else:
            assert found == Choice(0, LADDER[0].needed_steps(done.pictures, cost.batch_size), is_enough=False)


@pytest.mark.parametrize(("name", "machine"), list(product(DATA, SPEEDS)))
def test_a_dearer_network_is_trained_as_much_as_it_needs(name: str, machine: float) -> None:
    done = work(name)
    for seconds in BUDGETS:
        found = choose(LADDER, costs(machine, done), done, seconds)
        rung = LADDER[found.position]
        batch_size = batch_size_for(done.pictures, rung)
        assert found.steps >= min(rung.needed_steps(done.pictures, batch_size), done.most_steps(batch_size))


def test_a_slower_machine_never_does_more() -> None:
    for name, seconds in product(DATA, BUDGETS):
        done = work(name)
        fast, slow = (choose(LADDER, costs(machine, done), done, seconds) for machine in (1.0, 0.5))
        assert (slow.position, slow.steps) <= (fast.position, fast.steps)


def test_few_pictures_are_not_seen_more_often_than_is_of_use() -> None:
    done = work("photographs")
    found = choose(LADDER, costs(1.0, done), done, 1e6)
    steps_an_epoch = done.steps_an_epoch(batch_size_for(done.pictures, LADDER[-1]))
    assert found == Choice(len(LADDER) - 1, MOST_EPOCHS * steps_an_epoch, is_enough=True)
    assert work("a handful").most_steps(32) == choice.MOST_STEPS_OF_FEW


def test_the_steps_that_fit_are_those_that_counting_finds() -> None:
    done = Work(pictures=70, watched=30, validations=2, test=5, verified=5)
    cost = Cost(batch_size=10, step=0.01, prediction=0.001)
    for seconds in (0.1, 3.9, 4.1, 4.6, 5.0, 8.0):
        counted = max([steps for steps in range(1, done.most_steps(10) + 1) if done.seconds(steps, cost) <= seconds], default=0)
        assert done.steps_within(seconds, cost) == counted


def test_the_seconds_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    constants = {
        "FIRST_STEP": 3.0,
        "VALIDATION_SHARE": 0.5,
        "EPOCH_SECONDS": 0.1,
        "AFTERWARDS_SECONDS": 4.0,
        "JUDGED_PICTURE_SECONDS": 0.001,
        "VERIFIED_SHARE": 2.0,
    }
    for name, value in constants.items():
        monkeypatch.setattr(choice, name, value)
    done = Work(pictures=95, watched=20, validations=3, test=1_000, verified=100, slowness=2.0)
    cost = Cost(batch_size=10, step=0.2, prediction=0.01)
    # 25 steps are 3 epochs of 10 batches: 28 x 0.2, three looks at 20 pictures at 0.01 each, three epochs at 0.2.
    assert done.training_seconds(25, cost) == pytest.approx(5.6 + 0.6 + 0.6)
    # The last picture of 1,200, and what is written, on a machine half as fast.
    assert done.judging_seconds(cost) == pytest.approx(12.0 + 10.0)
    assert done.seconds(25, cost) == pytest.approx(28.8)
    assert replace(done, validations=0).training_seconds(25, cost) == pytest.approx(6.2)
    # Five trainings and a half, of which one file is written and judged.
    assert replace(done, trainings=5.5).seconds(25, cost) == pytest.approx(5.5 * 6.8 + 22.0)


def test_a_dearer_network_that_is_not_worth_it_yet_is_passed_over() -> None:
    ladder = (Rung((8,), 2, 10, False, 0, 10, 0, ()), Rung((16,), 2, 10, False, 0, 100, 0, ()))
    done = Work(pictures=1_000, watched=0, validations=0, test=0, verified=0)
    prices = [Cost(10, 0.01, 0), Cost(10, 0.1, 0)]
    base = choice.AFTERWARDS_SECONDS
    assert choose(ladder, prices, done, base + 9).position == 0
    assert choose(ladder, prices, done, base + 12) == Choice(1, 118, is_enough=True)
